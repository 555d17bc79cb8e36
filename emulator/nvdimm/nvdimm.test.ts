/** Does the NVDIMM do its part in a machine: pages read in, stores recorded, failures, errors, power? */
import { expect, test } from 'vitest';
import { CACHE_BLOCK_SIZE, MiB, PAGE_SIZE, paddr } from '../addresses.ts';
import { PageFlag } from '../cpu/state.ts';
import { layOut } from '../machine/layout.ts';
import { PhysicalMemory } from '../machine/memory.ts';
import { Random } from '../random.ts';
import { Shutdown } from './device-record.ts';
import { blockNumber, dpa } from './dpa.ts';
import { MemoryMedia } from './media.ts';
import { Nvdimm, type NvdimmOptions } from './nvdimm.ts';
import { FENCE } from './persistency.ts';

const BASE = 0x1_0000_0000;
const SIZE = 2 * MiB;

/** An NVDIMM on memory of its own; hart 0's instructions are counted by `step`. */
class Bench {
  readonly memory: PhysicalMemory;
  readonly nvdimm: Nvdimm;
  instret = 0;
  constructor(
    options: Partial<NvdimmOptions> = {},
    readonly media: MemoryMedia = new MemoryMedia(SIZE),
  ) {
    const layout = layOut(
      1,
      [
        { name: 'DRAM', kind: 'dram', base: paddr(0x8000_0000), size: MiB },
        { name: 'NVDIMM', kind: 'nvdimm', base: paddr(BASE), size: SIZE },
      ],
      MiB,
    );
    this.memory = new PhysicalMemory(layout);
    const origin = (hart: number) => ({ hart, instret: this.instret, pcLow: 4 * this.instret, pcHigh: 0 });
    this.nvdimm = new Nvdimm(this.memory, layout.regions[1]!, origin, { media, ...options });
  }
  store(offset: number, value: number): void {
    this.instret++;
    this.memory.write32(BASE + offset, value, 0);
  }
  load(offset: number): number {
    this.memory.prepareLoad(this.memory.pageOf(BASE + offset), BASE + offset, 4, 0);
    return this.memory.read32(BASE + offset);
  }
  clean(offset: number): void {
    this.instret++;
    this.nvdimm.cacheBlock('clean', BASE + offset, 0);
  }
  fence(): void {
    this.instret++;
    this.nvdimm.fence(FENCE.W, FENCE.W, 0);
  }
  persist(offset: number, value: number): void {
    this.store(offset, value);
    this.clean(offset);
    this.fence();
  }
  media32(offset: number): number {
    const bytes = new Uint8Array(4);
    this.media.read(dpa(offset), bytes);
    return new DataView(bytes.buffer).getUint32(0, true);
  }
}

test('what the media hold is there when a page is first touched, and not read before', () => {
  const media = new MemoryMedia(SIZE);
  media.write(dpa(5 * PAGE_SIZE), Uint8Array.of(42));
  const bench = new Bench({}, media);
  const page = bench.memory.pageOf(BASE + 5 * PAGE_SIZE);
  expect(bench.memory.u8[bench.memory.hostOf(BASE + 5 * PAGE_SIZE)]).toBe(0);
  expect(bench.memory.flags(page)).toBe(PageFlag.absent);
  expect(bench.load(5 * PAGE_SIZE)).toBe(42);
  expect(bench.memory.flags(page)).toBe(0);
});

test('a store to an absent page keeps the rest of the page', () => {
  const media = new MemoryMedia(SIZE);
  media.write(dpa(PAGE_SIZE + 8), Uint8Array.of(42));
  const bench = new Bench({}, media);
  bench.store(PAGE_SIZE, 7);
  expect([bench.load(PAGE_SIZE), bench.load(PAGE_SIZE + 8)]).toEqual([7, 42]);
});

test('a clean of an untouched page writes nothing back, and zeroing one block of it keeps the others', () => {
  for (const recording of [false, true]) {
    const media = new MemoryMedia(SIZE);
    media.write(dpa(0), Uint8Array.of(42));
    const bench = new Bench({ recording }, media);
    bench.clean(0);
    bench.fence();
    bench.nvdimm.beforeOutput();
    expect(bench.media32(0)).toBe(42);
    bench.nvdimm.cacheBlock('zero', BASE + 64, 0);
    bench.memory.fill(BASE + 64, CACHE_BLOCK_SIZE, 0, 0);
    expect(bench.load(0)).toBe(42);
  }
});

test('light mode: fenced blocks are on the media before output, others need not be', () => {
  const bench = new Bench();
  bench.persist(0, 1);
  bench.store(64, 2);
  expect(bench.media32(0)).toBe(0);
  bench.nvdimm.beforeOutput();
  expect([bench.media32(0), bench.media32(64)]).toEqual([1, 0]);
});

test('light mode: a fence that is a hint, or orders no writes, ends no epoch; the media stay legal', () => {
  const bench = new Bench();
  bench.store(0, 1);
  bench.clean(0);
  bench.nvdimm.fence(FENCE.W, 0, 0);
  bench.nvdimm.fence(FENCE.R | FENCE.O, 15, 0);
  expect(bench.nvdimm.log!.statistics.epochs).toBe(0);
  bench.fence();
  expect(bench.nvdimm.log!.statistics.epochs).toBe(1);
});

test('light mode: a discarding cbo.inval shows what was written back last', () => {
  const bench = new Bench();
  bench.persist(0, 1);
  bench.store(0, 2);
  bench.nvdimm.cacheBlock('inval', BASE, 0);
  expect(bench.load(0)).toBe(1);
  bench.nvdimm.beforeOutput();
  bench.store(0, 3);
  bench.nvdimm.cacheBlock('inval', BASE, 0);
  expect(bench.load(0)).toBe(1);
});

test('an orderly power-off keeps every store and leaves the clean mark; anything else counts', () => {
  const bench = new Bench();
  bench.nvdimm.powerOn();
  bench.store(128, 9);
  expect(bench.media.record.shutdown).toBe(Shutdown.inUse);
  bench.nvdimm.powerOff();
  expect(bench.media32(128)).toBe(9);
  expect(bench.media.record).toMatchObject({ shutdown: Shutdown.clean, unsafeShutdowns: 0, powerCycles: 1 });
  new Bench({}, bench.media).nvdimm.powerOn();
  new Bench({}, bench.media).nvdimm.powerOn();
  expect(bench.media.record).toMatchObject({ unsafeShutdowns: 1, powerCycles: 3 });
});

test('recording: pending stores name the instruction that made them, and misaligned ones their pieces', () => {
  const bench = new Bench({ recording: true });
  bench.store(4, 0x11223344);
  bench.store(62, 0xaabbccdd);
  const first = bench.nvdimm.engine.pendingStores(blockNumber(0));
  expect(first.map(({ offset, size, low, instret, pcLow }) => [offset, size, low, instret, pcLow])).toEqual([
    [4, 4, 0x11223344, 1, 4],
    [62, 2, 0xccdd, 2, 8],
  ]);
  const second = bench.nvdimm.engine.pendingStores(blockNumber(1));
  expect(second.map(({ offset, size, low }) => [offset, size, low])).toEqual([[0, 2, 0xaabb]]);
  expect(bench.nvdimm.engine.countImages()).toBe(6n);
});

test('recording: cbo.zero is one tearable store, its handler does not count it twice', () => {
  const bench = new Bench({ recording: true });
  bench.persist(0, 0x0101);
  bench.nvdimm.cacheBlock('zero', BASE, 0);
  bench.memory.fill(BASE, CACHE_BLOCK_SIZE, 0, 0);
  expect(bench.nvdimm.engine.pendingStores(blockNumber(0)).map((unit) => unit.size)).toEqual([64]);
  expect(bench.nvdimm.engine.countImages()).toBe(4n);
});

test('recording: a device writes many blocks at once', () => {
  const bench = new Bench({ recording: true });
  bench.memory.writeBytes(BASE + PAGE_SIZE - 100, new Uint8Array(300).fill(7));
  const { engine } = bench.nvdimm;
  expect(engine.undetermined().length).toBe(6);
  expect(engine.pendingStores(engine.undetermined()[0]!)[0]).toMatchObject({ hart: -1 });
});

test('recording: a power failure leaves the chosen image in memory and on the media', () => {
  const bench = new Bench({ recording: true });
  bench.persist(0, 1);
  bench.store(0, 2);
  bench.store(64, 3);
  bench.nvdimm.powerFail({ kind: 'oldest' });
  expect([bench.load(0), bench.load(64), bench.media32(0), bench.media32(64)]).toEqual([1, 0, 1, 0]);
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 40; seed++) {
    const other = new Bench({ recording: true });
    other.persist(0, 1);
    other.store(0, 2);
    other.store(64, 3);
    other.nvdimm.powerFail({ kind: 'sample', random: new Random(seed) });
    expect(other.load(0)).toBe(other.media32(0));
    outcomes.add(`${other.load(0)} ${other.load(64)}`);
  }
  expect([...outcomes].sort()).toEqual(['1 0', '1 3', '2 0', '2 3']);
});

test('recording: when ADR fails even fenced stores may be lost, unless a deep flush covered them', () => {
  const bench = new Bench({ recording: true, trackDeep: true });
  bench.persist(0, 1);
  bench.nvdimm.flushHint(0);
  bench.nvdimm.fence(FENCE.O, FENCE.W, 0);
  bench.persist(64, 2);
  bench.nvdimm.powerFail({ kind: 'oldest' }, 'adr-fail');
  expect([bench.load(0), bench.load(64)]).toEqual([1, 0]);
  expect(bench.media.record.flushFailures).toBe(1);
});

test('light mode: a power failure keeps what is fenced and loses the rest', () => {
  const bench = new Bench();
  bench.persist(0, 1);
  bench.store(0, 2);
  bench.nvdimm.powerFail({ kind: 'oldest' });
  expect(bench.load(0)).toBe(1);
});

test('poison: loads fail and make it known, a partial store leaves it, a whole block of stores clears it', () => {
  const bench = new Bench();
  const { errors } = bench.nvdimm;
  const load = (offset: number): boolean =>
    bench.memory.prepareLoad(bench.memory.pageOf(BASE + offset), BASE + offset, 8, 0);
  errors.poison(blockNumber(3));
  expect(errors.known).toEqual([]);
  expect([load(128), load(188), load(192), load(256)]).toEqual([true, false, false, true]);
  expect(errors.known).toEqual([192]);
  bench.store(192, 0);
  expect(load(192)).toBe(false);
  for (let offset = 192; offset < 256; offset += 4) bench.store(offset, offset);
  expect(load(192)).toBe(true);
  expect(errors.known).toEqual([]);
  expect(bench.memory.flags(bench.memory.pageOf(BASE))).toBe(0);
});

test('wear: a line that is written often enough becomes unreadable, the same one for the same seed', () => {
  const worn = (seed: number): number => {
    const bench = new Bench();
    bench.nvdimm.errors.setWear({ seed, endurance: 100 });
    for (let i = 1; ; i++) {
      bench.persist(0, i);
      bench.nvdimm.beforeOutput();
      if (bench.nvdimm.errors.any) return i;
    }
  };
  const first = worn(1);
  expect(first).toBeGreaterThanOrEqual(50);
  expect(first).toBeLessThanOrEqual(150);
  expect(worn(1)).toBe(first);
  expect(worn(2)).not.toBe(first);
});

test('a saved state has what is pending, and restoring it does not need the engine that made it', () => {
  const bench = new Bench({ recording: true, trackDeep: true, writeThrough: false });
  bench.persist(64, 5);
  bench.store(0, 1);
  bench.clean(0);
  bench.store(0, 2);
  bench.nvdimm.errors.poison(blockNumber(9));
  const state = bench.nvdimm.save();
  const other = new Bench({ recording: true, trackDeep: true, writeThrough: false });
  other.memory.writeBytes(BASE, bench.memory.readBytes(BASE, PAGE_SIZE), -2);
  other.nvdimm.restore(state);
  expect(other.nvdimm.save()).toEqual(state);
  for (const failure of ['power', 'adr-fail'] as const) {
    expect(other.nvdimm.engine.countImages(failure)).toBe(bench.nvdimm.engine.countImages(failure));
  }
  other.fence();
  expect(other.nvdimm.engine.countImages()).toBe(2n);
  expect(bench.nvdimm.engine.countImages()).toBe(3n);
  expect(other.memory.prepareLoad(other.memory.pageOf(BASE), BASE + 9 * 64, 8, 0)).toBe(false);
});
