/**
 * Views: ordinary objects that name, slot by slot, the objects of an address space. The table's place and the entry's
 * form are the hardware's (docs/xtwz.md §3.4, §3.7); the header and the well-known slots are ours, after Twizzler's.
 */
import { OBJ_SHIFT } from './object.ts';

/** `ViewEntry.flags` beyond READ, WRITE and EXEC. */
export const VE_VALID = 0x1000;
export const VE_FIXED = 0x2000;

/** Names the object in one slot, 32 bytes. Write the ID first, then `flags` with VE_VALID. */
export class ViewEntry {
  lo: u64;
  hi: u64;
  /** libtwz: reference count of the slot. */
  res0: u64;
  flags: u32;
  /** libtwz: next slot of the hash chain. */
  res1: u32;
}

/** Offset of the table of entries in a view object. */
export const VIEW_TABLE = 0x40_0000;
export const VIEW_SLOTS = 0x2_0000;

/** Header of every object that the kernel takes part in (KSO): at OBJ_NULLPAGE. */
export class KsoHeader {
  /** Human-readable name, UTF-8, zero-terminated. */
  readonly name: FixedArray<u8, 256>;
  /** A `KsoType`. */
  type: u32;
  version: u32;
  reserved: u64;
}

/** What the view object holds from OBJ_NULLPAGE on. Handlers are addresses in this view's address space. */
export class ViewHeader {
  readonly kso: Inline<KsoHeader>;
  /** Called for a fault: handler(fault: u64, info: usize). 0 = none. */
  faultHandler: u64;
  /** Called when calling `faultHandler` itself fails. */
  doubleFaultHandler: u64;
  /** Bit f set: fault f is taken by the double-fault handler's default (the thread ends) instead of the handler. */
  faultMask: u64;
  flags: u64;
  /** The object that was loaded into slot 0, before it was copied. */
  execLo: u64;
  execHi: u64;
  /** Where a thread of this view starts after a power failure (`_resume`); 0 = it does not. */
  resume: u64;
  /** libtwz: lock and next slot of its slot allocator. */
  slotLock: u64;
  slotNext: u64;
  /** libtwz: free slots, one bit each, and hash of mapped objects. */
  readonly slotBitmap: FixedArray<u64, 1024>;
}

/** Well-known slots. */
export const SLOT_EXEC = 0;
/** Fixed slots: each thread has its own (docs/xtwz.md §3.7). */
export const SLOT_THREAD = 0x1_0000;
export const SLOT_STACK = 0x1_0001;
export const SLOT_TMPSTACK = 0x1_0005;
/** First and last slot that libtwz hands out. */
export const SLOT_ALLOC_FIRST = 0x1_0010;
export const SLOT_ALLOC_LAST = 0x1_9fff;
/** Fixed: the current view. */
export const SLOT_VIEW = 0x1_fff0;
/** Fixed: the thread's control object. */
export const SLOT_CONTROL = 0x1_fff1;

/** Entries of the fixed-slot table of a thread. */
export const FIXED_SLOTS = 32;

/** Index of a fixed slot in the fixed-slot table; FIXED_SLOTS if `slot` is not a fixed one. */
export function fixedIndex(slot: u64): u64 {
  if (slot >= 0x1_0000 && slot < 0x1_0010) return slot - 0x1_0000;
  if (slot >= 0x1_fff0 && slot < 0x2_0000) return slot - 0x1_fff0 + 16;
  return FIXED_SLOTS;
}

/** Address of `offset` in `slot`. */
export function slotAddress(slot: u64, offset: u64): usize {
  return (slot << OBJ_SHIFT) + offset;
}

static_assert(sizeof<ViewEntry>() === 32, 'ViewEntry');
