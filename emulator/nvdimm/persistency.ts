/**
 * The persistency engine: P-RVWMO (docs/persistency.md) in operational form. It is told of every store, cache-block
 * operation and fence that reaches the NVDIMM, in global memory order, and knows at any instant which stores a power
 * failure may undo, where they came from, and exactly which images it may leave. It knows nothing of the machine:
 * the caller performs the stores in visible memory, the engine only reads it (and rewrites it on a discarding
 * `cbo.inval`).
 *
 * A fence completes what its *issuer* has written back. An issuer is a hart, by its index; who wants to know what a program
 * itself guarantees (tools/torture/fences.ts) tells the engine of finer ones, by other numbers.
 *
 * Invariants: a block without an entry is persistent as it is visible; an entry holds at least one unit; an issuer's
 * `cleans` name the place in memory order up to which its next completing fence guarantees each block.
 */
import { CACHE_BLOCK_SIZE } from '../addresses.ts';
import type { Random } from '../random.ts';
import { type BlockNumber, blockOf, blockStart, type Dpa, dpa } from './dpa.ts';
import { BlockImages } from './images.ts';
import { type Origin, PendingBlock, type StoreUnit } from './pending.ts';

/** The persistence domain, in QEMU's words: `mem-ctrl` is ADR, `cpu` is eADR (the caches persist as well). */
export type PersistenceDomain = 'mem-ctrl' | 'cpu';

/** How the power fails: as the domain promises, or with the write-pending queue lost (ADR failed). */
export type Failure = 'power' | 'adr-fail';

/**
 * State of a cache block of the NVDIMM:
 * `clean` not stored to since power-on; `dirty` some store is only in a cache; `written-back` every store has been
 * written back, no fence has completed it; `persistent` every store survives a power failure.
 */
export type LineState = 'clean' | 'dirty' | 'written-back' | 'persistent';

/** Bits of a FENCE's predecessor and successor sets, as encoded (unprivileged manual, "Memory ordering instructions"). */
export const FENCE = { W: 1, R: 2, O: 4, I: 8 } as const;

export interface EngineOptions {
  /** Default `mem-ctrl`. */
  readonly domain?: PersistenceDomain;
  /** Keep what a deep flush has not covered, so that `adr-fail` images are exact. Off by default: it costs memory. */
  readonly trackDeep?: boolean;
  /** Remember persistent blocks, so that `lineState` tells `persistent` from `clean`. Off by default. */
  readonly trackTouched?: boolean;
}

/** What one issuer has written back or hinted and not yet fenced. */
interface IssuerState {
  /** Block → place in memory order before its last `cbo.clean`/`cbo.flush` by this issuer. */
  cleans: Map<BlockNumber, number>;
  /** Block → place in memory order that its last flush hint covers, until a FENCE with O completes it. */
  hints: Map<BlockNumber, number>;
}

/** A copy of the engine's state, valid for any number of `restore`s. */
export interface EngineState {
  readonly blocks: ReadonlyMap<BlockNumber, PendingBlock>;
  /** By issuer; without those that have nothing to complete. */
  readonly issuers: ReadonlyMap<
    number,
    { readonly cleans: ReadonlyMap<BlockNumber, number>; readonly hints: ReadonlyMap<BlockNumber, number> }
  >;
  readonly nextSeq: number;
  readonly touched: ReadonlySet<BlockNumber>;
}

export class PersistencyEngine {
  readonly domain: PersistenceDomain;
  readonly trackDeep: boolean;
  private readonly trackTouched: boolean;
  private blocks = new Map<BlockNumber, PendingBlock>();
  private issuers = new Map<number, IssuerState>();
  private nextSeq = 0;
  private touched = new Set<BlockNumber>();
  /** Identity of the state that owns records made now; a new one after every snapshot and restore. */
  private owner: object = {};
  /** Contents kept by `prepare` and not used yet. */
  private readonly prepared = new Map<BlockNumber, Uint8Array>();

  /** @param visible the NVDIMM's bytes as loads see them, from device physical address 0. */
  constructor(
    private visible: Uint8Array,
    options: EngineOptions = {},
  ) {
    this.domain = options.domain ?? 'mem-ctrl';
    this.trackDeep = options.trackDeep ?? false;
    this.trackTouched = options.trackTouched ?? false;
  }

  /** Names the visible bytes anew, after a linear memory has been replaced. */
  rebind(visible: Uint8Array): void {
    this.visible = visible;
  }

  // ---- Events, each told before it takes effect in visible memory (stores: or prepared) ---------------------

  /**
   * A store of any size at any alignment: of an instruction (an AMO and a successful SC are stores), or a run of bytes
   * that a device writes. It is split at aligned 8 bytes, ascending.
   */
  store(address: Dpa, bytes: Uint8Array, origin: Origin): void {
    let done = 0;
    while (done < bytes.length) {
      const at = address + done;
      const size = Math.min(8 - (at % 8), bytes.length - done);
      let low = 0;
      let high = 0;
      for (let i = 0; i < size; i++) {
        if (i < 4) low |= bytes[done + i]! << (8 * i);
        else high |= bytes[done + i]! << (8 * (i - 4));
      }
      this.append(blockOf(dpa(at)), at % CACHE_BLOCK_SIZE, size, low >>> 0, high >>> 0, origin);
      done += size;
    }
  }

  /**
   * Keeps the visible content of a block for a store that is told only after it has been performed. To be called
   * before it is.
   */
  prepare(block: BlockNumber): void {
    if (this.blocks.has(block) || this.prepared.has(block)) return;
    const start = blockStart(block);
    this.prepared.set(block, this.visible.slice(start, start + CACHE_BLOCK_SIZE));
  }

  /** `cbo.zero`. */
  zero(block: BlockNumber, origin: Origin): void {
    this.append(block, 0, CACHE_BLOCK_SIZE, 0, 0, origin);
  }

  /**
   * `cbo.clean` or `cbo.flush` (or `cbo.inval` where CBIE makes it a flush).
   * @returns the number of store units that it is the first to write back; 0 means that it was redundant
   */
  clean(issuer: number, block: BlockNumber): number {
    const pending = this.blocks.get(block);
    if (pending === undefined) return 0;
    const last = pending.units[pending.units.length - 1]!.seq + 1;
    if (last > pending.guaranteed) this.stateOf(issuer).cleans.set(block, last);
    if (last <= pending.writtenBack) return 0;
    const newly = pending.units.length - pending.indexOf(pending.writtenBack);
    this.own(pending).writtenBack = last;
    return newly;
  }

  /**
   * `cbo.inval` with CBIE = 11: the caches drop the block, and memory shows what had been written back. All that a
   * cache-block operation wrote back stays; of what came later, the caches may have written back any prefix.
   * @param keep how many later store units they had; 0 … invalChoices - 1
   */
  inval(block: BlockNumber, keep = 0): void {
    const pending = this.blocks.get(block);
    if (pending === undefined) return;
    const from = pending.indexOf(pending.writtenBack) + keep;
    if (keep < 0 || from > pending.units.length) throw new RangeError(`cbo.inval cannot keep ${keep} stores`);
    const mine = this.own(pending);
    mine.units.length = from;
    this.visible.set(mine.newest(), blockStart(block));
    if (from === 0) this.blocks.delete(block);
  }

  /** The number of different outcomes that `inval` of a block may have now. */
  invalChoices(block: BlockNumber): number {
    const pending = this.blocks.get(block);
    return pending === undefined ? 1 : pending.units.length - pending.indexOf(pending.writtenBack) + 1;
  }

  /**
   * A FENCE instruction (FENCE.TSO is pred = succ = RW). It completes this issuer's written-back blocks when W is among
   * its predecessors, and its flush hints when O is. With an empty predecessor or successor set it is a hint (PAUSE
   * among them) and does nothing.
   * @returns the number of store units that it made persistent
   */
  fence(issuer: number, pred: number, succ: number): number {
    const state = this.issuers.get(issuer);
    if (succ === 0 || state === undefined) return 0;
    // Hints first: they cover what was persistent when they were written, not what this very fence completes.
    if (pred & FENCE.O && state.hints.size > 0) this.completeHints(state);
    if (!(pred & FENCE.W) || state.cleans.size === 0) return 0;
    let made = 0;
    for (const [block, seq] of state.cleans) {
      const pending = this.blocks.get(block);
      if (pending === undefined || pending.guaranteed >= seq) continue;
      const mine = this.own(pending);
      made += mine.indexOf(seq) - mine.indexOf(mine.guaranteed);
      mine.guaranteed = seq;
      if (!this.trackDeep) this.settle(mine, seq);
    }
    state.cleans.clear();
    return made;
  }

  /** True when `fence` with these sets would change which images are legal: a crash point for exploration. */
  fenceMatters(issuer: number, pred: number, succ: number): boolean {
    const state = this.issuers.get(issuer);
    if (state === undefined || succ === 0 || !(pred & FENCE.W) || state.cleans.size === 0) return false;
    for (const [block, seq] of state.cleans) {
      const pending = this.blocks.get(block);
      if (pending !== undefined && pending.guaranteed < seq && pending.indexOf(seq) > 0) return true;
    }
    return false;
  }

  /** True when no FENCE of this issuer can have an effect. */
  fenceIsIdle(issuer: number): boolean {
    const state = this.issuers.get(issuer);
    return state === undefined || (state.cleans.size === 0 && state.hints.size === 0);
  }

  /** A write to the controller's flush hint: what is in the write-pending queue now goes to the media. */
  flushHint(issuer: number): void {
    if (!this.trackDeep) return;
    const { hints } = this.stateOf(issuer);
    for (const [block, pending] of this.blocks) {
      if (pending.units[0]!.seq < pending.guaranteed) hints.set(block, pending.guaranteed);
    }
  }

  /** A read of the flush-hint register: it waits for the hints of this issuer, as a FENCE with O does. */
  flushHintRead(issuer: number): void {
    const state = this.issuers.get(issuer);
    if (state) this.completeHints(state);
  }

  // ---- Questions -------------------------------------------------------------------------------------------------

  /** The place in the memory order of the next store: those with smaller ones have been performed. */
  get sequence(): number {
    return this.nextSeq;
  }

  /** The state of a cache block. */
  lineState(block: BlockNumber): LineState {
    const pending = this.blocks.get(block);
    if (pending === undefined) return this.touched.has(block) ? 'persistent' : 'clean';
    const last = pending.units[pending.units.length - 1]!.seq;
    if (last < pending.guaranteed || this.domain === 'cpu') return 'persistent';
    return last < pending.writtenBack ? 'written-back' : 'dirty';
  }

  /** The stores to a block that a failure may undo, oldest first. */
  pendingStores(block: BlockNumber, failure: Failure = 'power'): readonly StoreUnit[] {
    const pending = this.blocks.get(block);
    if (pending === undefined) return [];
    return pending.units.slice(pending.indexOf(this.certainBelow(pending, failure)));
  }

  /** The blocks of which a failure may leave more than the visible content, ascending. */
  undetermined(failure: Failure = 'power'): BlockNumber[] {
    const numbers: BlockNumber[] = [];
    for (const [block, pending] of this.blocks) {
      if (pending.units[pending.units.length - 1]!.seq >= this.certainBelow(pending, failure))
        numbers.push(block);
    }
    return numbers.sort((a, b) => a - b);
  }

  /** What a failure now may leave in a block. */
  images(block: BlockNumber, failure: Failure = 'power'): BlockImages {
    const pending = this.blocks.get(block);
    if (pending !== undefined) return pending.images(this.certainBelow(pending, failure));
    const start = blockStart(block);
    return BlockImages.single(this.visible.slice(start, start + CACHE_BLOCK_SIZE));
  }

  /** The number of different images that a failure now may leave: exact. */
  countImages(failure: Failure = 'power'): bigint {
    let product = 1n;
    for (const block of this.undetermined(failure)) product *= this.images(block, failure).count;
    return product;
  }

  /**
   * All images that a failure now may leave, each as the contents of the undetermined blocks (ascending); every
   * other block keeps its visible content. The caller bounds the number with `countImages`.
   */
  *enumerateImages(failure: Failure = 'power'): Generator<Map<BlockNumber, Uint8Array>> {
    const sets = this.undetermined(failure).map((block) => ({
      block,
      contents: [...this.images(block, failure)],
    }));
    const place = sets.map(() => 0);
    for (;;) {
      yield new Map(sets.map(({ block, contents }, i) => [block, contents[place[i]!]!]));
      let i = sets.length - 1;
      while (i >= 0 && ++place[i]! === sets[i]!.contents.length) place[i--] = 0;
      if (i < 0) return;
    }
  }

  /** One legal image, uniform over all different ones, in the form of `enumerateImages`. */
  sampleImage(random: Random, failure: Failure = 'power'): Map<BlockNumber, Uint8Array> {
    return new Map(
      this.undetermined(failure).map((block) => [block, this.images(block, failure).sample(random)]),
    );
  }

  /**
   * The power fails and comes back: visible memory becomes `image`, and nothing is pending any more.
   * @param image contents of the undetermined blocks, as `sampleImage` and `enumerateImages` give them
   */
  powerCycle(image: ReadonlyMap<BlockNumber, Uint8Array>): void {
    for (const [block, bytes] of image) this.visible.set(bytes, blockStart(block));
    this.blocks = new Map();
    this.touched = new Set();
    this.issuers = new Map();
  }

  // ---- Snapshots ---------------------------------------------------------------------------------------------------

  /** A copy of the state that shares the blocks' records until either side changes them. */
  snapshot(): EngineState {
    this.owner = {};
    return {
      blocks: new Map(this.blocks),
      issuers: copyOf(this.issuers),
      nextSeq: this.nextSeq,
      touched: new Set(this.touched),
    };
  }

  /** Goes back to a snapshot, of this engine or of one over the same NVDIMM. Visible memory is the caller's part. */
  restore(state: EngineState): void {
    this.owner = {};
    this.blocks = new Map(state.blocks);
    this.issuers = copyOf(state.issuers);
    this.nextSeq = state.nextSeq;
    this.prepared.clear();
    this.touched = new Set(state.touched);
  }

  // ---- Parts -------------------------------------------------------------------------------------------------------

  private stateOf(issuer: number): IssuerState {
    let state = this.issuers.get(issuer);
    if (state === undefined) {
      state = { cleans: new Map(), hints: new Map() };
      this.issuers.set(issuer, state);
    }
    return state;
  }

  /** Units below this place survive the failure. */
  private certainBelow(pending: PendingBlock, failure: Failure): number {
    if (failure === 'adr-fail') return 0;
    return this.domain === 'cpu' ? Number.POSITIVE_INFINITY : pending.guaranteed;
  }

  private append(
    block: BlockNumber,
    offset: number,
    size: number,
    low: number,
    high: number,
    { hart, instret, pcLow, pcHigh }: Origin,
  ): void {
    const unit: StoreUnit = { seq: this.nextSeq++, offset, size, low, high, hart, instret, pcLow, pcHigh };
    const pending = this.blocks.get(block);
    if (pending !== undefined) {
      this.own(pending).units.push(unit);
      return;
    }
    // Nothing was pending: the base is what was visible before this store.
    this.prepare(block);
    const base = this.prepared.get(block)!;
    this.prepared.delete(block);
    this.blocks.set(block, new PendingBlock(block, base, [unit], 0, 0, this.owner));
    if (this.trackTouched) this.touched.add(block);
  }

  /** The record of a block, copied first if a snapshot shares it. */
  private own(pending: PendingBlock): PendingBlock {
    if (pending.owner === this.owner) return pending;
    const mine = pending.copyFor(this.owner);
    this.blocks.set(mine.block, mine);
    return mine;
  }

  private settle(mine: PendingBlock, seq: number): void {
    mine.settle(seq);
    if (mine.units.length === 0) this.blocks.delete(mine.block);
  }

  private completeHints(state: IssuerState): void {
    for (const [block, seq] of state.hints) {
      const pending = this.blocks.get(block);
      if (pending !== undefined) this.settle(this.own(pending), seq);
    }
    state.hints.clear();
  }
}

function copyOf(issuers: EngineState['issuers']): Map<number, IssuerState> {
  const copy = new Map<number, IssuerState>();
  for (const [issuer, { cleans, hints }] of issuers)
    if (cleans.size + hints.size > 0) copy.set(issuer, { cleans: new Map(cleans), hints: new Map(hints) });
  return copy;
}
