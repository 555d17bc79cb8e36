/**
 * Capabilities and delegations: which of those in a context object hold, and what they grant (docs/kernel.md, Security). Each
 * is copied out of the object before it is judged, so that nobody changes it in between; its signature is
 * verified with the public key that the target's (or the delegator's) kuid names.
 */
import { OBJ_MAXSIZE, OBJ_NULLPAGE, WRITE } from '../abi/object.ts';
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
  Gate,
  KEY_MAGIC,
  KEY_PUBLIC,
  KeyHeader,
  SC_DELEGATE,
  SC_EXPIRES,
} from '../abi/security.ts';
import { PAGE } from './arch.ts';
import { realTime, realTimeTicks } from './clock.ts';
import { findObject, KObject } from './object.ts';
import { MESSAGE_MAX, signatureHolds } from './signature.ts';
import { peekPage } from './tree.ts';

const RIGHTS_MASK = 0x7c;
const MAX_CHAIN = 64;
const MAX_DELEGATIONS = 8;

/** Copies bytes out of an object; absent pages read as zeros. False: outside the object. */
export function readObject(object: KObject, offset: u64, target: usize, size: u64): bool {
  if (offset < OBJ_NULLPAGE || offset >= OBJ_MAXSIZE || size > OBJ_MAXSIZE - offset) return false;
  let done: u64 = 0;
  while (done < size) {
    const piece = min<u64>(size - done, PAGE - ((offset + done) & 0xfff));
    const from = peekPage(object, offset + done);
    if (from === 0) memory.fill(target + done, 0, piece);
    else memory.copy(target + done, from, piece);
    done += piece;
  }
  return true;
}

/** Is `signature` that of the object's key over `size` bytes? */
function verifySignature(object: KObject, message: usize, size: u64, signature: usize): bool {
  const keyObject = findObject(object.kuidLo, object.kuidHi);
  // A key that anybody can write is nobody's.
  if (keyObject === null || (keyObject.attributes & WRITE) !== 0) return false;
  const key = stack<KeyHeader>();
  if (!readObject(keyObject, OBJ_NULLPAGE, addressOf(key), sizeof<KeyHeader>())) return false;
  if (key.magic !== KEY_MAGIC || key.kind !== KEY_PUBLIC) return false;
  return signatureHolds(addressOf(key.key), message, size, signature);
}

/** When the first of the capabilities ends that rights were computed from since the last time that one ended; ns since 1970. */
let firstExpiry: u64 = ~u64(0);

function inTime(flags: u16, created: u64, expires: u64): bool {
  if ((flags & SC_EXPIRES) === 0) return true;
  const now = realTime();
  if (created > now || now >= expires) return false;
  firstExpiry = min<u64>(firstExpiry, expires);
  return true;
}

/** Has a capability ended from which rights were computed? True once for each time that it happens. */
export function expiryPassed(): bool {
  if (realTime() < firstExpiry) return false;
  firstExpiry = ~u64(0);
  return true;
}

/** `time` at which `expiryPassed` may be true next; all ones: never. */
export function nextExpiry(): u64 {
  return firstExpiry === ~u64(0) ? firstExpiry : realTimeTicks(firstExpiry);
}

function sameGate(a: Gate, b: Gate): bool {
  return a.offset === b.offset && a.length === b.length && a.align === b.align;
}

/** The gate of the capability that was judged last; narrowed by delegations. */
const judgedGate = zeroed<Gate>();

/** Rights that the capability at `offset` of `holder` gives to context (accessorLo, accessorHi); 0 if it does not hold. */
function judgeCapability(
  holder: KObject,
  offset: u64,
  target: KObject,
  accessorLo: u64,
  accessorHi: u64,
): u64 {
  const capability = stack<Capability>();
  if (!readObject(holder, offset, addressOf(capability), sizeof<Capability>())) return 0;
  if (capability.magic !== CAPABILITY_MAGIC) return 0;
  if (capability.target.lo !== target.lo || capability.target.hi !== target.hi) return 0;
  if (capability.accessor.lo !== accessorLo || capability.accessor.hi !== accessorHi) return 0;
  if (capability.revocation < target.revocation) return 0;
  if (!inTime(capability.flags, capability.created, capability.expires)) return 0;
  const signed = offsetof<Capability>('signature');
  if (!verifySignature(target, addressOf(capability), signed, addressOf(capability.signature))) return 0;
  assign(judgedGate, capability.gate);
  return u64(capability.rights);
}

/** Rights that the delegation at `offset` of `holder` gives to context (lo, hi); 0 if it does not hold. */
function judgeDelegation(holder: KObject, offset: u64, target: KObject, lo: u64, hi: u64, depth: u64): u64 {
  if (depth === 0) return 0;
  const delegation = stack<Delegation>();
  if (!readObject(holder, offset, addressOf(delegation), sizeof<Delegation>())) return 0;
  if (delegation.magic !== DELEGATION_MAGIC) return 0;
  if (delegation.target.lo !== target.lo || delegation.target.hi !== target.hi) return 0;
  if (delegation.delegatee.lo !== lo || delegation.delegatee.hi !== hi) return 0;
  if (!inTime(delegation.flags, delegation.created, delegation.expires)) return 0;
  const delegator = findObject(delegation.delegator.lo, delegation.delegator.hi);
  if (delegator === null) return 0;
  const signed = offsetof<Delegation>('inner');
  if (!verifySignature(delegator, addressOf(delegation), signed, addressOf(delegation.signature))) return 0;
  const inner = judgeAt(holder, delegation.inner, target, delegator.lo, delegator.hi, depth - 1);
  // The delegator must have been given the right to pass rights on.
  if ((inner & SC_DELEGATE) === 0) return 0;
  const gate = delegation.gateMask;
  if (gate.length !== 0 && judgedGate.length !== 0 && !sameGate(gate, judgedGate)) return 0;
  if (gate.length !== 0) assign(judgedGate, gate);
  return inner & u64(delegation.mask);
}

function judgeAt(holder: KObject, offset: u64, target: KObject, lo: u64, hi: u64, depth: u64): u64 {
  const magic = stack<FixedArray<u16, 4>>();
  if (!readObject(holder, offset + offsetof<Capability>('magic'), addressOf(magic), 2)) return 0;
  if (magic[0] === CAPABILITY_MAGIC) return judgeCapability(holder, offset, target, lo, hi);
  return judgeDelegation(holder, offset, target, lo, hi, depth);
}

/** Offset of the first bucket for an object. */
function bucketOffset(lo: u64): u64 {
  return (
    OBJ_NULLPAGE + offsetof<ContextHeader>('buckets') + (lo & (CONTEXT_BUCKETS - 1)) * sizeof<ContextBucket>()
  );
}

/** Looked for by `visitCapabilities`: only those whose gate lets execution enter at `entryOffset`, when `gated`. */
let gated = false;
let entryOffset: u64 = 0;

function gateOpen(gate: Gate, offset: u64): bool {
  if (gate.length === 0) return true;
  const start = u64(gate.offset);
  if (offset < start || offset >= start + u64(gate.length)) return false;
  return (offset & ((u64(1) << (gate.align & 31)) - 1)) === 0;
}

/** Rights to `target` from all capabilities and delegations of a context object that hold. */
export function capabilityRights(context: KObject, target: KObject): u64 {
  let rights: u64 = 0;
  let offset = bucketOffset(target.lo);
  const bucket = stack<ContextBucket>();
  for (let i = 0; i < MAX_CHAIN && offset !== 0; i++) {
    if (!readObject(context, offset, addressOf(bucket), sizeof<ContextBucket>())) break;
    offset = bucket.chain;
    if (bucket.data === 0 || bucket.target.lo !== target.lo || bucket.target.hi !== target.hi) continue;
    let given: u64 = 0;
    if ((bucket.flags & CB_CAPABILITY) !== 0) {
      given = judgeCapability(context, bucket.data, target, context.lo, context.hi);
    } else if ((bucket.flags & CB_DELEGATION) !== 0) {
      given = judgeDelegation(context, bucket.data, target, context.lo, context.hi, MAX_DELEGATIONS);
    }
    if (bucket.permissionMask !== 0) given &= u64(bucket.permissionMask);
    if (gated && !(gateOpen(judgedGate, entryOffset) && gateOpen(bucket.gateMask, entryOffset))) given = 0;
    rights |= given & RIGHTS_MASK;
  }
  return rights;
}

/** The same, for execution that enters `target` at `offset` from outside: capabilities whose gate is elsewhere do not count. */
export function gatedRights(context: KObject, target: KObject, offset: u64): u64 {
  gated = true;
  entryOffset = offset;
  const rights = capabilityRights(context, target);
  gated = false;
  return rights;
}

static_assert(offsetof<Capability>('signature') <= MESSAGE_MAX, 'Capability');
static_assert(offsetof<Delegation>('signature') <= MESSAGE_MAX, 'Delegation');
