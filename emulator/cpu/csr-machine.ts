/**
 * The machine-level CSRs (Privileged ISA chapter 3) but for counters and PMP. Choices that the manual leaves open
 * follow QEMU 7.2's `rv64` CPU where it has one; docs/machine.md lists the differences.
 */
import { ALL_INTERRUPTS, DELEGABLE_EXCEPTIONS, SUPERVISOR_INTERRUPTS } from './causes.ts';
import { type CsrRow, zeroCsr } from './csr.ts';
import { Csr, Mstatus, Slot } from './csr-numbers.ts';
import type { Hart } from './hart.ts';
import { HART } from './state.ts';

/** MXL=2 (64 bits), extensions A C D F I M S U. */
const MISA: readonly [number, number] = [0x14112d, 0x8000_0000];
/** UXL = SXL = 2 (64 bits), in the high half of mstatus. */
export const XLEN_FIELDS = 0xa;
const SD_HIGH = 0x8000_0000 | 0;

const WRITABLE_MSTATUS =
  Mstatus.SIE |
  Mstatus.MIE |
  Mstatus.SPIE |
  Mstatus.MPIE |
  Mstatus.SPP |
  Mstatus.MPP |
  Mstatus.MPRV |
  Mstatus.SUM |
  Mstatus.MXR |
  Mstatus.TVM |
  Mstatus.TW |
  Mstatus.TSR;
/** What loads, stores and fetches depend on. */
const TRANSLATION_FIELDS = Mstatus.MPRV | Mstatus.MPP | Mstatus.SUM | Mstatus.MXR;

/** Low half of mstatus; the high half goes to `hart.hi`. */
export function readMstatus(hart: Hart): number {
  const fs = hart.scalar(HART.fs);
  hart.hi = XLEN_FIELDS | (fs === 3 ? SD_HIGH : 0);
  return hart.cellLo(Slot.mstatus) | (fs << Mstatus.FS_SHIFT);
}

/** Writes the fields of mstatus that `mask` selects. MPP keeps its value when 2 (reserved) is written. */
export function writeMstatus(hart: Hart, lo: number, mask: number): void {
  let writable = mask & WRITABLE_MSTATUS;
  if ((lo & Mstatus.MPP) === 2 << Mstatus.MPP_SHIFT) writable &= ~Mstatus.MPP;
  const old = hart.cellLo(Slot.mstatus);
  const next = (old & ~writable) | (lo & writable);
  hart.setCellLo(Slot.mstatus, next);
  if (mask & Mstatus.FS) hart.setScalar(HART.fs, (lo & Mstatus.FS) >>> Mstatus.FS_SHIFT);
  const changed = old ^ next;
  if (changed & TRANSLATION_FIELDS) hart.environment.modeChanged(hart);
  if (changed & (Mstatus.MIE | Mstatus.SIE)) hart.attention = true;
}

/** Fields common to menvcfg and senvcfg (Zicbom, Zicboz), in the low half. */
export const Envcfg = {
  FIOM: 1,
  CBIE: 3 << 4,
  CBIE_SHIFT: 4,
  CBCFE: 1 << 6,
  CBZE: 1 << 7,
  /** In the high half of menvcfg: bit 63. */
  STCE_HIGH: 0x8000_0000 | 0,
} as const;
const ENVCFG_MASK = Envcfg.FIOM | Envcfg.CBIE | Envcfg.CBCFE | Envcfg.CBZE;

/** The legal value of an envcfg register: CBIE = 2 is reserved and keeps the old field. */
export function legalEnvcfg(old: number, lo: number): number {
  const mask = (lo & Envcfg.CBIE) === 2 << Envcfg.CBIE_SHIFT ? ENVCFG_MASK & ~Envcfg.CBIE : ENVCFG_MASK;
  return (old & ~mask) | (lo & mask);
}

/** The trap vectors: a write with a reserved mode (bits 1:0 above 1) is ignored whole, as on QEMU. */
export function writeTrapVector(slot: number): (hart: Hart, lo: number, hi: number) => void {
  return (hart, lo, hi) => {
    if ((lo & 3) < 2) hart.setCell(slot, lo, hi);
  };
}

/** Bits of mip that a write changes: STIP is the comparator's while menvcfg.STCE is set (Sstc). */
const writableMip = (hart: Hart): number =>
  hart.cellHi(Slot.menvcfg) & Envcfg.STCE_HIGH ? SUPERVISOR_INTERRUPTS & ~(1 << 5) : SUPERVISOR_INTERRUPTS;

function writeMip(hart: Hart, lo: number): void {
  const mask = writableMip(hart);
  hart.setCellLo(Slot.mip, (hart.cellLo(Slot.mip) & ~mask) | (lo & mask));
  hart.attention = true;
}

export const MACHINE_CSRS: readonly CsrRow[] = [
  zeroCsr(Csr.mvendorid, 'mvendorid', '§3.1.2'),
  zeroCsr(Csr.marchid, 'marchid', '§3.1.3'),
  zeroCsr(Csr.mimpid, 'mimpid', '§3.1.4'),
  {
    number: Csr.mhartid,
    name: 'mhartid',
    section: '§3.1.5',
    read: (hart) => {
      hart.hi = 0;
      return hart.index;
    },
  },
  zeroCsr(Csr.mconfigptr, 'mconfigptr', '§3.1.17'),
  {
    number: Csr.mstatus,
    name: 'mstatus',
    section: '§3.1.6',
    read: readMstatus,
    write: (hart, lo) => writeMstatus(hart, lo, -1),
  },
  {
    number: Csr.misa,
    name: 'misa',
    section: '§3.1.1',
    read: (hart) => {
      hart.hi = MISA[1] | 0;
      return MISA[0];
    },
  },
  {
    number: Csr.medeleg,
    name: 'medeleg',
    section: '§3.1.8',
    slot: Slot.medeleg,
    mask: [DELEGABLE_EXCEPTIONS, 0],
  },
  {
    number: Csr.mideleg,
    name: 'mideleg',
    section: '§3.1.8',
    slot: Slot.mideleg,
    write: (hart, lo) => {
      hart.setCellLo(Slot.mideleg, lo & SUPERVISOR_INTERRUPTS);
      hart.attention = true;
    },
  },
  {
    number: Csr.mie,
    name: 'mie',
    section: '§3.1.9',
    slot: Slot.mie,
    write: (hart, lo) => {
      hart.setCellLo(Slot.mie, lo & ALL_INTERRUPTS);
      hart.attention = true;
    },
  },
  {
    number: Csr.mtvec,
    name: 'mtvec',
    section: '§3.1.7',
    slot: Slot.mtvec,
    write: writeTrapVector(Slot.mtvec),
  },
  {
    number: Csr.mcounteren,
    name: 'mcounteren',
    section: '§3.1.11',
    slot: Slot.mcounteren,
    mask: [-1, 0],
  },
  {
    number: Csr.menvcfg,
    name: 'menvcfg',
    section: '§3.1.18',
    slot: Slot.menvcfg,
    write: (hart, lo, hi) => {
      const oldLo = hart.cell(Slot.menvcfg);
      const stce = hi & Envcfg.STCE_HIGH;
      const timer = stce !== (hart.hi & Envcfg.STCE_HIGH);
      hart.setCell(Slot.menvcfg, legalEnvcfg(oldLo, lo), stce);
      hart.environment.translationChanged(hart);
      if (timer) hart.environment.supervisorTimerChanged(hart);
    },
  },
  { number: Csr.mscratch, name: 'mscratch', section: '§3.1.13', slot: Slot.mscratch },
  { number: Csr.mepc, name: 'mepc', section: '§3.1.14', slot: Slot.mepc, mask: [-2, -1] },
  { number: Csr.mcause, name: 'mcause', section: '§3.1.15', slot: Slot.mcause },
  { number: Csr.mtval, name: 'mtval', section: '§3.1.16', slot: Slot.mtval },
  {
    number: Csr.mip,
    name: 'mip',
    section: '§3.1.9',
    // No slot here: the cell holds only the software-set part of what is read.
    read: (hart) => {
      hart.hi = 0;
      return hart.pending;
    },
    write: writeMip,
  },
  // No trigger is implemented: every index reads as "no trigger here" (Debug specification §5.2).
  zeroCsr(Csr.tselect, 'tselect', 'Debug §5.2.1'),
  zeroCsr(Csr.tdata1, 'tdata1', 'Debug §5.2.2'),
  zeroCsr(Csr.tdata2, 'tdata2', 'Debug §5.2.3'),
  zeroCsr(Csr.tdata3, 'tdata3', 'Debug §5.2.4'),
];
