/* PMDK's hashmap_atomic (XFDetector sem3-4): the flag that says "count is being changed" is inverted. */
/* class: recovery */
#include "torture.h"

#define ITEMS 2
struct map { volatile u64 count, dirty, unused[6]; struct { volatile u64 used, unused[7]; } item[ITEMS]; };
#define MAP ((struct map *)PMEM)
#ifdef BUGGY
enum { CHANGING = 0, SETTLED = 1 };
#else
enum { CHANGING = 1, SETTLED = 0 };
#endif

static void insert(u64 i) {
  MAP->dirty = CHANGING;
  persist(&MAP->dirty);
  MAP->item[i].used = 1;
  persist(&MAP->item[i]);
  MAP->count = i + 1; /* guilty */
  persist(&MAP->count);
  MAP->dirty = SETTLED;
  persist(&MAP->dirty);
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
  if (MAP->dirty != 0) {
    MAP->count = used;
    persist(&MAP->count);
    MAP->dirty = 0;
    persist(&MAP->dirty);
  }
  if (MAP->count != used) return 2;
  return used >= acknowledged ? 0 : 1;
}
