/** Torture workload: a red-black tree in one object; each operation is one transaction that inserts or removes a key. */
import '../libtwz/torture-only.ts';
import { createTree, isWhole, nextNode, Tree } from '../libtwz/rbtree.ts';
import {
  finish,
  makeSubject,
  mix,
  openSubject,
  runWorkload,
  setSubjectRoot,
  subjectRoot,
} from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';

/** Keys by operation: the third and the sixth remove what an earlier one inserted. */
const KEYS: FixedArray<u64, 6> = [5, 3, 5, 8, 1, 3];

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  setSubjectRoot(tx, base, addressOf(createTree(tx, base)));
}

function operation(index: u64): void {
  const tree = at<Tree>(subjectRoot());
  const key = KEYS[index - 1];
  using tx = Tx.begin();
  if (tree.find(key) !== null) tree.remove(tx, key);
  else tree.insert(tx, openSubject(), key, key * 10);
}

function check(): u64 {
  const tree = at<Tree>(subjectRoot());
  if (!isWhole(tree)) finish(20);
  let value: u64 = mix(0, tree.count);
  for (let node = tree.first(); node !== null; node = nextNode(node)) {
    value = mix(mix(value, node.key), node.value);
  }
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(6, setup, operation, check);
}
