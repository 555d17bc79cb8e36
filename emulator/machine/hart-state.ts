/**
 * A hart's state as named fields: what saved files, state hashes and comparisons see of it. What follows from other
 * fields (regime numbers in use, the direct window, fast TLBs) is left out.
 */
import type { CsrFile } from '../cpu/csr.ts';
import { Slot } from '../cpu/csr-numbers.ts';
import { HART, POINTER_BYTES, SLOT_CACHE_BYTES } from '../cpu/state.ts';
import { Tlb } from '../mmu/tlb.ts';
import type { State, StateValue } from './bus.ts';
import type { Core } from './core.ts';
import { bytesField, numberField, numbersField, stateField } from './fields.ts';

/** 32-bit scalars that are state, by name. */
const SCALARS = {
  privilege: HART.privilege,
  fflags: HART.fflags,
  frm: HART.frm,
  fs: HART.fs,
  reserved: HART.reserved,
} as const;
/** 64-bit scalars that are state, by name. */
const WIDE_SCALARS = {
  pc: HART.pc,
  reservation: HART.reservation,
  reservationValue: HART.reservationValue,
  retired: HART.retiredBase,
  pointerOwner: HART.pointerOwner,
} as const;

const REGISTER_BYTES = 256;
const F_START = 0x100;

/** Every CSR cell by name: the standard slots, and those of extensions. */
function cells(csrs: CsrFile): [name: string, slot: number][] {
  const list: [string, number][] = [];
  for (const [name, slot] of Object.entries(Slot)) {
    if (name === 'custom' || name === 'pmpcfg' || name === 'pmpaddr') continue;
    list.push([name, slot]);
  }
  for (const row of csrs.rows) {
    const extra = row.slot !== undefined && (row.slot >= Slot.custom || row.name.startsWith('pmp'));
    if (extra) list.push([row.name, row.slot!]);
  }
  return list;
}

/** The persistent-pointer lookaside (docs/xtwz.md §10), in place. */
export const pointerBytes = ({ hart }: Core): Uint8Array =>
  new Uint8Array(hart.i32.buffer, hart.base + HART.pointerLookaside, POINTER_BYTES);

/** What walks remember of slots (mmu/xtwz/slot-cache.ts), in place. */
export const slotCacheBytes = ({ hart }: Core): Uint8Array =>
  new Uint8Array(hart.i32.buffer, hart.base + HART.slotCache, SLOT_CACHE_BYTES);

/** What the guest can see or what decides how it goes on, but for translations. */
export function saveHart(core: Core, csrs: CsrFile): State {
  const { hart } = core;
  const bytes = (offset: number): Uint8Array =>
    new Uint8Array(hart.i32.buffer.slice(hart.base + offset, hart.base + offset + REGISTER_BYTES));
  const state: Record<string, StateValue> = { x: bytes(0), f: bytes(F_START) };
  for (const [name, offset] of Object.entries(SCALARS)) state[name] = hart.scalar(offset);
  for (const [name, offset] of Object.entries(WIDE_SCALARS))
    state[name] = [hart.scalar(offset), hart.scalar(offset + 4)];
  state['csrs'] = Object.fromEntries(
    cells(csrs).map(([name, slot]) => [name, [hart.cellLo(slot), hart.cellHi(slot)]]),
  );
  state['pointers'] = pointerBytes(core).slice();
  return state;
}

/** Translations that the hart remembers: they matter to guests that change tables without telling (sfence.vma). */
export function saveTranslations(core: Core): State {
  return {
    entries: new Uint8Array(core.mmu.tlb.save().buffer),
    regimes: { ...core.mmu.regimes.save() },
    fixedCached: core.hart.scalar(HART.fixedCached),
    slots: slotCacheBytes(core).slice(),
  };
}

export function restoreHart(core: Core, csrs: CsrFile, state: State): void {
  const { hart } = core;
  const memory = new Uint8Array(hart.i32.buffer);
  memory.set(bytesField(state, 'x', REGISTER_BYTES), hart.base);
  memory.set(bytesField(state, 'f', REGISTER_BYTES), hart.base + F_START);
  for (const [name, offset] of Object.entries(SCALARS)) hart.setScalar(offset, numberField(state, name));
  for (const [name, offset] of Object.entries(WIDE_SCALARS)) {
    const [lo, hi] = numbersField(state, name, 2);
    hart.setScalar(offset, lo!);
    hart.setScalar(offset + 4, hi!);
  }
  const saved = stateField(state, 'csrs');
  for (const [name, slot] of cells(csrs)) {
    const [lo, hi] = numbersField(saved, name, 2);
    hart.setCell(slot, lo!, hi!);
  }
  pointerBytes(core).set(bytesField(state, 'pointers', POINTER_BYTES));
  hart.loadBudget(0);
  hart.attention = true;
}

/** Puts translations back; the hart's registers must be restored already. */
export function restoreTranslations(core: Core, state: State): void {
  const regimes = stateField(state, 'regimes');
  const spaces = regimes['spaces'];
  if (!Array.isArray(spaces)) throw new Error('the field regimes.spaces is missing');
  core.mmu.restoreTranslations(Tlb.expand(new Int32Array(bytesField(state, 'entries').slice().buffer)), {
    next: numberField(regimes, 'next'),
    bare: numbersField(regimes, 'bare'),
    spaces: spaces as readonly (readonly number[])[],
    used: numbersField(regimes, 'used'),
    clock: numberField(regimes, 'clock'),
    free: numbersField(regimes, 'free'),
  });
  core.hart.setScalar(HART.fixedCached, numberField(state, 'fixedCached'));
  slotCacheBytes(core).set(bytesField(state, 'slots', SLOT_CACHE_BYTES));
}
