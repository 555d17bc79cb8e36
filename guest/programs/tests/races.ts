/**
 * Cases about what several threads do to the kernel at once, and about running out of everything: each ends with what the kernel has in use
 * being what it was.
 */
import { FAULT_OBJECT, FAULT_PAGE, FAULTS } from '../../abi/fault.ts';
import { EXEC, OBJ_NULLPAGE, ObjectId, READ, WRITE } from '../../abi/object.ts';
import {
  CONFIG_BLOCKS_USED,
  CONFIG_OBJECTS,
  CONFIG_PAGES_FREE,
  CONFIG_PAGES_KEPT,
  CONFIG_STORE_FREE,
  CONFIG_STORE_KEPT,
  CopyArgs,
  CREATE_PERSIST,
  CREATE_VOLATILE,
  DELETE_IMMEDIATE,
  EINVAL,
  ENOMEM,
  ENOSPC,
  SpawnArgs,
  SYS_ATTACH,
  SYS_CONFIG,
  SYS_COPY,
  SYS_DELETE,
  SYS_DETACH,
  SYS_THREAD_CONTROL,
  SYS_THREAD_SPAWN,
  SYS_TIE,
  THREAD_EXIT,
  THREAD_YIELD,
} from '../../abi/syscall.ts';
import { SLOT_VIEW, slotAddress } from '../../abi/view.ts';
import { syscall } from '../../libtwz/syscall.ts';
import {
  catchFault,
  check,
  checkEqual,
  command,
  copyOf,
  create,
  handleFaults,
  map,
  OPEN,
  setEntry,
  setEntryOf,
  sleep,
  sleepOn,
  TestThread,
  tryLoad,
  tryStore,
  wake,
} from './testing.ts';

const PAGE: u64 = 4096;
/** A slot of which the entry changes all the time. */
const SLOT_MOVING: u64 = 0x600;

/** What the kernel has in use: objects, blocks, pages of memory, pages of the store. */
class Usage {
  objects: i64;
  blocks: i64;
  memory: i64;
  store: i64;

  read(): void {
    this.objects = config(CONFIG_OBJECTS);
    this.blocks = config(CONFIG_BLOCKS_USED);
    this.memory = config(CONFIG_PAGES_FREE) + config(CONFIG_PAGES_KEPT);
    this.store = config(CONFIG_STORE_FREE) + config(CONFIG_STORE_KEPT);
  }
}

function config(key: u64): i64 {
  return syscall(SYS_CONFIG, key, 0, 0, 0, 0);
}

const before = zeroed<Usage>();

/** Now everything must be in use that was when `before` was read, and nothing else. */
function expectUsage(): void {
  // Idle harts free what is left to free.
  sleep(5_000_000);
  const now = stack<Usage>();
  now.read();
  checkEqual(now.objects, before.objects, 'objects');
  checkEqual(now.blocks, before.blocks, 'blocks');
  // The root's list of threads grows with the most that there were at once, a page for a hundred.
  check(now.memory <= before.memory && before.memory - now.memory < 4, 'pages of memory');
  checkEqual(now.store, before.store, 'pages of the store');
}

const THREADS: u64 = 4;
const threads = zeroed<FixedArray<Inline<TestThread>, 4>>();
/** Rounds that the threads do. */
let rounds: u64 = 0;
const ids = zeroed<FixedArray<Inline<ObjectId>, 8>>();
const words = zeroed<FixedArray<u64, 8>>();

/** Has four threads do `body(0)` to `body(3)`, waits for their ends, and gives back what they had. */
function together(body: (argument: u64) => void): void {
  for (let i: u64 = 0; i < THREADS; i++) threads[i].start(body, i);
  for (let i: u64 = 0; i < THREADS; i++) {
    threads[i].wait();
    remove(threads[i].id);
    remove(threads[i].stackObject);
  }
}

function remove(id: ObjectId): void {
  checkEqual(syscall(SYS_DELETE, id.lo, id.hi, 0, 0, 0), 0, 'delete');
}

/** Runs `body` once, so that what it makes for good is there, and again, after which nothing more may be there. */
function twice(body: () => void): void {
  body();
  sleep(5_000_000);
  before.read();
  body();
  expectUsage();
}

// --------------------------------------------------------------------------------- deletion while others use the object

/** Thread 0 makes, fills and deletes an object again and again; the others copy from it, tie to it and attach it. */
function deleteOrUse(index: u64): void {
  const copy = stack<ObjectId>();
  const args = stack<CopyArgs>();
  for (let i: u64 = 0; i < rounds; i++) {
    if (index === 0) {
      create(copy, OPEN | ((i & 1) === 0 ? CREATE_VOLATILE : CREATE_PERSIST));
      setEntry(SLOT_MOVING, copy, READ | WRITE);
      store<u64>(slotAddress(SLOT_MOVING, OBJ_NULLPAGE), i);
      assign(ids[0], copy);
      if ((i & 2) !== 0) syscall(SYS_THREAD_CONTROL, THREAD_YIELD, 0, 0, 0, 0);
      syscall(SYS_DELETE, copy.lo, copy.hi, (i & 4) === 0 ? 0 : DELETE_IMMEDIATE, 0, 0);
    } else if (index === 1) {
      // A copy of an object that is there or not.
      if (copyOf(copy, ids[0], OPEN) === 0) remove(copy);
    } else if (index === 2) {
      assign(args.target, ids[1]);
      assign(args.from.source, ids[0]);
      args.from.offset = OBJ_NULLPAGE;
      args.from.target = OBJ_NULLPAGE;
      args.from.length = PAGE;
      syscall(SYS_COPY, addressOf(args), 0, 0, 0, 0);
    } else {
      const id = stack<ObjectId>();
      assign(id, ids[0]);
      if (syscall(SYS_ATTACH, id.lo, id.hi, 0, 0, 0) === 0) syscall(SYS_DETACH, id.lo, id.hi, 0, 0, 0);
      syscall(SYS_TIE, id.lo, id.hi, ids[1].lo, ids[1].hi, 0);
    }
  }
}

function deletion(): void {
  create(ids[1], OPEN);
  create(ids[0], OPEN);
  remove(ids[0]);
  together(deleteOrUse);
  remove(ids[1]);
}

// ------------------------------------------------------------------------------------- views that change under accesses

/** Thread 0 changes what a slot names; the others load and store there: they find one of the objects, or nothing. */
function moveOrAccess(index: u64): void {
  const base = slotAddress(SLOT_MOVING, OBJ_NULLPAGE);
  for (let i: u64 = 0; i < rounds; i++) {
    if (index === 0) {
      if (i % 3 === 2) {
        setEntryOf(slotAddress(SLOT_VIEW, 0), SLOT_MOVING, ids[2], READ);
        clearMoving();
      } else setEntry(SLOT_MOVING, ids[i % 3], READ | WRITE);
      continue;
    }
    const value = sleepOn(base, ~u64(0), 0);
    check(value === 0 || value === -EINVAL, 'the kernel finds a word, or no object');
    const place = base + index * 8;
    const fault = (i & 1) === 0 ? tryLoad(place) : tryStore(place, 100 + index);
    if (fault !== FAULTS && fault !== FAULT_OBJECT) words[index] += 1;
  }
}

function clearMoving(): void {
  const none = stack<ObjectId>();
  setEntry(SLOT_MOVING, none, 0);
}

function views(): void {
  handleFaults(catchFault);
  for (let i: u64 = 0; i < 3; i++) {
    create(ids[i], OPEN);
    store<u64>(map(ids[i]) + OBJ_NULLPAGE, 1000 + i);
  }
  together(moveOrAccess);
  clearMoving();
  for (let i: u64 = 1; i < THREADS; i++) checkEqual(i64(words[i]), 0, 'faults of other kinds');
  for (let i: u64 = 0; i < 3; i++) remove(ids[i]);
}

// ------------------------------------------------------------------------------ waiting for words of objects that go away

/** Thread 0 deletes the objects on whose words the others sleep, and wakes them; each has a word of its own. */
function sleepOrDelete(index: u64): void {
  for (let i: u64 = 0; i < rounds / 8; i++) {
    if (index === 0) {
      for (let k: u64 = 1; k < THREADS; k++) {
        const id = stack<ObjectId>();
        assign(id, ids[k]);
        if (id.lo === 0) continue;
        syscall(SYS_DELETE, id.lo, id.hi, (i & 1) === 0 ? 0 : DELETE_IMMEDIATE, 0, 0);
        wake(slotAddress(SLOT_MOVING + k, OBJ_NULLPAGE), 1);
      }
      syscall(SYS_THREAD_CONTROL, THREAD_YIELD, 0, 0, 0, 0);
      continue;
    }
    const id = stack<ObjectId>();
    create(id, OPEN | ((i & 2) === 0 ? CREATE_VOLATILE : CREATE_PERSIST));
    setEntry(SLOT_MOVING + index, id, READ | WRITE);
    tryStore(slotAddress(SLOT_MOVING + index, OBJ_NULLPAGE), 5);
    assign(ids[index], id);
    sleepOn(slotAddress(SLOT_MOVING + index, OBJ_NULLPAGE), 5, 20_000);
    syscall(SYS_DELETE, id.lo, id.hi, 0, 0, 0);
  }
}

function sleepers(): void {
  handleFaults(catchFault);
  memory.fill(addressOf(ids), 0, 8 * sizeof<ObjectId>());
  together(sleepOrDelete);
}

// --------------------------------------------------------------------------------------------------------- many threads

/**
 * A thread that ends at once, and needs no stack.
 * @naked
 */
function endAtOnce(): void {
  asm`
    li a0, 0
    li a1, 0
    li a7, 10
    ecall
    unimp`;
}

static_assert(SYS_THREAD_CONTROL === 10 && THREAD_EXIT === 0, 'endAtOnce');

/** Starts threads that end at once, without waiting for them. */
function spawn(_index: u64): void {
  const args = stack<SpawnArgs>();
  for (let i: u64 = 0; i < rounds / 8; i++) {
    memory.fill(addressOf(args), 0, sizeof<SpawnArgs>());
    args.start = addressOf(endAtOnce);
    const result = syscall(SYS_THREAD_SPAWN, addressOf(args), 0, 0, 0, 0);
    check(result === 0 || result === -ENOMEM, 'spawn');
    if (result === 0) remove(args.thread);
  }
}

function storm(): void {
  together(spawn);
}

// -------------------------------------------------------------------------------------------------- running out of things

const MANY: u64 = 8000;
/** IDs of what was made, in an object of which all pages are there before. */
let made: Ptr<Inline<ObjectId>> = at<Ptr<Inline<ObjectId>>>(8);

/** Makes more objects, `count` are there, until there is no room, and says how many there are then; `each` uses one and tells whether that went well. */
function exhaust(count: u64, flags: u64, each: (id: ObjectId) => bool): u64 {
  let total = count;
  while (total < MANY) {
    const result = create(made[total], flags);
    if (result !== 0) {
      checkEqual(result, (flags & CREATE_PERSIST) !== 0 ? -ENOSPC : -ENOMEM, 'why there is no more');
      return total;
    }
    total++;
    if (!each(made[total - 1])) return total;
  }
  check(false, 'there is an end to it');
  return total;
}

/** Writes to as many pages as there are. */
function fill(id: ObjectId): bool {
  setEntry(SLOT_MOVING, id, READ | WRITE);
  for (let page: u64 = 1; page < 512; page++) {
    const fault = tryStore(slotAddress(SLOT_MOVING, page * PAGE), page);
    if (fault === FAULTS) continue;
    checkEqual(i64(fault), FAULT_PAGE, 'no page');
    return false;
  }
  return true;
}

/** Attaches and detaches, and ties to the first one. */
function useOne(id: ObjectId): bool {
  const attached = syscall(SYS_ATTACH, id.lo, id.hi, 0, 0, 0);
  check(attached === 0 || attached === -ENOMEM, 'attach');
  if (attached === 0) syscall(SYS_DETACH, id.lo, id.hi, 0, 0, 0);
  const first: ObjectId = made[0];
  if (first.lo === id.lo && first.hi === id.hi) return true;
  const tied = syscall(SYS_TIE, first.lo, first.hi, id.lo, id.hi, 0);
  return tied === 0;
}

/** A thread for each object as its representation. */
function live(id: ObjectId): bool {
  const args = stack<SpawnArgs>();
  assign(args.thread, id);
  args.start = addressOf(endAtOnce);
  return syscall(SYS_THREAD_SPAWN, addressOf(args), 0, 0, 0, 0) === 0;
}

/** Pages are used up, then what is left for small things; all of it comes back, and everything goes on. */
function exhaustion(): void {
  const kinds = stack<FixedArray<u64, 2>>();
  kinds[0] = OPEN | CREATE_VOLATILE;
  kinds[1] = OPEN | CREATE_PERSIST;
  for (let i: u64 = 0; i < 2; i++) {
    let count = exhaust(0, kinds[i], fill);
    count = exhaust(count, kinds[i], useOne);
    count = exhaust(count, OPEN | CREATE_VOLATILE, live);
    for (let k: u64 = 0; k < count; k++) remove(made[k]);
    // What was deleted in the store is freed by and by.
    sleep(5_000_000);
  }
  clearMoving();
}

function prepareExhaustion(): void {
  handleFaults(catchFault);
  const id = stack<ObjectId>();
  create(id, OPEN | EXEC | CREATE_VOLATILE);
  made = at<Ptr<Inline<ObjectId>>>(map(id) + OBJ_NULLPAGE);
  for (let page: u64 = 0; page < MANY * sizeof<ObjectId>(); page += PAGE) store<u64>(made.address + page, 0);
  // Room on the stack for what a fault needs.
  tryLoad(slotAddress(SLOT_MOVING, 0));
}

/** @export */
function main(): void {
  const which = command();
  rounds = which.equals('deletion') ? 300 : 1000;
  if (which.equals('deletion')) twice(deletion);
  else if (which.equals('views')) twice(views);
  else if (which.equals('sleepers')) twice(sleepers);
  else if (which.equals('storm')) twice(storm);
  else if (which.equals('exhaustion')) {
    prepareExhaustion();
    twice(exhaustion);
  } else check(false, 'no such case');
}
