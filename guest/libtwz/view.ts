/**
 * Slots of the current view: mapping an object is writing a view entry (docs/xtwz.md §3.4), without a system call. A program keeps a
 * hash of what it has mapped, so that an object is mapped once per kind of access and its address stays the same. Slots
 * with no users stay mapped until a slot is needed.
 */
import { OBJ_SHIFT, ObjectId } from '../abi/object.ts';
import { SYS_INVALIDATE } from '../abi/syscall.ts';
import { SLOT_ALLOC_FIRST, SLOT_VIEW, slotAddress, VE_VALID, VIEW_TABLE, ViewEntry } from '../abi/view.ts';
import { SpinLock } from './lock.ts';
import { forgetTranslations } from './pointer.ts';
import { syscall } from './syscall.ts';

const MAPPINGS = 4096;

/** What is mapped in slot `SLOT_ALLOC_FIRST` + index: half a cache block. */
class Mapping {
  lo: u64;
  hi: u64;
  flags: u32;
  /** Users; a mapping with 0 users may be taken for another object, and one with bit 31 set never is. */
  users: u32;
  /** The next mapping of the hash chain; 0 ends it. */
  next: u32;
  readonly reserved: u32;
}

static_assert(sizeof<Mapping>() === 32, 'Mapping');

/** The address of offset 0 of what mapping `index` maps. */
function addressOfMapping(index: u64): usize {
  return (SLOT_ALLOC_FIRST + index) << OBJ_SHIFT;
}

/** `Mapping.users`: for as long as the program runs. */
const FOR_GOOD: u32 = 0x8000_0000;

const lock = zeroed<SpinLock>();
const mappings = zeroed<FixedArray<Inline<Mapping>, 4096>>();
const buckets = zeroed<FixedArray<u32, 1024>>();
let used: u64 = 1;
let scan: u64 = 1;

/** The entry of a slot in the current view. */
export function viewEntryOf(slot: u64): ViewEntry {
  return at<ViewEntry>(slotAddress(SLOT_VIEW, VIEW_TABLE) + slot * sizeof<ViewEntry>());
}

/** Writes an entry that was not valid: from the next access on the slot shows the object. */
export function setViewEntry(slot: u64, lo: u64, hi: u64, flags: u32): void {
  const entry = viewEntryOf(slot);
  entry.lo = lo;
  entry.hi = hi;
  fence('w', 'w');
  volatileStore<u32>(ptrTo(entry.flags).address, flags | VE_VALID);
}

/** Clears an entry. */
export function clearViewEntry(slot: u64): void {
  volatileStore<u32>(ptrTo(viewEntryOf(slot).flags).address, 0);
  syscall(SYS_INVALIDATE, slot, 1, 0, 0, 0);
}

function bucketOf(lo: u64): u64 {
  return (lo ^ (lo >> 32)) & 1023;
}

function unlink(index: u64): void {
  let link = ptrTo(buckets[bucketOf(mappings[index].lo)]);
  while (link[0] !== u32(index)) link = ptrTo(mappings[link[0]].next);
  link[0] = mappings[index].next;
}

/** A mapping that nobody uses, taken off its chain; panics when all slots are in use. */
function takeMapping(): u64 {
  if (used < MAPPINGS) return used++;
  for (let tries = 0; tries < MAPPINGS; tries++) {
    scan = scan + 1 < MAPPINGS ? scan + 1 : 1;
    if (mappings[scan].users !== 0) continue;
    unlink(scan);
    clearViewEntry(SLOT_ALLOC_FIRST + scan);
    forgetTranslations(addressOfMapping(scan));
    return scan;
  }
  panic('all slots of the view are in use');
}

/**
 * Maps an object (or finds it mapped) for as long as the program runs: what persistent pointers lead to, so that addresses stay good.
 * Once mapped so it is found without the lock: chains change at their heads, and such a mapping never leaves its chain.
 */
export function mapForGood(lo: u64, hi: u64, flags: u32): usize {
  for (let index = unchecked(buckets[bucketOf(lo)]); index !== 0; ) {
    const mapping = unchecked(mappings[index]);
    // Who sees the bit sees the rest of the mapping as it will stay.
    const users = mapping.lo === lo ? atomic.load<u32>(ptrTo(mapping.users), Order.acquire) : 0;
    if ((users & FOR_GOOD) !== 0 && mapping.lo === lo && mapping.hi === hi && mapping.flags === flags)
      return addressOfMapping(u64(index));
    index = mapping.next;
  }
  const base = mapObject(lo, hi, flags);
  const mapping = mappings[(base >> OBJ_SHIFT) - SLOT_ALLOC_FIRST];
  lock.acquire();
  atomic.store<u32>(ptrTo(mapping.users), (mapping.users - 1) | FOR_GOOD, Order.release);
  lock.release();
  return base;
}

/** Maps an object (or finds it mapped) for access with `flags` (READ, WRITE, EXEC). Returns the address of its offset 0. */
export function mapObject(lo: u64, hi: u64, flags: u32): usize {
  lock.acquire();
  const bucket = bucketOf(lo);
  for (let index = unchecked(buckets[bucket]); index !== 0; ) {
    const mapping = unchecked(mappings[index]);
    if (mapping.lo !== lo || mapping.hi !== hi || mapping.flags !== flags) {
      index = mapping.next;
      continue;
    }
    mapping.users++;
    lock.release();
    return addressOfMapping(u64(index));
  }
  const index = takeMapping();
  const mapping = mappings[index];
  mapping.lo = lo;
  mapping.hi = hi;
  mapping.flags = flags;
  mapping.users = 1;
  mapping.next = unchecked(buckets[bucket]);
  unchecked((buckets[bucket] = u32(index)));
  setViewEntry(SLOT_ALLOC_FIRST + index, lo, hi, flags);
  lock.release();
  return addressOfMapping(index);
}

/** Gives a mapping back; `base` as `mapObject` returned it. */
export function unmapObject(base: usize): void {
  const index = (base >> OBJ_SHIFT) - SLOT_ALLOC_FIRST;
  lock.acquire();
  assert(index < MAPPINGS && mappings[index].users !== 0, 'unmapObject: not mapped');
  mappings[index].users--;
  lock.release();
}

/** Gives back all uses of the mapping that `address` lies in: the object has ended. */
export function unmapAll(address: usize): void {
  const index = (address >> OBJ_SHIFT) - SLOT_ALLOC_FIRST;
  lock.acquire();
  assert(index < MAPPINGS, 'unmapAll: not mapped');
  mappings[index].users = 0;
  lock.release();
}

/** The ID of the object at an address, written to `id`; false if the slot is empty. */
export function objectAt(address: usize, id: ObjectId): bool {
  const entry = viewEntryOf(address >> OBJ_SHIFT);
  if ((entry.flags & VE_VALID) === 0) return false;
  id.lo = entry.lo;
  id.hi = entry.hi;
  return true;
}
