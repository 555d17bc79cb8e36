/**
 * The translated regions and the modules that hold them. Regions are compiled in batches, one module per batch; a
 * module goes when its last region does. Bounded: above a number of modules or of bytes the oldest modules are
 * evicted, with all their regions, so that a guest that makes code for ever does not.
 */
import { PAGE_SIZE } from '../../addresses.ts';
import { CodeWriter } from '../../wasm/code.ts';
import { ModuleWriter } from '../../wasm/module.ts';
import { I32 } from '../../wasm/opcodes.ts';
import type { Helper } from '../isa/emitter.ts';
import type { Assumptions } from './regime.ts';
import type { Region } from './region.ts';
import { RegionWriter } from './writer.ts';

/** Modules and bytes of WebAssembly alive at most. */
export const CACHE_LIMITS = { modules: 512, bytes: 24 * 1024 * 1024 } as const;

/** A region waiting to be compiled. */
export interface Candidate {
  readonly region: Region;
  readonly assumptions: Assumptions;
  /** Physical page and byte offset of the root. */
  readonly page: number;
  readonly offset: number;
}

export interface Translated {
  /** Index in the function table. */
  readonly index: number;
  readonly root: bigint;
  readonly page: number;
  readonly offset: number;
  /** All physical pages that its code came from. */
  readonly pages: readonly number[];
  /** The bytes that its code came from. */
  readonly spans: readonly Span[];
  readonly assumptions: Assumptions;
  readonly module: TranslatedModule;
  /** How often its assumptions did not hold, and how often a shared check was split. */
  unfit: number;
  splits: number;
}

/** Bytes of a physical page that a block of a region was made from: offsets of the first and after the last. */
export interface Span {
  readonly page: number;
  readonly start: number;
  readonly end: number;
}

/** The bytes that a region's code comes from. */
export function spansOf(region: Region): Span[] {
  const rootOffset = Number(region.root & BigInt(PAGE_SIZE - 1));
  const blocks = region.blocks.flatMap((block) =>
    block.terminator.kind === 'skip' ? [block, block.terminator.skipped] : [block],
  );
  return blocks.map(({ start, instructions, deltas }) => {
    const at = rootOffset + start;
    const distance = Math.floor(at / PAGE_SIZE);
    const offset = at - distance * PAGE_SIZE;
    const last = instructions.length - 1;
    const bytes = last < 0 ? 0 : deltas[last]! - start + instructions[last]!.length;
    return { page: region.pages.get(distance)!.page, start: offset, end: offset + bytes };
  });
}

export const overlaps = (spans: readonly Span[], page: number, offset: number, length: number): boolean =>
  spans.some((span) => span.page === page && span.start < offset + length && offset < span.end);

interface TranslatedModule {
  readonly bytes: number;
  readonly regions: Set<Translated>;
}

/** What the cache tells its owner, who keeps the cells. */
export interface CacheListener {
  added(region: Translated): void;
  removed(region: Translated): void;
}

export interface CacheStatistics {
  /** Regions and modules compiled so far, and bytes of WebAssembly. */
  regions: number;
  modules: number;
  bytes: number;
  instructions: number;
  evicted: number;
}

export class CodeCache {
  readonly table = new WebAssembly.Table({ element: 'anyfunc', initial: 1024 });
  readonly statistics: CacheStatistics = { regions: 0, modules: 0, bytes: 0, instructions: 0, evicted: 0 };
  private readonly byPage = new Map<number, Set<Translated>>();
  private readonly byIndex: (Translated | undefined)[] = [];
  private readonly free: number[] = [];
  /** In order of age. */
  private readonly modules = new Set<TranslatedModule>();
  private liveBytes = 0;
  private readonly w = new CodeWriter(1, 65536);

  constructor(
    private readonly memory: WebAssembly.Memory,
    private readonly listener: CacheListener,
    private readonly limits: { readonly modules: number; readonly bytes: number } = CACHE_LIMITS,
  ) {}

  /** The region of a table index. */
  at(index: number): Translated | undefined {
    return this.byIndex[index];
  }

  get liveModules(): number {
    return this.modules.size;
  }

  get liveModuleBytes(): number {
    return this.liveBytes;
  }

  /** Compiles a batch into one module and adds its regions. */
  add(batch: readonly Candidate[]): void {
    if (batch.length === 0) return;
    const writer = new ModuleWriter();
    writer.importMemory('m', 'm', { min: 1 });
    const type = writer.type([I32], [I32]);
    const helpers = new Map<Helper, number>();
    const helper = (wanted: Helper): number => {
      const known = helpers.get(wanted);
      if (known !== undefined) return known;
      const code = new CodeWriter(wanted.parameters.length);
      wanted.write(code);
      const index = writer.function(writer.type(wanted.parameters, [wanted.result]), code);
      helpers.set(wanted, index);
      return index;
    };
    for (const [i, { region, assumptions }] of batch.entries()) {
      new RegionWriter(region, assumptions, this.w, helper).write();
      const index = writer.function(type, this.w);
      writer.exportFunction(`r${i}`, index);
      writer.nameFunction(index, `guest 0x${region.root.toString(16)}`);
    }
    const bytes = writer.finish();
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { m: { m: this.memory } });
    const module: TranslatedModule = { bytes: bytes.length, regions: new Set() };
    this.modules.add(module);
    this.liveBytes += bytes.length;
    this.statistics.modules++;
    this.statistics.bytes += bytes.length;
    for (const [i, { region, assumptions, page, offset }] of batch.entries()) {
      const index = this.free.pop() ?? this.byIndex.length;
      if (index >= this.table.length) this.table.grow(this.table.length);
      this.table.set(index, instance.exports[`r${i}`]);
      const pages = [...new Set([...region.pages.values()].map((p) => p.page))];
      const { root } = region;
      const spans = spansOf(region);
      const translated = {
        index,
        root,
        page,
        offset,
        pages,
        spans,
        assumptions,
        module,
        unfit: 0,
        splits: 0,
      };
      this.byIndex[index] = translated;
      module.regions.add(translated);
      for (const p of pages) {
        const set = this.byPage.get(p) ?? new Set();
        set.add(translated);
        this.byPage.set(p, set);
      }
      this.statistics.regions++;
      this.statistics.instructions += region.instructions;
      this.listener.added(translated);
    }
    this.evict();
  }

  private evict(): void {
    const { modules, limits } = this;
    if (modules.size <= limits.modules && this.liveBytes <= limits.bytes) return;
    for (const module of modules) {
      if (modules.size <= limits.modules / 2 && this.liveBytes <= limits.bytes / 2) break;
      this.statistics.evicted += module.regions.size;
      for (const region of module.regions) this.remove(region);
    }
  }

  remove(region: Translated): void {
    if (this.byIndex[region.index] !== region) return;
    this.byIndex[region.index] = undefined;
    this.table.set(region.index, null);
    this.free.push(region.index);
    for (const page of region.pages) {
      const set = this.byPage.get(page)!;
      set.delete(region);
      if (set.size === 0) this.byPage.delete(page);
    }
    const { module } = region;
    module.regions.delete(region);
    if (module.regions.size === 0) {
      this.modules.delete(module);
      this.liveBytes -= module.bytes;
    }
    this.listener.removed(region);
  }

  /** Removes every region with code from a physical page. */
  removePage(page: number): void {
    const set = this.byPage.get(page);
    if (set) for (const region of [...set]) this.remove(region);
  }

  /** Removes every region with code from these bytes of a physical page. */
  removeBytes(page: number, offset: number, length: number): void {
    const set = this.byPage.get(page);
    if (set)
      for (const region of [...set]) if (overlaps(region.spans, page, offset, length)) this.remove(region);
  }

  removeAll(): void {
    for (const module of [...this.modules]) for (const region of [...module.regions]) this.remove(region);
  }
}
