/** Is what can be mended mended, whatever it is, without any object being lost or changed that could be read? */
import { beforeAll, expect, test } from 'vitest';
import { CACHE_BLOCK_SIZE, MiB, PAGE_SIZE } from '../../emulator/addresses.ts';
import { dpa } from '../../emulator/nvdimm/dpa.ts';
import { MemoryMedia } from '../../emulator/nvdimm/media.ts';
import { Random } from '../../emulator/random.ts';
import { layouts, StressRun, stressArchive } from '../../guest/testing/stress-run.ts';
import { System } from '../../guest/testing/system.ts';
import { checkStore } from './check.ts';
import { openDamaged, repairStore } from './repair.ts';
import { formatObjectId, ObjectStore, type StoredObject } from './store.ts';

/** A store in the middle of the stress: shared pages, deleted objects, ties, free pages and records; the power has failed. */
const base = new MemoryMedia(8 * MiB);
let store: ObjectStore;
let objects: StoredObject[];
/** An object with several pages. */
let subject: StoredObject;

beforeAll(() => {
  const run = new StressRun({ seed: 3, operations: 1e6, workers: 6, media: base });
  while (run.done < 3000) expect(run.run(2_000_000).kind).toBe('budget');
  run.system.computer.nvdimm!.beforeOutput();
  store = new ObjectStore(base, layouts);
  objects = [...store.objects()];
  expect(objects.length).toBeGreaterThan(20);
  expect(checkStore(store)).toEqual([]);
  // Neither being deleted nor kept: it must be there after every boot.
  subject = objects.find(({ pages, flags }) => flags === 0 && pages > 3)!;
}, 120_000);

const recordAt = (object: StoredObject, field: string): number =>
  object.record + layouts.offset('Record', field);
const superAt = (field: string): number => layouts.offset('Superblock', field);
const bucketOf = ({ id }: StoredObject): number =>
  store.field('buckets') + Number(id & BigInt(store.field('bucketCount') - 1)) * 8;

/** What every object holds, by its ID. */
function contents(of: ObjectStore): Map<string, string> {
  return new Map(
    [...of.objects()].map((object) => [
      formatObjectId(object.id),
      [...of.pages(object)]
        .map(
          ({ offset, at }) => `${offset}:${Buffer.from(of.region.bytes(at, PAGE_SIZE)).toString('base64')}`,
        )
        .join(),
    ]),
  );
}

interface Mended {
  readonly before: readonly string[];
  readonly done: readonly string[];
  readonly left: readonly string[];
  readonly media: MemoryMedia;
  readonly objects: Map<string, string>;
}

/** Damages words and blocks of a copy of the store, and mends it. */
function mend(words: readonly (readonly [number, bigint])[], poison: readonly number[] = []): Mended {
  const media = new MemoryMedia(base.size, base);
  const damaged = new ObjectStore(media, layouts);
  for (const [at, value] of words) damaged.region.patch(at, value);
  for (const at of poison) damaged.region.patchBytes(at, new Uint8Array(CACHE_BLOCK_SIZE).fill(0xa5));
  // The journal has been read; what it says is in its place.
  for (const half of [0, 1]) {
    const header =
      (Number(layouts.constant('JOURNAL_PAGE')) + half * Number(layouts.constant('JOURNAL_HALF_PAGES'))) *
      PAGE_SIZE;
    damaged.region.patch(header + layouts.offset('JournalHeader', 'count'), 0n);
  }
  for (const { offset, bytes } of damaged.region.changedPages()) media.write(dpa(offset), bytes);
  let before: string[];
  try {
    before = checkStore(openDamaged(media, layouts, 'test', poison), poison);
  } catch (error) {
    before = [(error as Error).message];
  }
  const broken = openDamaged(media, layouts, 'test', poison);
  const { done, poison: still } = repairStore(broken, poison);
  for (const { offset, bytes } of broken.region.changedPages()) media.write(dpa(offset), bytes);
  const whole = new ObjectStore(media, layouts);
  return { before, done, left: checkStore(whole, still), media, objects: contents(whole) };
}

test('a whole store is left as it is', () => {
  expect(mend([])).toMatchObject({ before: [], done: [], left: [] });
});

const words: readonly (readonly [string, () => (readonly [number, bigint])[]])[] = [
  ['a bucket that leads nowhere', () => [[bucketOf(subject), 0n]]],
  ['a bucket that leads outside', () => [[bucketOf(subject), 0x7000_0000_0000n]]],
  ['a chain of the directory that is a ring', () => [[recordAt(subject, 'next'), BigInt(subject.record)]]],
  ['links of a record that differ', () => [[recordAt(subject, 'nextCopy'), 0x1234n]]],
  ['an object counted with too many pages', () => [[recordAt(subject, 'pages'), 999n]]],
  ['a wrong number of ties', () => [[recordAt(subject, 'tiedBy'), 77n]]],
  ['a list of ties that leads outside', () => [[recordAt(subject, 'ties'), 0xdead_0000n]]],
  [
    'a list of deleted objects that leads to a living one',
    () => [[superAt('deletedHead'), BigInt(subject.record)]],
  ],
  ['no list of deleted objects', () => [[superAt('deletedHead'), 0n]]],
  ['no list of free pages', () => [[superAt('freeHead'), 0n]]],
  [
    'a list of free pages that begins with a used one',
    () => [[superAt('freeHead'), BigInt(subject.record >> 12)]],
  ],
  ['no list of free records', () => [[superAt('recordFree'), 0n]]],
  ['free records that are used', () => [[superAt('recordFree'), BigInt(subject.record)]]],
  ['more pages used than there are', () => [[superAt('watermark'), 0x7fff_ffffn]]],
  ['fewer pages used than there are objects', () => [[superAt('watermark'), 1n]]],
  ['a wrong number of objects', () => [[superAt('objects'), 1n]]],
  ['a wrong number of free pages', () => [[superAt('freeCount'), 1n]]],
  [
    'reference counts of zero',
    () => {
      const at = store.field('references') + (store.field('dataStart') >> 1) * 8;
      return Array.from({ length: 16 }, (_, i) => [at + i * 8, 0n] as const);
    },
  ],
];

test.each(words)('%s: every object is there as it was', (_what, damage) => {
  const mended = mend(damage());
  expect(mended.done).not.toEqual([]);
  expect(mended.left).toEqual([]);
  expect(mended.objects).toEqual(contents(store));
});

/** What must be there: all objects but the subject. */
function others(all: Map<string, string>): Map<string, string> {
  const rest = new Map(all);
  rest.delete(formatObjectId(subject.id));
  return rest;
}

test('an entry of a page table that leads to a table: the page is lost, nothing else', () => {
  const tables: number[] = [];
  const pages = [...store.pages(subject, (table) => tables.push(table))];
  const place = tables[1]! + (Math.floor(pages[0]!.offset / PAGE_SIZE) % 512) * 8;
  const mended = mend([[place, store.region.u64(tables[0]!)]]);
  expect(mended.left).toEqual([]);
  expect(mended.done.join('\n')).toContain(`${formatObjectId(subject.id)}: 1 entries of its page tables`);
  expect(others(mended.objects)).toEqual(others(contents(store)));
  expect(mended.objects.get(formatObjectId(subject.id))!.split(',')).toHaveLength(pages.length - 1);
});

test('random damage of everything but data: the store is whole afterwards, and boots', {
  timeout: 300_000,
}, () => {
  const random = new Random(7);
  const ends = store.field('dataStart') * PAGE_SIZE;
  const spots = objects.map(({ record }) => record);
  for (let round = 0; round < 12; round++) {
    const damage: [number, bigint][] = [];
    for (let i = 0; i < 4; i++) {
      const where = random.below(3);
      const first = store.field('references');
      const at =
        where === 0
          ? first + random.below((ends - first) / 8) * 8
          : where === 1
            ? superAt('freeHead') + random.below(5) * 8
            : spots[random.below(spots.length)]! + 64 + random.below(7) * 8;
      damage.push([
        at,
        BigInt(random.below(2) === 0 ? random.below(2 ** 31) : spots[random.below(spots.length)]!),
      ]);
    }
    const mended = mend(damage);
    // A nonce that was changed gives another ID; nothing else may be wrong.
    const wrong = mended.left.filter((line) => !line.includes('its nonce, rights and key give'));
    expect(wrong, JSON.stringify(damage.map(([at, value]) => [at, String(value)]))).toEqual([]);
    if (round !== 0) continue;
    const system = new System({ media: mended.media, quiet: true, archive: stressArchive('recover') });
    expect(system.run(50_000_000), system.output).toMatchObject({ kind: 'exit' });
    expect(
      checkStore(new ObjectStore(mended.media, layouts)).filter((line) => !line.includes('its nonce')),
    ).toEqual([]);
  }
});
