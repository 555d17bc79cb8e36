/**
 * Reading the text of a named object, and writing it back. The object stays the same one, for all that point to it; the change is one transaction, so that
 * after a power failure it holds the old text or the new one.
 */
import { NameType } from '../../abi/name.ts';
import { OBJ_NULLPAGE, OBJ_TOPDATA, ObjectId, READ, WRITE } from '../../abi/object.ts';
import {
  CONFIG_STORE_FREE,
  CONFIG_STORE_TOTAL,
  ENOENT,
  ENOSPC,
  StatResult,
  SYS_CONFIG,
} from '../../abi/syscall.ts';
import { errorText, lookupText, nameText } from '../../libtwz/errors.ts';
import { assignName, Found, lookup } from '../../libtwz/name.ts';
import {
  dataOf,
  deleteObject,
  metaOf,
  openObject,
  setSize,
  sizeOf,
  statObject,
} from '../../libtwz/object.ts';
import { createLasting } from '../../libtwz/owner.ts';
import { syscall } from '../../libtwz/syscall.ts';
import { Tx } from '../../libtwz/tx.ts';
import { CAPACITY, copyText, initBuffer, insertBytes, setCursor, setModified, textLength } from './buffer.ts';

/** Pages for tables, metadata and the log's own. */
const SPARE_PAGES = 32;

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

/** Saves the text under its name. Returns what is wrong, or nothing. */
export function saveText(path: str): str {
  const found = stack<Found>();
  const result = lookup(path, found);
  if (result === 0 && found.type !== NameType.text) return 'the name is that of something else now';
  if (result !== 0 && found.name.length === 0) return 'its namespace is gone';
  if (!hasRoom()) return errorText(-ENOSPC);
  const isNew = result !== 0;
  if (isNew) {
    const made = createLasting(found.id);
    if (made !== 0) return errorText(made);
  }
  const stat = stack<StatResult>();
  if (statObject(found.id, stat) !== 0 || (stat.rights & WRITE) === 0)
    return 'you have not the right to write it';
  write(openObject(found.id));
  const named = isNew ? giveName(found) : 0;
  if (named !== 0) return nameText(named);
  setModified(false);
  return '';
}

/** Is there room for the text and for what the transaction keeps of the old one? Finding out later would cost the person the text. */
function hasRoom(): bool {
  const free = syscall(SYS_CONFIG, CONFIG_STORE_FREE, 0, 0, 0, 0);
  const total = syscall(SYS_CONFIG, CONFIG_STORE_TOTAL, 0, 0, 0, 0);
  return total <= 0 || u64(free) > (textLength() >> 10) + SPARE_PAGES;
}

function giveName(found: Found): i64 {
  const id: ObjectId = found.id;
  const result = assignName(found.parent, found.name, id, NameType.text, false);
  if (result !== 0) deleteObject(id);
  return result;
}

function write(base: usize): void {
  static_assert(CAPACITY < OBJ_TOPDATA - OBJ_NULLPAGE, 'the text fits into an object');
  // From here on the object says that it has a size; the transaction changes only which.
  setSize(base, sizeOf(base));
  using tx = Tx.begin();
  tx.record(dataOf(base), max<u64>(textLength(), sizeOf(base)));
  tx.record(ptrTo(metaOf(base).size).address, 8);
  copyText(dataOf(base));
  store<u64>(ptrTo(metaOf(base).size).address, textLength());
}
