/** A red-black tree with parent pointers: insertions in pseudo-random order, then lookups. */
const NODES = 4096;

@persistent
class Node {
  key: u64;
  left: Node | null;
  right: Node | null;
  parent: Node | null;
  red: bool;
}

@persistent
class Tree {
  root: Node | null;
}

const pool = zeroed<FixedArray<Inline<Node>, typeof NODES>>();
const tree = zeroed<Tree>();

function replaceChild(t: Tree, parent: Node | null, old: Node, by: Node): void {
  if (parent === null) t.root = by;
  else if (parent.left === old) parent.left = by;
  else parent.right = by;
  by.parent = parent;
}

function rotateLeft(t: Tree, x: Node): void {
  const y = x.right!;
  x.right = y.left;
  if (y.left !== null) y.left.parent = x;
  replaceChild(t, x.parent, x, y);
  y.left = x;
  x.parent = y;
}

function rotateRight(t: Tree, x: Node): void {
  const y = x.left!;
  x.left = y.right;
  if (y.right !== null) y.right.parent = x;
  replaceChild(t, x.parent, x, y);
  y.right = x;
  x.parent = y;
}

function isRed(node: Node | null): bool {
  return node !== null ? node.red : false;
}

function insert(t: Tree, added: Node): void {
  let parent: Node | null = null;
  let at = t.root;
  while (at !== null) {
    parent = at;
    at = added.key < at.key ? at.left : at.right;
  }
  added.left = null;
  added.right = null;
  added.parent = parent;
  added.red = true;
  if (parent === null) t.root = added;
  else if (added.key < parent.key) parent.left = added;
  else parent.right = added;
  let node = added;
  for (;;) {
    let up = node.parent;
    if (up === null || !up.red) break;
    const grand = up.parent!;
    if (up === grand.left) {
      const uncle = grand.right;
      if (isRed(uncle)) {
        up.red = false;
        uncle!.red = false;
        grand.red = true;
        node = grand;
        continue;
      }
      if (node === up.right) {
        rotateLeft(t, up);
        node = up;
        up = node.parent!;
      }
      up.red = false;
      grand.red = true;
      rotateRight(t, grand);
    } else {
      const uncle = grand.left;
      if (isRed(uncle)) {
        up.red = false;
        uncle!.red = false;
        grand.red = true;
        node = grand;
        continue;
      }
      if (node === up.left) {
        rotateRight(t, up);
        node = up;
        up = node.parent!;
      }
      up.red = false;
      grand.red = true;
      rotateLeft(t, grand);
    }
  }
  t.root!.red = false;
}

function find(t: Tree, key: u64): Node | null {
  let at = t.root;
  while (at !== null && at.key !== key) at = key < at.key ? at.left : at.right;
  return at;
}

/** @export */
export function run(rounds: u64): u64 {
  let sum: u64 = 0;
  let seed: u64 = 88172645463325252;
  for (let r: u64 = 0; r < rounds; r++) {
    tree.root = null;
    for (let i: u64 = 0; i < NODES; i++) {
      seed ^= seed << 13;
      seed ^= seed >> 7;
      seed ^= seed << 17;
      const node = pool[i];
      node.key = seed >> 40;
      insert(tree, node);
    }
    for (let i: u64 = 0; i < NODES; i++) {
      const node = find(tree, pool[i].key + (i & 1));
      if (node !== null) sum += node.key;
    }
  }
  return sum;
}
