/**
 * The persistent-pointer lookaside of docs/xtwz.md §10: 256 direct-mapped entries in the hart's state (state.ts has the
 * format), read by `xtwz.pptr` and `xtwz.pld` inside both engines and changed only here.
 *
 * Entries belong to an *owner*, one of 63 recent pairs of stwzview and stwzctx, which are kept, with the place to
 * give away next, in the hart's state behind the entries. A new pair takes an old one's number, whose entries go.
 */
import type { Hart } from '../../cpu/hart.ts';
import { HART, POINTER_ENTRIES, POINTER_ENTRY_SIZE, POINTER_TAG, POINTER_TARGET } from '../../cpu/state.ts';
import { ADDRESS, CFG, fixedIndex, POINTER, VALID } from './layout.ts';
import { XtwzSlot } from './registers.ts';

/** Owner numbers run from 1 to this. */
const OWNERS = 63;
const WORDS_PER_OWNER = 4;
const OWNER_SHIFT_HI = POINTER_TAG.ownerShift - 32;

const entryWord = (hart: Hart, place: number): number =>
  hart.word + ((HART.pointerLookaside + place * POINTER_ENTRY_SIZE) >> 2);
/** First word of owner `n`'s pair; owner 0's words hold the number to give away next. */
const ownerWord = (hart: Hart, n: number): number =>
  hart.word + (HART.pointerOwners >> 2) + n * WORDS_PER_OWNER;

/** Slot of an address in the object window, or -1. Halves signed or unsigned. */
export function slotOf(lo: number, hi: number): number {
  return hi >>> 15 === 0 ? ((hi << 2) | (lo >>> 30)) & (ADDRESS.slots - 1) : -1;
}

/** Empties the entries for which `predicate` holds. */
function drop(
  hart: Hart,
  predicate: (owner: number, slot: number, index: number, target: number) => boolean,
): void {
  const { i32 } = hart;
  for (let place = 0; place < POINTER_ENTRIES; place++) {
    const at = entryWord(hart, place);
    const lo = i32[at]!;
    const hi = i32[at + 1]!;
    if ((lo | hi) === 0) continue;
    const target = at + (POINTER_TARGET >> 2);
    const index =
      ((lo >>> POINTER_TAG.indexShift) | (hi << (32 - POINTER_TAG.indexShift))) & (POINTER.maxIndex - 1);
    const mapped = slotOf(i32[target]!, i32[target + 1]!);
    if (!predicate(hi >>> OWNER_SHIFT_HI, lo & (ADDRESS.slots - 1), index, mapped)) continue;
    i32.fill(0, at, at + (POINTER_ENTRY_SIZE >> 2));
  }
}

/** Empties everything: sfence.vma, reset. */
export function dropPointers(hart: Hart): void {
  const start = entryWord(hart, 0);
  hart.i32.fill(0, start, start + ((POINTER_ENTRIES * POINTER_ENTRY_SIZE) >> 2));
}

/** Puts the present owner into the hart's state, after a change of stwzview, stwzctx or stwzcfg. */
export function refreshPointerOwner(hart: Hart): void {
  const owner = presentOwner(hart);
  hart.setScalar(HART.pointerOwner, 0);
  hart.setScalar(HART.pointerOwner + 4, owner << OWNER_SHIFT_HI);
}

function presentOwner(hart: Hart): number {
  if ((hart.cellLo(XtwzSlot.config) & CFG.persistentPointers) === 0) return 0;
  const viewLo = hart.cell(XtwzSlot.view);
  const viewHi = hart.hi;
  const contextLo = hart.cell(XtwzSlot.context);
  const contextHi = hart.hi;
  if ((viewLo & contextLo & VALID) === 0) return 0;
  const { i32 } = hart;
  for (let n = 1; n <= OWNERS; n++) {
    const at = ownerWord(hart, n);
    if (
      i32[at] === viewLo &&
      i32[at + 1] === viewHi &&
      i32[at + 2] === contextLo &&
      i32[at + 3] === contextHi
    )
      return n;
  }
  const next = ownerWord(hart, 0);
  const owner = (i32[next]! % OWNERS) + 1;
  i32[next] = owner;
  drop(hart, (other) => other === owner);
  const at = ownerWord(hart, owner);
  i32[at] = viewLo;
  i32[at + 1] = viewHi;
  i32[at + 2] = contextLo;
  i32[at + 3] = contextHi;
  return owner;
}

/** Whether owner `n` is of the view (or, with `which` 1, the context) at physical address `pa`. */
function ownerIs(hart: Hart, n: number, which: 0 | 1, pa: number): boolean {
  const at = ownerWord(hart, n) + 2 * which;
  return (hart.i32[at + 1]! >>> 0) * 2 ** 32 + ((hart.i32[at]! & ~VALID) >>> 0) === pa;
}

/** xtwz.pfill: rs1 an address in the holding object, rs2 the pointer, rs3 an address in the target's slot. */
export function fillPointer(hart: Hart, rs1: number, rs2: number, rs3: number): void {
  const { i32 } = hart;
  const ownerHi = hart.scalar(HART.pointerOwner + 4);
  const baseLo = hart.x(rs1);
  const slot = slotOf(baseLo, hart.hi);
  const pointerLo = hart.x(rs2);
  const pointerHi = hart.hi;
  const targetLo = hart.x(rs3);
  const targetHi = hart.hi;
  const target = slotOf(targetLo, targetHi);
  // The index is the pointer's bits 63:30; only those below 2^20 are kept.
  const index = ((pointerHi << 2) | (pointerLo >>> 30)) & (POINTER.maxIndex - 1);
  if (ownerHi === 0 || index === 0 || pointerHi >>> 18 !== 0) return;
  if (slot < 0 || target < 0 || fixedIndex(slot) >= 0 || fixedIndex(target) >= 0) return;
  const place = (index ^ (slot << POINTER_TAG.slotHashShift)) & (POINTER_ENTRIES - 1);
  const at = entryWord(hart, place);
  i32[at] = slot | (index << POINTER_TAG.indexShift);
  i32[at + 1] = ownerHi | (index >>> (32 - POINTER_TAG.indexShift));
  i32[at + 2] = target << 30;
  i32[at + 3] = target >>> 2;
}

/**
 * What `xtwz.pld` makes of a pointer loaded from a cell, where the engines did not do the load: the low half of the
 * address, and the high half in `hart.hi`.
 */
export function translateLoaded(hart: Hart, cellLo: number, cellHi: number, lo: number, hi: number): number {
  const offset = lo & (2 ** ADDRESS.offsetBits - 1);
  hart.hi = 0;
  if (offset < ADDRESS.nullBytes) return offset;
  if (hi === 0 && lo >>> ADDRESS.offsetBits === 0) {
    hart.hi = cellHi;
    return (cellLo & ~(2 ** ADDRESS.offsetBits - 1)) | offset;
  }
  const slot = ((cellHi << 2) | (cellLo >>> ADDRESS.offsetBits)) & (ADDRESS.slots - 1);
  const index = (hi << 2) | (lo >>> ADDRESS.offsetBits);
  const at = entryWord(hart, (index ^ (slot << POINTER_TAG.slotHashShift)) & (POINTER_ENTRIES - 1));
  const { i32 } = hart;
  // Indexes that are never entered have other bits than these in `hi`.
  const tagLo = slot | (index << POINTER_TAG.indexShift);
  const tagHi = hart.scalar(HART.pointerOwner + 4) | (index >>> (32 - POINTER_TAG.indexShift));
  if (hi >>> 18 === 0 && i32[at] === tagLo && i32[at + 1] === tagHi) {
    hart.hi = i32[at + 3]!;
    return i32[at + 2]! | offset;
  }
  hart.hi = cellHi | (1 << 31);
  return cellLo;
}

/** xtwz.pinval on one hart: entries of a slot (-1: all) and index (-1: all), whoever owns them. */
export function invalidatePointers(hart: Hart, slot: number, index: number): void {
  drop(hart, (_owner, holder, i) => (slot < 0 || holder === slot) && (index < 0 || i === index));
}

/** xtwz.inval.view: what leads from or to a slot (-1: all) of a view. */
export function invalidateViewPointers(hart: Hart, view: number, slot: number): void {
  drop(
    hart,
    (owner, holder, _index, target) =>
      (slot < 0 || holder === slot || target === slot) && ownerIs(hart, owner, 0, view),
  );
}

/** xtwz.inval.obj: all of a context (-1: all) when `descriptor` is -1, and all of a view that `descriptor` is. */
export function invalidateObjectPointers(hart: Hart, descriptor: number, context: number): void {
  if (descriptor >= 0) drop(hart, (owner) => ownerIs(hart, owner, 0, descriptor));
  else if (context < 0) dropPointers(hart);
  else drop(hart, (owner) => ownerIs(hart, owner, 1, context));
}
