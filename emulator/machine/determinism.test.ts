/**
 * Is a run a function of its inputs alone? The same run twice, cut into slices of any size, saved in the middle and
 * finished by another process, or taken back to a snapshot and run again, must end with the same state hash.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, describe, expect, test } from 'vitest';
import { Translator } from '../cpu/translator/translator.ts';
import { UserError } from '../errors.ts';
import { Random } from '../random.ts';
import { busyProgram } from './busy-program.ts';
import type { EngineFactory } from './engine.ts';
import type { Machine } from './machine.ts';
import { readState, restoreState, STATE_VERSION, saveState } from './saved-state.ts';
import { assembleProgram, testMachine } from './testbed.ts';

const PROGRAM = assembleProgram(busyProgram());
const LENGTH = 160_000;

const translator: EngineFactory = (memory) => new Translator(memory, { threshold: 10 });

const start = (harts: number, engine?: EngineFactory): Machine =>
  testMachine(PROGRAM, { harts, quantum: 1000, ...(engine && { engine }) }).machine;

function finish(machine: Machine): string {
  const reason = machine.run({ instructions: LENGTH - machine.instructions });
  expect(reason.kind).toBe('budget');
  expect(machine.instructions).toBe(LENGTH);
  return machine.hash();
}

const folder = mkdtempSync(join(tmpdir(), 'licorice-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each([1, 4])('%i harts', (harts) => {
  const expected = finish(start(harts));

  test('the program does what it is for: interrupts, exceptions, page walks and stores to code, on each hart', () => {
    const machine = start(harts);
    finish(machine);
    for (const { statistics, mmu } of machine.cores) {
      expect(statistics.interrupts).toBeGreaterThan(20);
      expect(statistics.exceptions).toBeGreaterThan(100);
      expect(mmu.tlb.statistics.walks).toBeGreaterThan(100);
    }
  });

  test('the same run twice gives the same hash', () => {
    expect(finish(start(harts))).toBe(expected);
  });

  test.each([1, 2, 3])('slices of random sizes give the same hash (seed %i)', (seed) => {
    const random = new Random(seed);
    const machine = start(harts);
    while (machine.instructions < LENGTH) {
      const most = random.below(2) === 0 ? 50 : 5000;
      machine.run({ instructions: Math.min(1 + random.below(most), LENGTH - machine.instructions) });
    }
    expect(machine.hash()).toBe(expected);
  });

  test('the translator gives the same hash, in slices and back from a snapshot too', () => {
    expect(finish(start(harts, translator))).toBe(expected);
    const random = new Random(4);
    const machine = start(harts, translator);
    const snapshot = machine.snapshot();
    machine.run({ instructions: 90_000 });
    machine.restore(snapshot);
    while (machine.instructions < LENGTH)
      machine.run({ instructions: Math.min(1 + random.below(4000), LENGTH - machine.instructions) });
    expect(machine.hash()).toBe(expected);
  });

  test('slices by guest time give the same hash', () => {
    const machine = start(harts);
    while (machine.instructions < LENGTH)
      machine.run({ until: machine.now + 777, instructions: LENGTH - machine.instructions });
    expect(machine.hash()).toBe(expected);
  });

  test('going back to snapshots, in any order, and running on gives the same hash', () => {
    const random = new Random(7);
    const machine = start(harts);
    const snapshots = [machine.snapshot()];
    while (machine.instructions < LENGTH / 2) {
      machine.run({ instructions: 5000 + random.below(20_000) });
      snapshots.push(machine.snapshot());
    }
    for (let i = 0; i < 10; i++) {
      const snapshot = snapshots[random.below(snapshots.length)]!;
      machine.restore(snapshot);
      expect(machine.instructions).toBe(snapshot.instructions);
      if (random.below(2) === 0) {
        machine.run({ instructions: random.below(30_000) });
        snapshots.push(machine.snapshot());
      } else expect(finish(machine)).toBe(expected);
    }
    machine.restore(snapshots[0]!);
    expect(finish(machine)).toBe(expected);
  });

  test('a state saved in the middle, restored in another process and finished gives the same hash', async () => {
    const machine = start(harts);
    machine.run({ instructions: 77_777 });
    const file = join(folder, `state${harts}`);
    writeFileSync(file, saveState(machine));
    const script = join(folder, `finish${harts}.mjs`);
    const entry = join(import.meta.dirname, 'finish-saved.ts');
    await build({
      entryPoints: [entry],
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: script,
      logLevel: 'error',
    });
    const output = execFileSync(process.execPath, [script, file, String(LENGTH)], { encoding: 'utf8' });
    expect(output.trim()).toBe(expected);
    // Saving must not have disturbed the one that goes on.
    expect(finish(machine)).toBe(expected);
  });
});

describe('saved states that are not right are refused in one line', () => {
  const machine = start(1);
  machine.run({ instructions: 1000 });
  const good = saveState(machine);
  const changed = (at: number, value: number): Uint8Array => {
    const bytes = good.slice();
    bytes[at] = value;
    return bytes;
  };

  test.each([
    [
      'not a saved state',
      new TextEncoder().encode('not a saved state at all, but a text of some length'),
      'is not a saved state',
    ],
    ['nothing', new Uint8Array(0), 'is not a saved state'],
    ['half of one', good.subarray(0, good.length >> 1), 'is cut short'],
    ['one of another version', changed(8, STATE_VERSION + 1), `of version ${STATE_VERSION + 1}`],
    ['one with a damaged byte', changed(good.length - 5, good[good.length - 5]! ^ 1), 'checksum'],
  ])('%s', (_, bytes, message) => {
    expect(() => readState(bytes, 'x.state')).toThrow(UserError);
    expect(() => readState(bytes, 'x.state')).toThrow(message);
  });

  test('one of a machine of another shape', () => {
    const other = testMachine(PROGRAM, { harts: 2 }).machine;
    expect(() => restoreState(other, readState(good, 'x.state'), 'x.state')).toThrow(
      /x\.state is the state of another machine/,
    );
  });

  test('a state read from a file continues exactly', () => {
    const file = join(folder, 'again');
    writeFileSync(file, good);
    const other = start(1);
    other.run({ instructions: 5000 });
    restoreState(other, readState(readFileSync(file), file), file);
    expect(other.hash()).toBe(machine.hash());
  });
});
