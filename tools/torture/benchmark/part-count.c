/* P-ART (Witcher 26): a node's count is persistent before the child that it counts, in another line, is. */
/* class: order */
#include "torture.h"

struct node { volatile u64 count, unused[7], child[4]; };
#define NODE ((struct node *)PMEM)

static void add(u64 i) {
#ifdef BUGGY
  NODE->count = i + 1; /* too early */
  persist(&NODE->count);
#endif
  NODE->child[i] = 50 + i;
  persist(&NODE->child[i]);
#ifndef BUGGY
  NODE->count = i + 1;
  persist(&NODE->count);
#endif
}

void workload(void) {
  for (u64 i = 0; i < 3; i++) {
    add(i);
    acknowledge(i + 1);
  }
}

int recover_and_check(u32 acknowledged) {
  if (NODE->count < acknowledged) return 1;
  for (u64 i = 0; i < NODE->count; i++)
    if (NODE->child[i] == 0) return 2;
  return 0;
}
