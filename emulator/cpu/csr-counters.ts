/**
 * Counters (Privileged ISA §3.1.10–§3.1.12; Zicntr). minstret counts retired instructions; so does mcycle, since
 * without the timing model an instruction takes one cycle. With it mcycle is the model's count. The other counters
 * are hardwired to zero.
 *
 * A counter is the hart's retired instructions, or cycles, plus an offset, so counting costs nothing; while it is inhibited its
 * cell holds the value itself.
 */
import type { CsrRow } from './csr.ts';
import { counterEnabled, zeroCsr } from './csr.ts';
import { Csr, Slot } from './csr-numbers.ts';
import type { Hart } from './hart.ts';

const CY = 1;
const IR = 4;

const guardOf = (bit: number) => (hart: Hart) => counterEnabled(hart, bit, Slot.mcounteren, Slot.scounteren);

/** What a counter counts, now. */
function counted(hart: Hart, slot: number): number {
  const { cycles } = hart.environment;
  return cycles !== undefined && slot === Slot.mcycleOffset ? cycles() : hart.retired;
}

/** offset + what is counted, as halves. */
function readCounter(hart: Hart, slot: number, inhibit: number): number {
  const lo = hart.cell(slot);
  if (hart.cellLo(Slot.mcountinhibit) & inhibit) {
    hart.hi = hart.cellHi(slot);
    return lo;
  }
  const hi = hart.cellHi(slot);
  const count = counted(hart, slot);
  const sum = (lo >>> 0) + (count >>> 0);
  hart.hi = (hi + Math.floor(count / 2 ** 32) + (sum > 0xffff_ffff ? 1 : 0)) | 0;
  return sum | 0;
}

/** Makes the counter read as the given value after this instruction has retired. */
function writeCounter(hart: Hart, slot: number, inhibit: number, lo: number, hi: number): void {
  if (hart.cellLo(Slot.mcountinhibit) & inhibit) {
    hart.setCell(slot, lo, hi);
    return;
  }
  const count = counted(hart, slot) + 1;
  const difference = (lo >>> 0) - (count >>> 0);
  hart.setCell(slot, difference | 0, (hi - Math.floor(count / 2 ** 32) - (difference < 0 ? 1 : 0)) | 0);
}

function writeInhibit(hart: Hart, value: number): void {
  const next = value & (CY | IR);
  for (const [slot, bit] of [
    [Slot.mcycleOffset, CY],
    [Slot.minstretOffset, IR],
  ] as const) {
    const was = hart.cellLo(Slot.mcountinhibit) & bit;
    if (was === (next & bit)) continue;
    const lo = readCounter(hart, slot, bit);
    const { hi } = hart;
    hart.setCellLo(Slot.mcountinhibit, hart.cellLo(Slot.mcountinhibit) ^ bit);
    writeCounter(hart, slot, bit, lo, hi);
  }
}

function counter(number: number, name: string, slot: number, inhibit: number): CsrRow {
  return {
    number,
    name,
    section: '§3.1.10',
    read: (hart) => readCounter(hart, slot, inhibit),
    write: (hart, lo, hi) => writeCounter(hart, slot, inhibit, lo, hi),
  };
}

function userCounter(number: number, name: string, slot: number, bit: number): CsrRow {
  return {
    number,
    name,
    section: 'Zicntr',
    read: (hart) => readCounter(hart, slot, 1 << bit),
    guard: guardOf(bit),
  };
}

const HPM = Array.from({ length: 29 }, (_, i) => i);

export const COUNTER_CSRS: readonly CsrRow[] = [
  counter(Csr.mcycle, 'mcycle', Slot.mcycleOffset, CY),
  counter(Csr.minstret, 'minstret', Slot.minstretOffset, IR),
  {
    number: Csr.mcountinhibit,
    name: 'mcountinhibit',
    section: '§3.1.12',
    slot: Slot.mcountinhibit,
    write: writeInhibit,
  },
  userCounter(Csr.cycle, 'cycle', Slot.mcycleOffset, 0),
  {
    number: Csr.time,
    name: 'time',
    section: 'Zicntr',
    guard: guardOf(1),
    read: (hart) => {
      const { low, high } = hart.environment.ticks();
      hart.hi = high | 0;
      return low | 0;
    },
  },
  userCounter(Csr.instret, 'instret', Slot.minstretOffset, 2),
  ...HPM.map((i) => zeroCsr(Csr.mhpmcounter3 + i, `mhpmcounter${i + 3}`, '§3.1.10')),
  ...HPM.map((i) => zeroCsr(Csr.mhpmevent3 + i, `mhpmevent${i + 3}`, '§3.1.10')),
  ...HPM.map((i) => zeroCsr(Csr.hpmcounter3 + i, `hpmcounter${i + 3}`, 'Zihpm', guardOf(i + 3))),
];
