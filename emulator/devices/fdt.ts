/**
 * Device trees: building, flattening into the DTB format that firmware and kernels read, and reading it back
 * (Devicetree Specification 0.4, chapter 5 "Flattened Devicetree (DTB) Format", version 17). Cells are 32-bit
 * big-endian; properties keep the order in which they were set, so the same machine gives the same bytes.
 */
import { UserError } from '../errors.ts';

const MAGIC = 0xd00dfeed;
const VERSION = 17;
const LAST_COMPATIBLE_VERSION = 16;
const HEADER_SIZE = 40;
/** One reservation entry of zeroes ends the (always empty) memory reservation block. */
const RESERVATION_SIZE = 16;

/** Structure block tokens. */
const TOKEN = { beginNode: 1, endNode: 2, property: 3, nop: 4, end: 9 } as const;

/** Byte offsets of the header's 32-bit words. */
const HEADER = {
  magic: 0,
  totalSize: 4,
  structureOffset: 8,
  stringsOffset: 12,
  reservationOffset: 16,
  version: 20,
  lastCompatibleVersion: 24,
  bootHart: 28,
  stringsSize: 32,
  structureSize: 36,
} as const;

/** A node of a device tree. The root's name is empty. */
export class TreeNode {
  readonly properties = new Map<string, Uint8Array>();
  readonly children: TreeNode[] = [];

  constructor(readonly name: string) {}

  /** Adds and returns a child. */
  child(name: string): TreeNode {
    const node = new TreeNode(name);
    this.children.push(node);
    return node;
  }

  /** A property without value. */
  flag(name: string): this {
    return this.bytes(name, new Uint8Array());
  }

  bytes(name: string, value: Uint8Array): this {
    this.properties.set(name, value);
    return this;
  }

  /** One or more 32-bit cells. */
  cells(name: string, ...values: number[]): this {
    const bytes = new Uint8Array(values.length * 4);
    const view = new DataView(bytes.buffer);
    values.forEach((value, index) => {
      view.setUint32(index * 4, value);
    });
    return this.bytes(name, bytes);
  }

  /** One or more 64-bit values (below 2^53), two cells each, as under `#address-cells = 2`. */
  cells64(name: string, ...values: number[]): this {
    return this.cells(name, ...values.flatMap((value) => [Math.floor(value / 2 ** 32), value >>> 0]));
  }

  /** One or more zero-terminated strings. */
  strings(name: string, ...values: string[]): this {
    return this.bytes(name, new TextEncoder().encode(values.map((value) => `${value}\0`).join('')));
  }

  /** The node at a path of names below this one (`soc/serial@10000000`), or undefined. */
  find(path: string): TreeNode | undefined {
    return path
      .split('/')
      .filter(Boolean)
      .reduce<TreeNode | undefined>(
        (node, name) => node?.children.find((child) => child.name === name),
        this,
      );
  }
}

/** The DTB of a tree. `bootHart` is the physical ID of the hart that boots. */
export function flattenTree(root: TreeNode, bootHart = 0): Uint8Array<ArrayBuffer> {
  const strings = new StringTable();
  const structure: number[] = [];
  const word = (value: number) =>
    structure.push(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
  const padded = (bytes: Uint8Array) => {
    for (const byte of bytes) structure.push(byte);
    while (structure.length % 4 !== 0) structure.push(0);
  };
  const emit = (node: TreeNode) => {
    word(TOKEN.beginNode);
    padded(new TextEncoder().encode(`${node.name}\0`));
    for (const [name, value] of node.properties) {
      word(TOKEN.property);
      word(value.length);
      word(strings.offsetOf(name));
      padded(value);
    }
    for (const child of node.children) emit(child);
    word(TOKEN.endNode);
  };
  emit(root);
  word(TOKEN.end);

  const structureOffset = HEADER_SIZE + RESERVATION_SIZE;
  const stringsOffset = structureOffset + structure.length;
  const stringBytes = strings.bytes();
  const blob = new Uint8Array(stringsOffset + stringBytes.length);
  const view = new DataView(blob.buffer);
  view.setUint32(HEADER.magic, MAGIC);
  view.setUint32(HEADER.totalSize, blob.length);
  view.setUint32(HEADER.structureOffset, structureOffset);
  view.setUint32(HEADER.stringsOffset, stringsOffset);
  view.setUint32(HEADER.reservationOffset, HEADER_SIZE);
  view.setUint32(HEADER.version, VERSION);
  view.setUint32(HEADER.lastCompatibleVersion, LAST_COMPATIBLE_VERSION);
  view.setUint32(HEADER.bootHart, bootHart);
  view.setUint32(HEADER.stringsSize, stringBytes.length);
  view.setUint32(HEADER.structureSize, structure.length);
  blob.set(structure, structureOffset);
  blob.set(stringBytes, stringsOffset);
  return blob;
}

/** Reads a DTB. @throws UserError naming `name` when it is damaged. */
export function parseTree(blob: Uint8Array, name = 'device tree'): TreeNode {
  const fail = (what: string): never => {
    throw new UserError(`${name}: ${what}`);
  };
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  if (blob.length < HEADER_SIZE || view.getUint32(HEADER.magic) !== MAGIC) fail('not a device tree blob');
  if (view.getUint32(HEADER.totalSize) > blob.length) fail('truncated device tree blob');
  if (view.getUint32(HEADER.lastCompatibleVersion) > VERSION) fail('device tree blob of a newer version');
  const strings = view.getUint32(HEADER.stringsOffset);
  const end = view.getUint32(HEADER.totalSize);
  let at = view.getUint32(HEADER.structureOffset);
  const word = (): number => {
    if (at + 4 > end) fail('the structure block runs past the end');
    at += 4;
    return view.getUint32(at - 4);
  };
  const stringAt = (offset: number): string => {
    const stop = offset < end ? blob.indexOf(0, offset) : -1;
    if (stop < 0 || stop >= end) fail('a string runs past the end');
    return Buffer.from(blob.buffer, blob.byteOffset + offset, stop - offset).toString('utf8');
  };
  const align = () => {
    at = (at + 3) & ~3;
  };

  const holder = new TreeNode('');
  const open: TreeNode[] = [holder];
  for (;;) {
    const node = open[open.length - 1]!;
    switch (word()) {
      case TOKEN.beginNode: {
        const nodeName = stringAt(at);
        at += Buffer.byteLength(nodeName) + 1;
        align();
        open.push(node.child(nodeName));
        break;
      }
      case TOKEN.endNode:
        if (open.length === 1) fail('a node ends that never began');
        open.pop();
        break;
      case TOKEN.property: {
        const length = word();
        const propertyName = stringAt(strings + word());
        if (at + length > end) fail(`property '${propertyName}' runs past the end`);
        node.bytes(propertyName, blob.slice(at, at + length));
        at += length;
        align();
        break;
      }
      case TOKEN.nop:
        break;
      case TOKEN.end:
        return open.length === 1 && holder.children.length === 1
          ? holder.children[0]!
          : fail('the structure block ends inside a node');
      default:
        fail(`unknown token at structure byte ${at - 4}`);
    }
  }
}

/** The strings block: each name once. */
class StringTable {
  private readonly offsets = new Map<string, number>();
  private size = 0;

  offsetOf(name: string): number {
    let offset = this.offsets.get(name);
    if (offset === undefined) {
      offset = this.size;
      this.offsets.set(name, offset);
      this.size += Buffer.byteLength(name) + 1;
    }
    return offset;
  }

  bytes(): Uint8Array {
    return new TextEncoder().encode([...this.offsets.keys()].map((name) => `${name}\0`).join(''));
  }
}
