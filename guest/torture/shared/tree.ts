/** What the workloads of a B-tree over three objects have in common. */
import { BTree, BTreeCursor, createBTree } from '../../libtwz/btree.ts';
import { Pool } from '../../libtwz/pool.ts';
import { finish, mix } from '../../libtwz/torture.ts';
import { Tx } from '../../libtwz/tx.ts';
import { container, setUp } from './state.ts';

export function tree(): BTree<u64> {
  return at<BTree<u64>>(container());
}

function make(tx: Tx, pool: Pool): usize {
  return addressOf(createBTree<u64>(tx, pool));
}

/** Makes the tree with the keys 2, 4, … of so many, in one transaction: what counts is where it begins. */
export function setUpTree(keys: u64): void {
  setUp(make);
  using tx = Tx.begin();
  for (let key: u64 = 1; key <= keys; key++) tree().put(key * 2, key);
}

/** All keys and values; a finding when the tree is not whole. */
export function checkTree(): u64 {
  const keys = tree();
  if (!keys.isWhole()) finish(20);
  const cursor = stack<BTreeCursor<u64>>();
  let value = mix(0, keys.count);
  for (cursor.seek(keys, 0); cursor.valid; cursor.next()) value = mix(mix(value, cursor.key), cursor.value);
  return value;
}
