/**
 * Objects in memory: the descriptor that the hardware reads, what the kernel knows besides, and how an object comes
 * (looked up, from the store) and goes. Page trees are tree.ts, creation and copies create.ts.
 *
 * An object is *known* while it has a KObject: its descriptor is in the object table and the hardware finds it.
 * Volatile objects are known from creation to end; persistent ones from their first use on, and may be forgotten.
 */
import { MIP_HASHDATA, WRITE } from '../abi/object.ts';
import { Record, RF_BUILDING, RF_DAMAGED, RF_DELETED, RF_HIDDEN } from '../abi/store.ts';
import { invalidateObject, toPhysical } from './arch.ts';
import { forgetRights } from './context.ts';
import { verifyId } from './create.ts';
import { damageMet, noteDamage } from './damage.ts';
import { txCommit } from './journal.ts';
import { Slab } from './memory.ts';
import { endRing } from './ring.ts';
import {
  findRecord,
  nextDeleted,
  recordFlags,
  txEndRecord,
  txMarkDeleted,
  txSetFlags,
  txUnmarkDeleted,
} from './store.ts';
import { tableFind, tableInsert, tableRemove } from './table.ts';
import { dropRecordTies, dropTies, hasTies } from './tie.ts';
import { releaseTree, treePrune } from './tree.ts';

/** `attributes` bits (docs/xtwz.md §3.3). */
export const ATTR_PERSIST = 0x100;
export const ATTR_NOAD = 0x200;

/** `KObject.flags`. */
export const KO_DELETED = 1;
/** Hidden: lookups fail. */
export const KO_GONE = 2;
/** Part of the object cannot be read (media errors). */
export const KO_DAMAGED = 4;
/** The kernel itself uses it (KSO root, devices): never ends. */
export const KO_KERNEL = 8;
/** Kept by SYS_PIN; one of the references. */
export const KO_PINNED = 16;
/** On its way out: in no table any more soon, and nobody may use it. */
export const KO_ENDING = 32;
/** Bits 63:32: number of its entry in the list of kernel-state objects, plus 1 (kso.ts). */
export const KO_LISTED_SHIFT = 32;

/**
 * An object that is known; the first 64 bytes are the hardware's descriptor.
 * @align 64
 */
export class KObject {
  root: u64;
  attributes: u64;
  lo: u64;
  hi: u64;
  /** Kernel address of the persistent record, 0 = volatile. */
  record: u64;
  /** What keeps it when it is deleted: ties in memory in bits 63:32; threads, contexts in use, pins, the kernel in bits 31:0. */
  references: u64;
  flags: u64;
  /** Kernel address of the Context when it is in use as one; of an object that ends: of the next one that does. */
  context: u64;
  nonceLo: u64;
  nonceHi: u64;
  kuidLo: u64;
  kuidHi: u64;
  /** Default rights and MIP_HASHDATA. */
  pFlags: u64;
  /** User pages present (persistent objects: in the record). */
  pages: u64;
  /** First tie of which this is the parent (volatile ties). */
  ties: u64;
  /** Capabilities with a smaller number are void (persistent objects: in the record). */
  revocation: u64;
}

const objects = zeroed<Slab>();
/** The object space page (docs/xtwz.md §3.1): its first word is the object table's. */
let objectSpace: usize = 0;
let knownCount: u64 = 0;

export function initObjects(space: usize): void {
  objectSpace = space;
  objects.size = sizeof<KObject>();
}

export function knownObjects(): u64 {
  return knownCount;
}

export function isPersistent(object: KObject): bool {
  return object.record !== 0;
}

export function recordOf(object: KObject): Record {
  return at<Record>(object.record);
}

/** Is it one of the kernel's own: root, device, archive? */
export function isKernelObject(object: KObject): bool {
  return (object.flags & KO_KERNEL) !== 0;
}

export function isImmutable(object: KObject): bool {
  return (object.pFlags & MIP_HASHDATA) !== 0;
}

/** Physical address of the descriptor: the object's name for the hardware. */
export function descriptorOf(object: KObject): u64 {
  return toPhysical(addressOf(object));
}

/** A KObject that nobody knows yet. Null: out of memory. */
export function newObject(pFlags: u64): KObject | null {
  const block = objects.allocate();
  if (block === 0) return null;
  const object = at<KObject>(block);
  object.pFlags = pFlags;
  // Immutable objects grant WRITE to nobody by default, and copy-on-write in the root catches who has it all the same.
  const defaults = (pFlags & MIP_HASHDATA) !== 0 ? pFlags & ~u64(WRITE) : pFlags;
  object.attributes = defaults & 0x7c;
  return object;
}

/** Makes an object known under its ID. False: out of memory. */
export function enterObject(object: KObject): bool {
  if (isPersistent(object)) {
    object.attributes |= ATTR_PERSIST | ATTR_NOAD;
    object.root = recordOf(object).root;
  }
  if (!tableInsert(objectSpace, object.lo, object.hi, descriptorOf(object), addressOf(object))) return false;
  knownCount++;
  return true;
}

/** Undoes newObject for an object that was never entered; what it has in the store is freed. */
export function scrapObject(object: KObject): void {
  if (isPersistent(object)) {
    const record = recordOf(object);
    if ((recordFlags(record) & RF_BUILDING) !== 0) reap(record, 1 << 18);
  } else releaseTree(object);
  objects.release(addressOf(object));
}

/** The object of an ID if it is known, even if hidden. */
export function findKnown(lo: u64, hi: u64): KObject | null {
  const entry = tableFind(objectSpace, lo, hi);
  return entry === null ? null : at<KObject>(entry.extra);
}

/** The object of an ID: known already, or found in the store. Null: there is none (or no memory for it). */
export function findObject(lo: u64, hi: u64): KObject | null {
  const entry = tableFind(objectSpace, lo, hi);
  if (entry !== null) {
    const object = at<KObject>(entry.extra);
    return (object.flags & KO_GONE) !== 0 ? null : object;
  }
  const record = findRecord(lo, hi);
  if (record === null || isLost(record)) return null;
  return adoptRecord(record);
}

/** Is the object of a record that is not known beyond finding: deleted, and hidden or kept by nothing? */
function isLost(record: Record): bool {
  const flags = recordFlags(record);
  return (flags & RF_DELETED) !== 0 && ((flags & RF_HIDDEN) !== 0 || record.tiedBy === 0);
}

/** Makes the object of a record known. */
export function adoptRecord(record: Record): KObject | null {
  const object = newObject(record.info & 0xffff_ffff);
  if (object === null) return null;
  object.lo = record.id.lo;
  object.hi = record.id.hi;
  object.record = addressOf(record);
  object.nonceLo = record.nonceLo;
  object.nonceHi = record.nonceHi;
  object.kuidLo = record.kuid.lo;
  object.kuidHi = record.kuid.hi;
  object.revocation = record.revocation;
  if ((recordFlags(record) & RF_DELETED) !== 0) object.flags |= KO_DELETED;
  if ((recordFlags(record) & RF_HIDDEN) !== 0) object.flags |= KO_GONE;
  if ((recordFlags(record) & RF_DAMAGED) !== 0) noteDamage(object);
  const met = damageMet();
  // A record whose ID is not the hash of what it says is not to be believed; nobody gets to see it. Of one of which a part
  // cannot be read nobody knows: it is marked.
  const verified = (object.flags & KO_DAMAGED) !== 0 || verifyId(object) || damageMet() !== met;
  if (verified && enterObject(object)) return object;
  objects.release(addressOf(object));
  return null;
}

/** One tie in memory, counted in `KObject.references`. */
const TIE_REFERENCE: u64 = u64(1) << 32;

/** Ties that keep an object, in memory and in the store. */
export function tiesOf(object: KObject): u64 {
  return (object.references >> 32) + (isPersistent(object) ? recordOf(object).tiedBy : 0);
}

/** One more tie in memory that keeps the object. */
export function holdTied(object: KObject): void {
  object.references += TIE_REFERENCE;
}

/** One less. */
export function dropTied(object: KObject): void {
  assert(object.references >= TIE_REFERENCE, 'tie dropped twice');
  object.references -= TIE_REFERENCE;
  endIfUnused(object);
}

/** One more user. */
export function holdObject(object: KObject): void {
  object.references++;
}

/** One user less; the last one of a deleted object ends it. */
export function dropObject(object: KObject): void {
  assert(object.references << 32 !== 0, 'object dropped twice');
  object.references--;
  endIfUnused(object);
}

/** Marks an object deleted: it ends with its last user. `immediate`: nobody finds it any more from now on. */
export function deleteObject(object: KObject, immediate: bool): void {
  object.flags |= immediate ? KO_DELETED | KO_GONE : KO_DELETED;
  if (isPersistent(object)) {
    txMarkDeleted(recordOf(object));
    if (immediate) txSetFlags(recordOf(object), RF_HIDDEN, 0);
    txCommit();
  }
  if (immediate) invalidateObject(descriptorOf(object), 0);
  endIfUnused(object);
}

/** Takes the mark back. */
export function undeleteObject(object: KObject): void {
  object.flags &= ~u64(KO_DELETED | KO_GONE);
  if (isPersistent(object)) {
    txUnmarkDeleted(recordOf(object));
    txCommit();
  }
}

/** Pins an object, or takes the pin back: a pinned one stays when it is deleted. False: it was so already. */
export function pinObject(object: KObject, pinned: bool): bool {
  if (((object.flags & KO_PINNED) !== 0) === pinned) return false;
  object.flags ^= KO_PINNED;
  if (pinned) holdObject(object);
  else dropObject(object);
  return true;
}

/** Objects that end, linked through `context`. A list and not a recursion: chains of ties may be long, stacks are not. */
let ending: KObject | null = null;
let endingRuns = false;

/** Is the object deleted and kept by nothing but ties, or nothing at all? */
export function isLeftToTies(object: KObject): bool {
  const flags = object.flags & (KO_DELETED | KO_ENDING | KO_KERNEL);
  return flags === KO_DELETED && object.references << 32 === 0;
}

/** Ends a deleted object that nobody uses, and whatever ends with it. */
export function endIfUnused(object: KObject): void {
  if (!isLeftToTies(object)) return;
  if (tiesOf(object) !== 0) {
    if (hasTies(object)) endRing(object);
    return;
  }
  object.flags |= KO_ENDING | KO_GONE;
  object.context = addressOf(ending);
  ending = object;
  if (endingRuns) return;
  endingRuns = true;
  while (ending !== null) {
    const first: KObject = ending;
    ending = changetype<KObject | null>(first.context);
    const record = first.record;
    forget(first, record === 0);
    // The record stays on the list of deleted ones until its pages are free: at once for small objects, else bit by bit.
    if (record !== 0 && !reap(at<Record>(record), 64)) reapPending = true;
  }
  endingRuns = false;
}

/** Takes an object out of the hardware's and the kernel's tables; `release`: its pages, too. */
function forget(object: KObject, release: bool): void {
  const entry = tableFind(objectSpace, object.lo, object.hi);
  if (entry !== null) tableRemove(entry);
  forgetRights(object);
  invalidateObject(descriptorOf(object), 0);
  if (release) releaseTree(object);
  if (hasTies(object)) dropTies(object);
  knownCount--;
  objects.release(addressOf(object));
}

/** Frees up to `pages` pages of a deleted record, in small transactions; ends the record when none are left. */
function reap(record: Record, pages: u64): bool {
  let left = pages;
  for (;;) {
    if (treePrune(record, 32)) break;
    txCommit();
    if (left < 32) return false;
    left -= 32;
  }
  dropRecordTies(record);
  txEndRecord(record);
  txCommit();
  return true;
}

/** There may be deleted objects to free that nobody else will: after a boot, after large objects and unknown children. */
let reapPending = true;

/** A record has lost the last tie that kept it, and its object is not known. */
export function noteReapable(): void {
  reapPending = true;
}

/**
 * Goes on freeing objects whose deletion was interrupted or put off; called when a hart is idle and when the store is
 * full. False: there is nothing to do.
 */
export function reapStep(): bool {
  if (!reapPending) return false;
  let record = nextDeleted(null);
  while (record !== null) {
    if (tableFind(objectSpace, record.id.lo, record.id.hi) === null) {
      if (record.tiedBy === 0) {
        reap(record, 256);
        return true;
      }
      // Of a ring of ties that was deleted before the last boot nobody else will think.
      const kept = record.ties === 0 ? null : adoptRecord(record);
      if (kept !== null) {
        endIfUnused(kept);
        return true;
      }
    }
    record = nextDeleted(record);
  }
  reapPending = false;
  return false;
}

static_assert(sizeof<KObject>() === 128, 'KObject');
