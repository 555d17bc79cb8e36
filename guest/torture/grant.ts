/**
 * Torture workload: capabilities put into a security context, the second and third on one chain of buckets; what they let through limited; all for
 * one object voided by the kernel, and another put in their place. What a context holds is judged byte by byte: a bucket that counts leads to
 * a whole record.
 */
import '../libtwz/torture-only.ts';
import { DELETE, ObjectId, READ, USE, WRITE } from '../abi/object.ts';
import { Capability, CONTEXT_BUCKETS, ContextBucket, ContextHeader } from '../abi/security.ts';
import { CREATE_PERSIST, StatResult } from '../abi/syscall.ts';
import { chainLength, grant, limitRights, revokeBelow, rightsIn, Terms } from '../libtwz/capability.ts';
import { createContext, maskOf, setMask } from '../libtwz/context.ts';
import { createObject, dataOf, openObject, sameId, statObject } from '../libtwz/object.ts';
import { persist } from '../libtwz/persist.ts';
import { finish, makeSubject, mix, openSubject, runWorkload } from '../libtwz/torture.ts';

/** What `setup` made: IDs in the data of the subject, behind its heap's header. */
class Made {
  readonly context: Inline<ObjectId>;
  readonly target: Inline<ObjectId>;
}

const MADE = 0x2000;
const RIGHTS: u64 = READ | WRITE | DELETE | USE;
/** The private half of a key: who checks signatures is not asked here. */
const SEED: FixedArray<u64, 4> = [1, 2, 3, 4];

function made(): Made {
  return at<Made>(openSubject() + MADE);
}

function setup(): void {
  const all = at<Made>(makeSubject() + MADE);
  const none = stack<ObjectId>();
  if (createContext(all.context, none) !== 0) finish(10);
  if (createObject(all.target, RIGHTS | CREATE_PERSIST) !== 0) finish(11);
  persist(addressOf(all), sizeof<Made>());
}

function give(rights: u64, revocation: u64): void {
  const terms = stack<Terms>();
  terms.rights = rights;
  terms.revocation = revocation;
  if (grant(made().context, made().target, terms, addressOf(SEED)) !== 0) finish(13);
}

function operation(index: u64): void {
  const all = made();
  if (index === 1) give(READ | WRITE, 0);
  else if (index === 2) give(READ, 0);
  else if (index === 3) give(USE, 1);
  else if (index === 4) {
    if (!limitRights(all.context, all.target, READ | USE)) finish(14);
  } else if (index === 5) {
    if (setMask(all.context, WRITE) !== 0) finish(15);
  } else if (index === 6) {
    if (revokeBelow(all.target, 1) !== 0) finish(16);
  } else give(READ | USE, 1);
}

/** All buckets of the chain that count, and the records that they lead to; void ones may be taken away at any time. */
function check(): u64 {
  const all = made();
  const stat = stack<StatResult>();
  if (statObject(all.target, stat) !== 0) finish(20);
  const base = openObject(all.context);
  const header = at<ContextHeader>(dataOf(base));
  let value = mix(maskOf(all.context), stat.revocation);
  let bucket: ContextBucket = header.buckets[all.target.lo & (CONTEXT_BUCKETS - 1)];
  for (;;) {
    if (bucket.data !== 0) value += record(base, bucket, stat.revocation);
    if (bucket.chain === 0) return value;
    bucket = at<ContextBucket>(base + bucket.chain);
  }
}

function record(base: usize, bucket: ContextBucket, revocation: u64): u64 {
  const capability = at<Capability>(base + bucket.data);
  if (chainLength(base, bucket.data) !== 1) finish(21);
  if (!sameId(capability.target, bucket.target) || !sameId(capability.accessor, made().context)) finish(22);
  if (capability.revocation < revocation) return 0;
  let value = rightsIn(base, bucket);
  for (let at: u64 = 0; at < sizeof<Capability>(); at += 8)
    value = mix(value, load<u64>(addressOf(capability) + at));
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(7, setup, operation, check);
}
