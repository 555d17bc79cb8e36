/**
 * Creating objects and copying ranges between them. An ID is a hash of nonce, default rights and key object (and, for HASHDATA
 * objects, of the data): halves of SHA-256, XORed, as Twizzler does with its hash. A persistent object that is copied
 * together from sources is on the list of deleted objects until it is whole: a power failure in between frees it.
 */
import { META_OFFSET, MetaInfo, MIP_HASHDATA, OBJ_MAXSIZE, OBJ_NULLPAGE } from '../abi/object.ts';
import { RF_BUILDING } from '../abi/store.ts';
import {
  CREATE_PERSIST,
  CREATE_ZERONONCE,
  CreateSource,
  EEXIST,
  EINVAL,
  EIO,
  ENOENT,
  ENOMEM,
  ENOSPC,
} from '../abi/syscall.ts';
import { Sha256 } from '../crypto/sha256.ts';
import { cleanRange, invalidateObject, invalidatePage, PAGE } from './arch.ts';
import { damageMet } from './damage.ts';
import { txAbort, txCommit, txSet, txSize } from './journal.ts';
import {
  descriptorOf,
  enterObject,
  findKnown,
  findObject,
  isImmutable,
  isPersistent,
  KObject,
  newObject,
  recordOf,
  scrapObject,
} from './object.ts';
import { randomWord } from './random.ts';
import {
  findRecord,
  storePresent,
  txAllocateRecord,
  txInsertRecord,
  txMarkDeleted,
  txSetFlags,
  txUnmarkDeleted,
} from './store.ts';
import {
  clearEntry,
  copyOnWrite,
  findEntry,
  nextPresent,
  PageResult,
  PTE_C,
  peekPage,
  shareEntry,
} from './tree.ts';

/** Transactions of a copy are committed before they hold more words than this. */
const TX_CHUNK = 4096;

/** Hash of what a HASHDATA object holds: each present page with its number, the metadata's page without the MetaInfo. */
function hashData(object: KObject, hash: Sha256): void {
  const number = stack<FixedArray<u64, 1>>();
  let offset = nextPresent(object, 0);
  while (offset < OBJ_MAXSIZE) {
    number[0] = offset;
    hash.update(addressOf(number), 8);
    const meta = offset === (META_OFFSET & ~u64(0xfff));
    const page = peekPage(object, offset);
    // Without a page that cannot be read the hash is another one; the caller sees that there was damage.
    if (page !== 0) {
      // What the ID vouches for must be on the media before the object is: shared pages may hold stores that nobody has cleaned.
      if (isPersistent(object)) cleanRange(page, PAGE);
      hash.update(page, meta ? META_OFFSET & 0xfff : PAGE);
    }
    offset = nextPresent(object, offset + PAGE);
  }
}

const idHash = zeroed<Sha256>();
const digest = zeroed<FixedArray<u64, 8>>();

/** Computes the ID that the object's nonce, rights, key and data give; it is left in `idLo` and `idHi`. */
let idLo: u64 = 0;
let idHi: u64 = 0;
function computeId(object: KObject): void {
  const words = stack<FixedArray<u64, 5>>();
  words[0] = object.nonceLo;
  words[1] = object.nonceHi;
  words[2] = object.pFlags;
  words[3] = object.kuidLo;
  words[4] = object.kuidHi;
  idHash.begin();
  idHash.update(addressOf(words), 40);
  if (isImmutable(object)) hashData(object, idHash);
  idHash.finish(addressOf(digest));
  idLo = digest[0] ^ digest[2];
  idHi = digest[1] ^ digest[3];
}

/** Does the object's ID match its nonce, rights, key (and data, when it is immutable)? */
export function verifyId(object: KObject): bool {
  computeId(object);
  return idLo === object.lo && idHi === object.hi;
}

/** The object that the last successful createObject made. */
let created: KObject = at<KObject>(8);
export function createdObject(): KObject {
  return created;
}

/**
 * Creates an object. The sources were checked by the caller (they exist, the thread may read them). Returns 0 or −Errno;
 * `createdObject` is the result.
 */
export function createObject(
  flags: u64,
  kuidLo: u64,
  kuidHi: u64,
  sources: Ptr<Inline<CreateSource>>,
  count: u64,
): i64 {
  const persistent = (flags & CREATE_PERSIST) !== 0;
  if (persistent && !storePresent()) return -ENOSPC;
  const object = newObject(flags & (0x7c | MIP_HASHDATA));
  if (object === null) return -ENOMEM;
  if ((flags & CREATE_ZERONONCE) === 0) {
    object.nonceLo = randomWord();
    object.nonceHi = randomWord();
  }
  object.kuidLo = kuidLo;
  object.kuidHi = kuidHi;
  if (persistent) {
    const record = txAllocateRecord();
    if (record === null) {
      txAbort();
      scrapObject(object);
      return -ENOSPC;
    }
    object.record = addressOf(record);
    txSet(ptrTo(record.info).address, object.pFlags);
    if (count !== 0) {
      txSetFlags(record, RF_BUILDING, 0);
      txMarkDeleted(record);
      txCommit();
    }
  }
  let error: i64 = 0;
  const met = damageMet();
  for (let i: u64 = 0; error === 0 && i < count; i++) error = copyFrom(object, sources[i]);
  if (error === 0 && peekPage(object, META_OFFSET) !== 0) error = rewriteMeta(object);
  if (error !== 0) {
    scrapObject(object);
    return error;
  }
  computeId(object);
  if (damageMet() !== met) {
    if (persistent && count === 0) txAbort();
    scrapObject(object);
    return -EIO;
  }
  if (findKnown(idLo, idHi) !== null || findRecord(idLo, idHi) !== null) {
    object.lo = idLo;
    object.hi = idHi;
    created = object;
    if (persistent && count === 0) txAbort();
    scrapObject(object);
    return -EEXIST;
  }
  object.lo = idLo;
  object.hi = idHi;
  if (persistent) {
    const record = recordOf(object);
    if (count !== 0) txUnmarkDeleted(record);
    txInsertRecord(record, idLo, idHi, object.pFlags);
    txSet(ptrTo(record.kuid.lo).address, kuidLo);
    txSet(ptrTo(record.kuid.hi).address, kuidHi);
    txSet(ptrTo(record.nonceLo).address, object.nonceLo);
    txSet(ptrTo(record.nonceHi).address, object.nonceHi);
  }
  // Known first: an object that the caller cannot be told of must not stay in the store.
  if (!enterObject(object)) {
    txAbort();
    scrapObject(object);
    return -ENOMEM;
  }
  if (persistent) txCommit();
  created = object;
  return 0;
}

/** The ID of the object that was found to exist already (−EEXIST). */
export function existingLo(): u64 {
  return idLo;
}
export function existingHi(): u64 {
  return idHi;
}

/** The metadata page came from the source with its FOT; the identity in it must be the new object's. */
function rewriteMeta(object: KObject): i64 {
  const place = findEntry(object, META_OFFSET);
  const pFlags = object.pFlags;
  if ((load<u64>(place) & PTE_C) !== 0) {
    // Immutable objects refuse copy-on-write; this one is not finished yet.
    object.pFlags = pFlags & ~u64(MIP_HASHDATA);
    const result = copyOnWrite(object, META_OFFSET);
    object.pFlags = pFlags;
    if (result !== PageResult.ok) return isPersistent(object) ? -ENOSPC : -ENOMEM;
  }
  const meta = at<MetaInfo>(peekPage(object, META_OFFSET));
  meta.pFlags = u16(pFlags);
  meta.nonceLo = object.nonceLo;
  meta.nonceHi = object.nonceHi;
  meta.kuidLo = object.kuidLo;
  meta.kuidHi = object.kuidHi;
  if (isPersistent(object)) cleanRange(addressOf(meta), sizeof<MetaInfo>());
  return 0;
}

function copyFrom(object: KObject, from: CreateSource): i64 {
  const source = findObject(from.source.lo, from.source.hi);
  if (source === null) return -ENOENT;
  if (from.length === 0)
    return copyPages(object, OBJ_NULLPAGE, source, OBJ_NULLPAGE, OBJ_MAXSIZE - OBJ_NULLPAGE);
  return copyRange(object, from.target, source, from.offset, from.length);
}

/** Is [offset, offset + length) whole pages inside an object? */
function validRange(offset: u64, length: u64): bool {
  return (
    ((offset | length) & (PAGE - 1)) === 0 &&
    offset >= OBJ_NULLPAGE &&
    offset <= OBJ_MAXSIZE &&
    length <= OBJ_MAXSIZE - offset
  );
}

/** Copies whole pages into an object (copy-on-write); `source` null: removes them, so that they read as zeros. */
export function copyRange(
  object: KObject,
  target: u64,
  source: KObject | null,
  offset: u64,
  length: u64,
): i64 {
  if (!validRange(target, length) || (source !== null && !validRange(offset, length))) return -EINVAL;
  return copyPages(object, target, source, offset, length);
}

function copyPages(target: KObject, to: u64, source: KObject | null, from: u64, length: u64): i64 {
  const persistent = isPersistent(target) || (source !== null && isPersistent(source));
  const met = damageMet();
  let done: u64 = 0;
  while (done < length) {
    // Whole stretches without pages on either side are skipped.
    const nextTarget = nextPresent(target, to + done) - to;
    const nextSource = source === null ? OBJ_MAXSIZE : nextPresent(source, from + done) - from;
    done = max<u64>(done, min<u64>(nextTarget, nextSource));
    if (done >= length) break;
    clearEntry(target, to + done);
    if (source !== null && !shareEntry(target, to + done, source, from + done)) {
      if (persistent) txAbort();
      dropCached(target, to, length);
      return damageMet() !== met ? -EIO : isPersistent(target) ? -ENOSPC : -ENOMEM;
    }
    done += PAGE;
    if (persistent && txSize() > TX_CHUNK) finishCopy(target, to, length);
  }
  finishCopy(target, to, length);
  if (source !== null) dropCached(source, from, length);
  return damageMet() === met ? 0 : -EIO;
}

/** Makes what has been copied so far true, and sees that no hart reaches the pages that were removed. */
function finishCopy(target: KObject, to: u64, length: u64): void {
  if (txSize() !== 0) txCommit();
  if (isPersistent(target)) target.root = recordOf(target).root;
  dropCached(target, to, length);
}

/** Invalidates what harts cached of a range; of the whole object where it is long. */
function dropCached(object: KObject, offset: u64, length: u64): void {
  const descriptor = descriptorOf(object);
  if (length > 16 * PAGE) {
    invalidateObject(descriptor, 0);
    return;
  }
  for (let at0 = offset; at0 < offset + length; at0 += PAGE) invalidatePage(descriptor, at0);
}
