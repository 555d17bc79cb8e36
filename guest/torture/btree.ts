/** Torture workload: a B+ tree whose leaf is about to split; removals make neighbours lend, and merge. */
import '../libtwz/torture-only.ts';
import { BTree, BTreeCursor, createBTree } from '../libtwz/btree.ts';
import { createPool } from '../libtwz/pool.ts';
import { finish, makeSubject, mix, runWorkload, setSubjectRoot, subjectRoot } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';

/** Keys at the beginning: a leaf holds 30. */
const FIRST: u64 = 29;

function tree(): BTree<u64> {
  return at<BTree<u64>>(subjectRoot());
}

function setup(): void {
  const base = makeSubject();
  makeTree(base);
  for (let key: u64 = 1; key <= FIRST; key++) tree().put(key * 2, key);
}

function makeTree(base: usize): void {
  using tx = Tx.begin();
  setSubjectRoot(tx, base, addressOf(createBTree<u64>(tx, createPool(tx, base))));
}

function operation(index: u64): void {
  if (index === 1) tree().put(21, 1);
  else if (index === 2) tree().put(4, 2);
  else if (index === 3) tree().put(33, 3);
  else tree().remove((index - 3) * 2);
}

function check(): u64 {
  const keys = tree();
  if (!keys.isWhole()) finish(20);
  let value: u64 = mix(0, keys.count);
  const cursor = stack<BTreeCursor<u64>>();
  for (cursor.seek(keys, 0); cursor.valid; cursor.next()) value = mix(mix(value, cursor.key), cursor.value);
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(12, setup, operation, check);
}
