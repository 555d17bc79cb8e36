/**
 * Insertions and lookups of 32-bit keys in red-black trees: `ram`, `twz`, `unix`, and `tx`, libtwz's own with a transaction for each insertion; and
 * `file`, writing `ram` to a file and reading it again.
 */

import { ObjectId } from '../../abi/object.ts';
import { createHeap } from '../../libtwz/alloc.ts';
import { openObject } from '../../libtwz/object.ts';
import { createTree, Tree as LoggedTree } from '../../libtwz/rbtree.ts';
import { Tx } from '../../libtwz/tx.ts';
import { Arena, load, Stream, save } from './filerbt.ts';
import { cycles, keyAgain, keyAt, newData, report } from './measure.ts';
import * as ram from './ramrbt.ts';
import * as twz from './twzrbt.ts';
import * as unix from './unixrbt.ts';

/** Nodes lie one behind the other from here on. */
const FIRST_NODE: u64 = 64;

function check(found: u64, count: u64): void {
  if (found !== count) panic('a key is missing');
}

function measureRam(count: u64): void {
  const data = newData(FIRST_NODE + count * sizeof<ram.Node>(), false);
  const tree = at<ram.Tree>(data);
  const start = cycles();
  for (let i: u64 = 0; i < count; i++)
    tree.insert(at<ram.Node>(data + FIRST_NODE + i * sizeof<ram.Node>()), keyAt(i));
  const middle = cycles();
  let found: u64 = 0;
  for (let i: u64 = 0; i < count; i++) found += u64(tree.find(keyAgain(i, count)) !== null);
  report('insert', middle - start, count);
  report('lookup', cycles() - middle, count);
  check(found, count);
}

function measureTwz(count: u64): void {
  const data = newData(FIRST_NODE + count * sizeof<twz.Node>(), false);
  const tree = at<twz.Tree>(data);
  const start = cycles();
  for (let i: u64 = 0; i < count; i++)
    tree.insert(at<twz.Node>(data + FIRST_NODE + i * sizeof<twz.Node>()), keyAt(i));
  const middle = cycles();
  let found: u64 = 0;
  for (let i: u64 = 0; i < count; i++) found += u64(tree.find(keyAgain(i, count)) !== null);
  report('insert', middle - start, count);
  report('lookup', cycles() - middle, count);
  check(found, count);
}

function measureUnix(count: u64): void {
  const data = newData(FIRST_NODE + count * sizeof<unix.Node>(), false);
  const tree = at<unix.Tree>(data);
  const start = cycles();
  for (let i: u64 = 0; i < count; i++) tree.insert(data, FIRST_NODE + i * sizeof<unix.Node>(), keyAt(i));
  const middle = cycles();
  let found: u64 = 0;
  for (let i: u64 = 0; i < count; i++) found += u64(tree.find(data, keyAgain(i, count)) !== null);
  report('insert', middle - start, count);
  report('lookup', cycles() - middle, count);
  check(found, count);
}

function makeTree(base: usize): LoggedTree {
  using tx = Tx.begin();
  return createTree(tx, base);
}

function insertLogged(tree: LoggedTree, base: usize, key: u64): void {
  using tx = Tx.begin();
  tree.insert(tx, base, key, key);
}

function measureLogged(count: u64): void {
  const id = stack<ObjectId>();
  if (createHeap(id) !== 0) panic('no space for an object');
  const base = openObject(id);
  for (let offset: u64 = 0; offset < count * 64 + 8192; offset += 4096)
    store<u8>(base + 4096 + offset + 2048, 0);
  const tree = makeTree(base);
  const start = cycles();
  for (let i: u64 = 0; i < count; i++) insertLogged(tree, base, u64(keyAt(i)));
  const middle = cycles();
  let found: u64 = 0;
  for (let i: u64 = 0; i < count; i++) found += u64(tree.find(u64(keyAgain(i, count))) !== null);
  report('insert', middle - start, count);
  report('lookup', cycles() - middle, count);
  check(found, count);
}

function measureFile(count: u64): void {
  const data = newData(FIRST_NODE + count * sizeof<ram.Node>(), false);
  const tree = at<ram.Tree>(data);
  for (let i: u64 = 0; i < count; i++)
    tree.insert(at<ram.Node>(data + FIRST_NODE + i * sizeof<ram.Node>()), keyAt(i));
  const output = stack<Stream>();
  output.file.base = newData(count * 8 + 4096, true);
  const start = cycles();
  save(tree, output);
  const middle = cycles();
  report('save', middle - start, count);
  const again = newData(FIRST_NODE + count * sizeof<ram.Node>(), false);
  const input = stack<Stream>();
  const arena = stack<Arena>();
  input.file.base = output.file.base;
  arena.next = again + FIRST_NODE;
  const begun = cycles();
  load(at<ram.Tree>(again), input, arena);
  report('load', cycles() - begun, count);
  let found: u64 = 0;
  for (let i: u64 = 0; i < count; i++) found += u64(at<ram.Tree>(again).find(keyAt(i)) !== null);
  check(found, count);
}

/** False: there is no such kind. */
export function measureTree(kind: str, count: u64): bool {
  if (kind.equals('ram')) measureRam(count);
  else if (kind.equals('twz')) measureTwz(count);
  else if (kind.equals('unix')) measureUnix(count);
  else if (kind.equals('tx')) measureLogged(count);
  else if (kind.equals('file')) measureFile(count);
  else return false;
  return true;
}
