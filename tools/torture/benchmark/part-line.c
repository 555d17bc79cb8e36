/* P-ART (Witcher 27): the count grows before the child is there, both in one cache line: the order alone decides. */
/* class: order */
#include "torture.h"

#define CHILDREN 4
struct node { volatile u64 count, child[CHILDREN]; };
#define NODE ((struct node *)PMEM)

static void add(u64 i) {
#ifdef BUGGY
  NODE->count = i + 1;
  NODE->child[i] = 50 + i; /* guilty */
#else
  NODE->child[i] = 50 + i;
  NODE->count = i + 1;
#endif
  persist(NODE);
}

void workload(void) {
  for (u64 i = 0; i < CHILDREN; i++) {
    add(i);
    acknowledge(i + 1);
  }
}

int recover_and_check(u32 acknowledged) {
  if (NODE->count < acknowledged || NODE->count > CHILDREN) return 1;
  for (u64 i = 0; i < NODE->count; i++)
    if (NODE->child[i] != 50 + i) return 2;
  return 0;
}
