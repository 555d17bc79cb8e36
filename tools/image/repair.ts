/**
 * Mends an object store (`licorice image check --repair`). What can be derived is derived anew from what cannot: reference counts, the list of free
 * pages, the directory, the lists of deleted objects, ties and free records all follow from the records and the page trees. So
 * whatever is broken among them is mended, and no object is lost that has a record.
 *
 * Lost for good is what was nowhere else: an object of which the first block of the record cannot be read, pages to which only an unreadable part of a
 * table led. Unreadable blocks of an object's data and page tables are left as they are: reading what they held faults, which is better than zeros that
 * nobody has written.
 *
 * Records are only looked for in pages of which the kernel uses at least one: whatever else looks like one may have been written by a program.
 */
import { CACHE_BLOCK_SIZE, PAGE_SIZE } from '../../emulator/addresses.ts';
import { ENTRY, LARGE_PAGE, PAGE_TYPE } from '../../emulator/mmu/xtwz/layout.ts';
import { computeId } from './check.ts';
import { ENTRIES, formatObjectId, type ObjectStore, PTE_V, type StoredObject } from './store.ts';
import { rebuildSuperblock } from './superblock.ts';

/** What a repair has done. */
export interface Repair {
  /** One line for each thing that was mended, lost, or left. */
  readonly done: readonly string[];
  /** Device physical addresses of the blocks that cannot be read and have been left. */
  readonly poison: readonly number[];
}

/** Mends a store in memory: `store.region` has the changes. `poison`: device physical addresses of blocks that cannot be read. */
export function repairStore(store: ObjectStore, poison: readonly number[] = []): Repair {
  return new Repairer(store, poison).run();
}

const LEAF = PTE_V | BigInt(ENTRY.leaf);
const MEMORY = BigInt(PAGE_TYPE.nvdimm << ENTRY.typeShift);
/** Revocation number of an object of which nobody knows it: every capability is void. */
const ALL_VOID = (1n << 64n) - 1n;

type RecordField = 'next' | 'nextCopy' | 'ties' | 'tiedBy' | 'pages' | 'deletedNext' | 'deletedPrevious';

class Repairer {
  private readonly done: string[] = [];
  private readonly poison: Set<number>;
  /** Objects that are there, by the offset of their record. */
  private readonly objects = new Map<number, StoredObject>();
  /** Pages of records, and the records of other kinds that are in use. */
  private readonly recordPages = new Set<number>();
  private readonly used = new Set<number>();
  /** Users of each page of the data area. */
  private readonly users = new Map<number, number>();
  private readonly size: number;
  private mended = 0;

  constructor(
    private readonly store: ObjectStore,
    poison: readonly number[],
  ) {
    this.poison = new Set(poison);
    this.size = store.layouts.struct('Record').size;
  }

  run(): Repair {
    this.endJournal();
    this.count('end of the pages in use', () => this.watermark());
    this.findRecordPages();
    this.findObjects();
    for (const object of this.objects.values()) this.walk(object);
    this.done.push(...rebuildSuperblock(this.store, this.objects.values(), this.poison));
    this.count('directory', () => this.directory());
    this.count('list of deleted objects', () => this.deletedList());
    this.count('ties', () => this.ties());
    this.count('records of threads to resume', () => this.resumeList());
    this.count('list of free records', () => this.freeRecords());
    this.count('reference counts and the list of free pages', () => this.pages());
    this.count('counts of the superblock', () => this.counts());
    this.clearElsewhere();
    return { done: this.done, poison: [...this.poison] };
  }

  // ------------------------------------------------------------------------------------------------- words

  private constant(name: string): number {
    return Number(this.store.layouts.constant(name));
  }

  /** A word that the repair may have changed. */
  private get(field: string): number {
    return Number(this.store.region.u64(this.store.layouts.offset('Superblock', field)));
  }

  /** Sets a word if it is not so already. */
  private set(offset: number, value: bigint): void {
    if (this.store.region.u64(offset) === value) return;
    this.store.region.patch(offset, value);
    this.mended++;
  }

  private setSuper(field: string, value: number): void {
    this.set(this.store.layouts.offset('Superblock', field), BigInt(value));
  }

  private setRecord(record: number, field: RecordField, value: number): void {
    this.set(record + this.store.layouts.offset('Record', field), BigInt(value));
  }

  private count(what: string, mend: () => void): void {
    this.mended = 0;
    mend();
    if (this.mended > 0) this.done.push(`${what}: ${this.mended} words set right`);
  }

  private readable(offset: number): boolean {
    return !this.poison.has(offset - (offset % CACHE_BLOCK_SIZE));
  }

  /** Makes a block that cannot be read one of zeros. */
  private zeroBlock(block: number): void {
    for (let at = block; at < block + CACHE_BLOCK_SIZE; at += 8) this.store.region.patch(at, 0n);
    this.poison.delete(block);
  }

  private kindOf(record: number): number {
    const info = this.store.region.u64(record + this.store.layouts.offset('Record', 'info'));
    return Number((info >> 32n) & 0xffffn);
  }

  // ------------------------------------------------------------------------------------- what is there

  /** What the journal had decided has been done by the reader (store.ts). It must not be done again, over what is mended here. */
  private endJournal(): void {
    const start = this.constant('JOURNAL_PAGE') * PAGE_SIZE;
    const half = this.constant('JOURNAL_HALF_PAGES') * PAGE_SIZE;
    for (const header of [start, start + half]) {
      this.set(header + this.store.layouts.offset('JournalHeader', 'count'), 0n);
    }
  }

  /** Pages from the watermark on were never used: none of them has a reference word. One that cannot be read may have been one. */
  private watermark(): void {
    let used = this.get('dataStart');
    const lost = !this.readable(this.store.layouts.offset('Superblock', 'watermark'));
    for (let page = used; page < this.get('pages'); page++)
      if ((this.reference(page) ?? Number(lost)) !== 0) used = page + 1;
    const watermark = this.get('watermark');
    if (watermark < used || watermark > this.get('pages')) this.setSuper('watermark', used);
  }

  private addRecordPage(record: number): boolean {
    const page = record - (record % PAGE_SIZE);
    const valid = record % this.size === 0 && this.inData(page);
    if (valid) this.recordPages.add(page);
    return valid;
  }

  private inData(offset: number): boolean {
    const page = offset / PAGE_SIZE;
    return Number.isInteger(page) && page >= this.get('dataStart') && page < this.get('watermark');
  }

  /** Follows every chain of records as far as it goes. */
  private findRecordPages(): void {
    const { store } = this;
    const follow = (first: number, field: RecordField): void => {
      const seen = new Set<number>();
      for (let record = first; record !== 0 && !seen.has(record) && this.addRecordPage(record); ) {
        seen.add(record);
        const copy = field === 'next' && !this.readable(record);
        record = store.recordWord(record, copy ? 'nextCopy' : field);
      }
    };
    const buckets = this.get('buckets');
    for (let bucket = 0; bucket < this.get('bucketCount'); bucket++) {
      const at = buckets + bucket * 8;
      if (this.readable(at)) follow(Number(store.region.u64(at)), 'next');
    }
    follow(this.get('deletedHead'), 'deletedNext');
    follow(this.get('recordFree'), 'next');
    follow(this.get('resumeHead'), 'next');
    // Ties lead to more; those may lead to objects in pages of which nobody has heard yet.
    for (let before = -1; before !== this.recordPages.size; ) {
      before = this.recordPages.size;
      for (const record of this.records()) {
        if (this.kindOf(record) === this.constant('RECORD_OBJECT'))
          follow(store.recordWord(record, 'ties'), 'next');
        if (this.kindOf(record) === this.constant('RECORD_TIE'))
          this.addRecordPage(store.recordWord(record, 'pages'));
      }
    }
  }

  /** All records of the pages that are known, those whose first block cannot be read left out. */
  private *records(): Generator<number> {
    for (const page of [...this.recordPages].sort((a, b) => a - b)) {
      for (let record = page; record < page + PAGE_SIZE; record += this.size) {
        if (this.readable(record)) yield record;
      }
    }
  }

  /** Objects are the records that say so; one whose ID is not what it says counts if the directory leads to it. */
  private findObjects(): void {
    const { store } = this;
    const listed = new Set<number>();
    const buckets = this.get('buckets');
    for (let bucket = 0; bucket < this.get('bucketCount'); bucket++) {
      let record = this.readable(buckets + bucket * 8) ? Number(store.region.u64(buckets + bucket * 8)) : 0;
      while (record !== 0 && !listed.has(record) && this.recordPages.has(record - (record % PAGE_SIZE))) {
        listed.add(record);
        record = store.recordWord(record, this.readable(record) ? 'next' : 'nextCopy');
      }
    }
    for (const page of this.recordPages) this.mendRecords(page);
    for (const record of this.records()) {
      const object = store.readRecord(record);
      // One that is being copied together has no kind yet (guest/kernel/create.ts).
      const building = (object.flags & this.constant('RF_BUILDING')) !== 0;
      if (this.kindOf(record) !== this.constant('RECORD_OBJECT') && !building) continue;
      if (!listed.has(record) && !building) {
        if (this.safeId(object) !== object.id) continue;
        this.done.push(
          `object ${formatObjectId(object.id)}: found, though the directory does not lead to it`,
        );
      }
      this.objects.set(record, object);
      this.used.add(record);
    }
  }

  /** The ID that an object must have; a tree that cannot be walked gives none. */
  private safeId(object: StoredObject): bigint | undefined {
    try {
      return computeId(this.store, object);
    } catch {
      return undefined;
    }
  }

  /** Unreadable blocks of a page of records. */
  private mendRecords(page: number): void {
    const { store } = this;
    for (let record = page; record < page + PAGE_SIZE; record += this.size) {
      if (!this.readable(record)) {
        this.done.push(`the record at 0x${record.toString(16)} is lost: what it was cannot be told`);
        this.zeroBlock(record);
        this.zeroBlock(record + CACHE_BLOCK_SIZE);
      } else if (!this.readable(record + CACHE_BLOCK_SIZE)) {
        this.zeroBlock(record + CACHE_BLOCK_SIZE);
        const object = store.readRecord(record);
        if (this.kindOf(record) !== this.constant('RECORD_OBJECT')) continue;
        // As the kernel does (guest/kernel/store.ts, makeUp); what can be counted is counted below.
        const info = record + store.layouts.offset('Record', 'info');
        store.region.patch(info, store.region.u64(info) | (store.layouts.constant('RF_DAMAGED') << 48n));
        store.region.patch(record + store.layouts.offset('Record', 'revocation'), ALL_VOID);
        this.done.push(
          `object ${formatObjectId(object.id)}: half of its record was lost; its data are there, capabilities for it are void`,
        );
      }
    }
  }

  // --------------------------------------------------------------------------------------------- page trees

  private use(offset: number): void {
    this.users.set(offset / PAGE_SIZE, (this.users.get(offset / PAGE_SIZE) ?? 0) + 1);
  }

  /** Can an entry of a page tree be what it says? Tables are nobody else's; a page of data is no table and no page of records. */
  private pageOf(entry: bigint, leaf: boolean): number | undefined {
    const offset = this.store.pageOf(entry);
    if (!this.inData(offset) || this.recordPages.has(offset) || this.tables.has(offset)) return undefined;
    if (((entry & LEAF) === LEAF) !== leaf || (leaf && (entry & MEMORY) !== MEMORY)) return undefined;
    return !leaf && this.users.has(offset / PAGE_SIZE) ? undefined : offset;
  }

  private readonly tables = new Set<number>();

  /** Entries of a table, what cannot be true taken out: how many that were, and the pages of the others by their index. Unreadable ones are left. */
  private entries(
    table: number,
    leaf: boolean,
  ): { readonly gone: number; readonly pages: Map<number, number> } {
    const { region } = this.store;
    const pages = new Map<number, number>();
    let gone = 0;
    for (let i = 0; i < ENTRIES; i++) {
      const place = table + i * 8;
      const entry = region.u64(place);
      if ((entry & PTE_V) === 0n || !this.readable(place)) continue;
      const page = this.pageOf(entry, leaf);
      if (page === undefined) {
        region.patch(place, 0n);
        gone++;
        continue;
      }
      if (!leaf) this.tables.add(page);
      this.use(page);
      pages.set(i, page);
    }
    return { gone, pages };
  }

  private walk(object: StoredObject): void {
    const name = `object ${formatObjectId(object.id)}`;
    const { layouts, region } = this.store;
    let pages = 0;
    let gone = 0;
    if ((object.root & PTE_V) !== 0n) {
      const root = this.pageOf(object.root, false);
      if (root === undefined) {
        region.patch(object.record + layouts.offset('Record', 'root'), 0n);
        this.done.push(`${name}: its pages are lost; the root of its page tree cannot be true`);
      } else {
        this.tables.add(root);
        this.use(root);
        const upper = this.entries(root, false);
        gone += upper.gone;
        this.reportTable(name, root, 0, LARGE_PAGE);
        for (const [index, table] of upper.pages) {
          const lower = this.entries(table, true);
          gone += lower.gone;
          pages += lower.pages.size;
          this.reportTable(name, table, index * LARGE_PAGE, PAGE_SIZE);
          for (const page of lower.pages.values()) this.reportData(name, page);
        }
      }
    }
    if (gone > 0)
      this.done.push(`${name}: ${gone} entries of its page tables were lost or could not be true`);
    this.mended = 0;
    this.setRecord(object.record, 'pages', pages);
    if (this.mended > 0) this.done.push(`${name}: it has ${pages} pages, not ${object.pages}`);
  }

  /** Unreadable blocks of a table whose first entry is about `offset` of the object, each entry about `step` bytes. */
  private reportTable(name: string, table: number, offset: number, step: number): void {
    const each = CACHE_BLOCK_SIZE / 8;
    for (let first = 0; first < ENTRIES && this.poison.size > 0; first += each) {
      if (this.readable(table + first * 8)) continue;
      const start = offset + first * step;
      this.done.push(
        `${name}: the pages that it had from 0x${start.toString(16)} to 0x${(start + each * step - 1).toString(16)} are lost: the block at 0x${(table + first * 8).toString(16)} of its page tables cannot be read; it is left so`,
      );
    }
  }

  private reportData(name: string, page: number): void {
    for (let block = page; block < page + PAGE_SIZE && this.poison.size > 0; block += CACHE_BLOCK_SIZE) {
      if (!this.readable(block))
        this.done.push(
          `${name}: the block at 0x${block.toString(16)} of its data cannot be read; it is left so`,
        );
    }
  }

  // ------------------------------------------------------------------------------- what follows from that

  /** Links records through a field, in the order given; the first one, 0 = none. */
  private link(records: readonly number[], field: RecordField): number {
    for (const [i, record] of records.entries()) this.setRecord(record, field, records[i + 1] ?? 0);
    return records[0] ?? 0;
  }

  /** Records of a chain as far as they are among `wanted`, then the others of those: what was in order stays as it was. */
  private inOrder(first: number, field: RecordField, wanted: ReadonlySet<number>): number[] {
    const order = new Set<number>();
    for (let record = first; wanted.has(record) && !order.has(record); ) {
      order.add(record);
      record = this.store.recordWord(record, field);
    }
    for (const record of wanted) order.add(record);
    return [...order];
  }

  private directory(): void {
    const { region } = this.store;
    const building = this.constant('RF_BUILDING');
    const chains = new Map<number, Set<number>>();
    let objects = 0;
    for (const { record, id, flags } of this.objects.values()) {
      if ((flags & building) !== 0) continue;
      objects++;
      const bucket = Number(id & BigInt(this.get('bucketCount') - 1));
      chains.set(bucket, (chains.get(bucket) ?? new Set()).add(record));
    }
    for (let bucket = 0; bucket < this.get('bucketCount'); bucket++) {
      const at = this.get('buckets') + bucket * 8;
      if (!this.readable(at)) this.zeroBlock(at - (at % CACHE_BLOCK_SIZE));
      const chain = this.inOrder(Number(region.u64(at)), 'next', chains.get(bucket) ?? new Set());
      this.set(at, BigInt(this.link(chain, 'next')));
      this.link(chain, 'nextCopy');
    }
    this.setSuper('objects', objects);
  }

  private deletedList(): void {
    const deleted = this.constant('RF_DELETED');
    const wanted = [...this.objects.values()].filter(({ flags }) => (flags & deleted) !== 0);
    const list = this.inOrder(
      this.get('deletedHead'),
      'deletedNext',
      new Set(wanted.map(({ record }) => record)),
    );
    this.setSuper('deletedHead', this.link(list, 'deletedNext'));
    for (const [i, record] of list.entries()) this.setRecord(record, 'deletedPrevious', list[i - 1] ?? 0);
  }

  private ties(): void {
    const { store } = this;
    const children = new Map<number, Set<number>>();
    const tiedBy = new Map<number, number>();
    for (const record of this.records()) {
      if (this.kindOf(record) !== this.constant('RECORD_TIE')) continue;
      const parent = this.recordWordOf(record, 'root');
      const child = store.recordWord(record, 'pages');
      if (!this.objects.has(parent) || !this.objects.has(child)) continue;
      this.used.add(record);
      children.set(parent, (children.get(parent) ?? new Set()).add(record));
      tiedBy.set(child, (tiedBy.get(child) ?? 0) + 1);
    }
    for (const { record } of this.objects.values()) {
      const chain = this.inOrder(store.recordWord(record, 'ties'), 'next', children.get(record) ?? new Set());
      this.setRecord(record, 'ties', this.link(chain, 'next'));
      this.setRecord(record, 'tiedBy', tiedBy.get(record) ?? 0);
    }
  }

  private recordWordOf(record: number, field: string): number {
    return Number(this.store.region.u64(record + this.store.layouts.offset('Record', field)));
  }

  private resumeList(): void {
    const wanted = new Set<number>();
    for (const record of this.records())
      if (this.kindOf(record) === this.constant('RECORD_RESUME')) wanted.add(record);
    for (const record of wanted) this.used.add(record);
    const list = this.inOrder(this.get('resumeHead'), 'next', wanted);
    this.setSuper('resumeHead', this.link(list, 'next'));
  }

  private freeRecords(): void {
    const { layouts } = this.store;
    const wanted = new Set<number>();
    for (const record of this.records()) if (!this.used.has(record)) wanted.add(record);
    const list = this.inOrder(this.get('recordFree'), 'next', wanted);
    for (const record of list) {
      if (this.kindOf(record) === this.constant('RECORD_FREE')) continue;
      this.set(record + layouts.offset('Record', 'info'), layouts.constant('RECORD_FREE') << 32n);
    }
    this.setSuper('recordFree', this.link(list, 'next'));
    this.setSuper('recordPages', this.recordPages.size);
  }

  private pages(): void {
    const { region } = this.store;
    for (const page of this.recordPages) this.use(page);
    const free = this.constant('REF_FREE');
    const wanted = new Set<number>();
    for (let page = this.get('dataStart'); page < this.get('watermark'); page++) {
      if (!this.users.has(page)) wanted.add(page);
    }
    // As far as the list is in order it stays as it is.
    const order = new Set<number>();
    for (let page = this.get('freeHead'); wanted.has(page) && !order.has(page); ) {
      const word = this.reference(page);
      if (word === undefined) break;
      order.add(page);
      if ((word & free) === 0) break;
      page = (word & ~free) >>> 0;
    }
    const listed = order.size;
    for (const page of wanted) order.add(page);
    if (order.size > listed) this.done.push(`${order.size - listed} pages that nobody has are free again`);
    const list = [...order];
    const words = new Map(this.users);
    for (const [i, page] of list.entries()) words.set(page, (free | (list[i + 1] ?? 0)) >>> 0);
    for (let page = 0; page < this.get('pages'); page++) {
      const at = this.get('references') + page * 4;
      if (!this.readable(at)) this.zeroBlock(at - (at % CACHE_BLOCK_SIZE));
      const value = words.get(page);
      if (value === undefined || region.u32(at) === value) continue;
      region.patch32(at, value);
      this.mended++;
    }
    this.setSuper('freeHead', list[0] ?? 0);
    this.setSuper('freeCount', list.length + this.get('pages') - this.get('watermark'));
  }

  /** A reference word as it was found; undefined: it cannot be read. */
  private reference(page: number): number | undefined {
    const at = this.get('references') + page * 4;
    return this.readable(at) ? this.store.region.u32(at) : undefined;
  }

  /** What is constant in the superblock is there twice. */
  private counts(): void {
    const end = this.store.layouts.offset('Superblock', 'reserved');
    for (let offset = 0; offset < end; offset += 8)
      this.set(PAGE_SIZE + offset, this.store.region.u64(offset));
  }

  /** Unreadable blocks of pages that hold nothing: free ones, the journal, the ends of the tables. */
  private clearElsewhere(): void {
    for (const block of [...this.poison]) {
      const page = Math.floor(block / PAGE_SIZE);
      if (this.users.has(page)) continue;
      if (page >= this.constant('JOURNAL_PAGE')) {
        this.zeroBlock(block);
        this.done.push(`the block at 0x${block.toString(16)}, which holds nothing, can be read again`);
      } else {
        // A superblock: what it says has been taken from the other one, or given to it, or derived.
        this.poison.delete(block);
        this.done.push(`the block at 0x${block.toString(16)} of the superblock is written anew`);
      }
    }
  }
}
