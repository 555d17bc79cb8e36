/**
 * A set-associative cache of tags: which lines it has, and which of them are dirty. Lines are named by number
 * (address / 64, below 2^31); contents are none of its business.
 *
 * Invariant: within a set the ways are in order of use, the most recent first.
 */
import type { CacheParameters } from './profile.ts';

const LINE_BYTES = 64;
const EMPTY = -1;

export class Cache {
  /** Line numbers by set and way; -1 = empty. */
  private readonly lines: Int32Array;
  private readonly dirty: Uint8Array;
  private readonly sets: number;
  private readonly mask: number;
  private readonly ways: number;
  hits = 0;
  misses = 0;
  /** After `fill`: the line that made room, or -1; and whether it was dirty. */
  victim = EMPTY;
  victimDirty = false;

  constructor({ bytes, ways }: CacheParameters) {
    this.ways = ways;
    this.sets = Math.max(1, Math.floor(bytes / LINE_BYTES / ways));
    // A mask where the sets are a power of two, else a division.
    this.mask = (this.sets & (this.sets - 1)) === 0 ? this.sets - 1 : -1;
    this.lines = new Int32Array(this.sets * ways).fill(EMPTY);
    this.dirty = new Uint8Array(this.sets * ways);
  }

  private base(line: number): number {
    return (this.mask >= 0 ? line & this.mask : line % this.sets) * this.ways;
  }

  /** Looks a line up and makes it the most recent; `write` marks it dirty. True when it is there. */
  access(line: number, write: boolean): boolean {
    const { lines } = this;
    const base = this.base(line);
    if (lines[base] === line) {
      this.hits++;
      if (write) this.dirty[base] = 1;
      return true;
    }
    const end = base + this.ways;
    for (let at = base + 1; at < end; at++) {
      if (lines[at] !== line) continue;
      this.hits++;
      const dirty = this.dirty[at]!;
      this.shift(base, at);
      lines[base] = line;
      this.dirty[base] = write ? 1 : dirty;
      return true;
    }
    this.misses++;
    return false;
  }

  /** Puts a line in as the most recent one. What it replaces is in `victim`. */
  fill(line: number, dirty: boolean): void {
    const base = this.base(line);
    const last = base + this.ways - 1;
    this.victim = this.lines[last]!;
    this.victimDirty = this.victim !== EMPTY && this.dirty[last] === 1;
    this.shift(base, last);
    this.lines[base] = line;
    this.dirty[base] = dirty ? 1 : 0;
  }

  /**
   * Writes a line back, and drops it if `drop`.
   * @returns 0 when the cache does not have it, 1 when it has it clean, 2 when it was dirty
   */
  clean(line: number, drop: boolean): 0 | 1 | 2 {
    const base = this.base(line);
    const end = base + this.ways;
    for (let at = base; at < end; at++) {
      if (this.lines[at] !== line) continue;
      const was = this.dirty[at] === 1 ? 2 : 1;
      this.dirty[at] = 0;
      if (drop) this.lines[at] = EMPTY;
      return was;
    }
    return 0;
  }

  /** Makes a line that is there dirty. False when it is not there. */
  markDirty(line: number): boolean {
    const base = this.base(line);
    const end = base + this.ways;
    for (let at = base; at < end; at++) {
      if (this.lines[at] !== line) continue;
      this.dirty[at] = 1;
      return true;
    }
    return false;
  }

  /** Moves the ways from `base` up to `at` one place back; way `at` is lost. */
  private shift(base: number, at: number): void {
    for (let i = at; i > base; i--) {
      this.lines[i] = this.lines[i - 1]!;
      this.dirty[i] = this.dirty[i - 1]!;
    }
  }
}
