/**
 * Does the persistency engine allow exactly the images that the axioms allow? Small programs are tried in all
 * shapes (a seeded sample by default, all of them with LICORICE_SCALE=full), larger ones at random, on two harts.
 */
import { describe, expect, test } from 'vitest';
import { CACHE_BLOCK_SIZE } from '../addresses.ts';
import { Random } from '../random.ts';
import { type Event, legalContents, type Mode } from './axioms.oracle.ts';
import { blockNumber, dpa } from './dpa.ts';
import type { Origin } from './pending.ts';
import { FENCE, PersistencyEngine } from './persistency.ts';

const FULL = process.env['LICORICE_SCALE'] === 'full';
const BLOCKS = 2;
const origin: Origin = { hart: 0, instret: 0, pcLow: 0, pcHigh: 0 };
const RW = FENCE.R | FENCE.W;

/** Initial contents: a few bytes are not zero, so that zeroing and stores of zero can be told apart. */
function initialMemory(): Uint8Array {
  const memory = new Uint8Array(BLOCKS * CACHE_BLOCK_SIZE);
  memory[1] = 0x5a;
  memory[CACHE_BLOCK_SIZE + 2] = 0xa5;
  return memory;
}

/** Tells the engine of an event and performs it in visible memory, as the machine does. */
function perform(engine: PersistencyEngine, memory: Uint8Array, event: Event): void {
  switch (event.kind) {
    case 'store':
      engine.store(dpa(event.address), Uint8Array.from(event.bytes), { ...origin, hart: event.hart });
      memory.set(event.bytes, event.address);
      break;
    case 'zero':
      engine.zero(blockNumber(event.block), origin);
      memory.fill(0, event.block * CACHE_BLOCK_SIZE, (event.block + 1) * CACHE_BLOCK_SIZE);
      break;
    case 'clean':
      engine.clean(event.hart, blockNumber(event.block));
      break;
    case 'inval':
      engine.inval(blockNumber(event.block), event.keep);
      break;
    case 'fence':
      engine.fence(event.hart, event.pred, event.succ);
      break;
    case 'hint':
      engine.flushHint(event.hart);
      break;
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function engineContents(engine: PersistencyEngine, block: number, mode: Mode): string[] {
  return [...engine.images(blockNumber(block), mode === 'adr-fail' ? 'adr-fail' : 'power')].map(hex);
}

/** Compares all blocks; `cache` holds the oracle's answers by what concerns one block. */
function compare(
  engine: PersistencyEngine,
  events: readonly Event[],
  mode: Mode,
  cache?: Map<string, Set<string>>,
): void {
  const memory = initialMemory();
  for (let block = 0; block < BLOCKS; block++) {
    const start = block * CACHE_BLOCK_SIZE;
    const mine = events.filter((e) => {
      if (e.kind === 'fence' || e.kind === 'hint') return true;
      if (e.kind !== 'store') return e.block === block;
      return e.address < start + CACHE_BLOCK_SIZE && e.address + e.bytes.length > start;
    });
    const key = cache && `${block} ${mode} ${JSON.stringify(mine)}`;
    let expected = key && cache.get(key);
    if (!expected) {
      expected = legalContents(mine, block, memory.slice(start, start + CACHE_BLOCK_SIZE), mode);
      if (key) cache.set(key, expected);
    }
    const actual = engineContents(engine, block, mode);
    const same = actual.length === expected.size && actual.every((content) => expected.has(content));
    if (!same)
      expect({ events, block, mode, actual: actual.sort() }).toEqual({ actual: [...expected].sort() });
  }
}

/** Store `index` of a program, in one of four shapes. */
function shapedStore(shape: number, index: number, block: number, hart: number): Event {
  const start = block * CACHE_BLOCK_SIZE;
  const value = 0x11 * (index + 1);
  // 0: other words; 1: the same word, overlapping; 2: across aligned 8 bytes; 3: across the blocks' border.
  if (shape === 0) return { kind: 'store', hart, address: start + 8 * index, bytes: [value] };
  if (shape === 1)
    return { kind: 'store', hart, address: start + (index & 1), bytes: [value, index & 2 ? 0 : value] };
  if (shape === 2) return { kind: 'store', hart, address: start + 7, bytes: [value, value + 1] };
  return {
    kind: 'store',
    hart,
    address: CACHE_BLOCK_SIZE - 1 + block,
    bytes: block ? [value] : [value, value + 1],
  };
}

const otherOperations = (hart: number): Event[] => [
  { kind: 'fence', hart, pred: RW, succ: RW },
  ...[0, 1].flatMap((block): Event[] => [
    { kind: 'clean', hart, block },
    { kind: 'inval', hart, block, keep: 0 },
    { kind: 'zero', hart, block },
  ]),
];

/**
 * Walks the tree of programs: at most `stores` stores and `others` other operations in any order. The first
 * operation that names a block names block 0 (the blocks are alike). `take` prunes, for sampling.
 */
function walkPrograms(
  shape: number,
  stores: number,
  others: number,
  take: (depth: number) => boolean,
): number {
  const memory = initialMemory();
  const engine = new PersistencyEngine(memory);
  const cache = new Map<string, Set<string>>();
  const events: Event[] = [];
  let programs = 0;
  const visit = (storesLeft: number, othersLeft: number, named: boolean): void => {
    compare(engine, events, 'mem-ctrl', cache);
    programs++;
    const saved = engine.snapshot();
    const bytes = memory.slice();
    const go = (event: Event, s: number, o: number): void => {
      const block =
        event.kind === 'store' ? Math.floor(event.address / 64) : 'block' in event ? event.block : -1;
      if (!named && block === 1) return;
      if (!take(events.length)) return;
      events.push(event);
      perform(engine, memory, event);
      visit(s, o, named || block === 0);
      events.pop();
      engine.restore(saved);
      memory.set(bytes);
    };
    if (storesLeft > 0) {
      for (const block of [0, 1])
        go(shapedStore(shape, stores - storesLeft, block, 0), storesLeft - 1, othersLeft);
    }
    if (othersLeft > 0) for (const event of otherOperations(0)) go(event, storesLeft, othersLeft - 1);
  };
  visit(stores, others, false);
  return programs;
}

describe('every small program has exactly the images of the axioms', () => {
  // cbo.flush is to persistency what cbo.clean is; the engine has one entry for both.
  test.each([0, 1, 2, 3])(
    'up to 4 stores and 4 other operations, store shape %i',
    (shape) => {
      const random = new Random(0x5eed0 + shape);
      const programs = walkPrograms(shape, 4, 4, (depth) => FULL || depth < 3 || random.chance(0.38));
      if (FULL) process.stdout.write(`shape ${shape}: ${programs} programs\n`);
      expect(programs).toBeGreaterThan(1000);
    },
    3_600_000,
  );
});

/** A random event of a larger program. */
function randomEvent(random: Random, mode: Mode): Event {
  const hart = random.below(2);
  const block = random.below(BLOCKS);
  const kind = random.below(mode === 'adr-fail' ? 12 : 10);
  if (kind < 4) {
    const size = random.pick([1, 2, 4, 8]);
    const address = random.below(BLOCKS * CACHE_BLOCK_SIZE - size + 1);
    // Few distinct addresses and values, so that stores overlap and contents recur.
    const at = random.chance(0.7) ? random.pick([0, 1, 6, 61, 63, 64, 66]) : address;
    const bytes = Array.from({ length: size }, () => random.pick([0, 1, 0x5a, random.below(256)]));
    return { kind: 'store', hart, address: Math.min(at, BLOCKS * CACHE_BLOCK_SIZE - size), bytes };
  }
  if (kind < 6) return { kind: 'clean', hart, block };
  if (kind === 6) return { kind: 'inval', hart, block, keep: random.below(3) };
  if (kind === 7) return { kind: 'zero', hart, block };
  if (kind < 10)
    return { kind: 'fence', hart, pred: random.below(16), succ: random.pick([RW, FENCE.W, 15, 0]) };
  return { kind: 'hint', hart };
}

describe('larger random programs on two harts', () => {
  test.each(['mem-ctrl', 'cpu', 'adr-fail'] as const)(
    '%s',
    (mode) => {
      const random = new Random(mode.length);
      const rounds = FULL ? 200_000 : 3000;
      let compared = 0;
      for (let round = 0; round < rounds; round++) {
        const memory = initialMemory();
        const engine = new PersistencyEngine(memory, {
          domain: mode === 'cpu' ? 'cpu' : 'mem-ctrl',
          trackDeep: mode === 'adr-fail',
        });
        const events: Event[] = [];
        const length = 4 + random.below(14);
        let zeros = 0;
        for (let i = 0; i < length; i++) {
          let event = randomEvent(random, mode);
          // Two at most: what brute force can do.
          if (event.kind === 'zero' && zeros++ > 1) continue;
          if (event.kind === 'inval') {
            const choices = engine.invalChoices(blockNumber(event.block));
            event = { ...event, keep: Math.min(event.keep, choices - 1) };
          }
          events.push(event);
          perform(engine, memory, event);
        }
        try {
          compare(engine, events, mode);
          compared++;
        } catch (error) {
          // Too many atoms for brute force: not this program's fault.
          if (!(error instanceof RangeError)) throw error;
        }
      }
      expect(compared).toBeGreaterThan(rounds / 2);
    },
    3_600_000,
  );
});

describe('counting, listing and sampling agree', () => {
  test('the exact count is the number listed, samples are legal, and all are reached', () => {
    const random = new Random(7);
    for (let round = 0; round < 200; round++) {
      const memory = initialMemory();
      const engine = new PersistencyEngine(memory);
      for (let i = 0; i < 8; i++) {
        const event = randomEvent(random, 'mem-ctrl');
        if (event.kind !== 'inval') perform(engine, memory, event);
      }
      const count = engine.countImages();
      if (count > 64n) continue;
      const key = (image: Map<number, Uint8Array>): string =>
        [...image].map(([b, c]) => `${b}:${hex(c)}`).join();
      const listed = new Set([...engine.enumerateImages()].map(key));
      expect(BigInt(listed.size)).toBe(count);
      const sampled = new Set<string>();
      for (let i = 0; i < 64 * Number(count) && sampled.size < listed.size; i++) {
        sampled.add(key(engine.sampleImage(random)));
      }
      expect(sampled).toEqual(listed);
    }
  });

  test('narrowing a block down byte by byte partitions its contents', () => {
    const random = new Random(8);
    for (let round = 0; round < 300; round++) {
      const memory = initialMemory();
      const engine = new PersistencyEngine(memory);
      for (let i = 0; i < 10; i++) {
        const event = randomEvent(random, 'mem-ctrl');
        if (event.kind !== 'inval') perform(engine, memory, event);
      }
      const images = engine.images(blockNumber(0));
      const offset = random.below(CACHE_BLOCK_SIZE);
      const parts = images.valuesAt(offset).map((value) => images.restrict(offset, value));
      expect(parts.reduce((sum, part) => sum + part.count, 0n)).toBe(images.count);
      for (const part of parts) expect(part.count).toBeGreaterThan(0n);
    }
  });

  test('a snapshot is unharmed by what follows, and restoring goes back to it', () => {
    const random = new Random(9);
    for (let round = 0; round < 200; round++) {
      const memory = initialMemory();
      const engine = new PersistencyEngine(memory, { trackDeep: true });
      const some = (): void => {
        const event = randomEvent(random, 'adr-fail');
        if (event.kind !== 'inval') perform(engine, memory, event);
      };
      const view = (): string[] =>
        [0, 1].flatMap((block) => [
          ...engineContents(engine, block, 'mem-ctrl'),
          '/',
          ...engineContents(engine, block, 'adr-fail'),
          engine.lineState(blockNumber(block)),
        ]);
      for (let i = 0; i < 6; i++) some();
      const state = engine.snapshot();
      const bytes = memory.slice();
      const seen = view();
      for (let branch = 0; branch < 3; branch++) {
        for (let i = 0; i < 6; i++) some();
        engine.restore(state);
        memory.set(bytes);
        expect(view()).toEqual(seen);
      }
    }
  });
});
