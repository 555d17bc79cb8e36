/** SHA-256 of a buffer of 4 KiB (FIPS 180-4). */
const K: FixedArray<u32, 64> = [
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
];
const buffer = zeroed<FixedArray<u8, 4096>>();
const state = zeroed<FixedArray<u32, 8>>();
const w = zeroed<FixedArray<u32, 64>>();

function word(block: Slice<u8>, at: u64): u32 {
  return (u32(block[at]) << 24) | (u32(block[at + 1]) << 16) | (u32(block[at + 2]) << 8) | u32(block[at + 3]);
}

function compress(h: FixedArray<u32, 8>, block: Slice<u8>): void {
  for (let t: u64 = 0; t < 16; t++) w[t] = word(block, t * 4);
  for (let t: u64 = 16; t < 64; t++) {
    const x = w[t - 15];
    const y = w[t - 2];
    const s0 = rotr(x, 7) ^ rotr(x, 18) ^ (x >> 3);
    const s1 = rotr(y, 17) ^ rotr(y, 19) ^ (y >> 10);
    w[t] = w[t - 16] + s0 + w[t - 7] + s1;
  }
  let a = h[0];
  let b = h[1];
  let c = h[2];
  let d = h[3];
  let e = h[4];
  let f = h[5];
  let g = h[6];
  let i = h[7];
  for (let t: u64 = 0; t < 64; t++) {
    const s1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25);
    const choice = (e & f) ^ (~e & g);
    const t1 = i + s1 + choice + K[t] + w[t];
    const s0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const t2 = s0 + majority;
    i = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  h[0] += a;
  h[1] += b;
  h[2] += c;
  h[3] += d;
  h[4] += e;
  h[5] += f;
  h[6] += g;
  h[7] += i;
}

/** @export */
export function run(rounds: u64): u64 {
  for (let i: u64 = 0; i < 4096; i++) buffer[i] = u8(i * 7);
  for (let i: u64 = 0; i < 8; i++) state[i] = u32(i) * 0x9e37_79b9;
  for (let r: u64 = 0; r < rounds; r++) {
    for (let i: u64 = 0; i < 4096; i += 64) compress(state, buffer.subslice(i, i + 64));
  }
  let sum: u64 = 0;
  for (const h of state) sum = sum * 31 + u64(h);
  return sum;
}
