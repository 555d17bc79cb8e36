/**
 * Page trees (docs/xtwz.md §3.6): where the pages of an object are. A volatile object's tree and pages are in DRAM and are
 * changed directly; a persistent object's are in the store and are changed inside a journal transaction, so the
 * tree, the reference counts and the free list always agree on the media. Pages are shared copy-on-write within one
 * kind; between the kinds they are copied.
 *
 * Functions named tx… belong to an open transaction; the others commit their own.
 */
import { META_MAGIC, META_OFFSET, MetaInfo, OBJ_MAXSIZE, OBJ_NULLPAGE } from '../abi/object.ts';
import { Record, RF_DAMAGED } from '../abi/store.ts';
import { cleanRange, invalidatePage, PAGE, toPhysical, toVirtual } from './arch.ts';
import { damageMet, noteDamage, readable } from './damage.ts';
import { txAbort, txCommit, txGet, txSet } from './journal.ts';
import { allocatePage, pageReferences, releasePage, sharePage } from './memory.ts';
import { descriptorOf, isImmutable, isPersistent, KO_DAMAGED, KObject, recordOf } from './object.ts';
import { recordFlags, storePageReferences, txAllocatePage, txReleasePage, txSharePage } from './store.ts';

export const PTE_V = 0x1;
export const PTE_L = 0x2;
export const PTE_C = 0x4;
export const PTE_NVDIMM = 0x10;
export const PTE_IO = 0x20;
export const PTE_TYPE = 0x30;
const PPN_MASK: u64 = 0x003f_ffff_ffff_fc00;
const ENTRIES = 512;

/** The kernel address that an entry points to. */
export function pteAddress(entry: u64): usize {
  return toVirtual((entry & PPN_MASK) << 2);
}

function makePte(address: usize, bits: u64): u64 {
  return ((toPhysical(address) >> 2) & PPN_MASK) | bits;
}

/** Why a page cannot be had. */
export enum PageResult {
  ok = 0,
  noSpace = 1,
  denied = 2,
  limit = 3,
  /** A block that is needed cannot be read. */
  damaged = 4,
}

/** Can a part of the object's tree or data be read? If not, the object is marked. */
function readableOf(object: KObject, address: usize, size: u64): bool {
  if (!isPersistent(object) || readable(address, size)) return true;
  noteDamage(object);
  return false;
}

function readEntry(object: KObject, place: usize): u64 {
  return isPersistent(object) ? txGet(place) : load<u64>(place);
}

function writeEntry(object: KObject, place: usize, value: u64): void {
  if (isPersistent(object)) txSet(place, value);
  else volatileStore<u64>(place, value);
}

function newTable(object: KObject): usize {
  return isPersistent(object) ? txAllocatePage(true) : allocatePage();
}

/** Where the root entry is: in the record for persistent objects, and mirrored in the descriptor after the commit. */
function rootPlace(object: KObject): usize {
  return isPersistent(object) ? ptrTo(recordOf(object).root).address : ptrTo(object.root).address;
}

/** The address of the level-0 entry of `offset`, 0 if a table on the way is absent or cannot be read. */
export function findEntry(object: KObject, offset: u64): usize {
  const root = readEntry(object, rootPlace(object));
  if ((root & PTE_V) === 0) return 0;
  const upper = pteAddress(root) + ((offset >> 21) & 511) * 8;
  if (!readableOf(object, upper, 8)) return 0;
  const table = readEntry(object, upper);
  if ((table & PTE_V) === 0) return 0;
  const place = pteAddress(table) + ((offset >> 12) & 511) * 8;
  return readableOf(object, place, 8) ? place : 0;
}

/** The same, with the tables made. 0: no space, or damage. In a transaction for persistent objects. */
function makeEntry(object: KObject, offset: u64): usize {
  let root = readEntry(object, rootPlace(object));
  if ((root & PTE_V) === 0) {
    const table = newTable(object);
    if (table === 0) return 0;
    root = makePte(table, isImmutable(object) ? PTE_V | PTE_C : PTE_V);
    writeEntry(object, rootPlace(object), root);
  }
  const place = pteAddress(root) + ((offset >> 21) & 511) * 8;
  if (!readableOf(object, place, 8)) return 0;
  let entry = readEntry(object, place);
  if ((entry & PTE_V) === 0) {
    const table = newTable(object);
    if (table === 0) return 0;
    entry = makePte(table, PTE_V);
    writeEntry(object, place, entry);
  }
  const last = pteAddress(entry) + ((offset >> 12) & 511) * 8;
  return readableOf(object, last, 8) ? last : 0;
}

/** Makes the first table of an object that has no pages yet, so that the hardware can walk on. False: no space. */
export function makeRoot(object: KObject): bool {
  if ((readEntry(object, rootPlace(object)) & PTE_V) === 0) {
    const table = newTable(object);
    if (table === 0) {
      if (isPersistent(object)) txAbort();
      return false;
    }
    writeEntry(object, rootPlace(object), makePte(table, isImmutable(object) ? PTE_V | PTE_C : PTE_V));
  }
  finish(object);
  return true;
}

function addPages(object: KObject, by: u64): void {
  if (isPersistent(object)) {
    const place = ptrTo(recordOf(object).pages).address;
    txSet(place, txGet(place) + by);
  } else object.pages += by;
}

/** Ends the change of an object: commits, and shows the hardware a new root. */
function finish(object: KObject): void {
  if (!isPersistent(object)) return;
  txCommit();
  object.root = recordOf(object).root;
}

/** User pages of the object. */
export function pagesOf(object: KObject): u64 {
  return isPersistent(object) ? recordOf(object).pages : object.pages;
}

/** The page of the metadata is made from what the kernel knows, when it is first touched. */
function fillMeta(object: KObject, page: usize): void {
  const meta = at<MetaInfo>(page + (META_OFFSET & 0xfff));
  meta.magic = META_MAGIC;
  meta.pFlags = u16(object.pFlags);
  meta.milen = u32(sizeof<MetaInfo>());
  meta.nonceLo = object.nonceLo;
  meta.nonceHi = object.nonceHi;
  meta.kuidLo = object.kuidLo;
  meta.kuidHi = object.kuidHi;
}

/** Makes an absent page present, with zeros (or the metadata). */
export function fillPage(object: KObject, offset: u64): PageResult {
  if (offset < OBJ_NULLPAGE || offset >= OBJ_MAXSIZE) return PageResult.limit;
  const there = findEntry(object, offset);
  // Another hart may have met the same fault, and made the page.
  if (there !== 0 && (load<u64>(there) & PTE_V) !== 0) return PageResult.ok;
  const persistent = isPersistent(object);
  const met = damageMet();
  const place = makeEntry(object, offset);
  const page = place === 0 ? 0 : persistent ? txAllocatePage(true) : allocatePage();
  if (page === 0) {
    if (persistent) txAbort();
    return damageMet() === met ? PageResult.noSpace : PageResult.damaged;
  }
  if (offset >> 12 === META_OFFSET >> 12) {
    fillMeta(object, page);
    if (persistent) cleanRange(page, PAGE);
  }
  writeEntry(object, place, makePte(page, persistent ? PTE_V | PTE_L | PTE_NVDIMM : PTE_V | PTE_L));
  addPages(object, 1);
  finish(object);
  return PageResult.ok;
}

/**
 * The kernel address of the page at `offset` for the kernel to write to: made if absent, and the object's own if it was shared. 0: no
 * space, or an immutable object.
 */
export function objectPage(object: KObject, offset: u64): usize {
  let place = findEntry(object, offset);
  const entry = place === 0 ? 0 : load<u64>(place);
  let result = PageResult.ok;
  if ((entry & PTE_V) === 0) result = fillPage(object, offset);
  else if ((entry & PTE_C) !== 0) result = copyOnWrite(object, offset);
  if (result !== PageResult.ok) return 0;
  place = findEntry(object, offset);
  return pteAddress(load<u64>(place));
}

/** Gives an object of the kernel's a page of device registers. False: no memory. */
export function mapRegisters(object: KObject, offset: u64, physical: u64): bool {
  const place = makeEntry(object, offset);
  if (place === 0) return false;
  writeEntry(object, place, makePte(toVirtual(physical), PTE_V | PTE_L | PTE_IO));
  return true;
}

/**
 * The kernel address of the byte at `offset`; 0 if its page is absent, cannot be read, or is a device's, which the kernel does not
 * read like memory.
 */
export function peekPage(object: KObject, offset: u64): usize {
  const place = findEntry(object, offset);
  if (place === 0) return 0;
  const entry = load<u64>(place);
  if ((entry & PTE_V) === 0 || (entry & PTE_TYPE) === PTE_IO) return 0;
  return readableOf(object, pteAddress(entry), PAGE) ? pteAddress(entry) + (offset & 0xfff) : 0;
}

/** A store met copy-on-write: gives the object a page of its own. */
export function copyOnWrite(object: KObject, offset: u64): PageResult {
  if (isImmutable(object)) return PageResult.denied;
  const persistent = isPersistent(object);
  const met = damageMet();
  const place = findEntry(object, offset);
  if (place === 0 && damageMet() !== met) return PageResult.damaged;
  const entry = place === 0 ? 0 : load<u64>(place);
  // Another hart may have made the copy, or taken the page away: the access finds out what holds now.
  if ((entry & (PTE_V | PTE_C)) !== (PTE_V | PTE_C)) return PageResult.ok;
  const old = pteAddress(entry);
  const users = persistent ? storePageReferences(old) : pageReferences(old);
  if (users === 1) {
    writeEntry(object, place, entry & ~u64(PTE_C));
  } else {
    if (!readableOf(object, old, PAGE)) return PageResult.damaged;
    const page = persistent ? txAllocatePage(false) : allocatePage();
    if (page === 0) {
      if (persistent) txAbort();
      return PageResult.noSpace;
    }
    memory.copy(page, old, PAGE);
    if (persistent) {
      cleanRange(page, PAGE);
      txReleasePage(old);
    } else releasePage(old);
    writeEntry(object, place, makePte(page, (entry & PTE_TYPE) | PTE_V | PTE_L));
  }
  finish(object);
  invalidatePage(descriptorOf(object), offset & ~u64(0xfff));
  return PageResult.ok;
}

/**
 * Removes the page at `offset`, if present. In a transaction for persistent objects; the caller commits, and invalidates before it
 * begins another one.
 */
export function clearEntry(object: KObject, offset: u64): void {
  const place = findEntry(object, offset);
  if (place === 0) return;
  const entry = readEntry(object, place);
  if ((entry & PTE_V) === 0) return;
  writeEntry(object, place, 0);
  addPages(object, ~u64(0));
  if (isPersistent(object)) txReleasePage(pteAddress(entry));
  else {
    // Before the page may be another's: other harts run on, and may have it cached.
    invalidatePage(descriptorOf(object), offset & ~u64(0xfff));
    if ((entry & PTE_TYPE) !== PTE_IO) releasePage(pteAddress(entry));
  }
}

/**
 * Gives `target` at `to` what `source` has at `from`: shared copy-on-write when both are of one kind, else copied.
 * In a transaction if either is persistent. What was there before has been removed. False: no space, or damage (the caller aborts).
 */
export function shareEntry(target: KObject, to: u64, source: KObject, from: u64): bool {
  const sourcePlace = findEntry(source, from);
  if (sourcePlace === 0) return true;
  const entry = readEntry(source, sourcePlace);
  // Registers are no contents: nobody gets a copy of them.
  if ((entry & PTE_V) === 0 || (entry & PTE_TYPE) === PTE_IO) return true;
  const place = makeEntry(target, to);
  if (place === 0) return false;
  const page = pteAddress(entry);
  if (isPersistent(target) === isPersistent(source)) {
    if (isPersistent(target)) txSharePage(page);
    else sharePage(page);
    writeEntry(source, sourcePlace, entry | PTE_C);
    writeEntry(target, place, makePte(page, (entry & PTE_TYPE) | PTE_V | PTE_L | PTE_C));
  } else {
    if (!readableOf(source, page, PAGE)) return false;
    const copy = isPersistent(target) ? txAllocatePage(false) : allocatePage();
    if (copy === 0) return false;
    memory.copy(copy, page, PAGE);
    if (isPersistent(target)) cleanRange(copy, PAGE);
    writeEntry(
      target,
      place,
      makePte(copy, isPersistent(target) ? PTE_V | PTE_L | PTE_NVDIMM : PTE_V | PTE_L),
    );
  }
  addPages(target, 1);
  return true;
}

/** The first offset at or after `offset` whose page is present; OBJ_MAXSIZE if there is none. Skips tables that are absent or cannot be read. */
export function nextPresent(object: KObject, offset: u64): u64 {
  const root = readEntry(object, rootPlace(object));
  if ((root & PTE_V) === 0) return OBJ_MAXSIZE;
  let at0 = offset;
  while (at0 < OBJ_MAXSIZE) {
    const upper = pteAddress(root) + (at0 >> 21) * 8;
    const table = readableOf(object, upper, 8) ? readEntry(object, upper) : 0;
    const end = ((at0 >> 21) + 1) << 21;
    const first = pteAddress(table) + ((at0 >> 12) & 511) * 8;
    if ((table & PTE_V) === 0 || !readableOf(object, first, (end - at0) >> 9)) {
      at0 = end;
      continue;
    }
    // Straight from memory: an open transaction goes through an object upwards, and has changed nothing that lies ahead.
    for (let place = first; at0 < end; place += 8) {
      if ((load<u64>(place) & PTE_V) !== 0) return at0;
      at0 += PAGE;
    }
  }
  return OBJ_MAXSIZE;
}

/** Looks at all that a persistent object has, and marks it as damaged or not. What was written anew can be read again. */
export function examine(object: KObject): void {
  object.flags &= ~u64(KO_DAMAGED);
  const root = recordOf(object).root;
  if ((recordFlags(recordOf(object)) & RF_DAMAGED) !== 0) noteDamage(object);
  if ((root & PTE_V) !== 0) readableOf(object, pteAddress(root), PAGE);
  for (
    let offset = nextPresent(object, 0);
    offset < OBJ_MAXSIZE;
    offset = nextPresent(object, offset + PAGE)
  ) {
    readableOf(object, pteAddress(load<u64>(findEntry(object, offset))), PAGE);
  }
}

/** Gives back all pages and tables of a volatile object that no hart can reach any more. */
export function releaseTree(object: KObject): void {
  if ((object.root & PTE_V) === 0) return;
  const level1 = pteAddress(object.root);
  for (let i: u64 = 0; i < ENTRIES; i++) {
    const table = load<u64>(level1 + i * 8);
    if ((table & PTE_V) === 0) continue;
    const level0 = pteAddress(table);
    for (let j: u64 = 0; j < ENTRIES; j++) {
      const leaf = load<u64>(level0 + j * 8);
      if ((leaf & PTE_V) !== 0 && (leaf & PTE_TYPE) !== PTE_IO) releasePage(pteAddress(leaf));
    }
    releasePage(level0);
  }
  releasePage(level1);
  object.root = 0;
}

/**
 * In a new transaction: frees up to `limit` pages of a deleted record's tree, tables as they become empty. True when
 * nothing was left to free (and the transaction is empty). What a table that cannot be read leads to stays in use for good.
 */
export function treePrune(record: Record, limit: u64): bool {
  const root = record.root;
  if ((root & PTE_V) === 0) return true;
  const level1 = pteAddress(root);
  let freed: u64 = 0;
  for (let i: u64 = 0; i < ENTRIES; i++) {
    const table = readable(level1 + i * 8, 8) ? load<u64>(level1 + i * 8) : 0;
    if ((table & PTE_V) === 0) continue;
    const level0 = pteAddress(table);
    const whole = readable(level0, PAGE);
    for (let j: u64 = 0; j < ENTRIES; j++) {
      const place = level0 + j * 8;
      if (!whole && !readable(place, 8)) continue;
      const leaf = load<u64>(place);
      if ((leaf & PTE_V) === 0) continue;
      if (freed >= limit) return false;
      txReleasePage(pteAddress(leaf));
      txSet(place, 0);
      txSet(ptrTo(record.pages).address, txGet(ptrTo(record.pages).address) - 1);
      freed++;
    }
    txReleasePage(level0);
    txSet(level1 + i * 8, 0);
  }
  txReleasePage(level1);
  txSet(ptrTo(record.root).address, 0);
  return false;
}
