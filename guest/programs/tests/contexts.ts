/** Cases about security: masks, gates, several contexts, and what judging signatures costs others. */
import { FAULT_SECURITY, FAULTS, SECURITY_GATE, SECURITY_NOT_GRANTED } from '../../abi/fault.ts';
import { DELETE, EXEC, OBJ_NULLPAGE, ObjectId, READ, USE, WRITE } from '../../abi/object.ts';
import { CAPABILITY_MAGIC, Capability, CB_CAPABILITY } from '../../abi/security.ts';
import { EAGAIN, SPAWN_NO_CONTEXTS, SYS_ATTACH, SYS_DETACH, SYS_NULL } from '../../abi/syscall.ts';
import { syscall } from '../../libtwz/syscall.ts';
import {
  ContextObject,
  capability,
  context,
  draft,
  expectRights,
  makeTarget,
  other,
  owner,
  scene,
  seenRights,
  statTarget,
  target,
} from './security-scene.ts';
import {
  caught,
  check,
  checkEqual,
  command,
  createWithKey,
  exitThread,
  imprison,
  map,
  mapWith,
  OPEN,
  openView,
  TestThread,
  tryCall,
  tryLoad,
  tryStore,
} from './testing.ts';
import { ticks } from './time.ts';

function masks(): void {
  draft(READ | WRITE | EXEC);
  let bucket = context.put(capability, owner);
  bucket.permissionMask = READ;
  expectRights(READ, "the bucket's mask");
  // The global mask takes from the defaults, not from what capabilities give.
  context.make(USE | DELETE);
  makeTarget(OPEN);
  imprison(statTarget, 1);
  checkEqual(i64(seenRights), READ | WRITE, 'defaults under the global mask');
  draft(DELETE);
  context.put(capability, owner);
  context.refresh();
  imprison(statTarget, 1);
  checkEqual(i64(seenRights), READ | WRITE | DELETE, 'a capability beside masked defaults');
  // Malformed buckets: chains that do not end, offsets outside, data at odd places.
  context.make(0);
  bucket = context.bucket(target);
  bucket.flags = CB_CAPABILITY;
  bucket.data = 0x3fff_fff0;
  bucket.chain = addressOf(bucket) & 0x3fff_ffff;
  expectRights(READ | WRITE, 'a malformed context leaves the defaults');
  bucket.data = 8;
  bucket.chain = 0xffff_ffff_ffff_f000;
  context.refresh();
  expectRights(READ | WRITE, 'offsets outside of the object');
}

// -------------------------------------------------------------------------------------------------------- gates

/** Code: at 32·i a function that returns 40 + i. */
function writeGates(base: usize): void {
  for (let i: u64 = 0; i < 16; i++) {
    const place = base + OBJ_NULLPAGE + i * 32;
    store<u32>(place, u32(((40 + i) << 20) | 0x513));
    store<u32>(place + 4, 0x0000_8067);
  }
  fenceI();
}

let gateOffset: u64 = 0;
let entered: u64 = 0;
let returned: u64 = 0;

/** The prisoner: with `other` active and `context` attached, calls `target` at `gateOffset`. */
function callGate(_argument: u64): void {
  syscall(SYS_ATTACH, other.id.lo, other.id.hi, 0, 0, 0);
  syscall(SYS_ATTACH, context.id.lo, context.id.hi, 0, 0, 0);
  const base = mapWith(target, READ | WRITE | EXEC);
  entered = tryCall(base + gateOffset);
  if (entered === FAULTS) returned = asCall(base + gateOffset);
}

/**
 * Calls an address and gives back what it returns.
 * @naked
 */
function asCall(address: usize): u64 {
  return asm<u64>`jr a0`;
}

/** A call to `offset` of the target must end with `fault` and `detail`; FAULTS: it goes through. */
function expectCall(offset: u64, fault: u64, detail: u64, what: str): void {
  gateOffset = offset;
  returned = 0;
  imprison(callGate, 0);
  checkEqual(i64(entered), i64(fault), what);
  if (fault === FAULTS)
    checkEqual(i64(returned), i64(40 + (offset - OBJ_NULLPAGE) / 32), 'what the function returns');
  else if (entered === fault) checkEqual(i64(caught.detail & ~u64(0xff)), i64(detail), 'why');
}

function gates(): void {
  // What the thread calls from may not run in the context that it calls into, so every return leaves it.
  context.make(EXEC);
  other.make(0);
  writeGates(map(target));
  draft(READ | EXEC);
  capability.gate.offset = OBJ_NULLPAGE + 64;
  capability.gate.length = 128;
  capability.gate.align = 5;
  const bucket = context.put(capability, owner);
  expectCall(OBJ_NULLPAGE + 64, FAULTS, 0, 'first gate');
  expectCall(OBJ_NULLPAGE + 160, FAULTS, 0, 'last gate');
  expectCall(OBJ_NULLPAGE + 32, FAULT_SECURITY, SECURITY_GATE, 'below the gates');
  expectCall(OBJ_NULLPAGE + 192, FAULT_SECURITY, SECURITY_GATE, 'behind the gates');
  expectCall(OBJ_NULLPAGE + 68, FAULT_SECURITY, SECURITY_GATE, 'between two gates');
  expectCall(OBJ_NULLPAGE + 66, FAULT_SECURITY, SECURITY_GATE, 'not even an instruction');
  bucket.gateMask.offset = OBJ_NULLPAGE + 96;
  bucket.gateMask.length = 32;
  context.refresh();
  expectCall(OBJ_NULLPAGE + 96, FAULTS, 0, "through the bucket's mask");
  expectCall(OBJ_NULLPAGE + 64, FAULT_SECURITY, SECURITY_GATE, "outside of the bucket's mask");
  // A gate without the right to execute.
  context.make(EXEC);
  draft(READ);
  capability.gate.offset = OBJ_NULLPAGE;
  capability.gate.length = 512;
  context.put(capability, owner);
  expectCall(OBJ_NULLPAGE + 64, FAULT_SECURITY, SECURITY_NOT_GRANTED, 'a gate without EXEC');
}

// ----------------------------------------------------------------------------------------------------- contexts

const many = zeroed<FixedArray<Inline<ContextObject>, 33>>();
const secrets = zeroed<FixedArray<Inline<ObjectId>, 33>>();

/** 32 contexts, each of which lets the thread read one object: each read finds its context; a 33rd is refused. */
function switching(): void {
  for (let i: u64 = 0; i < 33; i++) {
    many[i].make(0);
    createWithKey(secrets[i], 0, owner.object);
    store<u64>(map(secrets[i]) + OBJ_NULLPAGE, 500 + i);
    memory.fill(addressOf(capability), 0, sizeof<Capability>());
    assign(capability.target, secrets[i]);
    assign(capability.accessor, many[i].id);
    capability.rights = READ;
    capability.magic = CAPABILITY_MAGIC;
    many[i].put(capability, owner);
  }
  checkEqual(i64(imprison(switchAround, 0)), 9, 'the prisoner came to its end');
}

function switchAround(_argument: u64): void {
  const bases = stack<FixedArray<u64, 33>>();
  for (let i: u64 = 0; i < 33; i++) {
    const result = syscall(SYS_ATTACH, many[i].id.lo, many[i].id.hi, 0, 0, 0);
    checkEqual(result, i === 32 ? -EAGAIN : 0, 'attach');
    bases[i] = mapWith(secrets[i], READ | WRITE);
  }
  for (let round: u64 = 0; round < 3; round++) {
    for (let i: u64 = 0; i < 32; i++) {
      const which = (i * 7 + round) & 31;
      checkEqual(i64(tryLoad(bases[which] + OBJ_NULLPAGE)), FAULTS, 'one of 32 contexts grants it');
      checkEqual(i64(load<u64>(bases[which] + OBJ_NULLPAGE)), i64(500 + which), 'the word there');
      checkEqual(i64(tryStore(bases[which] + OBJ_NULLPAGE, 1)), FAULT_SECURITY, 'none of them grants WRITE');
    }
    checkEqual(i64(tryLoad(bases[32] + OBJ_NULLPAGE)), FAULT_SECURITY, 'the 33rd is not attached');
  }
  // Rights of a context end with it.
  syscall(SYS_DETACH, many[5].id.lo, many[5].id.hi, 0, 0, 0);
  checkEqual(i64(tryLoad(bases[5] + OBJ_NULLPAGE)), FAULT_SECURITY, 'detached');
  checkEqual(i64(tryLoad(bases[6] + OBJ_NULLPAGE)), FAULTS, 'others are not');
  checkEqual(syscall(SYS_ATTACH, many[5].id.lo, many[5].id.hi, 0, 0, 0), 0, 'attach again');
  checkEqual(syscall(SYS_DETACH, 0, 0, 0, 0, 0), 0, 'detach all 32');
  for (let i: u64 = 0; i < 33; i++)
    checkEqual(i64(tryLoad(bases[i] + OBJ_NULLPAGE)), FAULT_SECURITY, 'nothing is left');
  exitThread(9);
}

/** Data that a context grants are not for code that may not run in it. */
function unlawful(): void {
  draft(READ);
  context.make(EXEC);
  assign(capability.accessor, context.id);
  context.put(capability, owner);
  other.make(0);
  imprison(readFromElsewhere, 0);
  checkEqual(i64(entered), FAULT_SECURITY, 'a context in which this code may not run');
  // The same context without the mask is lawful.
  context.make(0);
  draft(READ);
  context.put(capability, owner);
  imprison(readFromElsewhere, 0);
  checkEqual(i64(entered), FAULTS, 'a context in which it may');
}

function readFromElsewhere(_argument: u64): void {
  syscall(SYS_ATTACH, other.id.lo, other.id.hi, 0, 0, 0);
  syscall(SYS_ATTACH, context.id.lo, context.id.hi, 0, 0, 0);
  entered = tryLoad(mapWith(target, READ) + OBJ_NULLPAGE);
}

// --------------------------------------------------------------------------------------------------- many signatures

/** Capabilities of a context for one object: as many as the kernel looks at, none of which holds. */
const FORGED = 60;
const crowd = zeroed<FixedArray<Inline<ObjectId>, 2>>();
let stormOver: u64 = 0;

/** Has the kernel judge them again and again: there are more than it remembers verdicts of. */
function askAgain(_argument: u64): void {
  syscall(SYS_ATTACH, context.id.lo, context.id.hi, 0, 0, 0);
  const first = mapWith(crowd[0], READ);
  const second = mapWith(crowd[1], READ);
  checkEqual(i64(tryLoad(first + OBJ_NULLPAGE)), FAULT_SECURITY, 'none of them holds');
  checkEqual(i64(tryLoad(second + OBJ_NULLPAGE)), FAULT_SECURITY, 'nor of those');
  volatileStore<u64>(ptrTo(stormOver).address, 1);
}

/** Calls the kernel all the time meanwhile: it never waits as long as one signature takes. */
function storm(): void {
  for (let i: u64 = 0; i < 2; i++) {
    makeTarget(0);
    assign(crowd[i], target);
    for (let k: u64 = 0; k < FORGED; k++) {
      draft(READ);
      capability.created = k;
      context.putAsIs(capability);
    }
  }
  const view = stack<ObjectId>();
  const thread = stack<TestThread>();
  openView(view);
  checkEqual(thread.startIn(view, askAgain, 0, SPAWN_NO_CONTEXTS, 0), 0, 'spawn');
  let longest: u64 = 0;
  let last = ticks();
  while (volatileLoad<u64>(ptrTo(stormOver).address) === 0) {
    syscall(SYS_NULL, 0, 0, 0, 0, 0);
    const now = ticks();
    longest = max<u64>(longest, now - last);
    last = now;
  }
  thread.wait();
  // Ticks of 100 ns. A signature takes 1.4 million instructions of a nanosecond each.
  check(longest < 10_000, 'a millisecond');
}

/** @export */
function main(): void {
  scene();
  const which = command();
  if (which.equals('masks')) masks();
  else if (which.equals('gates')) gates();
  else if (which.equals('switching')) switching();
  else if (which.equals('unlawful')) unlawful();
  else if (which.equals('storm')) storm();
  else check(false, 'no such case');
}
