/* PMDK's hashmap_atomic (Agamotto): number of buckets and buckets are made persistent in one go, in no order. */
/* class: missing fence */
#include "torture.h"

#define EMPTY (~0UL)
struct buckets { volatile u64 count, unused[7], bucket[8]; };
#define BUCKETS ((struct buckets *)PMEM)

void workload(void) {
  for (u64 i = 0; i < 8; i++) BUCKETS->bucket[i] = EMPTY; /* guilty */
  clean(&BUCKETS->bucket[0]);
#ifndef BUGGY
  fence();
#endif
  BUCKETS->count = 8;
  persist(&BUCKETS->count);
  acknowledge(1);
}

int recover_and_check(u32 acknowledged) {
  if (BUCKETS->count < 8) return acknowledged == 0 ? 0 : 1;
  for (u64 i = 0; i < BUCKETS->count; i++)
    if (BUCKETS->bucket[i] != EMPTY) return 2;
  return 0;
}
