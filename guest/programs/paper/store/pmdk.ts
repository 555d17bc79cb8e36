/**
 * `pmdk`: the tree of twz.ts as it is written for libpmemobj (pmem.ts). Links are pointers of 16 bytes that each use translates; every range is
 * handed to the transaction before it changes. Nodes are larger for it: 72 bytes before the key instead of 40.
 */

import { copyFresh } from './page.ts';
import {
  addRange,
  allocate,
  beginTx,
  commitTx,
  direct,
  formatPool,
  Oid,
  openPool,
  point,
  poolBase,
  release,
  rootOffset,
} from './pmem.ts';
import { absent, Cursor, compareKeys } from './store.ts';

class Node {
  readonly left: Inline<Oid>;
  readonly right: Inline<Oid>;
  readonly parent: Inline<Oid>;
  readonly data: Inline<Oid>;
  valueLength: u32;
  keyLength: u16;
  red: bool;
  readonly reserved: u8;
  readonly bytes: FixedArray<u8, 8>;

  get key(): str {
    return strOf(this.bytes.ptr, u64(this.keyLength));
  }

  get value(): str {
    const data = direct(this.data);
    return data === 0 ? '' : strOf(at<Ptr<u8>>(data), u64(this.valueLength));
  }
}

/** What changes of a node: all before its key, in words. */
const CHANGES = (offsetof<Node>('bytes') + 7) & ~u64(7);

/** The four trees. */
class Root {
  readonly trees: FixedArray<Inline<Oid>, 4>;
}

const POOL_NUMBER = 0x7061_7065_7231;

function nodeAt(oid: Oid): Node | null {
  return at<Node | null>(direct(oid));
}

function snapshot(node: Node): void {
  addRange(addressOf(node), CHANGES);
}

function treeOf(which: u64): Oid {
  return at<Root>(poolBase() + rootOffset()[0]).trees[which];
}

function setRoot(tree: Oid, node: Node | null): void {
  addRange(addressOf(tree), sizeof<Oid>());
  point(tree, addressOf(node));
}

function setRed(node: Node, red: bool): void {
  if (node.red === red) return;
  snapshot(node);
  node.red = red;
}

function find(tree: Oid, key: str): Node | null {
  let node = nodeAt(tree);
  while (node !== null) {
    const order = compareKeys(key, node.key);
    if (order === 0) return node;
    node = nodeAt(order < 0 ? node.left : node.right);
  }
  return null;
}

function lowerBound(tree: Oid, key: str): Node | null {
  let node = nodeAt(tree);
  let found: Node | null = null;
  while (node !== null) {
    if (compareKeys(node.key, key) < 0) node = nodeAt(node.right);
    else {
      found = node;
      node = nodeAt(node.left);
    }
  }
  return found;
}

function setValue(node: Node, value: str): void {
  snapshot(node);
  const old = direct(node.data);
  if (old !== 0) release(old, u64(node.valueLength));
  node.valueLength = u32(value.length);
  let made: usize = 0;
  if (value.length !== 0) {
    made = allocate(value.length);
    copyFresh(made, value.ptr.address, value.length);
  }
  point(node.data, made);
}

export function put(which: u64, key: str, value: str): void {
  const tree = treeOf(which);
  let parent: Node | null = null;
  let place = nodeAt(tree);
  let order: i32 = 0;
  while (place !== null) {
    order = compareKeys(key, place.key);
    if (order === 0) {
      setValue(place, value);
      return;
    }
    parent = place;
    place = nodeAt(order < 0 ? place.left : place.right);
  }
  const node = at<Node>(allocate(offsetof<Node>('bytes') + key.length));
  memory.fill(addressOf(node), 0, offsetof<Node>('bytes'));
  memory.copy(node.bytes.ptr.address, key.ptr.address, key.length);
  node.keyLength = u16(key.length);
  setValue(node, value);
  node.red = true;
  point(node.parent, addressOf(parent));
  if (parent === null) setRoot(tree, node);
  else {
    snapshot(parent);
    point(order < 0 ? parent.left : parent.right, addressOf(node));
  }
  fixInsert(tree, node);
}

function fixInsert(tree: Oid, start: Node): void {
  let node = start;
  for (;;) {
    const parent = nodeAt(node.parent);
    if (parent === null || !parent.red) break;
    const grand = nodeAt(parent.parent)!;
    const onLeft = nodeAt(grand.left) === parent;
    const uncle = nodeAt(onLeft ? grand.right : grand.left);
    if (uncle !== null && uncle.red) {
      setRed(parent, false);
      setRed(uncle, false);
      setRed(grand, true);
      node = grand;
      continue;
    }
    let top = parent;
    if (onLeft && nodeAt(parent.right) === node) {
      rotateLeft(tree, parent);
      top = node;
    } else if (!onLeft && nodeAt(parent.left) === node) {
      rotateRight(tree, parent);
      top = node;
    }
    setRed(top, false);
    setRed(grand, true);
    if (onLeft) rotateRight(tree, grand);
    else rotateLeft(tree, grand);
    break;
  }
  setRed(nodeAt(tree)!, false);
}

function replace(tree: Oid, node: Node, by: Node | null): void {
  const parent = nodeAt(node.parent);
  if (parent === null) setRoot(tree, by);
  else {
    snapshot(parent);
    point(nodeAt(parent.left) === node ? parent.left : parent.right, addressOf(by));
  }
  if (by !== null) {
    snapshot(by);
    point(by.parent, addressOf(parent));
  }
}

function rotateLeft(tree: Oid, node: Node): void {
  const right = nodeAt(node.right)!;
  const middle = nodeAt(right.left);
  snapshot(node);
  point(node.right, addressOf(middle));
  if (middle !== null) {
    snapshot(middle);
    point(middle.parent, addressOf(node));
  }
  replace(tree, node, right);
  point(right.left, addressOf(node));
  point(node.parent, addressOf(right));
}

function rotateRight(tree: Oid, node: Node): void {
  const left = nodeAt(node.left)!;
  const middle = nodeAt(left.right);
  snapshot(node);
  point(node.left, addressOf(middle));
  if (middle !== null) {
    snapshot(middle);
    point(middle.parent, addressOf(node));
  }
  replace(tree, node, left);
  point(left.right, addressOf(node));
  point(node.parent, addressOf(left));
}

export function remove(which: u64, key: str): bool {
  const tree = treeOf(which);
  const node = find(tree, key);
  if (node === null) return false;
  const right = nodeAt(node.right);
  if (nodeAt(node.left) !== null && right !== null) exchange(tree, node, leftmost(right));
  const leftChild = nodeAt(node.left);
  const child = leftChild !== null ? leftChild : nodeAt(node.right);
  if (child !== null) setRed(child, false);
  else if (!node.red) fixRemove(tree, node);
  replace(tree, node, child);
  const data = direct(node.data);
  if (data !== 0) release(data, u64(node.valueLength));
  release(addressOf(node), offsetof<Node>('bytes') + u64(node.keyLength));
  return true;
}

/** Lets a node and the next one in order change places. */
function exchange(tree: Oid, node: Node, next: Node): void {
  snapshot(node);
  snapshot(next);
  const red = node.red;
  node.red = next.red;
  next.red = red;
  const right = nodeAt(next.right);
  const parent = nodeAt(next.parent)!;
  replace(tree, node, next);
  const left = nodeAt(node.left)!;
  point(next.left, addressOf(left));
  snapshot(left);
  point(left.parent, addressOf(next));
  if (parent === node) {
    point(next.right, addressOf(node));
    point(node.parent, addressOf(next));
  } else {
    const other = nodeAt(node.right)!;
    point(next.right, addressOf(other));
    snapshot(other);
    point(other.parent, addressOf(next));
    snapshot(parent);
    point(parent.left, addressOf(node));
    point(node.parent, addressOf(parent));
  }
  point(node.left, 0);
  point(node.right, addressOf(right));
  if (right !== null) {
    snapshot(right);
    point(right.parent, addressOf(node));
  }
}

/** A black leaf is about to go: makes the paths through it not need it. */
function fixRemove(tree: Oid, start: Node): void {
  let node = start;
  for (;;) {
    const parent = nodeAt(node.parent);
    if (parent === null) return;
    const onLeft = nodeAt(parent.left) === node;
    let sibling = nodeAt(onLeft ? parent.right : parent.left)!;
    if (sibling.red) {
      setRed(sibling, false);
      setRed(parent, true);
      if (onLeft) rotateLeft(tree, parent);
      else rotateRight(tree, parent);
      sibling = nodeAt(onLeft ? parent.right : parent.left)!;
    }
    const near = nodeAt(onLeft ? sibling.left : sibling.right);
    const far = nodeAt(onLeft ? sibling.right : sibling.left);
    const farRed = far !== null && far.red;
    if (!farRed && (near === null || !near.red)) {
      setRed(sibling, true);
      if (parent.red) {
        setRed(parent, false);
        return;
      }
      node = parent;
      continue;
    }
    if (!farRed) {
      setRed(near!, false);
      setRed(sibling, true);
      if (onLeft) rotateRight(tree, sibling);
      else rotateLeft(tree, sibling);
      sibling = nodeAt(onLeft ? parent.right : parent.left)!;
    }
    setRed(sibling, parent.red);
    setRed(parent, false);
    setRed(nodeAt(onLeft ? sibling.right : sibling.left)!, false);
    if (onLeft) rotateLeft(tree, parent);
    else rotateRight(tree, parent);
    return;
  }
}

function leftmost(start: Node): Node {
  let node = start;
  for (;;) {
    const left = nodeAt(node.left);
    if (left === null) return node;
    node = left;
  }
}

function nextNode(start: Node): Node | null {
  const right = nodeAt(start.right);
  if (right !== null) return leftmost(right);
  let node = start;
  let parent = nodeAt(node.parent);
  while (parent !== null && nodeAt(parent.right) === node) {
    node = parent;
    parent = nodeAt(node.parent);
  }
  return parent;
}

export function format(first: usize, _second: usize): void {
  formatPool(first, POOL_NUMBER);
}

export function open(first: usize, _second: usize): void {
  openPool(first);
  if (rootOffset()[0] !== 0) return;
  beginTx();
  const root = allocate(sizeof<Root>());
  memory.fill(root, 0, sizeof<Root>());
  addRange(rootOffset().address, sizeof<u64>());
  rootOffset()[0] = root - poolBase();
  commitTx();
}

export function begin(): void {
  beginTx();
}

export function commit(): void {
  commitTx();
}

export function get(which: u64, key: str): str {
  const node = find(treeOf(which), key);
  return node === null ? absent() : node.value;
}

function place(cursor: Cursor, node: Node | null): void {
  cursor.valid = node !== null;
  cursor.node = addressOf(node);
}

export function first(cursor: Cursor): void {
  const root = nodeAt(treeOf(cursor.tree));
  place(cursor, root === null ? null : leftmost(root));
}

export function last(cursor: Cursor): void {
  let node = nodeAt(treeOf(cursor.tree));
  while (node !== null) {
    const right = nodeAt(node.right);
    if (right === null) break;
    node = right;
  }
  place(cursor, node);
}

export function seek(cursor: Cursor, key: str): void {
  place(cursor, lowerBound(treeOf(cursor.tree), key));
}

export function next(cursor: Cursor): void {
  place(cursor, nextNode(at<Node>(cursor.node)));
}

export function keyOf(cursor: Cursor): str {
  return at<Node>(cursor.node).key;
}

export function valueOf(cursor: Cursor): str {
  return at<Node>(cursor.node).value;
}

/** Black nodes on every path below `node`, counted with null leaves; 0 when a rule of the tree is broken. */
function blackHeight(node: Node | null, parent: Node | null): u64 {
  if (node === null) return 1;
  if (nodeAt(node.parent) !== parent || (node.red && parent !== null && parent.red)) return 0;
  const left = nodeAt(node.left);
  const right = nodeAt(node.right);
  if (left !== null && compareKeys(left.key, node.key) >= 0) return 0;
  if (right !== null && compareKeys(right.key, node.key) <= 0) return 0;
  const height = blackHeight(left, node);
  if (height === 0 || height !== blackHeight(right, node)) return 0;
  return node.red ? height : height + 1;
}

export function isWhole(which: u64): bool {
  const root = nodeAt(treeOf(which));
  return (root === null || !root.red) && blackHeight(root, null) !== 0;
}
