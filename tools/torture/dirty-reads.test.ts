/**
 * Is it found, and named with both stores, when a thread builds upon what another has stored and not persisted? The queue of guest/torture without
 * the line that persists a link before anything hangs on it: right for each thread alone; with the line, nothing is told.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reportOf } from './assemble.ts';
import { replay, runCampaign } from './campaign.ts';
import { isFailure } from './outcome.ts';
import { reportText } from './report.ts';
import { GuestFolder, lineOf } from './test-guest.ts';

const LIMITS = { maxRuns: 1000, samples: 0, seed: 0 };
const QUEUE = readFileSync(new URL('../../guest/torture/queue.ts', import.meta.url), 'utf8').replaceAll(
  '../libtwz',
  'LIB',
);
const HELP = `      persist(link.address, 8);
      last = next;`;

describe('a queue without locks', { timeout: 600_000 }, () => {
  let folder: GuestFolder;
  beforeAll(() => {
    folder = new GuestFolder();
  });
  afterAll(() => folder.remove());

  test('that hangs a node on a link which is not persistent', async () => {
    expect(QUEUE).toContain(HELP);
    const text = QUEUE.replace(HELP, '      last = next;');
    const buggy = await folder.program('buggy', text);
    const alone = { ...LIMITS, preemptions: 0 };
    expect(runCampaign(buggy, alone).findings).toEqual([]);
    const swap = lineOf(text, 'atomic.compareExchange');

    const found = runCampaign(buggy, LIMITS);
    const report = reportOf(buggy, LIMITS, found, { fixes: false });
    expect(report.findings.length).toBeGreaterThan(0);
    for (const finding of report.findings) {
      expect(finding).toMatchObject({ outcome: 'ended with code 23', minimal: true });
      // As far as the other thread had got: not written back yet, or not fenced.
      expect(['flush', 'fence']).toContain(finding.missing);
      expect(finding.lost.map(({ line }) => line)).toEqual([swap]);
    }
    expect(isFailure(replay(buggy, report.findings[0]!.seed).outcome)).toBe(true);

    // Without the oracle: the store, the load, and the store that was persistent first.
    const dirty = report.advice.filter(({ kind }) => kind === 'dirty read');
    expect(dirty).toHaveLength(1);
    expect(dirty[0]!.place.line).toBe(swap);
    expect(dirty[0]!.loads!.map(({ line }) => line)).toContain(lineOf(text, 'atomic.load'));
    expect(dirty[0]!.stores.map(({ line }) => line)).toContain(swap);
    expect(reportText(report)).toMatch(
      /dirty read: .* was loaded by another at .*, and what it stored then at/,
    );
  });

  test('that persists a link before', async () => {
    const right = await folder.program('right', QUEUE);
    const found = runCampaign(right, LIMITS);
    expect(found.findings).toEqual([]);
    const { advice } = reportOf(right, LIMITS, found, { fixes: false });
    expect(advice.filter(({ kind }) => kind === 'dirty read')).toEqual([]);
  });
});
