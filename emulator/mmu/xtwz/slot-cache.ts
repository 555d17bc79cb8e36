/**
 * A cache of what steps 1 to 3 of the walk found: for a slot under a view and a context, the object's descriptor, page
 * tree and the rights in effect (docs/xtwz.md §7 allows any combination of what a walk without fault used). With it
 * a TLB miss costs two reads of memory instead of a dozen. It lies in the hart's state, so that saved states and
 * snapshots have it, and is direct-mapped by the low bits of slot and context.
 *
 *   entry, 64 bytes:  f64 space · f64 context key · f64 tree · f64 descriptor · i32 slot + 1 (0 = empty) · i32 rights in effect
 *                     · i32 LIMIT · i32 flags (bit 0 root's C, bit 1 accessed and dirty bits are kept)
 *
 * Invalidations of views and objects empty all of it: they are rare beside misses. Invalidations of pages do not
 * concern it, unless the page is of a view's table.
 */
import type { Hart } from '../../cpu/hart.ts';
import { HART, SLOT_CACHE_BYTES } from '../../cpu/state.ts';
import type { XtwzWalker } from './walk.ts';

const ENTRY_SIZE = 64;
const ENTRIES = SLOT_CACHE_BYTES / ENTRY_SIZE;
const AT = {
  space: 0,
  key: 8,
  tree: 16,
  descriptor: 24,
  slot: 32,
  rights: 36,
  limit: 40,
  flags: 44,
} as const;
const COPY_ON_WRITE = 1;
const KEEPS_BITS = 2;

/** A context's number is in the low bits of the key: contexts that use the same slot have different places. */
const place = (hart: Hart, slot: number, key: number): number =>
  hart.base + HART.slotCache + ((slot ^ (key % ENTRIES)) & (ENTRIES - 1)) * ENTRY_SIZE;

/** Sets the walker's fields from the entry of a slot. False: there is none. */
export function findSlot(hart: Hart, space: number, key: number, slot: number, walker: XtwzWalker): boolean {
  const at = place(hart, slot, key);
  const { view } = hart;
  if (view.getInt32(at + AT.slot, true) !== slot + 1) return false;
  if (view.getFloat64(at + AT.key, true) !== key || view.getFloat64(at + AT.space, true) !== space)
    return false;
  const flags = view.getInt32(at + AT.flags, true);
  walker.slot = slot;
  walker.tree = view.getFloat64(at + AT.tree, true);
  walker.descriptor = view.getFloat64(at + AT.descriptor, true);
  walker.effective = view.getInt32(at + AT.rights, true);
  walker.limit = view.getInt32(at + AT.limit, true);
  walker.rootCopyOnWrite = (flags & COPY_ON_WRITE) !== 0;
  walker.keepsBits = (flags & KEEPS_BITS) !== 0;
  return true;
}

/** Keeps what a walk that succeeded found of its slot. */
export function keepSlot(hart: Hart, space: number, key: number, walker: XtwzWalker): void {
  const at = place(hart, walker.slot, key);
  const { view } = hart;
  view.setFloat64(at + AT.space, space, true);
  view.setFloat64(at + AT.key, key, true);
  view.setFloat64(at + AT.tree, walker.tree, true);
  view.setFloat64(at + AT.descriptor, walker.descriptor, true);
  view.setInt32(at + AT.slot, walker.slot + 1, true);
  view.setInt32(at + AT.rights, walker.effective, true);
  view.setInt32(at + AT.limit, walker.limit, true);
  const flags = (walker.rootCopyOnWrite ? COPY_ON_WRITE : 0) | (walker.keepsBits ? KEEPS_BITS : 0);
  view.setInt32(at + AT.flags, flags, true);
}

/** Empties a hart's cache. */
export function dropSlots(hart: Hart): void {
  const start = (hart.base + HART.slotCache) >> 2;
  hart.i32.fill(0, start, start + (SLOT_CACHE_BYTES >> 2));
}
