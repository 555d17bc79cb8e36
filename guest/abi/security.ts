/**
 * What security context objects hold: capabilities and delegations, signed with Ed25519 by the key of the object that they
 * are about, and found through a hash table of buckets. After Twizzler's `secctx`, `sccap`, `scdlg`; unlike its C
 * implementation, signatures, delegators, expiry and revocation are really checked (docs/kernel.md, Security).
 *
 * All pointers here are offsets in the context object itself.
 */

import { ObjectId } from './object.ts';
import { KsoHeader } from './view.ts';

export const CONTEXT_BUCKETS = 1024;

/** `ContextBucket.flags`: `data` is a Capability / a Delegation. */
export const CB_CAPABILITY = 1;
export const CB_DELEGATION = 2;

/** Where the capabilities for one target are, 64 bytes. Bucket of a target: lo modulo CONTEXT_BUCKETS, then `chain`. */
export class ContextBucket {
  readonly target: Inline<ObjectId>;
  /** Offset of the Capability or Delegation; 0: bucket not in use. */
  data: u64;
  flags: u32;
  /** Rights that this bucket lets through; 0: all. */
  permissionMask: u32;
  readonly gateMask: Inline<Gate>;
  /** Offset of the next bucket for the same hash, 0 = none. */
  chain: u64;
  readonly reserved: FixedArray<u64, 2>;
}

/** Where execution may enter: offsets [offset, offset + length) that are multiples of 2^align bytes. */
export class Gate {
  offset: u32;
  /** Bytes; 0: no gate, every offset may be entered. */
  length: u16;
  align: u16;
}

/** A security context object, from OBJ_NULLPAGE on. */
export class ContextHeader {
  readonly kso: Inline<KsoHeader>;
  /** Default rights of objects are reduced by this mask. */
  globalMask: u32;
  flags: u32;
  readonly buckets: FixedArray<Inline<ContextBucket>, 1024>;
  /**
   * Kept by libtwz while capabilities are put in (libtwz/mutex.ts).
   * @align 64
   */
  readonly mutex: FixedArray<u64, 8>;
}

export const CAPABILITY_MAGIC = 0xca55;
export const DELEGATION_MAGIC = 0xdeca;

/** `flags`: valid only between `created` and `expires`. */
export const SC_EXPIRES = 1;
/** Right to delegate, beside READ … DELETE. */
export const SC_DELEGATE = 0x1000;

/** Says: context `accessor` may use `target` with `rights`. Signed with the private key of the target's kuid. */
export class Capability {
  readonly target: Inline<ObjectId>;
  /** The context object: a stolen capability is of no use in another. */
  readonly accessor: Inline<ObjectId>;
  /** Revocation: valid while `revocation` ≥ the target's revocation number, and between the two times (SC_EXPIRES). */
  revocation: u64;
  /** Nanoseconds since 1970. */
  created: u64;
  expires: u64;
  rights: u32;
  flags: u16;
  magic: u16;
  readonly gate: Inline<Gate>;
  /** Ed25519 over all bytes before this field. */
  readonly signature: FixedArray<u8, 64>;
}

/** Says: what `delegator` was given (a capability or a delegation, at `inner`) holds, masked, for `delegatee` too. */
export class Delegation {
  readonly target: Inline<ObjectId>;
  readonly delegatee: Inline<ObjectId>;
  readonly delegator: Inline<ObjectId>;
  created: u64;
  expires: u64;
  mask: u32;
  flags: u16;
  magic: u16;
  readonly gateMask: Inline<Gate>;
  /** Offset of the Capability or Delegation that this rests on, in the context that holds it: not signed, as what lies there is judged itself. */
  inner: u64;
  /** Ed25519 with the private key of the delegator's kuid, over all bytes before `inner`. */
  readonly signature: FixedArray<u8, 64>;
}

/** A key object, from OBJ_NULLPAGE on: the public half that kuid names (private halves are separate objects). */
export class KeyHeader {
  magic: u32;
  /** 1: Ed25519 public, 2: Ed25519 private (seed). */
  kind: u32;
  readonly key: FixedArray<u8, 32>;
}

export const KEY_MAGIC = 0x4b455931;
export const KEY_PUBLIC = 1;
export const KEY_PRIVATE = 2;

/**
 * A keyring, from OBJ_NULLPAGE on: keys by their names. It holds private halves, so it has no default rights; who may read it may sign. After
 * Twizzler's `keyring`. Written by libtwz/keyring.ts.
 */
export class Keyring {
  magic: u64;
  /** Entries that have ever been used. */
  count: u64;
  /** The security context of the ring's owner, who gets capabilities for what is made with the key `own`; 0: the superuser's. */
  readonly context: Inline<ObjectId>;
  readonly reserved: FixedArray<u64, 4>;
  /** Kept by libtwz while keys change (libtwz/mutex.ts). */
  readonly mutex: FixedArray<u64, 8>;
  readonly entries: FixedArray<Inline<KeyringEntry>, 1>;
}

export const KEYRING_MAGIC = 0x474e_4952_5a57_5454;
/** Bytes of a key's name, at most. */
export const KEY_NAME_MAX = 39;

export enum KeyState {
  free = 0,
  /** Only the public half is known: somebody else signs with it. */
  public = 1,
  /** Both halves are there. */
  pair = 2,
}

/** 128 bytes: two cache blocks. */
export class KeyringEntry {
  /** A `KeyState`, written last. */
  state: u32;
  length: u32;
  /** The object with the public half, which protected objects name as their kuid. */
  readonly publicHalf: Inline<ObjectId>;
  readonly name: FixedArray<u8, 40>;
  /** The private half (`KeyState.pair`). */
  readonly seed: FixedArray<u64, 4>;
  readonly reserved: FixedArray<u64, 4>;
}

/**
 * A letter, from OBJ_NULLPAGE on: a capability or delegation on its way to a context that its signer may not write. Whoever owns the
 * context puts it in; to others it is of no use. The records follow, each in LETTER_STEP bytes: what each rests on comes behind it.
 */
export class CapabilityLetter {
  magic: u64;
  /** CB_CAPABILITY or CB_DELEGATION: what the first record is. */
  kind: u32;
  records: u32;
  readonly target: Inline<ObjectId>;
  /** The context that it is for. */
  readonly holder: Inline<ObjectId>;
  readonly reserved: FixedArray<u64, 2>;
}

export const LETTER_MAGIC = 0x5245_5454_454c_5754;
/** Bytes of a record in a letter, and of one in a context. */
export const LETTER_STEP = 192;
/** A delegation rests on at most seven others and a capability. */
export const LETTER_RECORDS = 9;

static_assert(sizeof<ContextBucket>() === 64, 'ContextBucket');
static_assert(sizeof<KeyringEntry>() === 128 && offsetof<Keyring>('entries') === 128, 'Keyring');
static_assert(sizeof<Delegation>() <= LETTER_STEP && sizeof<CapabilityLetter>() === 64, 'CapabilityLetter');
