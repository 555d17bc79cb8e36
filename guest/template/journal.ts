/**
 * A journal of numbers in a persistent object. Invariant: the first `count` entries are whole, at every instant, so also after a
 * power failure; an entry is made persistent before it counts.
 */
import { NameType } from 'licorice/abi/name.ts';
import { ObjectId, READ, WRITE } from 'licorice/abi/object.ts';
import { CREATE_PERSIST } from 'licorice/abi/syscall.ts';
import { assignName, Found, lookup } from 'licorice/libtwz/name.ts';
import { createObject, dataOf, openObject } from 'licorice/libtwz/object.ts';
import { persist, storePersistent } from 'licorice/libtwz/persist.ts';

const ENTRIES = 1000;

@persistent
export class Journal {
  count: u64;
  readonly entries: FixedArray<u64, 1000>;

  /** False: it is full. */
  append(value: u64): bool {
    if (this.count === ENTRIES) return false;
    const entry = ptrTo(this.entries[this.count]);
    entry[0] = value;
    persist(entry.address, sizeof<u64>());
    storePersistent(ptrTo(this.count).address, this.count + 1);
    return true;
  }
}

/** Opens the journal of this name, and makes one where there is none. Null: it cannot be had. */
export function openJournal(path: str): Journal | null {
  const found = stack<Found>();
  const result = lookup(path, found);
  if (result === 0) return at<Journal>(dataOf(openObject(found.id)));
  if (found.name.length === 0) return null;
  // A new object is all zeros, which is an empty journal. It has no name before it is one.
  const id = stack<ObjectId>();
  if (createObject(id, READ | WRITE | CREATE_PERSIST) !== 0) return null;
  if (assignName(found.parent, found.name, id, NameType.object, false) !== 0) return null;
  return at<Journal>(dataOf(openObject(id)));
}
