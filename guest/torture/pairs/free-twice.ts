/** A table of records is emptied: each is given back to the heap in a transaction, and its entry is cleared behind that. After a failure in between it is given back again. */
// class: recovery
import 'licorice/libtwz/torture-only.ts';
import { Anchor, allocateIn, freeIn, heapOf } from 'licorice/libtwz/alloc.ts';
import { persist } from 'licorice/libtwz/persist.ts';
import {
  finish,
  makeSubject,
  mix,
  openSubject,
  runWorkload,
  setSubjectRoot,
  subjectRoot,
} from 'licorice/libtwz/torture.ts';
import { Tx } from 'licorice/libtwz/tx.ts';

const BUGGY: bool = true;
const SIZE: u64 = 48;

@persistent
class Table {
  readonly entries: FixedArray<Anchor | null, 4>;
  empty: u64;
}

function table(): Table {
  return at<Table>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  const made = at<Table>(allocateIn(tx, base, sizeof<Table>()));
  made.empty = heapOf(base).used;
  for (let i: u64 = 0; i < 4; i++) made.entries[i] = at<Anchor>(allocateIn(tx, base, SIZE));
  setSubjectRoot(tx, base, addressOf(made));
}

function release(index: u64): void {
  {
    using tx = Tx.begin();
    freeIn(tx, addressOf(table().entries[index]), SIZE);
    if (!BUGGY) table().entries[index] = null;
  }
  if (BUGGY) {
    table().entries[index] = null; // guilty
    persist(ptrTo(table().entries[index]).address, sizeof<u64>());
  }
}

function operation(index: u64): void {
  release(index);
}

function check(): u64 {
  let state: u64 = 0;
  let taken: u64 = 0;
  for (let i: u64 = 0; i < 4; i++) {
    state = mix(state, u64(table().entries[i] !== null));
    if (table().entries[i] !== null) taken++;
  }
  if (heapOf(openSubject()).used !== table().empty + taken * 64) finish(2);
  return state;
}

/** @export */
function torture(): u64 {
  return runWorkload(3, setup, operation, check);
}
