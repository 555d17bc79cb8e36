/**
 * Transactions: all stores to persistent memory between `begin` and the end of the scope happen, or none does, whatever the power
 * does; over any number of objects.
 *
 *   using tx = Tx.begin();
 *   node.left = other;        // the compiler calls tx.record before the store
 *
 * An undo log keeps the old contents of every range before it changes: the entry is made persistent, then the log's `end` that makes it
 * count. Commit makes the changed ranges persistent, then sets `end` to 0. Undoing copies entries back, the last first. Transactions nest: the
 * outermost one decides. After a power failure the first program calls `recoverLogs` before any other runs.
 *
 * Two transactions at once in one object are the program's mistake: it needs a lock around them (mutex.ts).
 */
import { LOG_ENTRIES, LOG_MAGIC, LogEntry, LogHeader } from '../abi/log.ts';
import { NameEntry, NameType } from '../abi/name.ts';
import { DELETE, OBJ_OFFSET_MASK, OBJ_TOPDATA, ObjectId, READ, USE, WRITE } from '../abi/object.ts';
import {
  CONFIG_RESET_CODE,
  CREATE_PERSIST,
  CREATE_VOLATILE,
  StatResult,
  SYS_CONFIG,
} from '../abi/syscall.ts';
import { SLOT_THREAD, slotAddress } from '../abi/view.ts';
import { assignName, idOf, initNamespace, isUsed, openNamespace, rootNamespace, stepInto } from './name.ts';
import { createObject, dataOf, openObject, statObject } from './object.ts';
import { clean, persist, persistFence, storePersistent } from './persist.ts';
import { syscall } from './syscall.ts';
import { objectAt } from './view.ts';

const LOGS = '.tx';
/** Ranges that were recorded last are not recorded again. */
const RECENT = 16;

function logHeader(base: usize): LogHeader {
  return at<LogHeader>(dataOf(base));
}

@transaction
export class Tx {
  /** Offset 0 of the log object; 0 before the first transaction. */
  log: usize;
  depth: u64;
  aborted: bool;
  end: u64;
  readonly recentStart: FixedArray<u64, 16>;
  readonly recentEnd: FixedArray<u64, 16>;
  recent: u64;

  /** Opens a transaction, or enters the open one. */
  static begin(): Tx {
    const tx = current;
    if (tx.log === 0) tx.log = claimLog();
    if (tx.depth === 0) {
      tx.aborted = false;
      tx.end = 0;
      tx.forgetRecent();
    }
    tx.depth++;
    return tx;
  }

  private forgetRecent(): void {
    for (let i: u64 = 0; i < RECENT; i++) {
      this.recentStart[i] = 0;
      this.recentEnd[i] = 0;
    }
  }

  private isRecent(start: usize, end: usize): bool {
    for (let i: u64 = 0; i < RECENT; i++) {
      if (start >= this.recentStart[i] && end <= this.recentEnd[i]) return true;
    }
    return false;
  }

  /** Keeps what [address, address + size) holds, before it is changed. */
  record(address: usize, size: usize): void {
    if (this.isRecent(address, address + size)) return;
    const room = OBJ_TOPDATA - LOG_ENTRIES - this.end;
    if (size + sizeof<LogEntry>() + 16 > room) panic('the transaction is too large for its log');
    const entry = at<LogEntry>(this.log + LOG_ENTRIES + this.end);
    if (!objectAt(address, entry.object)) panic('a transaction records memory that is in no object');
    entry.offset = address & OBJ_OFFSET_MASK;
    entry.size = size;
    const data = addressOf(entry) + sizeof<LogEntry>();
    memory.copy(data, address, size);
    persist(addressOf(entry), sizeof<LogEntry>() + size);
    this.end += (sizeof<LogEntry>() + size + 15) & ~u64(15);
    storePersistent(ptrTo(logHeader(this.log).end).address, this.end);
    const slot = this.recent++ & (RECENT - 1);
    this.recentStart[slot] = address;
    this.recentEnd[slot] = address + size;
  }

  /** Undoes everything since the outermost `begin`; what the scope does afterwards is not logged and should be nothing. */
  abort(): void {
    if (this.aborted) return;
    undo(this.log);
    this.aborted = true;
    this.end = 0;
    this.forgetRecent();
  }

  /** Leaves the scope; the outermost one commits. */
  [Symbol.dispose](): void {
    this.depth--;
    if (this.depth !== 0) return;
    let done: u64 = 0;
    while (done < this.end) {
      const entry = at<LogEntry>(this.log + LOG_ENTRIES + done);
      clean(openObject(entry.object) + entry.offset, entry.size);
      done += (sizeof<LogEntry>() + entry.size + 15) & ~u64(15);
    }
    persistFence();
    if (this.end !== 0) storePersistent(ptrTo(logHeader(this.log).end).address, 0);
    this.end = 0;
  }
}

const current = zeroed<Tx>();

/** Copies the entries of a log back, the last one first, and closes it. Doing it twice does no harm. */
function undo(base: usize): void {
  const header = logHeader(base);
  const end = header.end;
  if (end === 0) return;
  let last = end;
  // Entries are found forwards only; each round undoes the last one that is left.
  while (last !== 0) {
    let at0: u64 = 0;
    let next: u64 = 0;
    while (next < last) {
      at0 = next;
      const entry = at<LogEntry>(base + LOG_ENTRIES + at0);
      next += (sizeof<LogEntry>() + entry.size + 15) & ~u64(15);
    }
    const entry = at<LogEntry>(base + LOG_ENTRIES + at0);
    const target = openObject(entry.object) + entry.offset;
    memory.copy(target, addressOf(entry) + sizeof<LogEntry>(), entry.size);
    clean(target, entry.size);
    last = at0;
  }
  persistFence();
  storePersistent(ptrTo(header.end).address, 0);
}

function resetCode(): u64 {
  return u64(syscall(SYS_CONFIG, CONFIG_RESET_CODE, 0, 0, 0, 0)) | 1;
}

/** The namespace of logs, made if there is none; false when there is no root of names. */
function logNamespace(id: ObjectId): bool {
  const root = stack<ObjectId>();
  if (!rootNamespace(root)) return false;
  if (stepInto(root, LOGS, id)) return true;
  if (createObject(id, READ | WRITE | DELETE | USE | CREATE_PERSIST) !== 0) return false;
  initNamespace(id);
  return assignName(root, LOGS, id, NameType.namespace, false) === 0;
}

/** Undoes every transaction that a power failure interrupted. To be called before other programs run. Returns how many. */
export function recoverLogs(): u64 {
  const id = stack<ObjectId>();
  const root = stack<ObjectId>();
  if (!rootNamespace(root) || !stepInto(root, LOGS, id)) return 0;
  const namespace = openNamespace(id);
  if (namespace === null) return 0;
  const code = resetCode();
  let undone: u64 = 0;
  for (let i: u64 = 0; i < namespace.count; i++) {
    const entry: NameEntry = namespace.entries.ptr[i];
    if (!isUsed(entry)) continue;
    const base = openObject(idOf(entry));
    const header = logHeader(base);
    if (header.magic !== LOG_MAGIC || header.ownerBoot === code || header.end === 0) continue;
    undo(base);
    undone++;
  }
  return undone;
}

/** A log that is this program's until it ends: a free one, or a new one. */
function claimLog(): usize {
  const names = stack<ObjectId>();
  const code = resetCode();
  if (logNamespace(names)) {
    const namespace = openNamespace(names)!;
    for (let i: u64 = 0; i < namespace.count; i++) {
      const entry: NameEntry = namespace.entries.ptr[i];
      if (!isUsed(entry)) continue;
      const base = openObject(idOf(entry));
      const header = logHeader(base);
      const owner = header.ownerBoot;
      if (owner === code && !isDead(header.ownerThread)) continue;
      if (atomic.compareExchange<u64>(ptrTo(header.ownerBoot), owner, code) !== owner) continue;
      undo(base);
      takeLog(header);
      return base;
    }
  }
  return newLog(names, code);
}

function isDead(thread: ObjectId): bool {
  const stat = stack<StatResult>();
  return statObject(thread, stat) !== 0;
}

function takeLog(header: LogHeader): void {
  const self = stack<ObjectId>();
  if (objectAt(slotAddress(SLOT_THREAD, 0), self)) assign(header.ownerThread, self);
  persist(addressOf(header), sizeof<LogHeader>());
}

function newLog(names: ObjectId, code: u64): usize {
  const id = stack<ObjectId>();
  const rights = READ | WRITE | DELETE | USE;
  if (createObject(id, rights | CREATE_PERSIST) !== 0) {
    // Without an object store there is nothing that outlives power; aborting still works.
    if (createObject(id, rights | CREATE_VOLATILE) !== 0) panic('no space for a transaction log');
  }
  const base = openObject(id);
  const header = logHeader(base);
  header.ownerBoot = code;
  takeLog(header);
  storePersistent(ptrTo(header.magic).address, LOG_MAGIC);
  const name = stack<FixedArray<u8, 16>>();
  for (let i: u64 = 0; i < 16; i++) {
    const digit = u8((id.lo >> (i * 4)) & 15);
    name[i] = digit < 10 ? u8('0') + digit : u8('a') + (digit - 10);
  }
  if (names.lo !== 0 || names.hi !== 0) assignName(names, strOf(name.ptr, 16), id, NameType.object, true);
  return base;
}
