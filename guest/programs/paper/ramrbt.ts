/** `ramrbt`: a red-black tree in volatile memory, as any textbook has it (Cormen et al.). What `twzrbt` and `unixrbt` are compared with. */

export class Node {
  key: u32;
  red: bool;
  left: Node | null;
  right: Node | null;
  parent: Node | null;
}

export class Tree {
  root: Node | null;

  find(key: u32): Node | null {
    let node = this.root;
    while (node !== null && node.key !== key) node = key < node.key ? node.left : node.right;
    return node;
  }

  insert(node: Node, key: u32): bool {
    let parent: Node | null = null;
    let place = this.root;
    while (place !== null) {
      if (place.key === key) return false;
      parent = place;
      place = key < place.key ? place.left : place.right;
    }
    node.key = key;
    node.red = true;
    node.parent = parent;
    if (parent === null) this.root = node;
    else if (key < parent.key) parent.left = node;
    else parent.right = node;
    this.balance(node);
    return true;
  }

  private balance(start: Node): void {
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
        this.rotateLeft(parent);
        top = node;
      } else if (!onLeft && parent.left === node) {
        this.rotateRight(parent);
        top = node;
      }
      top.red = false;
      grand.red = true;
      if (onLeft) this.rotateRight(grand);
      else this.rotateLeft(grand);
      break;
    }
    this.root!.red = false;
  }

  private replace(node: Node, by: Node): void {
    const parent = node.parent;
    if (parent === null) this.root = by;
    else if (parent.left === node) parent.left = by;
    else parent.right = by;
    by.parent = parent;
  }

  private rotateLeft(node: Node): void {
    const right = node.right!;
    const middle = right.left;
    node.right = middle;
    if (middle !== null) middle.parent = node;
    this.replace(node, right);
    right.left = node;
    node.parent = right;
  }

  private rotateRight(node: Node): void {
    const left = node.left!;
    const middle = left.right;
    node.left = middle;
    if (middle !== null) middle.parent = node;
    this.replace(node, left);
    left.right = node;
    node.parent = left;
  }
}
