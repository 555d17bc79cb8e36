/**
 * A machine reduced to what engine tests need: memory at 0x8000_0000, one hart in machine mode without paging, no
 * CSRs and no traps. It fills fetch TLBs, has records decoded, and stops at the first exit that it cannot handle.
 */
import { type HostAddr, hostAddr, paddr } from '../addresses.ts';
import { layOut } from '../machine/layout.ts';
import { PhysicalMemory } from '../machine/memory.ts';
import { Interpreter, type InterpreterChoices } from './interpreter.ts';
import { dataTlbIndex, Exit, fetchTlbIndex, fOffset, HART, TLB_ENTRY_SIZE, xOffset } from './state.ts';

export const DRAM_BASE = 0x8000_0000;

/** What of an engine this machine uses. */
type BareEngine = Pick<
  Interpreter,
  'run' | 'runWord' | 'floatSlow' | 'recordsOf' | 'decode' | 'dropPage' | 'setBreakpoint'
>;

export class BareMachine {
  readonly memory: PhysicalMemory;
  readonly engine: BareEngine;
  readonly hart: HostAddr;
  readonly view: DataView;
  /** Do slow floating point in software, rather than stop there. */
  software = false;

  constructor(
    bytes: number,
    choices: InterpreterChoices = {},
    window = true,
    engineOf: (memory: PhysicalMemory) => BareEngine = (memory) => new Interpreter(memory, choices),
  ) {
    const layout = layOut(1, [{ name: 'DRAM', kind: 'dram', base: paddr(DRAM_BASE), size: bytes }]);
    this.memory = new PhysicalMemory(layout);
    this.engine = engineOf(this.memory);
    this.hart = hostAddr(layout.hartBase);
    this.view = this.memory.view;
    this.memory.u8.fill(0xff, this.hart + HART.fetchTlb, this.hart + HART.engine);
    for (const place of [HART.fetchPlace, HART.dataPlace])
      this.view.setInt32(this.hart + place, this.hart, true);
    this.view.setInt32(this.hart + HART.fs, 1, true);
    this.view.setBigInt64(this.hart + HART.directBase, BigInt(DRAM_BASE), true);
    this.view.setBigInt64(this.hart + HART.directSize, window ? BigInt(bytes - 7) : 0n, true);
    this.view.setInt32(this.hart + HART.directHost, layout.regions[0]!.host, true);
  }

  /** Puts a program at an address and pc at its start. */
  load(code: Uint8Array, at = DRAM_BASE): void {
    this.memory.u8.set(code, this.memory.hostOf(at));
    this.pc = BigInt(at);
  }

  get pc(): bigint {
    return this.view.getBigUint64(this.hart + HART.pc, true);
  }

  set pc(value: bigint) {
    this.view.setBigUint64(this.hart + HART.pc, value, true);
  }

  x(i: number): bigint {
    return this.view.getBigInt64(this.hart + xOffset(i), true);
  }

  setX(i: number, value: bigint): void {
    this.view.setBigInt64(this.hart + xOffset(i), value, true);
  }

  f(i: number): bigint {
    return this.view.getBigUint64(this.hart + fOffset(i), true);
  }

  setF(i: number, value: bigint): void {
    this.view.setBigUint64(this.hart + fOffset(i), value, true);
  }

  word(offset: number): number {
    return this.view.getInt32(this.hart + offset, true);
  }

  setWord(offset: number, value: number): void {
    this.view.setInt32(this.hart + offset, value, true);
  }

  /** Runs at most `budget` instructions; the exit that ended it. */
  run(budget: number): Exit {
    this.setWord(HART.budget, budget);
    for (;;) {
      const exit = this.engine.run(this.hart);
      const pc = Number(this.pc & 0xffff_ffffn);
      const page = this.memory.pageOf(pc);
      if (exit === Exit.Fetch && page >= 0) this.fill(HART.fetchTlb, pc, this.engine.recordsOf(page), page);
      else if (exit === Exit.Decode) {
        if ((pc & 0xfff) === 0xffe && this.view.getUint8(this.memory.hostOf(pc)) % 4 === 3) {
          const done = this.runCrossing(pc);
          if (done !== Exit.Budget) return done;
        } else this.engine.decode(this.hart);
      } else if (exit === Exit.FloatSlow && this.software && this.runFloat()) continue;
      else if (exit === Exit.Store && this.dropCode()) continue;
      else if ((exit === Exit.Load || exit === Exit.Store) && this.fillData(exit)) continue;
      else return exit;
    }
  }

  /** Executes the floating-point instruction at pc in software. */
  private runFloat(): boolean {
    if (!this.engine.floatSlow(this.hart, this.word(HART.exitValue))) return false;
    this.pc += 4n;
    this.setWord(HART.budget, this.word(HART.budget) - 1);
    return true;
  }

  private runCrossing(pc: number): Exit {
    const next = this.memory.pageOf(pc + 2);
    this.fill(HART.fetchTlb, pc + 2, this.engine.recordsOf(next), next);
    return this.engine.runWord(this.hart, this.view.getInt32(this.memory.hostOf(pc), true));
  }

  private entryOf(table: number, va: number): number {
    const index =
      table === HART.fetchTlb ? fetchTlbIndex(va, 0) : dataTlbIndex(va, Math.floor(va / 2 ** 32), 0);
    return this.hart + table + index * TLB_ENTRY_SIZE;
  }

  /** Identity mapping, for any address in memory. */
  private fill(table: number, va: number, addend: number, aux: number): void {
    const entry = this.entryOf(table, va);
    this.view.setBigInt64(entry, BigInt((va & ~0xfff) >>> 0), true);
    this.view.setInt32(entry + 8, addend, true);
    this.view.setInt32(entry + 12, aux, true);
  }

  private fillData(exit: Exit): boolean {
    const va = Number(this.view.getBigUint64(this.hart + HART.exitValue, true));
    const page = this.memory.pageOf(va);
    if (this.view.getBigInt64(this.hart + HART.directSize, true) !== 0n || page < 0) return false;
    const table = exit === Exit.Load ? HART.loadTlb : HART.storeTlb;
    const entry = this.entryOf(table, va);
    // Mapped and still missed: not aligned.
    if (this.view.getBigInt64(entry, true) === BigInt((va & ~0xfff) >>> 0)) return false;
    this.fill(table, va, (this.memory.hostOfPage(page) - (va & ~0xfff)) | 0, page);
    return true;
  }

  /** A store to a code page: drops what was decoded, and executes the store before it is decoded again. */
  private dropCode(): boolean {
    const va = Number(this.view.getBigUint64(this.hart + HART.exitValue, true));
    const page = this.memory.pageOf(va);
    if (page < 0 || this.memory.flags(page) === 0) return false;
    this.engine.dropPage(page);
    this.fillData(Exit.Store);
    const code = this.memory.hostOf(Number(this.pc & 0xffff_ffffn));
    return this.engine.runWord(this.hart, this.view.getInt32(code, true)) === Exit.Budget;
  }
}
