/**
 * Slotted pages of 4 KiB, as SQLite and LMDB have them: a header, offsets of cells growing up, cells growing down, in the order of their keys
 * and always without gaps.
 *
 *   cell = key length u16, value length u16 (leaf), child page u32 (inner), key, value (leaf)
 *
 * Keys and values begin at multiples of 8, so that they are compared and copied by words. The first key of an inner page counts as below all others.
 */
import { CACHE_LINE } from '../../../abi/object.ts';
import { compareKeys } from './store.ts';

export const PAGE = 4096;
const HEADER = 16;
/** Bytes of a cell before its key. */
const CELL = 8;

export class Page {
  /** The transaction that made this version (trees that copy on write). */
  transaction: u64;
  count: u16;
  /** Lowest cell. */
  cells: u16;
  /** 0: a leaf. */
  level: u16;
  readonly reserved: u16;
  readonly offsets: FixedArray<u16, 2040>;

  initialise(level: u64): void {
    this.count = 0;
    this.cells = PAGE;
    this.level = u16(level);
  }

  get isLeaf(): bool {
    return this.level === 0;
  }

  /** Bytes that no cell and no offset has. */
  get room(): u64 {
    return u64(this.cells) - (HEADER + u64(this.count) * 2);
  }

  private cell(slot: u64): usize {
    return addressOf(this) + u64(unchecked(this.offsets[slot]));
  }

  cellSize(slot: u64): u64 {
    const cell = this.cell(slot);
    return leafCell(u64(load<u16>(cell)), u64(load<u16>(cell, 2)));
  }

  key(slot: u64): str {
    const cell = this.cell(slot);
    return strOf(at<Ptr<u8>>(cell + CELL), u64(load<u16>(cell)));
  }

  value(slot: u64): str {
    const cell = this.cell(slot);
    return strOf(at<Ptr<u8>>(cell + CELL + words(u64(load<u16>(cell)))), u64(load<u16>(cell, 2)));
  }

  child(slot: u64): u64 {
    return u64(load<u32>(this.cell(slot), 4));
  }

  setChild(slot: u64, page: u64): void {
    store<u32>(this.cell(slot), u32(page), 4);
  }

  /** The first slot of a leaf whose key is not below `key`. */
  lowerBound(key: str): u64 {
    let low: u64 = 0;
    let size = u64(this.count);
    while (size > 0) {
      const half = size >> 1;
      if (compareKeys(this.key(low + half), key) < 0) {
        low += half + 1;
        size -= half + 1;
      } else size = half;
    }
    return low;
  }

  /** The slot of an inner page whose child has `key`. */
  childSlot(key: str): u64 {
    let low: u64 = 1;
    let size = u64(this.count) - 1;
    while (size > 0) {
      const half = size >> 1;
      if (compareKeys(this.key(low + half), key) <= 0) {
        low += half + 1;
        size -= half + 1;
      } else size = half;
    }
    return low - 1;
  }

  /** Room for a cell at `slot`, which must be there. */
  private open(slot: u64, size: u64): usize {
    const count = u64(this.count);
    this.cells -= u16(size);
    const offsets = addressOf(this.offsets);
    memory.copy(offsets + slot * 2 + 2, offsets + slot * 2, (count - slot) * 2);
    unchecked((this.offsets[slot] = this.cells));
    this.count = u16(count + 1);
    return addressOf(this) + u64(this.cells);
  }

  insertPair(slot: u64, key: str, value: str): void {
    const cell = this.open(slot, leafCell(key.length, value.length));
    store<u16>(cell, u16(key.length));
    store<u16>(cell, u16(value.length), 2);
    memory.copy(cell + CELL, key.ptr.address, key.length);
    memory.copy(cell + CELL + words(key.length), value.ptr.address, value.length);
  }

  insertChild(slot: u64, key: str, page: u64): void {
    const cell = this.open(slot, innerCell(key.length));
    store<u16>(cell, u16(key.length));
    store<u16>(cell, 0, 2);
    store<u32>(cell, u32(page), 4);
    memory.copy(cell + CELL, key.ptr.address, key.length);
  }

  /** Removes a cell; those below it move up. */
  removeCell(slot: u64): void {
    const count = u64(this.count);
    const size = this.cellSize(slot);
    const gone = u64(unchecked(this.offsets[slot]));
    const base = addressOf(this);
    memory.copy(base + u64(this.cells) + size, base + u64(this.cells), gone - u64(this.cells));
    this.cells += u16(size);
    const offsets = addressOf(this.offsets);
    memory.copy(offsets + slot * 2, offsets + slot * 2 + 2, (count - slot - 1) * 2);
    this.count = u16(count - 1);
    for (let i: u64 = 0; i < count - 1; i++) {
      if (u64(unchecked(this.offsets[i])) < gone) unchecked((this.offsets[i] = this.offsets[i] + u16(size)));
    }
  }

  /** Appends the cells [from, to) of another page of the same level. */
  take(other: Page, from: u64, to: u64): void {
    for (let slot = from; slot < to; slot++) {
      const size = other.cellSize(slot);
      memory.copy(this.open(u64(this.count), size), other.cell(slot), size);
    }
  }
}

static_assert(sizeof<Page>() === PAGE, 'a page is 4096 bytes');
static_assert(offsetof<Page>('offsets') === HEADER, 'header of a page');

/** Bytes, rounded up to words. */
function words(bytes: u64): u64 {
  return (bytes + 7) & ~u64(7);
}

export function leafCell(keyLength: u64, valueLength: u64): u64 {
  return CELL + words(keyLength) + words(valueLength);
}

export function innerCell(keyLength: u64): u64 {
  return CELL + words(keyLength);
}

/**
 * Copies to memory whose old contents do not matter, without reading it from the NVDIMM first: whole cache blocks are zeroed in the cache and
 * then filled, which is what non-temporal stores are for elsewhere. Not atomic in any way.
 */
export function copyFresh(to: usize, from: usize, size: u64): void {
  const first = (to + CACHE_LINE - 1) & ~u64(CACHE_LINE - 1);
  const end = (to + size) & ~u64(CACHE_LINE - 1);
  for (let block = first; block < end; block += CACHE_LINE) cbo.zero(block);
  memory.copy(to, from, size);
}

/** Copies the parts of a page that mean something. */
export function copyPage(to: usize, from: usize): void {
  const page = at<Page>(from);
  copyFresh(to, from, (HEADER + u64(page.count) * 2 + 63) & ~u64(63));
  const cells = u64(page.cells) & ~u64(63);
  if (cells < PAGE) copyFresh(to + cells, from + cells, PAGE - cells);
}
