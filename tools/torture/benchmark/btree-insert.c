/* PMDK's btree_map (Witcher 40-41): items are shifted in place with no transaction, so that a failure loses one. */
/* class: order */
#include "undo.h"

struct node { volatile u64 count, unused[7], item[4]; };
#define NODE ((struct node *)PMEM)

static void set(volatile u64 *word, u64 value) {
#ifndef BUGGY
  undo_add(word);
#endif
  *word = value; /* too early */
  persist(word);
}

static void insert_first(u64 item) {
  for (u64 i = NODE->count; i > 0; i--) set(&NODE->item[i], NODE->item[i - 1]);
  set(&NODE->item[0], item);
  set(&NODE->count, NODE->count + 1);
#ifndef BUGGY
  undo_commit();
#endif
}

void workload(void) {
  insert_first(5);
  acknowledge(1);
  insert_first(3);
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  undo_recover();
  u64 found = 0;
  for (u64 i = 0; i < NODE->count; i++) found |= 1UL << NODE->item[i];
  if (acknowledged >= 1 && !(found & 0x20)) return 2;
  return acknowledged >= 2 && !(found & 8) ? 1 : 0;
}
