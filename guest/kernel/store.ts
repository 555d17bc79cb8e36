/**
 * The object store on the NVDIMM: formatting, mounting, page allocation and the directory of records. All changes go
 * through the journal, inside a transaction that the caller commits, so an operation that needs pages, a record
 * and a link gets all of them or none, and nothing leaks. Mounting reads the superblock and the journal, never the
 * directory: its cost does not grow with what is stored. Deleted objects that a power failure left half freed
 * are on a list and are freed step by step later (`reapStep`).
 */
import { MIP_HASHDATA } from '../abi/object.ts';
import {
  JOURNAL_HALF_PAGES,
  JOURNAL_PAGE,
  RECORD_FREE,
  RECORD_OBJECT,
  REF_FREE,
  REF_LOST,
  Record,
  RF_BUILDING,
  RF_DAMAGED,
  RF_DELETED,
  RF_HIDDEN,
  STORE_MAGIC,
  STORE_VERSION,
  Superblock,
} from '../abi/store.ts';
import { cleanRange, LINE, PAGE, PAGE_SHIFT, persistFence, toPhysical, toVirtual, zeroPage } from './arch.ts';
import { noteLoss, readable } from './damage.ts';
import { recoverJournal, txCommit, txGet, txNumber, txSet } from './journal.ts';

let region: usize = 0;
let regionPages: u64 = 0;
let superblock: Superblock = at<Superblock>(8);

export function storeSuperblock(): Superblock {
  return superblock;
}

/** Is there a store? */
export function storePresent(): bool {
  return region !== 0;
}

/** Is this kernel address in the region? */
export function isStorePage(address: usize): bool {
  return region !== 0 && address >= region && address < region + (regionPages << PAGE_SHIFT);
}

/** Kernel address of an offset in the region. */
export function storeAddress(offset: u64): usize {
  return region + offset;
}

export function storeOffset(address: usize): u64 {
  return address - region;
}

function checkOf(block: Superblock): u64 {
  let check: u64 = 0x6c69_636f_7269_6365;
  for (let offset: u64 = 0; offset < offsetof<Superblock>('check'); offset += 8) {
    check = rotl<u64>(check, 13) * 0x9e37_79b9_7f4a_7c15 + load<u64>(addressOf(block), offset);
  }
  return check;
}

function roundUp(bytes: u64): u64 {
  return (bytes + PAGE - 1) & ~u64(PAGE - 1);
}

/** Makes an empty store of the whole region. The magic comes last, so a half-made one is made again. */
function format(pages: u64): void {
  const buckets = u64(1) << (63 - clz<u64>(max<u64>(pages >> 1, 512)));
  const references = (JOURNAL_PAGE + 2 * JOURNAL_HALF_PAGES) * u64(PAGE);
  const bucketStart = references + roundUp(pages * 4);
  const dataStart = (bucketStart + roundUp(buckets * 8)) >> PAGE_SHIFT;
  assert(dataStart + 16 < pages, 'NVDIMM too small for a store');
  for (let page: u64 = 0; page < dataStart; page++) zeroIfNeeded(region + (page << PAGE_SHIFT));
  persistFence();
  const block = superblock;
  block.version = STORE_VERSION;
  block.base = toPhysical(region);
  block.pages = pages;
  block.references = references;
  block.buckets = bucketStart;
  block.bucketCount = buckets;
  block.dataStart = dataStart;
  block.watermark = dataStart;
  block.freeCount = pages - dataStart;
  cleanRange(addressOf(block), PAGE);
  persistFence();
  block.magic = STORE_MAGIC;
  block.check = checkOf(block);
  memory.copy(region + PAGE, region, offsetof<Superblock>('reserved'));
  cleanRange(region, 2 * PAGE);
  persistFence();
}

/** Zeroes a page of a new region, but leaves one that is zero alone: a sparse image stays sparse. */
function zeroIfNeeded(page: usize): void {
  let any: u64 = 0;
  for (let word = page; word < page + PAGE; word += 8) any |= load<u64>(word);
  if (any === 0) return;
  zeroPage(page);
  cleanRange(page, PAGE);
}

export enum Mount {
  /** No NVDIMM. */
  none,
  /** An empty region, now formatted. */
  formatted,
  clean,
  /** The last run did not shut down in order. */
  dirty,
  /** The superblock cannot be read. */
  damaged,
  /** The region holds something that is not a store of this version; it was left alone. */
  foreign,
  /** A store made for another physical address. */
  moved,
}

/** Opens the store in the NVDIMM at `physical`, of `size` bytes; formats it when the first page is all zeros. */
export function mountStore(physical: u64, size: u64): Mount {
  if (size === 0) return Mount.none;
  region = toVirtual(physical);
  regionPages = size >> PAGE_SHIFT;
  superblock = at<Superblock>(region);
  let result = Mount.clean;
  if (!readable(region, LINE) || !readable(region + LINE, LINE)) {
    // The constant part is there twice.
    if (readable(region + PAGE, offsetof<Superblock>('reserved'))) {
      memory.copy(region, region + PAGE, 2 * LINE);
      cleanRange(region, 2 * LINE);
      persistFence();
    }
  }
  if (!readable(region, sizeof<Superblock>())) {
    region = 0;
    return Mount.damaged;
  }
  if (superblock.magic !== STORE_MAGIC) {
    const copy = at<Superblock>(region + PAGE);
    if (copy.magic === STORE_MAGIC && copy.check === checkOf(copy)) {
      memory.copy(region, region + PAGE, offsetof<Superblock>('reserved'));
      cleanRange(region, PAGE);
      persistFence();
    } else if (superblock.magic === 0) {
      format(regionPages);
      result = Mount.formatted;
    } else {
      region = 0;
      return Mount.foreign;
    }
  }
  if (superblock.version !== STORE_VERSION || superblock.check !== checkOf(superblock)) {
    region = 0;
    return Mount.foreign;
  }
  if (superblock.base !== physical) {
    region = 0;
    return Mount.moved;
  }
  recoverJournal(region);
  if (superblock.running !== 0) result = Mount.dirty;
  txSet(ptrTo(superblock.running).address, 1);
  txSet(ptrTo(superblock.boots).address, superblock.boots + 1);
  txCommit();
  return result;
}

/** Marks an orderly shut-down. */
export function unmountStore(): void {
  if (region === 0) return;
  txSet(ptrTo(superblock.running).address, 0);
  txCommit();
}

// ------------------------------------------------------------------------------------------------------- pages

function referenceWord(page: u64): usize {
  return region + superblock.references + (page >> 1) * 8;
}

/** A block of reference counts is lost: its sixteen pages are in use for good. */
function loseReferences(word: usize): void {
  const lost = u64(REF_LOST) << 32;
  const block = word & ~u64(LINE - 1);
  for (let at0 = block; at0 < block + LINE; at0 += 8) store<u64>(at0, lost | u64(REF_LOST));
  cbo.clean(block);
  persistFence();
  noteLoss();
}

function txReferences(page: u64): u64 {
  const word = referenceWord(page);
  if (!readable(word, 8)) loseReferences(word);
  return txGet(word);
}

function txReference(page: u64): u32 {
  return u32(txReferences(page) >> ((page & 1) * 32));
}

function txSetReference(page: u64, value: u32): void {
  const shift = (page & 1) * 32;
  const word = txReferences(page);
  txSet(referenceWord(page), (word & ~(u64(0xffff_ffff) << shift)) | (u64(value) << shift));
}

function adjust(place: Ptr<u64>, by: u64): void {
  txSet(place.address, txGet(place.address) + by);
}

function pageNumber(address: usize): u64 {
  return (address - region) >> PAGE_SHIFT;
}

/**
 * The page that the open transaction (`releasedIn`) released first: the one below it on the free list was free before. Pages
 * released in a transaction are not handed out in it: until it is decided they belong to whom they belonged, and
 * writing to them would change what a power failure leaves of that.
 */
let releasedFirst: u64 = 0;
let releasedIn: u64 = 0;

/** In the open transaction: takes a page off the free list; 0: there is none. */
function txTakeFree(): u64 {
  const headWord = ptrTo(superblock.freeHead).address;
  const below = releasedIn === txNumber() ? releasedFirst : 0;
  if (below === 0) {
    const page = txGet(headWord);
    if (page === 0) return 0;
    const word = txReference(page);
    // Where the list is broken it ends.
    txSet(headWord, (word & REF_FREE) === 0 ? 0 : u64(word & ~REF_FREE));
    return (word & REF_FREE) === 0 ? 0 : page;
  }
  const page = u64(txReference(below) & ~REF_FREE);
  if (page !== 0) txSetReference(below, txReference(page));
  return page;
}

/** In the open transaction: a page of persistent zeros with one reference, or 0 when the store is full. Bad pages are passed over. */
export function txAllocatePage(zero: bool): usize {
  for (;;) {
    const page = txTakePage(zero);
    if (page === 0 || isSound(page)) return page;
    txSetReference(pageNumber(page), REF_LOST);
    noteLoss();
  }
}

/** Can a page be read, if need be after it has been written all over? */
function isSound(page: usize): bool {
  if (readable(page, PAGE)) return true;
  zeroPage(page);
  cleanRange(page, PAGE);
  return readable(page, PAGE);
}

function txTakePage(zero: bool): usize {
  let page = txTakeFree();
  if (page === 0) {
    page = txGet(ptrTo(superblock.watermark).address);
    if (page >= superblock.pages) return 0;
    txSet(ptrTo(superblock.watermark).address, page + 1);
  }
  adjust(ptrTo(superblock.freeCount), ~u64(0));
  txSetReference(page, 1);
  const address = region + (page << PAGE_SHIFT);
  // Not linked anywhere before the commit, whose first fence makes these zeros persistent.
  if (zero) {
    zeroPage(address);
    cleanRange(address, PAGE);
  }
  return address;
}

export function storePageReferences(address: usize): u32 {
  return txReference(pageNumber(address));
}

/** In the open transaction: one more user of a page. */
export function txSharePage(address: usize): void {
  const page = pageNumber(address);
  txSetReference(page, txReference(page) + 1);
}

/** In the open transaction: one user less; without users the page is free. */
export function txReleasePage(address: usize): void {
  const page = pageNumber(address);
  const references = txReference(page);
  if ((references & REF_LOST) !== 0) return;
  assert(references !== 0 && (references & REF_FREE) === 0, 'store page freed twice');
  if (references > 1) {
    txSetReference(page, references - 1);
    return;
  }
  if (releasedIn !== txNumber()) {
    releasedIn = txNumber();
    releasedFirst = page;
  }
  txSetReference(page, REF_FREE | u32(txGet(ptrTo(superblock.freeHead).address)));
  txSet(ptrTo(superblock.freeHead).address, page);
  adjust(ptrTo(superblock.freeCount), 1);
}

// ----------------------------------------------------------------------------------------------------- records

function recordAt(offset: u64): Record {
  return at<Record>(region + offset);
}

/** In the open transaction: a record, filled with zeros, or null when the store is full. */
export function txAllocateRecord(): Record | null {
  const headWord = ptrTo(superblock.recordFree).address;
  let head = txGet(headWord);
  if (head !== 0 && !readable(region + head, sizeof<Record>())) {
    // The list of free records ends here.
    noteLoss();
    head = 0;
  }
  if (head === 0) {
    const page = txAllocatePage(true);
    if (page === 0) return null;
    adjust(ptrTo(superblock.recordPages), 1);
    for (let record = page; record < page + PAGE; record += sizeof<Record>()) {
      txSet(record + offsetof<Record>('next'), head);
      head = record - region;
    }
  }
  const record = recordAt(head);
  txSet(headWord, txGet(ptrTo(record.next).address));
  for (let offset: u64 = 0; offset < sizeof<Record>(); offset += 8) txSet(addressOf(record) + offset, 0);
  return record;
}

/** In the open transaction: gives a record back. */
export function txReleaseRecord(record: Record): void {
  const headWord = ptrTo(superblock.recordFree).address;
  txSet(ptrTo(record.info).address, u64(RECORD_FREE) << 32);
  txSet(ptrTo(record.next).address, txGet(headWord));
  txSet(headWord, addressOf(record) - region);
}

function bucketWord(lo: u64): usize {
  return region + superblock.buckets + (lo & (superblock.bucketCount - 1)) * 8;
}

/** A block of buckets is lost, and with it what was in its eight chains. */
function loseBuckets(bucket: usize): void {
  zeroBlock(bucket & ~u64(LINE - 1));
  persistFence();
  noteLoss();
}

function zeroBlock(block: usize): void {
  cbo.zero(block);
  cbo.clean(block);
}

/** First record of a chain, as the open transaction leaves it. */
function txFirst(bucket: usize): u64 {
  if (!readable(bucket, 8)) loseBuckets(bucket);
  return txGet(bucket);
}

/** The record behind one of the directory, as the open transaction leaves it: from whichever of its blocks can be read. */
function txNext(record: Record): u64 {
  const word = ptrTo(record.next).address;
  if (readable(word, 8)) return txGet(word);
  const copy = ptrTo(record.nextCopy).address;
  if (readable(copy, 8)) return txGet(copy);
  noteLoss();
  return 0;
}

function txSetNext(record: Record, next: u64): void {
  txSet(ptrTo(record.next).address, next);
  txSet(ptrTo(record.nextCopy).address, next);
}

/** The record of an object, deleted ones included, or null. */
export function findRecord(lo: u64, hi: u64): Record | null {
  if (region === 0) return null;
  let offset = txFirst(bucketWord(lo));
  while (offset !== 0) {
    const record = recordAt(offset);
    if (!readable(offset + region, LINE)) {
      offset = txNext(record);
      continue;
    }
    if (record.id.lo === lo && record.id.hi === hi) {
      if ((recordFlags(record) & RF_BUILDING) !== 0) return null;
      if (!readable(ptrTo(record.nonceHi).address, LINE)) makeUp(record);
      return record;
    }
    offset = txGet(ptrTo(record.next).address);
  }
  return null;
}

/**
 * The second block of a record is lost. What it said is replaced by what does no harm: the object is never freed (somebody may be
 * tied to it), and capabilities for it are void.
 */
function makeUp(record: Record): void {
  txSet(ptrTo(record.nonceHi).address, 0);
  txSet(ptrTo(record.pages).address, 0);
  txSet(ptrTo(record.deletedNext).address, 0);
  txSet(ptrTo(record.deletedPrevious).address, 0);
  txSet(ptrTo(record.ties).address, 0);
  txSet(ptrTo(record.tiedBy).address, u64(1) << 32);
  txSet(ptrTo(record.revocation).address, ~u64(0));
  txSet(ptrTo(record.nextCopy).address, record.next);
  txSetFlags(record, RF_DAMAGED, 0);
  txCommit();
  noteLoss();
}

export function recordFlags(record: Record): u64 {
  return txGet(ptrTo(record.info).address) >> 48;
}

/** In the open transaction: sets and clears flags (RF_*). */
export function txSetFlags(record: Record, set: u64, clear: u64): void {
  const word = ptrTo(record.info).address;
  txSet(word, (txGet(word) | (set << 48)) & ~(clear << 48));
}

/** In the open transaction: enters an object into the directory. */
export function txInsertRecord(record: Record, lo: u64, hi: u64, pFlags: u64): void {
  txSet(ptrTo(record.id.lo).address, lo);
  txSet(ptrTo(record.id.hi).address, hi);
  txSet(ptrTo(record.info).address, (u64(RECORD_OBJECT) << 32) | (pFlags & 0xffff_ffff));
  const bucket = bucketWord(lo);
  txSetNext(record, txFirst(bucket));
  txSet(bucket, addressOf(record) - region);
  adjust(ptrTo(superblock.objects), 1);
}

/** In the open transaction: takes an object out of the directory. */
function txRemoveRecord(record: Record): void {
  const own = addressOf(record) - region;
  const bucket = bucketWord(record.id.lo);
  let before: u64 = 0;
  let offset = txFirst(bucket);
  while (offset !== own && offset !== 0) {
    before = offset;
    offset = txNext(recordAt(offset));
  }
  // A record that is not in its chain was behind one that was lost.
  if (offset !== 0 && before === 0) txSet(bucket, txNext(record));
  else if (offset !== 0) txSetNext(recordAt(before), txNext(record));
  adjust(ptrTo(superblock.objects), ~u64(0));
}

/** In the open transaction: puts an object on the list of those to be freed. */
export function txMarkDeleted(record: Record): void {
  if ((recordFlags(record) & RF_DELETED) !== 0) return;
  const headWord = ptrTo(superblock.deletedHead).address;
  const head = txGet(headWord);
  txSetFlags(record, RF_DELETED, 0);
  txSet(ptrTo(record.deletedNext).address, head);
  txSet(ptrTo(record.deletedPrevious).address, 0);
  if (head !== 0) txSet(ptrTo(recordAt(head).deletedPrevious).address, addressOf(record) - region);
  txSet(headWord, addressOf(record) - region);
}

/** In the open transaction: takes it off again. */
export function txUnmarkDeleted(record: Record): void {
  if ((recordFlags(record) & RF_DELETED) === 0) return;
  const next = txGet(ptrTo(record.deletedNext).address);
  const previous = txGet(ptrTo(record.deletedPrevious).address);
  if (previous === 0) txSet(ptrTo(superblock.deletedHead).address, next);
  else txSet(ptrTo(recordAt(previous).deletedNext).address, next);
  if (next !== 0) txSet(ptrTo(recordAt(next).deletedPrevious).address, previous);
  txSetFlags(record, 0, RF_DELETED | RF_BUILDING | RF_HIDDEN);
}

/** The first object marked deleted whose turn it is, or null; `after`: the one to go on from. */
export function nextDeleted(after: Record | null): Record | null {
  if (region === 0) return null;
  const offset = after === null ? superblock.deletedHead : after.deletedNext;
  return offset === 0 ? null : recordAt(offset);
}

/** In the open transaction: the object has no pages left; it ends. */
export function txEndRecord(record: Record): void {
  if ((recordFlags(record) & RF_BUILDING) === 0) txRemoveRecord(record);
  txUnmarkDeleted(record);
  txReleaseRecord(record);
}

export function recordIsImmutable(record: Record): bool {
  return (record.info & MIP_HASHDATA) !== 0;
}
