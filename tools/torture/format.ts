/**
 * The result of a campaign as JSON (docs/torture.md): what `licorice torture --json` prints, what shards write and
 * `torture merge` reads, and what every other report (console, HTML, JUnit) is made from. Plain data: numbers that
 * may exceed 2^53 are decimal text, addresses and bytes are hexadecimal text.
 *
 * Invariants: the same campaign gives the same bytes on every host and with any number of workers, so nothing here
 * depends on time, host or order of completion. Explicit states (`runs`) and represented states (`coveredImages`) are
 * told apart. `exhaustive` is true only where a certificate was checked.
 */
import type { FenceModel } from './fences.ts';

export const REPORT_FORMAT = 'licorice torture';
export const REPORT_VERSION = 3;

/** An instruction. */
export interface PlaceJson {
  /** Virtual address, with 0x. */
  readonly pc: string;
  /** Which image it is of: the program's name, or `kernel`; absent when it is of none. */
  readonly image?: string;
  readonly symbol?: string;
  /** Bytes after the symbol's beginning. */
  readonly offset?: number;
  readonly file?: string;
  readonly line?: number;
  /** The calls by which it came into the function, where the compiler put the callee's body in their place; innermost first. */
  readonly inlinedInto?: readonly PlaceJson[];
}

/** A store to the NVDIMM that a power failure may undo. */
export interface StoreJson extends PlaceJson {
  /** Byte offset in the NVDIMM, with 0x. */
  readonly address: string;
  /** Cache block: address / 64. */
  readonly block: number;
  /** Bytes: 1–8, or 64 for a `cbo.zero`. */
  readonly size: number;
  /** Little-endian value with 0x; 0x0 for a `cbo.zero`. */
  readonly value: string;
  /** −1: a device. */
  readonly hart: number;
  /** Instructions retired by the workload before it (nested: by the recovery that stored it). */
  readonly instruction: number;
  /** Which run stored it: 0 the workload, 1 the first recovery, … */
  readonly level: number;
  /** A cache-block operation wrote it back; then no fence completed that. */
  readonly writtenBack: boolean;
  /** Bytes of a `cbo.zero` that reached the media all the same; absent: none. */
  readonly torn?: number;
  /** What the program lacks if this store had to be persistent here. */
  readonly missing: 'flush' | 'fence';
  /** Calls that led to it, innermost first; the store itself is not repeated. Empty when unknown. */
  readonly stack: readonly PlaceJson[];
}

/** Something that happened to the NVDIMM, for the timeline. */
export interface EventJson {
  readonly kind:
    | 'store'
    | 'clean'
    | 'flush'
    | 'inval'
    | 'zero'
    | 'fence'
    | 'begin'
    | 'acknowledge'
    | 'failure';
  /** Instructions retired before it, in its run. */
  readonly instruction: number;
  readonly level: number;
  readonly hart: number;
  readonly place: PlaceJson;
  /** store, clean, flush, inval, zero: byte offset in the NVDIMM, with 0x. */
  readonly address?: string;
  readonly size?: number;
  /** store: little-endian value with 0x. */
  readonly value?: string;
  /** begin, acknowledge: the operation. */
  readonly operation?: number;
  /** store: what became of it in the failing image. */
  readonly fate?: 'persistent' | 'reached' | 'lost';
  /** clean, flush, fence: it changed nothing. */
  readonly redundant?: boolean;
}

/** A block of the failing image. */
export interface BlockJson {
  readonly block: number;
  /** Byte offset in the NVDIMM, with 0x. */
  readonly address: string;
  /** 64 bytes as recovery found them. */
  readonly failing: string;
  /** 64 bytes as the program saw them when the power failed. */
  readonly visible: string;
}

/** A change of the program that was tried on the machine, and what was left then. */
export interface FixJson {
  readonly kind: 'fence' | 'flush and fence';
  /** After these instructions. */
  readonly after: readonly PlaceJson[];
  /** One line for the reader. */
  readonly text: string;
  /** The campaign was run again with it, and this finding was gone. */
  readonly works: boolean;
  /** Findings of that campaign. */
  readonly findingsLeft: number;
}

/** In which way recovery failed. */
export type FindingKind =
  /** The check function said so. */
  | 'check'
  /** The state is that of no allowed prefix of the operations. */
  | 'prefix'
  /** A trap, a panic, a reset, an end without a verdict. */
  | 'crash'
  /** Out of budget, or waiting for ever. */
  | 'hang'
  /** Recovering again after a failure during recovery gives another state. */
  | 'idempotence';

export interface FindingJson {
  readonly kind: FindingKind;
  /** In words: `ended with code 2`. */
  readonly outcome: string;
  /**
   * What the program lacks, judged by the lost stores. `order`: no flush or fence would help; the order of its stores
   * leaves a state that its recovery does not mend. `recovery`: the same without any store to blame. `lock`: with no store to blame, and only
   * when threads or harts take turns where they should not.
   */
  readonly missing: 'flush' | 'fence' | 'order' | 'recovery' | 'lock';
  /** Of the workload's run. */
  readonly crashPoint: number;
  readonly crashPointKind: string;
  readonly crashPlace: PlaceJson;
  /** Crash points at which the same stores fail in the same way. */
  readonly crashPoints: number;
  /** Crash points within recovery, one for each nested failure. */
  readonly nested: readonly number[];
  /** Guest threads: where they were preempted, in order. Absent when they were not. */
  readonly switches?: readonly PlaceJson[];
  /** The operation under way, 0 for none; and the last one acknowledged. */
  readonly operation: number;
  readonly acknowledged: number;
  /** Giving any one lost store back was seen to pass. */
  readonly minimal: boolean;
  readonly lost: readonly StoreJson[];
  readonly early: readonly StoreJson[];
  readonly image: readonly BlockJson[];
  readonly timeline: readonly EventJson[];
  readonly fixes: readonly FixJson[];
  /** No fix was tried, because as many campaigns as were allowed had been made for other findings. */
  readonly fixesLeftOut?: true;
  /** What recovery printed. */
  readonly output: string;
  readonly seed: string;
}

/** What is seen without any oracle. */
export type AdviceKind =
  | 'missing flush'
  | 'missing fence'
  | 'redundant flush'
  | 'redundant fence'
  | 'unpersisted read'
  | 'dirty read';

export interface AdviceJson {
  readonly kind: AdviceKind;
  /** Performance: nothing is wrong without it. */
  readonly about: 'correctness' | 'performance';
  /** The store, flush or fence; for an unpersisted read, the load. */
  readonly place: PlaceJson;
  /** For a dirty read: where another thread, or hart, found the store before it was persistent. */
  readonly loads?: readonly PlaceJson[];
  /**
   * For an unpersisted read: the stores that it may or may not see. For a dirty read: what the other one stored then and made
   * persistent first; without any it only acknowledged an operation.
   */
  readonly stores: readonly PlaceJson[];
  /** How often. */
  readonly count: number;
  /** The first operation concerned, 0 for none. */
  readonly operation: number;
}

export interface CrashPointJson {
  readonly index: number;
  readonly kind: string;
  readonly place: PlaceJson;
  readonly instruction: number;
  readonly operation: number;
  readonly acknowledged: number;
  readonly legalImages: string;
  readonly coveredImages: string;
  readonly classes: number;
  readonly runs: number;
  readonly exhaustive: boolean;
  /** SHA-256 of everything that recovery read and how it ended, in order: equal for equal explorations. */
  readonly digest: string;
  /** Failures during recovery, by depth (index 0: the first nested one). */
  readonly nested: readonly LevelJson[];
  /** With --certificates. */
  readonly certificate?: CertificateJson;
}

/** Failures at one depth of nesting. */
export interface LevelJson {
  readonly crashPoints: number;
  /** Of these, ones that leave the same to the same recovery as one before: explored once. */
  readonly merged: number;
  readonly legalImages: string;
  readonly coveredImages: string;
  readonly runs: number;
  readonly exhaustive: boolean;
}

/** What is needed to check elsewhere that nothing was left out. */
export interface CertificateJson {
  readonly blocks: readonly {
    readonly block: number;
    readonly count: string;
    readonly cubes: readonly { readonly bytes: string; readonly free: readonly [number, number] }[];
  }[];
  readonly classes: readonly {
    /** [block, offset, value] */
    readonly decisions: readonly (readonly [number, number, number])[];
    readonly size: string;
    readonly outcome: string;
  }[];
}

/** The schedules that were explored. */
export interface SchedulesJson {
  readonly explored: number;
  /** They are all that can make a difference. */
  readonly complete: boolean;
  /** Guest threads: all schedules with so many preemptions were explored; −1: not even all those with none. Absent when complete. */
  readonly preemptions?: number;
}

export interface TortureReport {
  readonly format: typeof REPORT_FORMAT;
  readonly version: typeof REPORT_VERSION;
  readonly program: { readonly name: string; readonly kind: 'bare' | 'guest'; readonly fingerprint: string };
  readonly options: {
    readonly memory: number;
    readonly nvdimm: number;
    readonly budget: number;
    /** Whose fence completes whose write-backs (fences.ts). */
    readonly fences: FenceModel;
    readonly depth: number;
    readonly preemptions: number;
    readonly maxRuns: number;
    readonly samples: number;
    readonly seed: number;
  };
  /** Of several harts or threads. */
  readonly schedules?: SchedulesJson;
  /** Only crash points of which index mod count is this. */
  readonly shard?: { readonly index: number; readonly count: number };
  readonly exhaustive: boolean;
  /** Runs of recovery: explicit states. */
  readonly runs: number;
  /** Legal images over all crash points, and those that the runs stand for: represented states. */
  readonly legalImages: string;
  readonly coveredImages: string;
  readonly crashPoints: readonly CrashPointJson[];
  readonly findings: readonly FindingJson[];
  readonly advice: readonly AdviceJson[];
  /** Failing classes of which no case could be made; a defect of the tester. */
  readonly unreduced: number;
}
