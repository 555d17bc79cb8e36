/** Does a torture finding open in the debugger at the store that it loses, with its line, and fail in front of one's eyes after the failure? */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { describeWith, findOracle, GCC } from '../../test/oracles.ts';
import { packageRoot } from '../guest/layouts.ts';
import { runCampaign } from '../torture/campaign.ts';
import { readGuestPair } from '../torture/guest-pairs.ts';
import { loadProgram } from '../torture/load.ts';
import { buildPair, PAIR_LIMITS, readPair } from '../torture/pairs.ts';
import { formatFailure } from './persistence.ts';
import { openTortureCase } from './torture-case.ts';

const NAME = 'level-token';

describeWith([GCC], 'a torture case in the debugger', () => {
  const folder = mkdtempSync(join(tmpdir(), 'licorice-torture-case-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('opens just before the lost store, and the recovery after it', { timeout: 120_000 }, async () => {
    const sources = join(packageRoot(), 'tools', 'torture', 'benchmark');
    const { seed } = runCampaign(buildPair(NAME, true, folder, sources, findOracle(GCC)!), {
      maxRuns: 5000,
      samples: 100,
      seed: 0,
    }).findings[0]!;
    const path = join(folder, `${NAME}-buggy.elf`);
    const { debugged } = await openTortureCase(seed, path, false);
    expect(debugged.frame.source?.file).toMatch(/level-token\.c$/);
    expect(debugged.frame.source?.line).toBe(readPair(NAME, sources).marks.guilty[0]);
    await debugged.goTo(debugged.marks.get('failure')!);
    expect(formatFailure(debugged)[0]).toMatch(/could leave \d+ images/);
    const recovery = await openTortureCase(seed, path, true);
    const { end } = await recovery.debugged.continue();
    expect(end).toMatchObject({ kind: 'end', reason: { kind: 'exit' } });
    expect(end.kind === 'end' && end.reason.kind === 'exit' && end.reason.code).not.toBe(0);
  });
});

test('a case of a guest program has its names and lines', { timeout: 240_000 }, async () => {
  const path = join(packageRoot(), 'guest', 'torture', 'pairs', 'slot-flush.ts');
  const { seed } = runCampaign(await loadProgram(path, {}), PAIR_LIMITS).findings[0]!;
  const { debugged } = await openTortureCase(seed, path, false);
  expect(debugged.frame.name).toBe('operation');
  expect(debugged.frame.source?.file).toMatch(/slot-flush\.ts$/);
  expect(readGuestPair('slot-flush').marks.guilty).toContain(debugged.frame.source?.line);
});
