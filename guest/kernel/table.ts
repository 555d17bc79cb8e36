/**
 * Hashed tables in the hardware's form (docs/xtwz.md §3.2): the object table and every context's rights. Two buckets of
 * eight entries per ID; insertion takes the emptier, and a pair that is full doubles the table. The table word
 * that names a table lies where the hardware expects it; `HashTable` is the kernel's handle on it.
 *
 * Harts may walk while the kernel changes a table: an entry's ID is written before its value, and the memory of a replaced table is
 * used again only after a global invalidation.
 */
import { invalidatePage, PAGE, toPhysical, toVirtual } from './arch.ts';
import { allocateRun, releaseRun } from './memory.ts';

const ENTRY_SIZE = 32;
const BUCKET_SIZE = 256;
const BUCKET_ENTRIES = 8;
const VALID = 1;
/** A page holds 2^4 buckets: the smallest table. */
const MIN_LOG2: u64 = 4;

/** An entry of a hashed table. */
export class TableEntry {
  lo: u64;
  hi: u64;
  /** Bit 0 valid; the rest is the hardware's value word. */
  value: u64;
  /** Software's. */
  extra: u64;
}

function bucketOf(word: u64, index: u64): usize {
  return toVirtual(word & 0x00ff_ffff_ffff_f000) + index * BUCKET_SIZE;
}

function firstIndex(word: u64, lo: u64): u64 {
  return lo & ((u64(1) << ((word >> 1) & 63)) - 1);
}

function secondIndex(word: u64, lo: u64, hi: u64): u64 {
  const mask = (u64(1) << ((word >> 1) & 63)) - 1;
  const first = lo & mask;
  const second = (hi ^ (lo >> 32)) & mask;
  return first === second ? first ^ 1 : second;
}

function findInBucket(bucket: usize, lo: u64, hi: u64): TableEntry | null {
  for (let entry = bucket; entry < bucket + BUCKET_SIZE; entry += ENTRY_SIZE) {
    const candidate = at<TableEntry>(entry);
    if ((candidate.value & VALID) !== 0 && candidate.lo === lo && candidate.hi === hi) return candidate;
  }
  return null;
}

/** The entry of an ID, or null. `wordAddress`: where the table word is. */
export function tableFind(wordAddress: usize, lo: u64, hi: u64): TableEntry | null {
  const word = load<u64>(wordAddress);
  if ((word & VALID) === 0) return null;
  const entry = findInBucket(bucketOf(word, firstIndex(word, lo)), lo, hi);
  if (entry !== null) return entry;
  return findInBucket(bucketOf(word, secondIndex(word, lo, hi)), lo, hi);
}

/** Entries free in a bucket; the first of them is left in `freeEntry`. */
let freeEntry: usize = 0;
function roomIn(bucket: usize): u64 {
  let room: u64 = 0;
  for (let entry = bucket + BUCKET_SIZE - ENTRY_SIZE; entry >= bucket; entry -= ENTRY_SIZE) {
    if ((load<u64>(entry, 16) & VALID) !== 0) continue;
    room++;
    freeEntry = entry;
  }
  return room;
}

function placeFor(word: u64, lo: u64, hi: u64): TableEntry | null {
  const first = roomIn(bucketOf(word, firstIndex(word, lo)));
  const firstFree = freeEntry;
  const second = roomIn(bucketOf(word, secondIndex(word, lo, hi)));
  if (first === 0 && second === 0) return null;
  return at<TableEntry>(first >= second ? firstFree : freeEntry);
}

function write(entry: TableEntry, lo: u64, hi: u64, value: u64, extra: u64): void {
  entry.lo = lo;
  entry.hi = hi;
  entry.extra = extra;
  fence('w', 'w');
  volatileStore<u64>(ptrTo(entry.value).address, value | VALID);
}

function makeWord(run: usize, log2: u64): u64 {
  return toPhysical(run) | (log2 << 1) | VALID;
}

/** Doubles the table (or makes the first one). False: out of memory. */
function grow(wordAddress: usize): bool {
  const old = load<u64>(wordAddress);
  let log2 = (old & VALID) === 0 ? MIN_LOG2 : ((old >> 1) & 63) + 1;
  for (;;) {
    const run = allocateRun(log2 - MIN_LOG2);
    if (run === 0) return false;
    const word = makeWord(run, log2);
    if ((old & VALID) === 0) {
      store<u64>(wordAddress, word);
      return true;
    }
    let fits = true;
    const oldLog2 = (old >> 1) & 63;
    const start = bucketOf(old, 0);
    for (let at0 = start; fits && at0 < start + (u64(BUCKET_SIZE) << oldLog2); at0 += ENTRY_SIZE) {
      const entry = at<TableEntry>(at0);
      if ((entry.value & VALID) === 0) continue;
      const place = placeFor(word, entry.lo, entry.hi);
      if (place === null) fits = false;
      else write(place, entry.lo, entry.hi, entry.value, entry.extra);
    }
    if (fits) {
      fence('w', 'w');
      store<u64>(wordAddress, word);
      // Any global instruction: no hart walks the old table after it.
      invalidatePage(0, 0);
      releaseRun(start, oldLog2 - MIN_LOG2);
      return true;
    }
    releaseRun(run, log2 - MIN_LOG2);
    log2++;
  }
}

/** Inserts an ID that is not there. Returns false when memory is used up. */
export function tableInsert(wordAddress: usize, lo: u64, hi: u64, value: u64, extra: u64): bool {
  for (;;) {
    const word = load<u64>(wordAddress);
    if ((word & VALID) !== 0) {
      const place = placeFor(word, lo, hi);
      if (place !== null) {
        write(place, lo, hi, value, extra);
        return true;
      }
    }
    if (!grow(wordAddress)) return false;
  }
}

/** Removes an entry. The caller makes the global invalidation before the ID's descriptor is used again. */
export function tableRemove(entry: TableEntry): void {
  volatileStore<u64>(ptrTo(entry.value).address, 0);
}

/** Gives a whole table's memory back; the caller has invalidated. */
export function tableFree(wordAddress: usize): void {
  const word = load<u64>(wordAddress);
  if ((word & VALID) === 0) return;
  store<u64>(wordAddress, 0);
  releaseRun(bucketOf(word, 0), ((word >> 1) & 63) - MIN_LOG2);
}

/** Calls `visit(entry, argument)` for every valid entry. */
export function tableVisit(
  wordAddress: usize,
  visit: (entry: TableEntry, argument: u64) => void,
  argument: u64,
): void {
  const word = load<u64>(wordAddress);
  if ((word & VALID) === 0) return;
  const start = bucketOf(word, 0);
  for (let entry = start; entry < start + (u64(BUCKET_SIZE) << ((word >> 1) & 63)); entry += ENTRY_SIZE) {
    if ((load<u64>(entry, 16) & VALID) !== 0) visit(at<TableEntry>(entry), argument);
  }
}

static_assert(
  sizeof<TableEntry>() === 32 && ENTRY_SIZE * BUCKET_ENTRIES === BUCKET_SIZE && PAGE === BUCKET_SIZE << 4,
);
