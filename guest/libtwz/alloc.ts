/**
 * Allocation inside a persistent object: power-of-two sizes, a free list for each, and fresh memory above them. All changes belong to the
 * caller's transaction, so an allocation and the pointer that is stored to it happen together, and nothing leaks.
 *
 * The heap's header is at OBJ_NULLPAGE; its `root` is the program's entry into what the object holds.
 */
import { CACHE_LINE, OBJ_NULLPAGE, OBJ_TOPDATA, ObjectId } from '../abi/object.ts';
import { CREATE_PERSIST } from '../abi/syscall.ts';
import { baseOf, dataOf, openObject } from './object.ts';
import { createOwned } from './owner.ts';
import { persist, storePersistent } from './persist.ts';
import './pointer.ts';
import { Tx } from './tx.ts';

const HEAP_MAGIC = 0x5041_4548_5a57_5454;
const MIN_SHIFT: u64 = 4;
const CLASSES = 26;

/** Any place in a persistent object; cast with `changetype`. */
@persistent
export class Anchor {
  word: u64;
}

@persistent
export class HeapHeader {
  magic: u64;
  /** Offset in the object of memory that was never used. */
  next: u64;
  /** What the program keeps here: a persistent pointer. */
  root: Anchor | null;
  /** Bytes in use, by their size classes. */
  used: u64;
  /** Offset of the first free block of each class; the block's first word is the next one's. */
  readonly free: FixedArray<u64, 26>;
}

/** A free block: as large as the smallest one. */
@persistent
class FreeBlock {
  next: u64;
  /** Number of the transaction in its log that gave the block back: while that is open, the block's old contents must survive. */
  freedIn: u64;
}

static_assert(sizeof<FreeBlock>() === 16, 'a free block fits into the smallest class');

export function heapOf(base: usize): HeapHeader {
  return at<HeapHeader>(dataOf(base));
}

/** Makes a persistent object of the user's with an empty heap. Returns 0 or −Errno. */
export function createHeap(id: ObjectId): i64 {
  const result = createOwned(id, CREATE_PERSIST);
  if (result !== 0) return result;
  initHeap(openObject(id));
  return 0;
}

/** Makes an object of zeros a heap. */
export function initHeap(base: usize): void {
  const heap = heapOf(base);
  heap.next = (OBJ_NULLPAGE + sizeof<HeapHeader>() + 63) & ~u64(63);
  persist(addressOf(heap), sizeof<HeapHeader>());
  storePersistent(ptrTo(heap.magic).address, HEAP_MAGIC);
}

export function isHeap(base: usize): bool {
  return heapOf(base).magic === HEAP_MAGIC;
}

function classOf(size: u64): u64 {
  return max<u64>(64 - clz<u64>(size - 1), MIN_SHIFT) - MIN_SHIFT;
}

/** Is there room for `size` bytes in the object at `base`, below offset `limit`? */
export function hasRoom(base: usize, size: u64, limit: u64): bool {
  const heap = heapOf(base);
  const index = classOf(size);
  if (index >= CLASSES) return false;
  if (heap.free[index] !== 0) return true;
  const bytes = u64(1) << (index + MIN_SHIFT);
  return ((heap.next + 63) & ~u64(63)) + bytes <= limit;
}

/** `size` bytes of zeros in the object at `base`, aligned to their size class (at least 16, at most 64); panics when it is full. */
export function allocateIn(tx: Tx, base: usize, size: u64): usize {
  const heap = heapOf(base);
  const index = classOf(size);
  const bytes = u64(1) << (index + MIN_SHIFT);
  let block: usize = 0;
  if (index < CLASSES && heap.free[index] !== 0) {
    block = base + heap.free[index];
    heap.free[index] = at<FreeBlock>(block).next;
    // The words that link it are all that an abort has to bring back of a block that was free before.
    if (at<FreeBlock>(block).freedIn === tx.log.sequence) tx.record(block, bytes);
    else tx.record(block, sizeof<FreeBlock>());
    if (bytes > CACHE_LINE) tx.fresh(block + CACHE_LINE, bytes - CACHE_LINE);
  } else {
    const align = min<u64>(bytes, 64);
    const offset = (heap.next + align - 1) & ~(align - 1);
    if (index >= CLASSES || offset + bytes > OBJ_TOPDATA) panic('the object is full');
    block = base + offset;
    heap.next = offset + bytes;
    tx.fresh(block, bytes);
  }
  heap.used += bytes;
  memory.fill(block, 0, bytes);
  return block;
}

/** Gives back what `allocateIn` returned for the same size. */
export function freeIn(tx: Tx, address: usize, size: u64): void {
  const base = baseOf(address);
  const heap = heapOf(base);
  const index = classOf(size);
  at<FreeBlock>(address).next = heap.free[index];
  at<FreeBlock>(address).freedIn = tx.log.sequence;
  heap.free[index] = address - base;
  heap.used -= u64(1) << (index + MIN_SHIFT);
}
