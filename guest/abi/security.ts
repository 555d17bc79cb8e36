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
  /** Offset of the Capability or Delegation that this rests on. */
  inner: u64;
  /** Ed25519 with the private key of the delegator's kuid, over all bytes before this field. */
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

static_assert(sizeof<ContextBucket>() === 64, 'ContextBucket');
