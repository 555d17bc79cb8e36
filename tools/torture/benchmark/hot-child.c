/* P-HOT (Witcher 37): a child is published in its parent, and only then written back. */
/* class: order */
#include "torture.h"

struct node { volatile u64 key, unused[7]; struct node *volatile child; };
#define PARENT ((struct node *)PMEM)
#define CHILD ((struct node *)(PMEM + 0x200))

static void publish(struct node *child) {
  PARENT->child = child; /* too early */
  persist(&PARENT->child);
}

void workload(void) {
  CHILD->key = 42; /* guilty */
#ifdef BUGGY
  publish(CHILD);
#endif
  persist(CHILD);
#ifndef BUGGY
  publish(CHILD);
#endif
  acknowledge(1);
}

int recover_and_check(u32 acknowledged) {
  struct node *child = PARENT->child;
  if (child == 0) return acknowledged == 0 ? 0 : 1;
  return child->key == 42 ? 0 : 2;
}
