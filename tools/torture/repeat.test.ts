/**
 * Is a campaign's report the same, byte by byte, every time: with 1, 2 and 3 workers, in shards that are merged, resumed from a
 * journal that was cut off anywhere, and after the process was killed? `LICORICE_REPEAT=1000` asks a thousand times.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BuiltCommand, buildLicorice } from '../../test/command.ts';
import { undo } from './test-programs.ts';

const REPETITIONS = Number(process.env['LICORICE_REPEAT'] ?? 30);
const SHARDS = 3;

let folder: string;
let command: BuiltCommand;
let campaign: readonly string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'licorice-torture-'));
  command = await buildLicorice({ repeat: 'tools/torture/repeat.ts' });
  const { elf, memory, nvdimm, budget } = undo(true);
  const image = join(folder, 'undo.bin');
  writeFileSync(image, elf.bytes);
  const machine = ['--mem', String(memory), '--nvdimm', String(nvdimm), '--budget', String(budget)];
  campaign = ['torture', image, ...machine, '--depth', '2', '--reads', '--json'];
}, 120_000);

afterAll(() => {
  command.remove();
  rmSync(folder, { recursive: true, force: true });
});

function licorice(...args: string[]): string {
  const { stdout, stderr } = spawnSync(process.execPath, [command.script, ...args], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout;
}

const run = (...options: string[]): string => licorice(...campaign, ...options);

/** One campaign in `SHARDS` parts, by different numbers of workers. */
function sharded(): string {
  const files = Array.from({ length: SHARDS }, (_, i) => {
    const file = join(folder, `shard-${i}`);
    writeFileSync(file, run('--shard', `${i + 1}/${SHARDS}`, '--workers', String(i + 1)));
    return file;
  });
  return licorice('torture', 'merge', ...files, '--json');
}

/** Kills the process when its journal has grown, and goes on. */
async function killed(lines: number, workers: number): Promise<string> {
  const file = join(folder, 'killed');
  rmSync(file, { force: true });
  const args = [command.script, ...campaign, '--resume', file, '--workers', String(workers)];
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const watch = setInterval(() => {
    if (existsSync(file) && readFileSync(file, 'utf8').split('\n').length > lines) child.kill('SIGKILL');
  }, 1);
  await ended;
  clearInterval(watch);
  return run('--resume', file, '--workers', String(workers));
}

test('the command: workers, shards, and a process that was killed', { timeout: 300_000 }, async () => {
  const whole = run('--workers', '1');
  const report = JSON.parse(whole) as { findings: unknown[]; exhaustive: boolean };
  expect(report.exhaustive).toBe(true);
  expect(report.findings.length).toBeGreaterThan(0);
  expect(run('--workers', '2')).toBe(whole);
  expect(run('--workers', '3')).toBe(whole);
  expect(sharded()).toBe(whole);
  for (const [lines, workers] of [
    [2, 1],
    [5, 2],
  ] as const)
    expect(await killed(lines, workers)).toBe(whole);
});

test(`${REPETITIONS} times the same report`, { timeout: 60_000 + 5000 * REPETITIONS }, () => {
  const args = [join(command.folder, 'repeat.mjs'), folder, String(REPETITIONS)];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  // It is the campaign that the command makes.
  const seeds = (text: string): unknown => {
    const { findings, runs } = JSON.parse(text) as { findings: { seed: string }[]; runs: number };
    return [runs, ...findings.map(({ seed }) => seed)];
  };
  expect(seeds(stdout.trim().split('\n').at(-1)!)).toEqual(seeds(run()));
});
