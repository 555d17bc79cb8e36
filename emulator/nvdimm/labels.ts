/**
 * The namespace label area in the format of the UEFI specification 2.10, section 13.19 ("NVDIMM Label Protocol"),
 * version 1.2: two index blocks that take turns, then label slots of 256 bytes. The NVDIMM is made with one label, a
 * persistent-memory namespace over the whole media; afterwards the area is the guest's.
 *
 * Index block, little-endian:
 *
 *     0 sig[16] "NAMESPACE_INDEX\0"    16 flags[3]    19 labelSize (log2 of the slot size - 7)
 *    20 seq u32, 1–3 in turn           24 myOff u64   32 mySize u64   40 otherOff u64   48 labelOff u64
 *    56 nSlot u32                      60 major u16   62 minor u16    64 checksum u64   72 free[], 1 = free
 *
 * Label (256 bytes):
 *
 *     0 uuid[16]   16 name[64]   80 flags u32   84 nLabel u16   86 position u16   88 isetCookie u64
 *    96 lbaSize u64   104 dpa u64   112 rawSize u64   120 slot u32   124 alignment u8   125 reserved[3]
 *   128 typeGuid[16]   144 abstractionGuid[16]   160 reserved[88]   248 checksum u64
 */
export const LABEL_AREA_SIZE = 128 * 1024;
const LABEL_SIZE = 256;
const SIGNATURE = 'NAMESPACE_INDEX\0';
const MAJOR = 1;
const MINOR = 2;
const FREE_OFFSET = 72;
const INDEX_CHECKSUM = 64;
const LABEL_CHECKSUM = 248;

/** EFI_NVDIMM_LABEL: the namespace is persistent memory, accessed by load and store. */
const PERSISTENT_MEMORY_GUID = '66f0d379-b4f3-4074-ac43-0d3318b78cdb';

/** One namespace label. */
export interface NamespaceLabel {
  readonly uuid: Uint8Array;
  readonly name: string;
  /** Device physical address and bytes. */
  readonly dpa: number;
  readonly size: number;
  readonly slot: number;
}

/** Bytes of one index block for an area of `areaSize`, and the number of label slots that fit. */
function geometry(areaSize: number): { indexSize: number; slots: number } {
  // The bitmap of free slots grows with the slots; a multiple of 256 bytes as the specification asks.
  let slots = Math.floor(areaSize / LABEL_SIZE);
  for (;;) {
    const indexSize = Math.ceil((FREE_OFFSET + Math.ceil(slots / 8)) / LABEL_SIZE) * LABEL_SIZE;
    if (2 * indexSize + slots * LABEL_SIZE <= areaSize) return { indexSize, slots };
    slots--;
  }
}

/** The Fletcher64 checksum of the UEFI specification: over 32-bit little-endian words. */
export function fletcher64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let low = 0;
  let high = 0n;
  for (let offset = 0; offset < bytes.length; offset += 4) {
    low = (low + view.getUint32(offset, true)) >>> 0;
    high += BigInt(low);
  }
  return (BigInt.asUintN(32, high) << 32n) | BigInt(low);
}

/** A GUID as the bytes that UEFI stores: the first three fields little-endian. */
export function guidBytes(text: string): Uint8Array {
  const hex = text.replaceAll('-', '');
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}

/**
 * A fresh label area.
 * @param mediaSize bytes of the namespace
 * @param uuid 16 bytes that name it
 */
export function makeLabelArea(mediaSize: number, uuid: Uint8Array, name: string): Uint8Array {
  const area = new Uint8Array(LABEL_AREA_SIZE);
  const { indexSize, slots } = geometry(LABEL_AREA_SIZE);
  for (const [index, seq] of [
    [0, 2],
    [1, 1],
  ] as const) {
    const block = area.subarray(index * indexSize, (index + 1) * indexSize);
    const view = new DataView(block.buffer, block.byteOffset, block.length);
    block.set(new TextEncoder().encode(SIGNATURE));
    block[19] = Math.log2(LABEL_SIZE) - 7;
    view.setUint32(20, seq, true);
    view.setBigUint64(24, BigInt(index * indexSize), true);
    view.setBigUint64(32, BigInt(indexSize), true);
    view.setBigUint64(40, BigInt((1 - index) * indexSize), true);
    view.setBigUint64(48, BigInt(2 * indexSize), true);
    view.setUint32(56, slots, true);
    view.setUint16(60, MAJOR, true);
    view.setUint16(62, MINOR, true);
    for (let slot = 0; slot < slots; slot++) block[FREE_OFFSET + (slot >> 3)]! |= 1 << (slot & 7);
    // Slot 0 holds the label in the newer index block; the older one is from before it was written.
    if (index === 0) block[FREE_OFFSET]! &= ~1;
    view.setBigUint64(INDEX_CHECKSUM, fletcher64(block), true);
  }
  const label = area.subarray(2 * indexSize, 2 * indexSize + LABEL_SIZE);
  const view = new DataView(label.buffer, label.byteOffset, label.length);
  label.set(uuid);
  label.set(new TextEncoder().encode(name).subarray(0, 63), 16);
  view.setUint16(84, 1, true);
  view.setBigUint64(88, fletcher64(uuid), true);
  view.setBigUint64(112, BigInt(mediaSize), true);
  label.set(guidBytes(PERSISTENT_MEMORY_GUID), 128);
  view.setBigUint64(LABEL_CHECKSUM, fletcher64(label), true);
  return area;
}

/** True when a block's stored checksum is right. */
function checksumHolds(block: Uint8Array, offset: number): boolean {
  const copy = block.slice();
  const view = new DataView(copy.buffer);
  const stored = view.getBigUint64(offset, true);
  view.setBigUint64(offset, 0n, true);
  return fletcher64(copy) === stored;
}

/** The labels that an area holds, after the newer valid index block; undefined when no index block is valid. */
export function readLabelArea(area: Uint8Array): NamespaceLabel[] | undefined {
  const { indexSize, slots } = geometry(area.length);
  const valid = [0, 1]
    .map((index) => area.subarray(index * indexSize, (index + 1) * indexSize))
    .filter(
      (block) =>
        new TextDecoder().decode(block.subarray(0, 16)) === SIGNATURE && checksumHolds(block, INDEX_CHECKSUM),
    );
  if (valid.length === 0) return undefined;
  const sequence = (block: Uint8Array): number => block[20]! & 3;
  // Of sequence numbers 1, 2, 3 each is newer than the one before it, and 1 is newer than 3.
  const [a, b] = valid;
  const newest = b === undefined || sequence(a!) === (sequence(b) % 3) + 1 ? a! : b;
  const labels: NamespaceLabel[] = [];
  for (let slot = 0; slot < slots; slot++) {
    if ((newest[FREE_OFFSET + (slot >> 3)]! >> (slot & 7)) & 1) continue;
    const label = area.subarray(2 * indexSize + slot * LABEL_SIZE, 2 * indexSize + (slot + 1) * LABEL_SIZE);
    if (!checksumHolds(label, LABEL_CHECKSUM)) continue;
    const view = new DataView(label.buffer, label.byteOffset, label.length);
    labels.push({
      uuid: label.slice(0, 16),
      name: new TextDecoder().decode(label.subarray(16, 80)).replace(/\0.*$/s, ''),
      dpa: Number(view.getBigUint64(104, true)),
      size: Number(view.getBigUint64(112, true)),
      slot,
    });
  }
  return labels;
}
