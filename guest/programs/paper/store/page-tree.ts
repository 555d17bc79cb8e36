/**
 * A B+ tree over pages that a pager provides: the part that file databases have in common. Before a page is changed the pager is asked for
 * it from the root down (`touch`); a pager that copies on write answers with another number, which the parent then gets. Leaves are not linked, as copying
 * one would mean copying all before it: cursors keep their way from the root.
 */
import { innerCell, leafCell, PAGE, Page } from './page.ts';
import { absent, Cursor, compareKeys, MAX_KEY, MAX_LEVELS, MAX_PAIR } from './store.ts';

/** A page below this many bytes in use is merged with a neighbour if both fit into one. */
const FEW = 1024;

/** Where pages come from. Page 0 is none. */
export class Pager {
  /** The address of a page, for reading; good until some ten others have been asked for. */
  page(_number: u64): usize {
    panic('a pager reads pages');
  }
  /** The number under which the page may be changed in this transaction. */
  touch(_number: u64): u64 {
    panic('a pager changes pages');
  }
  /** A new page that may be changed. */
  fresh(): u64 {
    panic('a pager makes pages');
  }
  /** Gives back a page that no other leads to. */
  release(_number: u64): void {
    panic('a pager takes pages back');
  }
  /** Does `touch` give pages other numbers? */
  copies(): bool {
    panic('a pager knows its kind');
  }
  root(_tree: u64): u64 {
    panic('a pager knows roots');
  }
  setRoot(_tree: u64, _number: u64): void {
    panic('a pager keeps roots');
  }
}

export class PageTree<P extends Pager> {
  pager: P;
  private readonly path: Inline<Cursor>;

  private page(number: u64): Page {
    return at<Page>(this.pager.page(number));
  }

  /** From the root to the leaf that has `key`, or would. */
  private descend(cursor: Cursor, key: str): Page | null {
    let number = this.pager.root(cursor.tree);
    cursor.depth = 0;
    if (number === 0) return null;
    for (;;) {
      const page = this.page(number);
      unchecked((cursor.pages[cursor.depth] = number));
      if (page.isLeaf) {
        cursor.depth++;
        return page;
      }
      const slot = page.childSlot(key);
      unchecked((cursor.slots[cursor.depth] = slot));
      cursor.depth++;
      number = page.child(slot);
    }
  }

  get(tree: u64, key: str): str {
    let number = this.pager.root(tree);
    if (number === 0) return absent();
    for (;;) {
      const page = this.page(number);
      if (page.isLeaf) {
        const slot = page.lowerBound(key);
        if (slot === u64(page.count) || compareKeys(page.key(slot), key) !== 0) return absent();
        return page.value(slot);
      }
      number = page.child(page.childSlot(key));
    }
  }

  /** Makes the leaf at the end of the path one that may be changed; with a pager that copies, all pages that lead to it, too. */
  private touchPath(tree: u64): void {
    const path = this.path;
    for (let level = this.pager.copies() ? 0 : path.depth - 1; level < path.depth; level++) {
      const old = path.pages[level];
      const number = this.pager.touch(old);
      if (number === old) continue;
      path.pages[level] = number;
      if (level === 0) this.pager.setRoot(tree, number);
      else this.page(path.pages[level - 1]).setChild(path.slots[level - 1], number);
    }
  }

  /** A page of the path, to be changed. */
  private writable(level: u64): Page {
    return this.page(this.pager.touch(this.path.pages[level]));
  }

  put(tree: u64, key: str, value: str): void {
    assert(key.length <= MAX_KEY && key.length + value.length <= MAX_PAIR, 'a pair is too large for a page');
    const path = this.path;
    path.tree = tree;
    const leaf = this.descend(path, key);
    if (leaf === null) {
      const number = this.pager.fresh();
      this.page(number).initialise(0);
      this.page(number).insertPair(0, key, value);
      this.pager.setRoot(tree, number);
      return;
    }
    const slot = leaf.lowerBound(key);
    const found = slot < u64(leaf.count) && compareKeys(leaf.key(slot), key) === 0;
    this.touchPath(tree);
    const page = this.page(path.pages[path.depth - 1]);
    if (found) {
      const old = page.value(slot);
      if (old.length === value.length) {
        memory.copy(old.ptr.address, value.ptr.address, value.length);
        return;
      }
      page.removeCell(slot);
    }
    if (page.room >= leafCell(key.length, value.length) + 2) page.insertPair(slot, key, value);
    else this.splitLeaf(slot, key, value);
  }

  /** Moves the upper cells of the leaf at the end of the path to a new one, and inserts a pair. */
  private splitLeaf(slot: u64, key: str, value: str): void {
    const path = this.path;
    const number = path.pages[path.depth - 1];
    const rightNumber = this.pager.fresh();
    const right = this.page(rightNumber);
    const left = this.page(number);
    right.initialise(0);
    const middle = splitPoint(left, slot, leafCell(key.length, value.length));
    right.take(left, middle, u64(left.count));
    while (u64(left.count) > middle) left.removeCell(u64(left.count) - 1);
    // At the split point either side may be the one with room.
    const goesLeft =
      slot < middle ||
      (slot === middle && middle !== 0 && left.room >= leafCell(key.length, value.length) + 2);
    if (goesLeft && !(slot === middle && right.count === 0)) left.insertPair(slot, key, value);
    else right.insertPair(slot - middle, key, value);
    this.insertAbove(path.depth - 1, rightNumber);
  }

  /** Enters a new page, right of the one at `level` of the path, into the page above. Its first key parts the two. */
  private insertAbove(level: u64, added: u64): void {
    const path = this.path;
    const buffer = stack<FixedArray<u64, 32>>();
    const key = keep(buffer, this.page(added).key(0));
    if (level === 0) {
      if (path.depth >= MAX_LEVELS) panic('the tree is too high');
      const root = this.pager.fresh();
      const page = this.page(root);
      page.initialise(u64(this.page(path.pages[0]).level) + 1);
      page.insertChild(0, '', path.pages[0]);
      page.insertChild(1, key, added);
      this.pager.setRoot(path.tree, root);
      return;
    }
    const number = path.pages[level - 1];
    const slot = path.slots[level - 1] + 1;
    const page = this.writable(level - 1);
    if (page.room >= innerCell(key.length) + 2) {
      page.insertChild(slot, key, added);
      return;
    }
    const rightNumber = this.pager.fresh();
    const right = this.page(rightNumber);
    const left = this.page(number);
    right.initialise(u64(left.level));
    const middle = splitPoint(left, slot, innerCell(key.length));
    right.take(left, middle, u64(left.count));
    while (u64(left.count) > middle) left.removeCell(u64(left.count) - 1);
    if (slot <= middle && !(slot === middle && right.count === 0)) left.insertChild(slot, key, added);
    else right.insertChild(slot - middle, key, added);
    this.insertAbove(level - 1, rightNumber);
  }

  remove(tree: u64, key: str): bool {
    const path = this.path;
    path.tree = tree;
    const leaf = this.descend(path, key);
    if (leaf === null) return false;
    const slot = leaf.lowerBound(key);
    if (slot === u64(leaf.count) || compareKeys(leaf.key(slot), key) !== 0) return false;
    this.touchPath(tree);
    this.page(path.pages[path.depth - 1]).removeCell(slot);
    this.shrink(path.depth - 1);
    return true;
  }

  /** The page at `level` of the path has lost a cell: it goes when it is empty, or joins a neighbour when both fit into one. */
  private shrink(level: u64): void {
    const path = this.path;
    const number = path.pages[level];
    const page = this.page(number);
    if (level === 0) {
      if (page.count === 0) {
        this.pager.setRoot(path.tree, 0);
        this.pager.release(number);
      } else if (!page.isLeaf && page.count === 1) {
        this.pager.setRoot(path.tree, page.child(0));
        this.pager.release(number);
      }
      return;
    }
    const slot = path.slots[level - 1];
    if (page.count !== 0) {
      if (PAGE - page.room > FEW) return;
      if (this.page(path.pages[level - 1]).count === 1) return;
      if (!this.merge(level - 1, slot === 0 ? 0 : slot - 1)) return;
    } else {
      this.writable(level - 1).removeCell(slot);
      this.pager.release(number);
    }
    this.shrink(level - 1);
  }

  /** Joins the children at `slot` and `slot + 1` of a page of the path if they fit into one. */
  private merge(level: u64, slot: u64): bool {
    const above = this.path.pages[level];
    const leftOld = this.page(above).child(slot);
    const rightNumber = this.page(above).child(slot + 1);
    const parting = this.page(above).key(slot + 1).length;
    const used = PAGE - this.page(rightNumber).room;
    const extra: u64 = this.page(leftOld).isLeaf ? 0 : innerCell(parting);
    if (this.page(leftOld).room < used + extra) return false;
    this.pager.touch(above);
    const leftNumber = this.pager.touch(leftOld);
    if (leftNumber !== leftOld) this.page(above).setChild(slot, leftNumber);
    const right = this.page(rightNumber);
    const left = this.page(leftNumber);
    let from: u64 = 0;
    if (!left.isLeaf) {
      // The first key of an inner page says nothing: what parted the two pages takes its place.
      left.insertChild(u64(left.count), this.page(above).key(slot + 1), right.child(0));
      from = 1;
    }
    left.take(right, from, u64(right.count));
    this.page(above).removeCell(slot + 1);
    this.pager.release(rightNumber);
    return true;
  }

  first(cursor: Cursor): void {
    this.goDown(cursor, this.pager.root(cursor.tree), 0, false);
  }

  last(cursor: Cursor): void {
    this.goDown(cursor, this.pager.root(cursor.tree), 0, true);
  }

  /** From a page to the first, or last, key below it. */
  private goDown(cursor: Cursor, start: u64, depth: u64, toEnd: bool): void {
    let number = start;
    cursor.depth = depth;
    cursor.valid = number !== 0;
    while (number !== 0) {
      const page = this.page(number);
      const slot: u64 = toEnd ? u64(page.count) - 1 : 0;
      unchecked((cursor.pages[cursor.depth] = number));
      unchecked((cursor.slots[cursor.depth] = slot));
      cursor.depth++;
      number = page.isLeaf ? 0 : page.child(slot);
    }
  }

  seek(cursor: Cursor, key: str): void {
    const leaf = this.descend(cursor, key);
    cursor.valid = leaf !== null;
    if (leaf === null) return;
    const slot = leaf.lowerBound(key);
    unchecked((cursor.slots[cursor.depth - 1] = slot));
    if (slot === u64(leaf.count)) this.nextLeaf(cursor);
  }

  next(cursor: Cursor): void {
    const level = cursor.depth - 1;
    const slot = unchecked(cursor.slots[level]) + 1;
    unchecked((cursor.slots[level] = slot));
    if (slot === u64(this.page(unchecked(cursor.pages[level])).count)) this.nextLeaf(cursor);
  }

  private nextLeaf(cursor: Cursor): void {
    for (let level = cursor.depth - 1; level > 0; level--) {
      const slot = cursor.slots[level - 1] + 1;
      const page = this.page(cursor.pages[level - 1]);
      if (slot === u64(page.count)) continue;
      cursor.slots[level - 1] = slot;
      this.goDown(cursor, page.child(slot), level, false);
      return;
    }
    cursor.valid = false;
  }

  key(cursor: Cursor): str {
    const level = cursor.depth - 1;
    return this.page(unchecked(cursor.pages[level])).key(unchecked(cursor.slots[level]));
  }

  value(cursor: Cursor): str {
    const level = cursor.depth - 1;
    return this.page(unchecked(cursor.pages[level])).value(unchecked(cursor.slots[level]));
  }

  /** Are all keys in order, within the bounds that the pages above set, all leaves equally deep, and no page empty? */
  isWhole(tree: u64): bool {
    const root = this.pager.root(tree);
    return root === 0 || this.wholePage(root, u64(this.page(root).level), absent(), absent());
  }

  private wholePage(number: u64, level: u64, low: str, high: str): bool {
    const page = this.page(number);
    const count = u64(page.count);
    if (u64(page.level) !== level || count === 0 || page.cells < HEADER_END) return false;
    const lowKey = stack<FixedArray<u64, 32>>();
    const highKey = stack<FixedArray<u64, 32>>();
    for (let slot: u64 = 0; slot < count; slot++) {
      // Pages may move when others are read, so keys are copied.
      const own = this.page(number);
      const from = !own.isLeaf && slot === 0 ? low : keep(lowKey, own.key(slot));
      const to = slot + 1 < count ? keep(highKey, own.key(slot + 1)) : high;
      if (from.ptr.address !== 0 && low.ptr.address !== 0 && compareKeys(from, low) < 0) return false;
      if (from.ptr.address !== 0 && to.ptr.address !== 0 && compareKeys(from, to) >= 0) return false;
      if (!own.isLeaf && !this.wholePage(own.child(slot), level - 1, from, to)) return false;
    }
    return true;
  }
}

/** Bytes of a page before its offsets. */
const HEADER_END = 16;

/** A copy of a key, at a multiple of 8. */
function keep(buffer: FixedArray<u64, 32>, key: str): str {
  memory.copy(addressOf(buffer), key.ptr.address, key.length);
  return strOf(changetype<Ptr<u8>>(buffer.ptr), key.length);
}

/**
 * Where a full page is parted, when a cell of `size` bytes is to come to `slot`: the middle by bytes; at the very end for keys that only ever
 * grow, so that they fill their pages. Both sides have room for the cell then.
 */
function splitPoint(page: Page, slot: u64, size: u64): u64 {
  const count = u64(page.count);
  if (slot === count) return count - (page.isLeaf ? 0 : 1);
  let total: u64 = size + 2;
  for (let i: u64 = 0; i < count; i++) total += page.cellSize(i) + 2;
  let before: u64 = 0;
  for (let i: u64 = 0; i < count; i++) {
    const own = page.cellSize(i) + 2 + (i === slot ? size + 2 : 0);
    if (before + own > total / 2 && i !== 0) {
      // What does not fit on the right with the new cell fits on the left: no cell takes half a page.
      return slot > i && total - before > PAGE - HEADER_END ? i + 1 : i;
    }
    before += own;
  }
  return count - 1;
}
