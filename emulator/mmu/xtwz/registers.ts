/** Where the CSRs of docs/xtwz.md §2 lie in a hart's state, and the roots that a walk takes from them. */
import { Slot } from '../../cpu/csr-numbers.ts';
import type { Hart } from '../../cpu/hart.ts';
import { VALID } from './layout.ts';
import type { WalkRoots } from './walk.ts';

const FIRST = Slot.custom;
/** Slots of the stored CSRs; the five fault CSRs of a level are consecutive, in the order of their numbers. */
export const XtwzSlot = {
  view: FIRST,
  context: FIRST + 1,
  fixed: FIRST + 2,
  config: FIRST + 3,
  machineConfig: FIRST + 4,
  supervisorFault: FIRST + 5,
  machineFault: FIRST + 10,
} as const;
/** Names and order of the fault CSRs in their runs of numbers and slots, without `stwz` or `mtwz`. */
export const FAULT_CSRS = ['idlo', 'idhi', 'off', 'info', 'desc'] as const;

/** The physical address in a pointer CSR, -1 while V = 0. */
export function rootOf(hart: Hart, slot: number): number {
  const lo = hart.cell(slot);
  return lo & VALID ? (hart.hi >>> 0) * 2 ** 32 + ((lo & ~VALID) >>> 0) : -1;
}

/** Fills `roots` from the hart's CSRs. */
export function readRoots(hart: Hart, roots: WalkRoots): void {
  const satpLo = hart.cell(Slot.satp);
  roots.space = ((hart.hi & 0xfff) * 2 ** 32 + (satpLo >>> 0)) * 4096;
  roots.view = rootOf(hart, XtwzSlot.view);
  roots.context = rootOf(hart, XtwzSlot.context);
  roots.fixed = rootOf(hart, XtwzSlot.fixed);
}
