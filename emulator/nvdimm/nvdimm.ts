/**
 * The NVDIMM as a part of a machine: its media behind a region of physical memory, and what cache-block operations,
 * fences, stores and failures do to it. It joins the pieces of this folder and takes part in execution through page
 * flags and `MachineHooks`.
 *
 * In *light mode* stores are plain; a log of written-back blocks keeps the media right. In *recording mode* the
 * persistency engine is told of every store as well, at the price of a slow path for each. *On demand* it is one or the
 * other at a time: who runs the machine again from a point whose engine state is known may record then, and only then. Media
 * pages are read in when they are first touched.
 *
 * Invariants: visible memory of a page flagged `absent` has no meaning; the media are, after every write to them, a
 * legal image of a power failure at some instant not before the last `beforeOutput`.
 */
import { CACHE_BLOCK_SIZE, PAGE_SIZE } from '../addresses.ts';
import { PageFlag } from '../cpu/state.ts';
import type { State } from '../machine/bus.ts';
import { stateField } from '../machine/fields.ts';
import type { Region } from '../machine/layout.ts';
import { Initiator, type PhysicalMemory } from '../machine/memory.ts';
import type { Random } from '../random.ts';
import { Shutdown } from './device-record.ts';
import { type BlockNumber, blockOf, blockStart, type Dpa, dpa } from './dpa.ts';
import type { Media } from './media.ts';
import { MediaErrors } from './media-errors.ts';
import type { Origin } from './pending.ts';
import {
  type EngineState,
  type Failure,
  FENCE,
  type PersistenceDomain,
  PersistencyEngine,
} from './persistency.ts';
import { engineField, restoreEngine, restoreRecord, saveEngine, saveRecord } from './saved.ts';
import { WriteBackLog } from './write-back-log.ts';

export interface NvdimmOptions {
  readonly media: Media;
  readonly domain?: PersistenceDomain;
  /**
   * Tell the persistency engine of every store; `on-demand`: from power-on until `stopRecording`, and after
   * `startRecording` again. On demand the media must be a private copy (`writeThrough: false`).
   */
  readonly recording?: boolean | 'on-demand';
  /** Recording: keep what failures of ADR need. */
  readonly trackDeep?: boolean;
  /** Recording: tell persistent blocks from untouched ones. */
  readonly trackTouched?: boolean;
  /**
   * Keep the media up to date (default). Without, they stay as they are at power-on: for media that are a private
   * copy anyway, whose machine is restored from snapshots.
   */
  readonly writeThrough?: boolean;
  /** Fenced data must survive a crash of the host. */
  readonly durable?: boolean;
}

/** Which legal image a power failure leaves. */
export type ImageChoice =
  /** Only what is guaranteed. */
  | { readonly kind: 'oldest' }
  /** One drawn uniformly. */
  | { readonly kind: 'sample'; readonly random: Random }
  /** This one: contents of the undetermined blocks. */
  | { readonly kind: 'image'; readonly blocks: ReadonlyMap<BlockNumber, Uint8Array> };

/** Pages read in together: fewer calls for programs that go through their data. */
const READ_AHEAD_PAGES = 16;

export class Nvdimm {
  readonly media: Media;
  readonly errors: MediaErrors;
  readonly domain: PersistenceDomain;
  /** The log of light mode; absent when the media are not kept up to date. */
  readonly log: WriteBackLog | undefined;
  /** The engine that is told of stores now. */
  private recorder: PersistencyEngine | undefined;
  /** The engine that can be told, where recording is on demand. */
  private readonly standby: PersistencyEngine | undefined;
  private readonly visible: Uint8Array;
  /** Stores announced by the instruction `latentInstret`, of which memory will hold the values when it is done. */
  private latent: { address: Dpa; length: number; origin: Origin }[] = [];
  /** The block of a `cbo.zero` under way, whose store handler must not count it again; else -1. */
  private zeroing = -1;
  private readonly watched = new Map<number, number>();
  /**
   * Recording: who issues a hart's cache-block operations and fences now (persistency.ts). A hart does it all by itself on
   * hardware; a tester may be stricter.
   */
  issuerOf: (hart: number) => number = (hart) => hart;
  /** Recording: told of each store before anything is done about it. */
  beforeStore: ((address: Dpa, length: number, initiator: number) => void) | undefined;
  /** On demand: told after pages have lost their `storeSlow` flag, for others who observe them. */
  onStoresReleased: (() => void) | undefined;
  /**
   * On demand, not recording: told of a discarding `cbo.inval`, whose outcome only the engine knows. Memory is left as it
   * is, which is wrong: the run must be repeated with recording.
   */
  onUnrecordedDiscard: (() => void) | undefined;

  /**
   * @param origin where a store of an initiator (hart index, or -1 for a device) comes from; for recording
   */
  constructor(
    private readonly memory: PhysicalMemory,
    readonly region: Region,
    private readonly origin: (initiator: number) => Origin,
    options: NvdimmOptions,
  ) {
    this.media = options.media;
    this.domain = options.domain ?? 'mem-ctrl';
    this.visible = memory.u8.subarray(region.host, region.host + region.size);
    if (options.writeThrough !== false) {
      this.log = new WriteBackLog(this.media, this.visible, options.durable === true);
    }
    memory.onStore(PageFlag.absent, (page) => this.readIn(page));
    memory.onStore(PageFlag.storeSlow, (page, pa, length, initiator) => {
      if (this.owns(page)) this.onStore(dpa(pa - region.base), length, initiator);
    });
    memory.onLoad(
      (pa, length) => pa < region.base || pa >= region.base + region.size || this.onLoad(pa, length),
      (page, blocks) => {
        if ((this.watched.get(page) ?? 0) > 0) blocks.fill(-1);
      },
    );
    this.flagAll(PageFlag.absent | (options.recording ? PageFlag.storeSlow : 0));
    if (options.recording) {
      this.recorder = new PersistencyEngine(this.visible, {
        domain: this.domain,
        trackDeep: options.trackDeep === true,
        trackTouched: options.trackTouched === true,
      });
      if (options.recording === 'on-demand') this.standby = this.recorder;
    }
    this.errors = new MediaErrors(
      this.media.record,
      (block) => this.watchBlock(block, 1),
      (block) => this.watchBlock(block, -1),
    );
  }

  /** True when stores are recorded now. */
  get recording(): boolean {
    return this.recorder !== undefined;
  }

  /** True when stores are recorded, or can be. */
  get recordable(): boolean {
    return this.recorder !== undefined || this.standby !== undefined;
  }

  /** On demand: records from now on. @param state what the engine would know now if it had been told of everything */
  startRecording(state: EngineState): void {
    if (this.standby === undefined) throw new Error('recording is not on demand');
    this.forgetLatent();
    this.standby.restore(state);
    if (this.recorder !== undefined) return;
    this.recorder = this.standby;
    this.flagAll(PageFlag.storeSlow);
  }

  /** On demand: stores are plain from now on. Nothing where it is not on demand. */
  stopRecording(): void {
    if (this.standby === undefined || this.recorder === undefined) return;
    this.forgetLatent();
    this.recorder = undefined;
    const { firstPage, pages } = this.region;
    for (let page = firstPage; page < firstPage + pages; page++)
      if (!this.observesStores(page)) this.memory.clearFlag(page, PageFlag.storeSlow);
    this.onStoresReleased?.();
  }

  /** Whether stores to a page must stay observed for the NVDIMM's own sake. */
  observesStores(page: number): boolean {
    return this.owns(page) && (this.recorder !== undefined || (this.watched.get(page) ?? 0) > 0);
  }

  /** The persistency engine, up to date with every store performed so far. Recording mode only. */
  get engine(): PersistencyEngine {
    if (this.recorder === undefined) throw new Error('stores to the NVDIMM are not recorded');
    this.arrive();
    return this.recorder;
  }

  // ---- Power ----------------------------------------------------------------------------------------------------

  /** The machine is switched on: counts the last shutdown if it was not in order, and marks the media in use. */
  powerOn(): void {
    const record = this.media.record;
    if (record.shutdown !== Shutdown.clean) record.unsafeShutdowns++;
    record.powerCycles++;
    record.shutdown = Shutdown.inUse;
    this.media.saveRecord();
  }

  /**
   * The guest powers off in order: the caches are written back, and the media are marked. Fenced or not, every store
   * is then on the media (any later state of a block is legal).
   */
  powerOff(): void {
    this.arrive();
    this.log?.drain();
    this.writeBackAll();
    this.recorder?.powerCycle(new Map());
    this.media.record.shutdown = Shutdown.clean;
    this.media.saveRecord();
    this.media.sync();
  }

  /**
   * The power fails now. In recording mode memory and media get a legal image; in light mode the media already hold one
   * and memory is read in again. On demand, without recording, the image must be given. The machine must be reset afterwards.
   */
  powerFail(choice: ImageChoice, failure: Failure = 'power'): void {
    if (failure === 'adr-fail') this.media.record.flushFailures++;
    if (this.recorder === undefined && this.standby !== undefined) {
      if (choice.kind !== 'image') throw new Error('stores to the NVDIMM are not recorded');
      for (const [block, bytes] of choice.blocks) {
        this.settle(block);
        this.visible.set(bytes, blockStart(block));
      }
      this.media.saveRecord();
      return;
    }
    if (this.recorder === undefined) {
      this.log?.drain();
      this.forget();
      this.media.saveRecord();
      return;
    }
    const { engine } = this;
    const blocks = this.imageOf(choice, failure);
    // In order first: while the media change to the chosen image, every block of them is then a legal one.
    this.log?.drain();
    for (const block of blocks.keys()) this.settle(block);
    engine.powerCycle(blocks);
    if (this.log) this.writeBackAll();
    this.media.saveRecord();
  }

  /** The contents of the undetermined blocks in the image that a failure now leaves. Recording mode only. */
  imageOf(choice: ImageChoice, failure: Failure = 'power'): ReadonlyMap<BlockNumber, Uint8Array> {
    if (choice.kind === 'image') return choice.blocks;
    const { engine } = this;
    if (choice.kind === 'sample') return engine.sampleImage(choice.random, failure);
    return new Map(
      engine.undetermined(failure).map((block) => [block, engine.images(block, failure).at(0n)] as const),
    );
  }

  /** Before anything is shown to the outside: the media catch up with what fences have made persistent. */
  beforeOutput(): void {
    this.log?.drain();
  }

  /** Gives the media up, after `powerOff`, or as they are. */
  close(): void {
    this.media.close();
  }

  // ---- What the machine tells --------------------------------------------------------------------------------------

  /** A cache-block operation on the block at physical address `pa`; `inval` only where it discards. */
  cacheBlock(operation: 'inval' | 'clean' | 'flush' | 'zero', pa: number, hart: number): void {
    if (pa < this.region.base || pa >= this.region.base + this.region.size) return;
    const block = blockOf(dpa(pa - this.region.base));
    this.arrive();
    if (operation === 'clean' || operation === 'flush') {
      // Of an absent page nothing can be in a cache. It counts all the same: the guest cannot know what was read in.
      if (!this.isAbsent(block)) {
        this.recorder?.clean(this.issuerOf(hart), block);
        this.log?.clean(block);
      }
      this.media.record.blockWrites++;
      this.errors.wrote(block);
      return;
    }
    this.present(block);
    if (operation === 'inval') this.settle(block);
    if (operation === 'zero') {
      this.recorder?.zero(block, this.origin(hart));
      if (this.recorder) this.zeroing = block;
    } else {
      if (this.recorder) this.recorder.inval(block);
      else if (this.standby) this.onUnrecordedDiscard?.();
      else this.discard(block);
    }
  }

  /** A FENCE with these sets (bits of `FENCE`). Cheap when nothing waits for it. */
  fence(pred: number, succ: number, hart: number): void {
    if (this.recorder !== undefined) {
      this.arrive();
      this.recorder.fence(this.issuerOf(hart), pred, succ);
    }
    if (this.log?.lags && succ !== 0 && pred & FENCE.W) this.log.fence();
  }

  /** True when a FENCE may have something to do: stores are recorded, or copies wait for one in the log. */
  get waitsForFence(): boolean {
    return this.recorder !== undefined || this.log?.epochOpen === true;
  }

  /** True when a FENCE would make stores persistent: recording mode's crash points lie before such fences. */
  fenceMatters(pred: number, succ: number, hart: number): boolean {
    return this.engine.fenceMatters(this.issuerOf(hart), pred, succ);
  }

  /** A deep flush through the controller. */
  flushHint(hart: number): void {
    if (this.recorder === undefined) return;
    this.arrive();
    this.recorder.flushHint(this.issuerOf(hart));
  }

  /** The controller's flush hint is read back. */
  flushHintRead(hart: number): void {
    this.recorder?.flushHintRead(this.issuerOf(hart));
  }

  /** The controller makes an unreadable block readable again, zeroed. */
  clearError(block: BlockNumber): void {
    const pa = this.region.base + blockStart(block);
    this.memory.fill(pa, CACHE_BLOCK_SIZE, 0);
    this.arrive();
    this.errors.clear(block);
    this.media.saveRecord();
  }

  /** Writes to the label area: through to the media, after everything that was persistent before. */
  writeLabels(offset: number, bytes: Uint8Array): void {
    this.log?.drain();
    this.media.writeLabels(offset, bytes);
  }

  // ---- State ---------------------------------------------------------------------------------------------------

  /** Everything of the media is in memory afterwards: for states that are saved to a file. */
  readAll(): void {
    const { firstPage, pages } = this.region;
    for (let i = 0; i < pages; i++) {
      if (this.memory.flags(firstPage + i) & PageFlag.absent) this.readIn(firstPage + i);
    }
  }

  save(): State {
    const state = { record: saveRecord(this.media.record), errors: this.errors.save() };
    return this.recorder === undefined ? state : { ...state, engine: saveEngine(this.engine.snapshot()) };
  }

  /**
   * Goes back to a saved state, after memory has; on demand, stores are recorded afterwards if they were then. Light mode does not know which stores were not persistent: the
   * media take memory's content, as if the caches had been written back.
   */
  restore(state: State): void {
    this.forgetLatent();
    for (const { dpa: address } of this.media.record.poison) this.watchBlock(blockOf(dpa(address)), -1);
    restoreRecord(this.media.record, stateField(state, 'record'));
    for (const { dpa: address } of this.media.record.poison) this.watchBlock(blockOf(dpa(address)), 1);
    this.errors.restore(stateField(state, 'errors'));
    const engine = engineField(state);
    if (this.standby !== undefined) {
      if (engine === undefined) this.stopRecording();
      else this.startRecording(restoreEngine(engine));
    } else if (this.recorder !== undefined) {
      if (engine === undefined) throw new Error('the state was saved without recording stores');
      this.recorder.restore(restoreEngine(engine));
    }
    if (this.log) {
      this.log.drain();
      this.writeBackAll();
    }
  }

  // ---- Parts -----------------------------------------------------------------------------------------------------

  private owns(page: number): boolean {
    return page >= this.region.firstPage && page < this.region.firstPage + this.region.pages;
  }

  /** A store to an observed page is about to happen: recorded, or counted towards clearing poison. */
  private onStore(address: Dpa, length: number, initiator: number): void {
    if (this.errors.any) this.errors.store(address, length);
    if (this.recorder === undefined) return;
    this.beforeStore?.(address, length, initiator);
    const first = blockOf(address);
    const last = blockOf(dpa(address + length - 1));
    if (first === this.zeroing && length === CACHE_BLOCK_SIZE) {
      this.zeroing = -1;
      return;
    }
    const origin = this.origin(initiator);
    const previous = this.latent[0]?.origin;
    // The pieces of one misaligned store are announced before any of them is performed.
    if (previous && (previous.instret !== origin.instret || previous.hart !== origin.hart)) this.arrive();
    for (let block = first; block <= last; block++) this.recorder.prepare(block as BlockNumber);
    this.latent.push({ address, length, origin });
  }

  /** Tells the engine of the announced stores, which have been performed by now. */
  private arrive(): void {
    this.zeroing = -1;
    if (this.latent.length === 0 || this.recorder === undefined) return;
    for (const { address, length, origin } of this.latent) {
      this.recorder.store(address, this.visible.subarray(address, address + length), origin);
    }
    this.latent = [];
  }

  private forgetLatent(): void {
    this.latent = [];
    this.zeroing = -1;
  }

  private onLoad(pa: number, length: number): boolean {
    return this.errors.load(dpa(pa - this.region.base), length);
  }

  /** Reads the pages around an absent one in. */
  private readIn(page: number): void {
    if (!this.owns(page)) return;
    const { firstPage, pages } = this.region;
    const index = page - firstPage;
    const start = index - (index % READ_AHEAD_PAGES);
    const end = Math.min(start + READ_AHEAD_PAGES, pages);
    const absent = (i: number): boolean => (this.memory.flags(firstPage + i) & PageFlag.absent) !== 0;
    for (let from = start; from < end; ) {
      let to = from;
      while (to < end && absent(to)) to++;
      if (to > from) {
        this.media.read(dpa(from * PAGE_SIZE), this.visible.subarray(from * PAGE_SIZE, to * PAGE_SIZE));
        for (let i = from; i < to; i++) this.memory.clearFlag(firstPage + i, PageFlag.absent);
      }
      from = Math.max(to, from + 1);
    }
  }

  private pageOf(block: BlockNumber): number {
    return this.region.firstPage + Math.floor(blockStart(block) / PAGE_SIZE);
  }

  private isAbsent(block: BlockNumber): boolean {
    return (this.memory.flags(this.pageOf(block)) & PageFlag.absent) !== 0;
  }

  /** Makes sure that a block's page has been read in. */
  private present(block: BlockNumber): void {
    if (this.isAbsent(block)) this.readIn(this.pageOf(block));
  }

  /** Lets who keeps copies of pages (snapshots) see that a block's bytes change behind the back of stores. */
  private settle(block: BlockNumber): void {
    this.memory.settle(this.pageOf(block), this.region.base + blockStart(block), Initiator.host);
  }

  /** A discarding `cbo.inval` in light mode: memory shows what was written back last. */
  private discard(block: BlockNumber): void {
    const start = blockStart(block);
    const target = this.visible.subarray(start, start + CACHE_BLOCK_SIZE);
    const copy = this.log?.lastCopy(block);
    if (copy) target.set(copy);
    else this.media.read(start, target);
  }

  /** Brings the media to visible memory, page by page, where they differ. */
  private writeBackAll(): void {
    const chunk = new Uint8Array(READ_AHEAD_PAGES * PAGE_SIZE);
    const { firstPage, pages } = this.region;
    for (let start = 0; start < pages; start += READ_AHEAD_PAGES) {
      const end = Math.min(start + READ_AHEAD_PAGES, pages);
      let read = false;
      for (let i = start; i < end; i++) {
        if (this.memory.flags(firstPage + i) & PageFlag.absent) continue;
        if (!read) {
          this.media.read(dpa(start * PAGE_SIZE), chunk.subarray(0, (end - start) * PAGE_SIZE));
          read = true;
        }
        const now = this.visible.subarray(i * PAGE_SIZE, (i + 1) * PAGE_SIZE);
        const old = chunk.subarray((i - start) * PAGE_SIZE, (i - start + 1) * PAGE_SIZE);
        if (Buffer.compare(now, old) !== 0) this.media.write(dpa(i * PAGE_SIZE), now);
      }
    }
  }

  /** Forgets what was read in: pages will come from the media again. */
  private forget(): void {
    this.flagAll(PageFlag.absent);
  }

  /** Sets flags of all pages. The memory is told once, with the last page: telling drops whole TLBs. */
  private flagAll(flags: number): void {
    const { firstPage, pages } = this.region;
    const first = this.memory.layout.pageFlags + firstPage;
    for (let i = 0; i < pages - 1; i++) this.memory.u8[first + i]! |= flags;
    this.memory.setFlag(firstPage + pages - 1, flags);
  }

  /** Counts the poisoned blocks of a page: the first makes its loads and stores observed, the last ends that. */
  private watchBlock(block: BlockNumber, change: 1 | -1): void {
    const page = this.pageOf(block);
    const count = (this.watched.get(page) ?? 0) + change;
    this.watched.set(page, count);
    if (count > 0) {
      this.memory.setFlag(page, PageFlag.loadSlow);
      this.memory.setFlag(page, PageFlag.storeSlow);
      // The page's loads may have been observed for somebody who wants to see others.
      this.memory.observeMore(page);
    } else {
      this.memory.clearFlag(page, PageFlag.loadSlow);
      if (this.recorder === undefined) {
        this.memory.clearFlag(page, PageFlag.storeSlow);
        this.onStoresReleased?.();
      }
    }
  }
}
