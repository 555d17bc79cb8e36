/* P-CLHT's create (found with Jaaru): the buckets are written back, the object that describes the table is not. */
/* class: missing flush */
#include "torture.h"

struct table { volatile u64 buckets, mask; volatile u64 *volatile bucket; };
#define ROOT ((struct table *volatile *)PMEM)
#define TABLE ((struct table *)(PMEM + 0x100))
#define BUCKETS ((volatile u64 *)(PMEM + 0x200))

void workload(void) {
  for (u64 i = 0; i < 8; i++) BUCKETS[i] = ~0UL;
  persist(BUCKETS);
  TABLE->bucket = BUCKETS;
  TABLE->buckets = 8;
  TABLE->mask = 7; /* guilty */
#ifndef BUGGY
  persist(TABLE);
#endif
  *ROOT = TABLE;
  persist(ROOT);
  acknowledge(1);
}

int recover_and_check(u32 acknowledged) {
  struct table *table = *ROOT;
  if (table == 0) return acknowledged == 0 ? 0 : 1;
  if (table->buckets != 8 || table->mask != 7) return 2;
  return table->bucket[5 & table->mask] == ~0UL ? 0 : 3;
}
