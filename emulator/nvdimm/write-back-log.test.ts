/** After every single write of the log, do the media hold a legal image of a power failure? The engine judges. */
import { expect, test } from 'vitest';
import { CACHE_BLOCK_SIZE, PAGE_SIZE } from '../addresses.ts';
import { UserError } from '../errors.ts';
import { Random } from '../random.ts';
import { blockNumber, type Dpa, dpa } from './dpa.ts';
import { type Media, MemoryMedia } from './media.ts';
import type { Origin } from './pending.ts';
import { type EngineState, FENCE, PersistencyEngine } from './persistency.ts';
import { WriteBackLog } from './write-back-log.ts';

const origin: Origin = { hart: 0, instret: 0, pcLow: 0, pcHigh: 0 };
const BYTES = 2 * PAGE_SIZE;

/** Media that keep a copy of themselves after every write. */
class WatchedMedia extends MemoryMedia {
  readonly states: Uint8Array[] = [];
  syncs = 0;
  override write(address: Dpa, bytes: Uint8Array): void {
    super.write(address, bytes);
    this.states.push(this.content());
  }
  override sync(): void {
    this.syncs++;
  }
  content(): Uint8Array {
    const bytes = new Uint8Array(BYTES);
    this.read(dpa(0), bytes);
    return bytes;
  }
}

/** True when `content` is legal at the instant that the engine is in. */
function isLegal(engine: PersistencyEngine, content: Uint8Array, blocks: readonly number[]): boolean {
  return blocks.every((block) => {
    const start = block * CACHE_BLOCK_SIZE;
    return engine.images(blockNumber(block)).has(content.subarray(start, start + CACHE_BLOCK_SIZE));
  });
}

test.each([
  ['scattered blocks', [0, 1, 2, 64, 65, 127]],
  ['one page', [3, 4, 5, 6]],
  ['around a page border', [62, 63, 64, 65]],
])('a program of stores, cleans and fences, drained now and then: %s', (_, blocks) => {
  const random = new Random(blocks.length);
  let checked = 0;
  for (let round = 0; round < 60; round++) {
    const memory = new Uint8Array(BYTES);
    const media = new WatchedMedia(BYTES);
    const engine = new PersistencyEngine(memory);
    const log = new WriteBackLog(media, memory, false);
    // Every instant since the last output, as the engine saw it.
    let instants: { state: EngineState; memory: Uint8Array }[] = [];
    for (let step = 0; step < 120; step++) {
      instants.push({ state: engine.snapshot(), memory: memory.slice() });
      const hart = random.below(2);
      const block = blockNumber(random.pick(blocks));
      const kind = random.below(20);
      if (kind < 8) {
        const address = block * CACHE_BLOCK_SIZE + 8 * random.below(2);
        const value = Uint8Array.from([random.below(256), round]);
        engine.store(dpa(address), value, { ...origin, hart });
        memory.set(value, address);
      } else if (kind < 14) {
        engine.clean(hart, block);
        log.clean(block);
      } else if (kind < 19) {
        engine.fence(hart, FENCE.W, FENCE.W);
        log.fence();
      } else {
        const now = engine.snapshot();
        const bytes = memory.slice();
        instants.push({ state: now, memory: bytes });
        media.states.length = 0;
        log.drain();
        for (const content of media.states) {
          const legal = instants.some((instant) => {
            engine.restore(instant.state);
            memory.set(instant.memory);
            return isLegal(engine, content, blocks);
          });
          if (!legal) throw new Error(`round ${round}, step ${step}: an illegal image`);
          checked++;
        }
        engine.restore(now);
        memory.set(bytes);
        // What the output shows must be there: the media are legal now, not only in the past.
        expect(isLegal(engine, media.content(), blocks)).toBe(true);
        instants = [];
      }
    }
  }
  expect(checked).toBeGreaterThan(200);
});

test('writing the epochs in another order would be caught', () => {
  // The judge must be able to say no: the commit block without the data that a fence put before it.
  const memory = new Uint8Array(BYTES);
  const engine = new PersistencyEngine(memory);
  const put = (block: number): void => {
    engine.store(dpa(block * CACHE_BLOCK_SIZE), Uint8Array.of(1), origin);
    memory[block * CACHE_BLOCK_SIZE] = 1;
    engine.clean(0, blockNumber(block));
    engine.fence(0, FENCE.W, FENCE.W);
  };
  put(0);
  put(64);
  const wrong = new Uint8Array(BYTES);
  wrong[64 * CACHE_BLOCK_SIZE] = 1;
  expect(isLegal(engine, wrong, [0, 64])).toBe(false);
});

test('a run of blocks costs one write, and epochs in one run are joined', () => {
  const memory = new Uint8Array(BYTES).fill(7);
  const media = new WatchedMedia(BYTES);
  const log = new WriteBackLog(media, memory, false);
  for (let block = 0; block < 64; block++) log.clean(blockNumber(block));
  log.fence();
  log.drain();
  expect(media.states.length).toBe(1);
  for (let block = 64; block < 72; block++) {
    log.clean(blockNumber(block));
    log.fence();
  }
  log.drain();
  expect(media.states.length).toBe(2);
  expect(media.content().subarray(0, 72 * 64)).toEqual(memory.subarray(0, 72 * 64));
});

test('durable: each epoch is synchronised before the next one is written', () => {
  const memory = new Uint8Array(BYTES);
  const media = new WatchedMedia(BYTES);
  const log = new WriteBackLog(media, memory, true);
  for (const block of [1, 2, 3]) {
    log.clean(blockNumber(block));
    log.fence();
  }
  log.drain();
  expect([media.states.length, media.syncs]).toEqual([3, 3]);
});

test('after a failed write nothing more is written', () => {
  const memory = new Uint8Array(BYTES);
  const media = new MemoryMedia(BYTES);
  let writes = 0;
  const full: Media = Object.create(media, {
    write: {
      value: () => {
        if (++writes === 2) throw new UserError('no space', 1);
      },
    },
  });
  const log = new WriteBackLog(full, memory, false);
  for (const block of [1, 70, 3]) {
    log.clean(blockNumber(block));
    log.fence();
  }
  expect(() => log.drain()).toThrow('no space');
  expect(() => log.drain()).toThrow('no space');
  expect(writes).toBe(2);
});
