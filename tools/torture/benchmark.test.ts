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
import type { CaseStore } from './finding.ts';
import type { FindingJson } from './format.ts';
import { isFailure } from './outcome.ts';
import { type BugClass, buildPair, MARKS, pairNames, readPair } from './pairs.ts';
import { Places } from './places.ts';
import type { Program } from './program.ts';
import { reportText } from './report.ts';
import { parseSeed } from './seed.ts';

const folder = fileURLToPath(new URL('./benchmark', import.meta.url));
/**
 * What a finding may say to each class. A state that the program's own order of stores leaves looks the same whether
 * that order is at fault or the recovery which should have mended it.
 */
const MISSING: Readonly<Record<BugClass, readonly FindingJson['missing'][]>> = {
  'missing flush': ['flush'],
  'missing fence': ['fence'],
  order: ['order'],
  recovery: ['order', 'recovery'],
};
const LIMITS = { maxRuns: 5000, samples: 100, seed: 0 };

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
    const buggy = compile(name, true);
    const found = runCampaign(buggy, LIMITS);
    expectCertified(found);
    expect(found.findings.length).toBeGreaterThan(0);
    expect(found.unreduced).toBe(0);
    const places = new Places(buggy.elf.bytes, name);
    const linesOf = (pcs: readonly bigint[]) =>
      pcs.map((pc) => places.at(pc)).flatMap(({ file, line }) => (file === `${name}.c` ? [line!] : []));
    const pcOf = ({ unit }: CaseStore): bigint => (BigInt(unit.pcHigh) << 32n) | BigInt(unit.pcLow);
    const named = {
      guilty: linesOf(found.findings.flatMap(({ lost }) => lost.map(pcOf))),
      'too early': linesOf(found.findings.flatMap(({ early }) => early.map(pcOf))),
    };
    // Where no store is to blame, all of them have reached the media, and recovery fails nevertheless.
    const { marks, bug } = readPair(name, folder);
    if (MARKS.every((mark) => marks[mark].length === 0))
      expect(found.findings).toContainEqual(expect.objectContaining({ lost: [], early: [] }));
    for (const mark of MARKS) expect(named[mark], mark).toEqual(expect.arrayContaining([...marks[mark]]));
    const { findings } = reportOf(buggy, LIMITS, found, { fixes: false });
    const told = findings.map(({ missing }) => missing);
    expect(
      MISSING[bug].some((one) => told.includes(one)),
      told.join(),
    ).toBe(true);
    for (const finding of found.findings) {
      expect(finding.minimal).toBe(true);
      expect(isFailure(replay(buggy, finding.seed).outcome)).toBe(true);
    }
    const clean = runCampaign(compile(name, false), LIMITS);
    expectCertified(clean);
    expect(clean.findings).toEqual([]);
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
