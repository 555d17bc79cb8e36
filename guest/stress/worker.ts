/**
 * A worker of the stress program: its random numbers, the objects that it has, their places in the view, and its log.
 */
import { DELETE, ObjectId, READ, USE, WRITE } from '../abi/object.ts';
import { SYS_THREAD_CONTROL, SyncOp, THREAD_YIELD } from '../abi/syscall.ts';
import { SLOT_ALLOC_FIRST, slotAddress, VE_VALID } from '../abi/view.ts';
import { SpinLock } from '../libtwz/lock.ts';
import { syscall } from '../libtwz/syscall.ts';
import { clearViewEntry, setViewEntry, viewEntryOf } from '../libtwz/view.ts';
import { LOG_HEADER_TAKEN, LOG_PAGES, LOG_PER_PAGE, NO_SLOT, OP_WRONG } from './record.ts';

export const RIGHTS = READ | WRITE | DELETE | USE;
export const PAGE = 4096;
export const CONTEXTS = 3;
/** View slots of each worker: its objects, a thread's representation, another view. */
export const WINDOW = 16;
export const WINDOW_REPR = 13;
export const WINDOW_VIEW = 14;
export const STACK_BYTES = 0x8000;

/** Byte offsets of the pages that are touched, and how many neighbours follow each (itself included). */
export const pageOffsets: FixedArray<u64, 8> = [
  0x1000, 0x2000, 0x3000, 0x4000, 0x1f_f000, 0x20_0000, 0x2000_0000, 0x3dff_f000,
];
export const pageRuns: FixedArray<u64, 8> = [4, 3, 2, 1, 2, 1, 1, 1];

/** An object that a worker has. */
export class Slot {
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

export class Worker {
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
  /** A call for a child to make: number and four arguments. */
  readonly call: FixedArray<u64, 5>;
  /** The timer's device object. */
  readonly timer: Inline<ObjectId>;
}

/** A fixed slot of each worker's own. */
export const SLOT_OWN: u64 = 0x1_000f;

export const workers = zeroed<FixedArray<Inline<Worker>, 8>>();
export const exchanges = zeroed<FixedArray<Inline<Slot>, 4>>();
export const exchangeLock = zeroed<SpinLock>();
export const ticket = zeroed<FixedArray<u64, 1>>();

export function next(worker: Worker): u64 {
  worker.random = worker.random * 6364136223846793005 + 1442695040888963407;
  const x = worker.random;
  return ((x >> 33) ^ x) >> 7;
}

export function below(worker: Worker, limit: u64): u64 {
  return next(worker) % limit;
}

// ---------------------------------------------------------------------------------------------------------- log

/** Says in the log what comes now. */
export function begin(
  worker: Worker,
  op: u64,
  slot: u64,
  other: u64,
  flags: u64,
  places: u64,
  value: u64,
): void {
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
export function end(worker: Worker, result: i64, finding: u64): void {
  const record = worker.record;
  store<u64>(record, u64(result), 24);
  store<u64>(record, finding, 32);
  store<u64>(record, atomic.add<u64>(ticket.ptr, 1), 56);
  atomic.store<u64>(at<Ptr<u64>>(record), worker.count * 2 + 2, Order.release);
}

/** What must hold does not: the host stops the run. */
export function wrong(worker: Worker, what: u64): void {
  worker.wrong++;
  begin(worker, OP_WRONG, NO_SLOT, NO_SLOT, 0, 0, what);
  end(worker, 0, 0);
}

export function viewSlot(worker: Worker, slot: u64): u64 {
  return SLOT_ALLOC_FIRST + 0x2000 + worker.index * WINDOW + slot;
}

export function addressIn(worker: Worker, slot: u64, offset: u64): usize {
  return slotAddress(viewSlot(worker, slot), offset);
}

/** Maps the slot's object. */
export function map(worker: Worker, slot: u64): void {
  const at0 = viewSlot(worker, slot);
  if ((viewEntryOf(at0).flags & VE_VALID) !== 0) clearViewEntry(at0);
  const id = worker.slots[slot].id;
  setViewEntry(at0, id.lo, id.hi, READ | WRITE);
}
