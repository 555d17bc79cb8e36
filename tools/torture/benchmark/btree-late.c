/* PMDK's btree_map (XFDetector, race 2): a word is added to the log after it changed: what is kept is the new value. */
/* class: order */
#include "undo.h"

struct node { volatile u64 count, unused[7], item[4]; };
#define NODE ((struct node *)PMEM)

static void insert(u64 item) {
  u64 n = NODE->count;
#ifdef BUGGY
  NODE->count = n + 1; /* too early */
  undo_add(&NODE->count);
#else
  undo_add(&NODE->count);
  NODE->count = n + 1;
#endif
  undo_add(&NODE->item[n]);
  NODE->item[n] = item;
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
