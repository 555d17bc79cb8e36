/**
 * Every parameter of the timing model, in one place, with its source. The default profile is the testbed of
 * Twizzler's ATC'20 paper (§5): Xeon Gold 5218, 2.3 GHz (Cascade Lake), with Intel Optane persistent memory. Other
 * profiles are JSON files with the same names; what they leave out is taken from the default.
 *
 * Sources: [P] the paper's §5 · [W] Intel and WikiChip, Cascade Lake SP · [F] Agner Fog's instruction tables for
 * Skylake-X · [O] the measurements published with "An Empirical Guide to the Behavior and Use of Scalable Persistent
 * Memory" (FAST'20), collected in docs/timing.md · [V] VANS (MICRO'20) · [E] our estimate, with its reason.
 */
import { readFileSync } from 'node:fs';
import { UserError } from '../errors.ts';

/** A set-associative cache of 64-byte lines with least-recently-used replacement. */
export interface CacheParameters {
  readonly bytes: number;
  readonly ways: number;
  /** Cycles from load to use when it hits. */
  readonly latency: number;
}

/** A profile. Cycles are of the core; ns are nanoseconds. */
export const XEON_GOLD_5218 = {
  name: 'xeon-gold-5218',
  core: {
    /** [P] */
    gigahertz: 2.3,
    /** Instructions dispatched in a cycle. [W] */
    width: 4,
    /** Instructions in flight. [W] 224 reorder-buffer entries */
    window: 224,
    /** Outstanding misses of the first-level data cache. [W] 12 line-fill buffers */
    missBuffers: 12,
    /** Stores that have retired and not yet reached the cache. [W] 56 store-buffer entries */
    storeBuffer: 56,
    /** Cycles of latency by class of operation. [F] */
    latency: {
      integer: 1,
      multiply: 3,
      divide: 26,
      floatAdd: 4,
      floatMultiply: 4,
      floatFused: 4,
      floatDivide: 13,
      floatRoot: 18,
      floatMove: 2,
      floatConvert: 5,
      /** An atomic on a line that the first-level cache has: a locked instruction. */
      atomic: 18,
      /** Xtwzp: selecting and adding an object's base, behind the load of a persistent pointer. [E] one adder */
      pointer: 1,
      /** Xtwzp: asking the lookaside. [E] an array of 4 KiB: a cycle less than the first-level cache */
      lookaside: 4,
      /** A FENCE that has nothing to wait for. */
      fence: 6,
      /** CSR accesses, traps, returns and others that empty the pipeline. [E] like a serialising instruction */
      system: 60,
      /** An access to a device. [E] an uncached read over the chip's own bus */
      device: 250,
    },
    /** A taken branch that was not expected. [F] 15 to 20 */
    mispredict: 16,
    /** gshare: bits of global history, also the log2 of the two-bit counters. [E] far less than the real one */
    historyBits: 12,
    /** Entries of the table of indirect targets, and of the return stack. [W] for the latter */
    indirectTargets: 512,
    returnStack: 16,
  },
  tlb: {
    /** First level, data. [W] */
    entries: 64,
    ways: 4,
    /** Second level, shared. [W] */
    secondEntries: 1536,
    secondWays: 12,
    /** Cycles of a hit in the second level, and of a page walk whose entries hit the caches. [F], [E] */
    secondLatency: 9,
    walkLatency: 35,
  },
  /** [W] */
  instructionCache: { bytes: 32 * 1024, ways: 8, latency: 0 },
  firstLevel: { bytes: 32 * 1024, ways: 8, latency: 5 },
  secondLevel: { bytes: 1024 * 1024, ways: 16, latency: 14 },
  /** 22 MB for 16 cores. [W] */
  lastLevel: { bytes: 22 * 1024 * 1024, ways: 11, latency: 60 },
  dram: {
    /** From load to use, the row open (sequential) or not (random). [O] 81 and 102 ns */
    openRow: 81,
    closedRow: 102,
    rowBytes: 8192,
    /** 6 channels of 16 banks. [P], [W] */
    banks: 96,
    /** ns that a line occupies the channels: 6 × 21.3 GB/s. [W] */
    lineTime: 0.5,
  },
  nvdimm: {
    /** From load to use, when the device must read its media: a random read. [O] 305 ns */
    mediaRead: 305,
    /** The same when its buffer has the 256-byte line: sequential reads average 169 ns = (305 + 3 × 124) / 4. [O] */
    bufferRead: 124,
    /** ns from a flush of a dirty line to its acceptance by the memory controller, where it is persistent. [O] 62 */
    flushAccept: 65,
    /** The same for a whole line written without being read: an x86 non-temporal store, here a zeroed block. [O] 90 */
    streamAccept: 89,
    /** ns from one line to the next of one core's burst. [O] from 64 B to 4 KB: 1774 - 116 and 1551 - 125, over 63 */
    flushInterval: 26.3,
    streamInterval: 22.6,
    /** Bytes that the media read and write at once. [O] */
    lineBytes: 256,
    /** ns for which one line occupies the media: 256 B at 6.5 GB/s, and at 2.2 GB/s. [O] */
    mediaReadTime: 38.7,
    mediaWriteTime: 116.4,
    /** ns that a read takes from the writes. [O] flushed stores reach 1.8 instead of 2.2 GB/s, as they read first */
    readInterference: 18,
    /** The buffer that gathers writes into lines: its sets and ways. [O] 72 lines just fit, 80 lose a third */
    bufferSets: 36,
    bufferWays: 2,
    /** The buffer of lines read. [E] as large as the paper's 16 KB */
    readLines: 64,
    /** Lines that may wait for the media before the memory controller accepts no more. [E] a burst of 4 KB fits */
    queueLines: 16,
    /** Media bytes written for each byte of a line: the device's own tables. [O] 1.04 when all writes combine */
    mediaOverhead: 1.04,
    /** A part of the media written this often is moved (wear levelling) while writes wait. [V] 896 for each line */
    wearBytes: 4096,
    wearThreshold: 896 * 16,
    /** ns of such a move. [O] 56.8 µs, the longest write to a hot line */
    wearMove: 56_800,
  },
} as const;

/** The shape of a profile: the default's, with any numbers. */
export type TimingProfile = Widen<typeof XEON_GOLD_5218>;
type Widen<T> = T extends number
  ? number
  : T extends string
    ? string
    : { readonly [K in keyof T]: Widen<T[K]> };

/**
 * Reads a profile from a JSON file.
 * @throws UserError for a file that is none, with the name of the first parameter that is wrong
 */
export function loadProfile(path: string): TimingProfile {
  let given: unknown;
  try {
    given = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UserError(`cannot read the timing profile ${path}: ${(error as Error).message}`);
  }
  return overlay(XEON_GOLD_5218, given, path, '') as TimingProfile;
}

/** `base` with the values of `given`, which may only have names that `base` has, and values of their types. */
function overlay(base: unknown, given: unknown, path: string, name: string): unknown {
  if (typeof base === 'object' && base !== null) {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      throw new UserError(`${path}: ${name || 'a profile'} must be an object`);
    }
    const result: Record<string, unknown> = { ...base };
    for (const [key, value] of Object.entries(given)) {
      const full = name ? `${name}.${key}` : key;
      if (!(key in base)) throw new UserError(`${path}: there is no parameter ${full}`);
      result[key] = overlay((base as Record<string, unknown>)[key], value, path, full);
    }
    return result;
  }
  if (typeof given !== typeof base) throw new UserError(`${path}: ${name} must be a ${typeof base}`);
  if (typeof given === 'number' && !(given >= 0 && Number.isFinite(given))) {
    throw new UserError(`${path}: ${name} must be a number from 0 on`);
  }
  return given;
}

/** A profile as lines `name = value`, for printing. */
export function describeProfile(profile: TimingProfile): string[] {
  const lines: string[] = [];
  const visit = (value: unknown, name: string): void => {
    if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) visit(inner, name ? `${name}.${key}` : key);
    } else lines.push(`${name} = ${value}`);
  };
  visit(profile, '');
  return lines;
}
