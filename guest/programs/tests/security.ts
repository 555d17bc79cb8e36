/** Cases about security: capabilities, and object operations by them. */
import { FAULT_SECURITY, FAULTS } from '../../abi/fault.ts';
import { ACTION_TIMER_NOW, Device } from '../../abi/kso.ts';
import { ALL_RIGHTS, DELETE, EXEC, OBJ_NULLPAGE, ObjectId, READ, WRITE } from '../../abi/object.ts';
import { Capability, SC_EXPIRES } from '../../abi/security.ts';
import { EPERM, SYS_ACTION, SYS_ATTACH, SYS_REVOKE } from '../../abi/syscall.ts';
import { syscall } from '../../libtwz/syscall.ts';
import {
  capability,
  context,
  draft,
  expectRights,
  makeTarget,
  other,
  owner,
  scene,
  seenRights,
  sign,
  statTarget,
  stranger,
  target,
} from './security-scene.ts';
import {
  caught,
  check,
  checkEqual,
  command,
  create,
  createWithKey,
  exitThread,
  findDevice,
  imprison,
  map,
  mapWith,
  OPEN,
  sleep,
  TestThread,
  tryLoad,
} from './testing.ts';

function genuine(): void {
  expectRights(0, 'nothing by default');
  for (let i: u64 = 0; i < 3; i++) {
    context.make(0);
    draft(i === 0 ? READ : i === 1 ? READ | WRITE : READ | EXEC);
    context.put(capability, owner);
    expectRights(u64(capability.rights), 'what the capability says, not less and not more');
  }
  // Two capabilities add up.
  context.make(0);
  draft(READ);
  context.put(capability, owner);
  draft(EXEC);
  context.put(capability, owner);
  expectRights(READ | EXEC, 'two capabilities');
}

function forged(): void {
  draft(READ | WRITE);
  context.put(capability, stranger);
  expectRights(0, 'signed with another key');
  context.make(0);
  draft(READ | WRITE);
  context.putAsIs(capability);
  expectRights(0, 'not signed at all');
  // The right signature, but for a target whose key is not the signer's.
  context.make(0);
  createWithKey(target, 0, stranger.object);
  draft(READ);
  context.put(capability, owner);
  expectRights(0, "signed by the key of another object's owner");
  createWithKey(target, 0, target);
  draft(READ);
  context.put(capability, owner);
  expectRights(0, 'the key object is none');
  const none = stack<ObjectId>();
  createWithKey(target, 0, none);
  draft(READ);
  context.put(capability, owner);
  expectRights(0, 'no key object');
}

/** Each field changed after signing, and each part of the signature. */
function altered(): void {
  const size = sizeof<Capability>();
  // Rights first: nothing else would gain more.
  const places = stack<FixedArray<u64, 16>>();
  places[0] = offsetof<Capability>('rights');
  places[1] = offsetof<Capability>('revocation');
  places[2] = offsetof<Capability>('created');
  places[3] = offsetof<Capability>('expires') + 7;
  places[4] = offsetof<Capability>('flags') + 1;
  places[5] = offsetof<Capability>('gate');
  places[6] = offsetof<Capability>('gate') + 7;
  places[7] = offsetof<Capability>('signature');
  places[8] = offsetof<Capability>('signature') + 31;
  places[9] = offsetof<Capability>('signature') + 32;
  places[10] = offsetof<Capability>('signature') + 63;
  check(size >= 136, 'the places are inside');
  for (let i: u64 = 0; i < 11; i++) {
    context.make(0);
    draft(READ);
    sign(capability, owner);
    const place = addressOf(capability) + places[i];
    store<u8>(place, load<u8>(place) ^ (i === 0 ? WRITE : 0x10));
    context.putAsIs(capability);
    expectRights(0, 'altered after signing');
  }
  // Target and accessor, so that it is looked up all the same.
  const first = stack<ObjectId>();
  assign(first, target);
  makeTarget(0);
  draft(READ);
  assign(capability.target, first);
  sign(capability, owner);
  assign(capability.target, target);
  context.make(0);
  assign(capability.accessor, context.id);
  context.putAsIs(capability);
  expectRights(0, 'another target and accessor');
}

/** Nanoseconds since 1970. */
function now(): u64 {
  const id = stack<ObjectId>();
  findDevice(Device.timer, id);
  return u64(syscall(SYS_ACTION, id.lo, id.hi, ACTION_TIMER_NOW, 0, 0));
}

let readings: u64 = 0;
/** Reads the target until it cannot. */
function readUntilFault(_argument: u64): void {
  syscall(SYS_ATTACH, context.id.lo, context.id.hi, 0, 0, 0);
  const base = mapWith(target, READ);
  while (tryLoad(base + OBJ_NULLPAGE) === FAULTS) readings++;
  exitThread(caught.fault);
}

function expired(): void {
  const time = now();
  draft(READ);
  capability.flags = SC_EXPIRES;
  capability.created = time - 2_000_000_000;
  capability.expires = time - 1;
  context.put(capability, owner);
  expectRights(0, 'expired');
  context.make(0);
  draft(READ);
  capability.flags = SC_EXPIRES;
  capability.created = time + 60_000_000_000;
  capability.expires = time + 120_000_000_000;
  context.put(capability, owner);
  expectRights(0, 'not yet valid');
  // It ends while it is in use, and is not computed anew by any fault.
  context.make(0);
  draft(READ);
  capability.flags = SC_EXPIRES;
  capability.created = time;
  const end = now() + 40_000_000;
  capability.expires = end;
  context.put(capability, owner);
  checkEqual(i64(imprison(readUntilFault, 0)), FAULT_SECURITY, 'the access that ended it');
  check(readings > 100, 'it was valid for a while');
  const ended = now();
  check(ended >= end && ended < end + 25_000_000, 'and ended in time (a quantum, at most)');
}

let watched: u64 = 0;
function readAndCount(_argument: u64): void {
  syscall(SYS_ATTACH, context.id.lo, context.id.hi, 0, 0, 0);
  const base = mapWith(target, READ);
  while (tryLoad(base + OBJ_NULLPAGE) === FAULTS) {
    watched++;
    if (watched === 1000) sayStarted();
  }
  exitThread(1);
}

let started: u64 = 0;
function sayStarted(): void {
  atomic.store<u64>(ptrTo(started), 1);
}

/** Revokes after the other thread has begun to read. */
function revoker(_argument: u64): void {
  while (atomic.load<u64>(ptrTo(started)) === 0) sleep(100_000);
  syscall(SYS_REVOKE, target.lo, target.hi, 5, 0, 0);
}

function revoked(): void {
  draft(READ);
  capability.revocation = 3;
  context.put(capability, owner);
  expectRights(READ, 'valid');
  checkEqual(syscall(SYS_REVOKE, target.lo, target.hi, 3, 0, 0), 0, 'revoke what is older');
  expectRights(READ, 'still valid');
  startRevoker();
  checkEqual(i64(imprison(readAndCount, 0)), 1, 'revoked in use');
  expectRights(0, 'and for good');
  check(syscall(SYS_REVOKE, target.lo, target.hi, 2, 0, 0) < 0, 'numbers only grow');
  draft(READ);
  capability.revocation = 5;
  context.put(capability, owner);
  context.refresh();
  expectRights(READ, 'a newer one');
}

function startRevoker(): void {
  const thread = stack<TestThread>();
  thread.start(revoker, 0);
}

function stolen(): void {
  draft(READ | WRITE);
  assign(other.id, context.id);
  context.put(capability, owner);
  expectRights(READ | WRITE, 'in its own context');
  // The same bytes in another context.
  context.make(0);
  context.putAsIs(capability);
  expectRights(0, 'in the context of a thief');
}

/** A key that anybody may write is no key. */
function writableKey(): void {
  const key = stack<ObjectId>();
  create(key, OPEN);
  stranger.fill(map(key) + OBJ_NULLPAGE);
  createWithKey(target, 0, key);
  draft(READ);
  context.put(capability, stranger);
  expectRights(0, 'a key object that everybody may write');
}

/** Attaching needs USE; object operations count capabilities as accesses do. */
function operations(): void {
  checkEqual(i64(imprison(statTarget, 0)), EPERM, 'stat of an object to which one has no right');
  draft(ALL_RIGHTS & ~u64(DELETE));
  context.put(capability, owner);
  context.refresh();
  checkEqual(i64(imprison(statTarget, 1)), 0, 'stat with a capability');
  checkEqual(i64(seenRights), i64(ALL_RIGHTS & ~u64(DELETE)), 'rights that stat shows');
  create(other.id, READ);
  checkEqual(i64(imprison(attachOther, 0)), EPERM, 'attach without USE');
}

function attachOther(_argument: u64): void {
  exitThread(u64(-syscall(SYS_ATTACH, other.id.lo, other.id.hi, 0, 0, 0)));
}

/** @export */
function main(): void {
  scene();
  const which = command();
  if (which.equals('genuine')) genuine();
  else if (which.equals('forged')) forged();
  else if (which.equals('altered')) altered();
  else if (which.equals('expired')) expired();
  else if (which.equals('revoked')) revoked();
  else if (which.equals('stolen')) stolen();
  else if (which.equals('writable-key')) writableKey();
  else if (which.equals('operations')) operations();
  else check(false, 'no such case');
}
