/**
 * `lmdb`: a file that is mapped, and changed only where no committed tree leads: every page on the way to a change is copied. Two meta pages take
 * turns; the one with the higher number and a right check sum counts, so writing it is the commit. As LMDB does with MDB_WRITEMAP: a
 * commit is two `msync`, one for the pages, one for the meta page. Each is a system call that does nothing here, and in user space the
 * write-back of the lines and a fence: what a file system that maps the NVDIMM has to do at least.
 *
 * Free pages are a stack of pages with their numbers in the file. What a transaction frees is used again from the next one on.
 */
import { SYS_NULL } from '../../../abi/syscall.ts';
import { clean, persistFence } from '../../../libtwz/persist.ts';
import { syscall } from '../../../libtwz/syscall.ts';
import { copyPage, PAGE } from './page.ts';
import { Pager, PageTree } from './page-tree.ts';
import { Cursor, TREES } from './store.ts';

/** Pages that a transaction may change. */
const MOST_DIRTY = 65_536;
/** Numbers in a page of free ones. */
const LISTED = 1000;

class Meta {
  transaction: u64;
  /** Pages in use, from the beginning of the file. */
  pages: u64;
  /** The first page of free ones, or 0. */
  free: u64;
  readonly roots: FixedArray<u64, 4>;
  check: u64;

  sum(): u64 {
    let sum: u64 = 0x4c4d_4442;
    const words = at<Ptr<u64>>(addressOf(this));
    for (let i: u64 = 0; i < offsetof<Meta>('check') / 8; i++)
      sum = rotl<u64>(sum ^ words[i], 29) * 0x9e37_79b9_7f4a_7c15;
    return sum;
  }
}

static_assert(sizeof<Meta>() === 64, 'a meta page is one cache block');

/** A page of numbers of free pages. */
class FreePage {
  transaction: u64;
  next: u64;
  count: u64;
  readonly numbers: FixedArray<u32, 1000>;
}

class MapPager extends Pager {
  base: usize;
  /** The meta page of the open transaction, in memory. */
  readonly meta: Inline<Meta>;
  /** Free pages that were taken from the file's stack and not used yet. */
  readonly spare: FixedArray<u32, 1000>;
  spares: u64;
  /** Pages that this transaction frees: the committed tree has them until it ends. */
  readonly freed: FixedArray<u32, 65536>;
  freedCount: u64;
  readonly dirty: FixedArray<u32, 65536>;
  dirtyCount: u64;

  override copies(): bool {
    return true;
  }

  override page(number: u64): usize {
    return this.base + number * PAGE;
  }

  private isDirty(number: u64): bool {
    return load<u64>(this.page(number)) === this.meta.transaction;
  }

  override fresh(): u64 {
    if (this.spares === 0 && this.meta.free !== 0) this.takeFreePage();
    let number = this.meta.pages;
    if (this.spares !== 0) {
      this.spares--;
      number = u64(unchecked(this.spare[this.spares]));
    } else this.meta.pages += 1;
    if (this.dirtyCount === MOST_DIRTY) panic('the transaction changes too many pages');
    unchecked((this.dirty[this.dirtyCount] = u32(number)));
    this.dirtyCount++;
    store<u64>(this.page(number), this.meta.transaction);
    return number;
  }

  /** Takes all numbers of the file's first page of free ones; that page is free then, too. */
  private takeFreePage(): void {
    const number = this.meta.free;
    const list = at<FreePage>(this.page(number));
    memory.copy(addressOf(this.spare), addressOf(list.numbers), list.count * 4);
    this.spares = list.count;
    this.meta.free = list.next;
    this.free(number);
  }

  private free(number: u64): void {
    if (this.freedCount === MOST_DIRTY) panic('the transaction frees too many pages');
    unchecked((this.freed[this.freedCount] = u32(number)));
    this.freedCount++;
  }

  override touch(number: u64): u64 {
    if (this.isDirty(number)) return number;
    const made = this.fresh();
    copyPage(this.page(made), this.page(number));
    store<u64>(this.page(made), this.meta.transaction);
    this.free(number);
    return made;
  }

  override release(number: u64): void {
    this.free(number);
  }

  override root(tree: u64): u64 {
    return this.meta.roots[tree];
  }

  override setRoot(tree: u64, number: u64): void {
    this.meta.roots[tree] = number;
  }

  /** Writes what is free to pages in front of those that are listed already. */
  private writeFree(): void {
    while (this.freedCount + this.spares > 0) {
      const number = this.takeForList();
      const list = at<FreePage>(this.page(number));
      list.next = this.meta.free;
      let count: u64 = 0;
      while (count < LISTED && this.freedCount + this.spares > 0) {
        if (this.freedCount !== 0) {
          this.freedCount--;
          list.numbers[count] = this.freed[this.freedCount];
        } else {
          this.spares--;
          list.numbers[count] = this.spare[this.spares];
        }
        count++;
      }
      list.count = count;
      this.meta.free = number;
    }
  }

  /** A page for a list: a spare one or one at the end of the file. */
  private takeForList(): u64 {
    if (this.spares !== 0) return this.fresh();
    const kept = this.meta.free;
    // No page is to be taken off the file's stack now.
    this.meta.free = 0;
    const number = this.fresh();
    this.meta.free = kept;
    return number;
  }

  begin(): void {
    this.meta.transaction += 1;
  }

  commit(): void {
    this.writeFree();
    for (let i: u64 = 0; i < this.dirtyCount; i++) clean(this.page(u64(unchecked(this.dirty[i]))), PAGE);
    this.dirtyCount = 0;
    this.sync();
    this.meta.check = this.meta.sum();
    const place = at<Meta>(this.page(this.meta.transaction & 1));
    assign(place, this.meta);
    clean(addressOf(place), sizeof<Meta>());
    this.sync();
  }

  /** `msync`. */
  private sync(): void {
    syscall(SYS_NULL, 0, 0, 0, 0, 0);
    persistFence();
  }

  open(base: usize): void {
    this.base = base;
    this.spares = 0;
    this.freedCount = 0;
    this.dirtyCount = 0;
    const zero = at<Meta>(base);
    const one = at<Meta>(base + PAGE);
    const zeroCounts = zero.check === zero.sum();
    const oneCounts = one.check === one.sum();
    if (!zeroCounts && !oneCounts) panic('the file is no database');
    if (oneCounts && (!zeroCounts || one.transaction > zero.transaction)) assign(this.meta, one);
    else assign(this.meta, zero);
  }
}

const tree = zeroed<PageTree<MapPager>>();
const pager = zeroed<MapPager>();
static_assert(TREES === 4, 'roots of a meta page');

export function format(first: usize, _second: usize): void {
  const meta = at<Meta>(first);
  meta.pages = 2;
  meta.check = meta.sum();
  clean(first, sizeof<Meta>());
  persistFence();
}

export function open(first: usize, _second: usize): void {
  tree.pager = pager;
  pager.open(first);
}

export function begin(): void {
  pager.begin();
}

export function commit(): void {
  pager.commit();
}

export function get(which: u64, key: str): str {
  return tree.get(which, key);
}

export function put(which: u64, key: str, value: str): void {
  tree.put(which, key, value);
}

export function remove(which: u64, key: str): bool {
  return tree.remove(which, key);
}

export function first(cursor: Cursor): void {
  tree.first(cursor);
}

export function last(cursor: Cursor): void {
  tree.last(cursor);
}

export function seek(cursor: Cursor, key: str): void {
  tree.seek(cursor, key);
}

export function next(cursor: Cursor): void {
  tree.next(cursor);
}

export function keyOf(cursor: Cursor): str {
  return tree.key(cursor);
}

export function valueOf(cursor: Cursor): str {
  return tree.value(cursor);
}

export function isWhole(which: u64): bool {
  return tree.isWhole(which);
}
