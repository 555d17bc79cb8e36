/**
 * Is a campaign's report the same, byte by byte, every time: with 1, 2 and 3 workers, in shards that are merged, resumed from a
 * journal that was cut off anywhere, and after the process was killed? `LICORICE_REPEAT=1000` asks a thousand times.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Random } from '../../emulator/random.ts';
import { type BuiltCommand, buildLicorice } from '../../test/command.ts';
import { undo } from './test-programs.ts';

const REPETITIONS = Number(process.env['LICORICE_REPEAT'] ?? 14);
const SHARDS = 3;

let folder: string;
let command: BuiltCommand;
let campaign: readonly string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'licorice-torture-'));
  command = await buildLicorice();
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

/** Goes on from a journal of which only the beginning is there. */
function resumed(journal: string, random: Random, workers: number): string {
  const file = join(folder, 'cut');
  const firstLine = journal.indexOf('\n') + 1;
  writeFileSync(file, journal.slice(0, firstLine + random.below(journal.length - firstLine)));
  return run('--resume', file, '--workers', String(workers));
}

/** Kills the process when its journal has grown, and goes on. */
async function killed(random: Random, workers: number): Promise<string> {
  const file = join(folder, 'killed');
  rmSync(file, { force: true });
  const args = [command.script, ...campaign, '--resume', file, '--workers', String(workers)];
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const lines = 2 + random.below(8);
  const watch = setInterval(() => {
    if (existsSync(file) && readFileSync(file, 'utf8').split('\n').length > lines) child.kill('SIGKILL');
  }, 1);
  await ended;
  clearInterval(watch);
  return run('--resume', file, '--workers', String(workers));
}

test(`${REPETITIONS} times the same report`, { timeout: 60_000 + 20_000 * REPETITIONS }, async () => {
  const file = join(folder, 'journal');
  const whole = run('--workers', '1', '--resume', file);
  const report = JSON.parse(whole) as { findings: unknown[]; exhaustive: boolean };
  expect(report.exhaustive).toBe(true);
  expect(report.findings.length).toBeGreaterThan(0);
  const journal = readFileSync(file, 'utf8');
  const random = new Random(1);
  for (let i = 0; i < REPETITIONS; i++) {
    const workers = 1 + (Math.floor(i / 7) % 3);
    const ways = [
      () => run('--workers', '1'),
      () => run('--workers', '2'),
      () => run('--workers', '3'),
      () => run('--workers', '2'),
      sharded,
      () => resumed(journal, random, workers),
      () => killed(random, workers),
    ];
    // Byte by byte.
    if ((await ways[i % ways.length]!()) !== whole) throw new Error(`repetition ${i} is another report`);
    if (i % 50 === 49) console.info(`${i + 1} times the same report`);
  }
});
