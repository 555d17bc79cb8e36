/**
 * The interpreter as an engine: the generated WebAssembly (interpreter-module.ts) on a machine's memory, with its
 * predecoded records. It is the cold tier under the translator, and the translator's oracle.
 */
import type { HostAddr } from '../addresses.ts';
import type { PhysicalMemory } from '../machine/memory.ts';
import { executeFloatSlow } from './float-slow.ts';
import { buildInterpreter, type InterpreterOptions } from './interpreter-module.ts';
import { Predecoder } from './predecode.ts';
import { Exit, fetchTlbIndex, HART, HART_STRIDE, REGIME_SHIFT, TLB_ENTRY_SIZE } from './state.ts';

type Run = (hart: number, start: number) => Exit;

/** Modules already compiled, by their options: a process makes many machines of one shape. */
const compiled = new Map<string, WebAssembly.Module>();

/** The interpreter's module, compiled once for each set of options. */
export function compileInterpreter(options: InterpreterOptions): WebAssembly.Module {
  const key = JSON.stringify(options);
  let module = compiled.get(key);
  if (module === undefined) {
    module = new WebAssembly.Module(buildInterpreter(options));
    compiled.set(key, module);
  }
  return module;
}

export interface InterpreterChoices {
  /** Write a trace (cpu/trace.ts) into the ring that `HART.traceNext` and `HART.traceEnd` bound. */
  readonly traced?: boolean;
}

export class Interpreter {
  readonly name: string;
  readonly predecoder: Predecoder;
  private readonly memory: PhysicalMemory;
  private readonly view: DataView;
  /** See `InterpreterOptions`. */
  readonly flagBias: number;
  /** The generated function, for the translator's trampoline. */
  readonly wasmRun: Run;

  constructor(memory: PhysicalMemory, choices: InterpreterChoices = {}) {
    const traced = choices.traced ?? false;
    this.name = traced ? 'interpreter (traced)' : 'interpreter';
    this.memory = memory;
    this.view = memory.view;
    this.predecoder = new Predecoder(memory);
    const { pageFlags, regions, harts, hartBase } = memory.layout;
    const dram = regions[0]!;
    this.flagBias = pageFlags + dram.firstPage - (dram.host >>> 12);
    const module = compileInterpreter({ flagBias: this.flagBias, traced });
    const instance = new WebAssembly.Instance(module, { m: { m: memory.wasm } });
    this.wasmRun = instance.exports['run'] as Run;
    for (let hart = 0; hart < harts; hart++) {
      const cells = hartBase + hart * HART_STRIDE + HART.roundingModes;
      for (let mode = 0; mode < 7; mode++) this.view.setInt32(cells + mode * 4, mode, true);
    }
  }

  /** See `Engine.run` of the machine. */
  run(hart: HostAddr): Exit {
    return this.finish(hart, this.wasmRun(hart, 0));
  }

  /** See `Engine.runWord` of the machine. */
  runWord(hart: HostAddr, word: number): Exit {
    const { view } = this;
    this.rememberCross(hart, word);
    const index = (hart - this.memory.layout.hartBase) / HART_STRIDE;
    const budget = view.getInt32(hart + HART.budget, true);
    view.setInt32(hart + HART.budget, 1, true);
    let exit = this.wasmRun(hart, this.predecoder.writeScratch(index, word));
    const left = view.getInt32(hart + HART.budget, true);
    view.setInt32(hart + HART.budget, budget - 1 + left, true);
    // A jump to a page without a fetch TLB entry: the instruction itself is done.
    if (left === 0) exit = Exit.Budget;
    else if (exit === Exit.System || exit === Exit.Illegal || exit === Exit.FloatSlow) {
      view.setInt32(hart + HART.exitValue, word, true);
      view.setInt32(hart + HART.exitValue + 4, 0, true);
    }
    view.setInt32(hart + HART.exit, exit, true);
    return exit;
  }

  /** Completes what the generated function leaves open at an exit: its operand, and the exit itself. */
  finish(hart: HostAddr, exit: Exit): Exit {
    if (exit === Exit.System || exit === Exit.Illegal || exit === Exit.FloatSlow) {
      this.view.setInt32(hart + HART.exitValue, this.wordAtPc(hart), true);
      this.view.setInt32(hart + HART.exitValue + 4, 0, true);
    }
    this.view.setInt32(hart + HART.exit, exit, true);
    return exit;
  }

  /** Address of the fetch TLB entry that an address has in the present regime. */
  private fetchEntry(hart: number, vaLow: number): number {
    const regime = this.view.getInt32(hart + HART.fetchRegime, true) >> REGIME_SHIFT;
    return hart + HART.fetchTlb + fetchTlbIndex(vaLow, regime) * TLB_ENTRY_SIZE;
  }

  /** The fetch TLB entry for an address with these low bits, and the physical page in it. */
  private fetchPage(hart: number, vaLow: number): number {
    const entry = this.fetchEntry(hart, vaLow);
    return this.view.getInt32(entry + 12, true);
  }

  /** The bits of the instruction at pc, 16 or 32; its pages are in the fetch TLB. */
  private wordAtPc(hart: number): number {
    const { view } = this;
    const pc = view.getInt32(hart + HART.pc, true);
    const at = this.memory.hostOfPage(this.fetchPage(hart, pc)) + (pc & 0xfff);
    const low = view.getUint16(at, true);
    if ((low & 3) !== 3) return low;
    if ((pc & 0xfff) !== 0xffe) return low | (view.getUint16(at + 2, true) << 16);
    return low | (view.getUint16(this.memory.hostOfPage(this.fetchPage(hart, pc + 2)), true) << 16);
  }

  /**
   * When the word is an instruction across two pages that are both in the fetch TLB and hold it, makes it a record
   * of its page, so that it runs at full speed from now on.
   */
  private rememberCross(hart: number, word: number): void {
    const { view } = this;
    const pc = view.getInt32(hart + HART.pc, true);
    if ((pc & 0xfff) !== 0xffe || (word & 3) !== 3) return;
    if (!this.mapped(hart, pc, 0) || !this.mapped(hart, pc + 2, pc + 2 === 0 ? 1 : 0)) return;
    if ((this.wordAtPc(hart) | 0) !== (word | 0)) return;
    this.predecoder.decodeCross(this.fetchPage(hart, pc), this.fetchPage(hart, pc + 2), word);
  }

  /** Whether the fetch TLB has the page of an address near pc (`carry` into its high half). */
  private mapped(hart: number, vaLow: number, carry: number): boolean {
    const { view } = this;
    const entry = this.fetchEntry(hart, vaLow);
    const low = (vaLow & ~0xfff) | view.getInt32(hart + HART.fetchRegime, true);
    const high = (view.getInt32(hart + HART.pc + 4, true) + carry) | 0;
    return view.getInt32(entry, true) === low && view.getInt32(entry + 4, true) === high;
  }

  /** See `Engine.recordsOf` of the machine. */
  recordsOf(page: number): HostAddr {
    return this.predecoder.recordsOf(page);
  }

  /** See `Engine.decode` of the machine. */
  decode(hart: HostAddr): void {
    const pc = this.view.getInt32(hart + HART.pc, true);
    this.predecoder.decode(this.fetchPage(hart, pc), pc & 0xffe);
  }

  /** See `Engine.floatSlow` of the machine. */
  floatSlow(hart: HostAddr, word: number): boolean {
    return executeFloatSlow(this.view, hart, word);
  }

  setBreakpoint(page: number, half: number, on: boolean): void {
    this.predecoder.setBreakpoint(page, half, on);
  }

  dropBytes(page: number, offset: number, length: number): void {
    this.predecoder.dropBytes(page, offset, length);
  }

  dropPage(page: number): void {
    this.predecoder.drop(page);
  }

  dropAll(): void {
    this.predecoder.dropAll();
  }
}
