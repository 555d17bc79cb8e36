/**
 * The execution engine of `--timing`: the traced interpreter, whose trace the core models read after every stretch,
 * before anything can change the TLBs that say where the accesses went. It is an engine like the others, so the
 * machine does not know; what the trace does not have (system instructions, cache-block operations, fences, device
 * accesses) it sees by the exits and the machine's hooks.
 */
import type { HostAddr } from '../addresses.ts';
import { Interpreter } from '../cpu/interpreter.ts';
import { dataTlbIndex, Exit, HART, HART_STRIDE, REGIME_SHIFT, TLB_ENTRY_SIZE } from '../cpu/state.ts';
import { TRACE_RECORD } from '../cpu/trace.ts';
import type { Engine } from '../machine/engine.ts';
import type { Machine, MachineExtension } from '../machine/machine.ts';
import type { PhysicalMemory } from '../machine/memory.ts';
import { OPCODE as XTWZ } from '../mmu/xtwz/layout.ts';
import { type CoreCounts, CoreModel } from './core-model.ts';
import { MemorySystem } from './memory-system.ts';
import { operationsOf } from './operations.ts';
import { type TimingProfile, XEON_GOLD_5218 } from './profile.ts';

/** Where a hart's trace ring lies in its state: in the translator's part, which the interpreter does not use. */
const RING_OFFSET = HART.engine;
const RING_BYTES = Math.floor((HART.pointerLookaside - RING_OFFSET) / TRACE_RECORD.size) * TRACE_RECORD.size;
const OPCODE_MISC_MEM = 0x0f;

/** What a core counted between two marks of the guest. */
export interface RegionOfInterest {
  readonly core: number;
  readonly counts: CoreCounts;
  /** Lines that all cores read from the NVDIMM meanwhile. */
  readonly nvdimmReads: number;
}

/** The model of a whole machine. */
export class TimingModel {
  readonly cores: readonly CoreModel[];
  readonly memory: MemorySystem;
  readonly regions: RegionOfInterest[] = [];

  constructor(
    readonly profile: TimingProfile,
    memory: PhysicalMemory,
  ) {
    const nvdimm = memory.regions.find(({ kind }) => kind === 'nvdimm');
    const lines = nvdimm && { first: nvdimm.host >>> 6, end: (nvdimm.host + nvdimm.size) / 64 };
    this.memory = new MemorySystem(profile, memory.layout.harts, lines);
    const operations = operationsOf(profile);
    this.cores = Array.from({ length: memory.layout.harts }, (_, core) => {
      const model = new CoreModel(profile, this.memory, core, operations);
      let begun: { counts: CoreCounts; reads: number } | undefined;
      model.onMark = (mark) => {
        const { reads } = this.memory.nvdimm.counts;
        if (mark === Mark.begin) begun = { counts: model.counts(), reads };
        else if (mark === Mark.end && begun !== undefined) {
          const counts = difference(model.counts(), begun.counts);
          this.regions.push({ core, counts, nvdimmReads: reads - begun.reads });
          begun = undefined;
        }
      };
      return model;
    });
  }
}

/** Immediates of `slti x0, x0, N`, a hint that the ISA manual leaves to custom use: marks of a region of interest. */
export const Mark = { begin: 1, end: 2 } as const;

function difference(after: CoreCounts, before: CoreCounts): CoreCounts {
  const keys = Object.keys(after) as (keyof CoreCounts)[];
  return Object.fromEntries(keys.map((key) => [key, after[key] - before[key]])) as unknown as CoreCounts;
}

class TimingEngine implements Engine {
  readonly name = 'timing';
  private readonly interpreter: Engine;
  private readonly words: Int32Array;
  /** By hart: instructions that the trace had of this stretch, to notice those that it did not. */
  private readonly traced: Int32Array;
  private readonly lastExit: Int32Array;

  constructor(
    private readonly memory: PhysicalMemory,
    private readonly model: TimingModel,
  ) {
    this.interpreter = new Interpreter(memory, { traced: true });
    this.words = memory.i32;
    this.traced = new Int32Array(memory.layout.harts).fill(-1);
    this.lastExit = new Int32Array(memory.layout.harts).fill(Exit.Budget);
  }

  run(hart: HostAddr): Exit {
    this.noticeUntraced(hart);
    for (;;) {
      this.words[(hart + HART.traceNext) >> 2] = hart + RING_OFFSET;
      this.words[(hart + HART.traceEnd) >> 2] = hart + RING_OFFSET + RING_BYTES;
      const exit = this.interpreter.run(hart);
      this.consume(hart);
      if (exit === Exit.TraceFull) continue;
      const index = this.indexOf(hart);
      this.traced[index] = this.words[(hart + HART.budget) >> 2]!;
      this.lastExit[index] = exit;
      if (exit === Exit.System) this.systemInstruction(hart, index);
      return exit;
    }
  }

  runWord(hart: HostAddr, word: number): Exit {
    this.words[(hart + HART.traceNext) >> 2] = hart + RING_OFFSET;
    this.words[(hart + HART.traceEnd) >> 2] = hart + RING_OFFSET + RING_BYTES;
    const exit = this.interpreter.runWord(hart, word);
    this.consume(hart);
    const index = this.indexOf(hart);
    this.traced[index] = this.words[(hart + HART.budget) >> 2]!;
    if (exit === Exit.System) this.systemInstruction(hart, index);
    return exit;
  }

  recordsOf(page: number): HostAddr {
    return this.interpreter.recordsOf(page);
  }
  decode(hart: HostAddr): void {
    this.interpreter.decode(hart);
  }
  setBreakpoint(page: number, half: number, on: boolean): void {
    this.interpreter.setBreakpoint(page, half, on);
  }
  dropPage(page: number): void {
    this.interpreter.dropPage(page);
  }
  dropBytes(page: number, offset: number, length: number): void {
    if (this.interpreter.dropBytes) this.interpreter.dropBytes(page, offset, length);
    else this.interpreter.dropPage(page);
  }
  dropAll(): void {
    this.interpreter.dropAll();
  }
  floatSlow(hart: HostAddr, word: number): boolean {
    if (!this.interpreter.floatSlow) throw new Error('the interpreter has no slow floating point');
    return this.interpreter.floatSlow(hart, word);
  }

  private indexOf(hart: HostAddr): number {
    return (hart - this.memory.layout.hartBase) / HART_STRIDE;
  }

  /** A load or store that was executed in JavaScript since the last exit: a device's, or a misaligned one. */
  private noticeUntraced(hart: HostAddr): void {
    const index = this.indexOf(hart);
    const exit = this.lastExit[index];
    if (exit !== Exit.Load && exit !== Exit.Store) return;
    this.lastExit[index] = Exit.Budget;
    if (this.words[(hart + HART.budget) >> 2] === this.traced[index]! - 1) this.model.cores[index]!.device();
  }

  /** The machine is about to execute a system instruction. Fences and cache-block operations come by hooks. */
  private systemInstruction(hart: HostAddr, index: number): void {
    const word = this.words[(hart + HART.exitValue) >> 2]!;
    if ((word & 0x7f) === OPCODE_MISC_MEM && ((word >> 12) & 7) !== 1) return;
    if ((word & 0x7f) === XTWZ.major && ((word >> 12) & 7) === XTWZ.funct3.fill) {
      this.model.cores[index]!.pointerFill();
      return;
    }
    this.model.cores[index]!.system();
  }

  private consume(hart: HostAddr): void {
    const from = hart + RING_OFFSET;
    const to = this.words[(hart + HART.traceNext) >> 2]!;
    if (to === from) return;
    const { words } = this;
    const word = hart >> 2;
    const directLow = words[word + (HART.directBase >> 2)]!;
    const directSize = words[word + (HART.directSize >> 2)]! >>> 0;
    const directHost = words[word + (HART.directHost >> 2)]!;
    const direct = directSize !== 0;
    const regime = words[word + (HART.dataRegime >> 2)]! >> REGIME_SHIFT;
    const directHigh = words[word + (HART.directBase >> 2) + 1]!;
    const hostLine = (low: number, high: number, store: boolean): number => {
      const offset = (low - directLow) >>> 0;
      if (direct && high === directHigh && offset < directSize) return (directHost + offset) >>> 6;
      const table = store ? HART.storeTlb : HART.loadTlb;
      const entry = (hart + table + dataTlbIndex(low, high, regime) * TLB_ENTRY_SIZE) >> 2;
      return ((low + words[entry + 2]!) | 0) >>> 6;
    };
    this.model.cores[this.indexOf(hart)]!.consume(
      words,
      from,
      to,
      words[word + (HART.pc >> 2)]!,
      hostLine,
      !direct,
    );
  }
}

export interface TimingExtension extends MachineExtension {
  /** For the machine's configuration. */
  readonly engine: (memory: PhysicalMemory) => Engine;
  /** The model, once the machine has been made. */
  readonly model: TimingModel;
}

/**
 * The timing model for one machine: give `engine` to its configuration, and the extension after those that register
 * hooks of their own.
 */
export function timingExtension(profile: TimingProfile = XEON_GOLD_5218): TimingExtension {
  let model: TimingModel | undefined;
  const get = (): TimingModel => {
    if (model === undefined) throw new Error('the timing model is not part of a machine yet');
    return model;
  };
  return {
    name: 'timing',
    engine: (memory) => {
      model = new TimingModel(profile, memory);
      return new TimingEngine(memory, model);
    },
    get model() {
      return get();
    },
    attach: (machine: Machine) => {
      const { hooks, memory } = machine;
      const { cores } = get();
      const { cacheBlock, fence } = hooks;
      hooks.cacheBlock = (operation, pa, hart) => {
        cores[hart.index]!.cacheBlock(operation, memory.hostOf(pa) >>> 6);
        cacheBlock?.call(hooks, operation, pa, hart);
      };
      delete hooks.fencesMatter; // every fence takes time
      delete hooks.zeroesOfDramMatter;
      hooks.fence = (pred, succ, hart) => {
        cores[hart.index]!.fence((pred & 1) !== 0, (pred & 4) !== 0);
        fence?.call(hooks, pred, succ, hart);
      };
      for (const { hart } of machine.cores) {
        hart.environment.cycles = () => Math.floor(cores[hart.index]!.cycles);
      }
    },
  };
}
