/**
 * Pools: memory for containers that may need more than one object. A pool is a row of heaps, each in an object of its own; when all are
 * full, it adds another. Pointers among what lies in them are persistent ones like any others, so a container does not notice.
 *
 * The first heap's object owns the others: they are tied to it and end with it. A heap joins the pool by ordered stores that no transaction
 * takes back: one that aborts leaves an empty heap for the next. A power failure while an object is being made leaves at most
 * that object behind, empty, until the owner is deleted.
 */
import { OBJ_TOPDATA, ObjectId } from '../abi/object.ts';
import { CREATE_PERSIST, CREATE_TIED, SYS_TIE } from '../abi/syscall.ts';
import { allocateIn, freeIn, HeapHeader, hasRoom, heapOf, initHeap } from './alloc.ts';
import { baseOf, openObject } from './object.ts';
import { createOwned } from './owner.ts';
import { persist, storePersistent } from './persist.ts';
import { syscall } from './syscall.ts';
import { Tx } from './tx.ts';
import { objectAt } from './view.ts';

/** Objects of a pool, at most. */
export const POOL_OBJECTS = 31;

@persistent
export class Pool {
  /** Heaps that have joined; changed by one persistent store. */
  count: u64;
  readonly heaps: FixedArray<HeapHeader | null, 31>;
  /** Where in each object fresh memory ends; OBJ_TOPDATA unless `spanAfter` says otherwise. On another block. */
  limit: u64;
  /** The heap that is tried first. */
  current: u64;
  /** Consecutive allocations go to different objects. */
  spread: bool;

  heap(index: u64): usize {
    return baseOf(addressOf(this.heaps[index]));
  }

  /** Fills each object up to `limit` bytes only, and with `spread` takes turns among the objects that there are. */
  spanAfter(tx: Tx, limit: u64, spread: bool): void {
    this.limit = limit;
    this.spread = spread;
  }

  /** `size` bytes of zeros, aligned as `allocateIn` does. Panics when neither an object has room nor another can be made. */
  allocate(tx: Tx, size: u64): usize {
    const count = this.count;
    const start = this.spread ? (this.current + 1) % count : this.current;
    for (let i: u64 = 0; i < count; i++) {
      const index = (start + i) % count;
      const base = this.heap(index);
      if (!hasRoom(base, size, this.limit)) continue;
      if (index !== this.current) this.current = index;
      return allocateIn(tx, base, size);
    }
    const added = this.addObject();
    if (added < 0) panic('no space for another object of the pool');
    this.current = u64(added);
    return allocateIn(tx, this.heap(u64(added)), size);
  }

  /** Gives back what `allocate` returned for the same size. */
  free(tx: Tx, address: usize, size: u64): void {
    freeIn(tx, address, size);
  }

  /** Adds an object with an empty heap. Returns its index or −Errno. Needs no transaction, and none undoes it. */
  addObject(): i64 {
    const index = this.count;
    if (index === POOL_OBJECTS) panic('the pool has all objects that it can have');
    const id = stack<ObjectId>();
    const owner = stack<ObjectId>();
    const result = createOwned(id, CREATE_PERSIST | CREATE_TIED);
    if (result !== 0) return result;
    objectAt(addressOf(this), owner);
    const tied = syscall(SYS_TIE, owner.lo, owner.hi, id.lo, id.hi, 0);
    if (tied !== 0) return tied;
    const base = openObject(id);
    initHeap(base);
    this.heaps[index] = heapOf(base);
    persist(ptrTo(this.heaps[index]).address, sizeof<u64>());
    storePersistent(ptrTo(this.count).address, index + 1);
    return i64(index);
  }
}

static_assert(
  offsetof<Pool>('limit') % 64 === 0,
  'what transactions change lies on other blocks than the heaps',
);

/** Makes a pool in the heap of the object at `base`, which is its first object. */
export function createPool(tx: Tx, base: usize): Pool {
  const pool = at<Pool>(allocateIn(tx, base, sizeof<Pool>()));
  pool.heaps[0] = heapOf(base);
  pool.count = 1;
  pool.limit = OBJ_TOPDATA;
  return pool;
}
