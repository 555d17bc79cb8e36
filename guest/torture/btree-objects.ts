/** Torture workload: a B-tree over three objects, one level of full inner nodes: insertion that splits all the way up, update, removal, merging. */
import '../libtwz/torture-only.ts';
import { BTree, BTreeCursor, createBTree } from '../libtwz/btree.ts';
import { Pool } from '../libtwz/pool.ts';
import { finish, mix, runWorkload } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';
import { container, setUp } from './shared/state.ts';

/** Leaves of 30 keys, 32 of them: the root is full. */
const FULL: u64 = 960;

function tree(): BTree<u64> {
  return at<BTree<u64>>(container());
}

function make(tx: Tx, pool: Pool): usize {
  return addressOf(createBTree<u64>(tx, pool));
}

/** Fills the tree in one transaction: what counts is where it begins. */
function fill(): void {
  using tx = Tx.begin();
  for (let key: u64 = 1; key <= FULL; key++) tree().put(key * 2, key);
}

function setup(): void {
  setUp(make);
  fill();
}

function together(keys: BTree<u64>): void {
  using tx = Tx.begin();
  keys.remove(2);
  keys.put(3, 3);
  keys.put(4, 444);
}

function operation(index: u64): void {
  const keys = tree();
  if (index === 1 && keys.height !== 2) finish(30);
  if (index === 1) keys.put(1, 1);
  else if (index === 2) keys.put(1001, 1001);
  else if (index === 3) keys.put(100, 7);
  else if (index === 4) together(keys);
  else {
    // The first leaf was split; taking its keys leads to borrowing and merging.
    keys.remove((index - 3) * 2);
  }
  if (keys.height !== 3) finish(31);
}

function check(): u64 {
  const keys = tree();
  if (!keys.isWhole()) finish(20);
  const cursor = stack<BTreeCursor<u64>>();
  let value = mix(0, keys.count);
  for (cursor.seek(keys, 0); cursor.valid; cursor.next()) value = mix(mix(value, cursor.key), cursor.value);
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(14, setup, operation, check);
}
