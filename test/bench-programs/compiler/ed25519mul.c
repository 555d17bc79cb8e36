/* Multiplication modulo 2^255 - 19 in five limbs of 51 bits, as Ed25519 needs it. */
#include <stdint.h>
typedef unsigned __int128 u128;
#define MASK 0x7ffffffffffff
static uint64_t x[5], y[5];

static void multiply(uint64_t *r, const uint64_t *a, const uint64_t *b) {
  uint64_t a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3], a4 = a[4];
  uint64_t b0 = b[0], b1 = b[1], b2 = b[2], b3 = b[3], b4 = b[4];
  uint64_t c1 = b1 * 19, c2 = b2 * 19, c3 = b3 * 19, c4 = b4 * 19;
  u128 t = (u128)a0 * b0 + (u128)a1 * c4 + (u128)a2 * c3 + (u128)a3 * c2 + (u128)a4 * c1;
  uint64_t r0 = (uint64_t)t & MASK, carry = (uint64_t)(t >> 51);
  t = (u128)a0 * b1 + (u128)a1 * b0 + (u128)a2 * c4 + (u128)a3 * c3 + (u128)a4 * c2 + carry;
  uint64_t r1 = (uint64_t)t & MASK;
  carry = (uint64_t)(t >> 51);
  t = (u128)a0 * b2 + (u128)a1 * b1 + (u128)a2 * b0 + (u128)a3 * c4 + (u128)a4 * c3 + carry;
  uint64_t r2 = (uint64_t)t & MASK;
  carry = (uint64_t)(t >> 51);
  t = (u128)a0 * b3 + (u128)a1 * b2 + (u128)a2 * b1 + (u128)a3 * b0 + (u128)a4 * c4 + carry;
  uint64_t r3 = (uint64_t)t & MASK;
  carry = (uint64_t)(t >> 51);
  t = (u128)a0 * b4 + (u128)a1 * b3 + (u128)a2 * b2 + (u128)a3 * b1 + (u128)a4 * b0 + carry;
  uint64_t r4 = (uint64_t)t & MASK;
  carry = (uint64_t)(t >> 51);
  r0 += carry * 19;
  r1 += r0 >> 51;
  r0 &= MASK;
  r[0] = r0;
  r[1] = r1;
  r[2] = r2;
  r[3] = r3;
  r[4] = r4;
}

uint64_t run(uint64_t rounds) {
  for (uint64_t i = 0; i < 5; i++) {
    x[i] = 0x123456789abc * (i + 1);
    y[i] = 0x3141592653589 - i;
  }
  for (uint64_t r = 0; r < rounds * 1000; r++) {
    multiply(x, x, y);
    multiply(y, y, x);
  }
  return x[0] ^ x[1] ^ x[2] ^ x[3] ^ x[4];
}
