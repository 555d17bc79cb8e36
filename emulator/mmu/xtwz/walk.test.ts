/**
 * Does the walker do what docs/xtwz.md says? A second walker, written from the page alone, must agree with it on
 * every result, fault and fault CSR, and on every accessed and dirty bit left behind.
 * LICORICE_SCALE multiplies the number of cases (20 gives a million and more).
 */
import { describe, expect, it } from 'vitest';
import { ACCESS, CAUSE } from './layout.ts';
import { type NaiveInput, type NaiveResult, naiveWalk } from './naive-walk.ts';
import { Random, RandomWorld, type TestMemory } from './random-world.ts';
import { Outcome, XtwzWalker } from './walk.ts';

const SCALE = Number(process.env['LICORICE_SCALE'] ?? 1);
const CASES = 50_000 * SCALE;
const PER_WORLD = 50;
const KINDS = ['fetch', 'load', 'store', 'cbm'] as const;
const CODES = { fetch: ACCESS.fetch, load: ACCESS.load, store: ACCESS.store, cbm: ACCESS.cacheBlock };

function randomInput(world: RandomWorld, random: Random): NaiveInput {
  const slot = random.oneIn(20) ? random.below(1 << 17) : random.pick(world.slots);
  const offset = random.pick(random.pick(world.objects).offsets);
  let va = (BigInt(slot) << 30n) | BigInt(offset);
  if (random.oneIn(40)) va ^= 1n << BigInt(30 + random.below(34));
  if (random.oneIn(40)) va |= 0xffff_8000_0000_0000n;
  const pointer = (pa: number): bigint => (random.oneIn(40) ? 0n : BigInt(pa) | 1n);
  return {
    va,
    access: random.pick(KINDS),
    priv: random.oneIn(8) ? 'S' : 'U',
    sum: !random.oneIn(4),
    mxr: random.oneIn(4),
    satp: (14n << 60n) | BigInt(world.space / 4096),
    stwzview: pointer(random.pick(world.views).descriptor),
    stwzctx: pointer(random.pick(world.contexts)),
    stwzfix: random.oneIn(3) ? 0n : BigInt(world.fixed) | 1n,
  };
}

const root = (csr: bigint): number => (csr & 1n ? Number(csr & ~1n) : -1);

function realWalk(walker: XtwzWalker, memory: TestMemory, input: NaiveInput, update = true): NaiveResult {
  const outcome = walker.walk(
    memory,
    {
      space: Number(input.satp & 0xfff_ffff_ffffn) * 4096,
      view: root(input.stwzview),
      context: root(input.stwzctx),
      fixed: root(input.stwzfix),
    },
    Number(input.va >> 32n),
    Number(input.va & 0xffff_ffffn),
    CODES[input.access],
    input.priv === 'S',
    input.sum,
    input.mxr,
    update,
  );
  if (outcome === Outcome.ok) return { kind: 'ok', pa: BigInt(walker.pa) };
  if (outcome === Outcome.accessFault) return { kind: 'access fault' };
  const two = (lo: number, hi: number): bigint => (BigInt(hi) << 32n) | BigInt(lo);
  return {
    kind: 'fault',
    cause: walker.cause,
    stwzidlo: two(walker.id0, walker.id1),
    stwzidhi: two(walker.id2, walker.id3),
    stwzoff: BigInt(walker.offset),
    stwzinfo: two(walker.infoLo, walker.infoHi),
    stwzdesc: BigInt(walker.descriptor),
  };
}

/** Field by field; `toEqual` a million times would take hours. */
function same(a: NaiveResult, b: NaiveResult): boolean {
  const left = Object.entries(a);
  const right: Readonly<Record<string, unknown>> = { ...b };
  return left.length === Object.keys(right).length && left.every(([key, value]) => right[key] === value);
}

describe('the walk', () => {
  it(`agrees with a second walker written from the specification, in ${CASES} random cases`, () => {
    const seen = new Map<string, number>();
    let accessed = 0;
    for (let n = 0; n < CASES / PER_WORLD; n++) {
      const random = new Random(n + 1);
      const world = new RandomWorld(random);
      const walker = new XtwzWalker();
      for (let i = 0; i < PER_WORLD; i++) {
        if (random.oneIn(8)) world.damageEntry();
        if (random.oneIn(40)) world.damage();
        if (random.oneIn(300)) world.memory.unreadable.add(random.below(64));
        if (random.oneIn(300)) world.memory.unwritable.add(random.below(64));
        const input = randomInput(world, random);
        const { memory } = world;
        const old = new Map<number, bigint>();
        let want = naiveWalk(
          {
            read: (pa) => memory.readWord(pa),
            write: (pa, value) => {
              const before = memory.readWord(pa);
              if (before !== undefined) old.set(Number(pa), before);
              return memory.writeWord(pa, value);
            },
          },
          input,
        );
        // Take the naive walker's stores back, let the real one make its own, and compare.
        const expected = new Map([...old.keys()].map((pa) => [pa, memory.load(pa)]));
        for (const [pa, value] of old) memory.store(pa, value);
        memory.written.clear();
        const got = realWalk(walker, memory, input);
        const name = `world ${n + 1}, case ${i}`;
        // Addresses from 2^53 on are inexact (addresses.ts); no memory lies there.
        if (want.kind === 'ok' && want.pa >= 2n ** 53n) want = { kind: 'ok', pa: BigInt(Number(want.pa)) };
        if (!same(got, want)) expect({ name, got }).toEqual({ name, got: want });
        for (const pa of memory.written) {
          if (!expected.has(pa)) expect.fail(`${name}: wrote 0x${pa.toString(16)}`);
        }
        for (const [pa, value] of expected) {
          if (memory.load(pa) !== value) expect.fail(`${name}: differs at 0x${pa.toString(16)}`);
          accessed++;
        }
        const key = want.kind === 'fault' ? `${want.cause}.${(want.stwzinfo >> 32n) & 0xffn}` : want.kind;
        seen.set(key, (seen.get(key) ?? 0) + 1);
      }
    }
    // A comparison proves nothing about what never came up: every fault and reason must have.
    const reasons = [
      [CAUSE.address, 1, 2, 3, 4],
      [CAUSE.null, 5],
      [CAUSE.view, 6, 7, 8],
      [CAUSE.object, 9, 10, 11],
      [CAUSE.rights, 12, 13],
      [CAUSE.page, 14, 15, 16],
      [CAUSE.copyOnWrite, 17],
      [CAUSE.table, 18],
    ] as const;
    const wanted = reasons.flatMap(([cause, ...list]) => list.map((reason) => `${cause}.${reason}`));
    for (const key of [...wanted, 'ok', 'access fault']) expect(seen.get(key) ?? 0, key).toBeGreaterThan(3);
    expect(accessed).toBeGreaterThan(CASES / 100);
    expect(seen.get('ok')).toBeGreaterThan(CASES / 40);
    if (process.env['LICORICE_SCALE']) console.log([...seen].sort(), { accessed });
  }, 3_600_000);

  it('looks without touching when asked not to set accessed and dirty bits', () => {
    let walks = 0;
    for (let n = 0; n < 20; n++) {
      const random = new Random(1000 + n);
      const world = new RandomWorld(random);
      const walker = new XtwzWalker();
      const before = Buffer.from(world.memory.bytes.slice(0));
      for (let i = 0; i < 50; i++) {
        if (realWalk(walker, world.memory, randomInput(world, random), false).kind === 'ok') walks++;
      }
      expect(before.equals(Buffer.from(world.memory.bytes))).toBe(true);
    }
    expect(walks).toBeGreaterThan(50);
  });
});
