/** CRC-32 (IEEE 802.3, reflected) by table, a byte at a time; the table is made first. */
const SIZE = 8192;
const table = zeroed<FixedArray<u32, 256>>();
const buffer = zeroed<FixedArray<u8, typeof SIZE>>();

function makeTable(): void {
  for (let i: u32 = 0; i < 256; i++) {
    let c = i;
    for (let k = 0; k < 8; k++) c = (c & 1) !== 0 ? 0xedb8_8320 ^ (c >> 1) : c >> 1;
    table[i] = c;
  }
}

function crc32(bytes: Slice<u8>): u32 {
  let c: u32 = 0xffff_ffff;
  for (const byte of bytes) c = table[u8(c) ^ byte] ^ (c >> 8);
  return ~c;
}

/** @export */
export function run(rounds: u64): u64 {
  makeTable();
  for (let i: u64 = 0; i < SIZE; i++) buffer[i] = u8((i * i) >> 3);
  let sum: u64 = 0;
  for (let r: u64 = 0; r < rounds; r++) {
    buffer[r & (SIZE - 1)] ^= 0x55;
    sum = sum * 31 + u64(crc32(buffer));
  }
  return sum;
}
