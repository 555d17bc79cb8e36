/**
 * What the cases about security share: keys, a security context and a target that the main thread, the superuser, makes; and a prisoner, a thread with
 * only default rights and a view of its own, which attaches the context and tries what it should not be able to do.
 */
import { FAULT_SECURITY, FAULTS, SECURITY_NOT_GRANTED } from '../../abi/fault.ts';
import { EXEC, MIP_HASHDATA, OBJ_NULLPAGE, ObjectId, READ, USE, WRITE } from '../../abi/object.ts';
import {
  CAPABILITY_MAGIC,
  Capability,
  CB_CAPABILITY,
  CONTEXT_BUCKETS,
  ContextBucket,
  ContextHeader,
  KEY_MAGIC,
  KEY_PUBLIC,
  KeyHeader,
} from '../../abi/security.ts';
import { StatResult, SYS_ATTACH, SYS_REVOKE, SYS_STAT } from '../../abi/syscall.ts';
import { publicKeyEd25519, signEd25519 } from '../../crypto/ed25519.ts';
import { syscall } from '../../libtwz/syscall.ts';
import {
  caught,
  checkEqual,
  copyOf,
  create,
  createWithKey,
  exitThread,
  imprison,
  map,
  mapWith,
  OPEN,
  openProgram,
  tryCall,
  tryLoad,
  tryStore,
} from './testing.ts';

/** A pair of keys: the seed, and the object with the public half. */
export class KeyPair {
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

export const owner = zeroed<KeyPair>();
export const delegator = zeroed<KeyPair>();
export const stranger = zeroed<KeyPair>();

/** A security context object, written by the main thread. */
export class ContextObject {
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

export function sign(capability: Capability, key: KeyPair): void {
  signEd25519(
    addressOf(capability.signature),
    addressOf(key.seed),
    addressOf(capability),
    offsetof<Capability>('signature'),
  );
}

export const context = zeroed<ContextObject>();
export const other = zeroed<ContextObject>();
export const target = zeroed<ObjectId>();
export const capability = zeroed<Capability>();

/** A closed object that `owner` signs for, with a word in it. */
export function makeTarget(rights: u64): void {
  checkEqual(createWithKey(target, rights, owner.object), 0, 'target');
  store<u64>(map(target) + OBJ_NULLPAGE, 4711);
}

/** The capability that everything starts from: `context` may do `rights` to `target`. */
export function draft(rights: u64): void {
  memory.fill(addressOf(capability), 0, sizeof<Capability>());
  assign(capability.target, target);
  assign(capability.accessor, context.id);
  capability.rights = u32(rights);
  capability.magic = CAPABILITY_MAGIC;
}

/** Sets the scene: keys, a context, a target that nobody may use by default. */
export function scene(): void {
  openProgram();
  owner.make(1);
  stranger.make(2);
  context.make(0);
  makeTarget(0);
}

/** Bit set of READ, WRITE and EXEC: what the prisoner finds that it can do. */
export let found: u64 = 0;
export let attached: i64 = 0;

/** The prisoner: attaches `context`, then tries to read, write and execute `target`. */
export function tryTarget(_argument: u64): void {
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
export function expectRights(rights: u64, what: str): void {
  imprison(tryTarget, 0);
  checkEqual(attached, 0, 'attach');
  checkEqual(i64(found), i64(rights), what);
}

/** Rights to `target` that `stat` shows a prisoner, with `context` attached or not; its exit code is the error. */
export let seenRights: u64 = 0;
export function statTarget(attach: u64): void {
  if (attach !== 0) syscall(SYS_ATTACH, context.id.lo, context.id.hi, 0, 0, 0);
  const result = stack<StatResult>();
  const error = syscall(SYS_STAT, target.lo, target.hi, addressOf(result), 0, 0);
  seenRights = result.rights;
  exitThread(u64(-error));
}
