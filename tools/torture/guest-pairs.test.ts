/**
 * Are bugs in guest programs found on the whole system, kernel and libraries included: in each buggy program its class and the line that its
 * source marks, replayed by its seed in under two seconds, and nothing in the fixed one?
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BuiltCommand, buildLicorice } from '../../test/command.ts';
import type { TortureBenchRow } from '../bench/torture.ts';
import { packageRoot } from '../guest/layouts.ts';
import { guestPairNames } from './guest-pairs.ts';

/** Milliseconds of CPU time that a replay may take; tests run beside each other. */
const REPLAY = 2000;

describe('pairs of guest programs', () => {
  let command: BuiltCommand;
  let rows: readonly TortureBenchRow[];
  // By the command, because the emulator is several times faster bundled.
  beforeAll(async () => {
    command = await buildLicorice({}, join(packageRoot(), 'dist'));
    const args = [command.script, 'bench', 'torture', '--only', 'guest', '--json'];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
    expect(stderr).toBe('');
    rows = JSON.parse(stdout) as TortureBenchRow[];
  }, 900_000);
  afterAll(() => command.remove());

  test.each(guestPairNames())('%s', (name) => {
    const row = rows.find((one) => one.name === name)!;
    expect(row.wrong).toEqual([]);
    expect(row.buggy.exhaustive || row.bug === 'race').toBe(true);
    expect(row.replay).toBeLessThan(REPLAY);
    console.info(
      `${name}: buggy ${row.buggy.crashPoints} points, ${row.buggy.images} images, ${row.buggy.runs} runs, ` +
        `${row.buggy.findings} findings; fixed ${row.fixed.crashPoints} points, ${row.fixed.images} images, ${row.fixed.runs} runs`,
    );
  });
});
