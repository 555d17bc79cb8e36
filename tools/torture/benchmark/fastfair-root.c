/* FAST_FAIR's constructor (issue 13, found with Jaaru): neither the root page nor the tree object is written back. */
/* class: missing flush */
#include "torture.h"

struct page { volatile u64 level, leftmost, last; };
struct tree { volatile u64 height; struct page *volatile root; };
#define POOL ((struct tree *volatile *)PMEM)
#define TREE ((struct tree *)(PMEM + 0x100))
#define PAGE ((struct page *)(PMEM + 0x200))

void workload(void) {
  PAGE->level = 1;
  PAGE->last = ~0UL; /* guilty */
  TREE->height = 1;
  TREE->root = PAGE; /* guilty */
#ifndef BUGGY
  clean(PAGE);
  clean(TREE);
#endif
  fence();
  *POOL = TREE;
  persist(POOL);
  acknowledge(1);
}

int recover_and_check(u32 acknowledged) {
  struct tree *tree = *POOL;
  if (tree == 0) return acknowledged == 0 ? 0 : 1;
  if (tree->height != 1 || tree->root == 0) return 2;
  return tree->root->last == ~0UL ? 0 : 3;
}
