/**
 * Does lazy exploration find exactly what running every legal image finds? Random programs store, clean, zero and
 * fence; their recovery loads, branches on what it loaded, stores, and ends with a hash of all that it saw. Each
 * outcome must stand for the same number of images as brute force counts, and the certificate must hold.
 */
import { expect, test } from 'vitest';
import { MiB } from '../../emulator/addresses.ts';
import { nvdimmAddress } from '../../emulator/boot/computer.ts';
import { assembleFlat } from '../../emulator/cpu/isa/assembler/assembler.ts';
import type { BlockNumber } from '../../emulator/nvdimm/dpa.ts';
import { Random } from '../../emulator/random.ts';
import type { BlockSets, CrashPoint } from './crash.ts';
import { TORTURE_BASE, TORTURE_REGISTER } from './device.ts';
import { bruteForce, checkCertificate, explore, type PathClass } from './explore.ts';
import { describeOutcome } from './outcome.ts';
import { PointExplorer } from './point.ts';
import type { Program } from './program.ts';
import { RecoveryMachine } from './recovery.ts';
import { runWorkload } from './workload.ts';

const SCALE = Number(process.env['LICORICE_SCALE'] ?? 1);
/** The first seed: long runs go on where others ended. */
const FIRST = Number(process.env['LICORICE_FIRST'] ?? 0);
const PROGRAMS = 40 * SCALE;
/** Crash points with more images are not run by brute force. */
const BRUTE_LIMIT = 200n;
const LIMITS = { maxRuns: 10_000, samples: 0, seed: 0 };
const NESTED_PROGRAMS = 20 * SCALE;
const NESTED_LIMIT = 24n;
const BLOCKS = 3;
const MEMORY = 4 * MiB;
const STORES = ['sb', 'sh', 'sw', 'sd'] as const;
const LOADS = ['lbu', 'lhu', 'lw', 'ld'] as const;

/**
 * An offset at which `size` bytes lie: in the first bytes of a block, so that stores and loads meet, or anywhere,
 * across blocks too.
 */
function place(random: Random, size: number): number {
  if (random.below(8) === 0) return random.below(BLOCKS * 64 - size + 1);
  const at = random.below(16);
  return random.below(BLOCKS) * 64 + at - (at % size);
}

function workload(random: Random): string {
  const lines: string[] = [];
  const count = 6 + random.below(14);
  for (let i = 0; i < count; i++) {
    const kind = random.below(16);
    const log = random.below(4);
    const block = `addi t1, s0, ${64 * random.below(BLOCKS)}`;
    if (kind < 9)
      lines.push(
        `li t0, ${random.below(3) * 0x0101_0001}`,
        `${STORES[log]!} t0, ${place(random, 1 << log)}(s0)`,
      );
    else if (kind < 11) lines.push(block, 'cbo.clean (t1)');
    else if (kind < 12) lines.push(block, 'cbo.flush (t1)');
    else if (kind < 13) lines.push(block, 'cbo.zero (t1)');
    else if (kind < 14) lines.push(block, 'li t0, 5', 'amoadd.w t0, t0, (t1)');
    else if (kind < 15) lines.push('fence rw, rw');
    else lines.push(`li t0, ${i + 1}`, `sw t0, ${TORTURE_REGISTER.acknowledge}(s1)`);
  }
  return lines.join('\n');
}

function recovery(random: Random): string {
  const lines: string[] = [`lw s2, ${TORTURE_REGISTER.acknowledged}(s1)`];
  const count = 3 + random.below(10);
  for (let i = 0; i < count; i++) {
    const kind = random.below(12);
    const log = random.below(4);
    if (kind < 6)
      lines.push(
        `${LOADS[log]!} t0, ${place(random, 1 << log)}(s0)`,
        'slli t2, s2, 5',
        'sub s2, t2, s2',
        'add s2, s2, t0',
      );
    else if (kind < 8) lines.push(`${STORES[log]!} s2, ${place(random, 1 << log)}(s0)`);
    else if (kind < 9) lines.push(`addi t1, s0, ${64 * random.below(BLOCKS)}`, 'cbo.zero (t1)');
    else if (kind < 11)
      lines.push(`addi t1, s0, ${64 * random.below(BLOCKS)}`, 'cbo.clean (t1)', 'fence rw, rw');
    else
      lines.push(
        `andi t0, s2, 1`,
        `bnez t0, skip${i}`,
        `lbu t0, ${place(random, 1)}(s0)`,
        'add s2, s2, t0',
        `skip${i}:`,
      );
  }
  return lines.join('\n');
}

/** How recovery tells its hash: as the code that it ends with, or on the console, when it ends well. */
type Telling = 'code' | 'console';

function randomProgram(seed: number, telling: Telling = 'code'): Program {
  const random = new Random(seed);
  const text = `
    li s0, ${nvdimmAddress(MEMORY)}
    li s1, ${TORTURE_BASE}
    lw t0, ${TORTURE_REGISTER.phase}(s1)
    bnez t0, recover
    ${workload(random)}
    li s2, 0
    li t1, 0x5555
    j finish
  recover:
    ${recovery(random)}
    # the hash as the finisher's 16-bit code
    srli t0, s2, 32
    xor s2, s2, t0
    srli t0, s2, 16
    xor s2, s2, t0
    ${
      telling === 'code'
        ? 'slli s2, s2, 16\n li t1, 0x3333'
        : 'li t0, 0x10000000\n sb s2, 0(t0)\n srli s2, s2, 8\n sb s2, 0(t0)\n li s2, 0\n li t1, 0x5555'
    }
  finish:
    li t0, 0x100000
    or t1, t1, s2
    sw t1, 0(t0)
    j .
  `;
  const { bytes } = assembleFlat(text, 0x8000_0000n, { compress: false });
  return { elf: { name: `random ${seed}`, bytes }, memory: MEMORY, nvdimm: 64 * 1024, budget: 1000 };
}

const outcome = ({ outcome: end }: Pick<PathClass, 'outcome'>): string => describeOutcome(end);

function tally(paths: Iterable<{ outcome: string; size: bigint }>): [string, bigint][] {
  const sums = new Map<string, bigint>();
  for (const { outcome: name, size } of paths) sums.set(name, (sums.get(name) ?? 0n) + size);
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
}

test('lazy exploration finds what brute force finds, and its certificate holds', {
  timeout: 300_000 * SCALE,
}, () => {
  let points = 0;
  let images = 0;
  let runs = 0;
  let forked = 0;
  for (let seed = FIRST; seed < FIRST + PROGRAMS; seed++) {
    const program = randomProgram(seed);
    const machine = new RecoveryMachine(program);
    const visit = (point: CrashPoint): void => {
      if (point.legal > BRUTE_LIMIT) return;
      machine.prepare(point, { allowed: undefined });
      const lazy = explore(machine, point, LIMITS);
      expect(lazy.exhaustive).toBe(true);
      expect(lazy.covered).toBe(point.legal);
      // Wherever runs start: at the root alone, or at each byte that is decided.
      for (const distance of [Number.POSITIVE_INFINITY, 0])
        expect(explore(machine, point, LIMITS, distance), `program ${seed}`).toEqual(lazy);
      const brute = [...bruteForce(machine, point.sets)].map((path) => ({
        outcome: outcome(path),
        size: 1n,
      }));
      expect(BigInt(brute.length)).toBe(point.legal);
      const found = tally(lazy.classes.map((one) => ({ outcome: outcome(one), size: one.size })));
      expect(found, `program ${seed}, crash point ${point.index}`).toEqual(tally(brute));
      // A broken explorer, which loses a class or counts one twice, is found out.
      for (const victim of lazy.classes.keys()) {
        const dropped = lazy.classes.filter((_, i) => i !== victim);
        expect(checkCertificate(point.sets, dropped, point.legal)).toBeDefined();
      }
      expect(checkCertificate(point.sets, [...lazy.classes, lazy.classes[0]!], point.legal)).toBeDefined();
      points++;
      images += brute.length;
      runs += lazy.runs;
      if (found.length > 1) forked++;
    };
    runWorkload(program, { visit });
  }
  expect(forked).toBeGreaterThan(points / 10);
  expect(runs).toBeLessThan(images / 2);
  console.info(`${PROGRAMS} programs, ${points} crash points, ${images} images, ${runs} lazy runs`);
});

/** All images of a crash point. */
function* imagesOf(sets: BlockSets): Generator<Map<BlockNumber, Uint8Array>> {
  const [first, ...rest] = [...sets];
  if (first === undefined) {
    yield new Map();
    return;
  }
  for (const others of imagesOf(new Map(rest)))
    for (const content of first[1]) yield new Map([[first[0], content], ...others]);
}

test('failures within recovery: the lazy explorer ends as brute force over both failures does', {
  timeout: 300_000 * SCALE,
}, () => {
  let nestedPoints = 0;
  let images = 0;
  let forked = 0;
  for (let seed = FIRST; seed < FIRST + NESTED_PROGRAMS; seed++) {
    // Only recoveries that end well fail again.
    const program = randomProgram(50_000 + seed, 'console');
    const lazy = new Set<string>();
    const limits = { ...LIMITS, depth: 2 };
    const key = (place: number, nested: number, end: string): string => `${place} ${nested} ${end}`;
    let place = 0;
    const explorer = new PointExplorer(program, limits, (chain, classes) => {
      nestedPoints++;
      if (classes.length > 1) forked++;
      for (const one of classes) lazy.add(key(place, chain[0]!.index, one.output));
    });
    const recorder = new RecoveryMachine(program, { recording: true });
    const last = new RecoveryMachine(program);
    const brute = new Set<string>();
    const visit = (point: CrashPoint): void => {
      if (point.legal > NESTED_LIMIT) return;
      place = point.index;
      const { record } = explorer.explore(point, { allowed: undefined });
      expect(record.levels[0]!.exhaustive).toBe(true);
      expect(record.levels[0]!.covered).toBe(record.levels[0]!.legal);
      recorder.prepare(point, { allowed: undefined });
      for (const image of imagesOf(point.sets)) {
        recorder.runImageVisiting(image, (nested) => {
          last.prepare(nested, { allowed: undefined });
          for (const path of bruteForce(last, nested.sets)) {
            images++;
            brute.add(key(place, nested.index, path.output));
          }
        });
      }
    };
    runWorkload(program, { visit });
    expect(lazy, `program ${seed}`).toEqual(brute);
  }
  // Few programs have any: the first ones do.
  if (FIRST === 0) expect(forked).toBeGreaterThan(0);
  console.info(
    `${NESTED_PROGRAMS} programs, ${nestedPoints} crash points within recovery, ${forked} forked, ${images} images by brute force`,
  );
});
