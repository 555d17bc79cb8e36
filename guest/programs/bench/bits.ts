/** Bit tricks: reversal, interleaving, Gray codes, next permutation, parity, counting and scanning a bitmap. */
const bitmap = zeroed<FixedArray<u64, 64>>();

function reverse(value: u64): u64 {
  let v = value;
  v = ((v >> 1) & 0x5555_5555_5555_5555) | ((v & 0x5555_5555_5555_5555) << 1);
  v = ((v >> 2) & 0x3333_3333_3333_3333) | ((v & 0x3333_3333_3333_3333) << 2);
  v = ((v >> 4) & 0x0f0f_0f0f_0f0f_0f0f) | ((v & 0x0f0f_0f0f_0f0f_0f0f) << 4);
  return bswap(v);
}

function spread(value: u32): u64 {
  let v = u64(value);
  v = (v | (v << 16)) & 0x0000_ffff_0000_ffff;
  v = (v | (v << 8)) & 0x00ff_00ff_00ff_00ff;
  v = (v | (v << 4)) & 0x0f0f_0f0f_0f0f_0f0f;
  v = (v | (v << 2)) & 0x3333_3333_3333_3333;
  v = (v | (v << 1)) & 0x5555_5555_5555_5555;
  return v;
}

function nextPermutation(value: u64): u64 {
  const low = value & (0 - value);
  const ripple = value + low;
  return ripple | (((value ^ ripple) >> 2) >> ctz(low));
}

function firstFree(): u64 {
  for (let i: u64 = 0; i < 64; i++) {
    const word = bitmap[i];
    if (word !== ~u64(0)) {
      const bit = ctz(~word);
      bitmap[i] = word | (u64(1) << bit);
      return i * 64 + bit;
    }
  }
  return ~u64(0);
}

/** @export */
export function run(rounds: u64): u64 {
  let sum: u64 = 0;
  for (let r: u64 = 0; r < rounds; r++) {
    let permutation: u64 = 0xff;
    for (let i: u64 = 0; i < 64; i++) bitmap[i] = 0;
    for (let i: u64 = 0; i < 1000; i++) {
      const x = i * 0x9e37_79b9_7f4a_7c15;
      sum += reverse(x);
      sum ^= spread(u32(x)) | (spread(u32(x >> 32)) << 1);
      sum += x ^ (x >> 1);
      permutation = nextPermutation(permutation);
      sum += popcnt(x) + clz(permutation);
      sum += firstFree();
    }
  }
  return sum;
}
