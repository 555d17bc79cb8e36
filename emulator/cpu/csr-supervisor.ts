/**
 * The supervisor-level CSRs (Privileged ISA chapter 4; Sstc) and the floating-point ones (Unprivileged ISA §11.2).
 * sstatus, sie and sip are views of their machine-level registers.
 */
import { Privilege } from './causes.ts';
import type { CsrRow } from './csr.ts';
import { Envcfg, legalEnvcfg, readMstatus, writeMstatus, writeTrapVector } from './csr-machine.ts';
import { Csr, Mstatus, Slot } from './csr-numbers.ts';
import type { Hart } from './hart.ts';
import { HART } from './state.ts';

const SSTATUS_WRITABLE = Mstatus.SIE | Mstatus.SPIE | Mstatus.SPP | Mstatus.FS | Mstatus.SUM | Mstatus.MXR;
/** UXL and SD, in the high half. */
const SSTATUS_HIGH = 0x8000_0003 | 0;

/** satp as one traps it under mstatus.TVM (§3.1.6.5). */
const tvmGuard = (hart: Hart): boolean =>
  hart.privilege !== Privilege.supervisor || (hart.cellLo(Slot.mstatus) & Mstatus.TVM) === 0;

/** stimecmp below M-mode needs menvcfg.STCE and mcounteren.TM (Sstc §2.1). */
const stimecmpGuard = (hart: Hart): boolean =>
  hart.privilege === Privilege.machine ||
  ((hart.cellHi(Slot.menvcfg) & Envcfg.STCE_HIGH) !== 0 && (hart.cellLo(Slot.mcounteren) & 2) !== 0);

/** A satp that selects a mode this hart does not have changes nothing (§4.1.11). */
function writeSatp(hart: Hart, lo: number, hi: number): void {
  const mode = hi >>> 28;
  if (mode !== 0 && !hart.environment.hasTranslationMode(mode)) return;
  if (hart.cell(Slot.satp) === lo && hart.hi === hi) return;
  hart.setCell(Slot.satp, lo, hi);
  hart.environment.translationChanged(hart);
}

const fpEnabled = (hart: Hart): boolean => hart.scalar(HART.fs) !== 0;

/** Any write of fcsr makes the floating-point state dirty. */
function setDirty(hart: Hart): void {
  hart.setScalar(HART.fs, 3);
}

const readFp = (value: (hart: Hart) => number) => (hart: Hart) => {
  hart.hi = 0;
  return value(hart);
};

export const SUPERVISOR_CSRS: readonly CsrRow[] = [
  {
    number: Csr.sstatus,
    name: 'sstatus',
    section: '§4.1.1',
    read: (hart) => {
      const lo = readMstatus(hart) & SSTATUS_WRITABLE;
      hart.hi &= SSTATUS_HIGH;
      return lo;
    },
    write: (hart, lo) => writeMstatus(hart, lo, SSTATUS_WRITABLE),
  },
  {
    number: Csr.sie,
    name: 'sie',
    section: '§4.1.3',
    read: (hart) => {
      hart.hi = 0;
      return hart.cellLo(Slot.mie) & hart.cellLo(Slot.mideleg);
    },
    write: (hart, lo) => {
      const mask = hart.cellLo(Slot.mideleg);
      hart.setCellLo(Slot.mie, (hart.cellLo(Slot.mie) & ~mask) | (lo & mask));
      hart.attention = true;
    },
  },
  {
    number: Csr.sip,
    name: 'sip',
    section: '§4.1.3',
    read: (hart) => {
      const delegated = hart.cellLo(Slot.mideleg);
      hart.hi = 0;
      return hart.pending & delegated;
    },
    write: (hart, lo) => {
      const mask = hart.cellLo(Slot.mideleg) & 2; // only SSIP can be written from S-mode
      hart.setCellLo(Slot.mip, (hart.cellLo(Slot.mip) & ~mask) | (lo & mask));
      hart.attention = true;
    },
  },
  {
    number: Csr.stvec,
    name: 'stvec',
    section: '§4.1.2',
    slot: Slot.stvec,
    write: writeTrapVector(Slot.stvec),
  },
  { number: Csr.scounteren, name: 'scounteren', section: '§4.1.5', slot: Slot.scounteren, mask: [-1, 0] },
  {
    number: Csr.senvcfg,
    name: 'senvcfg',
    section: '§4.1.10',
    slot: Slot.senvcfg,
    write: (hart, lo) => {
      hart.setCell(Slot.senvcfg, legalEnvcfg(hart.cellLo(Slot.senvcfg), lo), 0);
      hart.environment.translationChanged(hart);
    },
  },
  { number: Csr.sscratch, name: 'sscratch', section: '§4.1.6', slot: Slot.sscratch },
  { number: Csr.sepc, name: 'sepc', section: '§4.1.7', slot: Slot.sepc, mask: [-2, -1] },
  { number: Csr.scause, name: 'scause', section: '§4.1.8', slot: Slot.scause },
  { number: Csr.stval, name: 'stval', section: '§4.1.9', slot: Slot.stval },
  {
    number: Csr.stimecmp,
    name: 'stimecmp',
    section: 'Sstc',
    slot: Slot.stimecmp,
    guard: stimecmpGuard,
    write: (hart, lo, hi) => {
      hart.setCell(Slot.stimecmp, lo, hi);
      hart.environment.supervisorTimerChanged(hart);
    },
  },
  {
    number: Csr.satp,
    name: 'satp',
    section: '§4.1.11',
    slot: Slot.satp,
    guard: tvmGuard,
    write: writeSatp,
  },
  {
    number: Csr.fflags,
    name: 'fflags',
    section: 'F §11.2',
    guard: fpEnabled,
    read: readFp((hart) => hart.scalar(HART.fflags)),
    write: (hart, lo) => {
      hart.setScalar(HART.fflags, lo & 31);
      setDirty(hart);
    },
  },
  {
    number: Csr.frm,
    name: 'frm',
    section: 'F §11.2',
    guard: fpEnabled,
    read: readFp((hart) => hart.scalar(HART.frm)),
    write: (hart, lo) => {
      hart.setScalar(HART.frm, lo & 7);
      setDirty(hart);
    },
  },
  {
    number: Csr.fcsr,
    name: 'fcsr',
    section: 'F §11.2',
    guard: fpEnabled,
    read: readFp((hart) => hart.scalar(HART.fflags) | (hart.scalar(HART.frm) << 5)),
    write: (hart, lo) => {
      hart.setScalar(HART.fflags, lo & 31);
      hart.setScalar(HART.frm, (lo >> 5) & 7);
      setDirty(hart);
    },
  },
];
