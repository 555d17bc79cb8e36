/**
 * How long the NVDIMM takes: the buffer that gathers 64-byte writes into the 256-byte lines of the media, the media
 * with their different times for reading and writing, the queue before them, and wear levelling. It has one DIMM;
 * times are in nanoseconds, of a clock that never goes back for one caller.
 */
import type { TimingProfile } from './profile.ts';

const LINE_SHIFT = 6;

export interface NvdimmCounts {
  /** Accesses of 64 bytes that reached the device. */
  reads: number;
  writes: number;
  /** Reads that its buffers served. */
  readHits: number;
  /** Lines of 256 bytes read from and written to the media. */
  mediaReads: number;
  mediaWrites: number;
  /** Moves for wear levelling. */
  moves: number;
}

export class NvdimmTiming {
  readonly counts: NvdimmCounts = {
    reads: 0,
    writes: 0,
    readHits: 0,
    mediaReads: 0,
    mediaWrites: 0,
    moves: 0,
  };
  private readonly p: TimingProfile['nvdimm'];
  /** The write buffer: media line by set and way, -1 = free; way 0 is the most recent. */
  private readonly held: Int32Array;
  /** Which 64-byte parts of it have been written, bit i = part i. */
  private readonly parts: Uint8Array;
  /** The read buffer, one place for each line. */
  private readonly readLines: Int32Array;
  private readonly whole: number;
  private readonly lineShift: number;
  private readFree = 0;
  private writeFree = 0;
  private readonly wear = new Map<number, number>();

  constructor(profile: TimingProfile) {
    this.p = profile.nvdimm;
    const { bufferSets, bufferWays, readLines, lineBytes } = this.p;
    this.held = new Int32Array(bufferSets * bufferWays).fill(-1);
    this.parts = new Uint8Array(bufferSets * bufferWays);
    this.readLines = new Int32Array(readLines).fill(-1);
    this.lineShift = Math.log2(lineBytes);
    this.whole = (1 << (lineBytes >> LINE_SHIFT)) - 1;
  }

  /** Bytes written to the media for each byte that reached the device. */
  get writeAmplification(): number {
    const { mediaWrites, writes } = this.counts;
    return writes === 0
      ? 0
      : (mediaWrites * this.p.lineBytes * this.p.mediaOverhead) / (writes << LINE_SHIFT);
  }

  /** A read of a 64-byte line (number) at `now`. Returns when its data are there. */
  read(line: number, now: number): number {
    const { p } = this;
    this.counts.reads++;
    const mediaLine = line >> (this.lineShift - LINE_SHIFT);
    const slot = this.readSlot(mediaLine);
    if (this.readLines[slot] === mediaLine || this.findHeld(mediaLine) >= 0) {
      this.counts.readHits++;
      // The line may still be on its way from the media for an earlier part.
      return Math.max(now, this.readFree - p.mediaReadTime) + p.bufferRead;
    }
    this.counts.mediaReads++;
    this.readLines[slot] = mediaLine;
    const start = Math.max(now, this.readFree);
    this.readFree = start + p.mediaReadTime;
    if (this.writeFree > start) this.writeFree += p.readInterference;
    return start + p.mediaRead;
  }

  /** A write of a 64-byte line that reaches the memory controller at `now`. Returns when it is accepted. */
  write(line: number, now: number): number {
    const { p } = this;
    this.counts.writes++;
    const at = Math.max(now, this.writeFree - p.queueLines * p.mediaWriteTime);
    const shift = this.lineShift - LINE_SHIFT;
    const mediaLine = line >> shift;
    const part = 1 << (line & ((1 << shift) - 1));
    const found = this.findHeld(mediaLine);
    const base = (mediaLine % p.bufferSets) * p.bufferWays;
    if (found >= 0) {
      const parts = this.parts[found]! | part;
      this.promote(base, found, mediaLine, parts);
      if (parts === this.whole) {
        this.held[base] = -1;
        this.toMedia(mediaLine, at);
      }
      return at;
    }
    const last = this.victimOf(base);
    const victim = this.held[last]!;
    if (victim >= 0) this.toMedia(victim, at);
    this.promote(base, last, mediaLine, part);
    return at;
  }

  /** Where a line lies in the read buffer: hashed, so that streams at round distances do not meet. */
  private readSlot(mediaLine: number): number {
    return (Math.imul(mediaLine, 0x9e3779b1) >>> 24) % this.readLines.length;
  }

  private findHeld(mediaLine: number): number {
    const { bufferSets, bufferWays } = this.p;
    const base = (mediaLine % bufferSets) * bufferWays;
    for (let at = base; at < base + bufferWays; at++) if (this.held[at] === mediaLine) return at;
    return -1;
  }

  /** A free way of a set, or its least recent one. */
  private victimOf(base: number): number {
    const last = base + this.p.bufferWays - 1;
    for (let at = base; at <= last; at++) if (this.held[at]! < 0) return at;
    return last;
  }

  private promote(base: number, from: number, mediaLine: number, parts: number): void {
    for (let at = from; at > base; at--) {
      this.held[at] = this.held[at - 1]!;
      this.parts[at] = this.parts[at - 1]!;
    }
    this.held[base] = mediaLine;
    this.parts[base] = parts;
  }

  private toMedia(mediaLine: number, now: number): void {
    const { p } = this;
    this.counts.mediaWrites++;
    this.writeFree = Math.max(this.writeFree, now) + p.mediaWriteTime;
    const region = Math.floor((mediaLine * p.lineBytes) / p.wearBytes);
    const worn = (this.wear.get(region) ?? 0) + 1;
    if (worn < p.wearThreshold) {
      this.wear.set(region, worn);
      return;
    }
    this.wear.set(region, 0);
    this.counts.moves++;
    this.writeFree += p.wearMove;
  }
}
