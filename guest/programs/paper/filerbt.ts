/**
 * `filerbt`: the tree of ramrbt.ts made to last as programs with files do it: written out record by record in order of depth, the red bit and which
 * children follow beside each key, and built again from that. Reads and writes go through a buffer of 4 KiB, as C's stdio does. Between saving
 * and the next loading nothing of the tree is in the file but what was saved: each change that is to last means writing all of it.
 */
import { Node, Tree } from './ramrbt.ts';
import { File } from './store/file.ts';

const BUFFER = 4096;
/** Flags of a record. */
const RED: u32 = 1;
const HAS_LEFT: u32 = 2;
const HAS_RIGHT: u32 = 4;
/** A record: flags, key. */
const RECORD = 8;

/** A file that is read or written from its beginning on. */
export class Stream {
  readonly file: Inline<File>;
  private offset: u64;
  private used: u64;
  private readonly buffer: FixedArray<u32, 1024>;

  writeRecord(flags: u32, key: u32): void {
    this.buffer[this.used / 4] = flags;
    this.buffer[this.used / 4 + 1] = key;
    this.used += RECORD;
    if (this.used === BUFFER) this.flush();
  }

  private flush(): void {
    this.file.write(this.offset, addressOf(this.buffer), BUFFER);
    this.offset += BUFFER;
    this.used = 0;
  }

  /** Writes what is left; all of it is persistent then. */
  finish(): void {
    if (this.used !== 0) this.flush();
    this.file.sync();
  }

  /** The place in the buffer of the next record. */
  readRecord(): Ptr<u32> {
    if (this.used === 0) {
      this.file.read(this.offset, addressOf(this.buffer), BUFFER);
      this.offset += BUFFER;
    }
    const place = ptrTo(this.buffer[this.used / 4]);
    this.used = (this.used + RECORD) % BUFFER;
    return place;
  }
}

function saveNode(stream: Stream, node: Node): void {
  const left = node.left;
  const right = node.right;
  stream.writeRecord(
    (node.red ? RED : 0) | (left !== null ? HAS_LEFT : 0) | (right !== null ? HAS_RIGHT : 0),
    node.key,
  );
  if (left !== null) saveNode(stream, left);
  if (right !== null) saveNode(stream, right);
}

export function save(tree: Tree, stream: Stream): void {
  const root = tree.root;
  if (root !== null) saveNode(stream, root);
  stream.finish();
}

/** Memory for nodes, one behind the other. */
export class Arena {
  next: usize;

  take(): Node {
    const node = at<Node>(this.next);
    this.next += sizeof<Node>();
    return node;
  }
}

function loadNode(stream: Stream, arena: Arena, parent: Node | null): Node {
  const node = arena.take();
  const record = stream.readRecord();
  const flags = record[0];
  node.key = record[1];
  node.red = (flags & RED) !== 0;
  node.parent = parent;
  node.left = (flags & HAS_LEFT) !== 0 ? loadNode(stream, arena, node) : null;
  node.right = (flags & HAS_RIGHT) !== 0 ? loadNode(stream, arena, node) : null;
  return node;
}

/** Builds the tree that `save` wrote; it has at least one node. */
export function load(tree: Tree, stream: Stream, arena: Arena): void {
  tree.root = loadNode(stream, arena, null);
}
