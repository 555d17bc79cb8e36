/**
 * A whole campaign on one program: every crash point of its workload explored. The result is the same on every host,
 * and for any number of workers.
 */
import { UserError } from '../../emulator/errors.ts';
import type { CrashPoint } from './crash.ts';
import { type Case, replayChain } from './finding.ts';
import { oracleAt } from './oracle.ts';
import { type CampaignLimits, caseKey, PointExplorer, type PointRecord, type PointResult } from './point.ts';
import type { Program } from './program.ts';
import { checkReached } from './reached.ts';
import type { Path } from './recovery.ts';
import { checkProgram, parseSeed, programOf, seedOf } from './seed.ts';
import { type CalmRun, runCalm, visitPoints } from './visit.ts';
import { runWorkload } from './workload.ts';

export interface Finding extends Case {
  readonly seed: string;
  /** Crash points at which the same stores fail in the same way. */
  readonly points: number;
}

/** What the crash points have shown together. */
export interface Summary {
  /** Runs of recovery: explicit states, nested ones included. */
  readonly runs: number;
  /** Legal images over all crash points, and those that the runs stand for: represented states; not the nested ones. */
  readonly legal: bigint;
  readonly covered: bigint;
  readonly exhaustive: boolean;
  readonly findings: readonly Finding[];
  /** Failing classes of which no case could be made; a defect of the tester. */
  readonly unreduced: number;
}

export interface CampaignResult extends Summary {
  readonly points: readonly PointResult[];
  /** The workload without a failure. */
  readonly calm: CalmRun;
}

/** Adds up the records of crash points, in their order. */
export function summarise(program: Program, records: readonly PointRecord[]): Summary {
  const findings = new Map<string, Finding>();
  for (const one of records.flatMap(({ cases }) => cases)) {
    const key = caseKey(one);
    const known = findings.get(key);
    findings.set(
      key,
      known ? { ...known, points: known.points + 1 } : { ...one, seed: seedOf(program, one), points: 1 },
    );
  }
  const nested = records.flatMap(({ levels }) => levels);
  return {
    runs: [...records, ...nested].reduce((sum, { runs }) => sum + runs, 0),
    legal: records.reduce((sum, { legal }) => sum + legal, 0n),
    covered: records.reduce((sum, { covered }) => sum + covered, 0n),
    exhaustive: [...records, ...nested].every(({ exhaustive }) => exhaustive),
    findings: [...findings.values()],
    unreduced: records.reduce((sum, { unreduced }) => sum + unreduced, 0),
  };
}

/** @param progress told after each crash point */
export function runCampaign(
  program: Program,
  limits: CampaignLimits,
  progress: (result: PointResult) => void = () => {},
): CampaignResult {
  const explorer = new PointExplorer(program, limits);
  const calm = runCalm(program, limits);
  const points: PointResult[] = [];
  const visit = (point: CrashPoint): void => {
    const result = explorer.explore(point, oracleAt(point, calm));
    points.push(result);
    progress(result);
  };
  visitPoints(program, calm, visit);
  return {
    ...summarise(
      program,
      points.map(({ record }) => record),
    ),
    points,
    calm,
  };
}

/** Runs the case of a seed again. @throws UserError when the seed is not one, or not of this program */
export function replay(program: Program, text: string): Path {
  const seed = parseSeed(text);
  checkProgram(program, seed);
  const same = programOf(program, seed);
  const calm = runWorkload(same);
  let path: Path | undefined;
  let visited = false;
  const visit = (point: CrashPoint): void => {
    if (point.index !== seed.crashPoint) return;
    visited = true;
    for (const [block, reached] of seed.prefixes[0]!) checkReached(block, reached, point.stores.get(block));
    const machines = new PointExplorer(same, { maxRuns: 1, samples: 0, seed: 0 });
    path = replayChain(machines, point, oracleAt(point, calm), seed.nested, seed.prefixes);
  };
  runWorkload(same, { visit });
  if (!visited) throw new UserError(`the workload has no crash point ${seed.crashPoint}`);
  if (path === undefined) throw new UserError('recovery has no such crash point');
  return path;
}
