/**
 * Everything about one crash point: its images explored, those of the failures within its recoveries too, what fails
 * shrunk to cases. The result is plain data, so it can come from another thread or another machine.
 */
import { createHash } from 'node:crypto';
import type { BlockNumber } from '../../emulator/nvdimm/dpa.ts';
import { type CrashPlace, type CrashPoint, contentKey } from './crash.ts';
import { type Exploration, type ExploreLimits, explore, type PathClass } from './explore.ts';
import { type Case, type Machines, minimise, minimiseNested } from './finding.ts';
import type { CertificateJson } from './format.ts';
import type { NestedPoint } from './nested.ts';
import { describeOutcome, isFailure, type Oracle, outcomeKey } from './outcome.ts';
import type { Program } from './program.ts';
import { type Decision, RecoveryMachine } from './recovery.ts';

export interface CampaignLimits extends ExploreLimits {
  /** Note every load of what is undetermined, not only those of recoveries that fail. */
  readonly reads?: boolean;
  /** Keep what is needed to check elsewhere that nothing was left out. */
  readonly certificates?: boolean;
  /** Preemptions of guest threads under one schedule, at most; default `PREEMPTIONS` (threads.ts). */
  readonly preemptions?: number;
  /** Failures in a row: 1 the workload's alone, 2 one within its recovery, too; … */
  readonly depth?: number;
}

/** Failures at one depth. Plain data. */
export interface LevelRecord {
  readonly crashPoints: number;
  /** Of these, ones that leave the same to the same recovery as one before: explored once. */
  readonly merged: number;
  readonly legal: bigint;
  readonly covered: bigint;
  readonly runs: number;
  readonly exhaustive: boolean;
}

/** Recovery read what the failure may have left in several ways. Plain data. */
export interface ReadRecord {
  readonly load: bigint;
  /** The pending stores to that byte. */
  readonly stores: readonly bigint[];
}

/** The result at one crash point. Plain data. */
export interface PointRecord {
  readonly place: CrashPlace;
  readonly legal: bigint;
  /** Images that the runs stand for. */
  readonly covered: bigint;
  readonly classes: number;
  /** Runs of recovery: explicit states. */
  readonly runs: number;
  readonly exhaustive: boolean;
  /** Failures within recovery, by depth. */
  readonly levels: readonly LevelRecord[];
  readonly cases: readonly Case[];
  /** Failing classes of which no case could be made. */
  readonly unreduced: number;
  readonly reads: readonly ReadRecord[];
  /** SHA-256 of all decisions and ends, in order: equal for equal explorations. */
  readonly digest: string;
  readonly certificate?: CertificateJson;
}

/** The same with what only this process has. */
export interface PointResult {
  readonly record: PointRecord;
  readonly point: Omit<CrashPoint, 'visible'>;
  readonly classes: readonly PathClass[];
}

/** Failing classes of one crash point that are shrunk; the others are only counted. */
const CASES_PER_POINT = 32;

const pcOf = ({ pcHigh, pcLow }: { pcHigh: number; pcLow: number }): bigint =>
  (BigInt(pcHigh) << 32n) | BigInt(pcLow);

/** The same stores lost, the same end: one finding. */
export function caseKey({ outcome, lost, nested }: Case): string {
  const stores = lost.map(({ unit, level }) => `${level}:${unit.hart}:${pcOf(unit).toString(16)}`);
  return [nested.length, outcomeKey(outcome), ...stores].join(' ');
}

export class PointExplorer implements Machines {
  readonly last: RecoveryMachine;
  private readonly recorders: RecoveryMachine[] = [];
  /** What was found at crash points within the recoveries of one crash point, by what they leave. */
  private known = new Map<string, Exploration>();

  constructor(
    private readonly program: Program,
    private readonly limits: CampaignLimits,
    /** Told what was found at each crash point within recovery. */
    private readonly onNested: (
      chain: readonly NestedPoint[],
      classes: readonly PathClass[],
    ) => void = () => {},
  ) {
    this.last = new RecoveryMachine(program);
  }

  recording(level: number): RecoveryMachine {
    this.recorders[level] ??= new RecoveryMachine(this.program, { recording: true });
    return this.recorders[level];
  }

  explore(point: CrashPoint, oracle: Oracle): PointResult {
    const { last, limits } = this;
    last.prepare(point, oracle);
    const { classes, covered, exhaustive, runs } = explore(last, point, limits);
    const cases = new Cases();
    for (const found of classes.filter(({ outcome }) => isFailure(outcome)))
      cases.add(() => minimise(this, point, oracle, found, cases.list));
    const levels: Level[] = [];
    for (let level = 1; level < (limits.depth ?? 1); level++) levels.push(new Level());
    const failing: NestedFailure[] = [];
    if (levels.length > 0) {
      this.known = new Map();
      this.nest(point, oracle, classes, [], levels, failing);
    }
    // Only now: shrinking needs the machines that the failures were found on.
    for (const { found, chain, oracle: inner } of failing)
      cases.add(() => minimiseNested(this, point, inner, chain, found));
    const { visible: _, ...kept } = point;
    const { index, kind, pc, instret, progress, origin } = point;
    return {
      point: kept,
      classes,
      record: {
        place: { index, kind, pc, instret, progress, ...(origin && { origin }) },
        legal: point.legal,
        covered,
        classes: classes.length,
        runs,
        exhaustive,
        levels: levels.map((level) => ({ ...level })),
        cases: cases.list,
        unreduced: cases.unreduced,
        reads: readsOf(limits.reads ? classes : classes.filter(({ outcome }) => isFailure(outcome)), point),
        digest: digestOf(classes),
        ...(limits.certificates && { certificate: certificateOf(point, classes) }),
      },
    };
  }

  /**
   * Explores the failures within the recoveries that passed.
   * @param point the crash point whose recoveries these classes are
   */
  private nest(
    point: CrashPoint,
    oracle: Oracle,
    classes: readonly PathClass[],
    chain: readonly NestedPoint[],
    levels: readonly Level[],
    failures: NestedFailure[],
  ): void {
    const level = levels[0]!;
    const machine = this.recording(chain.length);
    const seen = new Set<string>();
    for (const one of classes) {
      if (isFailure(one.outcome)) continue;
      machine.prepare(point, oracle);
      let next = 0;
      const forced = (): number => one.decisions[next++]!.value;
      machine.runVisiting(forced, (nested, before) => {
        // Classes share their way up to the first decision in which they differ.
        const key = `${nested.index} ${valuesOf(before)}`;
        if (seen.has(key)) return;
        seen.add(key);
        const expected = observedBy(classes, before);
        const inner = { ...oracle, ...(expected && { expected }) };
        const state = `${levels.length} ${contentKey(nested, point.visible)} ${inner.expected?.join()}`;
        const same = this.known.get(state);
        if (same) {
          level.merge(nested, same);
          this.onNested([...chain, nested], same.classes);
          return;
        }
        this.last.prepare(nested, inner);
        const found = explore(this.last, nested, this.limits);
        level.add(nested, found);
        // Where something fails, each way there is told.
        if (!found.classes.some(({ outcome }) => isFailure(outcome))) this.known.set(state, found);
        const deeper = [...chain, nested];
        this.onNested(deeper, found.classes);
        for (const failing of found.classes.filter(({ outcome }) => isFailure(outcome)))
          failures.push({ chain: deeper, oracle: inner, found: failing });
        if (levels.length > 1) this.nest(nested, inner, found.classes, deeper, levels.slice(1), failures);
      });
    }
  }
}

/** A class that fails after a failure within recovery. */
interface NestedFailure {
  readonly chain: readonly NestedPoint[];
  readonly oracle: Oracle;
  readonly found: PathClass;
}

const valuesOf = (decisions: readonly Decision[]): string => decisions.map(({ value }) => value).join();

/** What the classes that begin with these decisions have observed, if all of them have something. */
function observedBy(classes: readonly PathClass[], before: readonly Decision[]): bigint[] | undefined {
  const sharing = classes.filter(({ decisions }) =>
    before.every(({ value }, i) => decisions[i]?.value === value),
  );
  const values = sharing.flatMap(({ observed }) => (observed === undefined ? [] : [observed]));
  return values.length === sharing.length ? [...new Set(values)] : undefined;
}

/** Adds up what was explored at one depth. */
class Level implements LevelRecord {
  crashPoints = 0;
  merged = 0;
  legal = 0n;
  covered = 0n;
  runs = 0;
  exhaustive = true;

  add(point: CrashPoint, found: { covered: bigint; runs: number; exhaustive: boolean }): void {
    this.crashPoints++;
    this.legal += point.legal;
    this.covered += found.covered;
    this.runs += found.runs;
    this.exhaustive &&= found.exhaustive;
  }

  /** A crash point that leaves what another has left. */
  merge(point: CrashPoint, same: { covered: bigint; exhaustive: boolean }): void {
    this.add(point, { covered: same.covered, runs: 0, exhaustive: same.exhaustive });
    this.merged++;
  }
}

/** Failing classes as cases, equal ones once. */
class Cases {
  readonly list: Case[] = [];
  unreduced = 0;
  private tried = 0;
  private readonly keys = new Set<string>();

  add(reduce: () => Case | undefined): void {
    if (this.tried++ >= CASES_PER_POINT) return;
    const reduced = reduce();
    if (reduced === undefined) {
      this.unreduced++;
      return;
    }
    const key = caseKey(reduced);
    if (this.keys.has(key)) return;
    this.keys.add(key);
    this.list.push(reduced);
  }
}

/** Which loads read what is not decided, and which stores they may or may not see. */
function readsOf(classes: readonly PathClass[], { stores }: CrashPoint): ReadRecord[] {
  const reads = new Map<string, ReadRecord>();
  for (const { block, offset, pc } of classes.flatMap(({ decisions }) => decisions)) {
    const key = `${pc} ${block} ${offset}`;
    if (reads.has(key)) continue;
    reads.set(key, { load: pc, stores: writersOf(stores, block, offset) });
  }
  const merged = new Map<bigint, Set<bigint>>();
  for (const { load, stores: pcs } of reads.values()) {
    const known = merged.get(load) ?? new Set();
    for (const pc of pcs) known.add(pc);
    merged.set(load, known);
  }
  return [...merged].map(([load, pcs]) => ({ load, stores: [...pcs] }));
}

function writersOf(stores: CrashPoint['stores'], block: BlockNumber, offset: number): bigint[] {
  const units = stores.get(block) ?? [];
  return [
    ...new Set(
      units
        .filter((unit) => offset >= unit.offset && offset < unit.offset + unit.size)
        .map((unit) => pcOf(unit)),
    ),
  ];
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The sets of contents, and the classes' decisions. */
function certificateOf({ sets }: CrashPoint, classes: readonly PathClass[]): CertificateJson {
  return {
    blocks: [...sets].map(([block, { count, cubes }]) => ({
      block,
      count: count.toString(),
      cubes: cubes.map((cube) => ({
        bytes: hex(cube.bytes),
        free: [cube.freeLow >>> 0, cube.freeHigh >>> 0] as const,
      })),
    })),
    classes: classes.map(({ decisions, size, outcome }) => ({
      decisions: decisions.map(({ block, offset, value }) => [block, offset, value] as const),
      size: size.toString(),
      outcome: describeOutcome(outcome),
    })),
  };
}

function digestOf(classes: readonly PathClass[]): string {
  const hash = createHash('sha256');
  for (const { decisions, size, outcome, observed } of classes) {
    for (const { block, offset, value } of decisions) hash.update(`${block} ${offset} ${value},`);
    hash.update(`${size} ${describeOutcome(outcome)} ${observed}\n`);
  }
  return hash.digest('hex');
}
