/** Torture workload: a B-tree over three objects, changed at random, as often as `--operations` says; nodes split and merge. */
import '../libtwz/torture-only.ts';
import { operationCount, runWorkload } from '../libtwz/torture.ts';
import { randomOf } from './shared/random.ts';
import { checkTree, setUpTree, tree } from './shared/tree.ts';

const KEYS: u64 = 1000;

function setup(): void {
  setUpTree(30);
}

function operation(index: u64): void {
  const random = randomOf(index);
  const key = (random >> 8) % KEYS;
  if (random % 4 === 0) tree().remove(key);
  else tree().put(key, random);
}

/** @export */
function torture(): u64 {
  return runWorkload(operationCount(12), setup, operation, checkTree);
}
