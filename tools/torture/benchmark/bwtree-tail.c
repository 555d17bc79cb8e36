/* P-BwTree (Witcher 28): the tail of the node allocator is never written back; after a failure it gives out used nodes. */
/* class: missing flush */
#include "torture.h"

struct area { volatile u64 tail, unused[7]; volatile u64 mapping[8]; };
#define AREA ((struct area *)PMEM)
#define NODE(n) ((volatile u64 *)(PMEM + 0x1000 + BLOCK * (n)))

static u64 allocate(void) {
  u64 node = AREA->tail;
  AREA->tail = node + 1; /* guilty */
#ifndef BUGGY
  persist(&AREA->tail);
#endif
  return node;
}

static void insert(u64 key) {
  u64 node = allocate();
  *NODE(node) = key;
  persist(NODE(node));
  AREA->mapping[key] = (u64)NODE(node);
  persist(&AREA->mapping[key]);
}

void workload(void) {
  insert(1);
  acknowledge(1);
  insert(2);
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  insert(3);
  for (u64 key = 1; key <= 3; key++) {
    volatile u64 *node = (volatile u64 *)AREA->mapping[key];
    if (node == 0 && key <= acknowledged) return 1;
    if (node != 0 && *node != key) return 2;
  }
  return 0;
}
