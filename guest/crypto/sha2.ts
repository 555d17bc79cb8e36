/**
 * What SHA-256 and SHA-512 have in common (FIPS 180-4 §5): cutting a message into blocks, and the padding of the last one. A block's
 * last eighth is for the message's length in bits, of which 64 bits are ever used.
 */

/** Bytes of a message so far, those of them that fill no block yet, and what compresses a block. */
export class BlockBuffer {
  readonly block: FixedArray<u8, 128>;
  /** Bytes so far. */
  length: u64;

  begin(): void {
    this.length = 0;
  }

  /** Feeds bytes in blocks of `size` bytes (a power of two) to `compress(state, block)`. */
  update(
    address: usize,
    bytes: usize,
    size: u64,
    compress: (state: usize, block: usize) => void,
    state: usize,
  ): void {
    let from = address;
    let left = bytes;
    const buffer = addressOf(this.block);
    const filled = this.length & (size - 1);
    this.length += bytes;
    if (filled !== 0) {
      const room = min<u64>(size - filled, left);
      memory.copy(buffer + filled, from, room);
      if (filled + room < size) return;
      compress(state, buffer);
      from += room;
      left -= room;
    }
    while (left >= size) {
      compress(state, from);
      from += size;
      left -= size;
    }
    memory.copy(buffer, from, left);
  }

  /** A one bit, zeros, and the length: the last block, or the last two. */
  finish(size: u64, compress: (state: usize, block: usize) => void, state: usize): void {
    const bits = this.length << 3;
    const buffer = addressOf(this.block);
    let filled = this.length & (size - 1);
    store<u8>(buffer + filled, 0x80);
    filled++;
    if (filled > size - size / 8) {
      memory.fill(buffer + filled, 0, size - filled);
      compress(state, buffer);
      filled = 0;
    }
    memory.fill(buffer + filled, 0, size - 8 - filled);
    store<u64>(buffer + size - 8, bswap<u64>(bits));
    compress(state, buffer);
  }
}
