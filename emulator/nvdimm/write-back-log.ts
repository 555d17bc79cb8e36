/**
 * Light mode: what an ordinary run needs to keep the media right, without watching stores. A `cbo.clean` or
 * `cbo.flush` copies its block here; a completing fence ends an *epoch*; `drain` brings the media up to date, before
 * anything is shown to the outside.
 *
 * Why the media are a legal image of a power failure after every single write (docs/nvdimm.md has the argument in
 * full): they then hold, of each block, what some `cbo.clean` copied. Writes go epoch by epoch, so when the
 * first block of an epoch is written, everything that fences had guaranteed up to then is there; within an epoch no
 * fence separates the copies, so any subset of them may have reached the media, in any order, each block's last
 * copy alone being enough. Epochs that touch one run of blocks within a 4-KiB page are written together: that write
 * takes effect as a whole, so nothing between them is ever seen.
 */
import { CACHE_BLOCK_SIZE, PAGE_SIZE } from '../addresses.ts';
import { type BlockNumber, blockNumber, blockStart, dpa } from './dpa.ts';
import type { Media } from './media.ts';

const BLOCKS_PER_PAGE = PAGE_SIZE / CACHE_BLOCK_SIZE;
/** Copies held before the log is drained by itself: 4 MiB of them. */
const CAPACITY = 65536;

export interface LogStatistics {
  /** Copies made by cache-block operations. */
  blocks: number;
  /** Epochs that fences ended. */
  epochs: number;
  /** Writes to the media. */
  writes: number;
}

export class WriteBackLog {
  readonly statistics: LogStatistics = { blocks: 0, epochs: 0, writes: 0 };
  /** Block number of each copy, in order. */
  private readonly numbers = new Int32Array(CAPACITY);
  private readonly bytes = new Uint8Array(CAPACITY * CACHE_BLOCK_SIZE);
  private count = 0;
  /** Ends (exclusive) of the closed epochs, ascending; copies after the last belong to the open one. */
  private ends: number[] = [];
  private readonly page = new Uint8Array(PAGE_SIZE);
  /** Why the media can take no more: after a failed write the rest would no longer be in order. */
  private failure: unknown;

  /**
   * @param visible the NVDIMM's bytes as loads see them
   * @param durable make each epoch survive a crash of the host before the next one is written
   * @param wrote told of each block written to the media
   */
  constructor(
    private readonly media: Media,
    private readonly visible: Uint8Array,
    private readonly durable: boolean,
    private readonly wrote: (block: BlockNumber) => void = () => {},
  ) {}

  /** A `cbo.clean` or `cbo.flush` of a block. */
  clean(block: BlockNumber): void {
    if (this.count === CAPACITY) this.drain();
    const start = blockStart(block);
    this.bytes.set(this.visible.subarray(start, start + CACHE_BLOCK_SIZE), this.count * CACHE_BLOCK_SIZE);
    this.numbers[this.count++] = block;
    this.statistics.blocks++;
  }

  /** A completing fence, of any hart. */
  fence(): void {
    if (this.count === 0 || this.ends[this.ends.length - 1] === this.count) return;
    this.ends.push(this.count);
    this.statistics.epochs++;
  }

  /** True when the media lag behind what has been written back. */
  get lags(): boolean {
    return this.count > 0;
  }

  /** The content of a block as last written back, or undefined when the media hold it. */
  lastCopy(block: BlockNumber): Uint8Array | undefined {
    const index = this.numbers.subarray(0, this.count).lastIndexOf(block);
    return index < 0 ? undefined : this.copyAt(index);
  }

  /** Brings the media up to date, also with copies that no fence has completed yet (they may be there). */
  drain(): void {
    if (this.failure !== undefined) throw this.failure;
    if (this.count === 0) return;
    try {
      this.writeAll();
    } catch (error) {
      this.failure = error;
      throw error;
    }
    this.count = 0;
    this.ends = [];
  }

  private writeAll(): void {
    if (this.ends[this.ends.length - 1] !== this.count) this.ends.push(this.count);
    let start = 0;
    let epoch = 0;
    while (epoch < this.ends.length) {
      const end = this.ends[epoch]!;
      const joined = this.durable ? epoch : this.joinEpochs(start, epoch);
      if (joined > epoch || this.oneRun(start, end)) {
        this.writeRun(start, this.ends[joined]!);
      } else {
        this.writeEpoch(start, end);
      }
      if (this.durable) this.media.sync();
      start = this.ends[joined]!;
      epoch = joined + 1;
    }
  }

  /** The last epoch, from `epoch` on, up to which all copies from `start` lie in one run of blocks of one page. */
  private joinEpochs(start: number, epoch: number): number {
    const page = Math.floor(this.numbers[start]! / BLOCKS_PER_PAGE);
    let low = this.numbers[start]!;
    let high = low;
    let joined = epoch - 1;
    let index = start;
    for (let next = epoch; next < this.ends.length; next++) {
      for (; index < this.ends[next]!; index++) {
        const block = this.numbers[index]!;
        if (block < low - 1 || block > high + 1 || Math.floor(block / BLOCKS_PER_PAGE) !== page) {
          return Math.max(joined, epoch);
        }
        low = Math.min(low, block);
        high = Math.max(high, block);
      }
      joined = next;
    }
    return Math.max(joined, epoch);
  }

  /** True when copies start … end - 1 lie in one run of blocks of one page, each next to those before it. */
  private oneRun(start: number, end: number): boolean {
    let low = this.numbers[start]!;
    let high = low;
    for (let index = start; index < end; index++) {
      const block = this.numbers[index]!;
      if (block < low - 1 || block > high + 1) return false;
      low = Math.min(low, block);
      high = Math.max(high, block);
    }
    return Math.floor(low / BLOCKS_PER_PAGE) === Math.floor(high / BLOCKS_PER_PAGE);
  }

  /** Writes copies that form one run, each block's last one, at once. */
  private writeRun(start: number, end: number): void {
    let low = this.numbers[start]!;
    let high = low;
    for (let index = start; index < end; index++) {
      low = Math.min(low, this.numbers[index]!);
      high = Math.max(high, this.numbers[index]!);
    }
    for (let index = start; index < end; index++) {
      this.page.set(this.copyAt(index), (this.numbers[index]! - low) * CACHE_BLOCK_SIZE);
    }
    this.write(low, high + 1);
  }

  /** Writes an epoch, each block's last copy, in runs within pages. */
  private writeEpoch(start: number, end: number): void {
    const last = new Map<number, number>();
    for (let index = start; index < end; index++) last.set(this.numbers[index]!, index);
    const blocks = Int32Array.from(last.keys()).sort();
    for (let first = 0; first < blocks.length; ) {
      const low = blocks[first]!;
      const pageEnd = (Math.floor(low / BLOCKS_PER_PAGE) + 1) * BLOCKS_PER_PAGE;
      let next = first;
      let block = low;
      while (next < blocks.length && blocks[next] === block && block < pageEnd) {
        this.page.set(this.copyAt(last.get(block)!), (block - low) * CACHE_BLOCK_SIZE);
        next++;
        block++;
      }
      this.write(low, block);
      first = next;
    }
  }

  /** Writes blocks low … high - 1 (of one page) from the staging page. */
  private write(low: number, high: number): void {
    this.media.write(
      dpa(blockStart(blockNumber(low))),
      this.page.subarray(0, (high - low) * CACHE_BLOCK_SIZE),
    );
    this.media.record.blockWrites += high - low;
    for (let block = low; block < high; block++) this.wrote(blockNumber(block));
    this.statistics.writes++;
  }

  private copyAt(index: number): Uint8Array {
    return this.bytes.subarray(index * CACHE_BLOCK_SIZE, (index + 1) * CACHE_BLOCK_SIZE);
  }
}
