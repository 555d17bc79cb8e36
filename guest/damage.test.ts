/**
 * Does damage stay where it is, and is what cannot be believed not believed? One block of the NVDIMM becomes unreadable: in an object's data, in its page tables, its record, the
 * directory, the journal, the reference counts, the superblock. The kernel boots, other objects are whole, new ones are made, the access that
 * needs the block faults and names object and offset, `stat` and `licorice image check` say what is damaged.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { MiB, PAGE_SIZE } from '../emulator/addresses.ts';
import { blockOf, dpa } from '../emulator/nvdimm/dpa.ts';
import { MemoryMedia } from '../emulator/nvdimm/media.ts';
import { checkStore } from '../tools/image/check.ts';
import { ObjectStore, type StoredObject } from '../tools/image/store.ts';
import { layouts, stressArchive } from './testing/stress-run.ts';
import { System } from './testing/system.ts';

const BUDGET = 50_000_000;
/** fault number << 8 | detail: FAULT_PAGE, PAGE_POISON */
const MEDIA_ERROR = 0x503;
const DAMAGED = 8;

const base = new MemoryMedia(16 * MiB);
let store: ObjectStore;
/** Two objects with a page each, and an immutable copy of one of them. */
let suspect: StoredObject;
let other: StoredObject;
let immutable: StoredObject;

beforeAll(() => {
  const system = new System({ media: base, archive: stressArchive('fill', 40) });
  expect(system.run(BUDGET)).toMatchObject({ kind: 'exit', code: 0 });
  store = new ObjectStore(base, layouts);
  const hashed = Number(layouts.constant('MIP_HASHDATA'));
  const all = [...store.objects()];
  const filled = all.filter(({ pages, pFlags }) => pages === 1 && (pFlags & hashed) === 0);
  expect(filled).toHaveLength(2);
  immutable = all.find(({ pFlags }) => (pFlags & hashed) !== 0)!;
  [suspect, other] = filled as [StoredObject, StoredObject];
});

/** What the program of guest/stress/damaged.ts says, after the block at `address` has become unreadable. */
function look(
  address: number,
  change?: (media: MemoryMedia) => void,
  subject: StoredObject = suspect,
): {
  readonly suspect: Map<string, number>;
  readonly other: Map<string, number>;
  readonly rest: Map<string, number>;
  readonly again: Map<string, number>;
  readonly output: string;
} {
  const media = new MemoryMedia(base.size, base);
  change?.(media);
  const half = (id: bigint): [bigint, bigint] => [id & 0xffff_ffff_ffff_ffffn, id >> 64n];
  const system = new System({
    media,
    archive: stressArchive('damaged', ...half(subject.id), ...half(other.id)),
  });
  if (address >= 0) system.computer.nvdimm!.errors.poison(blockOf(dpa(address)));
  expect(system.run(BUDGET), system.output).toMatchObject({ kind: 'exit', code: 0 });
  const facts = (text: string): Map<string, number> =>
    new Map([...text.matchAll(/^([a-z]+) (\d+)\r?$/gm)].map(([, name, value]) => [name!, Number(value)]));
  const [first = '', again = ''] = system.output.split('again');
  const [, one = '', two = ''] = first.split(/^(?=stat )/m);
  const [second = '', rest = ''] = two.split(/^(?=copy )/m);
  return {
    suspect: facts(one),
    other: facts(second),
    rest: facts(rest),
    again: facts(again),
    output: system.output,
  };
}

const complaints = (address: number): string[] => checkStore(store, [address]);
const pageAt = (): number => store.findPage(suspect, 0x1000)!;
const tables = (): number[] => {
  const found: number[] = [];
  for (const _ of store.pages(suspect, (table) => found.push(table)));
  return found;
};

/** Whatever is damaged: the other object is whole, and objects can be made. */
function expectOthersLive(found: ReturnType<typeof look>): void {
  expect(found.other.get('stat'), found.output).toBe(0);
  expect(found.other.get('flags')! & DAMAGED).toBe(0);
  expect(found.other.get('faults')).toBe(0);
  expect(found.other.get('sum')).toBe(Number(store.word(other, 0x1000, 8)));
  expect(found.rest.get('create')).toBe(0);
}

describe('one unreadable block', { timeout: 300_000 }, () => {
  test("in an object's data: that access faults, a copy fails, writing the block mends it", () => {
    const found = look(pageAt() + 64);
    expectOthersLive(found);
    expect(found.suspect.get('faults')).toBe(1);
    expect(found.suspect.get('detail')).toBe(MEDIA_ERROR);
    expect(found.suspect.get('offset')).toBe(0x1040);
    expect(found.suspect.get('named')).toBe(1);
    expect(found.rest.get('copy')).toBe(5);
    expect(found.again.get('faults')).toBe(0);
    expect(found.again.get('flags')! & DAMAGED).toBe(0);
    expect(complaints(pageAt() + 64)).toEqual([
      expect.stringMatching(/^object [0-9a-f:]+, page at 0x1000: the block at 0x[0-9a-f]+ cannot be read$/),
    ]);
  });

  test.each([0, 1])(
    'in its page tables (level %i): accesses through it fault, the object is marked',
    (level) => {
      const address = tables()[1 - level]!;
      const found = look(address);
      expectOthersLive(found);
      expect(found.suspect.get('faults')).toBe(level === 0 ? 7 * 64 : 15 * 64);
      expect(found.suspect.get('detail')).toBe(MEDIA_ERROR);
      expect(found.suspect.get('named')).toBe(1);
      expect(found.rest.get('copy')).toBe(5);
      expect(found.again.get('flags')! & DAMAGED).toBe(DAMAGED);
      expect(found.again.get('delete')).toBe(0);
      expect(complaints(address)[0]).toMatch(/\(table\): the block at/);
    },
  );

  test('in the first half of its record: the object is lost, those behind it in the directory are not', () => {
    const found = look(suspect.record);
    expectOthersLive(found);
    expect(found.suspect.get('stat')).toBe(2);
    expect(complaints(suspect.record)[0]).toMatch(/^a page of records: the block at/);
  });

  test('in the second half of its record: the object is marked, its data are there', () => {
    const found = look(suspect.record + 64);
    expectOthersLive(found);
    expect(found.suspect.get('stat')).toBe(0);
    expect(found.suspect.get('flags')! & DAMAGED).toBe(DAMAGED);
    expect(found.suspect.get('faults')).toBe(0);
    expect(found.suspect.get('sum')).toBe(Number(store.word(suspect, 0x1000, 8)));
    expect(found.again.get('delete')).toBe(0);
  });

  test.each<[string, () => number, RegExp]>([
    [
      'the reference counts',
      () => store.field('references') + Math.floor(pageAt() / PAGE_SIZE) * 4,
      /reference counts/,
    ],
    [
      'the head of the free list',
      () => store.field('references') + store.field('freeHead') * 4,
      /reference counts/,
    ],
    ['the superblock', () => 0, /^the superblock/],
    ['the copy of the superblock', () => PAGE_SIZE, /^the copy of the superblock/],
    ['the header of the journal', () => Number(layouts.constant('JOURNAL_PAGE')) * PAGE_SIZE, /^the journal/],
    [
      'an entry of the journal',
      () => Number(layouts.constant('JOURNAL_PAGE')) * PAGE_SIZE + 128,
      /^the journal/,
    ],
    ['a free page', () => store.field('freeHead') * PAGE_SIZE + 512, /free or never used/],
  ])('in %s: every object lives on', (_, address, complaint) => {
    const found = look(address());
    expectOthersLive(found);
    expect(found.suspect.get('stat')).toBe(0);
    expect(found.suspect.get('faults')).toBe(0);
    expect(complaints(address())[0]).toMatch(complaint);
  });

  test('in a bucket of the directory: objects of other buckets live on, new ones are made', () => {
    const buckets = BigInt(store.field('bucketCount') - 1);
    const bucket = store.field('buckets') + Number(suspect.id & buckets) * 8;
    // Eight buckets are lost with the block; the other object's is not among them.
    expect(Number((suspect.id & buckets) / 8n)).not.toBe(Number((other.id & buckets) / 8n));
    const found = look(bucket);
    expectOthersLive(found);
    expect(found.suspect.get('stat')).toBe(2);
    expect(complaints(bucket)[0]).toMatch(/^the directory/);
  });

  test('in what changes of the superblock: the store is left alone, and the boot says so', () => {
    const media = new MemoryMedia(base.size, base);
    const system = new System({ media, archive: stressArchive('recover') });
    system.computer.nvdimm!.errors.poison(blockOf(dpa(layouts.offset('Superblock', 'freeHead'))));
    system.run(BUDGET);
    expect(system.output).toContain('superblock cannot be read (left alone)');
  });
});

describe('immutable objects', { timeout: 300_000 }, () => {
  /** FAULT_PAGE, PAGE_LIMIT: there are no other pages than those that it was made of. */
  const BEYOND = 0x501;

  test('are read, are not written, and have no other pages than they were made of', () => {
    const found = look(-1, undefined, immutable);
    expectOthersLive(found);
    expect(found.suspect.get('stat')).toBe(0);
    expect(found.suspect.get('sum')).toBe(Number(store.word(immutable, 0x1000, 8)));
    expect(found.suspect.get('faults')).toBe(14 * 64);
    expect(found.suspect.get('detail')).toBe(BEYOND);
    // The program tried to write zeros over the first page.
    expect(found.again.get('sum')).toBe(found.suspect.get('sum'));
  });

  test('of which the data are not what the ID says are not found, and the check says so', () => {
    const at = store.findPage(immutable, 0x1000)! + 8;
    const forge = (media: MemoryMedia): void => media.write(dpa(at), new Uint8Array([1]));
    const found = look(-1, forge, immutable);
    expectOthersLive(found);
    expect(found.suspect.get('stat')).toBe(2);
    const media = new MemoryMedia(base.size, base);
    forge(media);
    expect(checkStore(new ObjectStore(media, layouts))).toEqual([
      expect.stringMatching(/its nonce, rights and key give/),
    ]);
  });
});
