/** Does the engine allow what docs/persistency.md says that it allows? The tables of litmus tests there are run. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CACHE_BLOCK_SIZE } from '../addresses.ts';
import { blockNumber, blockOf, dpa } from './dpa.ts';
import type { Origin } from './pending.ts';
import { type Failure, FENCE, PersistencyEngine } from './persistency.ts';

/** Device physical addresses of the variables of the tables. */
const PLACES: Readonly<Record<string, number>> = { x: 0, x2: 8, y: 64, zl: 134, zh: 136, vl: 254, vh: 256 };
const BYTES = 5 * CACHE_BLOCK_SIZE;

interface Litmus {
  readonly name: string;
  readonly failure: string;
  readonly program: string;
  readonly legal: string;
}

function readTables(): Litmus[] {
  const tests: Litmus[] = [];
  for (const line of readFileSync('docs/persistency.md', 'utf8').split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim());
    if (!/^\d+$/.test(cells[1] ?? '')) continue;
    const [failure, program, legal] = cells.length === 5 ? ['', cells[2]!, cells[3]!] : cells.slice(2, 5);
    tests.push({ name: cells[1]!, failure: failure!, program: program!, legal: legal! });
  }
  return tests;
}

function fenceSet(letters: string): number {
  const bits: Readonly<Record<string, number>> = { i: FENCE.I, o: FENCE.O, r: FENCE.R, w: FENCE.W };
  return letters === 'none' ? 0 : [...letters].reduce((set, letter) => set | bits[letter]!, 0);
}

/** Performs one event in the tables' notation. */
function perform(engine: PersistencyEngine, memory: Uint8Array, text: string): void {
  const [, hartText, event] = /^(?:(\d): )?(.*)$/.exec(text)!;
  const hart = Number(hartText ?? 0);
  const origin: Origin = { hart, instret: 0, pcLow: 0, pcHigh: 0 };
  const store = (address: number, size: number, value: number): void => {
    const bytes = Uint8Array.from({ length: size }, (_, i) => (i < 4 ? value >>> (8 * i) : 0));
    engine.store(dpa(address), bytes, origin);
    memory.set(bytes, address);
  };
  let match: RegExpExecArray | null;
  if ((match = /^(?:amo(?:\.aqrl)? )?(\w+)=(\d+)$/.exec(event!)))
    store(PLACES[match[1]!]!, 8, Number(match[2]));
  else if (event === 'z' || event === 'v') store(PLACES[`${event}l`]!, 4, 0x01010101);
  else if ((match = /^clean (\w+)$/.exec(event!))) engine.clean(hart, blockOf(dpa(PLACES[match[1]!]!)));
  else if ((match = /^inval (\w+)$/.exec(event!))) engine.inval(blockOf(dpa(PLACES[match[1]!]!)));
  else if ((match = /^zero (\w+)$/.exec(event!))) {
    const block = blockOf(dpa(PLACES[match[1]!]!));
    engine.zero(block, origin);
    memory.fill(0, block * CACHE_BLOCK_SIZE, (block + 1) * CACHE_BLOCK_SIZE);
  } else if ((match = /^fence ([a-z]+),([a-z]+)$/.exec(event!)))
    engine.fence(hart, fenceSet(match[1]!), fenceSet(match[2]!));
  else if (event === 'fence.tso') engine.fence(hart, fenceSet('rw'), fenceSet('rw'));
  else if (event === 'hint') engine.flushHint(hart);
  else if (event === 'read hint') engine.flushHintRead(hart);
  else throw new Error(`no such event: ${event}`);
}

/** Every legal image as a set of values of all variables. */
function legalImages(engine: PersistencyEngine, memory: Uint8Array, failure: Failure): Set<string> {
  const images = new Set<string>();
  for (const blocks of engine.enumerateImages(failure)) {
    const image = memory.slice();
    for (const [block, bytes] of blocks) image.set(bytes, block * CACHE_BLOCK_SIZE);
    images.add(
      Object.entries(PLACES)
        .map(([name, address]) => `${name}=${image[address]}`)
        .join(' '),
    );
  }
  return images;
}

/** An image in the tables' notation, with the variables that it leaves out. */
function complete(image: string): string {
  const values = new Map(image.split(' ').map((part) => part.split('=') as [string, string]));
  return Object.keys(PLACES)
    .map((name) => `${name}=${values.get(name) ?? 0}`)
    .join(' ');
}

const tests = readTables();

test('the tables are there', () => {
  expect(tests.length).toBe(45);
});

test.each(tests)('litmus $name: $program', ({ failure, program, legal }) => {
  const memory = new Uint8Array(BYTES);
  const engine = new PersistencyEngine(memory, {
    domain: failure === 'cpu' ? 'cpu' : 'mem-ctrl',
    trackDeep: failure === 'adr-fail',
  });
  for (const event of program.split('; ')) perform(engine, memory, event);
  const actual = legalImages(engine, memory, failure === 'adr-fail' ? 'adr-fail' : 'power');
  expect(actual).toEqual(new Set(legal.split('; ').map(complete)));
});

test('the line states of the text', () => {
  const memory = new Uint8Array(BYTES);
  const engine = new PersistencyEngine(memory, { trackTouched: true });
  const block = blockNumber(0);
  const states = ['', 'x=1', 'clean x', 'x2=1', 'clean x', '1: fence w,w', 'fence w,w'].map((event) => {
    if (event !== '') perform(engine, memory, event);
    return engine.lineState(block);
  });
  expect(states).toEqual([
    'clean',
    'dirty',
    'written-back',
    'dirty',
    'written-back',
    'written-back',
    'persistent',
  ]);
});

test('a power cycle leaves the chosen image and nothing pending', () => {
  const memory = new Uint8Array(BYTES);
  const engine = new PersistencyEngine(memory);
  for (const event of ['x=1', 'y=1', 'clean x']) perform(engine, memory, event);
  const image = [...engine.enumerateImages()].find((blocks) => blocks.get(blockNumber(0))![0] === 0)!;
  engine.powerCycle(image);
  expect(memory[0]).toBe(0);
  expect(engine.undetermined()).toEqual([]);
  expect(engine.countImages()).toBe(1n);
});
