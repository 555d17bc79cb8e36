/**
 * Are published persistence bugs, re-created as small C programs, found in their buggy twins, with the guilty line
 * among the lost stores, and is nothing reported for the fixed ones?
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildLicorice } from '../../test/command.ts';
import { describeWith, findOracle, GCC } from '../../test/oracles.ts';
import { reportOf } from './assemble.ts';
import { type CampaignResult, replay, runCampaign } from './campaign.ts';
import { checkCertificate } from './explore.ts';
import { judgeBuggy, judgeFixed } from './judge.ts';
import { isFailure } from './outcome.ts';
import { buildPair, PAIR_LIMITS, pairNames, readPair } from './pairs.ts';
import type { Program } from './program.ts';
import { reportText } from './report.ts';
import { parseSeed } from './seed.ts';

const folder = fileURLToPath(new URL('./benchmark', import.meta.url));
const LIMITS = PAIR_LIMITS;

describeWith([GCC], 'published bugs', () => {
  let build: string;
  beforeAll(() => {
    build = mkdtempSync(join(tmpdir(), 'licorice-torture-'));
  });
  afterAll(() => rmSync(build, { recursive: true, force: true }));

  const compile = (name: string, buggy: boolean): Program =>
    buildPair(name, buggy, build, folder, findOracle(GCC)!);
  const guiltyLine = (name: string): number => readPair(name, folder).marks.guilty[0]!;

  function expectCertified(result: CampaignResult): void {
    expect(result.exhaustive).toBe(true);
    for (const { point, classes } of result.points)
      expect(checkCertificate(point.sets, classes, point.legal)).toBeUndefined();
  }

  test.each(pairNames(folder))('%s', (name) => {
    const pair = readPair(name, folder);
    const buggy = compile(name, true);
    const found = runCampaign(buggy, LIMITS);
    expectCertified(found);
    expect(judgeBuggy(pair, reportOf(buggy, LIMITS, found, { fixes: false }))).toEqual([]);
    for (const finding of found.findings) {
      expect(isFailure(replay(buggy, finding.seed).outcome)).toBe(true);
    }
    const fixed = compile(name, false);
    const clean = runCampaign(fixed, LIMITS);
    expectCertified(clean);
    expect(judgeFixed(pair, reportOf(fixed, LIMITS, clean, { fixes: false }))).toEqual([]);
    console.info(
      `${name}: buggy ${found.points.length} points, ${found.legal} images, ${found.runs} runs, ` +
        `${found.findings.length} findings; fixed ${clean.points.length} points, ${clean.legal} images, ${clean.runs} runs`,
    );
  });

  test('the same campaign twice is the same report, and the report names line and seed', () => {
    const program = compile('level-token', true);
    const limits = { ...LIMITS, certificates: true };
    const report = () => reportOf(program, limits, runCampaign(program, limits));
    const json = (): string => JSON.stringify(report());
    const first = json();
    expect(json()).toBe(first);
    const text = reportText(report());
    expect(text).toContain(`level-token.c:${guiltyLine('level-token')}`);
    expect(text).toContain('written back, no fence completed it');
    expect(text).toContain('seed: T1.');
  });

  test('a space too large is sampled, and called so', () => {
    const program = compile('array-info', true);
    const limits = { maxRuns: 2, samples: 20, seed: 1 };
    const result = runCampaign(program, limits);
    expect(result.exhaustive).toBe(false);
    expect(result.covered).toBeLessThan(result.legal);
    expect(reportText(reportOf(program, limits, result))).toContain('SAMPLED');
  });

  test('a seed of another program is refused', () => {
    const buggy = compile('hot-pointer', true);
    const [finding] = runCampaign(buggy, LIMITS).findings;
    expect(() => replay(compile('part-line', true), finding!.seed)).toThrow(/not the program/);
    expect(() => parseSeed('T1.garbage')).toThrow(/not a seed/);
  });

  test('the command reports findings in JSON and by its exit code, and replays them', async () => {
    const { name: buggy } = compile('part-line', true).elf;
    const { name: fixed } = compile('part-line', false).elf;
    const command = await buildLicorice();
    try {
      const licorice = (...args: string[]) =>
        spawnSync(process.execPath, [command.script, 'torture', ...args], { encoding: 'utf8' });
      const clean = licorice(fixed);
      expect(clean.stdout).toContain('no findings');
      expect(clean.status).toBe(0);
      const found = licorice(buggy, '--json', '--certificates');
      expect(found.status).toBe(1);
      const report = JSON.parse(found.stdout);
      expect(report.exhaustive).toBe(true);
      expect(report.findings[0].lost[0]).toMatchObject({
        file: 'part-line.c',
        line: guiltyLine('part-line'),
      });
      const again = licorice('replay', report.findings[0].seed, buggy);
      expect(again.stdout).toContain('recovery ended with code 2');
      expect(again.status).toBe(1);
    } finally {
      command.remove();
    }
  });
});
