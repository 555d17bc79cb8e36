/**
 * A persistent (immutable, shared) map from page index to page contents: what a snapshot remembers of memory. Making
 * a changed copy shares all that is equal, and comparing two costs in proportion to what differs, so a tree of
 * thousands of snapshots costs what their pages cost.
 *
 * A radix tree of three levels over 21 bits of page index, 7 bits each.
 */
const BITS = 7;
const FANOUT = 1 << BITS;
const MASK = FANOUT - 1;

type Leaf = (Uint8Array | undefined)[];
type Middle = (Leaf | undefined)[];
export type PageTree = readonly (Middle | undefined)[];

export const EMPTY_TREE: PageTree = [];

/** The contents of a page, or undefined if the tree does not have it. */
export function getPage(tree: PageTree, page: number): Uint8Array | undefined {
  return tree[page >>> (2 * BITS)]?.[(page >>> BITS) & MASK]?.[page & MASK];
}

/** A tree like `tree` with the given pages replaced. `pages` and `contents` run in parallel. */
export function withPages(
  tree: PageTree,
  pages: readonly number[],
  contents: readonly Uint8Array[],
): PageTree {
  if (pages.length === 0) return tree;
  const root = tree.slice();
  // Nodes that this call has copied already and may change.
  const own = new Set<Middle | Leaf>();
  for (let i = 0; i < pages.length; i++) {
    const page = pages[i]!;
    const middle = ownCopy(root, page >>> (2 * BITS), own);
    const leaf = ownCopy(middle, (page >>> BITS) & MASK, own);
    leaf[page & MASK] = contents[i]!;
  }
  return root;
}

function ownCopy<T extends Middle | Leaf>(
  parent: (T | undefined)[],
  index: number,
  own: Set<Middle | Leaf>,
): T {
  const old = parent[index];
  if (old !== undefined && own.has(old)) return old;
  const copy = (old === undefined ? [] : old.slice()) as T;
  parent[index] = copy;
  own.add(copy);
  return copy;
}

/** Calls `visit` for each page whose contents differ (as objects) between two trees. */
export function forEachDifference(a: PageTree, b: PageTree, visit: (page: number) => void): void {
  if (a === b) return;
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const am = a[i];
    const bm = b[i];
    if (am === bm) continue;
    for (let j = 0; j < Math.max(am?.length ?? 0, bm?.length ?? 0); j++) {
      const al = am?.[j];
      const bl = bm?.[j];
      if (al === bl) continue;
      for (let k = 0; k < Math.max(al?.length ?? 0, bl?.length ?? 0); k++)
        if (al?.[k] !== bl?.[k]) visit((i << (2 * BITS)) | (j << BITS) | k);
    }
  }
}

/** Calls `visit` for each page of a tree. */
export function forEachPage(tree: PageTree, visit: (page: number, content: Uint8Array) => void): void {
  tree.forEach((middle, i) => {
    middle?.forEach((leaf, j) => {
      leaf?.forEach((content, k) => {
        if (content !== undefined) visit((i << (2 * BITS)) | (j << BITS) | k, content);
      });
    });
  });
}
