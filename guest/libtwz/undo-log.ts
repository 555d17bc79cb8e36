/**
 * Undo logs as they lie in their objects (guest/abi/log.ts): entries appended, copied back, found again after a power
 * failure. A program claims one log per thread and keeps it until it ends; claiming, or the first program of a boot, undoes what the owner
 * before left open.
 */
import {
  LOG_ENTRIES,
  LOG_FIRST_WORDS,
  LOG_FRESH,
  LOG_MAGIC,
  LOG_MORE_WORDS,
  LogEntry,
  LogHeader,
  LogLine,
} from '../abi/log.ts';
import { NameEntry, Namespace, NameType } from '../abi/name.ts';
import { CACHE_LINE, OBJ_OFFSET_MASK, OBJ_TOPDATA, ObjectId, READ, WRITE } from '../abi/object.ts';
import {
  CONFIG_RESET_CODE,
  CREATE_PERSIST,
  CREATE_TIED,
  DELETE_UNDO,
  EEXIST,
  SYS_CONFIG,
  SYS_DELETE,
} from '../abi/syscall.ts';
import { programArguments } from './io.ts';
import {
  assignLocked,
  assignName,
  idOf,
  initNamespace,
  isUsed,
  namesLock,
  openNamespace,
  rootNamespace,
  stepInto,
} from './name.ts';
import { dataOf, deleteObject, lasting, openObject, rightsTo } from './object.ts';
import { createOwned } from './owner.ts';
import { clean, persist, persistFence, storePersistent, touch } from './persist.ts';
import { hasEnded, selfId } from './self.ts';
import { syscall } from './syscall.ts';
import { objectAt } from './view.ts';

const LOGS = '.tx';

export function logHeader(base: usize): LogHeader {
  return at<LogHeader>(dataOf(base));
}

/** A number that is this boot's alone, never 0. */
export function resetCode(): u64 {
  return u64(syscall(SYS_CONFIG, CONFIG_RESET_CODE, 0, 0, 0, 0)) | 1;
}

/** Lines of an entry about `blocks` cache blocks. */
function linesOf(blocks: u64): u64 {
  const words = blocks * (CACHE_LINE / 8);
  return 1 + (words - LOG_FIRST_WORDS + LOG_MORE_WORDS - 1) / LOG_MORE_WORDS;
}

function linesOfEntry(entry: LogEntry): u64 {
  return (entry.where & LOG_FRESH) !== 0 ? 1 : linesOf((entry.where >> 24) & 0xff_ffff);
}

/** A log that this thread has claimed. `end` and `last` are what it has written, not what the media holds. */
export class UndoLog {
  /** Offset 0 of the log object; 0: none claimed. */
  base: usize;
  sequence: u64;
  /** Lines in use, and how many of them the last entry takes. */
  end: u64;
  last: u64;

  private lineAt(index: u64): usize {
    return this.base + LOG_ENTRIES + index * CACHE_LINE;
  }

  /** Forgets all entries in memory; the log itself was closed by `close`. */
  reset(): void {
    this.end = 0;
    this.last = 0;
  }

  /**
   * Writes and cleans an entry about `blocks` cache blocks from `address` on (aligned); it counts from the next fence on.
   * Panics when the log has no room.
   */
  append(address: usize, blocks: u64, fresh: bool): void {
    const lines = fresh ? 1 : linesOf(blocks);
    if (LOG_ENTRIES + (this.end + lines) * CACHE_LINE > OBJ_TOPDATA)
      panic('the transaction is too large for its log');
    const entry = at<LogEntry>(this.lineAt(this.end));
    if (!objectAt(address, entry.object)) panic('a transaction records memory that is in no object');
    const place = (address & OBJ_OFFSET_MASK) / CACHE_LINE;
    entry.where = place | (blocks << 24) | (this.last << 48) | (fresh ? LOG_FRESH : 0);
    if (!fresh) copyOut(address, blocks, entry);
    // Tags after contents, in memory order: that is what makes a line whole.
    fence('w', 'w');
    entry.tag = this.sequence;
    for (let line: u64 = 1; line < lines; line++)
      at<LogLine>(addressOf(entry) + line * CACHE_LINE).tag = this.sequence;
    clean(addressOf(entry), lines * CACHE_LINE);
    this.last = lines;
    this.end += lines;
  }

  /** Cleans all ranges that entries are about, those from line `mark` on. */
  cleanRanges(): void {
    for (let line: u64 = 0; line < this.end; ) {
      const entry = at<LogEntry>(this.lineAt(line));
      clean(openObject(entry.object) + placeOf(entry), ((entry.where >> 24) & 0xff_ffff) * CACHE_LINE);
      line += linesOfEntry(entry);
    }
  }

  /** Makes all entries void, in one store. */
  close(): void {
    this.sequence++;
    storePersistent(ptrTo(logHeader(this.base).sequence).address, this.sequence);
    this.reset();
  }

  /**
   * Copies the entries from line `mark` on back, the last one first, and makes it persistent. Entries before `mark` still count; those
   * behind it are wiped, the last first, so that none of them is found in the place of a later one; without any before it the log is closed.
   */
  undo(mark: u64): void {
    if (this.end === mark) return;
    let line = this.end;
    while (line > mark) {
      line -= this.last;
      const entry = at<LogEntry>(this.lineAt(line));
      this.last = (entry.where >> 48) & 0x7fff;
      if ((entry.where & LOG_FRESH) === 0) copyBack(entry);
    }
    persistFence();
    if (mark === 0) {
      this.close();
      return;
    }
    for (let index = this.end; index > mark; index--) {
      at<LogLine>(this.lineAt(index - 1)).tag = 0;
      clean(this.lineAt(index - 1), CACHE_LINE);
    }
    persistFence();
    this.end = mark;
  }

  /** Undoes what an owner before this one left open. True when there was anything. */
  recover(): bool {
    this.sequence = logHeader(this.base).sequence;
    this.reset();
    for (;;) {
      const entry = at<LogEntry>(this.lineAt(this.end));
      if (entry.tag !== this.sequence) break;
      const lines = linesOfEntry(entry);
      let whole: u64 = 1;
      while (whole < lines && at<LogLine>(this.lineAt(this.end + whole)).tag === this.sequence) whole++;
      if (whole < lines) break;
      this.end += lines;
      this.last = lines;
    }
    if (this.end === 0) return false;
    this.undo(0);
    return true;
  }
}

function placeOf(entry: LogEntry): u64 {
  return (entry.where & 0xff_ffff) * CACHE_LINE;
}

/** Copies the old contents into the lines of an entry. */
function copyOut(address: usize, blocks: u64, entry: LogEntry): void {
  const from = at<Ptr<u64>>(address);
  for (let i: u64 = 0; i < LOG_FIRST_WORDS; i++) entry.data.ptr[i] = from[i];
  const words = blocks * (CACHE_LINE / 8);
  let line = addressOf(entry);
  for (let word: u64 = LOG_FIRST_WORDS; word < words; word += LOG_MORE_WORDS) {
    line += CACHE_LINE;
    const more = at<LogLine>(line);
    const count = min<u64>(words - word, LOG_MORE_WORDS);
    for (let i: u64 = 0; i < count; i++) more.data.ptr[i] = from[word + i];
  }
}

/** Copies old contents back to where they were, and cleans them. */
function copyBack(entry: LogEntry): void {
  const address = openObject(entry.object) + placeOf(entry);
  const blocks = (entry.where >> 24) & 0xff_ffff;
  const to = at<Ptr<u64>>(address);
  for (let i: u64 = 0; i < LOG_FIRST_WORDS; i++) to[i] = entry.data.ptr[i];
  const words = blocks * (CACHE_LINE / 8);
  let line = addressOf(entry);
  for (let word: u64 = LOG_FIRST_WORDS; word < words; word += LOG_MORE_WORDS) {
    line += CACHE_LINE;
    const more = at<LogLine>(line);
    const count = min<u64>(words - word, LOG_MORE_WORDS);
    for (let i: u64 = 0; i < count; i++) to[word + i] = more.data.ptr[i];
  }
  clean(address, blocks * CACHE_LINE);
}

/** The namespace that has the logs of this program's user: the user's home, or the root; false when there is none. */
function homeNamespace(id: ObjectId): bool {
  const home = programArguments().home;
  if (home.lo === 0 && home.hi === 0) return rootNamespace(id);
  assign(id, home);
  return true;
}

/** The namespace of logs, made if there is none; false when there is no root of names. */
function logNamespace(id: ObjectId): bool {
  const home = stack<ObjectId>();
  if (!homeNamespace(home)) return false;
  if (stepInto(home, LOGS, id)) return true;
  if (createOwned(id, CREATE_PERSIST) !== 0) return false;
  initNamespace(id);
  const result = assignName(home, LOGS, id, NameType.namespace, false);
  if (result !== -EEXIST) return result === 0;
  // Another thread was first.
  deleteObject(id);
  return stepInto(home, LOGS, id);
}

/** Are there logs below a namespace? */
export function hasLogs(home: ObjectId): bool {
  const id = stack<ObjectId>();
  return stepInto(home, LOGS, id);
}

/**
 * Undoes every transaction of this program's user that a power failure interrupted. To be called before other programs of the user run. Returns how
 * many. What a log says is done with this program's rights: nobody's logs but the user's own are looked at.
 */
export function recoverLogs(): u64 {
  const id = stack<ObjectId>();
  const home = stack<ObjectId>();
  if (!homeNamespace(home) || !stepInto(home, LOGS, id)) return 0;
  const namespace = openNamespace(id);
  if (namespace === null) return 0;
  const code = resetCode();
  let undone: u64 = 0;
  for (let i: u64 = 0; i < namespace.count; i++) {
    const entry: NameEntry = namespace.entries.ptr[i];
    if (!isUsed(entry)) continue;
    const log = stack<UndoLog>();
    log.base = openObject(idOf(entry));
    const header = logHeader(log.base);
    if (header.magic === LOG_MAGIC && header.ownerBoot !== code && log.recover()) undone++;
  }
  return undone;
}

/**
 * Takes a log that is this thread's until it ends: a free one, or a new one. Returns 0 or −Errno. `log.base` is set last: whatever faults on the way, there is
 * no lock held and no log claimed by halves.
 */
export function claimLog(log: UndoLog): i64 {
  const names = stack<ObjectId>();
  const namespace = logNamespace(names) ? openNamespace(names) : null;
  if (namespace === null) return newLog(log);
  if ((rightsTo(names) & (READ | WRITE)) !== (READ | WRITE))
    panic('transactions keep logs in the home of their user: this program may not write them there');
  const base = claimFree(namespace);
  if (base === 0) {
    // If there is no space for another name the program is told before it has made a log.
    touch(addressOf(namespace.entries.ptr[namespace.count]) + sizeof<NameEntry>() - 8);
    const made = newLog(log);
    if (made !== 0) return made;
    const id = stack<ObjectId>();
    objectAt(log.base, id);
    syscall(SYS_DELETE, id.lo, id.hi, DELETE_UNDO, 0, 0);
    nameLog(namespace, id);
    return 0;
  }
  const claimed = stack<UndoLog>();
  claimed.base = base;
  claimed.recover();
  log.sequence = claimed.sequence;
  log.reset();
  log.base = base;
  return 0;
}

/** Takes a log whose owner has ended; what that one left open is still to be undone. Returns offset 0 of it, or 0. */
function claimFree(namespace: Namespace): usize {
  const code = resetCode();
  // One at a time: whether a log's owner lives is asked before it is taken.
  using held = namesLock(namespace).hold();
  for (let i: u64 = 0; i < namespace.count; i++) {
    const entry: NameEntry = namespace.entries.ptr[i];
    if (!isUsed(entry)) continue;
    const base = openObject(idOf(entry));
    const header = logHeader(base);
    if (header.magic !== LOG_MAGIC || (header.ownerBoot === code && !hasEnded(header.ownerThread))) continue;
    takeLog(header);
    return base;
  }
  return 0;
}

function takeLog(header: LogHeader): void {
  assign(header.ownerThread, selfId());
  header.ownerBoot = resetCode();
  persist(addressOf(header), sizeof<LogHeader>());
}

/** Makes a log, which ends with this thread; where there is no object store, a volatile one. Returns 0 or −Errno. */
function newLog(log: UndoLog): i64 {
  const id = stack<ObjectId>();
  const made = createOwned(id, lasting() | CREATE_TIED);
  if (made !== 0) return made;
  const base = openObject(id);
  const header = logHeader(base);
  header.sequence = 1;
  takeLog(header);
  storePersistent(ptrTo(header.magic).address, LOG_MAGIC);
  log.sequence = 1;
  log.reset();
  log.base = base;
  return 0;
}

/** Enters a new log under the lower half of its ID. */
function nameLog(namespace: Namespace, id: ObjectId): void {
  const name = stack<FixedArray<u8, 16>>();
  for (let i: u64 = 0; i < 16; i++) {
    const digit = u8((id.lo >> (i * 4)) & 15);
    name[i] = digit < 10 ? u8('0') + digit : u8('a') + (digit - 10);
  }
  using held = namesLock(namespace).hold();
  assignLocked(namespace, strOf(name.ptr, 16), id, NameType.object, true);
}
