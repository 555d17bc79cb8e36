/**
 * Cases about security: capabilities, delegations, gates, contexts. The main thread is the superuser and sets the scene; a prisoner, a
 * thread with only default rights and a view of its own, attaches contexts and tries what it should not be able to do.
 */
import { FAULT_SECURITY, FAULTS, SECURITY_GATE, SECURITY_NOT_GRANTED } from '../../abi/fault.ts';
import { ACTION_TIMER_NOW, Device } from '../../abi/kso.ts';
import {
  ALL_RIGHTS,
  DELETE,
  EXEC,
  MIP_HASHDATA,
  OBJ_NULLPAGE,
  ObjectId,
  READ,
  USE,
  WRITE,
} from '../../abi/object.ts';
import {
  CAPABILITY_MAGIC,
  Capability,
  CB_CAPABILITY,
  CB_DELEGATION,
  CONTEXT_BUCKETS,
  ContextBucket,
  ContextHeader,
  DELEGATION_MAGIC,
  Delegation,
  KEY_MAGIC,
  KEY_PUBLIC,
  KeyHeader,
  SC_DELEGATE,
  SC_EXPIRES,
} from '../../abi/security.ts';
import {
  EAGAIN,
  EPERM,
  StatResult,
  SYS_ACTION,
  SYS_ATTACH,
  SYS_DETACH,
  SYS_REVOKE,
  SYS_STAT,
} from '../../abi/syscall.ts';
import { publicKeyEd25519, signEd25519 } from '../../crypto/ed25519.ts';
import { syscall } from '../../libtwz/syscall.ts';
import {
  caught,
  check,
  checkEqual,
  command,
  copyOf,
  create,
  createWithKey,
  exitThread,
  findDevice,
  imprison,
  map,
  mapWith,
  OPEN,
  openProgram,
  sleep,
  TestThread,
  tryCall,
  tryLoad,
  tryStore,
} from './testing.ts';

/** A pair of keys: the seed, and the object with the public half. */
class KeyPair {
  readonly seed: FixedArray<u8, 32>;
  readonly object: Inline<ObjectId>;

  /** Makes the pair of number `number`; the public half is immutable, as it should be. */
  make(number: u8): void {
    for (let i: u64 = 0; i < 32; i++) this.seed[i] = u8(i) + number * 32;
    const draft = stack<ObjectId>();
    create(draft, OPEN);
    this.fill(map(draft) + OBJ_NULLPAGE);
    checkEqual(copyOf(this.object, draft, READ | MIP_HASHDATA), 0, 'key object');
  }

  fill(place: usize): void {
    const header = at<KeyHeader>(place);
    header.magic = KEY_MAGIC;
    header.kind = KEY_PUBLIC;
    publicKeyEd25519(addressOf(header.key), addressOf(this.seed));
  }
}

const owner = zeroed<KeyPair>();
const delegator = zeroed<KeyPair>();
const stranger = zeroed<KeyPair>();

/** A security context object, written by the main thread. */
class ContextObject {
  readonly id: Inline<ObjectId>;
  base: usize;
  /** Where the next capability or bucket goes. */
  next: u64;

  make(mask: u64): void {
    const none = stack<ObjectId>();
    this.makeWithKey(mask, none);
  }

  makeWithKey(mask: u64, key: ObjectId): void {
    checkEqual(createWithKey(this.id, READ | USE, key), 0, 'context object');
    this.base = map(this.id);
    this.next = 0x10_0000;
    at<ContextHeader>(this.base + OBJ_NULLPAGE).globalMask = u32(mask);
  }

  /** A bucket for `target`, empty yet. */
  bucket(target: ObjectId): ContextBucket {
    let bucket = at<ContextHeader>(this.base + OBJ_NULLPAGE).buckets[target.lo & (CONTEXT_BUCKETS - 1)];
    while (bucket.data !== 0) {
      if (bucket.chain === 0) {
        bucket.chain = this.next;
        this.next += sizeof<ContextBucket>();
      }
      bucket = at<ContextBucket>(this.base + bucket.chain);
    }
    assign(bucket.target, target);
    return bucket;
  }

  /** Room for a capability or delegation; its offset. */
  room(): u64 {
    const offset = this.next;
    this.next += 192;
    return offset;
  }

  /** Puts a capability in, signed by `key`. */
  put(capability: Capability, key: KeyPair): ContextBucket {
    sign(capability, key);
    return this.putAsIs(capability);
  }

  putAsIs(capability: Capability): ContextBucket {
    const offset = this.room();
    assign(at<Capability>(this.base + offset), capability);
    const bucket = this.bucket(capability.target);
    bucket.flags = CB_CAPABILITY;
    bucket.data = offset;
    return bucket;
  }

  /** What is cached from it is computed anew. */
  refresh(): void {
    syscall(SYS_REVOKE, this.id.lo, this.id.hi, 0, 0, 0);
  }
}

function sign(capability: Capability, key: KeyPair): void {
  signEd25519(
    addressOf(capability.signature),
    addressOf(key.seed),
    addressOf(capability),
    offsetof<Capability>('signature'),
  );
}

const context = zeroed<ContextObject>();
const other = zeroed<ContextObject>();
const target = zeroed<ObjectId>();
const capability = zeroed<Capability>();

/** A closed object that `owner` signs for, with a word in it. */
function makeTarget(rights: u64): void {
  checkEqual(createWithKey(target, rights, owner.object), 0, 'target');
  store<u64>(map(target) + OBJ_NULLPAGE, 4711);
}

/** The capability that everything starts from: `context` may do `rights` to `target`. */
function draft(rights: u64): void {
  memory.fill(addressOf(capability), 0, sizeof<Capability>());
  assign(capability.target, target);
  assign(capability.accessor, context.id);
  capability.rights = u32(rights);
  capability.magic = CAPABILITY_MAGIC;
}

/** Sets the scene: keys, a context, a target that nobody may use by default. */
function scene(): void {
  openProgram();
  owner.make(1);
  stranger.make(2);
  context.make(0);
  makeTarget(0);
}

/** Bit set of READ, WRITE and EXEC: what the prisoner finds that it can do. */
let found: u64 = 0;
let attached: i64 = 0;

/** The prisoner: attaches `context`, then tries to read, write and execute `target`. */
function tryTarget(_argument: u64): void {
  attached = syscall(SYS_ATTACH, context.id.lo, context.id.hi, 0, 0, 0);
  const base = mapWith(target, READ | WRITE | EXEC);
  found = 0;
  if (tryLoad(base + OBJ_NULLPAGE) === FAULTS) found |= READ;
  else checkEqual(i64(caught.detail & ~u64(0xff)), SECURITY_NOT_GRANTED, 'why it may not read');
  if (tryStore(base + OBJ_NULLPAGE + 8, 1) === FAULTS) found |= WRITE;
  // The word there is no instruction.
  if (tryCall(base + OBJ_NULLPAGE) !== FAULT_SECURITY) found |= EXEC;
}

/** What a prisoner with `context` can do to `target` must be just `rights`. */
function expectRights(rights: u64, what: str): void {
  imprison(tryTarget, 0);
  checkEqual(attached, 0, 'attach');
  checkEqual(i64(found), i64(rights), what);
}

// ------------------------------------------------------------------------------------------------- capabilities

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

// -------------------------------------------------------------------------------------------------- delegations

const inner = zeroed<Capability>();
const delegation = zeroed<Delegation>();

/** `other` (whose key is `delegator`'s) passes on to `context` what it was given. */
function draftDelegation(given: u64, mask: u64): void {
  delegator.make(3);
  other.makeWithKey(0, delegator.object);
  context.make(0);
  draft(given);
  assign(capability.accessor, other.id);
  sign(capability, owner);
  assign(inner, capability);
  memory.fill(addressOf(delegation), 0, sizeof<Delegation>());
  assign(delegation.target, target);
  assign(delegation.delegatee, context.id);
  assign(delegation.delegator, other.id);
  delegation.mask = u32(mask);
  delegation.magic = DELEGATION_MAGIC;
}

/** Puts inner capability and delegation into `context`, signed by `key`. */
function putDelegation(key: KeyPair): void {
  const offset = context.room();
  assign(at<Capability>(context.base + offset), inner);
  delegation.inner = offset;
  signEd25519(
    addressOf(delegation.signature),
    addressOf(key.seed),
    addressOf(delegation),
    offsetof<Delegation>('inner'),
  );
  const place = context.room();
  assign(at<Delegation>(context.base + place), delegation);
  const bucket = context.bucket(target);
  bucket.flags = CB_DELEGATION;
  bucket.data = place;
}

function delegations(): void {
  draftDelegation(READ | WRITE | SC_DELEGATE, READ);
  putDelegation(delegator);
  expectRights(READ, 'less than the delegator has');
  draftDelegation(READ | SC_DELEGATE, READ | WRITE | EXEC);
  putDelegation(delegator);
  expectRights(READ, 'more than the delegator has');
  draftDelegation(READ | WRITE, READ);
  putDelegation(delegator);
  expectRights(0, 'a delegator without the right to delegate');
  draftDelegation(READ | SC_DELEGATE, READ);
  putDelegation(stranger);
  expectRights(0, 'signed by somebody else');
  draftDelegation(READ | SC_DELEGATE, READ);
  putDelegation(owner);
  expectRights(0, "signed by the target's owner, not by the delegator");
  // A delegator to whom nothing was given: the capability is another context's.
  draftDelegation(READ | SC_DELEGATE, READ);
  assign(inner.accessor, context.id);
  sign(inner, owner);
  putDelegation(delegator);
  expectRights(0, "somebody else's capability");
  draftDelegation(READ | SC_DELEGATE, READ);
  assign(delegation.delegatee, other.id);
  putDelegation(delegator);
  expectRights(0, 'meant for another context');
  draftDelegation(READ | SC_DELEGATE, READ);
  inner.rights |= WRITE;
  delegation.mask |= WRITE;
  putDelegation(delegator);
  expectRights(0, 'the inner capability was altered');
  draftDelegation(READ | SC_DELEGATE, READ);
  delegation.flags = SC_EXPIRES;
  delegation.expires = 1;
  putDelegation(delegator);
  expectRights(0, 'expired');
  draftDelegation(READ | SC_DELEGATE, READ);
  syscall(SYS_REVOKE, target.lo, target.hi, 1, 0, 0);
  putDelegation(delegator);
  expectRights(0, 'what it rests on was revoked');
}

/** A delegation of a delegation; a ring of delegations; one too deep. */
function chains(): void {
  draftDelegation(READ | WRITE | SC_DELEGATE, READ | SC_DELEGATE);
  // `other` delegates to `third`, which delegates to `context`.
  const third = stack<ContextObject>();
  const thirdKey = stack<KeyPair>();
  thirdKey.make(4);
  third.makeWithKey(0, thirdKey.object);
  const offset = context.room();
  assign(at<Capability>(context.base + offset), inner);
  assign(delegation.delegatee, third.id);
  delegation.inner = offset;
  signDelegation(delegator);
  const middle = context.room();
  assign(at<Delegation>(context.base + middle), delegation);
  assign(delegation.delegatee, context.id);
  assign(delegation.delegator, third.id);
  delegation.mask = READ | WRITE;
  delegation.inner = middle;
  signDelegation(thirdKey);
  const last = context.room();
  assign(at<Delegation>(context.base + last), delegation);
  let bucket = context.bucket(target);
  bucket.flags = CB_DELEGATION;
  bucket.data = last;
  expectRights(READ, 'through two delegations');
  // A delegation that rests on itself.
  context.makeWithKey(0, delegator.object);
  assign(delegation.delegatee, context.id);
  assign(delegation.delegator, context.id);
  delegation.mask = READ | SC_DELEGATE;
  const self = context.room();
  delegation.inner = self;
  signDelegation(delegator);
  assign(at<Delegation>(context.base + self), delegation);
  bucket = context.bucket(target);
  bucket.flags = CB_DELEGATION;
  bucket.data = self;
  expectRights(0, 'a ring');
}

function signDelegation(key: KeyPair): void {
  signEd25519(
    addressOf(delegation.signature),
    addressOf(key.seed),
    addressOf(delegation),
    offsetof<Delegation>('inner'),
  );
}

// -------------------------------------------------------------------------------------------- masks and defaults

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

let seenRights: u64 = 0;
function statTarget(attach: u64): void {
  if (attach !== 0) syscall(SYS_ATTACH, context.id.lo, context.id.hi, 0, 0, 0);
  const result = stack<StatResult>();
  const error = syscall(SYS_STAT, target.lo, target.hi, addressOf(result), 0, 0);
  seenRights = result.rights;
  exitThread(u64(-error));
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
  else if (which.equals('delegations')) delegations();
  else if (which.equals('chains')) chains();
  else if (which.equals('masks')) masks();
  else if (which.equals('gates')) gates();
  else if (which.equals('switching')) switching();
  else if (which.equals('unlawful')) unlawful();
  else if (which.equals('operations')) operations();
  else check(false, 'no such case');
}
