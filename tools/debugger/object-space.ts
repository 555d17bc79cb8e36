/**
 * The object space as a debugger reads it (docs/xtwz.md §3): objects by ID, their pages, what a view has in a slot, and
 * where persistent pointers lead. Unlike the MMU's walk it asks for no rights and has no effect: it says what is there.
 */
import { PAGE_SIZE } from '../../emulator/addresses.ts';
import { Slot } from '../../emulator/cpu/csr-numbers.ts';
import type { Core } from '../../emulator/machine/core.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import {
  ADDRESS,
  CSR,
  DESCRIPTOR,
  ENTRY,
  fixedIndex,
  HASH,
  LARGE_PAGE,
  OBJECT_PAGES,
  SPACE,
  VALID,
  VIEW,
  XTWZ_SATP_MODE,
} from '../../emulator/mmu/xtwz/layout.ts';
import type { Layouts } from '../guest/layouts.ts';

/** A 128-bit object ID. */
export type ObjectId = bigint;

/** An ID as people write it. */
export const idText = (id: ObjectId): string => id.toString(16).padStart(32, '0');

export interface ObjectPlace {
  readonly id: ObjectId;
  /** Bytes from the object's start, below 2^30. */
  readonly offset: number;
}

export interface KnownObject {
  readonly id: ObjectId;
  /** Physical address of the descriptor. */
  readonly descriptor: number;
  readonly persistent: boolean;
}

/** A view with the fixed slots of a thread: physical addresses of descriptor and table, 0 for none. */
export interface ViewState {
  readonly view: number;
  readonly fixed: number;
}

export interface SlotEntry {
  readonly id: ObjectId;
  readonly flags: number;
  readonly isFixed: boolean;
  /** Physical address of the entry. */
  readonly address: number;
}

const OFFSET_MASK = (1n << BigInt(ADDRESS.offsetBits)) - 1n;
const ADDRESS_BITS = 0x00ff_ffff_ffff_f000n;

export class ObjectSpace {
  constructor(
    private readonly machine: Machine,
    private readonly layouts: Layouts | undefined,
  ) {}

  /** True when a core translates through an object space. */
  isOn({ hart }: Core): boolean {
    return hart.cellHi(Slot.satp) >>> 28 === XTWZ_SATP_MODE;
  }

  /** The object space page of the first core that has one. */
  private get root(): number | undefined {
    const core = this.machine.cores.find((one) => this.isOn(one));
    if (core === undefined) return undefined;
    const satp = this.machine.csrs.peek(core.hart, 0x180) ?? 0n;
    return Number(satp & 0xfff_ffff_ffffn) * PAGE_SIZE;
  }

  private word(pa: number): bigint | undefined {
    return this.machine.memory.contains(pa, 8) ? this.peek64(pa) : undefined;
  }

  private peek64(pa: number): bigint {
    this.machine.memory.makePresent(this.machine.memory.pageOf(pa));
    return this.machine.memory.read64(pa);
  }

  /** The object table: its first byte and the number of its buckets. */
  private table(): { base: number; buckets: number } | undefined {
    const { root } = this;
    const word = root === undefined ? undefined : this.word(root + SPACE.objectTable);
    if (word === undefined || (word & 1n) === 0n) return undefined;
    return { base: Number(word & ADDRESS_BITS), buckets: 2 ** Number((word >> 1n) & 0x3fn) };
  }

  /** The entry at a physical address, if it is valid. */
  private objectAt(at: number): KnownObject | undefined {
    const value = this.word(at + HASH.value);
    if (value === undefined || (value & BigInt(VALID)) === 0n) return undefined;
    const id = (this.peek64(at + HASH.idHi) << 64n) | this.peek64(at + HASH.idLo);
    const descriptor = Number(value & 0x00ff_ffff_ffff_ffc0n);
    const attributes = this.word(descriptor + DESCRIPTOR.attributes) ?? 0n;
    return { id, descriptor, persistent: (attributes & BigInt(DESCRIPTOR.persist)) !== 0n };
  }

  /** The object of an ID, if the kernel has made it known. */
  find(id: ObjectId): KnownObject | undefined {
    const table = this.table();
    if (table === undefined) return undefined;
    const mask = BigInt(table.buckets - 1);
    const lo = BigInt.asUintN(64, id);
    const hi = id >> 64n;
    const first = lo & mask;
    let second = (hi ^ (lo >> 32n)) & mask;
    if (second === first) second = first ^ 1n;
    for (const bucket of [first, second])
      for (let i = 0; i < HASH.bucketEntries; i++) {
        const at = table.base + Number(bucket) * HASH.bucketBytes + i * HASH.entryBytes;
        const found = this.objectAt(at);
        if (found?.id === id) return found;
      }
    return undefined;
  }

  /** All objects that are known, in the order of their IDs. */
  all(): KnownObject[] {
    const table = this.table();
    if (table === undefined) return [];
    const list: KnownObject[] = [];
    for (let i = 0; i < table.buckets * HASH.bucketEntries; i++) {
      const found = this.objectAt(table.base + i * HASH.entryBytes);
      if (found) list.push(found);
    }
    return list.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** The physical address of a byte of an object; undefined where there is no page. */
  physical(descriptor: number, offset: number): number | undefined {
    let entry = this.word(descriptor + DESCRIPTOR.root);
    for (let level = 1; ; level--) {
      if (entry === undefined || (entry & BigInt(ENTRY.valid)) === 0n) return undefined;
      const base = Number((entry >> 10n) & 0xfff_ffff_ffffn) * PAGE_SIZE;
      if ((entry & BigInt(ENTRY.leaf)) !== 0n)
        return base + (offset % (level === 0 ? LARGE_PAGE : PAGE_SIZE));
      if (level < 0) return undefined;
      const index =
        level === 1 ? Math.floor(offset / LARGE_PAGE) : Math.floor(offset / PAGE_SIZE) % ENTRY.entries;
      entry = this.word(base + index * ENTRY.bytes);
    }
  }

  /** Offsets and physical addresses of the present 4-KiB pages of an object. */
  pages(descriptor: number): { readonly offset: number; readonly pa: number }[] {
    const list: { offset: number; pa: number }[] = [];
    for (let page = 0; page < OBJECT_PAGES; ) {
      const offset = page * PAGE_SIZE;
      const pa = this.physical(descriptor, offset);
      if (pa !== undefined) list.push({ offset, pa });
      // A level-0 table that is absent is passed by as a whole.
      page +=
        pa === undefined && page % ENTRY.entries === 0 && !this.hasTable(descriptor, offset)
          ? ENTRY.entries
          : 1;
    }
    return list;
  }

  private hasTable(descriptor: number, offset: number): boolean {
    const root = this.word(descriptor + DESCRIPTOR.root) ?? 0n;
    if ((root & BigInt(ENTRY.valid)) === 0n) return false;
    const base = Number((root >> 10n) & 0xfff_ffff_ffffn) * PAGE_SIZE;
    const entry = this.word(base + Math.floor(offset / LARGE_PAGE) * ENTRY.bytes) ?? 0n;
    return (entry & BigInt(ENTRY.valid)) !== 0n;
  }

  /** The view that a core uses now. */
  viewOf({ hart }: Core): ViewState {
    const csr = (number: number): number => {
      const value = this.machine.csrs.peek(hart, number) ?? 0n;
      return (value & 1n) === 0n ? 0 : Number(value & 0x00ff_ffff_ffff_ffc0n);
    };
    return { view: csr(CSR.stwzview), fixed: csr(CSR.stwzfix) };
  }

  /** What a view has in a slot. */
  slot({ view, fixed }: ViewState, slot: number): SlotEntry | undefined {
    const index = fixedIndex(slot);
    if (index >= 0 && fixed !== 0) {
      const own = this.entryAt(fixed + index * VIEW.entryBytes, true);
      if (own) return own;
    }
    if (view === 0) return undefined;
    const at = this.physical(view, VIEW.tableOffset + slot * VIEW.entryBytes);
    return at === undefined ? undefined : this.entryAt(at, false);
  }

  private entryAt(address: number, isFixed: boolean): SlotEntry | undefined {
    const lo = this.word(address + VIEW.idLo);
    const hi = this.word(address + VIEW.idHi);
    const flags = this.word(address + VIEW.flags);
    if (lo === undefined || hi === undefined || flags === undefined) return undefined;
    if ((flags & BigInt(VIEW.valid)) === 0n) return undefined;
    return { id: (hi << 64n) | lo, flags: Number(flags & 0xffff_ffffn), isFixed, address };
  }

  /** All mapped slots of a view. */
  slots(state: ViewState): { readonly slot: number; readonly entry: SlotEntry }[] {
    const list: { slot: number; entry: SlotEntry }[] = [];
    const perPage = PAGE_SIZE / VIEW.entryBytes;
    const hasFixed = (slot: number): boolean => fixedIndex(slot) >= 0 || fixedIndex(slot + perPage - 1) >= 0;
    for (let first = 0; first < ADDRESS.slots; first += perPage) {
      const table = VIEW.tableOffset + first * VIEW.entryBytes;
      if ((state.view === 0 || this.physical(state.view, table) === undefined) && !hasFixed(first)) continue;
      for (let slot = first; slot < first + perPage; slot++) {
        const entry = this.slot(state, slot);
        if (entry) list.push({ slot, entry });
      }
    }
    return list;
  }

  /** The object and offset of an address in the object window, as a view has it. */
  objectOf(state: ViewState, va: bigint): ObjectPlace | undefined {
    if (va >> BigInt(ADDRESS.offsetBits + ADDRESS.slotBits) !== 0n) return undefined;
    const entry = this.slot(state, Number(va >> BigInt(ADDRESS.offsetBits)));
    return entry && { id: entry.id, offset: Number(va & OFFSET_MASK) };
  }

  /** The physical address of a place in an object. */
  physicalOf({ id, offset }: ObjectPlace): number | undefined {
    const known = this.find(id);
    return known && this.physical(known.descriptor, offset);
  }

  /** Bytes of an object; shorter where a page is absent. */
  read(place: ObjectPlace, length: number): Uint8Array {
    const known = this.find(place.id);
    const out = new Uint8Array(length);
    let done = 0;
    while (known !== undefined && done < length) {
      const at = place.offset + done;
      const pa = this.physical(known.descriptor, at);
      const count = Math.min(length - done, PAGE_SIZE - (at % PAGE_SIZE));
      if (pa === undefined || !this.machine.memory.contains(pa, count)) break;
      out.set(this.machine.memory.readBytes(pa, count), done);
      done += count;
    }
    return out.subarray(0, done);
  }

  /** The entry of an object's foreign object table (guest/abi/object.ts). */
  foreign(
    id: ObjectId,
    index: number,
  ): { place: ObjectPlace; lo: bigint; hi: bigint; flags: bigint } | undefined {
    const { layouts } = this;
    if (layouts === undefined || index < 1 || BigInt(index) > layouts.constant('FOT_MAX')) return undefined;
    const size = Number(layouts.constant('FOT_ENTRY_SIZE'));
    const place = { id, offset: Number(layouts.constant('META_OFFSET')) - index * size };
    const bytes = this.read(place, size);
    if (bytes.length < size) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, size);
    const field = (name: string): bigint => view.getBigUint64(layouts.offset('FotEntry', name), true);
    return { place, lo: field('lo'), hi: field('hi'), flags: field('flags') };
  }

  /** Where a persistent pointer that is stored in object `holder` leads; undefined for null and for what leads nowhere. */
  follow(holder: ObjectId, pointer: bigint): ObjectPlace | undefined {
    const offset = Number(pointer & OFFSET_MASK);
    if (offset < ADDRESS.nullBytes) return undefined;
    const index = Number(pointer >> BigInt(ADDRESS.offsetBits));
    if (index === 0) return { id: holder, offset };
    const entry = this.foreign(holder, index);
    const { layouts } = this;
    if (entry === undefined || layouts === undefined) return undefined;
    const valid = (entry.flags & layouts.constant('FE_VALID')) !== 0n;
    const named = (entry.flags & layouts.constant('FE_NAME')) !== 0n;
    return valid && !named ? { id: (entry.hi << 64n) | entry.lo, offset } : undefined;
  }
}
