/**
 * Reading the text of a named object, and writing it back. The object stays the same one, for all that point to it; the change is one transaction, so that
 * after a power failure it holds the old text or the new one.
 */
import { NameType } from '../../abi/name.ts';
import { OBJ_NULLPAGE, OBJ_TOPDATA, ObjectId, READ, WRITE } from '../../abi/object.ts';
import { ENOENT, EPERM, StatResult } from '../../abi/syscall.ts';
import { attempt } from '../../libtwz/attempt.ts';
import { errorText, lookupText, nameText } from '../../libtwz/errors.ts';
import { assignName, Found, lookup } from '../../libtwz/name.ts';
import {
  dataOf,
  deleteObject,
  metaOf,
  openObject,
  rightsTo,
  setSize,
  sizeOf,
  statObject,
} from '../../libtwz/object.ts';
import { createLasting } from '../../libtwz/owner.ts';
import { touch } from '../../libtwz/persist.ts';
import { Tx } from '../../libtwz/tx.ts';
import { CAPACITY, copyText, initBuffer, insertBytes, setCursor, setModified, textLength } from './buffer.ts';

/** Bytes that the store hands out at a time. */
const PAGE: u64 = 4096;

/** Loads the text; one without a name yet is empty. Returns what is wrong, or nothing. */
export function loadText(path: str): str {
  initBuffer();
  const found = stack<Found>();
  const result = lookup(path, found);
  if (result !== 0) {
    if (result !== -ENOENT) return lookupText(result);
    return found.name.length === 0 ? 'no such namespace' : '';
  }
  if (found.type !== NameType.text) return 'is not a text object';
  const stat = stack<StatResult>();
  const known = statObject(found.id, stat);
  if (known !== 0) return errorText(known);
  if ((stat.rights & READ) === 0) return 'you have not the right to read it';
  const base = openObject(found.id);
  if (sizeOf(base) >= CAPACITY) return 'is too large';
  insertBytes(dataOf(base), sizeOf(base));
  setCursor(0);
  return '';
}

/** What is being saved to. */
const target = zeroed<Found>();
/** The object of `target` was made for this, and has no name yet. */
let isNew = false;

/**
 * Saves the text under its name. Returns what is wrong, or nothing. Whatever it is (no space, no right, a lost page), the object holds its old text,
 * the editor goes on, and saving may be tried again.
 */
export function saveText(path: str): str {
  isNew = false;
  const result = lookup(path, target);
  if (result === 0 && target.type !== NameType.text) return 'the name is that of something else now';
  if (result !== 0 && target.name.length === 0) return 'its namespace is gone';
  if (result !== 0 && (rightsTo(target.parent) & WRITE) === 0) return nameText(-EPERM);
  if (result === 0 && (rightsTo(target.id) & WRITE) === 0) return 'you have not the right to write it';
  const saved = attempt(result === 0 ? write : writeNew, 0);
  if (saved === 0) {
    setModified(false);
    return '';
  }
  Tx.abandon();
  if (isNew) deleteObject(target.id);
  return errorText(saved);
}

/** Makes the object, writes the text to it, and gives it the name. */
function writeNew(unused: u64): i64 {
  const made = createLasting(target.id);
  if (made !== 0) return made;
  isNew = true;
  const written = write(unused);
  if (written !== 0) return written;
  const id: ObjectId = target.id;
  return assignName(target.parent, target.name, id, NameType.text, false);
}

/** Writes the text, in a transaction. All pages that this takes are had before: what is undone then finds room for it. */
function write(_: u64): i64 {
  static_assert(CAPACITY < OBJ_TOPDATA - OBJ_NULLPAGE, 'the text fits into an object');
  const base = openObject(target.id);
  const data = dataOf(base);
  // From here on the object says that it has a size; the transaction changes only which.
  setSize(base, sizeOf(base));
  const size = max<u64>(textLength(), sizeOf(base));
  for (let page: u64 = 0; page < size; page += PAGE) touch(data + page);
  const claimed = Tx.claim();
  if (claimed !== 0) return claimed;
  using tx = Tx.begin();
  tx.record(data, size);
  tx.record(ptrTo(metaOf(base).size).address, 8);
  copyText(data);
  store<u64>(ptrTo(metaOf(base).size).address, textLength());
  return 0;
}
