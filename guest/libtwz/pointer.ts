/**
 * Persistent pointers: FOT index : offset (guest/abi/object.ts). Within an object a pointer is its offset. Across objects the
 * foreign object table names the other one. A translation is looked for in the processor's lookaside (docs/xtwz.md §10), in a
 * table of this program, and in the FOT; a new entry is made crash consistently: filled in, persistent, then valid, persistent,
 * and only then is a pointer stored that uses it.
 *
 * An entry holds an ID, or a name that a resolver turns into one when the pointer is followed (resolver.ts). A derived entry leads to what is made of that
 * object for this program, when the pointer is first followed: a copy on write, or what a function of the program makes (resolver.ts).
 *
 * `__twz_ptr_load` and `__twz_ptr_store` are what the compiler calls for fields of persistent classes.
 */
import {
  FE_ALLOC,
  FE_DERIVE,
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
import { deriveEntry, resolveEntry } from './resolver.ts';
import { mapForGood, objectAt } from './view.ts';

/** Rights that a FOT entry may ask for when it is mapped. */
const REQUESTS = 0x1c;
const CACHE = 256;

/** A translation: the FOT entry `index` of the object at `base` leads to `target`. */
class Cached {
  base: usize;
  index: u64;
  target: usize;
}

/** Forwards, by object and index; and backwards, by object and target. */
const forwards = zeroed<FixedArray<Inline<Cached>, 256>>();
const backwards = zeroed<FixedArray<Inline<Cached>, 256>>();

function placeOf(table: FixedArray<Inline<Cached>, 256>, base: usize, key: u64): Cached {
  return unchecked(table[((base >> OBJ_SHIFT) * 31 + key) & (CACHE - 1)]);
}

function keep(
  table: FixedArray<Inline<Cached>, 256>,
  key: u64,
  base: usize,
  index: u64,
  target: usize,
): void {
  const place = placeOf(table, base, key);
  place.base = base;
  place.index = index;
  place.target = target;
}

/** A slot shows another object from now on: what is known of the one that it showed is forgotten. */
export function forgetTranslations(base: usize): void {
  for (let i: u64 = 0; i < CACHE; i++) {
    if (forwards[i].base === base || forwards[i].target === base) forwards[i].base = 0;
    if (backwards[i].base === base || backwards[i].target === base) backwards[i].base = 0;
  }
  asm`xtwz.pinval ${base}, zero`;
}

/** Forgets one translation, so that the next use of the pointer goes to the FOT: what measures that calls it. */
export function forgetTranslation(base: usize, index: u64): void {
  placeOf(forwards, base, index).base = 0;
  asm`xtwz.pinval ${base}, ${index << OBJ_SHIFT}`;
}

/** What happens when a pointer cannot be followed; returns the address to take for the object's offset 0. */
let pointerFault: ((base: usize, index: u64) => usize) | null = null;

/** Has `handler` called when a pointer cannot be followed, in place of a panic. */
export function onPointerFault(handler: ((base: usize, index: u64) => usize) | null): void {
  pointerFault = handler;
}

/** The FOT entry `index` of the object at `base`; null when there is none. */
export function fotEntry(base: usize, index: u64): FotEntry | null {
  if (index === 0 || index > FOT_MAX) return null;
  const entry = at<FotEntry>(base + fotOffset(index));
  return (entry.flags & FE_VALID) === 0 ? null : entry;
}

/** Follows a FOT entry without the caches. */
function followEntry(base: usize, index: u64): usize {
  const entry = fotEntry(base, index);
  if (entry !== null) {
    const requests = u32(entry.flags) & REQUESTS;
    if ((entry.flags & (FE_NAME | FE_DERIVE)) === 0) return mapForGood(entry.lo, entry.hi, requests);
    const id = stack<ObjectId>();
    id.lo = entry.lo;
    id.hi = entry.hi;
    const known = (entry.flags & FE_NAME) === 0 || resolveEntry(base, entry, id);
    if (known && ((entry.flags & FE_DERIVE) === 0 || deriveEntry(entry, id)))
      return mapForGood(id.lo, id.hi, requests);
  }
  const handler = pointerFault;
  if (handler === null)
    panic('a persistent pointer leads nowhere: its FOT entry is not valid, or its name not known');
  return handler(base, index);
}

/** The address of offset 0 of the object that FOT entry `index` of the object at `base` names. */
export function foreignBase(base: usize, index: u64): usize {
  const known = placeOf(forwards, base, index);
  let target = known.target;
  if (known.base !== base || known.index !== index) {
    target = followEntry(base, index);
    keep(forwards, index, base, index, target);
  }
  asm`xtwz.pfill ${base}, ${index << OBJ_SHIFT}, ${target}`;
  return target;
}

/** The address that pointer `pointer`, stored in the object at `base`, means; null stays null. */
export function translate(base: usize, pointer: u64): usize {
  if ((pointer & OBJ_OFFSET_MASK) < OBJ_NULLPAGE) return 0;
  const index = pointer >> OBJ_SHIFT;
  if (index === 0) return base + pointer;
  return foreignBase(base, index) + (pointer & OBJ_OFFSET_MASK);
}

/** Takes the next free FOT entry of the object at `base`, fills it in and makes it valid. Panics when the table is full. */
function addEntry(base: usize, lo: u64, hi: u64, flags: u64, info: u64): u64 {
  const count = ptrTo(metaOf(base).fotEntries);
  for (;;) {
    const index = u64(atomic.add<u32>(count, 1, Order.acq_rel)) + 1;
    if (index > FOT_MAX) panic('the foreign object table is full');
    // The count must not be smaller after a power failure than an entry that is in use.
    persist(count.address, 4);
    const entry = at<FotEntry>(base + fotOffset(index));
    if (atomic.compareExchange<u64>(ptrTo(entry.flags), 0, FE_ALLOC, Order.acq_rel) !== 0) continue;
    entry.lo = lo;
    entry.hi = hi;
    entry.info = info;
    persist(addressOf(entry), sizeof<FotEntry>());
    atomic.store<u64>(ptrTo(entry.flags), flags | FE_ALLOC | FE_VALID, Order.release);
    persist(addressOf(entry), sizeof<FotEntry>());
    return index;
  }
}

/** The entry of the object at `base` with these contents, made if there is none. */
function findEntry(base: usize, lo: u64, hi: u64, flags: u64, info: u64): u64 {
  const known = u64(atomic.load<u32>(ptrTo(metaOf(base).fotEntries), Order.acquire));
  for (let index: u64 = 1; index <= known; index++) {
    const entry = at<FotEntry>(base + fotOffset(index));
    const same = entry.lo === lo && entry.hi === hi && entry.info === info;
    if (same && entry.flags === (flags | FE_ALLOC | FE_VALID)) return index;
  }
  return addEntry(base, lo, hi, flags, info);
}

/** The FOT index in the object at `base` for an object, made if there is none. Panics when the table is full. */
export function fotIndexOf(base: usize, id: ObjectId, flags: u64): u64 {
  return findEntry(base, id.lo, id.hi, flags, 0);
}

/**
 * The FOT index in the object at `base` for a name, made if there is none. `name` is the address of zero-terminated text in the same
 * object; `resolver` as in `FotEntry.hi`; `flags`: the rights to ask for.
 */
export function fotIndexOfName(base: usize, name: usize, resolver: u64, flags: u64): u64 {
  if (baseOf(name) !== base) panic('the name of a FOT entry lies in another object');
  return findEntry(base, name & OBJ_OFFSET_MASK, resolver, flags | FE_NAME, 0);
}

/**
 * The FOT index in the object at `base` for what each program derives from an object, made if there is none. `deriver`: 0 for a copy on write, or the number
 * that programs register their function under.
 */
export function fotIndexOfDerived(base: usize, id: ObjectId, deriver: u64, flags: u64): u64 {
  return findEntry(base, id.lo, id.hi, flags | FE_DERIVE, deriver);
}

/** The pointer by which the object at `base` reaches `target`; an address that is no object's is an error. */
export function pointerTo(base: usize, target: usize): u64 {
  if (target === 0) return 0;
  const other = baseOf(target);
  if (other === base) return target & OBJ_OFFSET_MASK;
  const known = placeOf(backwards, base, other >> OBJ_SHIFT);
  let index = known.index;
  if (known.base !== base || known.target !== other) {
    const id = stack<ObjectId>();
    if (!objectAt(target, id)) panic('persistent pointer to memory that is in no object');
    index = fotIndexOf(base, id, READ | WRITE);
    keep(backwards, other >> OBJ_SHIFT, base, index, other);
  }
  return (index << OBJ_SHIFT) | (target & OBJ_OFFSET_MASK);
}

/** @export */
function __twz_ptr_load(pointer: u64, field: usize): usize {
  const address = asm<i64>`xtwz.pptr ${result}, ${field}, ${pointer}`;
  return address >= 0 ? usize(address) : translate(baseOf(field), pointer);
}

/** @export */
function __twz_ptr_store(target: usize, field: usize): u64 {
  return pointerTo(baseOf(field), target);
}
