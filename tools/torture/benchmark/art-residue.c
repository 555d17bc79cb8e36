/* PMDK's libart (issue 5512): a node is taken again with what an interrupted insert left in it. */
/* class: recovery */
#include "torture.h"

struct node { volatile u64 key, unused[7], child[4]; };
#define ROOT ((struct node *volatile *)PMEM)
#define NODE ((struct node *)(PMEM + 0x100))

/* The allocator gives the first node that is not linked. */
static struct node *allocate(void) {
#ifndef BUGGY
  for (u64 i = 0; i < 4; i++) NODE->child[i] = 0;
#endif
  return NODE;
}

static void insert(u64 slot, u64 value) {
  struct node *node = allocate();
  node->child[slot] = value; /* too early */
  persist(&node->child[slot]);
  node->key = slot;
  persist(&node->key);
  *ROOT = node;
  persist(ROOT);
}

void workload(void) {
  insert(1, 10);
  acknowledge(1);
}

int recover_and_check(u32 acknowledged) {
  if (*ROOT != 0) return (*ROOT)->child[1] == 10 ? 0 : 2;
  if (acknowledged == 1) return 1;
  insert(2, 20);
  for (u64 i = 0; i < 4; i++)
    if ((*ROOT)->child[i] != (i == 2 ? 20 : 0)) return 3;
  return 0;
}
