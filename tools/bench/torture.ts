/**
 * `licorice bench torture`: the bugs of the benchmark, for the bare machine (tools/torture/benchmark) and on the guest (guest/torture/pairs),
 * each in its buggy and its fixed program: crash points, legal images that were represented, runs of recovery (explicit states), findings, what
 * the reports should have said and did not, and the time of the campaign on this host. Exhaustive, with certificates; times are CPU time, and the
 * only figures that vary.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reportOf } from '../torture/assemble.ts';
import { replay, runCampaign } from '../torture/campaign.ts';
import { buildGuestPairs, guestPairNames, readGuestPair } from '../torture/guest-pairs.ts';
import { judgeBuggy, judgeFixed } from '../torture/judge.ts';
import { isFailure } from '../torture/outcome.ts';
import { type BugClass, buildPair, PAIR_LIMITS, type Pair, readPair } from '../torture/pairs.ts';
import type { Program } from '../torture/program.ts';

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
  /** CPU time of the slowest replay of a finding, in milliseconds; 0: there is none. */
  readonly replay: number;
  /** What is wrong with the reports; empty: nothing. */
  readonly wrong: readonly string[];
}

/** What some work gives, and its CPU time in milliseconds. */
function timed<T>(work: () => T): readonly [T, number] {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  return [result, Math.round((user + system) / 1000)];
}

function row(pair: Pair, buggy: Program, fixed: Program): TortureBenchRow {
  const limits = { ...PAIR_LIMITS, depth: pair.depth };
  const campaign = (program: Program) => {
    const [result, milliseconds] = timed(() => runCampaign(program, limits));
    const { points, legal, runs, findings, exhaustive } = result;
    const figures: CampaignFigures = {
      crashPoints: points.length,
      images: String(legal),
      runs,
      findings: findings.length,
      exhaustive,
      milliseconds,
    };
    return { figures, findings, report: reportOf(program, limits, result, { fixes: false }) };
  };
  const [found, clean] = [campaign(buggy), campaign(fixed)];
  const replays = found.findings.map(({ seed }) => timed(() => replay(buggy, seed)));
  return {
    name: pair.name,
    published: pair.published,
    bug: pair.bug,
    buggy: found.figures,
    fixed: clean.figures,
    replay: Math.max(0, ...replays.map(([, milliseconds]) => milliseconds)),
    wrong: [
      ...judgeBuggy(pair, found.report).map((text) => `buggy: ${text}`),
      ...replays.flatMap(([{ outcome }]) => (isFailure(outcome) ? [] : ['buggy: a replay passes'])),
      ...judgeFixed(pair, clean.report).map((text) => `fixed: ${text}`),
    ],
  };
}

/**
 * @param names of pairs of both kinds
 * @throws UserError when GCC is missing
 */
export async function benchTorture(names: readonly string[]): Promise<TortureBenchRow[]> {
  const guests = guestPairNames();
  const pairs = await buildGuestPairs(names.filter((name) => guests.includes(name)));
  const out = mkdtempSync(join(tmpdir(), 'licorice-bench-'));
  try {
    return names.map((name) => {
      const guest = pairs.find((pair) => pair.name === name);
      if (guest) return row(readGuestPair(name), guest.buggy, guest.fixed);
      return row(readPair(name), buildPair(name, true, out), buildPair(name, false, out));
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
  const widths = [21, 16, 7, 8, 6, 6, 9, 9, 8, 6, 6, 9, 8];
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('')
      .trimEnd();
  const head = ['points', 'images', 'runs', 'ms'];
  return [
    line(['program', 'what it lacks', ...head, 'findings', ...head, 'findings', 'replay']),
    ...rows.flatMap(({ name, bug, buggy, fixed, replay: slowest, wrong }) => [
      line([
        name,
        bug,
        ...figures(buggy),
        String(buggy.findings),
        ...figures(fixed),
        String(fixed.findings),
        String(slowest),
      ]),
      ...wrong.map((text) => `  WRONG: ${text}`),
    ]),
    '',
    'Left the buggy program, right the fixed one. Runs of recovery are explicit states, images the ones they stand for; replay: ms of the slowest.',
  ].join('\n');
}
