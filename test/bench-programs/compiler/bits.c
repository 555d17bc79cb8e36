/* Bit tricks: reversal, interleaving, Gray codes, next permutation, parity, counting and scanning a bitmap. */
#include <stdint.h>
static uint64_t bitmap[64];

static uint64_t reverse(uint64_t v) {
  v = ((v >> 1) & 0x5555555555555555) | ((v & 0x5555555555555555) << 1);
  v = ((v >> 2) & 0x3333333333333333) | ((v & 0x3333333333333333) << 2);
  v = ((v >> 4) & 0x0f0f0f0f0f0f0f0f) | ((v & 0x0f0f0f0f0f0f0f0f) << 4);
  return __builtin_bswap64(v);
}

static uint64_t spread(uint32_t value) {
  uint64_t v = value;
  v = (v | (v << 16)) & 0x0000ffff0000ffff;
  v = (v | (v << 8)) & 0x00ff00ff00ff00ff;
  v = (v | (v << 4)) & 0x0f0f0f0f0f0f0f0f;
  v = (v | (v << 2)) & 0x3333333333333333;
  v = (v | (v << 1)) & 0x5555555555555555;
  return v;
}

static uint64_t next_permutation(uint64_t value) {
  uint64_t low = value & (0 - value);
  uint64_t ripple = value + low;
  return ripple | (((value ^ ripple) >> 2) >> __builtin_ctzl(low));
}

static uint64_t first_free(void) {
  for (uint64_t i = 0; i < 64; i++) {
    uint64_t word = bitmap[i];
    if (word != ~(uint64_t)0) {
      uint64_t bit = __builtin_ctzl(~word);
      bitmap[i] = word | ((uint64_t)1 << bit);
      return i * 64 + bit;
    }
  }
  return ~(uint64_t)0;
}

uint64_t run(uint64_t rounds) {
  uint64_t sum = 0;
  for (uint64_t r = 0; r < rounds; r++) {
    uint64_t permutation = 0xff;
    for (uint64_t i = 0; i < 64; i++) bitmap[i] = 0;
    for (uint64_t i = 0; i < 1000; i++) {
      uint64_t x = i * 0x9e3779b97f4a7c15;
      sum += reverse(x);
      sum ^= spread((uint32_t)x) | (spread((uint32_t)(x >> 32)) << 1);
      sum += x ^ (x >> 1);
      permutation = next_permutation(permutation);
      sum += __builtin_popcountl(x) + __builtin_clzl(permutation);
      sum += first_free();
    }
  }
  return sum;
}
