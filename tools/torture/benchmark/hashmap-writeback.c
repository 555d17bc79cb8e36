/* PMDK's hashmap_atomic (PMTest, write-backs 1-6): entry, bucket, count and flag, each without its write-back. */
/* class: missing flush */
#include "torture.h"

struct entry { volatile u64 key, value, next, unused[5]; };
struct map {
  volatile u64 count, unused[7];
  volatile u64 dirty, unused2[7];
  struct entry *volatile bucket[8];
};
#define MAP ((struct map *)PMEM)
#define ENTRY(n) ((struct entry *)(PMEM + 0x400 + BLOCK * (n)))

static void write_back(volatile void *p) {
#ifdef BUGGY
  (void)p;
  fence();
#else
  persist(p);
#endif
}

static void insert(u64 n) {
  ENTRY(n)->key = n;
  ENTRY(n)->next = (u64)MAP->bucket[n & 1];
  ENTRY(n)->value = 10 * n; /* guilty */
  write_back(ENTRY(n));
  MAP->dirty = 1;
  write_back(&MAP->dirty);
  MAP->bucket[n & 1] = ENTRY(n); /* guilty */
  write_back(&MAP->bucket[n & 1]);
  MAP->count = MAP->count + 1; /* guilty */
  write_back(&MAP->count);
  MAP->dirty = 0;
  write_back(&MAP->dirty);
}

void workload(void) {
  for (u64 n = 1; n <= 2; n++) {
    insert(n);
    acknowledge(n);
  }
}

int recover_and_check(u32 acknowledged) {
  u64 linked = 0;
  for (u64 b = 0; b < 2; b++)
    for (struct entry *entry = MAP->bucket[b]; entry != 0; entry = (struct entry *)entry->next, linked++)
      if (entry->key == 0 || entry->value != 10 * entry->key) return 2;
  if (MAP->dirty) {
    MAP->count = linked;
    MAP->dirty = 0;
  }
  if (MAP->count != linked) return 3;
  return linked >= acknowledged ? 0 : 1;
}
