/**
 * Are loads of the observed blocks of a page seen, all and in order, while those of its other blocks need not be, and do
 * all of them load what they should: by both engines, and after the observer wants to see others?
 */
import { expect, test } from 'vitest';
import { CACHE_BLOCK_SIZE, MiB, PAGE_SIZE } from '../addresses.ts';
import { assembleFlat } from '../cpu/isa/assembler/assembler.ts';
import { PageFlag } from '../cpu/state.ts';
import { Translator } from '../cpu/translator/translator.ts';
import { Finisher } from '../devices/finisher.ts';
import { Random } from '../random.ts';
import { DRAM_BASE } from './config.ts';
import type { EngineFactory } from './engine.ts';
import { Machine } from './machine.ts';
import { Initiator } from './memory.ts';

const DATA = DRAM_BASE + MiB;
const ROUNDS = 20;
const LOADS = 60;
const WIDTHS = { lb: 1, lhu: 2, lw: 4, ld: 8, 'lr.w': 4 } as const;

interface Load {
  readonly name: keyof typeof WIDTHS;
  /** From the beginning of the first of two observed pages. */
  readonly at: number;
  readonly toZero: boolean;
}

/** Nothing depends on what it loads. A store-conditional depends on what `lr.w` has loaded, into whatever register. */
const isDiscarded = ({ name, toZero }: Load): boolean => toZero && name !== 'lr.w';

function randomLoads(random: Random): Load[] {
  const names = Object.keys(WIDTHS) as Load['name'][];
  return Array.from({ length: LOADS }, () => {
    const name = names[random.below(names.length)]!;
    const at = random.below(2 * PAGE_SIZE - 8);
    const toZero = random.below(4) === 0;
    // A few are not aligned.
    const aligned = random.below(8) !== 0 || name === 'lr.w';
    return { name, at: aligned ? at - (at % WIDTHS[name]) : at, toZero };
  });
}

/** Sums what it loads, again and again, in s1. */
function program(loads: readonly Load[]): Uint8Array {
  const lines = loads.map(
    ({ name, at, toZero }) =>
      `li t0, ${DATA + at}\n${name} ${toZero ? 'zero' : 't1'}, ${name === 'lr.w' ? '' : '0'}(t0)\nslli t2, s1, 7\nxor s1, s1, t2\nadd s1, s1, t1`,
  );
  return assembleFlat(
    `li s2, ${ROUNDS}
     again:
     ${lines.join('\n')}
     addi s2, s2, -1
     bnez s2, again
     li t0, 0x100000
     li t1, 0x5555
     sw t1, 0(t0)
     j .`,
    BigInt(DRAM_BASE),
  ).bytes;
}

const blocksIn = ({ name, at }: Load): number[] => [
  Math.floor(at / CACHE_BLOCK_SIZE),
  Math.floor((at + WIDTHS[name] - 1) / CACHE_BLOCK_SIZE),
];

function machineWith(loads: readonly Load[], engine: EngineFactory | undefined): Machine {
  const devices = { devices: (host: ConstructorParameters<typeof Finisher>[0]) => [new Finisher(host)] };
  const machine = new Machine({ memory: 4 * MiB, ...devices, ...(engine && { engine }) });
  const { memory } = machine;
  memory.writeBytes(DRAM_BASE, program(loads));
  const random = new Random(1);
  memory.writeBytes(
    DATA,
    Uint8Array.from({ length: 2 * PAGE_SIZE }, () => random.below(256)),
  );
  machine.boot({ entry: BigInt(DRAM_BASE), mode: 'machine', dtb: 0 });
  return machine;
}

const engines: Record<string, EngineFactory | undefined> = {
  interpreter: undefined,
  translator: (memory) => new Translator(memory, { threshold: 5, batch: 1 }),
};

test.each(Object.keys(engines))('%s: what must be seen is seen', (name) => {
  for (let seed = 0; seed < 10; seed++) {
    const random = new Random(seed);
    const loads = randomLoads(random);
    const calm = machineWith(loads, undefined);
    /** Instructions at the end of each round. */
    const ends = Array.from({ length: ROUNDS }, (_, round) => {
      const left = BigInt(ROUNDS - round - 1);
      while (calm.cores[0]!.hart.getX(18) !== left) calm.run({ instructions: 1 });
      return calm.instructions;
    });
    expect(calm.run().kind).toBe('exit');

    const machine = machineWith(loads, engines[name]);
    const { memory } = machine;
    const first = memory.pageOf(DATA);
    const wanted = new Set<number>();
    const choose = (): void => {
      wanted.clear();
      for (let block = 0; block < 128; block++) if (random.below(10) === 0) wanted.add(block);
    };
    const seen: string[] = [];
    const expected: string[] = [];
    let told = 0;
    memory.onLoad(
      (pa, length, initiator, discarded) => {
        if (initiator === Initiator.host) return true;
        told++;
        if (discarded) return true;
        const block = Math.floor((pa - DATA) / CACHE_BLOCK_SIZE);
        const last = Math.floor((pa - DATA + length - 1) / CACHE_BLOCK_SIZE);
        if (wanted.has(block) || wanted.has(last)) seen.push(`${pa - DATA}`);
        return true;
      },
      (page, blocks, discarded) => {
        if (!discarded)
          for (const block of wanted) {
            const place = block - 64 * (page - first);
            if (place >= 0 && place < 64) blocks[place >> 5]! |= 1 << (place & 31);
          }
      },
    );
    memory.setFlag(first, PageFlag.loadSlow);
    memory.setFlag(first + 1, PageFlag.loadSlow);
    choose();
    // In each round others are observed.
    for (const end of ends) {
      machine.run({ instructions: end - machine.instructions });
      for (const load of loads) {
        if (isDiscarded(load) || !blocksIn(load).some((block) => wanted.has(block))) continue;
        if (Math.floor(load.at / PAGE_SIZE) === Math.floor((load.at + WIDTHS[load.name] - 1) / PAGE_SIZE))
          expected.push(`${load.at}`);
        else
          for (let i = 0; i < WIDTHS[load.name]; i++)
            if (wanted.has(Math.floor((load.at + i) / CACHE_BLOCK_SIZE))) expected.push(`${load.at + i}`);
      }
      choose();
      memory.observeMore(first);
      memory.observeMore(first + 1);
    }
    expect(machine.run().kind).toBe('exit');
    expect(machine.cores[0]!.hart.getX(9), `seed ${seed}`).toBe(calm.cores[0]!.hart.getX(9));
    expect(seen, `seed ${seed}`).toEqual(expected);
    expect(seen.length).toBeGreaterThan(ROUNDS);
    // Most of the others cost nothing.
    expect(told).toBeLessThan((ROUNDS * LOADS) / 2);
  }
});
