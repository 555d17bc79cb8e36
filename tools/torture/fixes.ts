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

/** What is left of a campaign's findings under a patch. */
interface Tried {
  readonly patched: readonly bigint[];
  readonly left: ReadonlySet<string>;
}

/** Tries fixes for one finding after the other; findings that lack the same share a campaign. */
export class FixTrials {
  private readonly known = new Map<string, Tried>();

  constructor(
    private readonly program: Program,
    private readonly limits: CampaignLimits,
    private readonly calm: CalmRun,
    /** Campaigns, at most. */
    private readonly most: number,
    /** All instructions of the source lines of some: what the user changes is a line. */
    private readonly sameLines: (pcs: readonly bigint[]) => readonly bigint[],
  ) {}

  /**
   * Tries the smallest patches first, up to one that works. None for a finding that loses stores of recovery, or nothing.
   * @returns undefined when there have been too many campaigns already
   */
  try(finding: Case): TriedFix[] | undefined {
    const lost = finding.lost.filter(({ level }) => level === 0);
    if (finding.nested.length > 0 || lost.length === 0) return [];
    const stores = new Set(lost.map(pcOf));
    const patches: Patch[] = [];
    if (lost.some(({ writtenBack }) => writtenBack)) patches.push({ kind: 'fence', stores });
    patches.push({ kind: 'flush and fence', stores });
    const fixes: TriedFix[] = [];
    for (const patch of patches) {
      const tried = this.campaign(patch);
      if (tried === undefined) return fixes.length > 0 ? fixes : undefined;
      const works = !tried.left.has(caseKey(finding));
      fixes.push({ kind: patch.kind, after: tried.patched, works, findingsLeft: tried.left.size });
      if (works) break;
    }
    return fixes;
  }

  private campaign(patch: Patch): Tried | undefined {
    const stores = ascending(patch.stores);
    const key = `${patch.kind} ${stores.join()}`;
    const known = this.known.get(key);
    if (known || this.known.size >= this.most) return known;
    const { program, limits, calm } = this;
    const explorer = new PointExplorer(program, limits);
    const left = new Set<string>();
    const visit = (point: CrashPoint): void => {
      const { record } = explorer.explore(point, oracleAt(point, calm));
      for (const one of record.cases) left.add(caseKey(one));
    };
    const everywhere = { ...patch, stores: new Set([...stores, ...this.sameLines(stores)]) };
    const { patched } = visitPoints(program, { schedules: calm.schedules, patch: everywhere }, visit);
    const tried = { patched: patch.kind === 'fence' ? ascending(patched) : stores, left };
    this.known.set(key, tried);
    return tried;
  }
}

const ascending = (pcs: Iterable<bigint>): bigint[] => [...pcs].sort((a, b) => (a < b ? -1 : 1));
