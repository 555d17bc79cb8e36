/** Is what can be mended mended, whatever it is, without any object being lost or changed that could be read? */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { CACHE_BLOCK_SIZE, MiB, PAGE_SIZE } from '../../emulator/addresses.ts';
import { dpa } from '../../emulator/nvdimm/dpa.ts';
import { NvdimmFile } from '../../emulator/nvdimm/file.ts';
import { MemoryMedia } from '../../emulator/nvdimm/media.ts';
import { Random } from '../../emulator/random.ts';
import { ShellMachine } from '../../guest/testing/shell.ts';
import { layouts, StressRun, stressArchive } from '../../guest/testing/stress-run.ts';
import { System } from '../../guest/testing/system.ts';
import { checkStore } from './check.ts';
import { withoutLost } from './region.ts';
import { repairStore } from './repair.ts';
import { checkImage, repairImage } from './save.ts';
import { formatObjectId, ObjectStore, type StoredObject } from './store.ts';
import { openDamaged } from './superblock.ts';

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

const block = (at: number): number => at - (at % CACHE_BLOCK_SIZE);

/** What every object holds, by its ID. */
function contents(of: ObjectStore): Map<string, string> {
  return new Map(
    [...of.objects()].map((object) => [
      formatObjectId(object.id),
      [...of.pages(object)]
        .map(
          ({ offset, at }) =>
            `${offset}:${createHash('sha256').update(of.region.bytes(at, PAGE_SIZE)).digest('hex').slice(0, 16)}`,
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
  const whole = new ObjectStore(withoutLost(media, still), layouts);
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

test.each([
  ['the directory', () => block(bucketOf(subject))],
  ['the reference counts', () => block(store.field('references') + store.field('dataStart') * 4)],
  ['the superblock', () => 0],
  ['the lists and counts of the superblock', () => superAt('freeHead')],
  ['the other counts of the superblock', () => superAt('boots')],
  ['the copy of the superblock', () => PAGE_SIZE],
  ['the journal', () => Number(layouts.constant('JOURNAL_PAGE')) * PAGE_SIZE + 640],
  ['a page that was never used', () => store.field('watermark') * PAGE_SIZE],
])('an unreadable block of %s: every object is there as it was', (_what, at) => {
  const mended = mend([], [at()]);
  expect(mended.before).not.toEqual([]);
  expect(mended.left).toEqual([]);
  expect(mended.objects).toEqual(contents(store));
});

test('an unreadable first block of a record: that object is lost, its space is not', () => {
  const mended = mend([], [subject.record]);
  expect(mended.left).toEqual([]);
  expect(mended.done.join('\n')).toContain(`the record at 0x${subject.record.toString(16)} is lost`);
  expect(mended.objects).toEqual(others(contents(store)));
});

test('an unreadable second block of a record: the object is there, marked', () => {
  const mended = mend([], [subject.record + CACHE_BLOCK_SIZE]);
  expect(mended.left).toEqual([
    `object ${formatObjectId(subject.id)}: a part of its record was lost to a media error`,
  ]);
  expect(mended.objects).toEqual(contents(store));
});

test('an unreadable block of data is left, and named', () => {
  const [page] = store.pages(subject);
  const mended = mend([], [page!.at + 128]);
  expect(mended.left).toHaveLength(1);
  expect(mended.done.join()).toContain(
    `0x${(page!.at + 128).toString(16)} of its data cannot be read; it is left so`,
  );
  expect(others(mended.objects).size).toBe(objects.length - 1);
});

test('unreadable blocks of page tables: what they led to is named, faults, and is the only loss', () => {
  const tables: number[] = [];
  const [page] = store.pages(subject, (table) => tables.push(table));
  const entry = tables[1]! + (Math.floor(page!.offset / PAGE_SIZE) % 512) * 8;
  const leaf = mend([], [block(entry)]);
  expect(leaf.done.join()).toContain('of its page tables cannot be read; it is left so');
  expect(leaf.left).toEqual([
    `object ${formatObjectId(subject.id)} (table): the block at 0x${block(entry).toString(16)} cannot be read`,
  ]);
  expect(others(leaf.objects)).toEqual(others(contents(store)));
  const root = mend([], [tables[0]!]);
  expect(root.left).toHaveLength(1);
  expect(others(root.objects)).toEqual(others(contents(store)));
});

test('every block before the data, and twenty at once: nothing is lost but what lay in them, and the store boots', {
  timeout: 600_000,
}, () => {
  const random = new Random(11);
  const blocks = (store.field('dataStart') * PAGE_SIZE) / CACHE_BLOCK_SIZE;
  // The superblock is there twice: one of the two at a time.
  const metadata = () => {
    const at = random.below(blocks) * CACHE_BLOCK_SIZE;
    return at >= PAGE_SIZE && at < 2 * PAGE_SIZE ? at + PAGE_SIZE : at;
  };
  for (let round = 0; round < 6; round++) {
    const poison = [
      ...new Set(Array.from({ length: 20 }, () => (round === 0 ? superAt('freeHead') : metadata()))),
    ];
    const mended = mend([], poison);
    expect(mended.left, poison.join()).toEqual([]);
    expect(mended.objects).toEqual(contents(store));
    if (round > 1) continue;
    const system = new System({ media: mended.media, quiet: true, archive: stressArchive('recover') });
    expect(system.run(50_000_000), system.output).toMatchObject({ kind: 'exit', code: 0 });
    expect(checkStore(new ObjectStore(mended.media, layouts))).toEqual([]);
  }
});

test('a file with unreadable blocks is mended in place; what is left is still unreadable in it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'licorice-repair-'));
  const path = join(folder, 'a.nvm');
  try {
    const [page] = store.pages(subject);
    const made = NvdimmFile.open(path, { size: base.size });
    const bytes = new Uint8Array(base.size);
    base.read(dpa(0), bytes);
    made.write(dpa(0), bytes);
    for (const at of [superAt('freeHead'), block(bucketOf(subject)), page!.at])
      made.record.poison.push({ dpa: at, known: false });
    made.saveRecord();
    made.close();
    expect(checkImage(path).found).toHaveLength(1);
    const { done, left } = repairImage(path);
    expect(done.join('\n')).toContain('of its data cannot be read; it is left so');
    expect(left).toHaveLength(1);
    const again = checkImage(path);
    expect(again).toMatchObject({ objects: objects.length, dirty: true, found: left });
    expect(repairImage(path).left).toEqual(left);
    const media = NvdimmFile.open(path, { readOnly: true });
    expect(media.record.poison.map((one) => one.dpa)).toEqual([page!.at]);
    media.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the root of names is found again when the superblock is lost', { timeout: 120_000 }, () => {
  const media = new MemoryMedia(8 * MiB);
  const machine = new ShellMachine(media);
  machine.run('echo kept > a; mkdir d; echo too > d/b; user add alice', 400_000_000);
  machine.run("login alice -c 'echo mine > c; tree t put 1 2'", 400_000_000);
  const poison = [superAt('freeHead'), superAt('boots')];
  const broken = openDamaged(media, layouts, 'test', poison);
  const { done, poison: still } = repairStore(broken, poison);
  expect(done.join('\n')).toMatch(
    /the root of names was lost; it is object [0-9a-f:]{33}, which has 7 names/,
  );
  expect(still).toEqual([]);
  for (const { offset, bytes } of broken.region.changedPages()) media.write(dpa(offset), bytes);
  expect(checkStore(new ObjectStore(media, layouts))).toEqual([]);
  expect(machine.run("cat a d/b; login alice -c 'cat c; tree t get 1'", 400_000_000)).toEqual({
    output: 'kept\ntoo\nmine\n2\n',
    status: 0,
  });
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
