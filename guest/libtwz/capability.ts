/**
 * Capabilities and delegations from the side of those who grant: signing them, putting them into security contexts, sending them by letter, and
 * telling whether they hold (guest/abi/security.ts; docs/kernel.md, Security). The kernel judges everything that is made here by itself when
 * an access first asks for it; what is told here is for people.
 *
 * A capability is put in in three steps, each persistent before the next: its record, a bucket for its target, and the bucket's pointer to the record, from
 * which on it counts.
 */
import { OBJ_NULLPAGE, ObjectId, READ, WRITE } from '../abi/object.ts';
import {
  CAPABILITY_MAGIC,
  Capability,
  CapabilityLetter,
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
  LETTER_MAGIC,
  LETTER_RECORDS,
  LETTER_STEP,
  SC_DELEGATE,
  SC_EXPIRES,
} from '../abi/security.ts';
import { EINVAL, ENOENT, EPERM, StatResult, SYS_REVOKE } from '../abi/syscall.ts';
import { signEd25519, verifyEd25519 } from '../crypto/ed25519.ts';
import { now } from './clock.ts';
import { isContext } from './context.ts';
import { Mutex } from './mutex.ts';
import { dataOf, openObject, rightsTo, sameId, setSize, sizeOf, statObject } from './object.ts';
import { persist, storePersistent, touch } from './persist.ts';
import { syscall } from './syscall.ts';
import { objectAt } from './view.ts';

/** What is granted. */
export class Terms {
  /** READ … DELETE; SC_DELEGATE: the right to pass it on. */
  rights: u64;
  /** Nanoseconds since 1970 at which it ends; 0: never. */
  expires: u64;
  /** The object's revocation number that it is given under: it ends when that one rises. A new object's is 0. */
  revocation: u64;
  /** Where execution may enter; length 0: everywhere. */
  readonly gate: Inline<Gate>;
}

/** A letter being written or read, in memory: the header, and the records behind it. */
export class Letter {
  readonly header: Inline<CapabilityLetter>;
  readonly records: FixedArray<u8, 1728>;

  record(index: u64): usize {
    return addressOf(this.records) + index * LETTER_STEP;
  }
}

static_assert(
  sizeof<Letter>() === 64 + LETTER_STEP * LETTER_RECORDS,
  'the records of a letter follow its header',
);

// ------------------------------------------------------------------------------------------------------- signing

/** Writes a capability for `context`, signed with the private half at `seed`, which is that of the target's key. */
export function writeCapability(
  letter: Letter,
  context: ObjectId,
  target: ObjectId,
  terms: Terms,
  seed: usize,
): void {
  begin(letter, CB_CAPABILITY, 1, context, target);
  const capability = at<Capability>(letter.record(0));
  assign(capability.target, target);
  assign(capability.accessor, context);
  capability.revocation = terms.revocation;
  capability.rights = u32(terms.rights);
  capability.magic = CAPABILITY_MAGIC;
  assign(capability.gate, terms.gate);
  if (terms.expires !== 0) {
    capability.flags = SC_EXPIRES;
    capability.expires = terms.expires;
  }
  signEd25519(
    addressOf(capability.signature),
    seed,
    addressOf(capability),
    offsetof<Capability>('signature'),
  );
}

/**
 * Writes a delegation to `context` of what `from` was given for `target`, signed with the private half at `seed`, which is that of the key of
 * `from`. Returns 0; −ENOENT when `from` has nothing for the target, −EPERM when it may not pass it on.
 */
export function writeDelegation(
  letter: Letter,
  from: ObjectId,
  context: ObjectId,
  target: ObjectId,
  terms: Terms,
  seed: usize,
): i64 {
  const base = openObject(from);
  const bucket = passableBucket(base, target);
  if (bucket === null) return firstBucket(base, target) === null ? -ENOENT : -EPERM;
  const count = chainLength(base, bucket.data);
  if (count === 0 || count >= LETTER_RECORDS) return -EINVAL;
  begin(letter, CB_DELEGATION, count + 1, context, target);
  let offset = bucket.data;
  for (let i: u64 = 1; i <= count; i++) {
    memory.copy(letter.record(i), base + offset, LETTER_STEP);
    offset = at<Delegation>(base + offset).inner;
  }
  const delegation = at<Delegation>(letter.record(0));
  assign(delegation.target, target);
  assign(delegation.delegatee, context);
  assign(delegation.delegator, from);
  delegation.mask = u32(terms.rights);
  delegation.magic = DELEGATION_MAGIC;
  assign(delegation.gateMask, terms.gate);
  if (terms.expires !== 0) {
    delegation.flags = SC_EXPIRES;
    delegation.expires = terms.expires;
  }
  signEd25519(addressOf(delegation.signature), seed, addressOf(delegation), offsetof<Delegation>('inner'));
  return 0;
}

function begin(letter: Letter, kind: u32, records: u64, holder: ObjectId, target: ObjectId): void {
  memory.fill(addressOf(letter), 0, sizeof<Letter>());
  letter.header.kind = kind;
  letter.header.records = u32(records);
  assign(letter.header.holder, holder);
  assign(letter.header.target, target);
  letter.header.magic = LETTER_MAGIC;
}

/** Records from the one at `offset` down to the capability that it rests on; 0: it is none, or too long. */
export function chainLength(base: usize, offset: u64): u64 {
  let place = offset;
  for (let count: u64 = 1; count <= LETTER_RECORDS; count++) {
    if (at<Capability>(base + place).magic === CAPABILITY_MAGIC) return count;
    if (at<Delegation>(base + place).magic !== DELEGATION_MAGIC) return 0;
    place = at<Delegation>(base + place).inner;
  }
  return 0;
}

// ------------------------------------------------------------------------------------------------------ contexts

/** The first bucket of the chain for a target. */
function chainOf(base: usize, target: ObjectId): ContextBucket {
  return at<ContextHeader>(dataOf(base)).buckets[target.lo & (CONTEXT_BUCKETS - 1)];
}

/** The next bucket in use for `target` after `bucket`; null: there is no other. */
function nextBucket(base: usize, bucket: ContextBucket, target: ObjectId): ContextBucket | null {
  let place = bucket;
  while (place.chain !== 0) {
    place = at<ContextBucket>(base + place.chain);
    if (place.data !== 0 && sameId(place.target, target)) return place;
  }
  return null;
}

function firstBucket(base: usize, target: ObjectId): ContextBucket | null {
  const bucket = chainOf(base, target);
  if (bucket.data !== 0 && sameId(bucket.target, target)) return bucket;
  return nextBucket(base, bucket, target);
}

/** A bucket for the target with something that may be passed on and holds. */
function passableBucket(base: usize, target: ObjectId): ContextBucket | null {
  let bucket = firstBucket(base, target);
  while (bucket !== null) {
    if ((rightsIn(base, bucket) & SC_DELEGATE) !== 0 && standing(base, bucket) === Standing.holds)
      return bucket;
    bucket = nextBucket(base, bucket, target);
  }
  return null;
}

/** What a bucket's record says that it grants, masked by what it rests on. */
export function rightsIn(base: usize, bucket: ContextBucket): u64 {
  let rights = ~u64(0);
  let offset = bucket.data;
  for (let i: u64 = 0; i < LETTER_RECORDS; i++) {
    if (at<Capability>(base + offset).magic === CAPABILITY_MAGIC) {
      rights &= u64(at<Capability>(base + offset).rights);
      return bucket.permissionMask === 0 ? rights : rights & u64(bucket.permissionMask);
    }
    rights &= u64(at<Delegation>(base + offset).mask);
    offset = at<Delegation>(base + offset).inner;
  }
  return 0;
}

/** When the first of a bucket's records ends, in nanoseconds since 1970; 0: none does. */
export function endOf(base: usize, bucket: ContextBucket): u64 {
  let first: u64 = 0;
  let offset = bucket.data;
  for (let i = chainLength(base, offset); i > 0; i--) {
    const delegation = at<Delegation>(base + offset);
    const isDelegation = delegation.magic === DELEGATION_MAGIC;
    const flags = isDelegation ? delegation.flags : at<Capability>(base + offset).flags;
    const end = isDelegation ? delegation.expires : at<Capability>(base + offset).expires;
    if ((flags & SC_EXPIRES) !== 0 && (first === 0 || end < first)) first = end;
    offset = delegation.inner;
  }
  return first;
}

/** Room for `size` bytes behind what the context object holds; its offset. Persistent before anything leads to it. */
function room(base: usize, size: u64): u64 {
  const offset = OBJ_NULLPAGE + sizeOf(base);
  setSize(base, sizeOf(base) + ((size + 63) & ~u64(63)));
  return offset;
}

/** Will what this bucket leads to never hold again: is its object gone, its time over, the number that it was given under behind? */
function isSpent(base: usize, bucket: ContextBucket): bool {
  const stat = stack<StatResult>();
  const known = statObject(bucket.target, stat);
  if (known === -ENOENT) return true;
  const end = endOf(base, bucket);
  if (end !== 0 && end <= now()) return true;
  if (known !== 0) return false;
  if ((bucket.flags & CB_CAPABILITY) === 0) return false;
  return at<Capability>(base + bucket.data).revocation < stat.revocation;
}

/** A bucket that is not in use, or of no use any more, on the chain for `target`. */
function freeBucket(base: usize, target: ObjectId): ContextBucket {
  let bucket = chainOf(base, target);
  while (bucket.data !== 0) {
    if (isSpent(base, bucket)) {
      storePersistent(ptrTo(bucket.data).address, 0);
      break;
    }
    if (bucket.chain === 0) storePersistent(ptrTo(bucket.chain).address, room(base, sizeof<ContextBucket>()));
    bucket = at<ContextBucket>(base + bucket.chain);
  }
  return bucket;
}

/**
 * Puts what a letter brings into the context that it is for. Returns 0; −EPERM when the caller may not write there, −EINVAL when it is no
 * letter, or none for a context.
 */
export function deliver(letter: Letter): i64 {
  const header = letter.header;
  const records = u64(header.records);
  if (header.magic !== LETTER_MAGIC || records === 0 || records > LETTER_RECORDS) return -EINVAL;
  const context = header.holder;
  if ((rightsTo(context) & (READ | WRITE)) !== (READ | WRITE)) return -EPERM;
  if (!isContext(context)) return -EINVAL;
  const base = openObject(context);
  // If there is no space the program is told before it has the lock.
  touch(dataOf(base) + sizeOf(base));
  touch(dataOf(base) + sizeOf(base) + sizeof<Letter>() + sizeof<ContextBucket>());
  using held = at<Mutex>(addressOf(at<ContextHeader>(dataOf(base)).mutex)).hold();
  let offset: u64 = 0;
  for (let i = records; i > 0; i--) {
    const place = room(base, LETTER_STEP);
    memory.copy(base + place, letter.record(i - 1), LETTER_STEP);
    if (i < records) at<Delegation>(base + place).inner = offset;
    persist(base + place, LETTER_STEP);
    offset = place;
  }
  const bucket = freeBucket(base, header.target);
  assign(bucket.target, header.target);
  bucket.flags = header.kind;
  bucket.permissionMask = 0;
  memory.fill(addressOf(bucket.gateMask), 0, sizeof<Gate>());
  persist(addressOf(bucket), sizeof<ContextBucket>());
  // With this word the bucket counts.
  storePersistent(ptrTo(bucket.data).address, offset);
  syscall(SYS_REVOKE, context.lo, context.hi, 0, 0, 0);
  return 0;
}

/** Signs a capability and puts it into its context. Returns 0 or −Errno. */
export function grant(context: ObjectId, target: ObjectId, terms: Terms, seed: usize): i64 {
  const letter = stack<Letter>();
  writeCapability(letter, context, target, terms, seed);
  return deliver(letter);
}

/** From now on a context gets no more than these rights from what it was given for a target. False: it was given nothing. */
export function limitRights(context: ObjectId, target: ObjectId, rights: u64): bool {
  const base = openObject(context);
  let bucket = firstBucket(base, target);
  if (bucket === null) return false;
  while (bucket !== null) {
    bucket.permissionMask = u32(rights);
    persist(addressOf(bucket), sizeof<ContextBucket>());
    bucket = nextBucket(base, bucket, target);
  }
  syscall(SYS_REVOKE, context.lo, context.hi, 0, 0, 0);
  return true;
}

/** Voids all capabilities for an object that were given under a smaller number. Needs DELETE. Returns 0 or −Errno. */
export function revokeBelow(target: ObjectId, number: u64): i64 {
  return syscall(SYS_REVOKE, target.lo, target.hi, number, 0, 0);
}

// ------------------------------------------------------------------------------------------------------- judging

/** Whether a capability or delegation holds, and if not, why. */
export enum Standing {
  holds = 0,
  /** Not what it says that it is, or for another object or context. */
  malformed = 1,
  /** The signature is not that of the key. */
  forged = 2,
  expired = 3,
  revoked = 4,
  /** It rests on something that its delegator may not pass on. */
  notToPassOn = 5,
  /** The object that it is for is gone. */
  gone = 6,
}

export function standingText(standing: Standing): str {
  switch (standing) {
    case Standing.holds:
      return 'holds';
    case Standing.malformed:
      return 'is malformed';
    case Standing.forged:
      return 'is not signed by the key';
    case Standing.expired:
      return 'has expired';
    case Standing.revoked:
      return 'is void: revoked, or taken away';
    case Standing.notToPassOn:
      return 'was not to be passed on';
  }
  return 'is for an object that is gone';
}

/** Is the signature behind `size` bytes that of the key object `kuid`? */
function isSigned(kuid: ObjectId, message: usize, size: u64, signature: usize): bool {
  const stat = stack<StatResult>();
  if (statObject(kuid, stat) !== 0 || (stat.pFlags & WRITE) !== 0 || (stat.rights & READ) === 0) return false;
  const key = at<KeyHeader>(dataOf(openObject(kuid)));
  if (key.magic !== KEY_MAGIC || key.kind !== KEY_PUBLIC) return false;
  return verifyEd25519(addressOf(key.key), message, size, signature);
}

function isOver(flags: u16, expires: u64): bool {
  return (flags & SC_EXPIRES) !== 0 && expires <= now();
}

/** Judges what the context object at `base` holds in a bucket, as the kernel does. */
export function standing(base: usize, bucket: ContextBucket): Standing {
  const context = stack<ObjectId>();
  if (!objectAt(base, context)) return Standing.malformed;
  return judge(base, bucket.data, bucket.target, context);
}

function judge(base: usize, first: u64, target: ObjectId, accessor: ObjectId): Standing {
  const stat = stack<StatResult>();
  const other = stack<StatResult>();
  const context = stack<ObjectId>();
  // Who has no right left to an object is not told its number.
  const known = statObject(target, stat);
  if (known === -ENOENT) return Standing.gone;
  assign(context, accessor);
  let offset = first;
  for (let left = chainLength(base, first); left > 0; left--) {
    if (left === 1) {
      const capability = at<Capability>(base + offset);
      if (offset !== first && (capability.rights & SC_DELEGATE) === 0) return Standing.notToPassOn;
      if (!sameId(capability.target, target) || !sameId(capability.accessor, context))
        return Standing.malformed;
      if (isOver(capability.flags, capability.expires)) return Standing.expired;
      if (known !== 0 || capability.revocation < stat.revocation) return Standing.revoked;
      const size = offsetof<Capability>('signature');
      return isSigned(stat.kuid, addressOf(capability), size, addressOf(capability.signature))
        ? Standing.holds
        : Standing.forged;
    }
    const delegation = at<Delegation>(base + offset);
    if (offset !== first && (delegation.mask & SC_DELEGATE) === 0) return Standing.notToPassOn;
    if (!sameId(delegation.target, target) || !sameId(delegation.delegatee, context))
      return Standing.malformed;
    if (isOver(delegation.flags, delegation.expires)) return Standing.expired;
    const delegator = statObject(delegation.delegator, other);
    if (delegator === -ENOENT) return Standing.gone;
    // Which key signs for somebody else's context is for the kernel to know: its judgement is in `known`.
    const size = offsetof<Delegation>('inner');
    if (
      delegator === 0 &&
      !isSigned(other.kuid, addressOf(delegation), size, addressOf(delegation.signature))
    )
      return Standing.forged;
    assign(context, delegation.delegator);
    offset = delegation.inner;
  }
  return Standing.malformed;
}
