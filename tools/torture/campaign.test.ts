/**
 * Does a campaign name the store at fault, its callers and a fix that works; does it find what only a second failure
 * shows; and is its report the same however the work was divided?
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { assemble, reportOf } from './assemble.ts';
import { replay, runCampaign } from './campaign.ts';
import { CampaignJournal } from './journal.ts';
import { mergeReports } from './merge.ts';
import { openCase, openRecovery } from './open.ts';
import { isFailure } from './outcome.ts';
import { exploreAll } from './parallel.ts';
import { torn, tornRecovery, undo, unflushed } from './test-programs.ts';
import { runCalm } from './visit.ts';

const LIMITS = { maxRuns: 1000, samples: 100, seed: 0 };

describe('a campaign', { timeout: 120_000 }, () => {
  test('names the lost store, its caller, and a fix that works', () => {
    const report = reportOf(unflushed, LIMITS, runCampaign(unflushed, LIMITS));
    expect(report.exhaustive).toBe(true);
    const [finding] = report.findings;
    expect(finding).toMatchObject({ kind: 'check', missing: 'flush', operation: 1, minimal: true });
    expect(finding!.lost).toHaveLength(1);
    expect(finding!.lost[0]).toMatchObject({ address: '0x40', value: '0x7', missing: 'flush' });
    // The one call under way is that of `work`.
    expect(finding!.lost[0]!.stack).toHaveLength(1);
    expect(finding!.fixes).toMatchObject([{ kind: 'flush and fence', works: true, findingsLeft: 0 }]);
    expect(finding!.timeline.map(({ kind }) => kind)).toEqual([
      'begin',
      'store',
      'store',
      'clean',
      'failure',
    ]);
    expect(finding!.timeline.filter(({ fate }) => fate === 'lost')).toHaveLength(1);
    expect(report.advice).toContainEqual(
      expect.objectContaining({ kind: 'missing flush', about: 'correctness', operation: 1 }),
    );
    expect(isFailure(replay(unflushed, finding!.seed).outcome)).toBe(true);
  });

  test('refuses a number of operations that the program does not ask for', () => {
    expect(() => runCampaign({ ...unflushed, operations: 5 }, LIMITS)).toThrow(/leave --operations out/);
  });

  test('a torn cbo.zero is a case with a seed, and the bytes that were zero', () => {
    const result = runCampaign(torn, LIMITS);
    expect(result.unreduced).toBe(0);
    expect(result.exhaustive).toBe(true);
    const { findings } = reportOf(torn, LIMITS, result, { fixTrials: 1 });
    const tears = findings.filter(({ lost }) => lost.some((store) => store.torn !== undefined));
    expect(tears.length).toBeGreaterThan(0);
    for (const { seed, minimal } of tears) {
      expect(seed).toMatch(/=\d+z[0-9a-f]+$/);
      expect(minimal).toBe(true);
      expect(isFailure(replay(torn, seed).outcome)).toBe(true);
      expect(() => replay(torn, seed.replace(/=\d+z/, '=1z'))).toThrow(/no cbo.zero/);
    }
    expect(
      findings.map(({ fixes, fixesLeftOut }) => fixes.length > 0 || fixesLeftOut === true),
    ).not.toContain(false);
  });

  test('a cbo.zero of recovery, torn by a second failure, is one too', () => {
    expect(runCampaign(tornRecovery, LIMITS).findings).toEqual([]);
    const result = runCampaign(tornRecovery, { ...LIMITS, depth: 2 });
    expect(result.unreduced).toBe(0);
    expect(result.exhaustive).toBe(true);
    expect(result.findings.length).toBeGreaterThan(0);
    for (const { seed, minimal, lost } of result.findings) {
      expect(seed).toMatch(/\/\d+\.1=\d+z[0-9a-f]+$/);
      expect(minimal).toBe(true);
      expect(lost.some(({ level, torn: bytes }) => level === 1 && bytes > 0)).toBe(true);
      expect(isFailure(replay(tornRecovery, seed).outcome)).toBe(true);
      // Zeroed whole, or not at all, recovery copes with it.
      expect(isFailure(replay(tornRecovery, seed.replace(/z[0-9a-f]+$/, '')).outcome)).toBe(false);
    }
  });

  test('opens at the offending store, and the recovery on the failing image', () => {
    const { findings } = runCampaign(unflushed, LIMITS);
    const [finding] = findings;
    const { computer, at, lost } = openCase(unflushed, finding!.seed, () => {});
    computer.machine.run({ instructions: at });
    const { hart } = computer.machine.cores[0]!;
    expect(hart.pc).toBe(BigInt(lost[0]!.pcLow));
    expect(computer.machine.instructionAtPc(computer.machine.cores[0]!)! & 0x7f).toBe(0x23);
    const recovery = openRecovery(unflushed, finding!.seed, () => {});
    expect(recovery.machine.run({ instructions: 2000 })).toMatchObject({ kind: 'exit', code: 3 });
  });

  test('finds what only a failure during recovery shows, certified at both levels', () => {
    const early = undo(true);
    expect(runCampaign(early, LIMITS).findings).toEqual([]);
    const deep = { ...LIMITS, depth: 2 };
    const found = runCampaign(early, deep);
    expect(found.exhaustive).toBe(true);
    expect(found.findings.length).toBeGreaterThan(0);
    for (const finding of found.findings) {
      expect(finding.nested).toHaveLength(1);
      expect(finding.minimal).toBe(true);
      expect(isFailure(replay(early, finding.seed).outcome)).toBe(true);
    }
    // Stores of recovery itself are among the lost ones.
    expect(found.findings.flatMap(({ lost }) => lost).some(({ level }) => level === 1)).toBe(true);
    const late = runCampaign(undo(false), { ...LIMITS, depth: 3 });
    expect(late.exhaustive).toBe(true);
    expect(late.findings).toEqual([]);
    expect(late.points.some(({ record }) => record.levels[1]!.crashPoints > 0)).toBe(true);
    expect(late.points.some(({ record }) => record.levels[0]!.merged > 0)).toBe(true);
  });

  test('in shards, or resumed, gives the report of one run', async () => {
    const limits = { ...LIMITS, depth: 2, reads: true };
    const subject = undo(true);
    const calm = runCalm(subject);
    const whole = reportOf(subject, limits, runCampaign(subject, limits));
    const shards = await Promise.all(
      [0, 1, 2].map(async (index) => {
        const shard = { index, count: 3 };
        const options = { workers: 1, calm, shard };
        return assemble(subject, limits, await exploreAll(subject, limits, options), calm, { shard });
      }),
    );
    const names = ['a', 'b', 'c'];
    expect(mergeReports(shards, names)).toEqual(whole);
    expect(() => mergeReports([shards[0]!, shards[1]!], names)).toThrow(/has crash point|3 shards/);
    expect(() => mergeReports([shards[0]!, shards[0]!, shards[1]!], names)).toThrow(/two reports/);

    const folder = mkdtempSync(join(tmpdir(), 'licorice-torture-'));
    try {
      const path = join(folder, 'campaign');
      const journal = new CampaignJournal(path, subject, limits);
      const options = { workers: 1, calm };
      await exploreAll(subject, limits, { ...options, done: (record) => journal.add(record) });
      const lines = readFileSync(path, 'utf8').split('\n');
      // Stopped in the middle of writing the fourth record.
      writeFileSync(path, `${lines.slice(0, 4).join('\n')}\n${lines[4]!.slice(0, 30)}`);
      const { records } = new CampaignJournal(path, subject, limits);
      expect(records).toHaveLength(3);
      let made = 0;
      const resumed = await exploreAll(subject, limits, { ...options, known: records, done: () => made++ });
      expect(made).toBe(calm.points - 3);
      expect(assemble(subject, limits, resumed, calm)).toEqual(whole);
      expect(() => new CampaignJournal(path, unflushed, limits)).toThrow(/another program/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
