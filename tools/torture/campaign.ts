/**
 * A whole campaign on one bare-metal program: every crash point of its workload explored, every failure shrunk to a
 * case, equal cases told once. The result is plain data, the same on every host.
 */
import { UserError } from '../../emulator/errors.ts';
import type { CrashPoint } from './crash.ts';
import { type ExploreLimits, explore, type PathClass } from './explore.ts';
import { type Case, checkProgram, isMinimal, minimise, parseSeed, replayImage, seedOf } from './finding.ts';
import { isFailure, type Oracle, outcomeKey } from './outcome.ts';
import type { Program } from './program.ts';
import { type Path, RecoveryMachine } from './recovery.ts';
import { runWorkload, type WorkloadRun } from './workload.ts';

/** A crash point with what was found there. */
export interface PointResult {
  readonly point: Omit<CrashPoint, 'visible'>;
  readonly classes: readonly PathClass[];
  readonly covered: bigint;
  readonly exhaustive: boolean;
  readonly runs: number;
}

export interface Finding extends Case {
  readonly seed: string;
  /** Crash points at which the same stores fail in the same way. */
  readonly points: number;
  /** Giving any one lost store back was seen to pass. */
  readonly minimal: boolean;
}

export interface CampaignResult {
  readonly points: readonly PointResult[];
  readonly findings: readonly Finding[];
  /** Failing classes of which no case could be made (a torn `cbo.zero` alone fails). */
  readonly unreduced: number;
  /** Runs of recovery: explicit states. */
  readonly runs: number;
  /** Legal images over all crash points, and those that the runs stand for: represented states. */
  readonly legal: bigint;
  readonly covered: bigint;
  readonly exhaustive: boolean;
}

/** Failing classes of one crash point that are shrunk; the others are only counted. */
const CASES_PER_POINT = 32;

/** The same stores lost, the same end: one finding. */
function keyOf({ outcome, lost }: Case): string {
  return [outcomeKey(outcome), ...lost.map(({ unit }) => `${unit.hart}:${unit.pcHigh}:${unit.pcLow}`)].join(
    ' ',
  );
}

/** The values of the states that may be recovered at a crash point. */
function oracleAt({ progress }: CrashPoint, { values }: WorkloadRun): Oracle {
  const { acknowledged, begun } = progress;
  const allowed = values.slice(acknowledged, begun + 1);
  return {
    allowed: allowed.every((value) => value !== undefined) && allowed.length > 0 ? allowed : undefined,
  };
}

/** @param progress told after each crash point */
export function runCampaign(
  program: Program,
  limits: ExploreLimits,
  progress: (result: PointResult) => void = () => {},
): CampaignResult {
  const machine = new RecoveryMachine(program);
  const points: PointResult[] = [];
  const findings = new Map<string, Finding>();
  let unreduced = 0;
  const calm = runWorkload(program);
  const visit = (point: CrashPoint): void => {
    machine.prepare(point, oracleAt(point, calm));
    const { visible: _, ...kept } = point;
    const result: PointResult = { point: kept, ...explore(machine, point, limits) };
    points.push(result);
    const failing = result.classes.filter(({ outcome }) => isFailure(outcome));
    const here = new Set<string>();
    for (const found of failing.slice(0, CASES_PER_POINT)) {
      const reduced = minimise(machine, point, found);
      if (reduced === undefined) {
        unreduced++;
        continue;
      }
      const key = keyOf(reduced);
      if (here.has(key)) continue;
      here.add(key);
      const known = findings.get(key);
      findings.set(
        key,
        known
          ? { ...known, points: known.points + 1 }
          : {
              ...reduced,
              seed: seedOf(program, reduced),
              points: 1,
              minimal: isMinimal(machine, point, reduced),
            },
      );
    }
    progress(result);
  };
  runWorkload(program, { visit });
  return {
    points,
    findings: [...findings.values()],
    unreduced,
    runs: points.reduce((sum, { runs }) => sum + runs, 0),
    legal: points.reduce((sum, { point }) => sum + point.legal, 0n),
    covered: points.reduce((sum, { covered }) => sum + covered, 0n),
    exhaustive: points.every(({ exhaustive }) => exhaustive),
  };
}

/** Runs the case of a seed again. @throws UserError when the seed is not one, or not of this program */
export function replay(program: Program, text: string): Path {
  const seed = parseSeed(text);
  checkProgram(program, seed);
  const { memory, nvdimm, budget } = seed;
  const same: Program = { ...program, memory, nvdimm, budget };
  let path: Path | undefined;
  const calm = runWorkload(same);
  const visit = (point: CrashPoint): void => {
    if (point.index !== seed.crashPoint) return;
    const machine = new RecoveryMachine(same);
    machine.prepare(point, oracleAt(point, calm));
    path = replayImage(machine, point, seed);
  };
  runWorkload(same, { visit });
  if (path === undefined) throw new UserError(`the workload has no crash point ${seed.crashPoint}`);
  return path;
}
