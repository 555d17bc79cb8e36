/** Torture workload: a B-tree over three objects, one level of full inner nodes: insertion that splits all the way up, update, removal, merging. */
import '../libtwz/torture-only.ts';
import { BTree } from '../libtwz/btree.ts';
import { finish, runWorkload } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';
import { checkTree, setUpTree, tree } from './shared/tree.ts';

/** Leaves of 30 keys, 32 of them: the root is full. */
const FULL: u64 = 960;

function setup(): void {
  setUpTree(FULL);
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

/** @export */
function torture(): u64 {
  return runWorkload(14, setup, operation, checkTree);
}
