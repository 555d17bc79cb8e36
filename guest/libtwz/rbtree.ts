/**
 * A red-black tree of 64-bit keys and values in persistent memory. Nothing here says that it is persistent but the class's tag and the
 * transaction that callers pass: links are persistent pointers, stores are logged, and nodes may lie in several
 * objects. Insertion and deletion after Cormen et al., with null leaves.
 */
import { allocateIn, freeIn } from './alloc.ts';
import { baseOf } from './object.ts';
import { Tx } from './tx.ts';

@persistent
export class Node {
  key: u64;
  value: u64;
  left: Node | null;
  right: Node | null;
  parent: Node | null;
  red: bool;
}

@persistent
export class Tree {
  root: Node | null;
  count: u64;

  /** The node with this key, or null. */
  find(key: u64): Node | null {
    let node = this.root;
    while (node !== null && node.key !== key) node = key < node.key ? node.left : node.right;
    return node;
  }

  /** The node with the smallest key, or null. */
  first(): Node | null {
    const root = this.root;
    return root === null ? null : leftmost(root);
  }

  /** Sets the value of a key; true when the key is new. New nodes lie in the object at `base`. */
  insert(tx: Tx, base: usize, key: u64, value: u64): bool {
    let parent: Node | null = null;
    let at0 = this.root;
    while (at0 !== null) {
      if (at0.key === key) {
        at0.value = value;
        return false;
      }
      parent = at0;
      at0 = key < at0.key ? at0.left : at0.right;
    }
    const node = at<Node>(allocateIn(tx, base, sizeof<Node>()));
    node.key = key;
    node.value = value;
    node.red = true;
    node.parent = parent;
    if (parent === null) this.root = node;
    else if (key < parent.key) parent.left = node;
    else parent.right = node;
    this.count += 1;
    this.fixInsert(tx, node);
    return true;
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
    this.root!.red = false;
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

  /** Removes a key; false when it is not there. */
  remove(tx: Tx, key: u64): bool {
    const node = this.find(key);
    if (node === null) return false;
    let gone = node;
    if (node.left !== null && node.right !== null) {
      gone = leftmost(node.right!);
      node.key = gone.key;
      node.value = gone.value;
    }
    // `gone` has at most one child; that child, if any, is red.
    const child = gone.left !== null ? gone.left : gone.right;
    if (!gone.red && child === null) this.fixRemove(tx, gone);
    else if (child !== null) child.red = false;
    this.replace(tx, gone, child);
    freeIn(tx, addressOf(gone), sizeof<Node>());
    this.count -= 1;
    return true;
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
      const nearRed = near !== null && near.red;
      const farRed = far !== null && far.red;
      if (!nearRed && !farRed) {
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
export function nextNode(start: Node): Node | null {
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

/** Makes an empty tree in the object at `base`. */
export function createTree(tx: Tx, base: usize): Tree {
  return at<Tree>(allocateIn(tx, base, sizeof<Tree>()));
}

/** Black nodes on every path below `node`, counted with null leaves; 0 when a rule of the tree is broken. */
function blackHeight(node: Node | null, low: u64, high: u64, parent: Node | null): u64 {
  if (node === null) return 1;
  if (node.key < low || node.key > high || node.parent !== parent) return 0;
  if (node.red && parent !== null && parent.red) return 0;
  const left = blackHeight(node.left, low, node.key, node);
  const right = blackHeight(node.right, node.key, high, node);
  if (left === 0 || left !== right) return 0;
  return node.red ? left : left + 1;
}

/** Does the tree keep all rules: order, colours, equal black heights, back links, count? */
export function isWhole(tree: Tree): bool {
  const root = tree.root;
  if (root !== null && root.red) return false;
  if (blackHeight(root, 0, ~u64(0), null) === 0) return false;
  let count: u64 = 0;
  for (let node = tree.first(); node !== null; node = nextNode(node)) count++;
  return count === tree.count;
}

/** The object that a tree's new nodes go to when they are to lie beside it. */
export function objectOf(tree: Tree): usize {
  return baseOf(addressOf(tree));
}
