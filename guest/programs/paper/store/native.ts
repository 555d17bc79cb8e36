/**
 * `native`: pages in a file that is read and written by system calls (file.ts), a cache of them in memory, changes in a write-ahead log
 * (wal.ts): SQLite's own storage with `journal_mode=WAL, synchronous=FULL, locking_mode=EXCLUSIVE`. That is faster than its defaults, a rollback
 * journal that writes every changed page twice and locks by system calls. The cache has 16 MiB (SQLite's default: 2 MB).
 */
import { DELETE, ObjectId, READ, USE, WRITE } from '../../../abi/object.ts';
import { CREATE_TIED, CREATE_VOLATILE } from '../../../abi/syscall.ts';
import { createObject, dataOf, openObject } from '../../../libtwz/object.ts';
import { File } from './file.ts';
import { PAGE } from './page.ts';
import { Pager, PageTree } from './page-tree.ts';
import { Cursor } from './store.ts';
import { Wal } from './wal.ts';

/** Pages in the cache. */
const FRAMES = 4096;
/** Chains of the table from pages to cache frames: a power of two. */
const CHAINS = 8192;
/** The database's first page: what is not in trees. */
const HEADER_PAGE = 1;

class Header {
  /** The page itself is the first, so this is at least 2. Pages are numbered from 1. */
  pages: u64;
  /** First of a list of free pages, each with the number of the next; 0: none. */
  free: u64;
  readonly roots: FixedArray<u64, 4>;
}

/** A page in the cache. */
class CacheFrame {
  /** 0: none. */
  page: u32;
  /** The next of the chain: frame number + 1. */
  next: u32;
  dirty: bool;
  /** Used since the hand of the clock passed. */
  used: bool;
  /** Number of its last use: those of late are not displaced, as callers have their addresses. */
  last: u64;
}

/** Uses for which a page stays for certain. */
const HELD = 16;

class FilePager extends Pager {
  readonly database: Inline<File>;
  readonly wal: Inline<Wal>;
  private memory: usize;
  private hand: u64;
  private readonly frames: FixedArray<Inline<CacheFrame>, 4096>;
  private readonly chains: FixedArray<u32, 8192>;
  private uses: u64;
  /** Frames that became dirty; some are no more, as their page went to the log. */
  private readonly dirty: FixedArray<u32, 4096>;
  private dirtyCount: u64;
  /** Frames that are dirty. */
  private unwritten: u64;

  override copies(): bool {
    return false;
  }

  private addressOfFrame(index: u64): usize {
    return this.memory + index * PAGE;
  }

  /** The cache frame of a page, which is read if it is not there. */
  private frameOf(page: u64, read: bool): u64 {
    this.uses += 1;
    for (let link = unchecked(this.chains[page & (CHAINS - 1)]); link !== 0; ) {
      const frame = unchecked(this.frames[link - 1]);
      if (u64(frame.page) === page) {
        frame.used = true;
        frame.last = this.uses;
        return u64(link) - 1;
      }
      link = frame.next;
    }
    const index = this.takeFrame();
    const frame = unchecked(this.frames[index]);
    const chain = ptrTo(unchecked(this.chains[page & (CHAINS - 1)]));
    frame.page = u32(page);
    frame.used = true;
    frame.last = this.uses;
    frame.next = chain[0];
    chain[0] = u32(index) + 1;
    const address = this.addressOfFrame(index);
    if (read && !this.wal.read(page, address)) this.database.read(page * PAGE, address, PAGE);
    return index;
  }

  /** A frame for another page: one that the clock's hand finds unused since it last passed. A dirty page goes to the log first. */
  private takeFrame(): u64 {
    for (;;) {
      const index = this.hand;
      this.hand = (index + 1) % FRAMES;
      const frame = unchecked(this.frames[index]);
      if (frame.page !== 0 && (frame.used || frame.last + HELD > this.uses)) {
        frame.used = false;
        continue;
      }
      if (frame.page !== 0) {
        if (frame.dirty) this.writeFrame(index, 0);
        let link = ptrTo(unchecked(this.chains[u64(frame.page) & (CHAINS - 1)]));
        while (u64(link[0]) !== index + 1) link = ptrTo(unchecked(this.frames[link[0] - 1]).next);
        link[0] = frame.next;
      }
      return index;
    }
  }

  private writeFrame(index: u64, pages: u64): void {
    const frame = unchecked(this.frames[index]);
    this.wal.append(u64(frame.page), this.addressOfFrame(index), pages);
    frame.dirty = false;
    this.unwritten -= 1;
  }

  override page(number: u64): usize {
    return this.addressOfFrame(this.frameOf(number, true));
  }

  private change(number: u64, read: bool): usize {
    const index = this.frameOf(number, read);
    const frame = unchecked(this.frames[index]);
    if (!frame.dirty) {
      frame.dirty = true;
      this.unwritten += 1;
      if (this.dirtyCount === FRAMES) this.forgetClean();
      unchecked((this.dirty[this.dirtyCount] = u32(index)));
      this.dirtyCount++;
    }
    return this.addressOfFrame(index);
  }

  /** Makes the list of dirty frames anew: it may name frames that are dirty no more, and some twice. */
  private forgetClean(): void {
    let kept: u64 = 0;
    for (let i: u64 = 0; i < FRAMES; i++) {
      // The frame that has just become dirty is entered by the caller.
      if (!this.frames[i].dirty || this.frames[i].last === this.uses) continue;
      this.dirty[kept] = u32(i);
      kept++;
    }
    this.dirtyCount = kept;
  }

  override touch(number: u64): u64 {
    this.change(number, true);
    return number;
  }

  private header(): Header {
    return at<Header>(this.page(HEADER_PAGE));
  }

  private changeHeader(): Header {
    return at<Header>(this.change(HEADER_PAGE, true));
  }

  override fresh(): u64 {
    const header = this.changeHeader();
    const free = header.free;
    if (free === 0) {
      header.pages += 1;
      const number = header.pages;
      this.change(number, false);
      return number;
    }
    const next = load<u64>(this.change(free, true));
    this.changeHeader().free = next;
    return free;
  }

  override release(number: u64): void {
    const next = this.header().free;
    store<u64>(this.change(number, true), next);
    this.changeHeader().free = number;
  }

  override root(tree: u64): u64 {
    return this.header().roots[tree];
  }

  override setRoot(tree: u64, number: u64): void {
    this.changeHeader().roots[tree] = number;
  }

  commit(): void {
    if (this.dirtyCount === 0) return;
    const pages = this.header().pages;
    // All of it may be in the log already: some frame must say that it is a commit.
    if (this.unwritten === 0) this.change(HEADER_PAGE, true);
    for (let i: u64 = 0; i < this.dirtyCount; i++) {
      const index = u64(unchecked(this.dirty[i]));
      if (unchecked(this.frames[index]).dirty) this.writeFrame(index, this.unwritten === 1 ? pages : 0);
    }
    this.dirtyCount = 0;
    this.wal.file.sync();
    if (this.wal.wantsCheckpoint) this.wal.checkpoint(this.database);
  }

  open(database: usize, log: usize): void {
    this.database.base = database;
    this.wal.open(log);
    if (this.memory !== 0) return;
    const id = stack<ObjectId>();
    if (createObject(id, READ | WRITE | DELETE | USE | CREATE_TIED | CREATE_VOLATILE) !== 0)
      panic('no space for a cache');
    this.memory = dataOf(openObject(id));
  }
}

const tree = zeroed<PageTree<FilePager>>();
const pager = zeroed<FilePager>();

export function format(first: usize, _second: usize): void {
  const file = stack<File>();
  const header = stack<Header>();
  header.pages = 1;
  file.base = first;
  file.write(HEADER_PAGE * PAGE, addressOf(header), sizeof<Header>());
  file.sync();
}

export function open(first: usize, second: usize): void {
  tree.pager = pager;
  pager.open(first, second);
}

export function begin(): void {}

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
