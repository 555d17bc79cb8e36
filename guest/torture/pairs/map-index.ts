/** Values in a hash map, and a count of them beside it. Each is atomic by itself; nothing makes them so together. */
// class: order
import 'licorice/libtwz/torture-only.ts';
import { allocateIn } from 'licorice/libtwz/alloc.ts';
import { createHashMap, HashMap } from 'licorice/libtwz/hash-map.ts';
import { storePersistent } from 'licorice/libtwz/persist.ts';
import { createPool } from 'licorice/libtwz/pool.ts';
import {
  finish,
  makeSubject,
  mix,
  runWorkload,
  setSubjectRoot,
  subjectRoot,
} from 'licorice/libtwz/torture.ts';
import { Tx } from 'licorice/libtwz/tx.ts';

const BUGGY: bool = true;

@persistent
class Store {
  map: HashMap<u64> | null;
  sum: u64;
}

function store(): Store {
  return at<Store>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  const made = at<Store>(allocateIn(tx, base, sizeof<Store>()));
  made.map = createHashMap<u64>(tx, createPool(tx, base));
  setSubjectRoot(tx, base, addressOf(made));
}

function operation(index: u64): void {
  const own = store();
  if (BUGGY) {
    own.map!.put(index, index * 5); // too early
    storePersistent(ptrTo(own.sum).address, own.sum + index * 5); // guilty
  } else {
    using tx = Tx.begin();
    own.map!.put(index, index * 5);
    own.sum += index * 5;
  }
}

function check(): u64 {
  const own = store();
  let sum: u64 = 0;
  for (let i: u64 = 1; i <= 3; i++) sum += own.map!.get(i, 0);
  if (sum !== own.sum) finish(2);
  return mix(0, sum);
}

/** @export */
function torture(): u64 {
  return runWorkload(3, setup, operation, check);
}
