/**
 * A B+ tree from 64-bit keys to numbers of 64 bits or references to persistent classes, in order. Nodes are 512 bytes and may lie in different
 * objects; leaves are linked, so a range is read without going up. Each change is a transaction, or part of the caller's: the parts of a leaf that
 * change are logged with one fence, and only splits and merges touch more than the leaf.
 */

import { persist } from './persist.ts';
import { Pool } from './pool.ts';
import { joinTx, Tx } from './tx.ts';

/** Keys of a leaf, and of an inner node. */
const LEAF_KEYS = 30;
const INNER_KEYS = 31;
/** Nodes other than the root have at least as many. */
const MIN_KEYS = 10;
/** Levels: 11^16 is more than there are keys. */
const MAX_DEPTH = 16;

@persistent
class TreeNode {
  count: u32;
  /** 0: a leaf. */
  level: u32;
}

@persistent
class Leaf<V> extends TreeNode {
  next: Leaf<V> | null;
  previous: Leaf<V> | null;
  readonly keys: FixedArray<u64, 30>;
  readonly values: FixedArray<V, 30>;
}

@persistent
class Inner extends TreeNode {
  /** Child i has the keys below keys[i]; child `count` all others. */
  readonly keys: FixedArray<u64, 31>;
  readonly children: FixedArray<TreeNode | null, 32>;
}

static_assert(sizeof<Inner>() === 512 && sizeof<Leaf<u64>>() <= 512, 'nodes are 512 bytes');

/** The way from the root to a leaf. */
class Path<V> {
  depth: u64;
  readonly nodes: FixedArray<Inner, 16>;
  readonly slots: FixedArray<u64, 16>;
  leaf: Leaf<V> | null;
}

/** Number of keys below `key` among the first `count`. */
function lowerBound(keys: Ptr<u64>, count: u64, key: u64): u64 {
  let low: u64 = 0;
  let size = count;
  while (size > 0) {
    const half = size >> 1;
    if (keys[low + half] < key) {
      low += half + 1;
      size -= half + 1;
    } else size = half;
  }
  return low;
}

/** The child of an inner node that has `key`. */
function childSlot(node: Inner, key: u64): u64 {
  const count = u64(node.count);
  const slot = lowerBound(node.keys.ptr, count, key);
  return slot < count && unchecked(node.keys[slot]) === key ? slot + 1 : slot;
}

@persistent
export class BTree<V> {
  private root: TreeNode | null;
  private pool: Pool | null;
  private entries: u64;

  get count(): u64 {
    return this.entries;
  }

  /** Levels of nodes. */
  get height(): u64 {
    return u64(this.root!.level) + 1;
  }

  /** Makes the tree empty, with its memory from `pool`; for trees inside of other structures. */
  initialise(tx: Tx, pool: Pool): void {
    this.pool = pool;
    this.root = at<TreeNode>(pool.allocate(tx, sizeof<Leaf<V>>()));
    this.entries = 0;
  }

  private leafOf(key: u64): Leaf<V> {
    let node = this.root!;
    while (node.level !== 0) {
      const inner = changetype<Inner>(node);
      node = unchecked(inner.children[childSlot(inner, key)])!;
    }
    return changetype<Leaf<V>>(node);
  }

  private walk(key: u64, path: Path<V>): Leaf<V> {
    let node = this.root!;
    path.depth = 0;
    while (node.level !== 0) {
      const inner = changetype<Inner>(node);
      const slot = childSlot(inner, key);
      path.nodes[path.depth] = inner;
      path.slots[path.depth] = slot;
      path.depth++;
      node = unchecked(inner.children[slot])!;
    }
    return changetype<Leaf<V>>(node);
  }

  has(key: u64): bool {
    const leaf = this.leafOf(key);
    const slot = lowerBound(leaf.keys.ptr, u64(leaf.count), key);
    return slot < u64(leaf.count) && unchecked(leaf.keys[slot]) === key;
  }

  /** The value of a key, or `otherwise` when the tree does not have it. */
  get(key: u64, otherwise: V): V {
    const leaf = this.leafOf(key);
    const slot = lowerBound(leaf.keys.ptr, u64(leaf.count), key);
    if (slot < u64(leaf.count) && unchecked(leaf.keys[slot]) === key) return unchecked(leaf.values[slot]);
    return otherwise;
  }

  /** Gives a key a value; true when the key is new. */
  put(key: u64, value: V): bool {
    const path = stack<Path<V>>();
    const leaf = this.walk(key, path);
    const slot = lowerBound(leaf.keys.ptr, u64(leaf.count), key);
    if (slot < u64(leaf.count) && unchecked(leaf.keys[slot]) === key) {
      const place = ptrTo(unchecked(leaf.values[slot])).address;
      const joined = joinTx(place, sizeof<u64>());
      unchecked((leaf.values[slot] = value));
      if (!joined) persist(place, sizeof<u64>());
      return false;
    }
    using tx = Tx.begin();
    tx.stage(ptrTo(this.entries).address, sizeof<u64>());
    if (leaf.count < LEAF_KEYS) insertInLeaf(tx, leaf, slot, key, value);
    else this.splitLeaf(tx, path, leaf, slot, key, value);
    this.entries += 1;
    return true;
  }

  private splitLeaf(tx: Tx, path: Path<V>, leaf: Leaf<V>, slot: u64, key: u64, value: V): void {
    const right = at<Leaf<V>>(this.pool!.allocate(tx, sizeof<Leaf<V>>()));
    // Keys that only ever grow fill their leaves: nothing is left room for in front of the last key.
    const atEnd = slot === LEAF_KEYS && leaf.next === null;
    const keep: u64 = atEnd ? LEAF_KEYS : LEAF_KEYS / 2;
    tx.stage(addressOf(leaf), 64);
    tx.seal();
    for (let i = keep; i < LEAF_KEYS; i++) {
      right.keys[i - keep] = leaf.keys[i];
      right.values[i - keep] = leaf.values[i];
    }
    right.count = u32(LEAF_KEYS - keep);
    leaf.count = u32(keep);
    const next = leaf.next;
    right.next = next;
    right.previous = leaf;
    if (next !== null) next.previous = right;
    leaf.next = right;
    if (slot > keep || atEnd) insertInLeaf(tx, right, slot - keep, key, value);
    else insertInLeaf(tx, leaf, slot, key, value);
    this.insertAbove(tx, path, right.keys[0], right);
  }

  /** Enters a new node, right of the one that `path` leads to, into the nodes above. */
  private insertAbove(tx: Tx, path: Path<V>, firstKey: u64, firstChild: TreeNode): void {
    let key = firstKey;
    let child = firstChild;
    while (path.depth > 0) {
      path.depth--;
      const node = path.nodes[path.depth];
      const slot = path.slots[path.depth];
      if (node.count < INNER_KEYS) {
        insertInInner(tx, node, slot, key, child);
        return;
      }
      const right = at<Inner>(this.pool!.allocate(tx, sizeof<Inner>()));
      const middle: u64 = INNER_KEYS / 2;
      const up = node.keys[middle];
      right.level = node.level;
      for (let i = middle + 1; i < INNER_KEYS; i++) right.keys[i - middle - 1] = node.keys[i];
      for (let i = middle + 1; i <= INNER_KEYS; i++) right.children[i - middle - 1] = node.children[i];
      right.count = u32(INNER_KEYS - middle - 1);
      node.count = u32(middle);
      if (slot > middle) insertInInner(tx, right, slot - middle - 1, key, child);
      else insertInInner(tx, node, slot, key, child);
      key = up;
      child = right;
    }
    const root = at<Inner>(this.pool!.allocate(tx, sizeof<Inner>()));
    if (this.root!.level + 1 >= MAX_DEPTH) panic('the tree is too high');
    root.level = this.root!.level + 1;
    root.count = 1;
    root.keys[0] = key;
    root.children[0] = this.root;
    root.children[1] = child;
    this.root = root;
  }

  /** Removes a key; false when it is not there. */
  remove(key: u64): bool {
    const path = stack<Path<V>>();
    const leaf = this.walk(key, path);
    const count = u64(leaf.count);
    const slot = lowerBound(leaf.keys.ptr, count, key);
    if (slot === count || unchecked(leaf.keys[slot]) !== key) return false;
    using tx = Tx.begin();
    tx.stage(ptrTo(this.entries).address, sizeof<u64>());
    stageLeaf(tx, leaf, slot, count);
    this.entries -= 1;
    moveKeys(leaf.keys.ptr, slot, slot + 1, count - slot - 1);
    moveKeys(changetype<Ptr<u64>>(leaf.values.ptr), slot, slot + 1, count - slot - 1);
    leaf.count = u32(count - 1);
    if (path.depth !== 0 && count - 1 < MIN_KEYS) this.refillLeaf(tx, path, leaf);
    return true;
  }

  /** A leaf has too few keys: it takes one from a neighbour below the same node, or becomes one with it. */
  private refillLeaf(tx: Tx, path: Path<V>, leaf: Leaf<V>): void {
    const parent = path.nodes[path.depth - 1];
    const slot = path.slots[path.depth - 1];
    const onRight = slot === 0;
    const left = onRight ? leaf : changetype<Leaf<V>>(parent.children[slot - 1]!);
    const right = onRight ? changetype<Leaf<V>>(parent.children[1]!) : leaf;
    const separator = onRight ? 0 : slot - 1;
    const leftCount = u64(left.count);
    const rightCount = u64(right.count);
    if (leftCount + rightCount <= LEAF_KEYS) {
      for (let i: u64 = 0; i < rightCount; i++) {
        left.keys[leftCount + i] = right.keys[i];
        left.values[leftCount + i] = right.values[i];
      }
      left.count = u32(leftCount + rightCount);
      const next = right.next;
      left.next = next;
      if (next !== null) next.previous = left;
      this.pool!.free(tx, addressOf(right), sizeof<Leaf<V>>());
      this.removeAbove(tx, path, separator);
    } else if (onRight) {
      insertInLeaf(tx, left, leftCount, right.keys[0], right.values[0]);
      removeFromLeaf(tx, right, 0);
      parent.keys[separator] = right.keys[0];
    } else {
      insertInLeaf(tx, right, 0, left.keys[leftCount - 1], left.values[leftCount - 1]);
      left.count = u32(leftCount - 1);
      parent.keys[separator] = right.keys[0];
    }
  }

  /** Removes key `first` and the child on its right from the last node of the path, and mends the nodes above. */
  private removeAbove(tx: Tx, path: Path<V>, first: u64): void {
    let separator = first;
    for (;;) {
      path.depth--;
      const node = path.nodes[path.depth];
      removeFromInner(tx, node, separator);
      if (path.depth === 0) {
        if (node.count !== 0) return;
        this.root = node.children[0];
        this.pool!.free(tx, addressOf(node), sizeof<Inner>());
        return;
      }
      if (node.count >= MIN_KEYS) return;
      const parent = path.nodes[path.depth - 1];
      const slot = path.slots[path.depth - 1];
      const onRight = slot === 0;
      const left = onRight ? node : changetype<Inner>(parent.children[slot - 1]!);
      const right = onRight ? changetype<Inner>(parent.children[1]!) : node;
      separator = onRight ? 0 : slot - 1;
      if (left.count + right.count < INNER_KEYS) {
        this.mergeInner(tx, left, right, parent.keys[separator]);
        continue;
      }
      if (onRight) {
        insertInInner(tx, left, u64(left.count), parent.keys[separator], right.children[0]!);
        parent.keys[separator] = right.keys[0];
        removeFirst(tx, right);
      } else {
        const last = u64(left.count);
        insertFirst(tx, right, parent.keys[separator], left.children[last]!);
        parent.keys[separator] = left.keys[last - 1];
        left.count = u32(last - 1);
      }
      return;
    }
  }

  private mergeInner(tx: Tx, left: Inner, right: Inner, between: u64): void {
    const count = u64(left.count);
    const more = u64(right.count);
    left.keys[count] = between;
    for (let i: u64 = 0; i < more; i++) left.keys[count + 1 + i] = right.keys[i];
    for (let i: u64 = 0; i <= more; i++) left.children[count + 1 + i] = right.children[i];
    left.count = u32(count + 1 + more);
    this.pool!.free(tx, addressOf(right), sizeof<Inner>());
  }

  /** Leaf for cursors: the one that has `key`, or would have it. */
  leafFor(key: u64): Leaf<V> {
    return this.leafOf(key);
  }

  /** Does the tree keep all rules: order, bounds, counts, equal depth, links of the leaves? */
  isWhole(): bool {
    const check = stack<Check<V>>();
    if (!check.node(this.root!, 0, ~u64(0), true)) return false;
    const last = check.last;
    return check.keys === this.entries && (last === null || last.next === null);
  }
}

/** Logs what an insertion at, or removal from, `slot` of a leaf changes: its head, and the ends of keys and values. */
function stageLeaf<V>(tx: Tx, leaf: Leaf<V>, slot: u64, end: u64): void {
  tx.stage(addressOf(leaf), 8);
  tx.stage(leaf.keys.ptr.add(i64(slot)).address, (end - slot) * 8);
  tx.stage(changetype<Ptr<u64>>(leaf.values.ptr).add(i64(slot)).address, (end - slot) * 8);
  tx.seal();
}

/** Moves words within one object: persistent pointers keep their meaning. */
function moveKeys(words: Ptr<u64>, to: u64, from: u64, count: u64): void {
  memory.copy(words.add(i64(to)).address, words.add(i64(from)).address, count * 8);
}

function insertInLeaf<V>(tx: Tx, leaf: Leaf<V>, slot: u64, key: u64, value: V): void {
  const count = u64(leaf.count);
  stageLeaf(tx, leaf, slot, count + 1);
  moveKeys(leaf.keys.ptr, slot + 1, slot, count - slot);
  moveKeys(changetype<Ptr<u64>>(leaf.values.ptr), slot + 1, slot, count - slot);
  leaf.keys[slot] = key;
  leaf.values[slot] = value;
  leaf.count = u32(count + 1);
}

function removeFromLeaf<V>(tx: Tx, leaf: Leaf<V>, slot: u64): void {
  const count = u64(leaf.count);
  stageLeaf(tx, leaf, slot, count);
  moveKeys(leaf.keys.ptr, slot, slot + 1, count - slot - 1);
  moveKeys(changetype<Ptr<u64>>(leaf.values.ptr), slot, slot + 1, count - slot - 1);
  leaf.count = u32(count - 1);
}

/** Logs keys from `key` on and children from `child` on, up to the one behind the last. */
function stageInner(tx: Tx, node: Inner, key: u64, child: u64): void {
  const count = u64(node.count);
  tx.stage(addressOf(node), 8);
  if (count + 1 > key && key < INNER_KEYS)
    tx.stage(node.keys.ptr.add(i64(key)).address, (min<u64>(count + 1, INNER_KEYS) - key) * 8);
  tx.stage(wordsOf(node).add(i64(child)).address, (min<u64>(count + 2, INNER_KEYS + 1) - child) * 8);
  tx.seal();
}

/** Children as the words that they are stored as. */
function wordsOf(node: Inner): Ptr<u64> {
  return changetype<Ptr<u64>>(node.children.ptr);
}

/** Puts a key at `slot` and a child on its right. */
function insertInInner(tx: Tx, node: Inner, slot: u64, key: u64, child: TreeNode): void {
  const count = u64(node.count);
  stageInner(tx, node, slot, slot + 1);
  moveKeys(node.keys.ptr, slot + 1, slot, count - slot);
  moveKeys(wordsOf(node), slot + 2, slot + 1, count - slot);
  node.keys[slot] = key;
  node.children[slot + 1] = child;
  node.count = u32(count + 1);
}

/** Removes the key at `slot` and the child on its right. */
function removeFromInner(tx: Tx, node: Inner, slot: u64): void {
  const count = u64(node.count);
  stageInner(tx, node, slot, slot + 1);
  moveKeys(node.keys.ptr, slot, slot + 1, count - slot - 1);
  moveKeys(wordsOf(node), slot + 1, slot + 2, count - slot - 1);
  node.count = u32(count - 1);
}

/** Puts a child before all others, and the key that parts it from them. */
function insertFirst(tx: Tx, node: Inner, key: u64, child: TreeNode): void {
  const count = u64(node.count);
  stageInner(tx, node, 0, 0);
  moveKeys(node.keys.ptr, 1, 0, count);
  moveKeys(wordsOf(node), 1, 0, count + 1);
  node.keys[0] = key;
  node.children[0] = child;
  node.count = u32(count + 1);
}

/** Removes the first key and the first child. */
function removeFirst(tx: Tx, node: Inner): void {
  const count = u64(node.count);
  stageInner(tx, node, 0, 0);
  moveKeys(node.keys.ptr, 0, 1, count - 1);
  moveKeys(wordsOf(node), 0, 1, count);
  node.count = u32(count - 1);
}

/** What `isWhole` has seen: the leaf before, and how many keys. */
class Check<V> {
  last: Leaf<V> | null;
  keys: u64;

  /** Are all keys of the subtree in [low, high], and all rules kept? */
  node(node: TreeNode, low: u64, high: u64, isRoot: bool): bool {
    const count = u64(node.count);
    if (node.level === 0) return this.leaf(changetype<Leaf<V>>(node), low, high, isRoot);
    const inner = changetype<Inner>(node);
    if (count > INNER_KEYS || count < (isRoot ? 1 : MIN_KEYS)) return false;
    let from = low;
    for (let i: u64 = 0; i <= count; i++) {
      if (i < count && (inner.keys[i] === 0 || inner.keys[i] < from || inner.keys[i] > high)) return false;
      const to = i < count ? inner.keys[i] - 1 : high;
      const child = inner.children[i];
      if (child === null || child.level + 1 !== node.level) return false;
      if (!this.node(child, from, to, false)) return false;
      from = to + 1;
    }
    return true;
  }

  private leaf(leaf: Leaf<V>, low: u64, high: u64, isRoot: bool): bool {
    const count = u64(leaf.count);
    const last = this.last;
    if (count > LEAF_KEYS || (count === 0 && !isRoot)) return false;
    for (let i: u64 = 0; i < count; i++) {
      const key = leaf.keys[i];
      if (key < low || key > high || (i !== 0 && key <= leaf.keys[i - 1])) return false;
    }
    if (leaf.previous !== last || (last !== null && last.next !== leaf)) return false;
    this.last = leaf;
    this.keys += count;
    return true;
  }
}

/** A place among the keys in their order. The tree must not change while it is used. */
export class BTreeCursor<V> {
  private leaf: Leaf<V> | null;
  private slot: u64;

  /** Goes to the first key that is not below `key`. */
  seek(tree: BTree<V>, key: u64): void {
    const leaf = tree.leafFor(key);
    this.leaf = leaf;
    this.slot = lowerBound(leaf.keys.ptr, u64(leaf.count), key);
    this.settle();
  }

  get valid(): bool {
    return this.leaf !== null;
  }

  get key(): u64 {
    return this.leaf!.keys[this.slot];
  }

  get value(): V {
    return this.leaf!.values[this.slot];
  }

  next(): void {
    this.slot++;
    this.settle();
  }

  private settle(): void {
    for (let leaf = this.leaf; leaf !== null && this.slot >= u64(leaf.count); leaf = this.leaf) {
      this.leaf = leaf.next;
      this.slot = 0;
    }
  }
}

/** Makes an empty tree with its memory from `pool`. */
export function createBTree<V>(tx: Tx, pool: Pool): BTree<V> {
  const tree = at<BTree<V>>(pool.allocate(tx, sizeof<BTree<V>>()));
  tree.initialise(tx, pool);
  return tree;
}
