/**
 * `licorice bench torture --rate`: explicit states per second and core. An explicit state is one run of recovery to its end
 * (docs/torture.md): going back to where it starts, recovery and check in the guest, and the verdict. The whole campaign of a
 * shipped workload is explored, in one thread; what is timed is all that exploring its crash points takes, preparing them,
 * forking, merging and certificates included, but not the workload's own run between them. CPU time of the whole process:
 * collecting garbage and compiling, which the host does beside it, count as well.
 */
import type { CrashPoint } from '../torture/crash.ts';
import { loadProgram } from '../torture/load.ts';
import { oracleAt } from '../torture/oracle.ts';
import { PointExplorer } from '../torture/point.ts';
import type { Program } from '../torture/program.ts';
import { type CalmRun, runCalm, visitPoints } from '../torture/visit.ts';

const LIMITS = { maxRuns: 5000, samples: 100, seed: 0 };

export interface RateRow {
  readonly workload: string;
  readonly crashPoints: number;
  /** Legal images: represented states. */
  readonly images: string;
  /** Explicit states of one campaign. */
  readonly states: number;
  /** Explicit states per second: in the first campaign, while the host compiles the emulator, and the median of the later ones. */
  readonly cold: number;
  readonly warm: number;
}

interface Round {
  readonly points: number;
  readonly legal: bigint;
  readonly runs: number;
  /** CPU time in microseconds. */
  readonly time: number;
}

function exploreOnce(explorer: PointExplorer, program: Program, calm: CalmRun): Round {
  // Each campaign pays for its own boot.
  explorer.last.forgetBoots();
  let points = 0;
  let legal = 0n;
  let runs = 0;
  let time = 0;
  const visit = (point: CrashPoint): void => {
    const before = process.cpuUsage();
    const { record } = explorer.explore(point, oracleAt(point, calm));
    const { user, system } = process.cpuUsage(before);
    time += user + system;
    points++;
    legal += record.legal;
    runs += record.runs;
  };
  visitPoints(program, calm, visit);
  return { points, legal, runs, time };
}

const rateOf = ({ runs, time }: Round): number => Math.round((runs * 1e6) / time);

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/** @param seconds of exploring, for each workload: campaigns are repeated, and the first half warms the host up */
export async function benchTortureRate(names: readonly string[], seconds: number): Promise<RateRow[]> {
  const rows: RateRow[] = [];
  for (const name of names) {
    const program = await loadProgram(name, {});
    const calm = runCalm(program);
    // One machine for all campaigns: the host compiles anew what belongs to a new one.
    const explorer = new PointExplorer(program, LIMITS);
    const first = exploreOnce(explorer, program, calm);
    const warm: Round[] = [];
    for (let spent = first.time; spent < seconds * 1e6 || warm.length === 0; ) {
      const round = exploreOnce(explorer, program, calm);
      spent += round.time;
      if (spent > (seconds * 1e6) / 2) warm.push(round);
    }
    rows.push({
      workload: name,
      crashPoints: first.points,
      images: String(first.legal),
      states: first.runs,
      cold: rateOf(first),
      warm: median(warm.map(rateOf)),
    });
  }
  return rows;
}

export function formatTortureRate(rows: readonly RateRow[]): string {
  const widths = [20, 8, 40, 8, 8, 8];
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i < 1 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('');
  return [
    line(['workload', 'points', 'images', 'states', 'cold/s', 'warm/s']),
    ...rows.map(({ workload, crashPoints, images, states, cold, warm }) =>
      line([workload, ...[crashPoints, images, states, cold, warm].map(String)]),
    ),
    '',
    'States are runs of recovery (explicit), images the ones they stand for. Per second of CPU time: in the first campaign, in later ones.',
  ].join('\n');
}
