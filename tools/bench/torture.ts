/**
 * `licorice bench torture`: the published bugs (tools/torture/benchmark), each in its buggy and its fixed program:
 * crash points, legal images that were represented, runs of recovery (explicit states), findings, and the time of the
 * campaign on this host. Exhaustive, with certificates; times are CPU time, and the only figures that vary.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCampaign } from '../torture/campaign.ts';
import { type BugClass, buildPair, readPair } from '../torture/pairs.ts';

const LIMITS = { maxRuns: 5000, samples: 100, seed: 0 };

export interface CampaignFigures {
  readonly crashPoints: number;
  readonly images: string;
  readonly runs: number;
  readonly findings: number;
  readonly exhaustive: boolean;
  /** CPU time of the campaign in milliseconds. */
  readonly milliseconds: number;
}

export interface TortureBenchRow {
  readonly name: string;
  readonly published: string;
  readonly bug: BugClass;
  readonly buggy: CampaignFigures;
  readonly fixed: CampaignFigures;
}

function campaign(name: string, buggy: boolean, out: string): CampaignFigures {
  const program = buildPair(name, buggy, out);
  const before = process.cpuUsage();
  const { points, legal, runs, findings, exhaustive } = runCampaign(program, LIMITS);
  const { user, system } = process.cpuUsage(before);
  return {
    crashPoints: points.length,
    images: String(legal),
    runs,
    findings: findings.length,
    exhaustive,
    milliseconds: Math.round((user + system) / 1000),
  };
}

/** @throws UserError when GCC is missing */
export function benchTorture(names: readonly string[]): TortureBenchRow[] {
  const out = mkdtempSync(join(tmpdir(), 'licorice-bench-'));
  try {
    return names.map((name) => {
      const { published, bug } = readPair(name);
      return { name, published, bug, buggy: campaign(name, true, out), fixed: campaign(name, false, out) };
    });
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

const figures = ({ crashPoints, images, runs, milliseconds }: CampaignFigures): string[] => [
  String(crashPoints),
  images,
  String(runs),
  String(milliseconds),
];

export function formatTortureBench(rows: readonly TortureBenchRow[]): string {
  const widths = [20, 15, 7, 8, 6, 6, 9, 9, 8, 6, 6, 9];
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('')
      .trimEnd();
  const head = ['points', 'images', 'runs', 'ms'];
  return [
    line(['program', 'what it lacks', ...head, 'findings', ...head, 'findings']),
    ...rows.map(({ name, bug, buggy, fixed }) =>
      line([name, bug, ...figures(buggy), String(buggy.findings), ...figures(fixed), String(fixed.findings)]),
    ),
    '',
    'Left the buggy program, right the fixed one. Runs of recovery are explicit states, images the ones they stand for.',
  ].join('\n');
}
