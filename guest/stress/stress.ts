/**
 * The stress program: run as `init`, it starts workers that do random object, view, context and thread operations under a seed
 * and report each, before and after, in a log that the host reads and compares with its model. What a worker can
 * judge alone (views, contexts, threads, waiting) it checks itself. When all are done and everything is deleted it prints what the
 * kernel counts, before and after: the two lines must be equal.
 *
 * Each worker owns its objects; they change hands only through exchanges, so operations in the order of their tickets are a lawful
 * sequential history.
 */
import '../libtwz/start.ts';
import {
  DELETE,
  META_MAGIC,
  META_OFFSET,
  MetaInfo,
  MIP_HASHDATA,
  OBJ_NULLPAGE,
  ObjectId,
  READ,
  USE,
  WRITE,
} from '../abi/object.ts';
import {
  BecomeArgs,
  CONFIG_BLOCKS_USED,
  CONFIG_OBJECTS,
  CONFIG_PAGES_FREE,
  CONFIG_PAGES_KEPT,
  CONFIG_STORE_FREE,
  CONFIG_STORE_KEPT,
  CopyArgs,
  CREATE_PERSIST,
  CreateArgs,
  CreateSource,
  DELETE_UNDO,
  EINVAL,
  ENOENT,
  ETIMEDOUT,
  PIN_REMOVE,
  POWER_OFF,
  SpawnArgs,
  StatResult,
  SYNC_32,
  SYNC_FOREVER,
  SYNC_SLEEP,
  SYNC_WAKE,
  SYS_ATTACH,
  SYS_BECOME,
  SYS_CONFIG,
  SYS_COPY,
  SYS_CREATE,
  SYS_DELETE,
  SYS_DETACH,
  SYS_PIN,
  SYS_POWER,
  SYS_THREAD_CONTROL,
  SYS_THREAD_SPAWN,
  SYS_THREAD_SYNC,
  SYS_TIE,
  SyncOp,
  THREAD_EXIT,
  THREAD_YIELD,
  TIE_REMOVE,
} from '../abi/syscall.ts';
import { SYNC_EXIT, ThreadRepr } from '../abi/thread.ts';
import { SLOT_ALLOC_FIRST, SLOT_EXEC, slotAddress, VE_VALID, VIEW_TABLE, ViewEntry } from '../abi/view.ts';
import { flush, print, printNumber } from '../libtwz/io.ts';
import { becomeThreaded, SpinLock, sleepFor } from '../libtwz/lock.ts';
import { createObject, dataOf, deleteObject, openObject, statObject } from '../libtwz/object.ts';
import { syscall } from '../libtwz/syscall.ts';
import { clearViewEntry, setViewEntry, unmapObject, viewEntryOf } from '../libtwz/view.ts';
import { readParameters } from './parameters.ts';
import {
  COPY_FLAG_ZERO,
  CREATE_FLAG_HASHDATA,
  CREATE_FLAG_PERSIST,
  CREATE_FLAG_RANGE,
  CREATE_FLAG_WHOLE,
  EXCHANGES,
  LOG_HEADER_PAGE,
  LOG_HEADER_TAKEN,
  LOG_HEADER_WORKER,
  LOG_MAGIC,
  LOG_PAGES,
  LOG_PER_PAGE,
  MAX_WORKERS,
  META_PAGE,
  NO_SLOT,
  OP_BECOME,
  OP_CONTEXT,
  OP_COPY,
  OP_CREATE,
  OP_DELETE,
  OP_EXCHANGE,
  OP_GONE,
  OP_META,
  OP_PIN,
  OP_READ,
  OP_STAT,
  OP_SYNC,
  OP_THREAD,
  OP_TIE,
  OP_UNDELETE,
  OP_UNPIN,
  OP_UNTIE,
  OP_VIEW,
  OP_WRITE,
  OP_WRONG,
  PAGES,
  SLOTS,
  WORD_STRIDE,
  WORDS,
} from './record.ts';

const RIGHTS = READ | WRITE | DELETE | USE;
const PAGE = 4096;
const CONTEXTS = 3;
/** View slots of each worker: its objects, a thread's representation, another view. */
const WINDOW = 16;
const WINDOW_REPR = 13;
const WINDOW_VIEW = 14;
const STACK_BYTES = 0x8000;

/** Byte offsets of the pages that are touched, and how many neighbours follow each (itself included). */
const pageOffsets: FixedArray<u64, 8> = [
  0x1000, 0x2000, 0x3000, 0x4000, 0x1f_f000, 0x20_0000, 0x2000_0000, 0x3dff_f000,
];
const pageRuns: FixedArray<u64, 8> = [4, 3, 2, 1, 2, 1, 1, 1];

/** An object that a worker has. */
class Slot {
  readonly id: Inline<ObjectId>;
  /** 0: the slot is empty. */
  used: bool;
  hashed: bool;
  deleted: bool;
  pinned: bool;
  /** Ties by which other slots of the worker keep it, and by which it keeps others. */
  tiedBy: u64;
  tying: u64;
  /** Pages present, one bit each. */
  present: u64;
}

class Worker {
  index: u64;
  random: u64;
  /** Operations begun. */
  count: u64;
  /** Where the log's pages are. */
  log: usize;
  record: usize;
  wrong: u64;
  readonly slots: FixedArray<Inline<Slot>, 12>;
  /** ties[12·parent + child]. */
  readonly ties: FixedArray<u8, 144>;
  readonly contexts: FixedArray<Inline<ObjectId>, 3>;
  readonly attached: FixedArray<bool, 3>;
  /** Words that the worker's threads and waits use. */
  readonly words: FixedArray<u64, 4>;
  readonly childOp: Inline<SyncOp>;
}

const workers = zeroed<FixedArray<Inline<Worker>, 8>>();
const exchanges = zeroed<FixedArray<Inline<Slot>, 4>>();
const exchangeLock = zeroed<SpinLock>();
const ticket = zeroed<FixedArray<u64, 1>>();
let operations: u64 = 0;
let workerCount: u64 = 0;

function next(worker: Worker): u64 {
  worker.random = worker.random * 6364136223846793005 + 1442695040888963407;
  const x = worker.random;
  return ((x >> 33) ^ x) >> 7;
}

function below(worker: Worker, limit: u64): u64 {
  return next(worker) % limit;
}

// ---------------------------------------------------------------------------------------------------------- log

/** Says in the log what comes now. */
function begin(worker: Worker, op: u64, slot: u64, other: u64, flags: u64, places: u64, value: u64): void {
  const index = worker.count;
  worker.count++;
  while (index - volatileLoad<u64>(worker.log + LOG_HEADER_TAKEN * 8) >= LOG_PAGES * LOG_PER_PAGE)
    syscall(SYS_THREAD_CONTROL, THREAD_YIELD, 0, 0, 0, 0);
  const page = worker.log + ((index / LOG_PER_PAGE) % LOG_PAGES) * PAGE;
  const record = page + 64 + (index % LOG_PER_PAGE) * 64;
  worker.record = record;
  store<u64>(record, op | (slot << 8) | (other << 16) | (flags << 24) | (places << 32), 8);
  store<u64>(record, value, 16);
  atomic.store<u64>(at<Ptr<u64>>(record), index * 2 + 3, Order.release);
}

/** Says that it is complete. */
function end(worker: Worker, result: i64, finding: u64): void {
  const record = worker.record;
  store<u64>(record, u64(result), 24);
  store<u64>(record, finding, 32);
  store<u64>(record, atomic.add<u64>(ticket.ptr, 1), 56);
  atomic.store<u64>(at<Ptr<u64>>(record), worker.count * 2 + 2, Order.release);
}

/** What must hold does not: the host stops the run. */
function wrong(worker: Worker, what: u64): void {
  worker.wrong++;
  begin(worker, OP_WRONG, NO_SLOT, NO_SLOT, 0, 0, what);
  end(worker, 0, 0);
}

// ------------------------------------------------------------------------------------------------------ objects

function viewSlot(worker: Worker, slot: u64): u64 {
  return SLOT_ALLOC_FIRST + 0x2000 + worker.index * WINDOW + slot;
}

function addressIn(worker: Worker, slot: u64, offset: u64): usize {
  return slotAddress(viewSlot(worker, slot), offset);
}

/** Maps the slot's object. */
function map(worker: Worker, slot: u64): void {
  const at0 = viewSlot(worker, slot);
  if ((viewEntryOf(at0).flags & VE_VALID) !== 0) clearViewEntry(at0);
  const id = worker.slots[slot].id;
  setViewEntry(at0, id.lo, id.hi, READ | WRITE);
}

/** Sum over the page's words; words that are zero count nothing, so that few known words predict it. */
function hashPage(page: usize, all: bool): u64 {
  let sum: u32 = 0;
  const step: u64 = all ? 1 : WORD_STRIDE;
  for (let i: u64 = 0; i < 512; i += step) {
    const word = load<u64>(page + i * 8);
    sum += (u32(word) + u32(word >> 32) * 0x9e37_79b1) * u32(2 * i + 1);
  }
  return u64(sum);
}

/** The slot's object ends if nothing keeps it, and with it its ties, which may end others. */
function settle(worker: Worker): void {
  for (let again = true; again; ) {
    again = false;
    for (let s: u64 = 0; s < SLOTS; s++) {
      const slot = worker.slots[s];
      if (!slot.used || !slot.deleted || slot.pinned || slot.tiedBy !== 0) continue;
      slot.used = false;
      for (let child: u64 = 0; child < SLOTS; child++) {
        const number = u64(worker.ties[s * SLOTS + child]);
        worker.slots[child].tiedBy -= number;
        slot.tying -= number;
        worker.ties[s * SLOTS + child] = 0;
      }
      checkGone(worker, slot.id);
      again = true;
    }
  }
}

function checkGone(worker: Worker, id: ObjectId): void {
  begin(worker, OP_GONE, NO_SLOT, NO_SLOT, 0, 0, 0);
  end(worker, statObject(id, stack<StatResult>()), 0);
}

/** Draws a range of `source` and a place for it: page, other page and count as the log has them. */
function drawRange(worker: Worker): u64 {
  const from = below(worker, PAGES);
  const to = below(worker, PAGES);
  const count = 1 + below(worker, min<u64>(pageRuns[from], pageRuns[to]));
  return from | (to << 8) | (count << 16);
}

function moveMask(target: u64, source: u64, range: u64): u64 {
  const from = range & 255;
  const to = (range >> 8) & 255;
  const bits = (u64(1) << (range >> 16)) - 1;
  return (target & ~(bits << to)) | (((source >> from) & bits) << to);
}

function fillRange(source: CreateSource, range: u64): void {
  source.offset = pageOffsets[range & 255];
  source.target = pageOffsets[(range >> 8) & 255];
  source.length = (range >> 16) * PAGE;
}

function create(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  const other = below(worker, SLOTS);
  const from = worker.slots[other];
  let flags: u64 = below(worker, 3) !== 0 ? CREATE_FLAG_PERSIST : 0;
  const kind = below(worker, 24);
  let range: u64 = 0;
  if (from.used && kind < 6) flags |= CREATE_FLAG_WHOLE;
  if (from.used && kind >= 6 && kind < 12) {
    flags |= CREATE_FLAG_RANGE;
    range = drawRange(worker);
  }
  // Rarely: its data are hashed.
  if (from.used && kind === 12) flags |= CREATE_FLAG_WHOLE | CREATE_FLAG_HASHDATA;
  const copies = (flags & (CREATE_FLAG_WHOLE | CREATE_FLAG_RANGE)) !== 0;
  begin(worker, OP_CREATE, s, copies ? other : NO_SLOT, flags, range, 0);
  const args = stack<CreateArgs>();
  const source = stack<CreateSource>();
  args.flags = RIGHTS;
  if ((flags & CREATE_FLAG_PERSIST) !== 0) args.flags |= CREATE_PERSIST;
  if ((flags & CREATE_FLAG_HASHDATA) !== 0) args.flags |= MIP_HASHDATA;
  if (copies) {
    assign(source.source, from.id);
    if (range !== 0) fillRange(source, range);
    args.sources = changetype<Ptr<u8>>(addressOf(source));
    args.sourceCount = 1;
  }
  const result = syscall(SYS_CREATE, addressOf(args), 0, 0, 0, 0);
  store<u64>(worker.record, args.id.lo, 40);
  store<u64>(worker.record, args.id.hi, 48);
  if (result === 0) {
    assign(slot.id, args.id);
    slot.used = true;
    slot.hashed = (flags & CREATE_FLAG_HASHDATA) !== 0;
    slot.deleted = false;
    slot.pinned = false;
    slot.tiedBy = 0;
    slot.tying = 0;
    slot.present = !copies ? 0 : range !== 0 ? moveMask(0, from.present, range) : from.present;
    map(worker, s);
  }
  end(worker, result, 0);
}

function write(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  const page = below(worker, PAGES);
  const word = below(worker, WORDS);
  if (slot.hashed) {
    read(worker, s);
    return;
  }
  const value = (next(worker) & 0xffff_ffff) | 1;
  begin(worker, OP_WRITE, s, NO_SLOT, 0, page | (word << 8), value);
  const address = addressIn(worker, s, pageOffsets[page] + word * WORD_STRIDE * 8);
  volatileStore<u64>(address, value);
  cbo.clean(address);
  fence('rw', 'rw');
  slot.present |= u64(1) << page;
  end(worker, 0, 0);
}

function read(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  const page = below(worker, PAGES);
  // An immutable object has no more pages than it was made of.
  if (slot.hashed && ((slot.present >> page) & 1) === 0) {
    stat(worker, s);
    return;
  }
  begin(worker, OP_READ, s, NO_SLOT, 0, page, 0);
  const hash = hashPage(addressIn(worker, s, pageOffsets[page]), below(worker, 4) === 0);
  slot.present |= u64(1) << page;
  end(worker, 0, hash);
}

function stat(worker: Worker, s: u64): void {
  const result = stack<StatResult>();
  begin(worker, OP_STAT, s, NO_SLOT, 0, 0, 0);
  const error = statObject(worker.slots[s].id, result);
  end(worker, error, result.pages | (u64(result.flags) << 32));
}

function meta(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  if (slot.hashed && ((slot.present >> META_PAGE) & 1) === 0) {
    stat(worker, s);
    return;
  }
  begin(worker, OP_META, s, NO_SLOT, 0, 0, 0);
  const result = stack<StatResult>();
  const info = at<MetaInfo>(addressIn(worker, s, META_OFFSET));
  const error = statObject(slot.id, result);
  const agrees =
    info.magic === META_MAGIC &&
    info.nonceLo === result.nonceLo &&
    info.nonceHi === result.nonceHi &&
    u32(info.pFlags) === result.pFlags;
  slot.present |= u64(1) << META_PAGE;
  end(worker, error, u64(agrees));
}

function remove(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  begin(worker, OP_DELETE, s, NO_SLOT, 0, 0, 0);
  const result = deleteObject(slot.id);
  slot.deleted = true;
  end(worker, result, 0);
  settle(worker);
}

function undelete(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  begin(worker, OP_UNDELETE, s, NO_SLOT, 0, 0, 0);
  const result = syscall(SYS_DELETE, slot.id.lo, slot.id.hi, DELETE_UNDO, 0, 0);
  slot.deleted = false;
  end(worker, result, 0);
}

/** Does `from` keep `to`, directly or not? Rings of ties would never end. */
function keeps(worker: Worker, from: u64, to: u64): bool {
  if (from === to) return true;
  for (let child: u64 = 0; child < SLOTS; child++) {
    if (worker.ties[from * SLOTS + child] !== 0 && keeps(worker, child, to)) return true;
  }
  return false;
}

/** Takes away one of the things that keep a deleted object. */
function release(worker: Worker, s: u64): void {
  if (worker.slots[s].pinned) {
    pin(worker, s);
    return;
  }
  for (let parent: u64 = 0; parent < SLOTS; parent++) {
    if (worker.ties[parent * SLOTS + s] === 0) continue;
    tie(worker, parent, s, true);
    return;
  }
}

function tie(worker: Worker, parent: u64, child: u64, removing: bool): void {
  const slot = worker.slots[child];
  const number = ptrTo(worker.ties[parent * SLOTS + child]);
  if (!slot.used || (removing ? number[0] === 0 : keeps(worker, child, parent) || number[0] > 3)) {
    stat(worker, parent);
    return;
  }
  const by = worker.slots[parent];
  begin(worker, removing ? OP_UNTIE : OP_TIE, parent, child, 0, 0, 0);
  const result = tieCall(by.id, slot.id, removing);
  if (removing) {
    number[0] -= 1;
    slot.tiedBy--;
    by.tying--;
  } else {
    number[0] += 1;
    slot.tiedBy++;
    by.tying++;
  }
  end(worker, result, 0);
  settle(worker);
}

function tieCall(parent: ObjectId, child: ObjectId, removing: bool): i64 {
  return syscall(SYS_TIE, parent.lo, parent.hi, child.lo, child.hi, removing ? TIE_REMOVE : 0);
}

function copy(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  const other = below(worker, SLOTS);
  const from = worker.slots[other];
  const zero = below(worker, 4) === 0;
  if (slot.hashed || (!zero && (!from.used || other === s))) {
    read(worker, s);
    return;
  }
  const range = drawRange(worker);
  const args = stack<CopyArgs>();
  assign(args.target, slot.id);
  if (!zero) assign(args.from.source, from.id);
  fillRange(args.from, range);
  begin(worker, OP_COPY, s, zero ? NO_SLOT : other, zero ? COPY_FLAG_ZERO : 0, range, 0);
  const result = syscall(SYS_COPY, addressOf(args), 0, 0, 0, 0);
  slot.present = moveMask(slot.present, zero ? 0 : from.present, range);
  end(worker, result, 0);
}

function pin(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  begin(worker, slot.pinned ? OP_UNPIN : OP_PIN, s, NO_SLOT, 0, 0, 0);
  const result = syscall(SYS_PIN, slot.id.lo, slot.id.hi, slot.pinned ? PIN_REMOVE : 0, 0, 0);
  slot.pinned = !slot.pinned;
  end(worker, result, 0);
  settle(worker);
}

/** Swaps the object with one that another worker left. Ties stay among the objects of one worker. */
function exchange(worker: Worker, s: u64, place: u64): void {
  const slot = worker.slots[s];
  if (slot.tiedBy !== 0 || slot.tying !== 0) {
    stat(worker, s);
    return;
  }
  const kept = stack<Slot>();
  exchangeLock.acquire();
  begin(worker, OP_EXCHANGE, s, place, 0, 0, 0);
  assign(kept, slot);
  assign(slot, exchanges[place]);
  assign(exchanges[place], kept);
  end(worker, 0, 0);
  exchangeLock.release();
  if (slot.used) map(worker, s);
  else clearViewEntry(viewSlot(worker, s));
}

// ------------------------------------------------------------------------------- views, contexts, threads, waiting

/** Reads a word in the kernel, through the view: 0 (it differs from `value`), or why it cannot be read. */
function probe(address: usize, value: u64): i64 {
  return sleepFor(address, value, 0);
}

/** Unmaps an object, and maps it again: the kernel and the MMU see both at once. */
function view(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  if ((slot.present & ((1 << PAGES) - 1)) === 0) {
    stat(worker, s);
    return;
  }
  const address = addressIn(worker, s, pageOffsets[ctz<u64>(slot.present)]);
  begin(worker, OP_VIEW, s, NO_SLOT, 0, 0, 0);
  const before = volatileLoad<u64>(address);
  clearViewEntry(viewSlot(worker, s));
  const unmapped = probe(address, before + 1);
  map(worker, s);
  const mapped = probe(address, before + 1);
  const same = volatileLoad<u64>(address) === before;
  end(worker, 0, 0);
  if (unmapped !== -EINVAL || mapped !== 0 || !same) wrong(worker, 1);
}

function context(worker: Worker): void {
  const which = below(worker, CONTEXTS);
  const id = worker.contexts[which];
  const attach = below(worker, 2) === 0;
  begin(worker, OP_CONTEXT, NO_SLOT, NO_SLOT, u64(attach), 0, which);
  const result = syscall(attach ? SYS_ATTACH : SYS_DETACH, id.lo, id.hi, 0, 0, 0);
  const expected: i64 = attach || worker.attached[which] ? 0 : -ENOENT;
  worker.attached[which] = attach;
  end(worker, result, 0);
  if (result !== expected) wrong(worker, 2);
}

/**
 * A thread without a stack: sleeps as its argument (a SyncOp) says, and ends with 7 plus the result.
 * @naked
 */
function childCode(): void {
  asm`
    li a1, 1
    li a2, -1
    li a7, 7
    ecall
    addi a1, a0, 7
    li a0, 0
    li a7, 10
    ecall
    unimp`;
}

/** Starts a thread that sleeps until it is woken, or finds that it need not sleep; waits for its end. */
function thread(worker: Worker): void {
  begin(worker, OP_THREAD, NO_SLOT, NO_SLOT, 0, 0, 0);
  worker.words[0] = 0;
  worker.childOp.address = ptrTo(worker.words[0]).address;
  worker.childOp.value = 0;
  worker.childOp.op = SYNC_SLEEP;
  const args = stack<SpawnArgs>();
  args.start = changetype<u64>(childCode);
  args.argument = addressOf(worker.childOp);
  const result = syscall(SYS_THREAD_SPAWN, addressOf(args), 0, 0, 0, 0);
  if (result !== 0) {
    end(worker, result, 0);
    wrong(worker, 3);
    return;
  }
  setViewEntry(viewSlot(worker, WINDOW_REPR), args.thread.lo, args.thread.hi, READ | WRITE);
  const repr = at<ThreadRepr>(addressIn(worker, WINDOW_REPR, OBJ_NULLPAGE));
  if (below(worker, 2) === 0) syscall(SYS_THREAD_CONTROL, THREAD_YIELD, 0, 0, 0, 0);
  atomic.store<u64>(ptrTo(worker.words[0]), 1, Order.release);
  const wake = stack<SyncOp>();
  wake.address = worker.childOp.address;
  wake.value = 1;
  wake.op = SYNC_WAKE;
  const woken = syscall(SYS_THREAD_SYNC, addressOf(wake), 1, 0, 0, 0);
  const exit = ptrTo(repr.sync[SYNC_EXIT]);
  while (atomic.load<u64>(exit, Order.acquire) === 0) sleepFor(exit.address, 0, SYNC_FOREVER);
  const code = repr.syncInfo[SYNC_EXIT];
  clearViewEntry(viewSlot(worker, WINDOW_REPR));
  const removed = deleteObject(args.thread);
  end(worker, removed, code);
  if (code !== 7 || woken < 0 || woken > 1 || removed !== 0) wrong(worker, 4);
}

/** Waits of which the outcome is certain. */
function sync(worker: Worker): void {
  const ops = stack<FixedArray<Inline<SyncOp>, 3>>();
  const kind = below(worker, 5);
  worker.words[1] = 5;
  for (let i: u64 = 0; i < 3; i++) {
    ops[i].address = ptrTo(worker.words[1]).address;
    ops[i].value = 5;
    ops[i].op = SYNC_SLEEP;
  }
  let timeout: u64 = 0;
  let expected: i64 = -ETIMEDOUT;
  if (kind === 1) timeout = 200;
  else if (kind === 2) {
    timeout = SYNC_FOREVER;
    ops[2].value = 6;
    expected = 2;
  } else if (kind === 3) {
    worker.words[1] = 0x1_0000_0005;
    for (let i: u64 = 0; i < 3; i++) ops[i].op = SYNC_SLEEP | SYNC_32;
  } else if (kind === 4) {
    for (let i: u64 = 0; i < 3; i++) ops[i].op = SYNC_WAKE;
    expected = 0;
  }
  begin(worker, OP_SYNC, NO_SLOT, NO_SLOT, kind, 0, 0);
  const result = syscall(SYS_THREAD_SYNC, addressOf(ops), 3, timeout, 0, 0);
  end(worker, result, 0);
  if (result !== expected) wrong(worker, 5);
}

/**
 * Where `become` goes: back at once.
 * @naked
 */
function returnCode(): void {
  asm`
    li a0, 0
    li a1, 77
    li a7, 6
    ecall
    unimp`;
}

/** Another view of the same program is made, entered, left, and deleted. */
function become(worker: Worker): void {
  begin(worker, OP_BECOME, NO_SLOT, NO_SLOT, 0, 0, 0);
  const target = stack<BecomeArgs>();
  const made = createObject(target.view, RIGHTS);
  setViewEntry(viewSlot(worker, WINDOW_VIEW), target.view.lo, target.view.hi, READ | WRITE);
  const entry = at<ViewEntry>(addressIn(worker, WINDOW_VIEW, VIEW_TABLE));
  assign(entry, viewEntryOf(SLOT_EXEC));
  target.pc = changetype<u64>(returnCode);
  const result = made === 0 ? syscall(SYS_BECOME, addressOf(target), 0, 0, 0, 0) : made;
  clearViewEntry(viewSlot(worker, WINDOW_VIEW));
  const removed = deleteObject(target.view);
  end(worker, result, 0);
  if (result !== 77 || removed !== 0) wrong(worker, 6);
}

// --------------------------------------------------------------------------------------------------------- workers

function step(worker: Worker): void {
  const s = below(worker, SLOTS);
  const slot = worker.slots[s];
  const r = below(worker, 100);
  if (r < 5) context(worker);
  else if (r < 6) thread(worker);
  else if (r < 9) sync(worker);
  else if (r < 10 && below(worker, 4) === 0) become(worker);
  else if (!slot.used) create(worker, s);
  else if (r < 28) write(worker, s);
  else if (r < 44) read(worker, s);
  else if (r < 60) {
    if (!slot.deleted) remove(worker, s);
    else if (below(worker, 4) === 0) undelete(worker, s);
    else release(worker, s);
  } else if (r < 71) copy(worker, s);
  else if (r < 76) tie(worker, s, below(worker, SLOTS), false);
  else if (r < 80) tie(worker, s, below(worker, SLOTS), true);
  else if (r < 85) stat(worker, s);
  else if (r < 88) pin(worker, s);
  else if (r < 92) meta(worker, s);
  else if (r < 96) exchange(worker, s, below(worker, EXCHANGES));
  else view(worker, s);
}

/** Deletes the object of a slot, if there is one. */
function clear(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  if (slot.used && slot.pinned) pin(worker, s);
  if (slot.used && !slot.deleted) remove(worker, s);
}

/** A worker's thread. */
function work(worker: Worker): void {
  for (let i: u64 = 0; i < CONTEXTS; i++) createObject(worker.contexts[i], RIGHTS);
  while (worker.count < operations) step(worker);
  for (let s: u64 = 0; s < SLOTS; s++) clear(worker, s);
  for (let i: u64 = 0; i < CONTEXTS; i++) {
    const id = worker.contexts[i];
    if (worker.attached[i]) syscall(SYS_DETACH, id.lo, id.hi, 0, 0, 0);
    worker.attached[i] = false;
    deleteObject(id);
  }
  syscall(SYS_THREAD_CONTROL, THREAD_EXIT, 0, 0, 0, 0);
}

let stacks: usize = 0;

function prepare(seed: u64): void {
  const id = stack<ObjectId>();
  if (createObject(id, RIGHTS) !== 0) panic('no log');
  const log = dataOf(openObject(id));
  if (createObject(id, RIGHTS) !== 0) panic('no stacks');
  stacks = dataOf(openObject(id));
  for (let i: u64 = 0; i < workerCount; i++) {
    const worker = workers[i];
    worker.index = i;
    worker.random = (seed * MAX_WORKERS + i) * 0x9e37_79b9_7f4a_7c15;
    worker.log = log + i * LOG_PAGES * PAGE;
    for (let page: u64 = 0; page < LOG_PAGES; page++) {
      const header = worker.log + page * PAGE;
      store<u64>(header, LOG_MAGIC);
      store<u64>(header, i, LOG_HEADER_WORKER * 8);
      store<u64>(header, page, LOG_HEADER_PAGE * 8);
    }
    for (let page: u64 = 0; page < STACK_BYTES; page += PAGE) store<u64>(stacks + i * STACK_BYTES + page, 0);
  }
}

/** Lets the workers do operations until each has begun `until`, and deletes what they made. */
function phase(until: u64): void {
  operations = until;
  const threads = stack<FixedArray<Inline<ObjectId>, 8>>();
  for (let i: u64 = 0; i < workerCount; i++) {
    const args = stack<SpawnArgs>();
    args.start = changetype<u64>(work);
    args.stackPointer = stacks + (i + 1) * STACK_BYTES;
    args.argument = addressOf(workers[i]);
    if (syscall(SYS_THREAD_SPAWN, addressOf(args), 0, 0, 0, 0) !== 0) panic('no thread');
    assign(threads[i], args.thread);
  }
  for (let i: u64 = 0; i < workerCount; i++) {
    const base = openObject(threads[i]);
    const exit = ptrTo(at<ThreadRepr>(dataOf(base)).sync[SYNC_EXIT]);
    while (atomic.load<u64>(exit, Order.acquire) === 0) sleepFor(exit.address, 0, SYNC_FOREVER);
    unmapObject(base);
    deleteObject(threads[i]);
  }
  for (let place: u64 = 0; place < EXCHANGES; place++) {
    if (!exchanges[place].used) continue;
    exchange(workers[0], 0, place);
    clear(workers[0], 0);
  }
  // Idle harts free what deletion has put off.
  let free: i64 = -1;
  for (;;) {
    sleepFor(ptrTo(operations).address, operations, 1_000_000);
    const now = syscall(SYS_CONFIG, CONFIG_STORE_FREE, 0, 0, 0, 0);
    if (now === free) return;
    free = now;
  }
}

/** What the kernel has, as far as it must be the same before and after. */
function printCounts(): void {
  print('counts');
  printCount(CONFIG_OBJECTS, CONFIG_OBJECTS);
  printCount(CONFIG_BLOCKS_USED, CONFIG_BLOCKS_USED);
  printCount(CONFIG_PAGES_FREE, CONFIG_PAGES_KEPT);
  printCount(CONFIG_STORE_FREE, CONFIG_STORE_KEPT);
  print('\n');
  flush();
}

function printCount(key: u64, other: u64): void {
  let value = u64(syscall(SYS_CONFIG, key, 0, 0, 0, 0));
  if (other !== key) value += u64(syscall(SYS_CONFIG, other, 0, 0, 0, 0));
  print(' ');
  printNumber(value);
}

/** @export */
function main(): u64 {
  becomeThreaded();
  const parameters = stack<FixedArray<u64, 3>>();
  readParameters(parameters.ptr, 3);
  const each = parameters[1] / parameters[2];
  workerCount = min<u64>(parameters[2], MAX_WORKERS);
  prepare(parameters[0]);
  print('stress ready\n');
  flush();
  // The first part makes what stays: pages of the program, of its view, of the kernel's tables.
  phase(min<u64>(each / 4, 1000));
  printCounts();
  phase(each);
  printCounts();
  syscall(SYS_POWER, POWER_OFF, 0, 0, 0, 0);
  return 0;
}
