/**
 * All crash points of a workload: of its one run, or, on several harts, of its runs under all schedules that can make a
 * difference. What a power failure may leave at several of them is the same; each such crash point is visited once.
 */
import { createHash } from 'node:crypto';
import type { CrashPoint } from './crash.ts';
import { interleavings } from './interleave.ts';
import type { Program } from './program.ts';
import { type Schedule, scheduleText } from './schedule.ts';
import { type Patch, runWorkload, type WorkloadRun } from './workload.ts';

/** A workload that nothing has befallen. */
export interface CalmRun extends WorkloadRun {
  /** On several harts. */
  readonly schedules?: readonly Schedule[];
  /** False when there are more schedules than were explored. */
  readonly complete: boolean;
}

/** Runs a workload without failures, under all schedules; events and values are those of the first. */
export function runCalm(program: Program): CalmRun {
  if ((program.harts ?? 1) === 1) return { ...runWorkload(program), complete: true };
  const { schedules, complete } = interleavings(program);
  const first = runWorkload({ ...program, schedule: schedules[0]! });
  let points = 0;
  visitPoints(program, { schedules }, () => points++);
  return { ...first, schedules, complete, points };
}

/** Visits the crash points in order; their numbers are those of the whole. */
export function visitPoints(
  program: Program,
  { schedules, patch }: { readonly schedules?: readonly Schedule[] | undefined; readonly patch?: Patch },
  visit: (point: CrashPoint) => void,
): Pick<WorkloadRun, 'patched'> {
  const options = patch === undefined ? {} : { patch };
  if (schedules === undefined) return runWorkload(program, { ...options, visit });
  const seen = new Set<string>();
  const patched = new Set<bigint>();
  let next = 0;
  for (const schedule of schedules) {
    const run = runWorkload(
      { ...program, schedule },
      {
        ...options,
        visit: (point) => {
          const key = contentOf(point);
          if (seen.has(key)) return;
          seen.add(key);
          const origin = { schedule: scheduleText(schedule), index: point.index };
          visit({ ...point, index: next++, origin });
        },
      },
    );
    for (const pc of run.patched) patched.add(pc);
  }
  return { patched };
}

/** Equal for crash points that leave the same images to the same question. */
function contentOf({ visible, sets, progress }: CrashPoint): string {
  const hash = createHash('sha256').update(visible).update(JSON.stringify(progress));
  for (const [block, { cubes }] of sets) {
    hash.update(`block ${block} `);
    for (const { bytes, freeLow, freeHigh } of cubes) hash.update(bytes).update(`${freeLow} ${freeHigh} `);
  }
  return hash.digest('base64');
}
