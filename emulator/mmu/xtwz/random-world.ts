/**
 * Random object spaces for tests: a small physical memory with views, an object table, contexts and page trees in it,
 * mostly well-formed and then damaged, and random accesses that mostly hit something. Everything follows from the
 * seed. It knows the formats (layout.ts), not how they are walked.
 */
import {
  ALL_RIGHTS,
  CONTEXT,
  DESCRIPTOR,
  ENTRY,
  FIXED,
  fixedIndex,
  HASH,
  REQUESTABLE,
  TABLE_WORD,
  VALID,
  VIEW,
} from './layout.ts';
import type { TableMemory } from './walk.ts';

/** A small fast generator (xorshift32); all randomness of the tests comes from its seed. */
export class Random {
  private state: number;
  constructor(seed: number) {
    this.state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) | 0 || 1;
    for (let i = 0; i < 8; i++) this.next();
  }
  /** Unsigned 32 bits. */
  next(): number {
    let s = this.state;
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    this.state = s;
    return s >>> 0;
  }
  /** 0 to n − 1. */
  below(n: number): number {
    return this.next() % n;
  }
  /** True once in n. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
  word(): bigint {
    return (BigInt(this.next()) << 32n) | BigInt(this.next());
  }
}

const BASE = 0x8000_0000;
const PAGES = 64;
const PAGE = 4096;

/** Physical memory of a test: a few pages, of which some refuse reads or writes as PMP would. */
export class TestMemory implements TableMemory {
  readonly bytes = new ArrayBuffer(PAGES * PAGE);
  readonly i32 = new Int32Array(this.bytes);
  readonly view = new DataView(this.bytes);
  readonly unreadable = new Set<number>();
  readonly unwritable = new Set<number>();
  /** Words that the walker wrote. */
  readonly written = new Set<number>();

  /** The word that `read` gave. */
  lo = 0;
  hi = 0;

  private at(pa: number): number {
    const at = pa - BASE;
    return at >= 0 && at < PAGES * PAGE && !this.unreadable.has(at >>> 12) ? at : -1;
  }
  contains(pa: number): boolean {
    return this.at(pa) >= 0;
  }
  read(pa: number): boolean {
    const at = this.at(pa);
    if (at < 0) return false;
    this.lo = this.i32[at >> 2]!;
    this.hi = this.i32[(at >> 2) + 1]!;
    return true;
  }
  writeLow(pa: number, lo: number): boolean {
    const at = this.at(pa);
    if (at < 0 || this.unwritable.has(at >>> 12)) return false;
    this.written.add(pa);
    this.i32[at >> 2] = lo;
    return true;
  }
  readWord(pa: bigint): bigint | undefined {
    const at = this.at(Number(pa));
    return at < 0 ? undefined : this.view.getBigUint64(at, true);
  }
  writeWord(pa: bigint, value: bigint): boolean {
    const at = this.at(Number(pa));
    if (at < 0 || this.unwritable.has(at >>> 12)) return false;
    this.view.setBigUint64(at, value, true);
    return true;
  }
  store(pa: number, value: bigint): void {
    this.view.setBigUint64(pa - BASE, BigInt.asUintN(64, value), true);
  }
  load(pa: number): bigint {
    return this.view.getBigUint64(pa - BASE, true);
  }
}

export interface TestObject {
  readonly lo: bigint;
  readonly hi: bigint;
  readonly descriptor: number;
  readonly level1: number;
  readonly level0: number;
  /** Offsets that its page tree knows, and others near them. */
  readonly offsets: readonly number[];
}

/** An object space, laid out in a TestMemory. Addresses are physical. */
export class RandomWorld {
  readonly memory = new TestMemory();
  readonly space: number;
  readonly objects: TestObject[] = [];
  readonly views: TestObject[] = [];
  readonly contexts: number[] = [];
  readonly fixed: number;
  /** Slots that view tables have an entry page for. */
  readonly slots: number[] = [];
  private readonly random: Random;
  private nextPage = 0;

  constructor(random: Random) {
    this.random = random;
    const { memory } = this;
    this.space = this.page();
    const descriptors = this.page();
    const records = this.page();
    this.fixed = this.page();
    for (let i = 0; i < 10; i++)
      this.slots.push(i < 6 ? random.below(128) : random.pick([0, 5, 0x10003, 0x1fff1]));
    const objectLog2 = 1 + random.below(2);
    const objectTable = this.page();
    memory.store(this.space, BigInt(objectTable + (objectLog2 << TABLE_WORD.log2Shift) + VALID));
    for (let i = 0; i < 6; i++) {
      // Structured IDs meet the collision rule of the buckets; random ones do not.
      const hi = random.oneIn(3) ? BigInt(random.below(4)) : random.word();
      const lo = random.oneIn(3) ? BigInt(random.below(4)) : random.word();
      const descriptor = descriptors + i * DESCRIPTOR.bytes;
      const isView = i < 2;
      const object = this.object(lo, hi, descriptor, isView);
      (isView ? this.views : this.objects).push(object);
      this.insert(objectTable, objectLog2, lo, hi, BigInt(descriptor + VALID));
    }
    for (let i = 0; i < 3; i++) {
      const record = records + i * CONTEXT.bytes;
      const log2 = 1 + random.below(2);
      const table = this.page();
      this.contexts.push(record);
      if (!random.oneIn(8)) memory.store(record, BigInt(table + (log2 << TABLE_WORD.log2Shift) + VALID));
      memory.store(
        record + CONTEXT.policy,
        BigInt(
          (random.next() & CONTEXT.mask) |
            (random.oneIn(2) ? CONTEXT.useDefaults : 0) |
            (random.oneIn(12) ? CONTEXT.all : 0),
        ),
      );
      for (const o of this.objects)
        if (!random.oneIn(3)) this.insert(table, log2, o.lo, o.hi, BigInt(this.rights() | VALID));
    }
    for (const slot of this.slots) {
      for (const view of this.views) this.mapAt(this.viewEntry(view, slot));
      const fixed = fixedIndex(slot);
      if (fixed >= 0 && random.oneIn(2)) this.mapAt(this.fixed + fixed * VIEW.entryBytes);
    }
  }

  private page(): number {
    if (this.nextPage >= PAGES - 8) throw new Error('the test memory is too small');
    return BASE + PAGE * this.nextPage++;
  }

  private rights(): number {
    return this.random.oneIn(3) ? this.random.next() & ALL_RIGHTS : ALL_RIGHTS;
  }

  /** A page number among the last ones, which hold data only, or nowhere at all. */
  private dataFrame(): number {
    if (this.random.oneIn(16)) return 0x12345 + this.random.below(100);
    return BASE / PAGE + PAGES - 8 + this.random.below(8);
  }

  private leaf(ppn: number): bigint {
    const { random } = this;
    let e = BigInt(ppn) << 10n;
    e |= BigInt(ENTRY.valid | ENTRY.leaf | (random.below(4) === 3 ? 0 : random.below(3) << ENTRY.typeShift));
    if (random.oneIn(4)) e |= BigInt(ENTRY.copyOnWrite);
    if (random.oneIn(2)) e |= BigInt(ENTRY.accessed);
    if (random.oneIn(2)) e |= BigInt(ENTRY.dirty);
    if (random.oneIn(4)) e |= BigInt(random.below(4) << 8);
    return e;
  }

  private object(lo: bigint, hi: bigint, descriptor: number, isView: boolean): TestObject {
    const { random, memory } = this;
    const level1 = this.page();
    const level0 = this.page();
    const table = (at: number): bigint => (BigInt(at / PAGE) << 10n) | BigInt(ENTRY.valid);
    memory.store(descriptor, table(level1) | (random.oneIn(10) ? BigInt(ENTRY.copyOnWrite) : 0n));
    const limit = random.oneIn(6) ? BigInt(random.below(1 << 18)) << 32n : 0n;
    memory.store(
      descriptor + DESCRIPTOR.attributes,
      limit | BigInt(this.rights() | (random.oneIn(4) ? DESCRIPTOR.noAccessedDirty : 0)),
    );
    const offsets: number[] = [];
    if (isView) {
      // The first entries, and the pages that hold the two runs of fixed slots.
      for (const slot of [0, 0x10000, 0x1fff0]) {
        const at = VIEW.tableOffset + slot * VIEW.entryBytes;
        const large = at >>> 21;
        memory.store(level1 + large * 8, table(level0));
        memory.store(
          level0 + ((at >>> 12) & 511) * 8,
          this.leaf(this.page() / PAGE) & ~BigInt(ENTRY.typeMask),
        );
      }
    } else {
      memory.store(level1, table(level0) | (random.oneIn(8) ? BigInt(ENTRY.copyOnWrite) : 0n));
      for (let i = 0; i < 4; i++) {
        const index = i === 0 ? 1 : 1 + random.below(511);
        memory.store(level0 + index * 8, this.leaf(this.dataFrame()));
        offsets.push(index * PAGE + random.below(PAGE));
      }
      const large = 1 + random.below(511);
      memory.store(level1 + large * 8, this.leaf(random.pick([0x80000, 0x80200, 0x40000])));
      offsets.push(large * 0x20_0000 + random.below(0x20_0000));
      offsets.push(random.below(1 << 30), random.below(PAGE), 511 * 0x20_0000 + random.below(0x20_0000));
    }
    return { lo, hi, descriptor, level1, level0, offsets };
  }

  private insert(table: number, log2: number, lo: bigint, hi: bigint, value: bigint): void {
    const mask = (1n << BigInt(log2)) - 1n;
    const first = lo & mask;
    let second = (hi ^ (lo >> 32n)) & mask;
    if (second === first) second ^= 1n;
    const bucket = Number(this.random.oneIn(2) ? first : second);
    const entry = table + bucket * HASH.bucketBytes + this.random.below(HASH.bucketEntries) * HASH.entryBytes;
    this.memory.store(entry + HASH.idLo, lo);
    this.memory.store(entry + HASH.idHi, hi);
    this.memory.store(entry + HASH.value, value);
  }

  /** Physical address of a view's entry for one of `slots`. */
  viewEntry(view: TestObject, slot: number): number {
    const at = VIEW.tableOffset + slot * VIEW.entryBytes;
    const leaf = this.memory.load(view.level0 + ((at >>> 12) & 511) * 8);
    return Number((leaf >> 10n) & 0xfff_ffffn) * PAGE + (at & 0xfff);
  }

  private mapAt(entry: number): void {
    const { random, memory } = this;
    const o = random.pick(this.objects);
    memory.store(entry + VIEW.idLo, random.oneIn(12) ? random.word() : o.lo);
    memory.store(entry + VIEW.idHi, o.hi);
    const wants = random.oneIn(3) ? random.next() & REQUESTABLE : REQUESTABLE;
    memory.store(entry + VIEW.flags, BigInt((random.oneIn(10) ? 0 : VIEW.valid) | wants));
  }

  /** Damages one word somewhere in the tables: a random bit flipped, a random word, or zero. */
  damage(): void {
    const { random, memory } = this;
    const pages = this.nextPage;
    // Words in use are few: look for one that is not zero.
    for (let tries = 0; tries < 64; tries++) {
      const pa = BASE + (random.below(pages * PAGE) & ~7);
      const old = memory.load(pa);
      if (old === 0n && !random.oneIn(256)) continue;
      const kind = random.below(8);
      memory.store(pa, kind === 0 ? random.word() : kind === 1 ? 0n : old ^ (1n << BigInt(random.below(64))));
      return;
    }
  }

  /** Damages a word that the walk of some object reads, more often than `damage` would find one. */
  damageEntry(): void {
    const { random, memory } = this;
    const o = random.oneIn(6) ? random.pick(this.views) : random.pick(this.objects);
    const at = random.pick([
      o.descriptor,
      o.descriptor + DESCRIPTOR.attributes,
      o.level1,
      o.level1 + ((o.offsets[4] ?? 0x40_0000) >>> 21) * 8,
      o.level0 + (((o.offsets[random.below(4)] ?? 0) >>> 12) & 511) * 8,
      this.space,
      this.contexts[random.below(3)]!,
      this.contexts[random.below(3)]! + CONTEXT.policy,
      this.viewEntry(random.pick(this.views), random.pick(this.slots)) + VIEW.flags,
      this.fixed + random.below(FIXED.entries) * VIEW.entryBytes + VIEW.flags,
    ]);
    if (!memory.contains(at)) return;
    memory.store(at, memory.load(at) ^ (1n << BigInt(random.below(random.oneIn(3) ? 64 : 12))));
  }
}
