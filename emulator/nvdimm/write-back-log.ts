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
const WORDS_PER_BLOCK = CACHE_BLOCK_SIZE / 4;
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
  /** The copies, in 32-bit words: copying in a loop of words is faster here than making views of bytes. */
  private readonly words = new Int32Array(CAPACITY * WORDS_PER_BLOCK);
  private readonly visible: Int32Array;
  private count = 0;
  /** Ends (exclusive) of the closed epochs, ascending; copies after the last belong to the open one. */
  private ends: number[] = [];
  /** Where a run of blocks is put together for one write: its words and its bytes. */
  private readonly page = new Int32Array(PAGE_SIZE / 4);
  private readonly pageBytes = new Uint8Array(this.page.buffer);
  /** Scratch of `writeEpoch`: block * CAPACITY + index, in order. */
  private readonly keys = new Float64Array(CAPACITY);
  /** Why the media can take no more: after a failed write the rest would no longer be in order. */
  private failure: unknown;

  /**
   * @param visible the NVDIMM's bytes as loads see them
   * @param durable make each epoch survive a crash of the host before the next one is written
   */
  constructor(
    private readonly media: Media,
    visible: Uint8Array,
    private readonly durable: boolean,
  ) {
    this.visible = new Int32Array(visible.buffer, visible.byteOffset, visible.length / 4);
  }

  /** A `cbo.clean` or `cbo.flush` of a block. */
  clean(block: BlockNumber): void {
    if (this.count === CAPACITY) this.drain();
    const { words, visible } = this;
    const from = block * WORDS_PER_BLOCK;
    const to = this.count * WORDS_PER_BLOCK;
    for (let i = 0; i < WORDS_PER_BLOCK; i++) words[to + i] = visible[from + i]!;
    this.numbers[this.count++] = block;
    this.statistics.blocks++;
  }

  /** A completing fence, of any hart. */
  fence(): void {
    if (!this.epochOpen) return;
    this.ends.push(this.count);
    this.statistics.epochs++;
  }

  /** True when copies were made since the last completing fence. */
  get epochOpen(): boolean {
    return this.count > (this.ends[this.ends.length - 1] ?? 0);
  }

  /** True when the media lag behind what has been written back. */
  get lags(): boolean {
    return this.count > 0;
  }

  /** The content of a block as last written back, or undefined when the media hold it. */
  lastCopy(block: BlockNumber): Uint8Array | undefined {
    const index = this.numbers.subarray(0, this.count).lastIndexOf(block);
    if (index < 0) return undefined;
    return new Uint8Array(this.words.slice(index * WORDS_PER_BLOCK, (index + 1) * WORDS_PER_BLOCK).buffer);
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
    for (let index = start; index < end; index++) this.stage(index, this.numbers[index]! - low);
    this.write(low, high + 1);
  }

  /** Writes an epoch, each block's last copy, in runs within pages. */
  private writeEpoch(start: number, end: number): void {
    const count = end - start;
    const keys = this.keys.subarray(0, count);
    let sorted = true;
    for (let i = 0; i < count; i++) {
      keys[i] = this.numbers[start + i]! * CAPACITY + start + i;
      if (i > 0 && keys[i]! < keys[i - 1]!) sorted = false;
    }
    if (!sorted) keys.sort();
    for (let i = 0; i < count; ) {
      const low = Math.floor(keys[i]! / CAPACITY);
      const pageEnd = (Math.floor(low / BLOCKS_PER_PAGE) + 1) * BLOCKS_PER_PAGE;
      let high = low;
      for (; i < count; i++) {
        const block = Math.floor(keys[i]! / CAPACITY);
        if (block > high + 1 || block >= pageEnd) break;
        // Of several copies of a block the last comes last.
        this.stage(keys[i]! - block * CAPACITY, block - low);
        high = block;
      }
      this.write(low, high + 1);
    }
  }

  /** Puts copy `index` at block `place` of the staging page. */
  private stage(index: number, place: number): void {
    const { words, page } = this;
    const from = index * WORDS_PER_BLOCK;
    const to = place * WORDS_PER_BLOCK;
    for (let i = 0; i < WORDS_PER_BLOCK; i++) page[to + i] = words[from + i]!;
  }

  /** Writes blocks low … high - 1 (of one page) from the staging page. */
  private write(low: number, high: number): void {
    this.media.write(
      dpa(blockStart(blockNumber(low))),
      this.pageBytes.subarray(0, (high - low) * CACHE_BLOCK_SIZE),
    );
    this.statistics.writes++;
  }
}
