/** Torture workload: a B-tree over three objects and the one removal that merges leaves, inner nodes, and takes the root away. */
import '../libtwz/torture-only.ts';
import { persist } from '../libtwz/persist.ts';
import { finish, runWorkload } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';
import { State, state } from './shared/state.ts';
import { checkTree, setUpTree, tree } from './shared/tree.ts';

/** One key more than a tree of two levels has when it is filled in order. */
const FULL: u64 = 961;
/** Removal begins here. */
const FIRST: u64 = 400;

/** The first key whose removal, after all from `FIRST` to it, makes the tree lower. */
function keyThatLowers(): u64 {
  using tx = Tx.begin();
  let key = FIRST;
  for (; tree().height === 3; key += 2) tree().remove(key);
  tx.abort();
  return key - 2;
}

function thin(end: u64): void {
  using tx = Tx.begin();
  for (let key = FIRST; key < end; key += 2) tree().remove(key);
}

function setup(): void {
  setUpTree(FULL);
  const last = keyThatLowers();
  thin(last);
  state().number = last;
  persist(addressOf(state()), sizeof<State>());
}

function operation(index: u64): void {
  const keys = tree();
  if (keys.height !== 3) finish(30);
  if (index === 1) keys.remove(state().number);
  if (keys.height !== 2) finish(31);
}

/** @export */
function torture(): u64 {
  return runWorkload(1, setup, operation, checkTree);
}
