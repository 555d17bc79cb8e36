/**
 * Torture workload: a vector, a hash map, a B-tree and a text over three objects, changed at random: each operation is one transaction of
 * several changes, every fifth one aborted. The structures grow past splits and new segments, and shrink again.
 */
import '../libtwz/torture-only.ts';
import { BTree, BTreeCursor, createBTree } from '../libtwz/btree.ts';
import { createHashMap, HashCursor, HashMap } from '../libtwz/hash-map.ts';
import { Pool } from '../libtwz/pool.ts';
import { createText, Text } from '../libtwz/text.ts';
import { finish, mix, operationCount, runWorkload } from '../libtwz/torture.ts';
import { Tx } from '../libtwz/tx.ts';
import { createVector, Vector } from '../libtwz/vector.ts';
import { container, setUp } from './shared/state.ts';

const OPERATIONS: u64 = 48;
/** Changes in one transaction. */
const CHANGES: u64 = 3;
const KEYS: u64 = 64;

@persistent
class All {
  vector: Vector<u64> | null;
  map: HashMap<u64> | null;
  tree: BTree<u64> | null;
  text: Text | null;
}

function all(): All {
  return at<All>(container());
}

function make(tx: Tx, pool: Pool): usize {
  const made = at<All>(pool.allocate(tx, sizeof<All>()));
  made.vector = createVector<u64>(tx, pool);
  made.map = createHashMap<u64>(tx, pool);
  made.tree = createBTree<u64>(tx, pool);
  made.text = createText(tx, pool);
  return addressOf(made);
}

function setup(): void {
  setUp(make);
  using tx = Tx.begin();
  for (let key: u64 = 0; key < KEYS / 2; key++) {
    all().map!.put(key * 2, key);
    all().tree!.put(key * 2, key);
  }
}

function changeVector(vector: Vector<u64>, random: u64): void {
  const length = vector.length;
  if (length < 4 || random % 3 !== 0) vector.push(random);
  else if (random % 2 === 0) vector.insert(random % length, random);
  else vector.remove(random % length);
}

function changeText(text: Text, random: u64): void {
  if (text.length < 100 && random % 4 !== 0) text.insert(random % (text.length + 1), 'some words to insert');
  else text.erase(random % (text.length + 1), min<u64>(17, text.length - (random % (text.length + 1))));
}

function change(random: u64): void {
  const key = (random >> 8) % KEYS;
  const rest = random >> 16;
  if (random % 4 === 0) changeVector(all().vector!, rest);
  else if (random % 4 === 1) changeText(all().text!, rest);
  else if (random % 4 === 2) {
    if (rest % 3 === 0) all().map!.remove(key);
    else all().map!.put(key, rest);
  } else if (rest % 3 === 0) all().tree!.remove(key);
  else all().tree!.put(key, rest);
}

function operation(index: u64): void {
  using tx = Tx.begin();
  let random = mix(index, 1);
  for (let i: u64 = 0; i < CHANGES; i++) {
    random = mix(random ^ (random >> 29), i);
    change(random >> 7);
  }
  if (index % 5 === 0) tx.abort();
}

function check(): u64 {
  const now = all();
  if (!now.map!.isWhole()) finish(20);
  if (!now.tree!.isWhole()) finish(21);
  let value = mix(0, now.vector!.length);
  for (let i: u64 = 0; i < now.vector!.length; i++) value = mix(value, now.vector!.get(i));
  for (let i: u64 = 0; i < now.text!.length; i++) value = mix(value, u64(now.text!.byteAt(i)));
  const entry = stack<HashCursor<u64>>();
  for (entry.first(now.map!); entry.valid; entry.next()) value += mix(mix(0, entry.key), entry.value);
  const cursor = stack<BTreeCursor<u64>>();
  for (cursor.seek(now.tree!, 0); cursor.valid; cursor.next())
    value = mix(mix(value, cursor.key), cursor.value);
  return value;
}

/** @export */
function torture(): u64 {
  return runWorkload(operationCount(OPERATIONS), setup, operation, check);
}
