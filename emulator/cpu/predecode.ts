/**
 * The predecoded records of code pages (cpu/records.ts) in the engines' area of linear memory: made on first use,
 * filled one instruction at a time as the interpreter meets them, dropped when the page changes.
 *
 * Invariants: a page that has any filled record carries `PageFlag.code` and is in no fast store TLB, so every store
 * to it reaches `drop` first. A page keeps its place when it is dropped, so fetch TLB entries stay right; only
 * `evict` and `dropAll`, which give places away, drop fetch TLB entries.
 */
import { type HostAddr, hostAddr } from '../addresses.ts';
import type { PhysicalMemory } from '../machine/memory.ts';
import { decode } from './isa/decode.ts';
import { Instruction } from './isa/instruction.ts';
import { ROWS } from './isa/table.ts';
import {
  PAGE_CELLS_SIZE,
  PAGE_RECORDS,
  PAGE_RECORDS_SIZE,
  RECORD_SHIFT,
  RECORD_SIZE,
  Special,
  writeRecord,
} from './records.ts';
import { DATA_TLB_ENTRIES, FETCH_TLB_ENTRIES, HART, HART_STRIDE, PageFlag, TLB_ENTRY_SIZE } from './state.ts';

/** Bytes of scratch records for each hart, at the start of the area. */
const SCRATCH_SIZE = 32;

/** Byte offset of the last halfword of a page. */
const LAST_HALFWORD = 0xffe;
/** By id: whether the instruction after it is the next one, unless there is a trap. */
const goesOn = (id: number): boolean => id >= 0 && CONTINUES[id]!;
const CONTINUES = ROWS.map(
  ({ meaning, immediate, name }) =>
    meaning !== undefined && immediate !== 'b' && immediate !== 'j' && name !== 'jalr',
);

export class Predecoder {
  private readonly memory: PhysicalMemory;
  private readonly view: DataView;
  /** First page's records. */
  private readonly first: number;
  private readonly capacity: number;
  /** Physical page of each place, −1 when free. */
  private readonly pageAt: Int32Array;
  /** Place of each physical page that has one, plus 1; 0 = none. */
  private readonly placeOf: Uint16Array;
  private nextPlace = 0;
  /** Breakpoints: physical page → halfwords. */
  private readonly breakpoints = new Map<number, Set<number>>();
  private readonly instruction = new Instruction();
  /** Told when a page's records have been dropped. */
  onDrop: (page: number) => void = () => undefined;
  /** Told when the records of some bytes of a page have been dropped. */
  onDropBytes: (page: number, offset: number, length: number) => void = () => undefined;

  constructor(memory: PhysicalMemory) {
    this.memory = memory;
    this.view = memory.view;
    const { engine, harts, pages } = memory.layout;
    this.first = engine.base + harts * SCRATCH_SIZE;
    const room = engine.base + engine.size - this.first;
    this.capacity = Math.min(Math.floor(room / PAGE_RECORDS.stride), 0xfffe);
    this.pageAt = new Int32Array(this.capacity).fill(-1);
    this.placeOf = new Uint16Array(pages);
    for (let hart = 0; hart < harts; hart++) {
      const scratch = this.scratch(hart);
      for (let at = 0; at < SCRATCH_SIZE; at += 8) this.view.setInt32(scratch + at, Special.PageEnd, true);
    }
  }

  private scratch(hart: number): number {
    return this.memory.layout.engine.base + hart * SCRATCH_SIZE;
  }

  /** Writes one instruction's record where no page is; returns its address. */
  writeScratch(hart: number, word: number): number {
    const at = this.scratch(hart);
    const i = decode(word, this.instruction);
    writeRecord(this.view, at, i);
    // What follows a 2-byte instruction lies 8 bytes on, what follows a 4-byte one 16.
    return at;
  }

  /** Address of the records of a physical page; makes them if there are none. */
  recordsOf(page: number): HostAddr {
    const place = this.placeOf[page]!;
    return place === 0 ? this.allocate(page) : this.address(place - 1);
  }

  /** Address of the records of a physical page, if it has some. */
  knownRecordsOf(page: number): HostAddr | undefined {
    const place = this.placeOf[page]!;
    return place === 0 ? undefined : this.address(place - 1);
  }

  private address(place: number): HostAddr {
    return hostAddr(this.first + place * PAGE_RECORDS.stride);
  }

  private allocate(page: number): HostAddr {
    const place = this.nextPlace;
    this.nextPlace = (place + 1) % this.capacity;
    if (this.pageAt[place] !== -1) this.evict(place);
    this.pageAt[place] = page;
    this.placeOf[page] = place + 1;
    const records = this.address(place);
    this.view.setInt32(records + PAGE_RECORDS.end, Special.PageEnd, true);
    this.view.setInt32(records + PAGE_RECORDS.crossEnd, Special.PageEnd, true);
    this.writeBreakpoints(page, records);
    this.markCode(page);
    return records;
  }

  /** Gives a place away: no TLB may lead to it any more. */
  private evict(place: number): void {
    const page = this.pageAt[place]!;
    const records = this.address(place);
    this.forEachEntry(HART.fetchTlb, (entry) => this.view.getInt32(entry + 8, true) === (records | 0));
    this.onDrop(page);
    this.clear(place);
    this.forgetCrossInto(records);
    this.placeOf[page] = 0;
    this.pageAt[place] = -1;
    this.memory.clearFlag(page, PageFlag.code);
  }

  /** Empties the entries of one TLB, of all harts, for which `match` holds. */
  private forEachEntry(table: number, match: (entry: number) => boolean): void {
    const { harts, hartBase } = this.memory.layout;
    const entries = table === HART.fetchTlb ? FETCH_TLB_ENTRIES : DATA_TLB_ENTRIES;
    for (let hart = 0; hart < harts; hart++) {
      const start = hartBase + hart * HART_STRIDE + table;
      for (let i = 0; i < entries; i++) {
        const entry = start + i * TLB_ENTRY_SIZE;
        const empty = this.view.getInt32(entry, true) === -1 && this.view.getInt32(entry + 4, true) === -1;
        if (empty || !match(entry)) continue;
        this.view.setInt32(entry, -1, true);
        this.view.setInt32(entry + 4, -1, true);
      }
    }
  }

  /** Makes stores to a page take the slow path. */
  private markCode(page: number): void {
    if (this.memory.flags(page) & PageFlag.code) return;
    this.memory.setFlag(page, PageFlag.code);
    const host = this.memory.hostOfPage(page) | 0;
    this.forEachEntry(HART.storeTlb, (entry) => {
      const va = this.view.getInt32(entry, true) & ~0xfff;
      return ((va + this.view.getInt32(entry + 8, true)) | 0) === host;
    });
  }

  /**
   * Fills the record of the instruction at byte `offset` (even) of a physical page that has records, and those of the
   * instructions after it that will be executed if nothing traps: up to a branch, a jump, or what is decoded already.
   * @returns false if the instruction goes on in the next page: `decodeCross` is for those
   */
  decode(page: number, offset: number): boolean {
    const { view, instruction } = this;
    const code = this.memory.hostOfPage(page);
    this.markCode(page);
    const records = this.recordsOf(page);
    let at = offset;
    do {
      let word = view.getUint16(code + at, true);
      if ((word & 3) === 3) {
        if (at === LAST_HALFWORD) return at !== offset;
        word |= view.getUint16(code + at + 2, true) << 16;
      }
      writeRecord(view, records + (at << RECORD_SHIFT), decode(word, instruction));
      at += instruction.length;
    } while (
      at <= LAST_HALFWORD &&
      goesOn(instruction.id) &&
      view.getUint8(records + (at << RECORD_SHIFT)) === Special.Decode
    );
    return true;
  }

  /** Fills the record of an instruction that begins at the end of `page` and ends in `nextPage`. */
  decodeCross(page: number, nextPage: number, word: number): void {
    const records = this.recordsOf(page);
    const next = this.recordsOf(nextPage);
    // Making the second page's records may have taken the first one's place.
    if (this.placeOf[page] === 0) return;
    this.markCode(page);
    this.markCode(nextPage);
    writeRecord(this.view, records + PAGE_RECORDS.cross, decode(word, this.instruction));
    this.view.setInt32(records + PAGE_RECORDS.crossNext, next, true);
    if (!this.breakpoints.get(page)?.has(0x7ff)) {
      this.view.setInt32(records + (LAST_HALFWORD << RECORD_SHIFT), Special.Cross, true);
    }
  }

  private clear(place: number): void {
    const records = this.address(place);
    this.memory.u8.fill(0, records, records + PAGE_RECORDS_SIZE);
    this.view.setInt32(records + PAGE_RECORDS.crossNext, 0, true);
    const cells = records + PAGE_RECORDS.cells;
    this.memory.u8.fill(0, cells, cells + PAGE_CELLS_SIZE);
  }

  private writeBreakpoints(page: number, records: number): void {
    for (const half of this.breakpoints.get(page) ?? []) {
      this.view.setInt32(records + half * 8, Special.Breakpoint, true);
    }
  }

  /** Forgets what was decoded of a page that is about to change. */
  drop(page: number): void {
    const place = this.placeOf[page]!;
    this.memory.clearFlag(page, PageFlag.code);
    if (place === 0) return;
    const records = this.address(place - 1);
    this.onDrop(page);
    this.clear(place - 1);
    this.writeBreakpoints(page, records);
    this.forgetCrossInto(records);
  }

  /** Forgets instructions that begin in another page and end in the one with these records. */
  private forgetCrossInto(records: number): void {
    for (let other = 0; other < this.capacity && this.pageAt[other] !== -1; other++) {
      const at = this.address(other) + PAGE_RECORDS.crossNext;
      if (this.view.getInt32(at, true) === (records | 0)) this.view.setInt32(at, 0, true);
    }
  }

  /** Forgets what was decoded of `length` bytes at `offset` of a page that are about to change. */
  dropBytes(page: number, offset: number, length: number): void {
    const place = this.placeOf[page]!;
    if (place === 0) {
      this.memory.clearFlag(page, PageFlag.code);
      return;
    }
    const records = this.address(place - 1);
    // An instruction of 4 bytes may begin one halfword earlier.
    const first = Math.max(0, (offset >> 1) - 1);
    const last = (offset + length - 1) >> 1;
    for (let half = first; half <= last; half++)
      if (!this.breakpoints.get(page)?.has(half))
        this.view.setInt32(records + half * RECORD_SIZE, Special.Decode, true);
    if (offset < 2) this.forgetCrossInto(records);
    this.onDropBytes(page, offset, length);
  }

  dropAll(): void {
    this.forEachEntry(HART.fetchTlb, () => true);
    for (let place = 0; place < this.capacity; place++) {
      const page = this.pageAt[place]!;
      if (page === -1) continue;
      this.clear(place);
      this.placeOf[page] = 0;
      this.pageAt[place] = -1;
      this.memory.clearFlag(page, PageFlag.code);
    }
    this.nextPlace = 0;
  }

  setBreakpoint(page: number, half: number, on: boolean): void {
    const halves = this.breakpoints.get(page) ?? new Set<number>();
    if (on) halves.add(half);
    else halves.delete(half);
    if (halves.size > 0) this.breakpoints.set(page, halves);
    else this.breakpoints.delete(page);
    const place = this.placeOf[page]!;
    if (place === 0) return;
    const at = this.address(place - 1) + half * 8;
    this.view.setInt32(at, on ? Special.Breakpoint : Special.Decode, true);
  }
}
