/** Does the timing model give what its parameters promise: latencies, overlaps, stalls, marks, and the hardware's figures? */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MiB, paddr } from '../addresses.ts';
import { assembleFlat } from '../cpu/isa/assembler/assembler.ts';
import { Finisher } from '../devices/finisher.ts';
import { DRAM_BASE } from '../machine/config.ts';
import { Machine } from '../machine/machine.ts';
import { nvdimmExtension } from '../machine/nvdimm.ts';
import { MemoryMedia } from '../nvdimm/media.ts';
import type { CoreCounts } from './core-model.ts';
import { describeProfile, loadProfile, XEON_GOLD_5218 } from './profile.ts';
import { summaryLines } from './summary.ts';
import { type TimingModel, timingExtension } from './timing-engine.ts';

const GHZ = XEON_GOLD_5218.core.gigahertz;

/** Runs a program in M-mode under the model; NVDIMM at 4 GiB. */
function run(program: string): TimingModel {
  const timing = timingExtension();
  const nvdimm = nvdimmExtension({ media: new MemoryMedia(16 * MiB) });
  const machine = new Machine(
    {
      memory: 32 * MiB,
      nvdimm: { base: paddr(0x1_0000_0000), size: 16 * MiB },
      engine: timing.engine,
      devices: (host) => [new Finisher(host)],
    },
    [nvdimm, timing],
  );
  const { bytes } = assembleFlat(
    `${program}
     li t0, 0x100000
     li t1, 0x5555
     sw t1, 0(t0)
     end: j end`,
    BigInt(DRAM_BASE),
  );
  machine.memory.writeBytes(DRAM_BASE, bytes);
  machine.boot({ entry: BigInt(DRAM_BASE), mode: 'machine', dtb: 0 });
  expect(machine.run()).toMatchObject({ kind: 'exit', code: 0 });
  return timing.model;
}

/** Counts of the one region of interest in a program: a loop with `body`, `count` times. */
function loop(body: string, count: number, before = ''): CoreCounts {
  const model = run(`
    ${before}
    li s1, ${count}
    slti x0, x0, 1
    again: ${body}
    addi s1, s1, -1
    bnez s1, again
    slti x0, x0, 2`);
  expect(model.regions.length).toBe(1);
  return model.regions[0]!.counts;
}

test('independent instructions go four in a cycle, dependent ones one after another', () => {
  const free = loop(
    'addi t0, x0, 1\naddi t1, x0, 1\naddi t2, x0, 1\naddi t3, x0, 1\naddi t4, x0, 1\naddi t5, x0, 1',
    1000,
  );
  expect(free.instructions / free.cycles).toBeGreaterThan(3.5);
  const chain = loop('mul t0, t0, t0\nmul t0, t0, t0', 1000);
  expect(chain.cycles / 2000).toBeCloseTo(XEON_GOLD_5218.core.latency.multiply, 0);
});

test('a chain of loads from NVDIMM takes its latency for each, independent ones overlap', () => {
  // 4 KiB apart and never twice: each is a read of the media.
  const before = 'li s0, 0x100000000\nli s2, 4096';
  const chain = loop('ld t0, 0(s0)\nadd s0, s0, s2\nadd s0, s0, t0', 1000, before);
  expect(chain.cycles / 1000 / GHZ).toBeGreaterThan(300);
  expect(chain.cycles / 1000 / GHZ).toBeLessThan(325);
  const free = loop('ld t0, 0(s0)\nadd s0, s0, s2', 1000, before);
  expect(free.cycles).toBeLessThan(chain.cycles / 6);
});

test('data in the first level are read at its latency', () => {
  const chain = loop('ld s0, 0(s0)', 10_000, 'li s0, 0x80010000\nsd s0, 0(s0)');
  expect(chain.cycles / 10_000).toBeCloseTo(XEON_GOLD_5218.firstLevel.latency, 1);
});

test('a persisted store costs the way to the memory controller, and the time is that of the fence', () => {
  const persisted = loop(
    'sd s1, 0(s0)\ncbo.clean (s0)\nfence w, w',
    1000,
    'li s0, 0x100000000\nsd x0, 0(s0)',
  );
  const each = persisted.cycles / 1000 / GHZ;
  expect(each).toBeGreaterThan(60);
  expect(each).toBeLessThan(80);
  expect(persisted.fenceCycles / persisted.cycles).toBeGreaterThan(0.8);
  expect(persisted.writeBacks).toBe(1000);
});

test('an unpredictable branch costs its penalty, a loop does not', () => {
  // A bit of a linear congruential generator decides.
  const step = 'mul s2, s2, s3\nadd s2, s2, s4\nsrli t0, s2, 60\nandi t0, t0, 1';
  const before = 'li s2, 12345\nli s3, 6364136223846793005\nli s4, 1442695040888963407';
  const random = loop(`${step}\nbeqz t0, over\nnop\nover:`, 4000, before);
  expect(random.mispredictions).toBeGreaterThan(1500);
  expect(random.mispredictions).toBeLessThan(2500);
  const regular = loop(`${step}\nnop`, 4000, before);
  expect(regular.mispredictions).toBeLessThan(30);
  const penalty = (random.cycles - regular.cycles) / random.mispredictions;
  expect(penalty).toBeGreaterThan(10);
});

test('the same program takes the same cycles each time, and its run is that without the model', () => {
  const program =
    'li s0, 0x100000000\nli s1, 3000\n1: sd s1, 0(s0)\ncbo.flush (s0)\nfence w, w\naddi s1, s1, -1\nbnez s1, 1b';
  const [first, second] = [run(program), run(program)];
  expect(second.cores[0]!.counts()).toEqual(first.cores[0]!.counts());
  expect(summaryLines(first)).toEqual(summaryLines(second));
  expect(summaryLines(first).join('\n')).toMatch(/3,000 write-backs, 3,000 fences/);
});

test('the cycle CSR reads the model, instret the instructions', () => {
  const model = run(`
    li s0, 0x100000000
    csrr s1, mcycle
    csrr s2, minstret
    ld t0, 0(s0)
    add t0, t0, t0
    csrr s3, mcycle
    csrr s4, minstret
    sub s3, s3, s1
    sub s4, s4, s2
    li t1, 300 * 2
    bltu s3, t1, wrong
    li t1, 4
    bne s4, t1, wrong
    j right
    wrong: j wrong
    right:`);
  expect(model.cores[0]!.counts().instructions).toBeGreaterThan(10);
});

test('virtual addresses lead to the right memory', () => {
  // Sv39 with one gigapage: 0x4000_0000 is the NVDIMM's first GiB, and the identity for code.
  const model = run(`
    li t0, -1
    csrw pmpaddr0, t0
    li t0, 0x1f
    csrw pmpcfg0, t0
    la t0, table
    li t1, (0x100000000 >> 12 << 10) | 0xcf
    sd t1, 8(t0)
    li t1, (0x80000000 >> 12 << 10) | 0xcf
    sd t1, 16(t0)
    srli t0, t0, 12
    li t1, 8 << 60
    or t0, t0, t1
    csrw satp, t0
    li t0, 0x20800
    csrs mstatus, t0
    li s0, 0x40000000
    li s1, 64
    li s2, 4096
    1: ld t0, 0(s0)
    add s0, s0, s2
    addi s1, s1, -1
    bnez s1, 1b
    li t0, 0x20000
    csrc mstatus, t0
    j 2f
    .align 12
    table: .zero 4096
    2:`);
  expect(model.memory.nvdimm.counts.reads).toBe(64);
  expect(model.cores[0]!.counts().pageWalks).toBe(64);
});

test('profiles: a file changes what it names, and mistakes are told with their place', () => {
  const folder = mkdtempSync(join(tmpdir(), 'licorice-profile-'));
  const path = join(folder, 'p.json');
  const load = (text: string) => {
    writeFileSync(path, text);
    return loadProfile(path);
  };
  try {
    const profile = load('{ "name": "slow", "nvdimm": { "mediaRead": 1000 } }');
    expect([profile.name, profile.nvdimm.mediaRead, profile.nvdimm.bufferRead]).toEqual(['slow', 1000, 124]);
    expect(() => load('{ "nvdimm": { "speed": 1 } }')).toThrow('there is no parameter nvdimm.speed');
    expect(() => load('{ "core": { "width": "4" } }')).toThrow('core.width must be a number');
    expect(() => load('{ "core": 4 }')).toThrow('core must be an object');
    expect(() => load('{')).toThrow('cannot read the timing profile');
    expect(describeProfile(XEON_GOLD_5218)).toContain('nvdimm.mediaRead = 305');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a persistent pointer costs its load and a cycle, one to another object the lookaside as well', () => {
  const { firstLevel, core } = XEON_GOLD_5218;
  // M-mode memory is one object of 1 GiB to the instruction: pointers to it are their offsets.
  const chain = (pointer: string): number => {
    const before = `li s0, 0x80010000\nli t0, ${pointer}\nsd t0, 0(s0)`;
    return loop('xtwz.pld t0, 0(s0)\nand t0, t0, x0\nadd s0, s0, t0', 1000, before).cycles / 1000;
  };
  const local = firstLevel.latency + core.latency.pointer + 2;
  expect(chain('0x10000')).toBeCloseTo(local, 0);
  expect(chain('0x40010000')).toBeCloseTo(local + core.latency.lookaside, 0);
});
