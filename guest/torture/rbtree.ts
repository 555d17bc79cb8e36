/** Torture workload: a red-black tree in one object; each operation is one transaction that inserts or removes a key. */
import '../libtwz/torture-only.ts';
import { NameType } from '../abi/name.ts';
import { ObjectId } from '../abi/object.ts';
import { Anchor, createHeap, heapOf, isHeap } from '../libtwz/alloc.ts';
import { assignName, rootNamespace, stepInto } from '../libtwz/name.ts';
import { openObject } from '../libtwz/object.ts';
import { createTree, isWhole, nextNode, Tree } from '../libtwz/rbtree.ts';
import { finish, mix, runWorkload } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';

const NAME = 'tree';
/** Keys by operation: the third and the sixth remove what an earlier one inserted. */
const KEYS: FixedArray<u64, 6> = [5, 3, 5, 8, 1, 3];

function base(): usize {
  const root = stack<ObjectId>();
  const id = stack<ObjectId>();
  if (!rootNamespace(root) || !stepInto(root, NAME, id)) finish(10);
  return openObject(id);
}

function treeOf(object: usize): Tree {
  if (!isHeap(object)) finish(11);
  const root = heapOf(object).root;
  if (root === null) finish(12);
  return at<Tree>(addressOf(root!));
}

function setup(): void {
  const root = stack<ObjectId>();
  const id = stack<ObjectId>();
  if (createHeap(id) !== 0 || !rootNamespace(root)) finish(13);
  makeTree(openObject(id));
  if (assignName(root, NAME, id, NameType.object, false) !== 0) finish(14);
}

function makeTree(object: usize): void {
  using tx = Tx.begin();
  const tree = createTree(tx, object);
  heapOf(object).root = at<Anchor>(addressOf(tree));
}

function operation(index: u64): void {
  const object = base();
  const tree = treeOf(object);
  const key = KEYS[index - 1];
  using tx = Tx.begin();
  if (tree.find(key) !== null) tree.remove(tx, key);
  else tree.insert(tx, object, key, key * 10);
}

function check(): u64 {
  const tree = treeOf(base());
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
