/**
 * `unixrbt`: the tree of ramrbt.ts in a file that is mapped at another address each time. Links are offsets from the beginning of the file, 0 is
 * none, and each use of one adds the address where the file is mapped now. A tree over several files would need more: a file's number
 * beside each offset, and a table of where each is mapped.
 */

export class Node {
  key: u32;
  red: bool;
  left: u64;
  right: u64;
  parent: u64;
}

/** Beginning of the file's data. */
export class Tree {
  root: u64;

  find(base: usize, key: u32): Node | null {
    let offset = this.root;
    while (offset !== 0) {
      const node = at<Node>(base + offset);
      if (node.key === key) return node;
      offset = key < node.key ? node.left : node.right;
    }
    return null;
  }

  insert(base: usize, offset: u64, key: u32): bool {
    let parent: u64 = 0;
    let place = this.root;
    while (place !== 0) {
      const node = at<Node>(base + place);
      if (node.key === key) return false;
      parent = place;
      place = key < node.key ? node.left : node.right;
    }
    const made = at<Node>(base + offset);
    made.key = key;
    made.red = true;
    made.parent = parent;
    if (parent === 0) this.root = offset;
    else if (key < at<Node>(base + parent).key) at<Node>(base + parent).left = offset;
    else at<Node>(base + parent).right = offset;
    this.balance(base, offset);
    return true;
  }

  private balance(base: usize, start: u64): void {
    let node = start;
    for (;;) {
      const parent = at<Node>(base + node).parent;
      if (parent === 0 || !at<Node>(base + parent).red) break;
      const grand = at<Node>(base + parent).parent;
      const onLeft = at<Node>(base + grand).left === parent;
      const uncle = onLeft ? at<Node>(base + grand).right : at<Node>(base + grand).left;
      if (uncle !== 0 && at<Node>(base + uncle).red) {
        at<Node>(base + parent).red = false;
        at<Node>(base + uncle).red = false;
        at<Node>(base + grand).red = true;
        node = grand;
        continue;
      }
      let top = parent;
      if (onLeft && at<Node>(base + parent).right === node) {
        this.rotateLeft(base, parent);
        top = node;
      } else if (!onLeft && at<Node>(base + parent).left === node) {
        this.rotateRight(base, parent);
        top = node;
      }
      at<Node>(base + top).red = false;
      at<Node>(base + grand).red = true;
      if (onLeft) this.rotateRight(base, grand);
      else this.rotateLeft(base, grand);
      break;
    }
    at<Node>(base + this.root).red = false;
  }

  private replace(base: usize, node: u64, by: u64): void {
    const parent = at<Node>(base + node).parent;
    if (parent === 0) this.root = by;
    else if (at<Node>(base + parent).left === node) at<Node>(base + parent).left = by;
    else at<Node>(base + parent).right = by;
    at<Node>(base + by).parent = parent;
  }

  private rotateLeft(base: usize, node: u64): void {
    const right = at<Node>(base + node).right;
    const middle = at<Node>(base + right).left;
    at<Node>(base + node).right = middle;
    if (middle !== 0) at<Node>(base + middle).parent = node;
    this.replace(base, node, right);
    at<Node>(base + right).left = node;
    at<Node>(base + node).parent = right;
  }

  private rotateRight(base: usize, node: u64): void {
    const left = at<Node>(base + node).left;
    const middle = at<Node>(base + left).right;
    at<Node>(base + node).left = middle;
    if (middle !== 0) at<Node>(base + middle).parent = node;
    this.replace(base, node, left);
    at<Node>(base + left).right = node;
    at<Node>(base + node).parent = left;
  }
}
