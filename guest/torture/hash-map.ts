/** Torture workload: a hash map: new keys, new values, removals, and a bucket that splits. */
import '../libtwz/torture-only.ts';
import { createHashMap, HashCursor, HashMap } from '../libtwz/hash-map.ts';
import { createPool } from '../libtwz/pool.ts';
import { finish, makeSubject, mix, runWorkload, setSubjectRoot, subjectRoot } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';

/** Keys at the beginning: the buckets are about to be full. */
const FIRST: u64 = 34;

function map(): HashMap<u64> {
  return at<HashMap<u64>>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  makeMap(base);
  for (let key: u64 = 1; key <= FIRST; key++) map().put(key, key);
}

function makeMap(base: usize): void {
  using tx = Tx.begin();
  setSubjectRoot(tx, base, addressOf(createHashMap<u64>(tx, createPool(tx, base))));
}

function operation(index: u64): void {
  if (index === 1) map().remove(3);
  else if (index === 2) map().put(5, 55);
  else map().put(1000 + index, index);
}

function check(): u64 {
  const entries = map();
  if (!entries.isWhole()) finish(20);
  // In the order of the map, which is part of its state, but says nothing: a sum of hashes does not depend on it.
  let value: u64 = 0;
  const cursor = stack<HashCursor<u64>>();
  for (cursor.first(entries); cursor.valid; cursor.next()) value += mix(mix(0, cursor.key), cursor.value);
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(14, setup, operation, check);
}
