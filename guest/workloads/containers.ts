/**
 * Random operations on one container, for tests: run in place of the shell with the text `KIND MODE SEED COUNT`. The container lies in a
 * pool of three objects and is named `/c`; if it is there already, the work goes on behind the last operation that the object says is done.
 * Operation i depends on SEED and i alone (guest/testing/containers.ts computes the same), so the host knows what the
 * container must hold after any number of them.
 *
 *   KIND  vector, map, items, btree, rbtree, text
 *   MODE  plain: each operation by itself, then the count of them; group: up to four in one transaction with their count, some aborted
 *
 * It prints a line with the result of each operation, or, when COUNT is 0, everything that the container holds.
 */
import '../libtwz/start.ts';
import { NameType } from '../abi/name.ts';
import { ObjectId } from '../abi/object.ts';
import { Anchor, allocateIn, createHeap, heapOf } from '../libtwz/alloc.ts';
import { BTree, BTreeCursor, createBTree } from '../libtwz/btree.ts';
import { createHashMap, HashCursor, HashMap } from '../libtwz/hash-map.ts';
import { flush, print, printLine, printNumber } from '../libtwz/io.ts';
import { assignName, Found, lookup } from '../libtwz/name.ts';
import { openObject } from '../libtwz/object.ts';
import { storePersistent } from '../libtwz/persist.ts';
import { createPool, Pool } from '../libtwz/pool.ts';
import { argument } from '../libtwz/program.ts';
import { createTree, isWhole, nextNode, Tree } from '../libtwz/rbtree.ts';
import { createText, Text } from '../libtwz/text.ts';
import { Tx } from '../libtwz/tx.ts';
import { createVector, Vector } from '../libtwz/vector.ts';

/** A value that lies somewhere in the pool. */
@persistent
class Item {
  value: u64;
}

/** What the first object's root points to. */
@persistent
class State {
  /** Operations done. */
  progress: u64;
  pool: Pool | null;
  vector: Vector<u64> | null;
  map: HashMap<u64> | null;
  items: HashMap<Item> | null;
  btree: BTree<u64> | null;
  rbtree: Tree | null;
  text: Text | null;
}

enum Kind {
  vector,
  map,
  items,
  btree,
  rbtree,
  text,
}

/** MurmurHash3's finaliser. */
function mix(value: u32): u32 {
  let h = value;
  h = (h ^ (h >> 16)) * 0x85eb_ca6b;
  h = (h ^ (h >> 13)) * 0xc2b2_ae35;
  return h ^ (h >> 16);
}

/** Random number `which` of operation `index`. */
function draw(seed: u32, index: u64, which: u32): u64 {
  return u64(mix(mix(seed + u32(index)) + which * 0x9e37_79b9));
}

function createState(base: usize, kind: Kind): State {
  using tx = Tx.begin();
  const state = at<State>(allocateIn(tx, base, sizeof<State>()));
  const pool = createPool(tx, base);
  state.pool = pool;
  pool.addObject();
  pool.addObject();
  pool.spanAfter(tx, 0x10_0000, true);
  if (kind === Kind.vector) state.vector = createVector<u64>(tx, pool);
  if (kind === Kind.map) state.map = createHashMap<u64>(tx, pool);
  if (kind === Kind.items) state.items = createHashMap<Item>(tx, pool);
  if (kind === Kind.btree) state.btree = createBTree<u64>(tx, pool);
  if (kind === Kind.rbtree) state.rbtree = createTree(tx, base);
  if (kind === Kind.text) state.text = createText(tx, pool);
  heapOf(base).root = at<Anchor>(addressOf(state));
  return state;
}

function openState(kind: Kind): State {
  const found = stack<Found>();
  if (lookup('/c', found) === 0) return at<State>(addressOf(heapOf(openObject(found.id)).root));
  const id = stack<ObjectId>();
  if (createHeap(id) !== 0) panic('no space');
  const state = createState(openObject(id), kind);
  assignName(found.parent, 'c', id, NameType.object, false);
  return state;
}

function onVector(vector: Vector<u64>, action: u64, place: u64, value: u64): u64 {
  const length = vector.length;
  if (length === 0 || action < 5) {
    vector.push(value);
    return length;
  }
  const index = place % length;
  if (action < 8) return vector.pop();
  if (action < 10) vector.set(index, value);
  else if (action < 12) vector.insert(place % (length + 1), value);
  else if (action < 14) vector.remove(index);
  else if (action < 15 && place % 8 === 0) vector.truncate(index);
  else return vector.get(index);
  return vector.length;
}

function putItem(state: State, key: u64, value: u64): u64 {
  using tx = Tx.begin();
  const item = at<Item>(state.pool!.allocate(tx, sizeof<Item>()));
  item.value = value;
  const old = state.items!.get(key, item);
  const isNew = state.items!.put(key, item);
  if (!isNew) state.pool!.free(tx, addressOf(old), sizeof<Item>());
  return u64(isNew);
}

function removeItem(state: State, key: u64): u64 {
  using tx = Tx.begin();
  const none = at<Item>(addressOf(state));
  const old = state.items!.get(key, none);
  const removed = state.items!.remove(key);
  if (removed) state.pool!.free(tx, addressOf(old), sizeof<Item>());
  return u64(removed);
}

function insertNode(state: State, key: u64, value: u64): u64 {
  using tx = Tx.begin();
  return u64(state.rbtree!.insert(tx, state.pool!.heap(key % 3), key, value));
}

function removeNode(state: State, key: u64): u64 {
  using tx = Tx.begin();
  return u64(state.rbtree!.remove(tx, key));
}

/** A lookup that finds nothing. */
const NOTHING = 0xffff_ffff;

function getKey(state: State, kind: Kind, key: u64): u64 {
  if (kind === Kind.map) return state.map!.get(key, NOTHING);
  if (kind === Kind.btree) return state.btree!.get(key, NOTHING);
  if (kind === Kind.items) return state.items!.has(key) ? state.items!.get(key, at<Item>(0)).value : NOTHING;
  const node = state.rbtree!.find(key);
  return node === null ? NOTHING : node.value;
}

function onKeys(state: State, kind: Kind, action: u64, key: u64, value: u64): u64 {
  if (action >= 14) return getKey(state, kind, key);
  if (action < 9) {
    if (kind === Kind.map) return u64(state.map!.put(key, value));
    if (kind === Kind.btree) return u64(state.btree!.put(key, value));
    return kind === Kind.items ? putItem(state, key, value) : insertNode(state, key, value);
  }
  if (kind === Kind.map) return u64(state.map!.remove(key));
  if (kind === Kind.btree) return u64(state.btree!.remove(key));
  return kind === Kind.items ? removeItem(state, key) : removeNode(state, key);
}

const LETTERS = 'the quick brown fox jumps over the lazy dog and back again, twice.';

function onText(text: Text, action: u64, place: u64, size: u64): u64 {
  const length = text.length;
  const piece = LETTERS.subslice(place % 16, (place % 16) + (size % 48));
  if (action < 6) text.append(piece);
  else if (action < 9) text.insert(place % (length + 1), piece);
  else if (action < 12) {
    const index = place % (length + 1);
    text.erase(index, min<u64>(size % 64, length - index));
  } else if (action < 13) text.assign(piece);
  else if (action < 14) return u64(text.indexOf(piece, 0));
  else return u64(text.compare(piece) + 1 > 0 ? 1 : 0) + (text.equals(piece) ? 2 : 0);
  return text.length;
}

function operate(state: State, kind: Kind, seed: u32, index: u64): u64 {
  // Times of growing and of shrinking take turns.
  const shrinking = (index / 300) % 2 === 1;
  const action = draw(seed, index, 1) % 16;
  const place = draw(seed, index, 2);
  const value = draw(seed, index, 3);
  if (kind === Kind.vector)
    return onVector(state.vector!, shrinking && action < 3 ? 6 : action, place, value);
  if (kind === Kind.text) return onText(state.text!, shrinking && action < 3 ? 10 : action, place, value);
  return onKeys(state, kind, shrinking && action < 6 ? 10 : action, place % 400, value);
}

function report(index: u64, result: u64): void {
  printNumber(index);
  print(' ');
  printNumber(result);
  printLine('');
}

function runPlain(state: State, kind: Kind, seed: u32, count: u64): void {
  for (let index = state.progress; index < count; index++) {
    const result = operate(state, kind, seed, index);
    storePersistent(ptrTo(state.progress).address, index + 1);
    report(index, result);
  }
}

/** Does operations [from, to) in a transaction within the open one, and undoes them. */
function attempt(state: State, kind: Kind, seed: u32, from: u64, to: u64): void {
  using tx = Tx.begin();
  for (let index = from; index < to; index++) operate(state, kind, seed, index);
  tx.abort();
}

function runGroup(state: State, kind: Kind, seed: u32, from: u64, to: u64): void {
  using tx = Tx.begin();
  const number = draw(seed, from, 5);
  if (number % 3 === 0) attempt(state, kind, seed, from, to);
  for (let index = from; index < to; index++) report(index, operate(state, kind, seed, index));
  state.progress = to;
}

function showVector(vector: Vector<u64>): void {
  for (let i: u64 = 0; i < vector.length; i++) report(i, vector.get(i));
}

function showMap(map: HashMap<u64>): void {
  if (!map.isWhole()) printLine('BROKEN');
  const cursor = stack<HashCursor<u64>>();
  for (cursor.first(map); cursor.valid; cursor.next()) report(cursor.key, cursor.value);
}

function showItems(map: HashMap<Item>): void {
  if (!map.isWhole()) printLine('BROKEN');
  const cursor = stack<HashCursor<Item>>();
  for (cursor.first(map); cursor.valid; cursor.next()) report(cursor.key, cursor.value.value);
}

function showBTree(tree: BTree<u64>): void {
  if (!tree.isWhole()) printLine('BROKEN');
  const cursor = stack<BTreeCursor<u64>>();
  for (cursor.seek(tree, 0); cursor.valid; cursor.next()) report(cursor.key, cursor.value);
}

function showTree(tree: Tree): void {
  if (!isWhole(tree)) printLine('BROKEN');
  for (let node = tree.first(); node !== null; node = nextNode(node)) report(node.key, node.value);
}

function showText(text: Text): void {
  for (let done: u64 = 0; done < text.length; ) {
    const run = text.run(done);
    print(run);
    done += run.length;
  }
  printLine('');
}

function show(state: State, kind: Kind): void {
  print('progress ');
  printNumber(state.progress);
  printLine('');
  if (kind === Kind.vector) showVector(state.vector!);
  if (kind === Kind.map) showMap(state.map!);
  if (kind === Kind.items) showItems(state.items!);
  if (kind === Kind.btree) showBTree(state.btree!);
  if (kind === Kind.rbtree) showTree(state.rbtree!);
  if (kind === Kind.text) showText(state.text!);
  printLine('end');
}

/** The next word of the commands, from byte `start` on. */
function word(text: str, which: u64): str {
  let start: u64 = 0;
  for (let skipped: u64 = 0; skipped < which; start++) if (text[start] === u8(' ')) skipped++;
  let end = start;
  while (end < text.length && text[end] !== u8(' ')) end++;
  return text.subslice(start, end);
}

function numberOf(text: str): u64 {
  let value: u64 = 0;
  for (const byte of text.bytes) value = value * 10 + u64(byte - u8('0'));
  return value;
}

function kindOf(name: str): Kind {
  if (name.equals('vector')) return Kind.vector;
  if (name.equals('map')) return Kind.map;
  if (name.equals('items')) return Kind.items;
  if (name.equals('btree')) return Kind.btree;
  if (name.equals('rbtree')) return Kind.rbtree;
  return Kind.text;
}

/** @export */
function main(): u64 {
  const commands = argument(2);
  const kind = kindOf(word(commands, 0));
  const seed = u32(numberOf(word(commands, 2)));
  const count = numberOf(word(commands, 3));
  const state = openState(kind);
  if (count === 0) show(state, kind);
  else if (word(commands, 1).equals('plain')) runPlain(state, kind, seed, count);
  else {
    while (state.progress < count) {
      const from = state.progress;
      runGroup(state, kind, seed, from, min<u64>(count, from + 1 + (draw(seed, from, 4) % 4)));
    }
  }
  flush();
  return 0;
}
