/**
 * The memory hierarchy behind the cores: each core's first- and second-level data caches, the last level that all
 * share, DRAM with its open rows, and the NVDIMM. Lines are named by number (linear-memory address / 64), so DRAM and
 * NVDIMM are told apart by range. Times are cycles of the cores' clock.
 *
 * A line is in at most one of a core's levels as dirty; what a level replaces goes down one level, at no cost to the
 * core (write-back buffers), but at a cost to the memory behind.
 */
import { Cache } from './cache.ts';
import { NvdimmTiming } from './nvdimm-timing.ts';
import type { TimingProfile } from './profile.ts';

/** Line numbers of the NVDIMM: first, and one past the last. */
export interface NvdimmLines {
  readonly first: number;
  readonly end: number;
}

export class MemorySystem {
  readonly nvdimm: NvdimmTiming;
  readonly firstLevel: readonly Cache[];
  readonly secondLevel: readonly Cache[];
  readonly lastLevel: Cache;
  dramReads = 0;
  dramWrites = 0;
  private readonly openRows: Int32Array;
  private channelFree = 0;
  private readonly rowShift: number;
  private readonly cyclesPerNs: number;
  private readonly nsPerCycle: number;
  /** When each core can send its next line to the memory controller, in ns. */
  private readonly sendFree: Float64Array;

  constructor(
    private readonly profile: TimingProfile,
    cores: number,
    private readonly nvdimmLines: NvdimmLines = { first: 0, end: 0 },
  ) {
    this.nvdimm = new NvdimmTiming(profile);
    this.firstLevel = Array.from({ length: cores }, () => new Cache(profile.firstLevel));
    this.secondLevel = Array.from({ length: cores }, () => new Cache(profile.secondLevel));
    this.lastLevel = new Cache(profile.lastLevel);
    this.openRows = new Int32Array(profile.dram.banks).fill(-1);
    this.rowShift = Math.log2(profile.dram.rowBytes / 64);
    this.cyclesPerNs = profile.core.gigahertz;
    this.nsPerCycle = 1 / profile.core.gigahertz;
    this.sendFree = new Float64Array(cores);
  }

  isNvdimm(line: number): boolean {
    return line >= this.nvdimmLines.first && line < this.nvdimmLines.end;
  }

  /**
   * A load, or the read that a store needs, of a line at cycle `now`, which the first level does not have (its
   * caller has looked). The line is in the first level afterwards.
   * @returns the cycle at which the data can be used
   */
  fetch(core: number, line: number, write: boolean, now: number): number {
    const second = this.secondLevel[core]!;
    let done: number;
    let dirty = write;
    if (second.access(line, false)) {
      done = now + this.profile.secondLevel.latency;
    } else {
      if (this.lastLevel.access(line, false)) {
        // The last level does not hold what it gives to a core (Cascade Lake: not inclusive).
        if (this.lastLevel.clean(line, true) === 2) dirty = true;
        done = now + this.profile.lastLevel.latency;
      } else {
        done = this.readMemory(line, now);
      }
      second.fill(line, false);
      if (second.victim >= 0) this.toLastLevel(second.victim, second.victimDirty, now);
    }
    const first = this.firstLevel[core]!;
    first.fill(line, dirty);
    if (first.victimDirty && !second.markDirty(first.victim)) this.toLastLevel(first.victim, true, now);
    return done;
  }

  /** A block is zeroed: it becomes dirty in the first level without being read. */
  zero(core: number, line: number, now: number): void {
    const first = this.firstLevel[core]!;
    if (first.access(line, true)) return;
    this.secondLevel[core]!.clean(line, true);
    this.lastLevel.clean(line, true);
    first.fill(line, true);
    if (first.victimDirty && !this.secondLevel[core]!.markDirty(first.victim)) {
      this.toLastLevel(first.victim, true, now);
    }
  }

  /**
   * A `cbo.clean` (or `flush`, which drops the line) at cycle `now`: looks in all caches of all cores.
   * @param streamed the line was never read: whole-line writes go a shorter way
   * @returns the cycle at which the memory controller has accepted the line; `now` when it was not dirty
   */
  writeBack(core: number, line: number, drop: boolean, streamed: boolean, now: number): number {
    let dirty = false;
    for (let other = 0; other < this.firstLevel.length; other++) {
      if (this.firstLevel[other]!.clean(line, drop) === 2) dirty = true;
      if (this.secondLevel[other]!.clean(line, drop) === 2) dirty = true;
    }
    if (this.lastLevel.clean(line, drop) === 2) dirty = true;
    return dirty ? this.accept(core, line, streamed, now) : now;
  }

  /** A dirty line on its way from a core to the memory controller. Returns the cycle of acceptance. */
  accept(core: number, line: number, streamed: boolean, now: number): number {
    const { nvdimm: p } = this.profile;
    const ns = now * this.nsPerCycle;
    const sent = Math.max(ns, this.sendFree[core]!);
    this.sendFree[core] = sent + (streamed ? p.streamInterval : p.flushInterval);
    const latency = streamed ? p.streamAccept : p.flushAccept;
    if (!this.isNvdimm(line)) {
      this.dramWrites++;
      this.occupyDram(sent);
      return (sent + latency) * this.cyclesPerNs;
    }
    const accepted = this.nvdimm.write(line - this.nvdimmLines.first, sent);
    this.sendFree[core] = Math.max(this.sendFree[core]!, accepted);
    return (accepted + latency) * this.cyclesPerNs;
  }

  private toLastLevel(line: number, dirty: boolean, now: number): void {
    const last = this.lastLevel;
    if (dirty ? last.markDirty(line) : false) return;
    last.fill(line, dirty);
    if (last.victimDirty) this.evict(last.victim, now);
  }

  /** A dirty line leaves the last level for the memory. Nobody waits. */
  private evict(line: number, now: number): void {
    const ns = now * this.nsPerCycle;
    if (this.isNvdimm(line)) this.nvdimm.write(line - this.nvdimmLines.first, ns);
    else {
      this.dramWrites++;
      this.occupyDram(ns);
    }
  }

  private readMemory(line: number, now: number): number {
    const ns = now * this.nsPerCycle;
    if (this.isNvdimm(line)) return this.nvdimm.read(line - this.nvdimmLines.first, ns) * this.cyclesPerNs;
    this.dramReads++;
    const { dram } = this.profile;
    const row = line >> this.rowShift;
    const bank = row % dram.banks;
    const open = this.openRows[bank] === row;
    this.openRows[bank] = row;
    return (this.occupyDram(ns) + (open ? dram.openRow : dram.closedRow)) * this.cyclesPerNs;
  }

  /** Takes the DRAM channels for one line; returns when they were free. */
  private occupyDram(ns: number): number {
    const start = Math.max(ns, this.channelFree);
    this.channelFree = start + this.profile.dram.lineTime;
    return start;
  }
}
