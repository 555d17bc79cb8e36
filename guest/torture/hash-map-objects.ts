/** Torture workload: a hash map over three objects; insertion with and without splitting, update, removal with and without merging, several at once. */
import '../libtwz/torture-only.ts';
import { createHashMap, HashCursor, HashMap } from '../libtwz/hash-map.ts';
import { persist } from '../libtwz/persist.ts';
import { Pool } from '../libtwz/pool.ts';
import { finish, mix, runWorkload } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';
import { container, State, setUp, state } from './shared/state.ts';

/** The last ones remove so much that the bucket which was split is one again. */
const OPERATIONS: u64 = 30;

function map(): HashMap<u64> {
  return at<HashMap<u64>>(container());
}

function make(tx: Tx, pool: Pool): usize {
  return addressOf(createHashMap<u64>(tx, pool));
}

/** How many of the keys 1, 2, … a map takes before it splits a bucket. */
function keysUntilSplit(): u64 {
  using tx = Tx.begin();
  const trial = createHashMap<u64>(tx, state().pool!);
  const before = trial.bucketCount;
  let key: u64 = 0;
  while (trial.bucketCount === before) trial.put(++key, key);
  tx.abort();
  return key - 1;
}

function setup(): void {
  setUp(make);
  const count = keysUntilSplit();
  state().number = count;
  persist(addressOf(state()), sizeof<State>());
  for (let key: u64 = 1; key < count; key++) map().put(key, key);
}

function together(entries: HashMap<u64>, key: u64): void {
  using tx = Tx.begin();
  entries.remove(1);
  entries.put(2, 222);
  entries.put(key, 1);
}

function operation(index: u64): void {
  const entries = map();
  const count = state().number;
  // The first has room, the second splits a bucket.
  if (index <= 2) entries.put(count + index - 1, index);
  else if (index === 3) entries.put(3, 333);
  else if (index === 4) together(entries, count + 2);
  else entries.remove(index - 2);
  const buckets = entries.bucketCount;
  if (
    (index === 1 && buckets !== 4) ||
    (index === 2 && buckets !== 5) ||
    (index === OPERATIONS && buckets !== 4)
  )
    finish(30);
}

/** Of all entries in whatever order they are met. */
function check(): u64 {
  const entries = map();
  if (!entries.isWhole()) finish(20);
  const cursor = stack<HashCursor<u64>>();
  let value: u64 = 0;
  for (cursor.first(entries); cursor.valid; cursor.next()) value += mix(mix(0, cursor.key), cursor.value);
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(OPERATIONS, setup, operation, check);
}
