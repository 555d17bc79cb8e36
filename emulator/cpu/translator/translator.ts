/**
 * The translator as an engine: hot guest code runs as WebAssembly regions, everything else in the interpreter, from
 * which it takes the records and the exits. The machine sees no difference: same exits, same counts, same state.
 *
 * The interpreter's profiled variant counts jumps backwards, calls and arrivals from outside in a cell beside each
 * record. At `threshold` the place becomes the root of a region, which waits in a batch until the batch is full or
 * the place has become hot again; then the batch is compiled into one module. From then on the cell names the
 * region and the trampoline goes there.
 *
 * A region lives as long as its pages' bytes do not change (`PageFlag.code` sends stores to them here first), and
 * says itself whether what it assumed of the hart still holds. Nothing here depends on time: what a run does never
 * depends on when something was compiled.
 */
import { type HostAddr, PAGE_SIZE } from '../../addresses.ts';
import type { Engine } from '../../machine/engine.ts';
import type { PhysicalMemory } from '../../machine/memory.ts';
import { compileInterpreter, Interpreter } from '../interpreter.ts';
import { JUMP_TARGETS, PAGE_RECORDS, Profile, RECORD_SIZE, Special } from '../records.ts';
import { Exit, fetchTlbIndex, HART, HART_STRIDE, REGIME_SHIFT, TLB_ENTRY_SIZE } from '../state.ts';
import { type Candidate, CodeCache, overlaps, spansOf, type Translated } from './code-cache.ts';
import { dumpRegion } from './dump.ts';
import type { Assumptions, DataPath } from './regime.ts';
import { type CodeSource, findRegion, type Region, type RegionPage } from './region.ts';
import { type TrampolineCounts, TranslatorStatistics } from './statistics.ts';
import { buildTrampoline, ENGINE_WORDS, TrampolineExit } from './trampoline.ts';

export interface TranslatorOptions {
  /** Arrivals after which a place is translated. */
  readonly threshold?: number;
  /** Regions compiled together at most. */
  readonly batch?: number;
  /** Measure the time spent in `run`. */
  readonly timed?: boolean;
  /** Modules and bytes of WebAssembly kept at most. */
  readonly limits?: { readonly modules: number; readonly bytes: number };
}

const DEFAULT_BATCH = 24;
/**
 * Instructions after which the trampoline is left and entered again: V8 replaces code only where it is called, so a
 * long stay would keep its first, slow version.
 */
const SLICE = 2_000_000;
/** Instructions that the interpreter runs where a region does not fit. */
const UNFIT_STEPS = 64;
/** After so many disappointments a region is made anew, with fewer assumptions. */
const UNFIT_LIMIT = 4;
const SPLIT_LIMIT = 4;

/** Trampolines by threshold: a process makes many machines of one shape. */
const trampolines = new Map<number, WebAssembly.Module>();

function compileTrampoline(threshold: number): WebAssembly.Module {
  let module = trampolines.get(threshold);
  if (module === undefined) {
    module = new WebAssembly.Module(buildTrampoline(threshold));
    trampolines.set(threshold, module);
  }
  return module;
}

export class Translator implements Engine {
  readonly name = 'translator';
  readonly statistics = new TranslatorStatistics();
  protected readonly memory: PhysicalMemory;
  private readonly i32: Int32Array;
  private readonly interpreter: Interpreter;
  private readonly cache: CodeCache;
  private readonly trampoline: (hart: number) => number;
  private readonly timed: boolean;
  private readonly threshold: number;
  private readonly batchSize: number;
  private batch: Candidate[] = [];
  private observedCsrs: ReadonlySet<number> = new Set();
  /** Instructions that `run` has executed. */
  private executed = 0;
  /** Places where a version with fewer assumptions is wanted: page * 4096 + offset → what not to assume. */
  private readonly cautious = new Map<number, { tlb: boolean; split: boolean; float: boolean }>();

  constructor(memory: PhysicalMemory, options: TranslatorOptions = {}) {
    this.memory = memory;
    this.i32 = memory.i32;
    this.timed = options.timed ?? false;
    this.threshold = options.threshold ?? Profile.threshold;
    // With 0 every arrival would be hot before anything is executed, for ever.
    if (this.threshold < 1) throw new Error('a threshold of translation is at least 1');
    this.batchSize = options.batch ?? DEFAULT_BATCH;
    this.interpreter = new Interpreter(memory);
    this.interpreter.predecoder.onDrop = (page) => this.forgetPage(page);
    this.interpreter.predecoder.onDropBytes = (page, offset, length) =>
      this.forgetBytes(page, offset, length);
    this.cache = new CodeCache(
      memory.wasm,
      { added: (region) => this.link(region), removed: (region) => this.unlink(region) },
      options.limits,
    );
    const m = { m: memory.wasm };
    const profiled = new WebAssembly.Instance(
      compileInterpreter({ flagBias: this.interpreter.flagBias, traced: false, threshold: this.threshold }),
      { m },
    );
    const run = profiled.exports['run'] as (hart: number, start: number) => number;
    const clocked = (f: typeof run): typeof run => (this.timed ? this.statistics.timed(f) : f);
    const trampoline = new WebAssembly.Instance(compileTrampoline(this.threshold), {
      m: {
        ...m,
        t: this.cache.table,
        plain: clocked(this.interpreter.wasmRun),
        profiled: clocked(run),
      },
    });
    this.trampoline = trampoline.exports['run'] as (hart: number) => number;
  }

  run(hart: HostAddr): Exit {
    if (!this.timed) return this.execute(hart);
    const start = this.statistics.begin();
    const exit = this.execute(hart);
    this.statistics.addEngineTime(start);
    return exit;
  }

  private execute(hart: HostAddr): Exit {
    const { i32 } = this;
    const budgetAt = (hart + HART.budget) >> 2;
    let total = i32[budgetAt]!;
    for (;;) {
      const slice = Math.min(total, SLICE);
      i32[budgetAt] = slice;
      const exit = this.trampoline(hart);
      total -= slice - i32[budgetAt]!;
      this.executed += slice - i32[budgetAt]!;
      i32[budgetAt] = total;
      switch (exit) {
        case Exit.Budget:
          i32[(hart + HART.engine + ENGINE_WORDS.resumes) >> 2] = 1;
          if (total > 0) continue;
          return this.interpreter.finish(hart, Exit.Budget);
        case TrampolineExit.hot:
          this.becameHot(hart);
          continue;
        case TrampolineExit.unfit: {
          const interpreted = this.runUnfit(hart, total);
          total = i32[budgetAt]!;
          if (interpreted === Exit.Budget && total > 0) continue;
          return this.interpreter.finish(hart, interpreted);
        }
        case TrampolineExit.split: {
          const interpreted = this.interpret(hart, total, 1);
          // Only if it is memory: accesses to devices leave in any case.
          if (interpreted === Exit.Budget) this.noteSplit(hart);
          total = i32[budgetAt]!;
          if (interpreted === Exit.Budget && total > 0) continue;
          return this.interpreter.finish(hart, interpreted);
        }
        default:
          return this.interpreter.finish(hart, exit as Exit);
      }
    }
  }

  /** As `run`, by the interpreter alone: for tests that change between the engines. */
  runInterpreted(hart: HostAddr): Exit {
    return this.interpreter.run(hart);
  }

  /** Interprets at most `count` instructions; the budget falls from `total`. Budget: they are done. */
  private interpret(hart: HostAddr, total: number, count: number): Exit {
    const budgetAt = (hart + HART.budget) >> 2;
    const part = Math.min(total, count);
    this.i32[budgetAt] = part;
    const exit = this.interpreter.wasmRun(hart, 0);
    this.i32[budgetAt] = total - part + this.i32[budgetAt]!;
    return exit;
  }

  private runUnfit(hart: HostAddr, total: number): Exit {
    const region = this.regionAtPc(hart);
    if (region && ++region.unfit >= UNFIT_LIMIT) {
      this.noteBroken(hart, region);
      this.cache.remove(region);
    }
    return this.interpret(hart, total, UNFIT_STEPS);
  }

  /** Notes which assumptions of a region do not hold now. */
  private noteBroken(hart: HostAddr, region: Translated): void {
    const wish = this.wishOf(region);
    const { data, usualFloat } = region.assumptions;
    const now = this.assumptions(hart, region.page, region.offset);
    if (data.kind === 'window' && !(now.data.kind === 'window' && now.data.base === data.base))
      wish.tlb = true;
    if (usualFloat && !now.usualFloat) wish.float = true;
  }

  private noteSplit(hart: HostAddr): void {
    const index = this.i32[(hart + HART.engine + ENGINE_WORDS.lastRegion) >> 2]!;
    const region = this.cache.at(index);
    const data = region?.assumptions.data;
    if (!region || !data || (data.kind === 'tlb' && !data.coalesce) || ++region.splits < SPLIT_LIMIT) return;
    if (data.kind === 'window') this.wishOf(region).tlb = true;
    else this.wishOf(region).split = true;
    this.cache.remove(region);
  }

  private wishOf(region: Translated): { tlb: boolean; split: boolean; float: boolean } {
    const key = region.page * PAGE_SIZE + region.offset;
    const wish = this.cautious.get(key) ?? { tlb: false, split: false, float: false };
    this.cautious.set(key, wish);
    return wish;
  }

  /** The translated region whose root is at pc, if the fetch TLB leads to one. */
  private regionAtPc(hart: HostAddr): Translated | undefined {
    const pc = this.i32[(hart + HART.pc) >> 2]!;
    const page = this.fetchPage(hart, pc, this.i32[(hart + HART.pc + 4) >> 2]!);
    if (page === undefined) return undefined;
    const cell = this.i32[this.cellAt(page.records, pc & 0xffe)]!;
    return cell < 0 ? this.cache.at(~cell) : undefined;
  }

  /** Index in `i32` of the cell of a place. */
  private cellAt(records: number, offset: number): number {
    return (records + PAGE_RECORDS.cells + offset * 2) >> 2;
  }

  /** The page that fetches from a virtual address hit now. */
  private fetchPage(hart: HostAddr, low: number, high: number): RegionPage | undefined {
    const { i32 } = this;
    const regime = i32[(hart + HART.fetchRegime) >> 2]!;
    const entry = (hart + HART.fetchTlb + fetchTlbIndex(low, regime >> REGIME_SHIFT) * TLB_ENTRY_SIZE) >> 2;
    if (i32[entry] !== ((low & ~0xfff) | regime) || i32[entry + 1] !== high) return undefined;
    return { records: i32[entry + 2]!, page: i32[entry + 3]! };
  }

  /** The place at pc has reached the threshold. */
  private becameHot(hart: HostAddr): void {
    const low = this.i32[(hart + HART.pc) >> 2]!;
    const high = this.i32[(hart + HART.pc + 4) >> 2]!;
    const page = this.fetchPage(hart, low, high);
    if (page === undefined) return;
    const offset = low & 0xffe;
    const cell = this.cellAt(page.records, offset);
    if (this.batch.some((waiting) => waiting.page === page.page && waiting.offset === offset)) {
      this.compileBatch();
      return;
    }
    // What a waiting region contains need not be a root as well, unless control still comes here afterwards.
    const inside = this.batch.some(({ region }) => region.blockAt.has(distance(region.root, low, high)));
    if (inside) {
      this.i32[cell] = 0;
      return;
    }
    // If it stays hot while it waits, half the threshold later the batch is compiled.
    this.i32[cell] = this.threshold >> 1;
    const region = this.find(hart, low, high);
    if (region === undefined) {
      this.i32[cell] = 0;
      return;
    }
    this.batch.push({
      region,
      assumptions: this.assumptions(hart, page.page, offset),
      page: page.page,
      offset,
    });
    if (this.batch.length >= this.batchSize) this.compileBatch();
  }

  /** Finds the region whose root is at an address that fetches can hit. */
  find(hart: HostAddr, low: number, high: number): Region | undefined {
    const start = this.statistics.begin();
    const root = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    const { view } = this.memory;
    const source: CodeSource = {
      pageAt: (distance) => {
        const at = (root & ~0xfffn) + BigInt(distance * PAGE_SIZE);
        return this.fetchPage(hart, Number(BigInt.asIntN(32, at)), Number(BigInt.asIntN(32, at >> 32n)));
      },
      halfword: (page, offset) => view.getUint16(this.memory.hostOfPage(page) + offset, true),
      isWarm: ({ records }, offset) => {
        const handler = view.getUint8(records + (offset >> 1) * RECORD_SIZE);
        return handler !== Special.Decode && handler !== Special.Breakpoint;
      },
      jumpTargets: (site) => this.jumpTargets(hart, site),
      isTranslated: ({ records }, offset) => this.i32[this.cellAt(records, offset)]! < 0,
      observedCsrs: this.observedCsrs,
    };
    const region = findRegion(root, source);
    this.statistics.addCompileTime(start);
    return region;
  }

  /** Where a computed jump has gone, as low halves. */
  private jumpTargets(hart: HostAddr, site: number): number[] {
    const { offset, entries, size, targets, slots } = JUMP_TARGETS;
    const entry = (hart + HART.engine + offset + ((site >>> 1) & (entries - 1)) * size) >> 2;
    if (this.i32[entry] !== site) return [];
    return Array.from({ length: slots }, (_, i) => this.i32[entry + (targets >> 2) + i]!).filter(
      (low) => low !== 0,
    );
  }

  /** What to assume of the hart for a region made now. */
  assumptions(hart: HostAddr, page: number, offset: number): Assumptions {
    const wish = this.cautious.get(page * PAGE_SIZE + offset);
    const word = (at: number): number => this.i32[(hart + at) >> 2]!;
    const size = this.memory.view.getBigInt64(hart + HART.directSize, true);
    let data: DataPath = { kind: 'tlb', coalesce: !wish?.split };
    if (size > 0n && !wish?.tlb) {
      const host = word(HART.directHost);
      const base = this.memory.view.getBigInt64(hart + HART.directBase, true);
      data = {
        kind: 'window',
        base,
        size: Number(size),
        host,
        flags: (host >>> 12) + this.interpreter.flagBias,
      };
    }
    const usualFloat = !wish?.float && word(HART.frm) === 0 && (word(HART.fflags) & 1) === 1;
    return { data, usualFloat };
  }

  /**
   * The region that would be made now with its root at `address`, as lines (dump.ts); undefined where nothing was
   * executed, or in a page that the hart's fetch TLB does not have.
   */
  dump(hart: HostAddr, address: bigint): string[] | undefined {
    const low = Number(BigInt.asIntN(32, address));
    const high = Number(BigInt.asIntN(32, address >> 32n));
    const page = this.fetchPage(hart, low, high);
    const region = page && this.find(hart, low, high);
    return region && dumpRegion(region, this.assumptions(hart, page.page, low & 0xffe));
  }

  private compileBatch(): void {
    const batch = this.batch;
    this.batch = [];
    const start = this.statistics.begin();
    this.cache.add(batch);
    this.statistics.addCompileTime(start);
  }

  private link(region: Translated): void {
    const records = this.interpreter.recordsOf(region.page);
    this.i32[this.cellAt(records, region.offset)] = ~region.index;
  }

  private unlink(region: Translated): void {
    const records = this.interpreter.predecoder.knownRecordsOf(region.page);
    if (records === undefined) return;
    const cell = this.cellAt(records, region.offset);
    if (this.i32[cell] === ~region.index) this.i32[cell] = 0;
  }

  private forgetPage(page: number): void {
    this.cache.removePage(page);
    if (this.batch.length > 0)
      this.batch = this.batch.filter(
        ({ region }) => ![...region.pages.values()].some((p) => p.page === page),
      );
  }

  private forgetBytes(page: number, offset: number, length: number): void {
    this.cache.removeBytes(page, offset, length);
    if (this.batch.length > 0)
      this.batch = this.batch.filter(({ region }) => !overlaps(spansOf(region), page, offset, length));
  }

  /** Figures of the trampoline, of all harts. */
  private counts(): TrampolineCounts {
    const outcomes = [0, 0, 0, 0, 0];
    let interpreted = 0;
    let interpretedInstructions = 0;
    for (let index = 0; index < this.memory.layout.harts; index++) {
      const at = this.hartAt(index) + HART.engine;
      const word = (offset: number): number => this.i32[(at + offset) >> 2]! >>> 0;
      for (let i = 0; i < outcomes.length; i++) outcomes[i]! += word(ENGINE_WORDS.outcomes + 4 * i);
      interpreted += word(ENGINE_WORDS.interpreted);
      const { interpretedInstructions: low } = ENGINE_WORDS;
      interpretedInstructions += word(low) + word(low + 4) * 2 ** 32;
    }
    return { outcomes, interpreted, interpretedInstructions };
  }

  statisticsLines(): string[] {
    return this.statistics.lines(this.cache, this.counts(), this.executed);
  }

  get code(): CodeCache {
    return this.cache;
  }

  // What the interpreter does for both engines.

  recordsOf(page: number): HostAddr {
    return this.interpreter.recordsOf(page);
  }
  decode(hart: HostAddr): void {
    this.interpreter.decode(hart);
  }
  floatSlow(hart: HostAddr, word: number): boolean {
    return this.interpreter.floatSlow(hart, word);
  }
  runWord(hart: HostAddr, word: number): Exit {
    return this.interpreter.runWord(hart, word);
  }
  setBreakpoint(page: number, half: number, on: boolean): void {
    this.forgetPage(page);
    this.interpreter.setBreakpoint(page, half, on);
  }
  observeCsrs(numbers: ReadonlySet<number>): void {
    this.observedCsrs = numbers;
    this.cache.removeAll();
    this.batch = [];
  }
  dropPage(page: number): void {
    this.interpreter.dropPage(page);
  }
  dropBytes(page: number, offset: number, length: number): void {
    this.interpreter.dropBytes(page, offset, length);
  }
  dropAll(): void {
    this.cache.removeAll();
    this.batch = [];
    this.interpreter.dropAll();
  }

  /** Harts of this machine, as `run` wants them. */
  hartAt(index: number): HostAddr {
    return (this.memory.layout.hartBase + index * HART_STRIDE) as HostAddr;
  }
}

/** Bytes from `root` to the address in two halves, or NaN when they are far apart. */
function distance(root: bigint, low: number, high: number): number {
  const bytes = BigInt.asIntN(64, ((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)) - root);
  return bytes === BigInt.asIntN(32, bytes) ? Number(bytes) : Number.NaN;
}
