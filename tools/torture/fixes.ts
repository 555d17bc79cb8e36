/**
 * Suggested fixes, tried: the fence, or the flush and the fence, that a finding lacks is put in on the machine, behind
 * the stores that were lost, and the campaign is run again.
 */
import type { CrashPoint } from './crash.ts';
import type { Case, CaseStore } from './finding.ts';
import { oracleAt } from './oracle.ts';
import { type CampaignLimits, caseKey, PointExplorer } from './point.ts';
import type { Program } from './program.ts';
import { type CalmRun, visitPoints } from './visit.ts';
import type { Patch } from './workload.ts';

/** A patch that was tried. */
export interface TriedFix {
  readonly kind: Patch['kind'];
  /** Behind these instructions. */
  readonly after: readonly bigint[];
  readonly works: boolean;
  readonly findingsLeft: number;
}

const pcOf = ({ unit }: CaseStore): bigint => (BigInt(unit.pcHigh) << 32n) | BigInt(unit.pcLow);

/** Tries the smallest patches first, up to one that works. */
export function tryFixes(program: Program, limits: CampaignLimits, calm: CalmRun, finding: Case): TriedFix[] {
  const lost = finding.lost.filter(({ level }) => level === 0);
  if (lost.length === 0 || lost.length < finding.lost.length) return [];
  const all = new Set(lost.map(pcOf));
  const patches: Patch[] = [];
  if (lost.some(({ writtenBack }) => writtenBack)) patches.push({ kind: 'fence', stores: all });
  patches.push({ kind: 'flush and fence', stores: all });
  const tried: TriedFix[] = [];
  for (const patch of patches) {
    const fix = tryPatch(program, limits, calm, patch, caseKey(finding));
    tried.push(fix);
    if (fix.works) break;
  }
  return tried;
}

function tryPatch(
  program: Program,
  limits: CampaignLimits,
  calm: CalmRun,
  patch: Patch,
  key: string,
): TriedFix {
  const explorer = new PointExplorer(program, limits);
  const left = new Set<string>();
  const visit = (point: CrashPoint): void => {
    const { record } = explorer.explore(point, oracleAt(point, calm));
    for (const one of record.cases) left.add(caseKey(one));
  };
  const { patched } = visitPoints(program, { schedules: calm.schedules, patch }, visit);
  return {
    kind: patch.kind,
    after: [...(patch.kind === 'fence' ? patched : patch.stores)].sort((a, b) => (a < b ? -1 : 1)),
    works: !left.has(key),
    findingsLeft: left.size,
  };
}
