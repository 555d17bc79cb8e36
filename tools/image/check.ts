/**
 * Checks an object store: that every page of the region has exactly one use (metadata, a number of references that is the
 * number of its users, or the free list), that directory, deleted list and counts agree, and that IDs are what they
 * claim. Each complaint names the page or object. An empty list is a whole store; after a power failure at any instant it must be empty.
 */
import { createHash, type Hash } from 'node:crypto';
import { PAGE_SIZE } from '../../emulator/addresses.ts';
import { formatObjectId, type ObjectStore, type StoredObject } from './store.ts';

const MASK_64 = (1n << 64n) - 1n;

/** What an ID is made of, data aside. */
export interface IdSource {
  readonly nonceLo: bigint;
  readonly nonceHi: bigint;
  /** Default rights and MIP_HASHDATA. */
  readonly pFlags: number;
  readonly kuid: bigint;
}

/** The ID that nonce, rights and key give (guest/kernel/create.ts); `hashData` adds the data of HASHDATA objects. */
export function computeIdOf(source: IdSource, hashData: (hash: Hash) => void = () => {}): bigint {
  const words = new DataView(new ArrayBuffer(40));
  words.setBigUint64(0, source.nonceLo, true);
  words.setBigUint64(8, source.nonceHi, true);
  words.setBigUint64(16, BigInt(source.pFlags), true);
  words.setBigUint64(24, source.kuid & MASK_64, true);
  words.setBigUint64(32, source.kuid >> 64n, true);
  const hash = createHash('sha256').update(new Uint8Array(words.buffer));
  hashData(hash);
  const digest = hash.digest();
  const word = (index: number): bigint => digest.readBigUInt64LE(index * 8);
  return (word(0) ^ word(2)) | ((word(1) ^ word(3)) << 64n);
}

/** The ID that a stored object must have. */
export function computeId(store: ObjectStore, object: StoredObject): bigint {
  const { layouts, region } = store;
  const word = (field: string): bigint => region.u64(object.record + layouts.offset('Record', field));
  const source = {
    nonceLo: word('nonceLo'),
    nonceHi: word('nonceHi'),
    pFlags: object.pFlags,
    kuid: object.kuid,
  };
  return computeIdOf(source, (hash) => {
    if ((BigInt(object.pFlags) & layouts.constant('MIP_HASHDATA')) === 0n) return;
    const meta = Number(layouts.constant('META_OFFSET'));
    for (const { offset, at } of store.pages(object)) {
      const number = new DataView(new ArrayBuffer(8));
      number.setBigUint64(0, BigInt(offset), true);
      hash.update(new Uint8Array(number.buffer));
      const holdsMeta = offset === meta - (meta % PAGE_SIZE);
      hash.update(region.bytes(at, holdsMeta ? meta % PAGE_SIZE : PAGE_SIZE));
    }
  });
}

/**
 * What is wrong with a store, one line each.
 * @param poison device physical addresses of blocks that cannot be read
 */
export function checkStore(store: ObjectStore, poison: readonly number[] = []): string[] {
  return new Checker(store, poison).run();
}

class Checker {
  private readonly found: string[] = [];
  /** Users of each page of the data area. */
  private readonly users = new Map<number, number>();
  private readonly records = new Set<number>();

  /** Poisoned blocks by page, until somebody says what they are. */
  private readonly poisoned = new Map<number, number[]>();

  constructor(
    private readonly store: ObjectStore,
    poison: readonly number[],
  ) {
    for (const address of poison) {
      const page = Math.floor(address / PAGE_SIZE);
      this.poisoned.set(page, [...(this.poisoned.get(page) ?? []), address]);
    }
  }

  run(): string[] {
    let objects = 0;
    this.metadata();
    for (const object of this.store.objects()) {
      objects++;
      this.object(object);
    }
    if (objects !== this.store.field('objects')) {
      this.found.push(
        `the superblock counts ${this.store.field('objects')} objects, the directory has ${objects}`,
      );
    }
    this.deletedList();
    this.chains();
    this.recordPages();
    this.pages();
    for (const page of [...this.poisoned.keys()]) this.damage(page, 'a page that is free or never used');
    return this.found;
  }

  /** Says of the unreadable blocks of a page what they are a part of. */
  private damage(page: number, what: string): void {
    for (const address of this.poisoned.get(page) ?? [])
      this.found.push(`${what}: the block at 0x${address.toString(16)} cannot be read`);
    this.poisoned.delete(page);
  }

  /** Unreadable blocks before the data area. */
  private metadata(): void {
    const { store } = this;
    const journal = Number(store.layouts.constant('JOURNAL_PAGE'));
    const parts: readonly (readonly [number, string])[] = [
      [1, 'the superblock'],
      [journal, 'the copy of the superblock'],
      [store.field('references') / PAGE_SIZE, 'the journal'],
      [store.field('buckets') / PAGE_SIZE, 'the reference counts'],
      [store.field('dataStart'), 'the directory'],
    ];
    for (const page of [...this.poisoned.keys()]) {
      const part = parts.find(([end]) => page < end);
      if (part) this.damage(page, part[1]);
    }
  }

  private use(offset: number, what: string): void {
    const page = offset / PAGE_SIZE;
    if (
      !Number.isInteger(page) ||
      page < this.store.field('dataStart') ||
      page >= this.store.field('watermark')
    ) {
      this.found.push(`${what} uses 0x${offset.toString(16)}, which is no page of the data area`);
      return;
    }
    this.users.set(page, (this.users.get(page) ?? 0) + 1);
    if (this.poisoned.size > 0) this.damage(page, what);
  }

  private object(object: StoredObject): void {
    const name = `object ${formatObjectId(object.id)}`;
    this.records.add(object.record);
    const id = computeId(this.store, object);
    if ((object.flags & Number(this.store.layouts.constant('RF_DAMAGED'))) !== 0)
      this.found.push(`${name}: a part of its record was lost to a media error`);
    else if (id !== object.id)
      this.found.push(`${name}: its nonce, rights and key give ${formatObjectId(id)}`);
    const next = this.store.recordWord(object.record, 'next');
    if (this.store.recordWord(object.record, 'nextCopy') !== next)
      this.found.push(`${name}: the two links to the next record differ`);
    this.tree(object, name);
  }

  private tree(object: StoredObject, name: string): void {
    let pages = 0;
    for (const { offset, at } of this.store.pages(object, (table) => this.use(table, `${name} (table)`))) {
      pages++;
      this.use(at, `${name}, page at 0x${offset.toString(16)}`);
    }
    const damaged = (object.flags & Number(this.store.layouts.constant('RF_DAMAGED'))) !== 0;
    if (pages !== object.pages && !damaged)
      this.found.push(`${name}: its record counts ${object.pages} pages, it has ${pages}`);
  }

  /** Objects being built are on the list of deleted ones and in no bucket; their pages count as well. */
  private deletedList(): void {
    const building = Number(this.store.layouts.constant('RF_BUILDING'));
    const deleted = Number(this.store.layouts.constant('RF_DELETED'));
    const seen = new Set<number>();
    let previous = 0;
    for (let record = this.store.field('deletedHead'); record !== 0; ) {
      if (seen.has(record)) {
        this.found.push('the list of deleted objects is a ring');
        return;
      }
      seen.add(record);
      const object = this.store.readRecord(record);
      const name = `deleted object at 0x${record.toString(16)}`;
      if ((object.flags & deleted) === 0) this.found.push(`${name} is on the list, but not marked deleted`);
      if (this.store.recordWord(record, 'deletedPrevious') !== previous)
        this.found.push(`${name}: wrong back link`);
      if ((object.flags & building) !== 0) {
        this.records.add(record);
        this.tree(object, name);
      } else if (!this.records.has(record)) this.found.push(`${name} is in no bucket of the directory`);
      previous = record;
      record = this.store.recordWord(record, 'deletedNext');
    }
  }

  /** Ties, resume records and free records. */
  private chains(): void {
    for (const record of [...this.records]) this.chain(this.store.recordWord(record, 'ties'), 'tie');
    this.chain(this.store.field('resumeHead'), 'resume record');
    this.chain(this.store.field('recordFree'), 'free record');
  }

  private chain(first: number, what: string): void {
    for (let record = first; record !== 0; record = this.store.recordWord(record, 'next')) {
      if (this.records.has(record)) {
        this.found.push(`${what} at 0x${record.toString(16)} is used twice`);
        return;
      }
      this.records.add(record);
    }
  }

  /** Pages of records hold nothing but records that are in use or free. */
  private recordPages(): void {
    const size = this.store.layouts.struct('Record').size;
    const pages = new Set([...this.records].map((record) => Math.floor(record / PAGE_SIZE)));
    for (const page of pages) {
      this.use(page * PAGE_SIZE, 'a page of records');
      for (let record = page * PAGE_SIZE; record < (page + 1) * PAGE_SIZE; record += size) {
        if (!this.records.has(record)) this.found.push(`the record at 0x${record.toString(16)} is lost`);
      }
    }
  }

  /** Every page of the data area is used as often as it says, or free. */
  private pages(): void {
    const { store } = this;
    const freeFlag = Number(store.layouts.constant('REF_FREE'));
    const free = new Set<number>();
    for (let page = store.field('freeHead'); page !== 0; ) {
      if (free.has(page)) {
        this.found.push('the list of free pages is a ring');
        break;
      }
      free.add(page);
      const word = store.references(page);
      if ((word & freeFlag) === 0) {
        this.found.push(`page ${page} is on the list of free pages, but has references`);
        break;
      }
      page = (word & ~freeFlag) >>> 0;
    }
    const end = store.field('watermark');
    const watermark = Math.min(end, store.field('pages'));
    if (end !== watermark)
      this.found.push(`the superblock says that ${end} pages have been used; there are ${watermark}`);
    for (let page = store.field('dataStart'); page < watermark; page++) {
      const users = this.users.get(page) ?? 0;
      if (free.has(page)) {
        if (users > 0) this.found.push(`page ${page} is free and has ${users} users`);
        continue;
      }
      const references = store.references(page);
      if ((references & Number(store.layouts.constant('REF_LOST'))) !== 0) {
        this.found.push(`page ${page}: its number of users was lost to a media error; it is never free`);
        continue;
      }
      if (users === 0) this.found.push(`page ${page} is leaked: no object has it, and it is not free`);
      else if (references !== users)
        this.found.push(`page ${page} has ${users} users and says ${references}`);
    }
    const unused = store.field('pages') - watermark;
    if (free.size + unused !== store.field('freeCount')) {
      this.found.push(
        `the superblock counts ${store.field('freeCount')} free pages, there are ${free.size + unused}`,
      );
    }
  }
}
