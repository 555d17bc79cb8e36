/**
 * Does the persistent-pointer lookaside keep docs/xtwz.md §10? A program in U-mode carries out random lists of
 * translations, fills and invalidations, on both engines; every result must be what a model allows: the address filled
 * in last, or a miss, and a miss whenever an invalidation came since. Snapshots put the lookaside back as well.
 */
import { describe, expect, it } from 'vitest';
import { Translator } from '../cpu/translator/translator.ts';
import { ADDRESS, CFG, CSR, fixedIndex, POINTER } from '../mmu/xtwz/layout.ts';
import { Random } from '../mmu/xtwz/random-world.ts';
import type { MachineConfig } from './config.ts';
import { restoreSnapshot, takeSnapshot } from './state.ts';
import { SLOT, slotAddress, XtwzProgram } from './xtwz-program.ts';

const ENGINES: readonly (readonly [string, MachineConfig])[] = [
  ['interpreter', {}],
  ['translator', { engine: (memory) => new Translator(memory, { threshold: 4, batch: 1 }) }],
];
const KIND = { translate: 0, fill: 1, invalidate: 2, view: 3, end: 4 } as const;
const MISS = 2n ** 64n - 1n;
/** Operations in a list: four words each, of which the last takes the result. */
const OPERATIONS = 1500;

/** Carries out a list of operations (kind, base, pointer, target → result) from the data object's first page on. */
const SOURCE = `
  li   s0, ${slotAddress(SLOT.data)}
  li   s2, ${slotAddress(SLOT.data, 32 * (OPERATIONS + 1) + 0x1000 + 1)}
next:
  ld   t0, 0(s0)
  ld   t1, 8(s0)
  ld   t2, 16(s0)
  ld   t3, 24(s0)
  li   t4, ${KIND.fill}
  beq  t0, t4, fill
  li   t4, ${KIND.invalidate}
  beq  t0, t4, invalidate
  li   t4, ${KIND.view}
  beq  t0, t4, view
  bnez t0, end
  xtwz.pptr t3, t1, t2
  sd   t3, 24(s0)
  xtwz.pld t4, 16(s0)             # the same pointer, held in this object
  xtwz.pptr t3, s0, t2
  bgez t3, same
  addi t5, s0, 16                 # a miss names the cell
  bseti t3, t5, 63
same:
  bne  t3, t4, failed
  sd   t2, 0(s2)                  # not aligned: the slow path
  xtwz.pld t4, 0(s2)
  bgez t3, aligned
  bseti t3, s2, 63
aligned:
  bne  t3, t4, failed
  j    done
failed:
  ebreak
fill:
  xtwz.pfill t1, t2, t3
  j    done
invalidate:
  xtwz.pinval t1, t2
  j    done
view:
  xtwz.inval.view t1, zero
done:
  addi s0, s0, 32
  j    next
end:
  ecall
`;

interface Operation {
  readonly kind: number;
  readonly base: bigint;
  readonly pointer: bigint;
  readonly target: bigint;
}

function randomList(random: Random): Operation[] {
  // Few slots and indexes, so that fills meet translations; some beyond what may be entered.
  const slots = [2, 9, 0x23, 0x109, 2, 9, 0x23, 2, 9, 0x10003, 0x1fff1, 0x20000];
  const indexes = [0n, 1n, 2n, 1n, 2n, 257n, 0xfffffn, 0x100001n, 0x3_ffff_ffffn];
  const address = (): bigint => (BigInt(random.pick(slots)) << 30n) | BigInt(random.below(1 << 30));
  return Array.from({ length: OPERATIONS }, () => {
    const roll = random.below(12);
    const kind =
      roll < 7 ? KIND.translate : roll < 10 ? KIND.fill : roll === 10 ? KIND.invalidate : KIND.view;
    const offset = random.oneIn(8) ? random.below(0x1000) : random.below(1 << 30);
    return {
      kind,
      base: address(),
      pointer: (random.pick(indexes) << 30n) | BigInt(offset),
      target: address(),
    };
  });
}

/** Runs a list; results of the translations, in place. */
function run(program: XtwzProgram, list: readonly Operation[]): bigint[] {
  const { memory } = program.machine;
  for (const [i, { kind, base, pointer, target }] of list.entries()) {
    const at = program.dataPage + 32 * i;
    for (const [k, word] of [BigInt(kind), base, pointer, target].entries()) memory.write64(at + 8 * k, word);
  }
  memory.write64(program.dataPage + 32 * list.length, BigInt(KIND.end));
  program.restart();
  expect(program.run()).toEqual([]);
  return list.map((_, i) => memory.read64(program.dataPage + 32 * i + 24));
}

const slotIn = (va: bigint): number => Number((va >> 30n) & 0x1ffffn);
const inWindow = (va: bigint): boolean => va >> BigInt(ADDRESS.offsetBits + ADDRESS.slotBits) === 0n;

/** Compares results with the model; returns how many were hits. */
function judge(list: readonly Operation[], results: readonly bigint[], on: boolean): number {
  /** `slot index` → target slot, of what was filled and not invalidated since. */
  const filled = new Map<string, number>();
  let hits = 0;
  for (const [i, { kind, base, pointer, target }] of list.entries()) {
    const index = pointer >> 30n;
    const offset = pointer & 0x3fff_ffffn;
    const slot = slotIn(base);
    const key = `${slot} ${index}`;
    if (kind === KIND.fill) {
      const allowed =
        on &&
        index !== 0n &&
        index < BigInt(POINTER.maxIndex) &&
        inWindow(base) &&
        inWindow(target) &&
        fixedIndex(slot) < 0 &&
        fixedIndex(slotIn(target)) < 0;
      if (allowed) filled.set(key, slotIn(target));
    } else if (kind === KIND.invalidate) {
      if (inWindow(base)) filled.delete(key);
    } else if (kind === KIND.view) {
      if (!inWindow(base)) continue;
      for (const [k, to] of filled) if (k.startsWith(`${slot} `) || to === slot) filled.delete(k);
    } else {
      const got = results[i]!;
      let want: bigint | undefined;
      if (offset < 0x1000n) want = offset;
      else if (index === 0n) want = (base & ~0x3fff_ffffn) | offset;
      if (want !== undefined) {
        expect(got, `operation ${i}`).toBe(want);
        continue;
      }
      if (got === MISS) continue; // always allowed
      hits++;
      const to = filled.get(key);
      expect(got, `operation ${i}`).toBe(to === undefined ? MISS : (BigInt(to) << 30n) | offset);
    }
  }
  return hits;
}

describe.each(ENGINES)('persistent pointers on the %s', (_name, config) => {
  it('are what was filled in, or a miss', () => {
    let hits = 0;
    for (let seed = 1; seed <= 6; seed++) {
      const program = new XtwzProgram(SOURCE, config);
      program.poke(CSR.stwzcfg, BigInt(CFG.persistentPointers | CFG.userInvalidate));
      const list = randomList(new Random(seed));
      hits += judge(list, run(program, list), true);
    }
    expect(hits).toBeGreaterThan(200);
  });

  it('all miss while the lookaside is off', () => {
    const program = new XtwzProgram(SOURCE, config);
    program.poke(CSR.stwzcfg, BigInt(CFG.userInvalidate));
    const list = randomList(new Random(1));
    expect(judge(list, run(program, list), false)).toBe(0);
  });

  it('go back with a snapshot', () => {
    const program = new XtwzProgram(SOURCE, config);
    program.poke(CSR.stwzcfg, BigInt(CFG.persistentPointers));
    const base = slotAddress(SLOT.data);
    const pointer = (3n << 30n) | 0x5000n;
    const operation = (kind: number): Operation => ({ kind, base, pointer, target: slotAddress(9) });
    expect(run(program, [operation(KIND.fill), operation(KIND.translate)])[1]).toBe(slotAddress(9, 0x5000));
    const snapshot = takeSnapshot(program.machine);
    expect(run(program, [operation(KIND.invalidate), operation(KIND.translate)])[1]).toBe(MISS);
    restoreSnapshot(program.machine, snapshot);
    expect(run(program, [operation(KIND.translate)])[0]).toBe(slotAddress(9, 0x5000));
  });
});
