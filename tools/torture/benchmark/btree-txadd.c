/* PMDK's btree_map (XFDetector, races 1, 3, 4): a node's count changes in a transaction that never added it to its log. */
/* class: recovery */
#include "undo.h"

struct node { volatile u64 count, unused[7], item[4]; };
#define NODE ((struct node *)PMEM)

static void insert(u64 item) {
  u64 n = NODE->count;
  undo_add(&NODE->item[n]);
#ifndef BUGGY
  undo_add(&NODE->count);
#endif
  NODE->count = n + 1; /* too early */
  NODE->item[n] = item;
  clean(&NODE->count);
  undo_commit();
}

void workload(void) {
  insert(5);
  acknowledge(1);
  insert(6);
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  undo_recover();
  if (NODE->count < acknowledged) return 1;
  for (u64 i = 0; i < NODE->count; i++)
    if (NODE->item[i] != 5 + i) return 2;
  return 0;
}
