/** Torture workload: a red-black tree in one object, changed at random, as often as `--operations` says. */
import '../libtwz/torture-only.ts';
import { createTree, isWhole, nextNode, Tree } from '../libtwz/rbtree.ts';
import {
  finish,
  makeSubject,
  mix,
  openSubject,
  operationCount,
  runWorkload,
  setSubjectRoot,
  subjectRoot,
} from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';
import { randomOf } from './shared/random.ts';

const KEYS: u64 = 300;

function setup(): void {
  const base = makeSubject();
  using tx = Tx.begin();
  setSubjectRoot(tx, base, addressOf(createTree(tx, base)));
}

function operation(index: u64): void {
  const tree = at<Tree>(subjectRoot());
  const random = randomOf(index);
  const key = (random >> 8) % KEYS;
  using tx = Tx.begin();
  if (tree.find(key) !== null) tree.remove(tx, key);
  else tree.insert(tx, openSubject(), key, random);
}

function check(): u64 {
  const tree = at<Tree>(subjectRoot());
  if (!isWhole(tree)) finish(20);
  let value: u64 = mix(0, tree.count);
  for (let node = tree.first(); node !== null; node = nextNode(node))
    value = mix(mix(value, node.key), node.value);
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(operationCount(12), setup, operation, check);
}
