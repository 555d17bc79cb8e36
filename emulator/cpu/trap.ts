/**
 * Traps: taking an exception or an interrupt, and returning from one (Privileged ISA §3.1.6.1, §3.1.8, §3.1.9,
 * §3.3.2). Every trap and every return drops the hart's reservation, as on QEMU, so that no SC can succeed on a
 * reservation of another context.
 */
import { INTERRUPT_PRIORITY, Privilege } from './causes.ts';
import { Mstatus, Slot } from './csr-numbers.ts';
import type { Hart } from './hart.ts';
import { HART } from './state.ts';

const INTERRUPT_FLAG = 0x8000_0000 | 0;

/**
 * Decides where an exception goes when medeleg does not (Xtwz's causes). Undefined: medeleg decides.
 * @param privilege where it was raised
 */
export type DelegationRule = (hart: Hart, cause: number, privilege: number) => boolean | undefined;

/** True when exception `cause`, raised now, is taken in S-mode. */
export function isDelegated(hart: Hart, cause: number, rule?: DelegationRule): boolean {
  if (hart.privilege === Privilege.machine) return false;
  const decided = rule?.(hart, cause, hart.privilege);
  return decided ?? (hart.cellLo(Slot.medeleg) & (1 << cause)) !== 0;
}

/** Takes an exception at the instruction that pc names; tval in halves. `toSupervisor` is `isDelegated`. */
export function takeException(
  hart: Hart,
  cause: number,
  tvalLo: number,
  tvalHi: number,
  toSupervisor: boolean,
): void {
  if (toSupervisor) enterSupervisor(hart, cause, 0, tvalLo, tvalHi);
  else enterMachine(hart, cause, 0, tvalLo, tvalHi);
}

/** The interrupt to take now (its cause), or -1. */
export function selectInterrupt(hart: Hart): number {
  const enabled = hart.pending & hart.cellLo(Slot.mie);
  if (enabled === 0) return -1;
  const { privilege } = hart;
  const mstatus = hart.cellLo(Slot.mstatus);
  const delegated = hart.cellLo(Slot.mideleg);
  if (privilege < Privilege.machine || mstatus & Mstatus.MIE) {
    const cause = highest(enabled & ~delegated);
    if (cause >= 0) return cause;
  }
  if (privilege < Privilege.supervisor || (privilege === Privilege.supervisor && mstatus & Mstatus.SIE))
    return highest(enabled & delegated);
  return -1;
}

/** Takes the interrupt that `selectInterrupt` named. */
export function takeInterrupt(hart: Hart, cause: number): void {
  if (hart.privilege !== Privilege.machine && hart.cellLo(Slot.mideleg) & (1 << cause))
    enterSupervisor(hart, cause, INTERRUPT_FLAG, 0, 0);
  else enterMachine(hart, cause, INTERRUPT_FLAG, 0, 0);
}

/** True when WFI has nothing to wait for: an interrupt is pending and enabled in mie, whatever mstatus says. */
export const wakes = (hart: Hart): boolean => (hart.pending & hart.cellLo(Slot.mie)) !== 0;

function highest(bits: number): number {
  if (bits === 0) return -1;
  for (const cause of INTERRUPT_PRIORITY) if (bits & (1 << cause)) return cause;
  return -1;
}

function enterSupervisor(hart: Hart, cause: number, flag: number, tvalLo: number, tvalHi: number): void {
  const old = hart.cellLo(Slot.mstatus);
  let next = old & ~(Mstatus.SPIE | Mstatus.SIE | Mstatus.SPP);
  if (old & Mstatus.SIE) next |= Mstatus.SPIE;
  if (hart.privilege === Privilege.supervisor) next |= Mstatus.SPP;
  hart.setCellLo(Slot.mstatus, next);
  hart.setCell(Slot.sepc, hart.pcLo, hart.pcHi);
  hart.setCell(Slot.scause, cause, flag);
  hart.setCell(Slot.stval, tvalLo, tvalHi);
  jumpToVector(hart, Slot.stvec, flag ? cause : 0);
  changePrivilege(hart, Privilege.supervisor);
}

function enterMachine(hart: Hart, cause: number, flag: number, tvalLo: number, tvalHi: number): void {
  const old = hart.cellLo(Slot.mstatus);
  let next = old & ~(Mstatus.MPIE | Mstatus.MIE | Mstatus.MPP);
  if (old & Mstatus.MIE) next |= Mstatus.MPIE;
  next |= hart.privilege << Mstatus.MPP_SHIFT;
  hart.setCellLo(Slot.mstatus, next);
  hart.setCell(Slot.mepc, hart.pcLo, hart.pcHi);
  hart.setCell(Slot.mcause, cause, flag);
  hart.setCell(Slot.mtval, tvalLo, tvalHi);
  jumpToVector(hart, Slot.mtvec, flag ? cause : 0);
  changePrivilege(hart, Privilege.machine);
}

/** Vectored mode (bits 1:0 = 1) sends interrupts to base + 4 * cause. */
function jumpToVector(hart: Hart, slot: number, interrupt: number): void {
  const lo = hart.cell(slot);
  const base = lo & ~3;
  const target = lo & 1 ? (base + 4 * interrupt) | 0 : base;
  hart.setPc(target, target >>> 0 < base >>> 0 ? hart.hi + 1 : hart.hi);
}

function changePrivilege(hart: Hart, privilege: number): void {
  hart.privilege = privilege;
  hart.setScalar(HART.reserved, 0);
  hart.attention = true;
  hart.environment.modeChanged(hart);
}

/** Executes mret. False: illegal here. Sets pc; the caller counts the instruction. */
export function returnFromMachine(hart: Hart): boolean {
  if (hart.privilege !== Privilege.machine) return false;
  const old = hart.cellLo(Slot.mstatus);
  const privilege = (old & Mstatus.MPP) >>> Mstatus.MPP_SHIFT;
  let next = (old & ~(Mstatus.MIE | Mstatus.MPP)) | Mstatus.MPIE;
  if (old & Mstatus.MPIE) next |= Mstatus.MIE;
  if (privilege !== Privilege.machine) next &= ~Mstatus.MPRV;
  hart.setCellLo(Slot.mstatus, next);
  const lo = hart.cell(Slot.mepc);
  hart.setPc(lo, hart.hi);
  changePrivilege(hart, privilege);
  return true;
}

/** Executes sret. False: illegal here (U-mode, or S-mode under TSR). */
export function returnFromSupervisor(hart: Hart): boolean {
  const old = hart.cellLo(Slot.mstatus);
  if (hart.privilege < Privilege.supervisor) return false;
  if (hart.privilege === Privilege.supervisor && old & Mstatus.TSR) return false;
  const privilege = old & Mstatus.SPP ? Privilege.supervisor : Privilege.user;
  let next = (old & ~(Mstatus.SIE | Mstatus.SPP | Mstatus.MPRV)) | Mstatus.SPIE;
  if (old & Mstatus.SPIE) next |= Mstatus.SIE;
  hart.setCellLo(Slot.mstatus, next);
  const lo = hart.cell(Slot.sepc);
  hart.setPc(lo, hart.hi);
  changePrivilege(hart, privilege);
  return true;
}
