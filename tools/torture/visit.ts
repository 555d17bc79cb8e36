/**
 * All crash points of a workload: of its one run, or, with several harts or threads, of its runs under all schedules that
 * can make a difference. What a power failure may leave at several of them is the same; each such crash point is visited once.
 */
import { contentKey } from './crash.ts';
import type { DirtyRead } from './dirty-reads.ts';
import { type Interleavings, interleavings } from './interleave.ts';
import type { Program } from './program.ts';
import { type ScheduledRun, scheduleText } from './schedule.ts';
import { threadSchedules } from './threads.ts';
import { type Patch, type VisitPoint, Workload, type WorkloadRun } from './workload.ts';

/** A workload that nothing has befallen. */
export interface CalmRun extends WorkloadRun {
  /** Of several harts or threads: those under which there is a crash point that earlier ones do not have. */
  readonly schedules?: readonly ScheduledRun[];
  /** How many were looked at. */
  readonly explored: number;
  /** Guest threads: up to so many preemptions all schedules were. */
  readonly preemptions?: number;
  /** False when there are more schedules than were explored. */
  readonly complete: boolean;
  /** Of several harts or threads: under any of the schedules. */
  readonly dirtyReads?: readonly DirtyRead[];
}

export interface CalmOptions {
  /** Of guest threads, in one schedule; default: `PREEMPTIONS`. */
  readonly preemptions?: number;
}

/** Runs a workload without failures, under all schedules; events and values are those of the first. */
export function runCalm(program: Program, options: CalmOptions = {}): CalmRun {
  const runner = new Workload(program);
  if (!program.system && (program.harts ?? 1) === 1)
    return { ...runner.run({ schedule: [] }), explored: 1, complete: true };
  const found: Interleavings & { readonly preemptions?: number } = program.system
    ? threadSchedules(program, options)
    : interleavings(program);
  const { runs: all, complete, preemptions } = found;
  const first = runner.run({ schedule: all[0]!.schedule });
  const bound = complete || preemptions === undefined ? {} : { preemptions };
  const explored = all.length;
  if (program.system && complete && explored === 1) return { ...first, explored, complete };
  const fruitful = new Set<string>();
  let points = 0;
  const visit: VisitPoint = (point) => {
    points = point.index + 1;
    fruitful.add(point.origin!.schedule);
  };
  const { dirtyReads } = visitPoints(program, { schedules: all, seekDirtyReads: true }, visit);
  const schedules = all.filter(({ schedule }) => fruitful.has(scheduleText(schedule)));
  // What states stand for is up to the program's check: the order of operations is not that of their numbers.
  return { ...first, values: [], schedules, dirtyReads, explored, ...bound, complete, points };
}

export interface VisitOptions {
  readonly schedules?: readonly ScheduledRun[] | undefined;
  readonly patch?: Patch;
  /** Look for them on the way. */
  readonly seekDirtyReads?: boolean;
}

/** Visits the crash points in order; their numbers are those of the whole. */
export function visitPoints(
  program: Program,
  { schedules, patch, seekDirtyReads }: VisitOptions,
  visit: VisitPoint,
): Pick<WorkloadRun, 'patched'> & Required<Pick<CalmRun, 'dirtyReads'>> {
  const runner = new Workload(program, patch, seekDirtyReads);
  if (schedules === undefined) return { ...runner.run({ schedule: [] }, visit), dirtyReads: [] };
  const seen = new Set<string>();
  let first: Uint8Array | undefined;
  const patched = new Set<bigint>();
  let next = 0;
  for (const one of schedules) {
    const run = runner.run(one, (point, soFar) => {
      first ??= point.visible.slice();
      const key = contentKey(point, first);
      if (seen.has(key)) return;
      seen.add(key);
      const origin = { schedule: scheduleText(one.schedule), index: point.index };
      visit({ ...point, index: next++, origin }, soFar);
    });
    for (const pc of run.patched) patched.add(pc);
  }
  return { patched, dirtyReads: runner.dirtyReads?.list ?? [] };
}
