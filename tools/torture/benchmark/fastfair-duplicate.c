/* FAST_FAIR (Witcher 4): an interrupted insert leaves an entry twice, lawfully; delete takes only one of the two away. */
/* class: recovery */
#include "torture.h"

#define ENTRIES 7
#define NODE ((volatile u64 *)PMEM)

static void insert(u64 key) {
  u64 i = ENTRIES;
  while (i > 0 && (NODE[i - 1] == 0 || NODE[i - 1] > key)) {
    if (NODE[i - 1] != 0) NODE[i] = NODE[i - 1]; /* too early */
    i--;
  }
  NODE[i] = key; /* guilty */
  persist(NODE);
}

static void delete(u64 key) {
  u64 to = 0;
  int taken = 0;
  for (u64 i = 0; i <= ENTRIES; i++) {
#ifdef BUGGY
    int take = NODE[i] == key && !taken;
#else
    int take = NODE[i] == key;
#endif
    if (take) taken = 1;
    else NODE[to++] = NODE[i];
  }
  while (to <= ENTRIES) NODE[to++] = 0;
  persist(NODE);
}

void workload(void) {
  insert(3);
  acknowledge(1);
  insert(1);
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  u64 found = 0;
  for (u64 i = 0; i <= ENTRIES; i++) found |= 1UL << NODE[i];
  if (acknowledged >= 1 && !(found & 8)) return 1;
  if (acknowledged >= 2 && !(found & 2)) return 1;
  delete(3);
  for (u64 i = 0; i <= ENTRIES; i++)
    if (NODE[i] == 3) return 2;
  return 0;
}
