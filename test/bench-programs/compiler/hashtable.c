/* A hash table with open addressing and linear probing: insertions, then hits and misses. */
#include <stdint.h>
#define SLOTS 8192

struct entry {
  uint64_t key, value;
};
static struct entry table[SLOTS];

static uint64_t hash(uint64_t key) {
  uint64_t h = key * 0x9e3779b97f4a7c15;
  h ^= h >> 32;
  return h & (SLOTS - 1);
}

static void insert(uint64_t key, uint64_t value) {
  uint64_t at = hash(key);
  for (;;) {
    struct entry *entry = &table[at];
    if (entry->key == 0 || entry->key == key) {
      entry->key = key;
      entry->value = value;
      return;
    }
    at = (at + 1) & (SLOTS - 1);
  }
}

static uint64_t lookup(uint64_t key) {
  uint64_t at = hash(key);
  for (;;) {
    struct entry *entry = &table[at];
    if (entry->key == key) return entry->value;
    if (entry->key == 0) return 0;
    at = (at + 1) & (SLOTS - 1);
  }
}

uint64_t run(uint64_t rounds) {
  uint64_t sum = 0;
  for (uint64_t r = 0; r < rounds; r++) {
    for (uint64_t i = 0; i < SLOTS; i++) table[i].key = 0;
    for (uint64_t i = 1; i <= 5000; i++) insert(i * 2654435761, i);
    for (uint64_t i = 1; i <= 10000; i++) sum += lookup(i * 2654435761);
  }
  return sum;
}
