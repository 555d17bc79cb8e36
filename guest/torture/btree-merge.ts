/** Torture workload: a B-tree over three objects and the one removal that merges leaves, inner nodes, and takes the root away. */
import '../libtwz/torture-only.ts';
import { BTree, BTreeCursor, createBTree } from '../libtwz/btree.ts';
import { persist } from '../libtwz/persist.ts';
import { Pool } from '../libtwz/pool.ts';
import { finish, mix, runWorkload } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';
import { container, State, setUp, state } from './shared/state.ts';

/** One key more than a tree of two levels has when it is filled in order. */
const FULL: u64 = 961;
/** Removal begins here. */
const FIRST: u64 = 400;

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
  setUp(make);
  fill();
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
  return runWorkload(1, setup, operation, check);
}
