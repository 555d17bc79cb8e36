/**
 * Builds object spaces in physical memory from the host, in the formats of docs/xtwz.md §3: for tests, benchmarks and
 * bare-metal programs that have no kernel to do it. Pages come from a range given at the start and are never freed.
 * It follows the rules that software must (§7): entries become valid last, tables that are full grow.
 */
import { PAGE_SIZE } from '../../addresses.ts';
import { Initiator, type PhysicalMemory } from '../../machine/memory.ts';
import {
  CONTEXT,
  DESCRIPTOR,
  ENTRY,
  HASH,
  OBJECT_PAGES,
  SPACE,
  TABLE_WORD,
  VALID,
  VIEW,
  XTWZ_SATP_MODE,
} from './layout.ts';

/** An object as the builder knows it. Addresses are physical. */
export interface BuiltObject {
  readonly id: bigint;
  readonly descriptor: number;
  /** Its level-1 table. */
  readonly tree: number;
}

/** A hashed table (§3.2) in memory and the word that names it. */
export interface BuiltTable {
  /** Where the table word is. */
  readonly word: number;
  address: number;
  log2: number;
  entries: number;
}

export interface BuiltContext {
  /** Physical address of the record: the value for stwzctx, without V. */
  readonly record: number;
  readonly table: BuiltTable;
}

export interface BuilderOptions {
  /** First physical address that the builder may use, and the address after the last; page-aligned. */
  readonly from: number;
  readonly to: number;
}

/** The two buckets of an ID in a table of 2^log2 buckets. */
export function buckets(id: bigint, log2: number): readonly [number, number] {
  const mask = (1n << BigInt(log2)) - 1n;
  const lo = BigInt.asUintN(64, id);
  const first = lo & mask;
  let second = ((id >> 64n) ^ (lo >> 32n)) & mask;
  if (second === first) second ^= 1n;
  return [Number(first), Number(second)];
}

export class SpaceBuilder {
  readonly memory: PhysicalMemory;
  /** The object space page: satp.PPN × 4096. */
  readonly space: number;
  readonly objects: BuiltTable;
  private next: number;
  private readonly end: number;
  /** Room left for descriptors and context records in the page they share. */
  private small = 0;
  private smallEnd = 0;

  constructor(memory: PhysicalMemory, options: BuilderOptions) {
    this.memory = memory;
    this.next = options.from;
    this.end = options.to;
    this.space = this.pages(1);
    this.objects = this.table(this.space + SPACE.objectTable, 3);
  }

  /** satp for this space. */
  get satp(): bigint {
    return (BigInt(XTWZ_SATP_MODE) << 60n) | BigInt(this.space / PAGE_SIZE);
  }

  /** Zeroed pages, physically contiguous. */
  pages(count: number): number {
    const at = this.next;
    this.next += count * PAGE_SIZE;
    if (this.next > this.end) throw new RangeError('the builder has no more pages');
    this.memory.fill(at, count * PAGE_SIZE, 0, Initiator.host);
    return at;
  }

  /** Makes an object without pages. @param attributes low and high bits of the attributes word (§3.3) */
  object(id: bigint, attributes = 0n): BuiltObject {
    const descriptor = this.record();
    const tree = this.pages(1);
    this.store(descriptor + DESCRIPTOR.attributes, attributes);
    this.store(descriptor + DESCRIPTOR.idLo, id);
    this.store(descriptor + DESCRIPTOR.idHi, id >> 64n);
    this.store(descriptor + DESCRIPTOR.root, treeEntry(tree, ENTRY.valid));
    this.insert(this.objects, id, BigInt(descriptor) | BigInt(VALID));
    return { id, descriptor, tree };
  }

  /** Maps page `index` of an object; `flags` are ENTRY bits besides V and L. Returns the entry's address. */
  mapPage(object: BuiltObject, index: number, pa: number, flags = ENTRY.accessed | ENTRY.dirty): number {
    if (index < 0 || index >= OBJECT_PAGES) throw new RangeError(`an object has no page ${index}`);
    const level1 = object.tree + (index >>> 9) * ENTRY.bytes;
    let table = this.load(level1);
    if ((table & BigInt(ENTRY.valid)) === 0n) {
      table = treeEntry(this.pages(1), ENTRY.valid);
      this.store(level1, table);
    }
    const entry = Number((table >> 10n) << 12n) + (index & 511) * ENTRY.bytes;
    this.store(entry, treeEntry(pa, ENTRY.valid | ENTRY.leaf | flags));
    return entry;
  }

  /** Gives an object fresh zeroed pages from `index` on; the first one's physical address. */
  populate(object: BuiltObject, index: number, count: number): number {
    const first = this.pages(count);
    for (let i = 0; i < count; i++) this.mapPage(object, index + i, first + i * PAGE_SIZE);
    return first;
  }

  /** Makes a view: an object with room for the entries of slots below `slots` and those of all fixed slots. */
  view(id: bigint, slots: number): BuiltObject {
    const view = this.object(id);
    const first = VIEW.tableOffset / PAGE_SIZE;
    this.populate(view, first, Math.ceil((slots * VIEW.entryBytes) / PAGE_SIZE));
    return view;
  }

  /** Physical address of a view's entry. */
  viewEntry(view: BuiltObject, slot: number): number {
    const at = VIEW.tableOffset + slot * VIEW.entryBytes;
    const level1 = this.load(view.tree + (at >>> 21) * ENTRY.bytes);
    const leaf = this.load(Number((level1 >> 10n) << 12n) + ((at >>> 12) & 511) * ENTRY.bytes);
    if ((leaf & 1n) === 0n) throw new RangeError(`the view has no page for slot ${slot}`);
    return Number((leaf >> 10n) << 12n) + (at & 0xfff);
  }

  /** Writes a view entry: ID first, then flags. `rights` 0 and `valid` false unmap. */
  map(entry: number, id: bigint, rights: number, valid = true): void {
    this.store(entry + VIEW.idLo, id);
    this.store(entry + VIEW.idHi, id >> 64n);
    this.memory.write32(entry + VIEW.flags, rights | (valid ? VIEW.valid : 0), Initiator.host);
  }

  /** Makes a security context. @param policy the policy word (§3.5) */
  context(policy = 0n): BuiltContext {
    const record = this.record();
    const table = this.table(record + CONTEXT.table, 1);
    this.store(record + CONTEXT.policy, policy);
    return { record, table };
  }

  /** Sets what a context grants to an object. */
  grant(context: BuiltContext, id: bigint, rights: number): void {
    const value = BigInt(rights | VALID);
    const entry = this.find(context.table, id);
    if (entry >= 0) this.store(entry + HASH.value, value);
    else this.insert(context.table, id, value);
  }

  /** Address of the entry of an ID in a table, or -1. */
  find(table: BuiltTable, id: bigint): number {
    for (const bucket of buckets(id, table.log2)) {
      for (let i = 0; i < HASH.bucketEntries; i++) {
        const entry = table.address + bucket * HASH.bucketBytes + i * HASH.entryBytes;
        if ((this.load(entry + HASH.value) & 1n) === 0n) continue;
        if (this.load(entry) === BigInt.asUintN(64, id) && this.load(entry + HASH.idHi) === id >> 64n)
          return entry;
      }
    }
    return -1;
  }

  /** Inserts into the emptier of the ID's buckets; grows the table when both are full. */
  insert(table: BuiltTable, id: bigint, value: bigint): void {
    while (!this.place(table, id, value)) this.grow(table);
    table.entries++;
  }

  private place(table: BuiltTable, id: bigint, value: bigint): boolean {
    let best = -1;
    let bestCount: number = HASH.bucketEntries;
    for (const bucket of buckets(id, table.log2)) {
      let count = 0;
      let free = -1;
      for (let i = HASH.bucketEntries - 1; i >= 0; i--) {
        const entry = table.address + bucket * HASH.bucketBytes + i * HASH.entryBytes;
        if ((this.load(entry + HASH.value) & 1n) !== 0n) count++;
        else free = entry;
      }
      if (count < bestCount) {
        best = free;
        bestCount = count;
      }
    }
    if (best < 0) return false;
    this.store(best + HASH.idLo, id);
    this.store(best + HASH.idHi, id >> 64n);
    this.store(best + HASH.value, value);
    return true;
  }

  private grow(table: BuiltTable): void {
    const old = { ...table };
    do {
      table.log2++;
      table.address = this.pages(Math.ceil((2 ** table.log2 * HASH.bucketBytes) / PAGE_SIZE));
    } while (!this.moveAll(old, table));
    this.publish(table);
  }

  private moveAll(from: BuiltTable, to: BuiltTable): boolean {
    for (let i = 0; i < 2 ** from.log2 * HASH.bucketEntries; i++) {
      const entry = from.address + i * HASH.entryBytes;
      const value = this.load(entry + HASH.value);
      if ((value & 1n) === 0n) continue;
      const id = (this.load(entry + HASH.idHi) << 64n) | this.load(entry);
      if (!this.place(to, id, value)) return false;
    }
    return true;
  }

  private table(word: number, log2: number): BuiltTable {
    const address = this.pages(Math.ceil((2 ** log2 * HASH.bucketBytes) / PAGE_SIZE));
    const table = { word, address, log2, entries: 0 };
    this.publish(table);
    return table;
  }

  private publish(table: BuiltTable): void {
    this.store(table.word, BigInt(table.address + (table.log2 << TABLE_WORD.log2Shift) + VALID));
  }

  /** 64 bytes for a descriptor or a context record. */
  private record(): number {
    if (this.small === this.smallEnd) {
      this.small = this.pages(1);
      this.smallEnd = this.small + PAGE_SIZE;
    }
    const at = this.small;
    this.small += DESCRIPTOR.bytes;
    return at;
  }

  load(pa: number): bigint {
    return this.memory.read64(pa);
  }
  store(pa: number, value: bigint): void {
    this.memory.write64(pa, BigInt.asUintN(64, value), Initiator.host);
  }
}

/** A page-tree entry: the frame of `pa` and flag bits. */
export const treeEntry = (pa: number, flags: number): bigint =>
  (BigInt(Math.floor(pa / PAGE_SIZE)) << 10n) | BigInt(flags);
