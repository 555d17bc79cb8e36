/**
 * Physical memory: the regions of one linear memory at their guest physical addresses, with a flag byte for each
 * page. Everything outside of generated code that reads or writes guest memory (device DMA, the page walker, SBI,
 * loaders, debuggers) does it here.
 *
 * Invariant: no byte of a page whose flags are not 0 changes before the handlers of those flags have run, whoever
 * writes. Handlers may clear their flag (a copied clean page, dropped code), so that later stores are fast again.
 */
import { type HostAddr, hostAddr, type PAddr, PAGE_SHIFT, PAGE_SIZE, paddr } from '../addresses.ts';
import { PageFlag } from '../cpu/state.ts';
import type { MemoryLayout, Region } from './layout.ts';

/** Who makes an access: a hart's index, or one of these. */
export const Initiator = { device: -1, host: -2 } as const;

/** Told before a page that carries its flag changes. `length` bytes at `pa`, all in page `page`. */
export type StoreHandler = (page: number, pa: number, length: number, initiator: number) => void;
/**
 * Told before bytes of a page flagged `loadSlow` are read by a hart or a device. False: they are poisoned. `discarded`: by a load into x0, so
 * that nothing will depend on their values.
 */
export type LoadHandler = (pa: number, length: number, initiator: number, discarded: boolean) => boolean;

/** Cache blocks of a page, as a bit each: 64, low word first. */
type Blocks = [number, number];

/**
 * Sets in `blocks` the bits of the cache blocks of a page flagged `loadSlow` whose loads a handler must be told of; with
 * `discarded`, those of which it must also be told when a load discards their values.
 */
export type BlocksToSee = (page: number, blocks: Blocks, discarded: boolean) => void;

/** The blocks of a page whose loads must be seen, and those whose loads into x0 must be, too. */
export interface ObservedBlocks {
  readonly values: Readonly<Blocks>;
  readonly discarded: Readonly<Blocks>;
}

/** The order in which the handlers of a page's flags run: content first, then those who copy it, then observers. */
const HANDLER_ORDER = [PageFlag.absent, PageFlag.clean, PageFlag.code, PageFlag.storeSlow] as const;

export class PhysicalMemory {
  readonly wasm: WebAssembly.Memory;
  readonly layout: MemoryLayout;
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly view: DataView;
  readonly regions: readonly Region[];
  private readonly storeHandlers = new Map<number, StoreHandler[]>();
  private readonly loadHandlers: LoadHandler[] = [];
  /** By load handler; undefined: it wants all. */
  private readonly blocksToSee: (BlocksToSee | undefined)[] = [];
  private readonly dram: Region;

  constructor(layout: MemoryLayout) {
    this.layout = layout;
    const pages = layout.size / 65536;
    this.wasm = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.u8 = new Uint8Array(this.wasm.buffer);
    this.i32 = new Int32Array(this.wasm.buffer);
    this.view = new DataView(this.wasm.buffer);
    this.regions = layout.regions;
    this.dram = layout.regions[0]!;
  }

  /** Registers what must happen before a page with `flag` changes. Several handlers run in order of registration. */
  onStore(flag: number, handler: StoreHandler): void {
    const list = this.storeHandlers.get(flag) ?? [];
    list.push(handler);
    this.storeHandlers.set(flag, list);
  }

  /**
   * Registers an observer of loads from pages flagged `loadSlow`.
   * @param blocks the blocks that it must be told of; it may be told of others, too. Absent: all. When these become more,
   * `observeMore` must be called.
   */
  onLoad(handler: LoadHandler, blocks?: BlocksToSee): void {
    this.loadHandlers.push(handler);
    this.blocksToSee.push(blocks);
  }

  /** A load handler wants to be told of more blocks of a page: fast TLB entries must go. */
  observeMore(page: number): void {
    this.flagsAdded(PageFlag.loadSlow, page);
  }

  /** The cache blocks of a page flagged `loadSlow` whose loads must be seen. */
  observedBlocks(page: number): ObservedBlocks {
    return { values: this.blocksSeen(page, false), discarded: this.blocksSeen(page, true) };
  }

  private blocksSeen(page: number, discarded: boolean): Blocks {
    const blocks: Blocks = [0, 0];
    for (const wanted of this.blocksToSee) {
      if (wanted === undefined) return [-1, -1];
      wanted(page, blocks, discarded);
    }
    return blocks;
  }

  /** The region that holds `pa`, if any. */
  regionAt(pa: number): Region | undefined {
    for (const region of this.regions) {
      if (pa >= region.base && pa < region.base + region.size) return region;
    }
    return undefined;
  }

  /** Page index of `pa`, or -1 where there is no memory. */
  pageOf(pa: number): number {
    const dram = this.dram;
    if (pa >= dram.base && pa < dram.base + dram.size)
      return dram.firstPage + ((pa - dram.base) >>> PAGE_SHIFT);
    const region = this.regionAt(pa);
    return region ? region.firstPage + Math.floor((pa - region.base) / PAGE_SIZE) : -1;
  }

  /** Guest physical address of the first byte of page `page`. */
  addressOf(page: number): PAddr {
    for (const region of this.regions) {
      if (page < region.firstPage + region.pages)
        return paddr(region.base + (page - region.firstPage) * PAGE_SIZE);
    }
    throw new RangeError(`no physical page ${page}`);
  }

  /** Linear-memory address of `pa`, or -1 where there is no memory. */
  hostOf(pa: number): HostAddr {
    const dram = this.dram;
    if (pa >= dram.base && pa < dram.base + dram.size) return hostAddr(dram.host + (pa - dram.base));
    const region = this.regionAt(pa);
    return hostAddr(region ? region.host + (pa - region.base) : -1);
  }

  /** Linear-memory address of the first byte of page `page`. */
  hostOfPage(page: number): HostAddr {
    for (const region of this.regions) {
      if (page < region.firstPage + region.pages)
        return hostAddr(region.host + (page - region.firstPage) * PAGE_SIZE);
    }
    throw new RangeError(`no physical page ${page}`);
  }

  /** Flags of a page (`PageFlag` bits). */
  flags(page: number): number {
    return this.u8[this.layout.pageFlags + page]!;
  }

  /** Sets flags of a page; `flagsAdded` is told, so that no TLB goes on bypassing them. */
  setFlag(page: number, flag: number): void {
    const at = this.layout.pageFlags + page;
    const old = this.u8[at]!;
    if ((old & flag) === flag) return;
    this.u8[at] = old | flag;
    this.flagsAdded(flag & ~old, page);
  }

  /** Told after flags were added to a page: fast TLB entries must go. */
  flagsAdded: (flags: number, page: number) => void = () => {};

  clearFlag(page: number, flag: number): void {
    this.u8[this.layout.pageFlags + page]! &= ~flag;
  }

  /** Reads a page in if it is not in memory yet, so that its bytes may be looked at directly. */
  makePresent(page: number): void {
    if ((this.flags(page) & PageFlag.absent) === 0) return;
    const pa = this.addressOf(page);
    for (const handler of this.storeHandlers.get(PageFlag.absent) ?? []) handler(page, pa, 1, Initiator.host);
  }

  /**
   * Runs the handlers of the flags that a store gets rid of (absent, clean), so that the page may become fast.
   * @returns the flags that are left
   */
  settle(page: number, pa: number, initiator: number): number {
    const flags = this.flags(page);
    for (const flag of [PageFlag.absent, PageFlag.clean] as const) {
      if ((flags & flag) === 0) continue;
      const handlers = this.storeHandlers.get(flag);
      if (handlers) for (const handler of handlers) handler(page, pa, 1, initiator);
    }
    return this.flags(page);
  }

  /** Runs the handlers of a page's flags; must come before its bytes change. The range lies within the page. */
  prepareStore(page: number, pa: number, length: number, initiator: number): void {
    const flags = this.flags(page);
    if (flags === 0) return;
    for (const flag of HANDLER_ORDER) {
      if ((flags & flag) === 0) continue;
      const handlers = this.storeHandlers.get(flag);
      if (handlers) for (const handler of handlers) handler(page, pa, length, initiator);
    }
  }

  /**
   * Runs the observers of a load; must come before bytes of a page flagged `absent` or `loadSlow` are used.
   * @returns false when the bytes are poisoned (a hardware error for a hart, an I/O error for a device)
   */
  prepareLoad(page: number, pa: number, length: number, initiator: number, discarded = false): boolean {
    const flags = this.flags(page);
    if (flags & PageFlag.absent) {
      const handlers = this.storeHandlers.get(PageFlag.absent);
      if (handlers) for (const handler of handlers) handler(page, pa, length, initiator);
    }
    if (flags & PageFlag.loadSlow) {
      for (const handler of this.loadHandlers) if (!handler(pa, length, initiator, discarded)) return false;
    }
    return true;
  }

  /** Unsigned 8-bit value; reads outside of memory are a RangeError (callers check with `hostOf`). */
  read8(pa: number): number {
    return this.u8[this.must(pa, 1)]!;
  }
  read16(pa: number): number {
    return this.view.getUint16(this.must(pa, 2), true);
  }
  /** Unsigned 32-bit value at `pa` (any alignment, within one region). */
  read32(pa: number): number {
    return this.view.getUint32(this.must(pa, 4), true);
  }
  /** For tools and rare paths: makes a bigint. */
  read64(pa: number): bigint {
    return this.view.getBigUint64(this.must(pa, 8), true);
  }

  write8(pa: number, value: number, initiator: number = Initiator.device): void {
    const host = this.mustStore(pa, 1, initiator);
    this.u8[host] = value;
  }
  write16(pa: number, value: number, initiator: number = Initiator.device): void {
    const host = this.mustStore(pa, 2, initiator);
    this.view.setUint16(host, value, true);
  }
  write32(pa: number, value: number, initiator: number = Initiator.device): void {
    const host = this.mustStore(pa, 4, initiator);
    this.view.setUint32(host, value, true);
  }
  write64(pa: number, value: bigint, initiator: number = Initiator.device): void {
    const host = this.mustStore(pa, 8, initiator);
    this.view.setBigUint64(host, value, true);
  }

  /** True when all of [pa, pa + length) lies in one region. */
  contains(pa: number, length: number): boolean {
    const region = this.regionAt(pa);
    return region !== undefined && pa + length <= region.base + region.size;
  }

  /** A copy of `length` bytes. Has no effect on the guest. RangeError outside of memory. */
  readBytes(pa: number, length: number, initiator: number = Initiator.host): Uint8Array {
    if (length === 0) return new Uint8Array(0);
    const host = this.must(pa, length);
    if (initiator === Initiator.host) this.fetchAbsent(pa, length);
    else this.observeRange(pa, length, initiator);
    return this.u8.slice(host, host + length);
  }

  /**
   * Writes bytes, page by page, after the handlers of each page's flags: what a device's DMA does. RangeError
   * outside of memory (nothing is written then).
   */
  writeBytes(pa: number, bytes: Uint8Array, initiator: number = Initiator.device): void {
    if (bytes.length === 0) return;
    const host = this.mustStore(pa, bytes.length, initiator);
    this.u8.set(bytes, host);
  }

  /** Fills a range with one byte, like `writeBytes`. */
  fill(pa: number, length: number, value: number, initiator: number = Initiator.device): void {
    if (length === 0) return;
    const host = this.mustStore(pa, length, initiator);
    this.u8.fill(value, host, host + length);
  }

  private must(pa: number, length: number): number {
    const region = this.regionAt(pa);
    if (!region || pa + length > region.base + region.size)
      throw new RangeError(`no memory at 0x${pa.toString(16)} (${length} bytes)`);
    const host = region.host + (pa - region.base);
    return host;
  }

  private mustStore(pa: number, length: number, initiator: number): number {
    const host = this.must(pa, length);
    const first = this.pageOf(pa);
    const last = this.pageOf(pa + length - 1);
    for (let page = first; page <= last; page++) {
      if (this.flags(page) === 0) continue;
      const start = Math.max(pa, this.addressOf(page));
      const end = Math.min(pa + length, this.addressOf(page) + PAGE_SIZE);
      this.prepareStore(page, start, end - start, initiator);
    }
    return host;
  }

  private fetchAbsent(pa: number, length: number): void {
    this.eachPage(pa, length, (page, start, count) => {
      if (this.flags(page) & PageFlag.absent) {
        for (const handler of this.storeHandlers.get(PageFlag.absent) ?? [])
          handler(page, start, count, Initiator.host);
      }
    });
  }

  private observeRange(pa: number, length: number, initiator: number): void {
    this.eachPage(pa, length, (page, start, count) => {
      this.prepareLoad(page, start, count, initiator);
    });
  }

  private eachPage(
    pa: number,
    length: number,
    visit: (page: number, start: number, count: number) => void,
  ): void {
    for (let at = pa; at < pa + length; ) {
      const page = this.pageOf(at);
      const end = Math.min(pa + length, this.addressOf(page) + PAGE_SIZE);
      visit(page, at, end - at);
      at = end;
    }
  }
}

/** Page number of a guest physical address (exact up to 2^53). */
export const frameOf = (pa: number): number => Math.floor(pa / 2 ** PAGE_SHIFT);
