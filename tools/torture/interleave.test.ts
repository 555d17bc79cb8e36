/**
 * Do the schedules of the partial-order reduction show everything that all interleavings show? Small random programs on
 * two harts load, store, swap, clean, fence and acknowledge in shared memory; what recovery can find after a power failure at any
 * crash point must be the same with the reduction and without.
 */
import { describe, expect, test } from 'vitest';
import { MiB } from '../../emulator/addresses.ts';
import { nvdimmAddress } from '../../emulator/boot/computer.ts';
import { assembleFlat } from '../../emulator/cpu/isa/assembler/assembler.ts';
import { Random } from '../../emulator/random.ts';
import { runCampaign } from './campaign.ts';
import type { CrashPoint } from './crash.ts';
import { TORTURE_BASE, TORTURE_REGISTER } from './device.ts';
import { explore } from './explore.ts';
import { interleavings } from './interleave.ts';
import { describeOutcome } from './outcome.ts';
import type { Program } from './program.ts';
import { RecoveryMachine } from './recovery.ts';
import { visitPoints } from './visit.ts';

const SCALE = Number(process.env['LICORICE_SCALE'] ?? 1);
const PROGRAMS = 3 * SCALE;
const MEMORY = 4 * MiB;

/** s0: NVDIMM, s1: torture device, s2: shared DRAM. The last hart to come to its end ends the run. */
function program(harts: readonly string[], recovery: string): Program {
  const text = `
    li s0, ${nvdimmAddress(MEMORY)}
    li s1, ${TORTURE_BASE}
    li s2, 0x80100000
    csrr t0, mhartid
    lw t1, ${TORTURE_REGISTER.phase}(s1)
    bnez t1, recover
    ${harts.map((_, i) => `li t1, ${i}\nbeq t0, t1, hart${i}`).join('\n')}
    ${harts.map((body, i) => `hart${i}:\n${body}\nj end`).join('\n')}
  end:
    li t1, 1
    addi t2, s2, 1024
    amoadd.w t1, t1, (t2)
    li t2, ${harts.length - 1}
    bne t1, t2, park
    li s3, 0
    li t1, 0x5555
    j finish
  park:
    wfi
    j park
  recover:
    bnez t0, park
    ${recovery}
    slli s3, s3, 16
    li t1, 0x3333
  finish:
    li t0, 0x100000
    or t1, t1, s3
    sw t1, 0(t0)
    j .
  `;
  const { bytes } = assembleFlat(text, 0x8000_0000n, { compress: false });
  const elf = { name: 'harts', bytes };
  return { elf, memory: MEMORY, nvdimm: 16 * 1024, budget: 20_000, harts: harts.length };
}

/** Recovery that tells all it can see: what lies in three blocks, and what was acknowledged. */
const TELL = `
    lw s3, ${TORTURE_REGISTER.acknowledgedSet}(s1)
    ${[0, 8, 64, 128].map((at) => `lbu t1, ${at}(s0)\nslli s3, s3, 3\nadd s3, s3, t1`).join('\n')}`;

function randomHart(random: Random, hart: number): string {
  const lines: string[] = [];
  const count = 2 - hart * random.below(2);
  for (let i = 0; i < count; i++) {
    const kind = random.below(12);
    const place = [0, 8, 64, 128][random.below(4)]!;
    if (kind < 4) lines.push(`li t1, ${1 + random.below(3)}`, `sb t1, ${place}(s0)`);
    else if (kind < 6) lines.push(`addi t2, s0, ${place & ~63}`, 'cbo.clean (t2)');
    else if (kind < 8) lines.push('fence rw, rw');
    else if (kind < 9) lines.push(`lbu t1, ${place}(s0)`, `sb t1, ${random.below(2) * 64}(s2)`);
    else if (kind < 10) lines.push(`lbu t1, ${random.below(2) * 64}(s2)`, `sb t1, ${place}(s0)`);
    else if (kind < 11) lines.push(`li t1, ${1 + random.below(3)}`, `sb t1, ${random.below(2) * 64}(s2)`);
    else lines.push(`li t1, ${hart + 1}`, `sw t1, ${TORTURE_REGISTER.acknowledge}(s1)`);
  }
  return lines.join('\n');
}

/** Every end that recovery can come to. */
function endsOf(subject: Program, reduce: boolean): { ends: string[]; schedules: number } | undefined {
  const { runs, complete } = interleavings(subject, { reduce, most: 1000 });
  if (!complete) return undefined;
  const machine = new RecoveryMachine(subject);
  const ends = new Set<string>();
  const visit = (point: CrashPoint): void => {
    machine.prepare(point, { allowed: undefined });
    const { classes, exhaustive } = explore(machine, point, { maxRuns: 5000, samples: 0, seed: 0 });
    expect(exhaustive).toBe(true);
    for (const { outcome } of classes) ends.add(describeOutcome(outcome));
  };
  visitPoints(subject, { schedules: runs }, visit);
  return { ends: [...ends].sort(), schedules: runs.length };
}

describe('schedules', () => {
  test('the reduction loses no end of any recovery', { timeout: 300_000 * SCALE }, () => {
    let compared = 0;
    let all = 0;
    let reduced = 0;
    for (let seed = 0; seed < PROGRAMS; seed++) {
      const random = new Random(900 + seed);
      const subject = program([randomHart(random, 0), randomHart(random, 1)], TELL);
      const brute = endsOf(subject, false);
      if (brute === undefined) continue;
      const less = endsOf(subject, true)!;
      expect(less.ends, `program ${seed}`).toEqual(brute.ends);
      compared++;
      all += brute.schedules;
      reduced += less.schedules;
    }
    expect(compared).toBeGreaterThan(0);
    expect(reduced).toBeLessThan(all);
    console.info(`${compared} programs, ${all} interleavings, ${reduced} schedules with the reduction`);
  });
});

/** Each hart adds to a persistent counter, by a load and a store or by an atomic addition, and persists it. */
const counter = (add: string): Program => {
  const body = (hart: number): string => `
    ${add}
    cbo.clean (s0)
    fence rw, rw
    li t1, ${hart + 1}
    sw t1, ${TORTURE_REGISTER.acknowledge}(s1)`;
  return program(
    [body(0), body(1)],
    `lw t1, ${TORTURE_REGISTER.acknowledgedSet}(s1)
    andi t2, t1, 1
    srli t1, t1, 1
    add t2, t2, t1
    lw t1, 0(s0)
    li s3, 2
    blt t1, t2, told
    li s3, 0
  told:`,
  );
};

test('a lost update is found under the schedule that loses it, and an atomic addition passes', {
  timeout: 300_000,
}, () => {
  const limits = { maxRuns: 1000, samples: 0, seed: 0 };
  const racy = runCampaign(counter('lw t1, 0(s0)\naddi t1, t1, 1\nsw t1, 0(s0)'), limits);
  expect(racy.findings.some(({ outcome }) => outcome.kind === 'check')).toBe(true);
  const atomic = runCampaign(counter('li t1, 1\namoadd.w zero, t1, (s0)'), limits);
  expect(atomic.calm.schedules!.length).toBeGreaterThan(1);
  expect(atomic.findings).toEqual([]);
});
