/**
 * Persistent pointers: FOT index : offset (guest/abi/object.ts). Within an object a pointer is its offset. Across objects the
 * foreign object table names the other one; translations are cached per program, and a new entry is made crash consistently:
 * filled in, persistent, then valid, persistent, and only then is a pointer stored that uses it.
 *
 * `__twz_ptr_load` and `__twz_ptr_store` are what the compiler calls for fields of persistent classes.
 */
import {
  FE_ALLOC,
  FE_NAME,
  FE_VALID,
  FOT_MAX,
  FotEntry,
  fotOffset,
  OBJ_NULLPAGE,
  OBJ_OFFSET_MASK,
  OBJ_SHIFT,
  ObjectId,
  READ,
  WRITE,
} from '../abi/object.ts';
import { baseOf, metaOf } from './object.ts';
import { persist } from './persist.ts';
import { mapObject, objectAt } from './view.ts';

const CACHE = 256;

/** A translation: the FOT entry `index` of the object at `base` leads to `target`. */
class Cached {
  base: usize;
  index: u64;
  target: usize;
}

const cache = zeroed<FixedArray<Inline<Cached>, 256>>();

function cacheSlot(base: usize, index: u64): Cached {
  return unchecked(cache[((base >> OBJ_SHIFT) * 31 + index) & (CACHE - 1)]);
}

/** The address of offset 0 of the object that FOT entry `index` of the object at `base` names. */
export function foreignBase(base: usize, index: u64): usize {
  const cached = cacheSlot(base, index);
  if (cached.base === base && cached.index === index) return cached.target;
  const entry = at<FotEntry>(base + fotOffset(index));
  if (index > FOT_MAX || (entry.flags & FE_VALID) === 0)
    panic('persistent pointer through an invalid FOT entry');
  if ((entry.flags & FE_NAME) !== 0) panic('persistent pointer through a name: open it with resolve');
  const target = mapObject(entry.lo, entry.hi, u32(entry.flags) & 0x1c);
  cached.base = base;
  cached.index = index;
  cached.target = target;
  return target;
}

/** The address that pointer `pointer`, stored in the object at `base`, means; null stays null. */
export function translate(base: usize, pointer: u64): usize {
  if ((pointer & OBJ_OFFSET_MASK) < OBJ_NULLPAGE) return 0;
  const index = pointer >> OBJ_SHIFT;
  if (index === 0) return base + pointer;
  return foreignBase(base, index) + (pointer & OBJ_OFFSET_MASK);
}

/** The FOT index in the object at `base` for an object, made if there is none. Panics when the table is full. */
export function fotIndexOf(base: usize, id: ObjectId, flags: u64): u64 {
  const meta = metaOf(base);
  const count = ptrTo(meta.fotEntries);
  const known = u64(atomic.load<u32>(count, Order.acquire));
  for (let index: u64 = 1; index <= known; index++) {
    const entry = at<FotEntry>(base + fotOffset(index));
    if (entry.lo === id.lo && entry.hi === id.hi && entry.flags === (flags | FE_ALLOC | FE_VALID))
      return index;
  }
  for (;;) {
    const index = u64(atomic.add<u32>(count, 1, Order.acq_rel)) + 1;
    if (index > FOT_MAX) panic('the foreign object table is full');
    // The count must not be smaller after a power failure than an entry that is in use.
    persist(count.address, 4);
    const entry = at<FotEntry>(base + fotOffset(index));
    if (atomic.compareExchange<u64>(ptrTo(entry.flags), 0, FE_ALLOC, Order.acq_rel) !== 0) continue;
    entry.lo = id.lo;
    entry.hi = id.hi;
    persist(addressOf(entry), sizeof<FotEntry>());
    atomic.store<u64>(ptrTo(entry.flags), flags | FE_ALLOC | FE_VALID, Order.release);
    persist(addressOf(entry), sizeof<FotEntry>());
    return index;
  }
}

/** The pointer by which the object at `base` reaches `target`; an address that is no object's is an error. */
export function pointerTo(base: usize, target: usize): u64 {
  if (target === 0) return 0;
  if (baseOf(target) === base) return target & OBJ_OFFSET_MASK;
  const id = stack<ObjectId>();
  if (!objectAt(target, id)) panic('persistent pointer to memory that is in no object');
  return (fotIndexOf(base, id, READ | WRITE) << OBJ_SHIFT) | (target & OBJ_OFFSET_MASK);
}

/** @export */
function __twz_ptr_load(pointer: u64, field: usize): usize {
  return translate(baseOf(field), pointer);
}

/** @export */
function __twz_ptr_store(target: usize, field: usize): u64 {
  return pointerTo(baseOf(field), target);
}
