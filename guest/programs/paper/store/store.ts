/**
 * Ordered key-value stores behind one interface, for the paper's comparison of databases: what SQLite asks of its storage. A store has a few
 * trees, each a map from byte strings to byte strings in the order of their bytes. All backends are crash consistent: a commit
 * that has returned survives a power failure, and of a transaction that has not committed nothing does.
 *
 *   native   pages read and written through a file system, with a cache in memory and a write-ahead log (native.ts)
 *   lmdb     a mapped file of copy-on-write pages with two meta pages (lmdb.ts)
 *   pmdk     a red-black tree of 16-byte fat pointers with an undo log (pmdk.ts)
 *   twz      the same tree with persistent pointers and libtwz's transactions (twz.ts)
 *
 * A program has one store of each kind open at a time. There is one writer, and no reader beside it.
 */

/** Trees of a store. */
export const TREES = 4;
/** Bytes of a key, and of a key and its value together, at most: two of them fit into a page. All is fastest with keys at multiples of 8. */
export const MAX_KEY = 255;
export const MAX_PAIR = 1900;
/** Levels of a tree of pages: 2^16 pages more than there are. */
export const MAX_LEVELS = 16;

/** What a store without such a key answers. */
export function absent(): str {
  return strOf(at<Ptr<u8>>(0), 0);
}

export function isAbsent(value: str): bool {
  return value.ptr.address === 0;
}

/** A place among the keys of a tree in their order. No change to the tree while it is used. */
export class Cursor {
  tree: u64;
  valid: bool;
  /** Trees of nodes: the node's address. */
  node: usize;
  /** Trees of pages: the way from the root to a leaf, page numbers and slots. */
  depth: u64;
  readonly pages: FixedArray<u64, 16>;
  readonly slots: FixedArray<u64, 16>;
}

/** What a backend must be able to do. */
export class Backend {
  name: str;
  /** Objects that it keeps its data in. */
  objects: u64;
  /** Makes an empty store of objects of zeros; the addresses of their data. */
  format: (first: usize, second: usize) => void;
  /** Opens a store: undoes, or completes, what a power failure interrupted. */
  open: (first: usize, second: usize) => void;
  begin: () => void;
  commit: () => void;
  /** The value of a key, or `absent()`; good until the next change. */
  get: (tree: u64, key: str) => str;
  /** Within a transaction. */
  put: (tree: u64, key: str, value: str) => void;
  /** Within a transaction; false: there is no such key. */
  remove: (tree: u64, key: str) => bool;
  first: (cursor: Cursor) => void;
  last: (cursor: Cursor) => void;
  /** To the first key that is not below `key`. */
  seek: (cursor: Cursor, key: str) => void;
  next: (cursor: Cursor) => void;
  /** Of a valid cursor; good until the next change. */
  key: (cursor: Cursor) => str;
  value: (cursor: Cursor) => str;
  /** Does a tree keep all rules of its structure? */
  isWhole: (tree: u64) => bool;
}

/** Byte order: below 0, 0, above 0. */
export function compareKeys(a: str, b: str): i32 {
  const order = memory.compare(a.ptr.address, b.ptr.address, min<u64>(a.length, b.length));
  if (order !== 0) return order;
  return a.length < b.length ? -1 : i32(a.length > b.length);
}
