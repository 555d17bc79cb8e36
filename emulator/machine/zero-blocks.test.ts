/**
 * Does `cbo.zero` do the same whether the engines do it or JavaScript, which somebody asked to tell: by both engines, into
 * code, pages of a snapshot and observed pages, outside of memory, and when it is not allowed?
 */
import { expect, test } from 'vitest';
import { MiB } from '../addresses.ts';
import { assembleFlat } from '../cpu/isa/assembler/assembler.ts';
import { PageFlag } from '../cpu/state.ts';
import { Translator } from '../cpu/translator/translator.ts';
import { Random } from '../random.ts';
import { DRAM_BASE } from './config.ts';
import type { EngineFactory } from './engine.ts';
import { Machine } from './machine.ts';

const DATA = DRAM_BASE + MiB;
const PAGES = 4;

/** Zeroes blocks at random, twenty times the same; then in U-mode, without and with leave. */
function program(random: Random): Uint8Array {
  const zeroes = Array.from({ length: 30 }, () => {
    const outside = random.below(10) === 0;
    const at = outside ? DRAM_BASE + 4 * MiB + 64 * random.below(4) : DATA + random.below(PAGES * 4096);
    return `li t0, ${at}\ncbo.zero (t0)\nsd s2, 8(t1)`;
  });
  return assembleFlat(
    `la t0, trap
     csrw mtvec, t0
     li t0, -1
     csrw pmpaddr0, t0
     li t0, 0x1f
     csrw pmpcfg0, t0
     li s2, 20
     li t1, ${DATA + 64}
     again:
     ${zeroes.join('\n')}
     addi s2, s2, -1
     bnez s2, again
     # zeroes what is executed next
     la t2, zeroed
     cbo.zero (t2)
     .align 6
     zeroed: .fill 16, 4, 0x13
     la t0, user
     csrw mepc, t0
     li t0, 0x1800
     csrc mstatus, t0
     mret
     user: li t0, ${DATA}
     cbo.zero (t0)
     ecall
     .align 2
     trap: csrr t4, mcause
     add s3, s3, t4
     slli s3, s3, 3
     csrr t4, mepc
     addi t4, t4, 4
     csrw mepc, t4
     addi s4, s4, 1
     li t4, 200
     bltu s4, t4, on
     j .
     on: mret`,
    BigInt(DRAM_BASE),
  ).bytes;
}

function run(
  code: Uint8Array,
  engine: EngineFactory | undefined,
  told: boolean,
): { hash: string; zeroes: number } {
  const machine = new Machine({ memory: 4 * MiB, ...(engine && { engine }) });
  const { memory } = machine;
  memory.writeBytes(DRAM_BASE, code);
  memory.fill(DATA, PAGES * 4096, 0xa5);
  machine.boot({ entry: BigInt(DRAM_BASE), mode: 'machine', dtb: 0 });
  let zeroes = 0;
  machine.hooks.cacheBlock = () => {
    zeroes++;
  };
  if (!told) machine.hooks.zeroesOfDramMatter = false;
  let seen = 0;
  memory.onStore(PageFlag.storeSlow, () => {
    seen++;
  });
  memory.setFlag(memory.pageOf(DATA + 4096), PageFlag.storeSlow);
  machine.snapshot();
  for (let i = 0; i < 40; i++) machine.run({ instructions: 100 });
  expect(seen).toBeGreaterThan(20);
  return { hash: machine.hash(), zeroes };
}

test('by whomever', () => {
  const translator: EngineFactory = (memory) => new Translator(memory, { threshold: 5, batch: 1 });
  for (let seed = 0; seed < 10; seed++) {
    const code = program(new Random(seed));
    const slow = run(code, undefined, true);
    expect(slow.zeroes).toBeGreaterThan(300);
    for (const engine of [undefined, translator]) {
      const fast = run(code, engine, false);
      expect(fast.hash, `seed ${seed}`).toBe(slow.hash);
      // The observed page's, and the first of each page after the snapshot.
      expect(fast.zeroes).toBeLessThan(slow.zeroes / 2);
    }
  }
});
