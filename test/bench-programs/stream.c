/* Memory-bound: streams over 24 MiB, a transposition in tiles, and a random gather from 1 MiB. */
#include "bench.h"

const char benchmark_name[] = "stream";

#define WORDS (1u << 20)
/* Staggered by some pages, so that equal indices do not fall on the same line of a direct-mapped TLB or cache. */
static uint64_t a[WORDS + 5 * 512], b[WORDS + 11 * 512], c[WORDS + 7 * 512];

static void triad(uint64_t factor) {
  for (uint32_t i = 0; i < WORDS; i++) a[i] = b[i] + factor * c[i];
}

static void copy(void) {
  for (uint32_t i = 0; i < WORDS; i++) c[i] = a[i];
}

static void transpose(void) {
  for (uint32_t row = 0; row < 1024; row += 16)
    for (uint32_t column = 0; column < 1024; column += 16)
      for (uint32_t i = row; i < row + 16; i++)
        for (uint32_t j = column; j < column + 16; j++) b[j * 1024 + i] = a[i * 1024 + j];
}

static uint64_t gather(uint64_t seed, uint32_t count) {
  uint64_t sum = 0;
  while (count--) {
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    sum += b[seed >> 47];
  }
  return sum;
}

uint64_t benchmark(void) {
  uint64_t checksum = 0;
  for (uint32_t i = 0; i < WORDS; i++) {
    b[i] = i;
    c[i] = i * 3;
  }
  for (int round = 0; round < SCALED(16); round++) {
    triad((uint64_t)round);
    copy();
    transpose();
    checksum = fold(checksum, gather((uint64_t)round, WORDS / 2));
  }
  return checksum;
}
