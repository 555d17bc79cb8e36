/**
 * The object store of an NVDIMM image, read from the host: superblock, journal, directory, page trees
 * (guest/abi/store.ts, docs/xtwz.md §3.6). Nothing is written. What cannot be true is a `UserError` when the store cannot be
 * opened at all; `check.ts` lists everything else.
 */
import { PAGE_SIZE } from '../../emulator/addresses.ts';
import { UserError } from '../../emulator/errors.ts';
import type { Media } from '../../emulator/nvdimm/media.ts';
import { Layouts } from '../guest/layouts.ts';
import { RegionReader } from './region.ts';

/** An object of the store. */
export interface StoredObject {
  /** 128-bit ID. */
  readonly id: bigint;
  readonly kuid: bigint;
  /** Offset of its record in the region. */
  readonly record: number;
  /** Default rights and MIP_HASHDATA. */
  readonly pFlags: number;
  /** RF_* flags. */
  readonly flags: number;
  /** Page-tree entry of level 2. */
  readonly root: bigint;
  /** User pages as the record counts them. */
  readonly pages: number;
}

/** Entries of a page table. */
export const ENTRIES = 512;
export const PTE_V = 1n;

/** `hi:lo` in hexadecimal, as the guest prints IDs. */
export function formatObjectId(id: bigint): string {
  const text = id.toString(16).padStart(32, '0');
  return `${text.slice(0, 16)}:${text.slice(16)}`;
}

export class ObjectStore {
  readonly region: RegionReader;
  private readonly superblock: ReadonlyMap<string, bigint>;

  /** @throws UserError when there is no store of this version in the media */
  constructor(
    media: Pick<Media, 'size' | 'read'>,
    readonly layouts: Layouts = Layouts.load(),
    name = 'the image',
  ) {
    this.region = new RegionReader(media);
    const magic = this.region.u64(layouts.offset('Superblock', 'magic'));
    if (magic === 0n) throw new UserError(`${name}: holds no object store yet; boot the guest on it once`);
    if (magic !== layouts.constant('STORE_MAGIC')) {
      throw new UserError(`${name}: holds something else than an object store`);
    }
    const version = this.region.u64(layouts.offset('Superblock', 'version'));
    if (version !== layouts.constant('STORE_VERSION')) {
      throw new UserError(
        `${name}: an object store of version ${version}; this licorice reads version ${layouts.constant('STORE_VERSION')}`,
      );
    }
    this.replayJournal();
    const { fields } = layouts.struct('Superblock');
    this.superblock = new Map(
      Object.entries(fields)
        .filter(([, field]) => field.size === 8)
        .map(([field, { offset }]) => [field, this.region.u64(offset)]),
    );
  }

  /** What recovery would do first: repeats decided transactions, in order, in what this reader sees. */
  private replayJournal(): void {
    const { layouts, region } = this;
    const start = Number(layouts.constant('JOURNAL_PAGE')) * PAGE_SIZE;
    const half = Number(layouts.constant('JOURNAL_HALF_PAGES')) * PAGE_SIZE;
    const countAt = layouts.offset('JournalHeader', 'count');
    const sequenceAt = layouts.offset('JournalHeader', 'sequence');
    const halves = [start, start + half].sort((a, b) =>
      Number(region.u64(a + sequenceAt) - region.u64(b + sequenceAt)),
    );
    for (const journal of halves) {
      const count = Number(region.u64(journal + countAt));
      for (let i = 0; i < count; i++) {
        const entry = journal + 64 + i * 16;
        region.patch(Number(region.u64(entry)), region.u64(entry + 8));
      }
    }
  }

  /** A word of the superblock. */
  field(name: string): number {
    const value = this.superblock.get(name);
    if (value === undefined) throw new Error(`Superblock has no word ${name}`);
    return Number(value);
  }

  /** ID of the root of names, 0 = none. */
  get nameRoot(): bigint {
    return this.readId(this.layouts.offset('Superblock', 'nameRoot'));
  }

  /** True when the kernel did not shut down in order. */
  get isDirty(): boolean {
    return this.field('running') !== 0;
  }

  readId(offset: number): bigint {
    return this.region.u64(offset) | (this.region.u64(offset + 8) << 64n);
  }

  /** The reference word of a page: count, or REF_FREE | next. */
  references(page: number): number {
    return this.region.u32(this.field('references') + page * 4);
  }

  /** The object of the record at `record`. */
  readRecord(record: number): StoredObject {
    const at = (field: string): number => record + this.layouts.offset('Record', field);
    const info = this.region.u64(at('info'));
    return {
      id: this.readId(at('id')),
      kuid: this.readId(at('kuid')),
      record,
      pFlags: Number(info & 0xffff_ffffn),
      flags: Number(info >> 48n),
      root: this.region.u64(at('root')),
      pages: Number(this.region.u64(at('pages'))),
    };
  }

  recordWord(record: number, field: string): number {
    return Number(this.region.u64(record + this.layouts.offset('Record', field)));
  }

  /** All objects of the directory, by bucket. */
  *objects(): Generator<StoredObject> {
    const buckets = this.field('buckets');
    for (let bucket = 0; bucket < this.field('bucketCount'); bucket++) {
      const chain = new Set<number>();
      let record = Number(this.region.u64(buckets + bucket * 8));
      while (record !== 0) {
        if (chain.has(record)) throw new UserError(`bucket ${bucket} of the directory is a ring`);
        chain.add(record);
        yield this.readRecord(record);
        record = this.recordWord(record, 'next');
      }
    }
  }

  /** The object with this ID, if it is stored. */
  find(id: bigint): StoredObject | undefined {
    const bucket = Number(id & BigInt(this.field('bucketCount') - 1));
    let record = Number(this.region.u64(this.field('buckets') + bucket * 8));
    while (record !== 0) {
      const object = this.readRecord(record);
      if (object.id === id) return object;
      record = this.recordWord(record, 'next');
    }
    return undefined;
  }

  /** Offset in the region of the page that an entry points to. */
  pageOf(entry: bigint): number {
    return Number((entry >> 10n) & 0xfff_ffff_ffffn) * PAGE_SIZE - this.field('base');
  }

  private isInside(offset: number): boolean {
    return offset >= 0 && offset < this.region.size;
  }

  /** Present pages of an object: offset in the object, offset in the region, entry; `tables` sees each table's offset. */
  *pages(
    object: StoredObject,
    tables?: (offset: number) => void,
  ): Generator<{ readonly offset: number; readonly at: number; readonly entry: bigint }> {
    if ((object.root & PTE_V) === 0n) return;
    const level1 = this.pageOf(object.root);
    tables?.(level1);
    if (!this.isInside(level1)) return;
    for (let i = 0; i < ENTRIES; i++) {
      const table = this.region.u64(level1 + i * 8);
      if ((table & PTE_V) === 0n) continue;
      const level0 = this.pageOf(table);
      tables?.(level0);
      if (!this.isInside(level0)) continue;
      for (let j = 0; j < ENTRIES; j++) {
        const entry = this.region.u64(level0 + j * 8);
        if ((entry & PTE_V) === 0n) continue;
        yield { offset: (i * ENTRIES + j) * PAGE_SIZE, at: this.pageOf(entry), entry };
      }
    }
  }

  /** Bytes of an object; absent pages read as zeros. */
  read(object: StoredObject, offset: number, length: number): Uint8Array {
    const result = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const at = offset + done;
      const within = at % PAGE_SIZE;
      const count = Math.min(length - done, PAGE_SIZE - within);
      const page = this.findPage(object, at);
      if (page !== undefined) result.set(this.region.bytes(page + within, count), done);
      done += count;
    }
    return result;
  }

  /** Offset in the region of the page at `offset` of an object, if it is present. */
  findPage(object: StoredObject, offset: number): number | undefined {
    if ((object.root & PTE_V) === 0n) return undefined;
    const table = this.region.u64(this.pageOf(object.root) + Math.floor(offset / 2 ** 21) * 8);
    if ((table & PTE_V) === 0n) return undefined;
    const entry = this.region.u64(this.pageOf(table) + (Math.floor(offset / PAGE_SIZE) % ENTRIES) * 8);
    return (entry & PTE_V) === 0n ? undefined : this.pageOf(entry);
  }

  /** A little-endian word of an object. */
  word(object: StoredObject, offset: number, size: 2 | 4 | 8): bigint {
    const view = new DataView(this.read(object, offset, size).buffer);
    return size === 8
      ? view.getBigUint64(0, true)
      : BigInt(size === 4 ? view.getUint32(0, true) : view.getUint16(0, true));
  }

  /** Bytes of data that an object says it has; undefined when it does not say. */
  dataSize(object: StoredObject): number | undefined {
    const meta = Number(this.layouts.constant('META_OFFSET'));
    const flags = this.word(object, meta + this.layouts.offset('MetaInfo', 'flags'), 2);
    if ((flags & this.layouts.constant('MIF_SIZE')) === 0n) return undefined;
    return Number(this.word(object, meta + this.layouts.offset('MetaInfo', 'size'), 8));
  }
}
