/* Pointer chasing: a random cycle through a few MiB, an open-addressing hash table, and memory copies of all
 * sizes and alignments. */
#include "bench.h"

const char benchmark_name[] = "chase";

#define CELLS (1u << 15)
static struct cell {
  struct cell *next;
  uint64_t weight;
} cells[CELLS];
static uint32_t order[CELLS];

#define SLOTS (1u << 15)
static struct slot {
  uint64_t key;
  uint64_t count;
} slots[SLOTS];

static uint8_t from[65536], to[65536 + 64];

static void link_cells(uint64_t *seed) {
  for (uint32_t i = 0; i < CELLS; i++) order[i] = i;
  for (uint32_t i = CELLS - 1; i > 0; i--) {
    uint32_t j = (uint32_t)(next_random(seed) % (i + 1));
    uint32_t swap = order[i];
    order[i] = order[j];
    order[j] = swap;
  }
  for (uint32_t i = 0; i < CELLS; i++) {
    cells[order[i]].next = &cells[order[(i + 1) % CELLS]];
    cells[order[i]].weight = i * 0x9e3779b97f4a7c15ull;
  }
}

static uint64_t chase(unsigned steps) {
  const struct cell *at = &cells[0];
  uint64_t sum = 0;
  while (steps--) {
    sum += at->weight;
    at = at->next;
  }
  return sum;
}

static uint64_t count_keys(uint64_t *seed, unsigned operations) {
  uint64_t probes = 0;
  for (unsigned i = 0; i < operations; i++) {
    uint64_t key = (next_random(seed) >> 50) + 1;
    uint32_t at = (uint32_t)((key * 0x9e3779b97f4a7c15ull) >> 49);
    while (slots[at].key != key && slots[at].key != 0) {
      at = (at + 1) % SLOTS;
      probes++;
    }
    slots[at].key = key;
    slots[at].count++;
  }
  return probes;
}

static uint64_t copies(uint64_t *seed, unsigned rounds) {
  uint64_t checksum = 0;
  for (unsigned i = 0; i < rounds; i++) {
    uint64_t r = next_random(seed);
    size_t size = i % 4 == 0 ? (r & 0x7fff) : (r & 0x1ff);
    size_t source = (r >> 16) & 0x7fff & (i & 1 ? ~(size_t)7 : ~(size_t)0);
    size_t target = (r >> 32) & 0x7fff & (i & 1 ? ~(size_t)7 : ~(size_t)0);
    memcpy(to + target, from + source, size);
    checksum = fold(checksum, to[target + size / 2]);
  }
  return checksum;
}

uint64_t benchmark(void) {
  uint64_t seed = 42, checksum = 0;
  link_cells(&seed);
  for (size_t i = 0; i < sizeof from; i++) from[i] = (uint8_t)next_random(&seed);
  for (int round = 0; round < SCALED(20); round++) {
    checksum = fold(checksum, chase(1000000));
    checksum = fold(checksum, count_keys(&seed, 150000));
    checksum = fold(checksum, copies(&seed, 3000));
  }
  return checksum;
}
