/**
 * `twz`: red-black trees of byte strings in persistent objects. Links are references; that they may lead to another object, and that
 * stores are logged, is the tags' and the library's business. Nodes and values are allocated from a pool of objects, so a store grows beyond one
 * object without a line of code here. A node has its key in place, its value in memory of its own: one that changes is written to new memory,
 * and the pointer to it is what the transaction logs.
 *
 * The tree's own code is written out, as it is in pmdk.ts, because the two are compared line by line. Other programs take libtwz's
 * (libtwz/rbtree.ts), whose keys are numbers.
 */
import { Anchor, allocateIn, heapOf, initHeap } from '../../../libtwz/alloc.ts';
import { baseOf } from '../../../libtwz/object.ts';
import { createPool, Pool } from '../../../libtwz/pool.ts';
import { Tx } from '../../../libtwz/tx.ts';
import { absent, Cursor, compareKeys } from './store.ts';

@persistent
class Value {
  readonly bytes: FixedArray<u8, 8>;
}

@persistent
class Node {
  left: Node | null;
  right: Node | null;
  parent: Node | null;
  data: Value | null;
  valueLength: u32;
  keyLength: u16;
  red: bool;
  readonly reserved: u8;
  readonly bytes: FixedArray<u8, 8>;

  get key(): str {
    return strOf(this.bytes.ptr, u64(this.keyLength));
  }

  get value(): str {
    const data = this.data;
    // No bytes are a value, too, which needs no memory.
    return data === null ? '' : strOf(data.bytes.ptr, u64(this.valueLength));
  }
}

@persistent
class Tree {
  root: Node | null;

  find(key: str): Node | null {
    let node = this.root;
    while (node !== null) {
      const order = compareKeys(key, node.key);
      if (order === 0) return node;
      node = order < 0 ? node.left : node.right;
    }
    return null;
  }

  /** The first node whose key is not below `key`. */
  lowerBound(key: str): Node | null {
    let node = this.root;
    let found: Node | null = null;
    while (node !== null) {
      if (compareKeys(node.key, key) < 0) node = node.right;
      else {
        found = node;
        node = node.left;
      }
    }
    return found;
  }

  put(tx: Tx, pool: Pool, key: str, value: str): void {
    let parent: Node | null = null;
    let place = this.root;
    let order: i32 = 0;
    while (place !== null) {
      order = compareKeys(key, place.key);
      if (order === 0) {
        this.setValue(tx, pool, place, value);
        return;
      }
      parent = place;
      place = order < 0 ? place.left : place.right;
    }
    const node = at<Node>(pool.allocate(tx, offsetof<Node>('bytes') + key.length));
    memory.copy(node.bytes.ptr.address, key.ptr.address, key.length);
    node.keyLength = u16(key.length);
    this.setValue(tx, pool, node, value);
    node.red = true;
    node.parent = parent;
    if (parent === null) this.root = node;
    else if (order < 0) parent.left = node;
    else parent.right = node;
    this.fixInsert(tx, node);
  }

  private setValue(tx: Tx, pool: Pool, node: Node, value: str): void {
    // The new value first: memory that this transaction gives back would have to be logged if it were used again.
    const made: usize = value.length === 0 ? 0 : pool.allocate(tx, value.length);
    memory.copy(made, value.ptr.address, value.length);
    const old = node.data;
    if (old !== null) pool.free(tx, addressOf(old), u64(node.valueLength));
    node.valueLength = u32(value.length);
    node.data = at<Value | null>(made);
  }

  private fixInsert(tx: Tx, start: Node): void {
    let node = start;
    for (;;) {
      const parent = node.parent;
      if (parent === null || !parent.red) break;
      const grand = parent.parent!;
      const onLeft = grand.left === parent;
      const uncle = onLeft ? grand.right : grand.left;
      if (uncle !== null && uncle.red) {
        parent.red = false;
        uncle.red = false;
        grand.red = true;
        node = grand;
        continue;
      }
      let top = parent;
      if (onLeft && parent.right === node) {
        this.rotateLeft(tx, parent);
        top = node;
      } else if (!onLeft && parent.left === node) {
        this.rotateRight(tx, parent);
        top = node;
      }
      top.red = false;
      grand.red = true;
      if (onLeft) this.rotateRight(tx, grand);
      else this.rotateLeft(tx, grand);
      break;
    }
    if (this.root!.red) this.root!.red = false;
  }

  private replace(tx: Tx, node: Node, by: Node | null): void {
    const parent = node.parent;
    if (parent === null) this.root = by;
    else if (parent.left === node) parent.left = by;
    else parent.right = by;
    if (by !== null) by.parent = parent;
  }

  private rotateLeft(tx: Tx, node: Node): void {
    const right = node.right!;
    const middle = right.left;
    node.right = middle;
    if (middle !== null) middle.parent = node;
    this.replace(tx, node, right);
    right.left = node;
    node.parent = right;
  }

  private rotateRight(tx: Tx, node: Node): void {
    const left = node.left!;
    const middle = left.right;
    node.left = middle;
    if (middle !== null) middle.parent = node;
    this.replace(tx, node, left);
    left.right = node;
    node.parent = left;
  }

  remove(tx: Tx, pool: Pool, key: str): bool {
    const node = this.find(key);
    if (node === null) return false;
    if (node.left !== null && node.right !== null) this.exchange(tx, node, leftmost(node.right!));
    // The node has at most one child now; that child, if any, is red.
    const child = node.left !== null ? node.left : node.right;
    if (child !== null) child.red = false;
    else if (!node.red) this.fixRemove(tx, node);
    this.replace(tx, node, child);
    const data = node.data;
    if (data !== null) pool.free(tx, addressOf(data), u64(node.valueLength));
    pool.free(tx, addressOf(node), offsetof<Node>('bytes') + u64(node.keyLength));
    return true;
  }

  /** Lets a node and the next one in order change places: nodes have keys of their own size. */
  private exchange(tx: Tx, node: Node, next: Node): void {
    const red = node.red;
    node.red = next.red;
    next.red = red;
    const right = next.right;
    const parent = next.parent!;
    this.replace(tx, node, next);
    next.left = node.left;
    next.left!.parent = next;
    if (parent === node) {
      next.right = node;
      node.parent = next;
    } else {
      next.right = node.right;
      next.right!.parent = next;
      parent.left = node;
      node.parent = parent;
    }
    node.left = null;
    node.right = right;
    if (right !== null) right.parent = node;
  }

  /** A black leaf is about to go: makes the paths through it not need it. */
  private fixRemove(tx: Tx, start: Node): void {
    let node = start;
    for (;;) {
      const parent = node.parent;
      if (parent === null) return;
      const onLeft = parent.left === node;
      let sibling = onLeft ? parent.right! : parent.left!;
      if (sibling.red) {
        sibling.red = false;
        parent.red = true;
        if (onLeft) this.rotateLeft(tx, parent);
        else this.rotateRight(tx, parent);
        sibling = onLeft ? parent.right! : parent.left!;
      }
      const near = onLeft ? sibling.left : sibling.right;
      const far = onLeft ? sibling.right : sibling.left;
      const farRed = far !== null && far.red;
      if (!farRed && (near === null || !near.red)) {
        sibling.red = true;
        if (parent.red) {
          parent.red = false;
          return;
        }
        node = parent;
        continue;
      }
      if (!farRed) {
        near!.red = false;
        sibling.red = true;
        if (onLeft) this.rotateRight(tx, sibling);
        else this.rotateLeft(tx, sibling);
        sibling = onLeft ? parent.right! : parent.left!;
      }
      sibling.red = parent.red;
      parent.red = false;
      const outer = onLeft ? sibling.right! : sibling.left!;
      outer.red = false;
      if (onLeft) this.rotateLeft(tx, parent);
      else this.rotateRight(tx, parent);
      return;
    }
  }
}

function leftmost(start: Node): Node {
  let node = start;
  for (;;) {
    const left = node.left;
    if (left === null) return node;
    node = left;
  }
}

/** The node with the next larger key, or null. */
function nextNode(start: Node): Node | null {
  const right = start.right;
  if (right !== null) return leftmost(right);
  let node = start;
  let parent = node.parent;
  while (parent !== null && parent.right === node) {
    node = parent;
    parent = node.parent;
  }
  return parent;
}

/** What the heap's root of the first object leads to. */
@persistent
class Store {
  pool: Pool | null;
  readonly trees: FixedArray<Inline<Tree>, 4>;
}

let store: Store | null = null;
let transaction: Tx | null = null;

function treeOf(which: u64): Tree {
  return store!.trees[which];
}

export function format(first: usize, _second: usize): void {
  const base = baseOf(first);
  initHeap(base);
  using tx = Tx.begin();
  const made = at<Store>(allocateIn(tx, base, sizeof<Store>()));
  made.pool = createPool(tx, base);
  heapOf(base).root = at<Anchor>(addressOf(made));
}

/** What a power failure interrupted was undone by `init`: the logs are not the store's. */
export function open(first: usize, _second: usize): void {
  store = at<Store>(addressOf(heapOf(baseOf(first)).root));
}

export function begin(): void {
  transaction = Tx.begin();
}

export function commit(): void {
  transaction!.commit();
}

export function get(which: u64, key: str): str {
  const node = treeOf(which).find(key);
  return node === null ? absent() : node.value;
}

export function put(which: u64, key: str, value: str): void {
  treeOf(which).put(transaction!, store!.pool!, key, value);
}

export function remove(which: u64, key: str): bool {
  return treeOf(which).remove(transaction!, store!.pool!, key);
}

function place(cursor: Cursor, node: Node | null): void {
  cursor.valid = node !== null;
  cursor.node = addressOf(node);
}

export function first(cursor: Cursor): void {
  const root = treeOf(cursor.tree).root;
  place(cursor, root === null ? null : leftmost(root));
}

export function last(cursor: Cursor): void {
  let node = treeOf(cursor.tree).root;
  while (node !== null && node.right !== null) node = node.right;
  place(cursor, node);
}

export function seek(cursor: Cursor, key: str): void {
  place(cursor, treeOf(cursor.tree).lowerBound(key));
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
  if (node.parent !== parent || (node.red && parent !== null && parent.red)) return 0;
  const left = node.left;
  const right = node.right;
  if (left !== null && compareKeys(left.key, node.key) >= 0) return 0;
  if (right !== null && compareKeys(right.key, node.key) <= 0) return 0;
  const height = blackHeight(left, node);
  if (height === 0 || height !== blackHeight(right, node)) return 0;
  return node.red ? height : height + 1;
}

export function isWhole(which: u64): bool {
  const root = treeOf(which).root;
  return (root === null || !root.red) && blackHeight(root, null) !== 0;
}
