/** A B-tree with up to 15 keys a node: insertions with splitting on the way down, then lookups. */
const KEYS = 15;
const NODES = 2048;

class Node {
  count: u32;
  leaf: bool;
  readonly keys: FixedArray<u64, typeof KEYS>;
  readonly children: FixedArray<Node | null, 16>;
}

const pool = zeroed<FixedArray<Inline<Node>, typeof NODES>>();
let used: u64 = 0;

function allocate(leaf: bool): Node {
  const node = pool[used];
  used++;
  node.count = 0;
  node.leaf = leaf;
  return node;
}

function splitChild(parent: Node, index: u32, child: Node): void {
  const right = allocate(child.leaf);
  const half: u32 = KEYS / 2;
  right.count = half;
  for (let i: u32 = 0; i < half; i++) right.keys[i] = child.keys[i + half + 1];
  if (!child.leaf) {
    for (let i: u32 = 0; i <= half; i++) right.children[i] = child.children[i + half + 1];
  }
  child.count = half;
  for (let i = parent.count; i > index; i--) {
    parent.children[i + 1] = parent.children[i];
    parent.keys[i] = parent.keys[i - 1];
  }
  parent.children[index + 1] = right;
  parent.keys[index] = child.keys[half];
  parent.count++;
}

function position(node: Node, key: u64): u32 {
  let i: u32 = 0;
  while (i < node.count && node.keys[i] < key) i++;
  return i;
}

function insert(root: Node, key: u64): Node {
  let top = root;
  if (root.count === KEYS) {
    top = allocate(false);
    top.children[0] = root;
    splitChild(top, 0, root);
  }
  let node = top;
  while (!node.leaf) {
    let i = position(node, key);
    let child = node.children[i]!;
    if (child.count === KEYS) {
      splitChild(node, i, child);
      if (node.keys[i] < key) i++;
      child = node.children[i]!;
    }
    node = child;
  }
  let i = node.count;
  while (i > 0 && node.keys[i - 1] > key) {
    node.keys[i] = node.keys[i - 1];
    i--;
  }
  node.keys[i] = key;
  node.count++;
  return top;
}

function contains(root: Node, key: u64): bool {
  let node = root;
  for (;;) {
    const i = position(node, key);
    if (i < node.count && node.keys[i] === key) return true;
    if (node.leaf) return false;
    node = node.children[i]!;
  }
}

/** @export */
export function run(rounds: u64): u64 {
  let sum: u64 = 0;
  for (let r: u64 = 0; r < rounds; r++) {
    used = 0;
    let root = allocate(true);
    let seed: u64 = 1234567;
    for (let i: u64 = 0; i < 5000; i++) {
      seed = seed * 6364136223846793005 + 1442695040888963407;
      root = insert(root, seed >> 44);
    }
    seed = 1234567;
    for (let i: u64 = 0; i < 5000; i++) {
      seed = seed * 6364136223846793005 + 1442695040888963407;
      if (contains(root, (seed >> 44) + (i & 1))) sum += i;
    }
  }
  return sum;
}
