/* PMDK's hashmap_atomic (XFDetector, sem 1-2): recovery asks for the opposite: it recounts what was clean. */
/* class: recovery */
#include "torture.h"

#define ITEMS 2
struct map { volatile u64 count, dirty, unused[6]; struct { volatile u64 used, unused[7]; } item[ITEMS]; };
#define MAP ((struct map *)PMEM)

static void dirty(u64 value) {
  MAP->dirty = value;
  persist(&MAP->dirty);
}

static void insert(u64 i) {
  dirty(1);
  MAP->item[i].used = 1; /* too early */
  persist(&MAP->item[i]);
  MAP->count = i + 1; /* guilty */
  persist(&MAP->count);
  dirty(0);
}

void workload(void) {
  for (u64 i = 0; i < ITEMS; i++) {
    insert(i);
    acknowledge(i + 1);
  }
}

int recover_and_check(u32 acknowledged) {
  u64 used = 0;
  for (u64 i = 0; i < ITEMS; i++) used += MAP->item[i].used;
#ifdef BUGGY
  int recount = !MAP->dirty;
#else
  int recount = MAP->dirty;
#endif
  if (recount) {
    MAP->count = used;
    persist(&MAP->count);
    dirty(0);
  }
  if (MAP->count != used) return 2;
  return used >= acknowledged ? 0 : 1;
}
