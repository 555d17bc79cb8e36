/**
 * Does the architectural TLB remember only what was inserted and not dropped, and never leave a fast entry behind?
 * Random operations on both beside a model that keeps the last insertion for each page and regime.
 */
import { expect, it } from 'vitest';
import { NEEDED_RIGHT } from '../cpu/pmp.ts';
import { HART, REGIME_SHIFT, TLB_ENTRY_SIZE } from '../cpu/state.ts';
import { Random } from '../random.ts';
import { Tlb } from './tlb.ts';
import type { Access } from './translation.ts';
import { Rig } from './xtwz/rig.ts';

const SCALE = Number(process.env['LICORICE_SCALE'] ?? 1);

interface Known {
  readonly frame: number;
  readonly rights: number;
  readonly level: number;
  readonly owner: number;
}

/** Pages that meet in sets: few low bits, slots of 1 GiB, and both halves of the address space. */
const HIGHS = [0, 0x7f, -1];
const REGIMES_USED = [0, 1, 2, 300, 511];

it.each([1, 2, 3, 4])(
  'random operations agree with a model (seed %i)',
  (seed) => {
    const random = new Random(seed);
    const rig = new Rig(1, 1 << 20);
    const hart = rig.harts[0]!;
    const { tlb } = rig.mmus[0]!;
    const model = new Map<string, Known>();
    const page = (): [lo: number, hi: number] => [
      (random.below(2) << 30) | (random.below(2) << 21) | (random.below(4) << 12) | 0,
      HIGHS[random.below(HIGHS.length)]!,
    ];
    const regimeOf = (): number => REGIMES_USED[random.below(REGIMES_USED.length)]!;
    const key = (lo: number, hi: number, regime: number): string => `${hi} ${lo >>> 12} ${regime}`;
    const drop = (which: (lo: number, hi: number, regime: number, known: Known) => boolean): void => {
      for (const [name, known] of model) {
        const [hi, number, regime] = name.split(' ').map(Number) as [number, number, number];
        if (which(number << 12, hi, regime, known)) model.delete(name);
      }
    };
    let hits = 0;
    for (let i = 0; i < 20_000 * SCALE; i++) {
      const [lo, hi] = page();
      const regime = regimeOf();
      const name = key(lo, hi, regime);
      const access = random.below(3) as Access;
      switch (random.below(250)) {
        case 0:
          tlb.dropAddress(lo, hi);
          drop((l, h, _r, { level }) => {
            const size = 2n ** BigInt(12 + 9 * level);
            const number = (low: number, high: number): bigint =>
              BigInt.asUintN(64, (BigInt(high) << 32n) | BigInt(low >>> 0)) / size;
            return number(l, h) === number(lo, hi);
          });
          break;
        case 1: {
          const selected = new Uint8Array(512);
          selected[regime] = 1;
          tlb.dropRegimes(selected);
          drop((_l, _h, r) => r === regime);
          break;
        }
        case 2: {
          const owner = 1 + random.below(4);
          tlb.dropOwnerPage(owner, lo & 0x3fff_f000);
          drop((l, _h, _r, known) => known.owner === owner && ((l ^ lo) & 0x3fff_f000) === 0);
          break;
        }
        case 3:
          if (random.below(8) === 0) {
            tlb.dropAll();
            model.clear();
          } else tlb.dropFast(access);
          break;
        case 4:
          // What is saved and put back is what was there.
          tlb.restore(random.below(2) === 0 ? tlb.copy() : Tlb.expand(tlb.save()));
          break;
        default: {
          const known = model.get(name);
          const frame = tlb.lookup(access, lo, hi, regime);
          if (frame >= 0) {
            hits++;
            expect(known, name).toBeDefined();
            expect(frame).toBe(known!.frame);
            expect(known!.rights & NEEDED_RIGHT[access], name).not.toBe(0);
            tlb.fill(access, lo, hi, regime, frame, 0);
          } else {
            const rights = 1 + random.below(7);
            const level = random.below(30) === 0 ? 1 + random.below(3) : 0;
            const next = { frame: random.below(2 ** 20), rights, level, owner: 1 + random.below(4) };
            tlb.insert(lo, hi, regime, next.frame, rights, level, next.owner);
            model.set(name, next);
          }
        }
      }
      if (i % 97 === 0) checkFast();
    }
    expect(hits).toBeGreaterThan(5000);

    /** Every fast entry leads where the model says. */
    function checkFast(): void {
      const tables = [HART.fetchTlb, HART.loadTlb, HART.storeTlb];
      const ends = [HART.fetchTlb + 1024 * TLB_ENTRY_SIZE, HART.storeTlb, HART.engine];
      for (const [access, table] of tables.entries()) {
        for (let at = hart.word + (table >> 2); at < hart.word + (ends[access]! >> 2); at += 4) {
          const tag = hart.i32[at]!;
          const hi = hart.i32[at + 1]!;
          if (tag === -1 && hi === -1) continue;
          const known = model.get(key(tag & ~0xfff, hi, (tag & 0xfff) >> REGIME_SHIFT));
          expect(known?.frame).toBe(hart.i32[at + 2]);
          expect(known!.rights & NEEDED_RIGHT[access as Access]).not.toBe(0);
        }
      }
    }
  },
  60_000 * SCALE,
);

it('a thousand contexts that use one page have entries of their own, as far as there are regimes', () => {
  const { tlb } = new Rig(1, 1 << 20).mmus[0]!;
  for (let regime = 0; regime < 512; regime++) tlb.insert(0x4000_1000, 0, regime, regime, 1, 0, 1);
  for (let regime = 0; regime < 512; regime++) expect(tlb.lookup(1, 0x4000_1000, 0, regime)).toBe(regime);
});

it('an instruction and the data that it needs never displace each other', () => {
  const rig = new Rig(1, 1 << 20);
  const { tlb } = rig.mmus[0]!;
  const hart = rig.harts[0]!;
  const random = new Random(5);
  for (let round = 0; round < 20_000; round++) {
    const page = (): number => (random.below(1 << 9) << 21) | (random.below(2) << 12);
    const code = page();
    const data = page();
    if (code === data) continue;
    hart.pc = BigInt(code >>> 0) + 4n;
    tlb.insert(code, 0, 1, 1, 4, 0, 0);
    tlb.insert(data, 0, 1, 2, 1, 0, 0);
    expect(tlb.lookup(0, code, 0, 1)).toBe(1);
    expect(tlb.lookup(1, data, 0, 1)).toBe(2);
  }
});
