/**
 * A hart as the JavaScript slow paths see it: accessors to its bytes in linear memory (state.ts), and links to the
 * parts that act on it. It has no state of its own besides `attention` and the scratch `hi`, both of which are
 * derived or dead between instructions.
 *
 * 64-bit values pass as two signed 32-bit halves: a function that returns one gives the low half and leaves the
 * high half in `hart.hi`.
 */
import { type HostAddr, hostAddr } from '../addresses.ts';
import type { PhysicalMemory } from '../machine/memory.ts';
import { Slot } from './csr-numbers.ts';
import { HART, HART_STRIDE } from './state.ts';

/** What CSR and trap code needs from the machine around a hart. */
export interface HartEnvironment {
  /** Cycles since power-on, a whole number; absent: an instruction takes one. */
  cycles?: () => number;
  /** mtime now, exact at this instruction. */
  ticks(): { low: number; high: number };
  /** stimecmp or menvcfg.STCE changed: set STIP or its timer anew. */
  supervisorTimerChanged(hart: Hart): void;
  /** satp, a context, envcfg or another part of the regime changed. */
  translationChanged(hart: Hart): void;
  /** Privilege or fields of mstatus changed, nothing else. */
  modeChanged(hart: Hart): void;
  /** A PMP register changed. */
  protectionChanged(hart: Hart): void;
  /** True when `mode` (satp.MODE) can be selected. */
  hasTranslationMode(mode: number): boolean;
}

const BUDGET = HART.budget >> 2;
const LOADED = HART.budgetLoaded >> 2;
const RETIRED = HART.retiredBase >> 2;
const PC = HART.pc >> 2;
const CSRS = HART.csrs >> 2;
const PRIVILEGE = HART.privilege >> 2;

export class Hart {
  readonly index: number;
  readonly base: HostAddr;
  /** Index of the state's first word in `i32`. */
  readonly word: number;
  readonly i32: Int32Array;
  readonly view: DataView;
  /** High half of the last 64-bit value returned. */
  hi = 0;
  /** Set when interrupts must be looked at before the next instruction. */
  attention = true;
  environment!: HartEnvironment;

  constructor(index: number, memory: PhysicalMemory) {
    this.index = index;
    this.base = hostAddr(memory.layout.hartBase + index * HART_STRIDE);
    this.word = this.base >> 2;
    this.i32 = memory.i32;
    this.view = memory.view;
    this.i32[this.word + (HART.index >> 2)] = index;
  }

  /** Low half of x`i`; the high half goes to `hi`. */
  x(i: number): number {
    const at = this.word + 2 * i;
    this.hi = this.i32[at + 1]!;
    return this.i32[at]!;
  }

  /** Writes x`i`; x0 stays zero. */
  setX(i: number, lo: number, hi: number): void {
    if (i === 0) return;
    const at = this.word + 2 * i;
    this.i32[at] = lo;
    this.i32[at + 1] = hi;
  }

  /** Low half of the CSR cell `slot`; the high half goes to `hi`. */
  cell(slot: number): number {
    const at = this.word + CSRS + 2 * slot;
    this.hi = this.i32[at + 1]!;
    return this.i32[at]!;
  }

  /** Low half of the CSR cell `slot` alone. */
  cellLo(slot: number): number {
    return this.i32[this.word + CSRS + 2 * slot]!;
  }

  cellHi(slot: number): number {
    return this.i32[this.word + CSRS + 2 * slot + 1]!;
  }

  setCell(slot: number, lo: number, hi: number): void {
    const at = this.word + CSRS + 2 * slot;
    this.i32[at] = lo;
    this.i32[at + 1] = hi;
  }

  setCellLo(slot: number, lo: number): void {
    this.i32[this.word + CSRS + 2 * slot] = lo;
  }

  get pcLo(): number {
    return this.i32[this.word + PC]!;
  }
  get pcHi(): number {
    return this.i32[this.word + PC + 1]!;
  }
  setPc(lo: number, hi: number): void {
    this.i32[this.word + PC] = lo;
    this.i32[this.word + PC + 1] = hi;
  }

  /** Moves pc over an instruction of `length` bytes that the slow path has executed, and counts it. */
  retire(length: number): void {
    const at = this.word + PC;
    const lo = this.i32[at]!;
    const next = (lo + length) | 0;
    this.i32[at] = next;
    if (next >>> 0 < lo >>> 0) this.i32[at + 1]! += 1;
    this.i32[this.word + BUDGET]! -= 1;
  }

  /** Counts an instruction that did not retire: it takes time, but minstret does not see it. */
  countTrapped(): void {
    this.i32[this.word + BUDGET]! -= 1;
    const lo = this.i32[this.word + RETIRED]!;
    this.i32[this.word + RETIRED] = lo - 1;
    if (lo === 0) this.i32[this.word + RETIRED + 1]! -= 1;
  }

  get privilege(): number {
    return this.i32[this.word + PRIVILEGE]!;
  }
  set privilege(value: number) {
    this.i32[this.word + PRIVILEGE] = value;
  }

  /** A 32-bit scalar of the state by its byte offset. */
  scalar(offset: number): number {
    return this.i32[this.word + (offset >> 2)]!;
  }
  setScalar(offset: number, value: number): void {
    this.i32[this.word + (offset >> 2)] = value;
  }

  /** Instructions executed since the budget was last loaded. */
  get executed(): number {
    return this.i32[this.word + LOADED]! - this.i32[this.word + BUDGET]!;
  }

  /** What is left of the budget. */
  get budget(): number {
    return this.i32[this.word + BUDGET]!;
  }

  /** Loads the budget of the next stretch; `settle` must have come since the last one. */
  loadBudget(instructions: number): void {
    this.i32[this.word + BUDGET] = instructions;
    this.i32[this.word + LOADED] = instructions;
  }

  /** Moves what was executed into the retired count; afterwards the budget is 0. Returns what was executed. */
  settle(): number {
    const executed = this.executed;
    this.setRetired(this.retiredBase + executed);
    this.loadBudget(0);
    return executed;
  }

  /** Instructions retired before the budget was last loaded; exact below 2^53. */
  private get retiredBase(): number {
    return (this.i32[this.word + RETIRED]! >>> 0) + this.i32[this.word + RETIRED + 1]! * 2 ** 32;
  }

  private setRetired(value: number): void {
    this.i32[this.word + RETIRED] = value;
    this.i32[this.word + RETIRED + 1] = Math.floor(value / 2 ** 32);
  }

  /** Instructions retired, now. */
  get retired(): number {
    return this.retiredBase + this.executed;
  }

  get runState(): number {
    return this.cellLo(Slot.runState);
  }
  set runState(value: number) {
    this.setCellLo(Slot.runState, value);
  }

  /** Interrupts pending, as mip shows them. */
  get pending(): number {
    return this.cellLo(Slot.mip) | this.cellLo(Slot.lines);
  }

  /** Drives bits of mip from a device. */
  setLine(bit: number, level: boolean): void {
    const mask = 1 << bit;
    const lines = this.cellLo(Slot.lines);
    const next = level ? lines | mask : lines & ~mask;
    if (next === lines) return;
    this.setCellLo(Slot.lines, next);
    this.attention = true;
  }

  // For people and tools; these make bigints.

  /** Integer register `i` as an unsigned 64-bit number. */
  getX(i: number): bigint {
    return this.view.getBigUint64(this.base + 8 * i, true);
  }
  putX(i: number, value: bigint): void {
    if (i !== 0) this.view.setBigUint64(this.base + 8 * i, BigInt.asUintN(64, value), true);
  }
  /** Floating-point register `i`, raw bits. */
  getF(i: number): bigint {
    return this.view.getBigUint64(this.base + 0x100 + 8 * i, true);
  }
  putF(i: number, value: bigint): void {
    this.view.setBigUint64(this.base + 0x100 + 8 * i, BigInt.asUintN(64, value), true);
  }
  get pc(): bigint {
    return this.view.getBigUint64(this.base + HART.pc, true);
  }
  set pc(value: bigint) {
    this.view.setBigUint64(this.base + HART.pc, BigInt.asUintN(64, value), true);
  }
}
