/* PMDK's hashmap_tx (Witcher 44): an undo entry and the word that it protects are stored with no fence between them. */
/* class: missing fence */
#include "torture.h"

struct log { volatile u64 valid, old; };
struct map { volatile u64 count, buckets; };
#define LOG ((struct log *)(PMEM + 0x800))
#define MAP ((struct map *)PMEM)

static void rebuild(u64 buckets) {
  LOG->old = MAP->buckets;
  LOG->valid = 1; /* guilty */
  clean(LOG);
#ifndef BUGGY
  fence();
#endif
  MAP->buckets = 0; /* too early */
  MAP->count = MAP->count + 1;
  MAP->buckets = buckets;
  persist(MAP);
  LOG->valid = 0;
  persist(LOG);
}

void workload(void) {
  MAP->buckets = 4;
  persist(MAP);
  acknowledge(1);
  rebuild(8);
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  if (LOG->valid) {
    MAP->buckets = LOG->old;
    MAP->count = 0;
    persist(MAP);
  }
  if (acknowledged == 2 && MAP->buckets != 8) return 1;
  return acknowledged >= 1 && (MAP->buckets != 4 || MAP->count != 0) && (MAP->buckets != 8 || MAP->count != 1) ? 2 : 0;
}
