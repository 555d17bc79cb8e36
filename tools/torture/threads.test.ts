/**
 * Are the schedules of a guest program's threads explored? A lost update shows under a preemption at one
 * instruction only, and is found; the same program with an atomic addition passes. (The workload `mutex` has a lock.)
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reportOf } from './assemble.ts';
import { replay, runCampaign } from './campaign.ts';
import { openCase } from './open.ts';
import { isFailure } from './outcome.ts';
import { exploreAll } from './parallel.ts';
import type { PointRecord } from './point.ts';
import type { Program } from './program.ts';
import { reportText } from './report.ts';
import { GuestFolder } from './test-guest.ts';
import { threadSchedules } from './threads.ts';
import { runCalm } from './visit.ts';

const LIMITS = { maxRuns: 1000, samples: 0, seed: 0 };

/** Two threads, one operation each; both operations must be seen in the sum when both are acknowledged. */
const counter = (operation: string): string => `
import 'LIB/torture-only.ts';
import { allocateIn } from 'LIB/alloc.ts';
import { finish, hadBegun, makeSubject, mix, runThreads, setSubjectRoot, subjectRoot, wasAcknowledged } from 'LIB/torture.ts';
import { persist } from 'LIB/persist.ts';
import { Tx } from 'LIB/tx.ts';

@persistent
class Counter {
  sum: u64;
}

let counter: Counter;

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  counter = at<Counter>(allocateIn(tx, base, sizeof<Counter>()));
  setSubjectRoot(tx, base, addressOf(counter));
}

function operation(index: u64): void {
  const place = ptrTo(counter.sum).address;
  ${operation}
  persist(place, 8);
}

function check(): u64 {
  counter = at<Counter>(subjectRoot());
  let least: u64 = 0;
  let most: u64 = 0;
  for (let index: u64 = 1; index <= 2; index++) {
    if (wasAcknowledged(index)) least++;
    if (hadBegun(index)) most++;
  }
  if (counter.sum < least) finish(40);
  if (counter.sum > most) finish(41);
  return mix(0, counter.sum);
}

/** @export */
function torture(): u64 {
  return runThreads(2, 1, setup, operation, check);
}
`;

describe('threads of guest programs', { timeout: 300_000 }, () => {
  let folder: GuestFolder;
  beforeAll(() => {
    folder = new GuestFolder();
  });
  afterAll(() => folder.remove());

  const program = (name: string, operation: string): Promise<Program> =>
    folder.program(name, counter(operation));

  test('an update that another thread overwrites', async () => {
    const racy = await program('racy', 'store<u64>(place, load<u64>(place) + 1);');
    expect(runCampaign(racy, { ...LIMITS, preemptions: 0 }).findings).toEqual([]);
    const found = runCampaign(racy, LIMITS);
    const [finding] = found.findings;
    expect(finding).toMatchObject({ outcome: { kind: 'check', code: 40 }, minimal: true });
    expect(isFailure(replay(racy, finding!.seed).outcome)).toBe(true);
    // The debugger's machine follows the schedule, too: it comes to the place of the finding.
    const { computer, failure } = openCase(racy, finding!.seed, () => {});
    computer.machine.run({ instructions: failure });
    expect(BigInt.asUintN(64, computer.machine.cores[0]!.hart.pc)).toBe(finding!.point.pc);
    const text = reportText(reportOf(racy, LIMITS, found, { fixes: false }));
    expect(text).toMatch(/BOUNDED: \d+ schedules, all with at most 1 preemption;/);
    expect(text).toContain('under these schedules');
  });

  test('an atomic addition passes', async () => {
    const right = await program('atomic', 'atomic.add<u64>(ptrTo(counter.sum), 1);');
    const result = runCampaign(right, LIMITS);
    expect(result.findings).toEqual([]);
    expect(result.calm.explored).toBeGreaterThan(1);
    const { points } = runCampaign(right, { ...LIMITS, preemptions: 0 });
    expect(result.points.length).toBeGreaterThan(points.length);
    // In two parts, of which each finds the schedules for itself.
    const parts: PointRecord[] = [];
    for (const index of [0, 1]) {
      const calm = runCalm(right);
      parts.push(...(await exploreAll(right, LIMITS, { workers: 1, calm, shard: { index, count: 2 } })));
    }
    parts.sort((a, b) => a.place.index - b.place.index);
    expect(parts).toEqual(result.points.map(({ record }) => record));
  });

  test('the same schedules each time, each different, up to the bound', async () => {
    const racy = await program('racy', 'store<u64>(place, load<u64>(place) + 1);');
    const [none, one] = [0, 1].map((preemptions) => threadSchedules(racy, { preemptions }));
    expect(none!.runs.map(({ schedule }) => schedule)).toEqual([[]]);
    expect(one).toEqual(threadSchedules(racy, { preemptions: 1 }));
    const schedules = one!.runs.map(({ schedule }) => schedule);
    expect(schedules.every(({ length }) => length <= 1)).toBe(true);
    expect(new Set(schedules.map((schedule) => JSON.stringify(schedule))).size).toBe(schedules.length);
    expect(threadSchedules(racy, { preemptions: 1, most: 3 })).toMatchObject({
      complete: false,
      preemptions: 0,
    });
  });
});
