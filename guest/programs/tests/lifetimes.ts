/** Cases about how long objects live: ties, and rings of ties, in memory, in the store, and over a power failure. */
import { OBJ_NULLPAGE, ObjectId } from '../../abi/object.ts';
import {
  CONFIG_BLOCKS_USED,
  CONFIG_OBJECTS,
  CONFIG_STORE_FREE,
  CONFIG_STORE_KEPT,
  CREATE_PERSIST,
  CREATE_VOLATILE,
  PIN_REMOVE,
  StatResult,
  SYS_CONFIG,
  SYS_DELETE,
  SYS_PIN,
  SYS_STAT,
  SYS_TIE,
  TIE_REMOVE,
} from '../../abi/syscall.ts';
import { syscall } from '../../libtwz/syscall.ts';
import { check, checkEqual, command, create, map, OPEN, say, sleep } from './testing.ts';

function config(key: u64): i64 {
  return syscall(SYS_CONFIG, key, 0, 0, 0, 0);
}

/** Is there an object of this ID? */
function lives(id: ObjectId): bool {
  const stat = stack<StatResult>();
  return syscall(SYS_STAT, id.lo, id.hi, addressOf(stat), 0, 0) === 0;
}

function remove(id: ObjectId): void {
  checkEqual(syscall(SYS_DELETE, id.lo, id.hi, 0, 0, 0), 0, 'delete');
}

function tie(parent: ObjectId, child: ObjectId, flags: u64): void {
  checkEqual(syscall(SYS_TIE, parent.lo, parent.hi, child.lo, child.hi, flags), 0, 'tie');
}

/** Rights and kind of the i-th object of a case: by the bits of `kinds`, volatile or persistent. */
function kind(kinds: u64, i: u64): u64 {
  return OPEN | (((kinds >> i) & 1) === 0 ? CREATE_VOLATILE : CREATE_PERSIST);
}

/** Ties: a child lives while a parent does, and is there until the last of two has ended. */
function tieLifetimes(): void {
  const first = stack<ObjectId>();
  const other = stack<ObjectId>();
  const child = stack<ObjectId>();
  for (let i: u64 = 0; i < 4; i++) {
    create(first, kind(i, 0));
    create(other, kind(i, 0));
    create(child, kind(i, 1));
    tie(first, child, 0);
    tie(other, child, 0);
    remove(child);
    check(lives(child), 'deleted, and tied');
    remove(first);
    check(lives(child), 'one parent left');
    remove(other);
    check(!lives(child), 'no parent left');
  }
}

const SIZE = 4;
const ring = zeroed<FixedArray<Inline<ObjectId>, 4>>();
const outside = zeroed<ObjectId>();
const branch = zeroed<ObjectId>();

/** Four objects of which each is tied to the one before, a chord, and one beside them that hangs on the third. */
function makeRing(kinds: u64): void {
  for (let i: u64 = 0; i < SIZE; i++) {
    create(ring[i], kind(kinds, i));
    store<u64>(map(ring[i]) + OBJ_NULLPAGE, i);
  }
  for (let i: u64 = 0; i < SIZE; i++) tie(ring[i], ring[(i + 1) & 3], 0);
  tie(ring[2], ring[0], 0);
  create(branch, kind(kinds, 0));
  tie(ring[2], branch, 0);
}

/** How many of the ring are there, the branch included. */
function left(): i64 {
  let count: i64 = lives(branch) ? 1 : 0;
  for (let i: u64 = 0; i < SIZE; i++) if (lives(ring[i])) count++;
  return count;
}

function removeRing(): void {
  for (let i: u64 = 0; i < SIZE; i++) {
    checkEqual(left(), SIZE + 1, 'a ring of which one still lives');
    remove(ring[i]);
    if (i === 0) remove(branch);
  }
}

/** Rings end when nothing from outside keeps any of them: whether deletion, a tie, a pin or a parent was the last. */
function rings(): void {
  for (let kinds: u64 = 0; kinds < 16; kinds++) {
    makeRing(kinds);
    removeRing();
    checkEqual(left(), 0, 'a deleted ring');

    makeRing(kinds);
    create(outside, kind(kinds, 1));
    tie(outside, ring[1], 0);
    removeRing();
    checkEqual(left(), SIZE + 1, 'a ring that one outside keeps');
    tie(outside, ring[1], TIE_REMOVE);
    checkEqual(left(), 0, 'a ring that it has let go');

    makeRing(kinds);
    tie(outside, ring[3], 0);
    removeRing();
    remove(outside);
    checkEqual(left(), 0, 'a ring whose last keeper was deleted');

    makeRing(kinds);
    syscall(SYS_PIN, ring[0].lo, ring[0].hi, 0, 0, 0);
    removeRing();
    checkEqual(left(), SIZE + 1, 'a ring of which one is pinned');
    checkEqual(syscall(SYS_PIN, ring[0].lo, ring[0].hi, PIN_REMOVE, 0, 0), 0, 'unpin');
    checkEqual(left(), 0, 'a ring of which none is pinned any more');

    // What hangs on a ring and is not deleted stays.
    makeRing(kinds);
    create(outside, kind(kinds, 2));
    tie(ring[0], outside, 0);
    removeRing();
    checkEqual(left(), 0, 'a deleted ring with a living child');
    check(lives(outside), 'the child');
    remove(outside);
    check(!lives(outside), 'the child, deleted');
  }
}

/** The same rings again: memory, blocks and pages of the store are what they were. */
function ringsLeak(): void {
  rings();
  const objects = config(CONFIG_OBJECTS);
  const blocks = config(CONFIG_BLOCKS_USED);
  const pages = config(CONFIG_STORE_FREE) + config(CONFIG_STORE_KEPT);
  rings();
  checkEqual(config(CONFIG_OBJECTS), objects, 'objects');
  checkEqual(config(CONFIG_BLOCKS_USED), blocks, 'blocks');
  checkEqual(config(CONFIG_STORE_FREE) + config(CONFIG_STORE_KEPT), pages, 'pages of the store');
}

/** A persistent ring that was deleted while an object in memory kept it, and the power failed: the next boot gives it back. */
function ringsFail(): void {
  makeRing(15);
  create(outside, OPEN | CREATE_VOLATILE);
  tie(outside, ring[1], 0);
  removeRing();
  say('cut here\n');
  for (;;) sleep(1_000_000_000);
}

/** An idle hart has had time to give back what the last boot left. */
function ringsAfter(): void {
  sleep(5_000_000);
  sleep(5_000_000);
}

/** @export */
function main(): void {
  const which = command();
  if (which.equals('ties')) tieLifetimes();
  else if (which.equals('rings')) ringsLeak();
  else if (which.equals('rings-fail')) ringsFail();
  else if (which.equals('rings-after')) ringsAfter();
  else check(false, 'no such case');
}
