/**
 * What `pmdk` is built on, after libpmemobj: a pool mapped wherever there is room, pointers of 16 bytes (the pool's number and an offset) that
 * every use translates by the pool that was asked for last, and transactions.
 *
 * A transaction's snapshots go to an undo log, each with a check sum and one fence. New memory is not logged. Memory is taken and given back in
 * a map of bits, one for each 64 bytes; the free lists are volatile and made of it when the pool is opened. At commit everything that changed is
 * written back (a fence), the changes of the map go to a redo log (a fence: this commits), then to the map (a fence), and a number that
 * voids both logs ends it (a fence). Without changes of the map that number is what commits.
 */
import { CACHE_LINE } from '../../../abi/object.ts';
import { clean, persistFence } from '../../../libtwz/persist.ts';

/** A persistent pointer. Offset 0: null. */
export class Oid {
  pool: u64;
  offset: u64;
}

/** Units of allocation. */
const UNIT = CACHE_LINE;
/** Sizes that have free lists of their own, in units. */
const CLASSES = 40;
/** 1 MiB. */
const STEP = 16_384;
const POOL_MAGIC = 0x4a42_4f4d_454d_5020;
/** Places in the pool: header, redo log, undo log, map, memory. */
const REDO = 0x1000;
const MOST_REDO = 16_000;
const UNDO = 0x8_0000;
const MAP = 0x40_0000;
const MEMORY = 0x60_0000;
/** The map of 2 MiB is enough for an object. */
const END = 0x3de0_0000;
/** New blocks, and blocks given back, of one transaction. */
const MOST_ACTIONS = 8000;
/** Snapshots that are known to be made: a direct-mapped table. */
const KNOWN = 1024;

class PoolHeader {
  magic: u64;
  number: u64;
  /** Number of the transaction to come, or open: tags of log entries that count. */
  sequence: u64;
  /** Offset of what the pool is for; 0: not made yet. */
  root: u64;
  /** Memory from this unit on was never used, nor has the map a bit for it. It grows by `STEP`. */
  limit: u64;
}

/** A snapshot; the old contents follow. */
class UndoEntry {
  offset: u64;
  size: u64;
  sequence: u64;
  check: u64;
}

class RedoHeader {
  sequence: u64;
  count: u64;
  check: u64;
  readonly reserved: u64;
}

/** A range of units of the map. */
class RedoEntry {
  /** First unit. */
  unit: u64;
  /** Units; bit 63: they become free. */
  units: u64;
}

const FREES: u64 = 0x8000_0000_0000_0000;

/** A free block, in volatile memory's place: its own first word links it. */
class FreeBlock {
  next: u64;
}

/** The pool that was translated for last, and `changes` then. */
let cachedNumber: u64 = 0;
let cachedBase: usize = 0;
let cachedChanges: u64 = 0;
/** Rises when pools come and go: what was cached before counts no more. libpmemobj looks at it at each use of a pointer. */
let changes: u64 = 0;
/** Pools that are open: number and address. */
const openNumbers = zeroed<FixedArray<u64, 8>>();
const openBases = zeroed<FixedArray<usize, 8>>();
let openPools: u64 = 0;

let header: PoolHeader | null = null;
let undoEnd: u64 = 0;
let depth: u64 = 0;
/** First unit of memory that was never used since the pool was opened. */
let top: u64 = 0;
const freeLists = zeroed<FixedArray<u64, 40>>();
const actions = zeroed<FixedArray<Inline<RedoEntry>, 8000>>();
let actionCount: u64 = 0;
const known = zeroed<FixedArray<u64, 1024>>();
const knownSizes = zeroed<FixedArray<u32, 1024>>();

/** @noinline @cold */
function findPool(number: u64): usize {
  for (let i: u64 = 0; i < openPools; i++) {
    if (openNumbers[i] !== number) continue;
    cachedNumber = number;
    cachedBase = openBases[i];
    cachedChanges = changes;
    return cachedBase;
  }
  panic('a pointer into a pool that is not open');
}

/** The address that a pointer means now: the same tests as in libpmemobj's `pmemobj_direct_inline`. */
export function direct(oid: Oid): usize {
  const offset = oid.offset;
  if (offset === 0 || oid.pool === 0) return 0;
  if (changes !== cachedChanges || oid.pool !== cachedNumber) return findPool(oid.pool) + offset;
  return cachedBase + offset;
}

/** Makes a pointer to an address in the pool, or null of 0. */
export function point(oid: Oid, address: usize): void {
  oid.pool = address === 0 ? 0 : header!.number;
  oid.offset = address === 0 ? 0 : address - addressOf(header);
}

function checkSum(start: usize, bytes: u64, seed: u64): u64 {
  let sum = seed;
  const words = at<Ptr<u64>>(start);
  for (let i: u64 = 0; i < bytes / 8; i++) sum = rotl<u64>(sum + words[i], 27) * 0x9e37_79b9_7f4a_7c15;
  return sum | 1;
}

/** Notes that [offset, offset + size) needs no snapshot while this transaction lasts; false: that was known. */
function note(offset: u64, size: u64): bool {
  const index = (offset / UNIT) & (KNOWN - 1);
  const key = (offset << 34) | (header!.sequence & 0x3_ffff_ffff);
  if (unchecked(known[index]) === key && u64(unchecked(knownSizes[index])) >= size) return false;
  unchecked((known[index] = key));
  unchecked((knownSizes[index] = u32(size)));
  return true;
}

export function beginTx(): void {
  depth++;
}

/** Keeps what [address, address + size) holds; `size` a multiple of 8. */
export function addRange(address: usize, size: u64): void {
  const base = addressOf(header);
  if (!note(address - base, size)) return;
  const entry = at<UndoEntry>(base + UNDO + undoEnd);
  const bytes = (sizeof<UndoEntry>() + size + CACHE_LINE - 1) & ~u64(CACHE_LINE - 1);
  if (UNDO + undoEnd + bytes > MAP) panic('the transaction is too large for its log');
  entry.offset = address - base;
  entry.size = size;
  entry.sequence = header!.sequence;
  memory.copy(addressOf(entry) + sizeof<UndoEntry>(), address, size);
  entry.check = checkOf(entry);
  clean(addressOf(entry), sizeof<UndoEntry>() + size);
  persistFence();
  undoEnd += bytes;
}

function checkOf(entry: UndoEntry): u64 {
  return checkSum(
    addressOf(entry) + sizeof<UndoEntry>(),
    entry.size,
    entry.offset ^ (entry.size << 32) ^ entry.sequence,
  );
}

function addAction(unit: u64, units: u64): void {
  if (actionCount === MOST_ACTIONS) panic('the transaction takes too much memory');
  const action = unchecked(actions[actionCount]);
  action.unit = unit;
  action.units = units;
  actionCount++;
}

function unitsFor(size: u64): u64 {
  return (size + UNIT - 1) / UNIT;
}

/** New memory, whose contents are undefined; persistent, with all that it holds, when the transaction commits. */
export function allocate(size: u64): usize {
  const units = unitsFor(size);
  if (units >= CLASSES) panic('a block is too large');
  const base = addressOf(header);
  let unit = freeLists[units];
  if (unit !== 0) freeLists[units] = at<FreeBlock>(base + unit * UNIT).next;
  else {
    unit = top;
    if ((unit + units) * UNIT > END) panic('the pool is full');
    top += units;
    if (top > header!.limit) raiseLimit();
  }
  addAction(unit, units);
  const address = base + unit * UNIT;
  note(unit * UNIT, size);
  return address;
}

/** @noinline @cold */
function raiseLimit(): void {
  header!.limit += STEP;
  cbo.clean(ptrTo(header!.limit).address);
  persistFence();
}

/** Gives memory back at the end of the transaction. */
export function release(address: usize, size: u64): void {
  addAction((address - addressOf(header)) / UNIT, unitsFor(size) | FREES);
}

/** Sets, or clears, bits of the map. */
function mark(unit: u64, units: u64, taken: bool): void {
  const map = at<Ptr<u64>>(addressOf(header) + MAP);
  let first = unit;
  const end = unit + units;
  while (first < end) {
    const bit = first % 64;
    const count = min<u64>(end - first, 64 - bit);
    const mask = (count === 64 ? ~u64(0) : (u64(1) << count) - 1) << bit;
    const word = map[first / 64];
    map[first / 64] = taken ? word | mask : word & ~mask;
    cbo.clean(map.add(i64(first / 64)).address);
    first += count;
  }
}

function applyRedo(redo: RedoHeader): void {
  for (let i: u64 = 0; i < redo.count; i++) {
    const entry = at<RedoEntry>(addressOf(redo) + sizeof<RedoHeader>() + i * sizeof<RedoEntry>());
    mark(entry.unit, entry.units & ~FREES, (entry.units & FREES) === 0);
  }
}

/** Voids both logs. */
function endSequence(): void {
  header!.sequence += 1;
  cbo.clean(addressOf(header));
  persistFence();
  undoEnd = 0;
}

function redoHeader(): RedoHeader {
  return at<RedoHeader>(addressOf(header) + REDO);
}

function checkOfRedo(redo: RedoHeader): u64 {
  return checkSum(
    addressOf(redo) + sizeof<RedoHeader>(),
    redo.count * sizeof<RedoEntry>(),
    redo.sequence ^ (redo.count << 48),
  );
}

export function commitTx(): void {
  depth--;
  if (depth !== 0) return;
  const base = addressOf(header);
  for (let offset: u64 = 0; offset < undoEnd; ) {
    const entry = at<UndoEntry>(base + UNDO + offset);
    clean(base + entry.offset, entry.size);
    offset += (sizeof<UndoEntry>() + entry.size + CACHE_LINE - 1) & ~u64(CACHE_LINE - 1);
  }
  for (let i: u64 = 0; i < actionCount; i++) {
    const action = unchecked(actions[i]);
    if ((action.units & FREES) === 0) clean(base + action.unit * UNIT, action.units * UNIT);
  }
  persistFence();
  if (actionCount !== 0) {
    const redo = redoHeader();
    redo.sequence = header!.sequence;
    redo.count = actionCount;
    memory.copy(
      addressOf(redo) + sizeof<RedoHeader>(),
      addressOf(actions),
      actionCount * sizeof<RedoEntry>(),
    );
    redo.check = checkOfRedo(redo);
    clean(addressOf(redo), sizeof<RedoHeader>() + actionCount * sizeof<RedoEntry>());
    persistFence();
    applyRedo(redo);
    persistFence();
  }
  endSequence();
  for (let i: u64 = 0; i < actionCount; i++) {
    const action = unchecked(actions[i]);
    if ((action.units & FREES) !== 0) addFree(action.unit, action.units & ~FREES);
  }
  actionCount = 0;
}

function addFree(unit: u64, units: u64): void {
  at<FreeBlock>(addressOf(header) + unit * UNIT).next = freeLists[units];
  freeLists[units] = unit;
}

/** Completes, or undoes, the transaction that a power failure interrupted. */
function recover(): void {
  const base = addressOf(header);
  const redo = redoHeader();
  if (redo.sequence === header!.sequence && redo.count <= MOST_REDO && redo.check === checkOfRedo(redo)) {
    applyRedo(redo);
    persistFence();
    endSequence();
    return;
  }
  let end: u64 = 0;
  let count: u64 = 0;
  for (;;) {
    const entry = at<UndoEntry>(base + UNDO + end);
    if (
      entry.sequence !== header!.sequence ||
      entry.size > MAP - UNDO - end ||
      entry.check !== checkOf(entry)
    )
      break;
    end += (sizeof<UndoEntry>() + entry.size + CACHE_LINE - 1) & ~u64(CACHE_LINE - 1);
    count++;
  }
  // Of two snapshots of the same place the first is the older one: it must be copied back last.
  for (let index = count; index > 0; index--) {
    let offset: u64 = 0;
    for (let i: u64 = 1; i < index; i++) {
      const entry = at<UndoEntry>(base + UNDO + offset);
      offset += (sizeof<UndoEntry>() + entry.size + CACHE_LINE - 1) & ~u64(CACHE_LINE - 1);
    }
    const entry = at<UndoEntry>(base + UNDO + offset);
    memory.copy(base + entry.offset, addressOf(entry) + sizeof<UndoEntry>(), entry.size);
    clean(base + entry.offset, entry.size);
  }
  persistFence();
  if (count !== 0) endSequence();
}

/** Fills the free lists with what the map says, in pieces of at most the largest class. */
function findFree(): void {
  const map = at<Ptr<u64>>(addressOf(header) + MAP);
  top = header!.limit;
  while (top > MEMORY / UNIT && !isTaken(map, top - 1)) top--;
  let unit: u64 = MEMORY / UNIT;
  while (unit < top) {
    if (isTaken(map, unit)) {
      unit++;
      continue;
    }
    const first = unit;
    while (unit < top && unit - first < CLASSES - 1 && !isTaken(map, unit)) unit++;
    addFree(first, unit - first);
  }
}

function isTaken(map: Ptr<u64>, unit: u64): bool {
  return ((map[unit / 64] >> (unit % 64)) & 1) !== 0;
}

/** Makes a pool of zeros at `base`. */
export function formatPool(base: usize, number: u64): void {
  const made = at<PoolHeader>(base);
  made.number = number;
  made.sequence = 1;
  made.limit = MEMORY / UNIT;
  clean(base, sizeof<PoolHeader>());
  persistFence();
  made.magic = POOL_MAGIC;
  clean(base, sizeof<PoolHeader>());
  persistFence();
}

export function openPool(base: usize): void {
  header = at<PoolHeader>(base);
  if (header!.magic !== POOL_MAGIC) panic('the object is no pool');
  openNumbers[openPools] = header!.number;
  openBases[openPools] = base;
  openPools++;
  changes++;
  recover();
  findFree();
}

/** Where the offset of the program's root is. */
export function rootOffset(): Ptr<u64> {
  return ptrTo(header!.root);
}

export function poolBase(): usize {
  return addressOf(header);
}
