/** Torture workload: a hash map over three objects, changed at random, as often as `--operations` says; buckets split and merge. */
import '../libtwz/torture-only.ts';
import { createHashMap, HashCursor, HashMap } from '../libtwz/hash-map.ts';
import { Pool } from '../libtwz/pool.ts';
import { finish, mix, operationCount, runWorkload } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';
import { randomOf } from './shared/random.ts';
import { container, setUp } from './shared/state.ts';

const KEYS: u64 = 1000;

function map(): HashMap<u64> {
  return at<HashMap<u64>>(container());
}

function make(tx: Tx, pool: Pool): usize {
  return addressOf(createHashMap<u64>(tx, pool));
}

function setup(): void {
  setUp(make);
}

function operation(index: u64): void {
  const random = randomOf(index);
  const key = (random >> 8) % KEYS;
  if (random % 4 === 0) map().remove(key);
  else map().put(key, random);
}

function check(): u64 {
  if (!map().isWhole()) finish(20);
  let value = mix(0, map().count());
  const entry = stack<HashCursor<u64>>();
  for (entry.first(map()); entry.valid; entry.next()) value += mix(mix(0, entry.key), entry.value);
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(operationCount(12), setup, operation, check);
}
