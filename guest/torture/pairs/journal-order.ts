/** The journal of `licorice new` by somebody in a hurry: it counts an entry, persistently, and then writes it. */
// class: order
import 'licorice/libtwz/torture-only.ts';
import { NameType } from 'licorice/abi/name.ts';
import { ObjectId, READ, WRITE } from 'licorice/abi/object.ts';
import { CREATE_PERSIST } from 'licorice/abi/syscall.ts';
import { assignName, Found, lookup } from 'licorice/libtwz/name.ts';
import { createObject, dataOf, openObject } from 'licorice/libtwz/object.ts';
import { persist, storePersistent } from 'licorice/libtwz/persist.ts';
import { finish, mix, runWorkload } from 'licorice/libtwz/torture.ts';

const BUGGY: bool = true;

@persistent
class Journal {
  count: u64;
  readonly entries: FixedArray<u64, 100>;

  append(value: u64): void {
    const entry = ptrTo(this.entries[this.count]);
    if (BUGGY) {
      this.count += 1; // too early
      persist(ptrTo(this.count).address, sizeof<u64>());
      entry[0] = value; // guilty
      persist(entry.address, sizeof<u64>());
    } else {
      entry[0] = value;
      persist(entry.address, sizeof<u64>());
      storePersistent(ptrTo(this.count).address, this.count + 1);
    }
  }
}

function journal(): Journal {
  const found = stack<Found>();
  if (lookup('journal', found) !== 0) finish(1);
  return at<Journal>(dataOf(openObject(found.id)));
}

function setup(): void {
  const found = stack<Found>();
  const id = stack<ObjectId>();
  lookup('journal', found);
  if (createObject(id, READ | WRITE | CREATE_PERSIST) !== 0) finish(1);
  if (assignName(found.parent, 'journal', id, NameType.object, false) !== 0) finish(1);
  for (let i: u64 = 0; i < 8; i++) journal().append(i + 1);
}

function operation(index: u64): void {
  journal().append(8 + index);
}

function check(): u64 {
  const found = journal();
  let state: u64 = 0;
  for (let i: u64 = 0; i < found.count; i++) {
    if (found.entries[i] !== i + 1) finish(2);
    state = mix(state, found.entries[i]);
  }
  return state;
}

/** @export */
function torture(): u64 {
  return runWorkload(3, setup, operation, check);
}
