/** Torture workload: a red-black tree whose nodes lie in three objects; each operation inserts or removes a key. */
import '../libtwz/torture-only.ts';
import { Pool } from '../libtwz/pool.ts';
import { createTree, isWhole, nextNode, Tree } from '../libtwz/rbtree.ts';
import { finish, mix, runWorkload } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';
import { container, setUp, state } from './shared/state.ts';

const KEYS: FixedArray<u64, 12> = [4, 7, 2, 9, 1, 4, 8, 3, 7, 5, 2, 9];

function tree(): Tree {
  return at<Tree>(container());
}

function make(tx: Tx, pool: Pool): usize {
  return addressOf(createTree(tx, pool.heap(0)));
}

function setup(): void {
  setUp(make);
}

function operation(index: u64): void {
  const key = KEYS[index - 1];
  using tx = Tx.begin();
  if (tree().find(key) !== null) tree().remove(tx, key);
  else tree().insert(tx, state().pool!.heap(key % 3), key, key * 10);
}

function check(): u64 {
  if (!isWhole(tree())) finish(20);
  let value = mix(0, tree().count);
  for (let node = tree().first(); node !== null; node = nextNode(node))
    value = mix(mix(value, node.key), node.value);
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(12, setup, operation, check);
}
