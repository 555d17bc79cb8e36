/**
 * Changes an object store from the host: objects with a given identity and contents, contents of objects that are there, deletion. The changes are made
 * in memory (`RegionReader`), by the same rules as the kernel's (guest/kernel/store.ts, tree.ts); `save.ts` makes a file of them.
 * The store must have been shut down in order: nothing is under way in its journal.
 */
import { PAGE_SIZE } from '../../emulator/addresses.ts';
import { UserError } from '../../emulator/errors.ts';
import { ENTRY, LARGE_PAGE, PAGE_TYPE } from '../../emulator/mmu/xtwz/layout.ts';
import { formatObjectId, type ObjectStore, PTE_V, type StoredObject } from './store.ts';

const MASK_64 = (1n << 64n) - 1n;
/** Bits of page-tree entries beside PTE_V. */
const PTE_C = BigInt(ENTRY.copyOnWrite);
const LEAF = PTE_V | BigInt(ENTRY.leaf) | BigInt(PAGE_TYPE.nvdimm << ENTRY.typeShift);

/** What an object is, apart from its contents. */
export interface Identity {
  readonly id: bigint;
  readonly kuid: bigint;
  readonly nonceLo: bigint;
  readonly nonceHi: bigint;
  /** Default rights and MIP_HASHDATA. */
  readonly pFlags: number;
}

/** Contents: pages by their offset in the object. */
export type Pages = Iterable<{ readonly offset: number; readonly bytes: Uint8Array }>;

export class StoreWriter {
  constructor(readonly store: ObjectStore) {}

  private get region() {
    return this.store.region;
  }

  private superblockAt(field: string): number {
    return this.store.layouts.offset('Superblock', field);
  }

  private recordAt(record: number, field: string): number {
    return record + this.store.layouts.offset('Record', field);
  }

  private get(field: string): number {
    return Number(this.region.u64(this.superblockAt(field)));
  }

  private set(field: string, value: number): void {
    this.region.patch(this.superblockAt(field), BigInt(value));
  }

  // ------------------------------------------------------------------------------------------------------ pages

  private referenceAt(page: number): number {
    return this.get('references') + page * 4;
  }

  /** Takes a free page and fills it. Returns its offset. @throws UserError when the store is full */
  private allocatePage(bytes?: Uint8Array): number {
    const freeFlag = Number(this.store.layouts.constant('REF_FREE'));
    let page = this.get('freeHead');
    if (page !== 0) this.set('freeHead', (this.region.u32(this.referenceAt(page)) & ~freeFlag) >>> 0);
    else {
      page = this.get('watermark');
      if (page >= this.get('pages')) throw new UserError('the object store is full');
      this.set('watermark', page + 1);
    }
    this.set('freeCount', this.get('freeCount') - 1);
    this.region.patch32(this.referenceAt(page), 1);
    const offset = page * PAGE_SIZE;
    this.region.patchBytes(offset, bytes ?? new Uint8Array(PAGE_SIZE));
    return offset;
  }

  private releasePage(offset: number): void {
    const page = offset / PAGE_SIZE;
    const references = this.region.u32(this.referenceAt(page));
    if (references > 1) {
      this.region.patch32(this.referenceAt(page), references - 1);
      return;
    }
    const freeFlag = Number(this.store.layouts.constant('REF_FREE'));
    this.region.patch32(this.referenceAt(page), (freeFlag | this.get('freeHead')) >>> 0);
    this.set('freeHead', page);
    this.set('freeCount', this.get('freeCount') + 1);
  }

  private entryFor(offset: number, bits: bigint): bigint {
    return (BigInt((offset + this.get('base')) / PAGE_SIZE) << 10n) | bits;
  }

  /** The table that the entry at `place` points to, made if there is none. Returns the table's offset. */
  private table(place: number, bits: bigint): number {
    const entry = this.region.u64(place);
    if ((entry & PTE_V) !== 0n) return this.store.pageOf(entry);
    const table = this.allocatePage();
    this.region.patch(place, this.entryFor(table, PTE_V | bits));
    return table;
  }

  /** Where the entry of the page at `offset` of an object is, its tables made. */
  private entryPlace(object: StoredObject, offset: number): number {
    const immutable = (BigInt(object.pFlags) & this.store.layouts.constant('MIP_HASHDATA')) !== 0n;
    const level1 = this.table(this.recordAt(object.record, 'root'), immutable ? PTE_C : 0n);
    const level0 = this.table(level1 + Math.floor(offset / LARGE_PAGE) * 8, 0n);
    return level0 + (Math.floor(offset / PAGE_SIZE) % (LARGE_PAGE / PAGE_SIZE)) * 8;
  }

  private setPage(object: StoredObject, offset: number, bytes: Uint8Array): void {
    const place = this.entryPlace(object, offset);
    const before = this.region.u64(place);
    this.region.patch(place, this.entryFor(this.allocatePage(bytes), LEAF));
    if ((before & PTE_V) !== 0n) this.releasePage(this.store.pageOf(before));
    else {
      const count = this.recordAt(object.record, 'pages');
      this.region.patch(count, this.region.u64(count) + 1n);
    }
  }

  /** Changes bytes of an object; pages that other objects share are copied. */
  write(id: bigint, offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const object = this.find(id);
      const at = offset + done;
      const start = at - (at % PAGE_SIZE);
      const count = Math.min(bytes.length - done, PAGE_SIZE - (at % PAGE_SIZE));
      const page = this.store.read(object, start, PAGE_SIZE);
      page.set(bytes.subarray(done, done + count), at % PAGE_SIZE);
      this.setPage(object, start, page);
      done += count;
    }
  }

  private find(id: bigint): StoredObject {
    const object = this.store.find(id);
    if (!object) throw new Error(`object ${formatObjectId(id)} is not in the store`);
    return object;
  }

  // ---------------------------------------------------------------------------------------------------- objects

  private allocateRecord(): number {
    const { size } = this.store.layouts.struct('Record');
    let head = this.get('recordFree');
    if (head === 0) {
      const page = this.allocatePage();
      this.set('recordPages', this.get('recordPages') + 1);
      for (let record = page; record < page + PAGE_SIZE; record += size) {
        this.region.patch(this.recordAt(record, 'next'), BigInt(head));
        head = record;
      }
    }
    this.set('recordFree', this.store.recordWord(head, 'next'));
    for (let offset = 0; offset < size; offset += 8) this.region.patch(head + offset, 0n);
    return head;
  }

  private bucketAt(id: bigint): number {
    return this.get('buckets') + Number(id & BigInt(this.get('bucketCount') - 1)) * 8;
  }

  /** Makes an object with these contents. @throws UserError when the store is full */
  create(identity: Identity, pages: Pages): void {
    const { layouts } = this.store;
    const record = this.allocateRecord();
    const set = (field: string, value: bigint): void =>
      this.region.patch(this.recordAt(record, field), value);
    const setId = (field: string, id: bigint): void => {
      this.region.patch(this.recordAt(record, field), id & MASK_64);
      this.region.patch(this.recordAt(record, field) + 8, id >> 64n);
    };
    setId('id', identity.id);
    setId('kuid', identity.kuid);
    set('nonceLo', identity.nonceLo);
    set('nonceHi', identity.nonceHi);
    set('info', (layouts.constant('RECORD_OBJECT') << 32n) | BigInt(identity.pFlags));
    const bucket = this.bucketAt(identity.id);
    set('next', this.region.u64(bucket));
    set('nextCopy', this.region.u64(bucket));
    this.region.patch(bucket, BigInt(record));
    this.set('objects', this.get('objects') + 1);
    for (const { offset, bytes } of pages) this.setPage(this.find(identity.id), offset, bytes);
  }

  /** Gives an object other contents. */
  replace(id: bigint, pages: Pages): void {
    const object = this.find(id);
    const used = [...this.store.pages(object)];
    const tables: number[] = [];
    for (const _ of this.store.pages(object, (table) => tables.push(table)));
    this.region.patch(this.recordAt(object.record, 'root'), 0n);
    this.region.patch(this.recordAt(object.record, 'pages'), 0n);
    for (const { at } of used) this.releasePage(at);
    for (const table of tables) this.releasePage(table);
    for (const { offset, bytes } of pages) this.setPage(this.find(id), offset, bytes);
  }

  /** Puts an object on the list of those that are deleted; the kernel frees it at the next boot, or when nothing is tied to it. */
  markDeleted(id: bigint): void {
    const { record, flags } = this.find(id);
    const deleted = this.store.layouts.constant('RF_DELETED');
    if ((BigInt(flags) & deleted) !== 0n) return;
    const head = this.get('deletedHead');
    const info = this.recordAt(record, 'info');
    this.region.patch(info, this.region.u64(info) | (deleted << 48n));
    this.region.patch(this.recordAt(record, 'deletedNext'), BigInt(head));
    this.region.patch(this.recordAt(record, 'deletedPrevious'), 0n);
    if (head !== 0) this.region.patch(this.recordAt(head, 'deletedPrevious'), BigInt(record));
    this.set('deletedHead', record);
  }
}

/** All pages of an object, as `create` takes them. */
export function* pagesOf(store: ObjectStore, object: StoredObject): Pages {
  for (const { offset, at } of store.pages(object))
    yield { offset, bytes: store.region.bytes(at, PAGE_SIZE) };
}

/** Contents that begin at an offset, in pages. */
export function* pagesFrom(start: number, bytes: Uint8Array): Pages {
  for (let done = 0; done < bytes.length; done += PAGE_SIZE) {
    const page = new Uint8Array(PAGE_SIZE);
    page.set(bytes.subarray(done, done + PAGE_SIZE));
    yield { offset: start + done, bytes: page };
  }
}
