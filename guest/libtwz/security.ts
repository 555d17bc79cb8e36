/**
 * Security from the side of those who grant: key pairs, security contexts, signed capabilities (guest/abi/security.ts; docs/kernel.md, Security). The
 * kernel verifies everything that is made here when an access first asks for it.
 *
 * A key pair is two objects: the public half, immutable and readable by all, whose ID protected objects name when they are created; and the private
 * half, with no default rights, which only its holders and the superuser can read, and without which nobody signs.
 */

import { KsoType } from '../abi/kso.ts';
import { DELETE, MIP_HASHDATA, OBJ_NULLPAGE, ObjectId, READ, WRITE } from '../abi/object.ts';
import {
  CAPABILITY_MAGIC,
  Capability,
  CB_CAPABILITY,
  CONTEXT_BUCKETS,
  ContextBucket,
  ContextHeader,
  KEY_MAGIC,
  KEY_PRIVATE,
  KEY_PUBLIC,
  KeyHeader,
} from '../abi/security.ts';
import { CREATE_VOLATILE, EINVAL, StatResult, SYS_REVOKE } from '../abi/syscall.ts';
import { KsoHeader } from '../abi/view.ts';
import { publicKeyEd25519, signEd25519 } from '../crypto/ed25519.ts';
import {
  copyObject,
  createObject,
  dataOf,
  deleteObject,
  lasting,
  openObject,
  setSize,
  sizeOf,
  statObject,
} from './object.ts';
import { persist, storePersistent } from './persist.ts';
import { syscall } from './syscall.ts';

/** The private half of a key pair, from OBJ_NULLPAGE on. */
class PrivateKey {
  readonly header: Inline<KeyHeader>;
  /** The object with the public half. */
  readonly publicHalf: Inline<ObjectId>;
}

/** Two words that nobody can guess: the nonce of an object that the kernel makes, and that is gone before anybody knows of it. */
export function randomPair(words: Ptr<u64>): i64 {
  const id = stack<ObjectId>();
  const stat = stack<StatResult>();
  let result = createObject(id, DELETE | CREATE_VOLATILE);
  if (result !== 0) return result;
  result = statObject(id, stat);
  deleteObject(id);
  words[0] = stat.nonceLo;
  words[1] = stat.nonceHi;
  return result;
}

/** Makes a key pair; `id` is the private half's. Returns 0 or −Errno. */
export function createKey(id: ObjectId): i64 {
  const seed = stack<FixedArray<u64, 4>>();
  let result = randomPair(seed.ptr);
  if (result === 0) result = randomPair(seed.ptr.add(2));
  if (result === 0) result = createObject(id, lasting());
  if (result !== 0) return result;
  const key = at<PrivateKey>(dataOf(openObject(id)));
  const draft = stack<ObjectId>();
  result = createObject(draft, READ | WRITE | DELETE | CREATE_VOLATILE);
  if (result !== 0) return result;
  const half = at<KeyHeader>(dataOf(openObject(draft)));
  half.kind = KEY_PUBLIC;
  half.magic = KEY_MAGIC;
  publicKeyEd25519(addressOf(half.key), addressOf(seed));
  result = copyObject(key.publicHalf, draft, READ | MIP_HASHDATA | lasting());
  deleteObject(draft);
  if (result !== 0) return result;
  memory.copy(addressOf(key.header.key), addressOf(seed), 32);
  key.header.kind = KEY_PRIVATE;
  persist(addressOf(key), sizeof<PrivateKey>());
  key.header.magic = KEY_MAGIC;
  persist(addressOf(key), sizeof<PrivateKey>());
  return 0;
}

/** The public half of a key, for objects that it is to protect. False: the object is no private key. */
export function publicHalf(key: ObjectId, id: ObjectId): bool {
  const place = at<PrivateKey>(dataOf(openObject(key)));
  if (place.header.magic !== KEY_MAGIC || place.header.kind !== KEY_PRIVATE) return false;
  assign(id, place.publicHalf);
  return true;
}

/** Makes an empty security context that takes no default rights away. It has none itself: only the superuser can use it, or who is granted USE of it. */
export function createContext(id: ObjectId): i64 {
  const result = createObject(id, lasting());
  if (result !== 0) return result;
  const base = openObject(id);
  const header = at<ContextHeader>(dataOf(base));
  header.kso.type = u32(KsoType.context);
  persist(addressOf(header.kso), sizeof<KsoHeader>());
  setSize(base, sizeof<ContextHeader>());
  return 0;
}

export function isContext(id: ObjectId): bool {
  return at<ContextHeader>(dataOf(openObject(id))).kso.type === u32(KsoType.context);
}

/** Room for `size` bytes behind what the context object holds; its offset. Persistent before anything leads to it. */
function room(base: usize, size: u64): u64 {
  const offset = OBJ_NULLPAGE + sizeOf(base);
  setSize(base, sizeOf(base) + ((size + 63) & ~u64(63)));
  return offset;
}

/** Signs a capability with a private key: context `context` may use `target` with `rights`. Returns 0 or −Errno. */
export function grant(context: ObjectId, target: ObjectId, rights: u64, key: ObjectId): i64 {
  const signer = at<PrivateKey>(dataOf(openObject(key)));
  if (signer.header.magic !== KEY_MAGIC || signer.header.kind !== KEY_PRIVATE || !isContext(context))
    return -EINVAL;
  const stat = stack<StatResult>();
  const known = statObject(target, stat);
  if (known !== 0) return known;
  const base = openObject(context);
  const offset = room(base, sizeof<Capability>());
  const capability = at<Capability>(base + offset);
  assign(capability.target, target);
  assign(capability.accessor, context);
  capability.revocation = stat.revocation;
  capability.rights = u32(rights);
  capability.magic = CAPABILITY_MAGIC;
  const signed = offsetof<Capability>('signature');
  signEd25519(addressOf(capability.signature), addressOf(signer.header.key), addressOf(capability), signed);
  persist(addressOf(capability), sizeof<Capability>());
  const bucket = freeBucket(base, target);
  assign(bucket.target, target);
  bucket.flags = CB_CAPABILITY;
  persist(addressOf(bucket), sizeof<ContextBucket>());
  // With this word the bucket counts.
  storePersistent(ptrTo(bucket.data).address, offset);
  syscall(SYS_REVOKE, context.lo, context.hi, 0, 0, 0);
  return 0;
}

/** A bucket that is not in use, on the chain for `target`. */
function freeBucket(base: usize, target: ObjectId): ContextBucket {
  const header = at<ContextHeader>(dataOf(base));
  let bucket: ContextBucket = header.buckets[target.lo & (CONTEXT_BUCKETS - 1)];
  while (bucket.data !== 0) {
    if (bucket.chain === 0) storePersistent(ptrTo(bucket.chain).address, room(base, sizeof<ContextBucket>()));
    bucket = at<ContextBucket>(base + bucket.chain);
  }
  return bucket;
}

/** Voids all capabilities for an object that have been signed so far. Returns 0 or −Errno. */
export function revokeAll(target: ObjectId): i64 {
  const stat = stack<StatResult>();
  const known = statObject(target, stat);
  return known === 0 ? syscall(SYS_REVOKE, target.lo, target.hi, stat.revocation + 1, 0, 0) : known;
}
