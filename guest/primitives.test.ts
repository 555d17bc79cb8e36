/** Do libtwz's primitives do what they promise, with threads on several harts, over boots and power failures? */
import { describe, expect, test } from 'vitest';
import { CACHE_BLOCK_SIZE, MiB } from '../emulator/addresses.ts';
import { dpa } from '../emulator/nvdimm/dpa.ts';
import { MemoryMedia } from '../emulator/nvdimm/media.ts';
import { Random } from '../emulator/random.ts';
import { System } from './testing/system.ts';
import { Workload } from './testing/workload.ts';

const SIZE = 16 * MiB;
const workload = new Workload('primitives');

function run(name: string, media = new MemoryMedia(SIZE), harts = 1): string[] {
  const system = new System({ media, harts, quiet: true, archive: workload.archive(name) });
  expect(system.run(500_000_000), system.output).toMatchObject({ kind: 'exit', code: 0 });
  return system.output.replaceAll('\r', '').trim().split('\n');
}

describe.each([1, 4])('with %i harts', (harts) => {
  test('threads count up under a mutex, and lose nothing', () => {
    expect(run('mutex', undefined, harts)).toEqual(['exit codes 28', 'counted 8000', 'ok']);
  }, 120_000);

  test('threads try what may fault, and none takes the fault of another for its own', () => {
    expect(run('try', undefined, harts)).toEqual(['right answers 800', 'ok']);
  }, 120_000);

  test('a broadcast wakes all who wait, an event one at a time', () => {
    expect(run('condition', undefined, harts)).toEqual(['events 8', 'counted 20', 'ok']);
  }, 120_000);

  test('four producers and a consumer over a queue of 16 entries', () => {
    const sum = (4 * (200 * 201)) / 2;
    expect(run('queue', undefined, harts)).toEqual([`sum ${sum}`, 'ok']);
  }, 120_000);

  test('one thread serves events, a stream and a queue, and sleeps in between', () => {
    const [events, ...rest] = run('wait', undefined, harts);
    // Events that happen twice before they are looked at are one.
    expect(Number(events!.split(' ')[1])).toBeGreaterThan(0);
    expect(rest).toEqual(['served 10', 'served 10', 'ok']);
  }, 120_000);

  test('threads have transactions of their own', () => {
    expect(run('transactions', undefined, harts)).toEqual([`amounts ${4 * 133}`, 'ok']);
  }, 120_000);
});

test('a mutex whose owner ended is taken over, once', () => {
  expect(run('orphan')).toEqual(['taken over 1', 'taken over 0', 'ok']);
}, 120_000);

test('a mutex that was held when the power failed is free after the next boot, and who takes it is told', () => {
  const media = new MemoryMedia(SIZE);
  const system = new System({ media, recording: true, quiet: true, archive: workload.archive('crashed') });
  while (!system.output.includes('time 0')) system.run(10_000);
  const nvdimm = system.computer.nvdimm!;
  const { region } = nvdimm;
  const image = system.computer.machine.memory.u8.slice(region.host, region.host + region.size);
  for (const [block, bytes] of nvdimm.engine.sampleImage(new Random(1), 'power')) {
    image.set(bytes, (block as number) * CACHE_BLOCK_SIZE);
  }
  const after = new MemoryMedia(SIZE);
  after.write(dpa(0), image);
  expect(run('crashed', after)).toEqual(['taken over 1', 'time 1', 'ok']);
}, 120_000);

test('a log keeps its records over boots', () => {
  const media = new MemoryMedia(SIZE);
  expect(run('log', media)).toEqual(['records 0', 'ok']);
  expect(run('log', media)).toEqual(['records 3', 'ok']);
  expect(run('log', media)).toEqual(['records 6', 'ok']);
}, 120_000);

test('fault handlers go on behind a fault, probe memory, and take signals', () => {
  expect(run('fault')).toEqual(['faults 2', 'signal 15', 'ok']);
}, 120_000);

test('names in FOT entries: by path, by a resolver of the program, and what to do when there is none', () => {
  const media = new MemoryMedia(SIZE);
  const expected = ['by path 1234', 'by number 1234', 'no way for entry 3', 'ok'];
  expect(run('names', media)).toEqual(expected);
  expect(run('names', media)).toEqual(expected);
}, 120_000);

test('a pointer follows its name to another object, and derived entries lead to what the program makes', () => {
  const media = new MemoryMedia(SIZE);
  const expected = [
    'first 1',
    'remembered 1',
    'then 2',
    'copied 2',
    'the same again 77',
    'the original 2',
    'ok',
  ];
  expect(run('binding', media)).toEqual(expected);
  expect(run('binding', media)).toEqual(expected);
}, 120_000);

test('a vector grows over the objects of its pool, and they are there after a boot', () => {
  const media = new MemoryMedia(SIZE);
  const sum = (6000 * 5999) / 2;
  const [objects, ...rest] = run('pool', media);
  expect(Number(objects!.split(' ')[1])).toBeGreaterThan(1);
  expect(rest).toEqual([`sum ${sum}`, 'ok']);
  expect(run('pool', media)).toEqual([`sum ${sum}`, 'ok']);
}, 120_000);
