/**
 * `licorice bench nvdimm`: the timing model of the NVDIMM beside the measurements of real Optane modules that it is
 * made after (docs/timing.md has the table and its source). Each point is run as the original was: the same accesses
 * against the model, from one core or several, and the same quantity taken from them. All times are simulated.
 */

import { Random } from '../../emulator/random.ts';
import { MemorySystem } from '../../emulator/timing/memory-system.ts';
import type { TimingProfile } from '../../emulator/timing/profile.ts';

/** One figure: what was measured on hardware, and what the model gives. */
export interface BenchPoint {
  readonly name: string;
  readonly unit: string;
  readonly measured: number;
  readonly ours: number;
}

/** Lines of the NVDIMM: 16 GiB from line 2^24 on; DRAM lies below. */
const FIRST = 1 << 24;
const LINES = 1 << 28;
/** A timed operation on hardware is between two fenced reads of the time-stamp counter, which cost this much, in ns. */
const TIMER_OVERHEAD = 35;
const LINES_OF_MEDIA_LINE = 4;

type Operation = 'read' | 'stream' | 'flush';

class Rig {
  readonly memory: MemorySystem;
  private readonly ghz: number;
  private readonly missBuffers: number;
  /** ns between two operations that a core issues, at best. */
  private readonly interval: Readonly<Record<Operation, number>>;

  constructor(profile: TimingProfile, cores = 1) {
    this.memory = new MemorySystem(profile, cores, { first: FIRST, end: FIRST + LINES });
    this.ghz = profile.core.gigahertz;
    this.missBuffers = profile.core.missBuffers;
    const { streamInterval, flushInterval } = profile.nvdimm;
    this.interval = { read: 2, stream: streamInterval, flush: flushInterval };
  }

  /** ns from issuing a load at `ns` to its data. */
  load(core: number, line: number, ns: number): number {
    return this.memory.fetch(core, line, false, ns * this.ghz) / this.ghz;
  }

  /** A whole line written to the NVDIMM at `ns`; returns when it is accepted. */
  write(core: number, line: number, operation: Operation, ns: number): number {
    let at = ns;
    if (operation === 'flush') {
      // A store needs the line first, unless a cache has it; then it is written back.
      const cycles = at * this.ghz;
      if (!this.memory.firstLevel[core]!.access(line, true)) {
        at = this.memory.fetch(core, line, true, cycles) / this.ghz;
      }
      return this.memory.writeBack(core, line, true, false, at * this.ghz) / this.ghz;
    }
    return this.memory.accept(core, line, true, at * this.ghz) / this.ghz;
  }

  /**
   * Bandwidth in GB/s of `cores` cores that do an operation on `count` lines each, as many at a time as a core has
   * miss buffers. `line(core, i)` is the i-th line of a core. Whose turn it is is drawn, as threads drift.
   */
  bandwidth(
    operation: Operation,
    cores: number,
    count: number,
    line: (core: number, i: number) => number,
  ): number {
    const random = new Random(cores);
    const depth = this.missBuffers;
    const interval = this.interval[operation];
    const clocks = new Float64Array(cores);
    const done = Array.from({ length: cores }, () => new Float64Array(depth));
    const next = new Int32Array(cores);
    let last = 0;
    let first = Number.POSITIVE_INFINITY;
    // The first part fills the buffers; the rate is that of the rest.
    const warm = Math.floor(cores * count * 0.25);
    for (let step = 0; step < cores * count; step++) {
      let core = 0;
      for (let other = 1; other < cores; other++) {
        if (clocks[other]! + random.float() * DRIFT < clocks[core]!) core = other;
      }
      const i = next[core]!++;
      const slot = i % depth;
      const start = Math.max(clocks[core]!, done[core]![slot]!);
      const end =
        operation === 'read'
          ? this.load(core, line(core, i), start)
          : this.write(core, line(core, i), operation, start);
      done[core]![slot] = end;
      clocks[core] = start + interval;
      if (step === warm) first = end;
      if (end > last) last = end;
    }
    return ((cores * count - warm) * 64) / (last - first);
  }
}

/** ns by which threads that run alike drift apart from one operation to the next. */
const DRIFT = 60;

function latencyOfReads(profile: TimingProfile, line: (i: number) => number, count: number): number {
  const rig = new Rig(profile);
  let ns = 0;
  for (let i = 0; i < count; i++) ns = rig.load(0, line(i), ns);
  return ns / count;
}

/** Mean ns of `count` single writes, each fenced, to lines that the cache has (flush) or not (stream). */
function latencyOfWrites(profile: TimingProfile, operation: Operation): number {
  const rig = new Rig(profile);
  let total = 0;
  let ns = 0;
  const count = 200;
  for (let i = 0; i < count; i++) {
    const line = FIRST + i;
    // Far apart in time, so that nothing waits for the media; the flushed line is in the cache.
    ns += 10_000;
    if (operation === 'flush') rig.load(0, line, ns - 5000);
    total += rig.write(0, line, operation, ns) - ns;
  }
  return total / count;
}

/** ns to write `lines` lines in a row and fence, timed as on hardware. */
function latencyOfBurst(profile: TimingProfile, operation: Operation, lines: number): number {
  const rig = new Rig(profile);
  const start = FIRST + 4096;
  for (let i = 0; i < lines; i++) rig.load(0, start + i, 0);
  const begin = 1_000_000;
  let end = begin;
  for (let i = 0; i < lines; i++) end = Math.max(end, rig.write(0, start + i, operation, begin + i));
  return end - begin + TIMER_OVERHEAD;
}

/**
 * Write amplification of the test that measured the buffer: over a region, first the first half of each 256-byte
 * line is written, then the second half of each, again and again.
 */
function amplification(profile: TimingProfile, bytes: number): number {
  const rig = new Rig(profile);
  const mediaLines = bytes / 256;
  let ns = 0;
  for (let round = 0; round < 40; round++) {
    for (const half of [0, 2]) {
      for (let line = 0; line < mediaLines; line++) {
        for (const part of [0, 1]) {
          ns += 500;
          rig.memory.nvdimm.write(line * LINES_OF_MEDIA_LINE + half + part, ns);
        }
      }
    }
  }
  return rig.memory.nvdimm.writeAmplification;
}

/** The longest of many fenced writes to one media line, in µs. */
function longestHotWrite(profile: TimingProfile): number {
  const rig = new Rig(profile);
  let ns = 0;
  let longest = 0;
  for (let i = 0; i < 100_000; i++) {
    const end = rig.write(0, FIRST + (i % LINES_OF_MEDIA_LINE), 'stream', ns);
    longest = Math.max(longest, end - ns);
    ns = end;
  }
  return longest / 1000;
}

/** Bytes from one thread's part of the module to the next's, in lines. */
const THREAD_STRIDE = 1 << 21;
const sequential = (core: number, i: number): number => FIRST + core * THREAD_STRIDE + i;

/** All points of the table in docs/timing.md, in its order. */
export function benchNvdimm(profile: TimingProfile): BenchPoint[] {
  const random = (seed: number): ((core: number, i: number) => number) => {
    const generator = new Random(seed);
    return () => FIRST + generator.below(LINES);
  };
  const dram = (line: number): number => line;
  const randomDram = new Random(3);
  const bandwidth = (
    operation: Operation,
    cores: number,
    line: (core: number, i: number) => number,
  ): number => new Rig(profile, cores).bandwidth(operation, cores, Math.floor(96_000 / cores), line);
  const point = (name: string, unit: string, measured: number, ours: number): BenchPoint => ({
    name,
    unit,
    measured,
    ours,
  });
  const randomNvdimm = random(1);
  return [
    point(
      'read latency, sequential',
      'ns',
      169,
      latencyOfReads(profile, (i) => FIRST + i, 20_000),
    ),
    point(
      'read latency, random',
      'ns',
      305,
      latencyOfReads(profile, () => randomNvdimm(0, 0), 20_000),
    ),
    point('DRAM read latency, sequential', 'ns', 81, latencyOfReads(profile, dram, 20_000)),
    point(
      'DRAM read latency, random',
      'ns',
      102,
      latencyOfReads(profile, () => randomDram.below(FIRST), 20_000),
    ),
    point('write latency, streamed', 'ns', 90, latencyOfWrites(profile, 'stream')),
    point('write latency, flushed', 'ns', 62, latencyOfWrites(profile, 'flush')),
    point('64 B streamed and fenced', 'ns', 125, latencyOfBurst(profile, 'stream', 1)),
    point('4 KB streamed and fenced', 'ns', 1551, latencyOfBurst(profile, 'stream', 64)),
    point('64 B flushed and fenced', 'ns', 116, latencyOfBurst(profile, 'flush', 1)),
    point('4 KB flushed and fenced', 'ns', 1774, latencyOfBurst(profile, 'flush', 64)),
    point('one DIMM, read', 'GB/s', 6.5, bandwidth('read', 4, sequential)),
    point('one DIMM, streamed writes', 'GB/s', 2.2, bandwidth('stream', 1, sequential)),
    point('one DIMM, flushed writes', 'GB/s', 1.8, bandwidth('flush', 1, sequential)),
    point('one DIMM, streamed writes of 24 threads', 'GB/s', 0.8, bandwidth('stream', 24, sequential)),
    point('64 B at random, read', 'GB/s', 1.68, bandwidth('read', 8, random(11))),
    point('64 B at random, streamed', 'GB/s', 0.55, bandwidth('stream', 1, random(12))),
    point('64 B at random, flushed', 'GB/s', 0.51, bandwidth('flush', 1, random(13))),
    point('write amplification, 18 KB', '', 1.04, amplification(profile, 18 * 1024)),
    point('write amplification, 20 KB', '', 1.36, amplification(profile, 20 * 1024)),
    point('write amplification, 64 KB', '', 2.08, amplification(profile, 64 * 1024)),
    point('longest write to a hot line', 'µs', 56.8, longestHotWrite(profile)),
  ];
}

/** The table as text. */
export function formatNvdimmBench(profile: TimingProfile, points: readonly BenchPoint[]): string {
  const rows = points.map(({ name, unit, measured, ours }) => {
    const digits = measured < 10 ? 2 : 0;
    const deviation = (100 * (ours - measured)) / measured;
    const sign = deviation >= 0 ? '+' : '';
    return [
      name.padEnd(42),
      measured.toFixed(digits).padStart(9),
      ours.toFixed(digits).padStart(9),
      ` ${unit.padEnd(5)}`,
      `${sign}${deviation.toFixed(1)} %`.padStart(9),
    ].join('');
  });
  const head = `${`profile ${profile.name}`.padEnd(42)}${'hardware'.padStart(9)}${'model'.padStart(9)}`;
  return [head, ...rows].join('\n');
}
