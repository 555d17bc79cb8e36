/* P-HOT (Witcher 36): the new root node is cleaned, but no fence comes before the compare-and-swap that publishes it. */
/* class: missing fence */
#include "torture.h"

struct node { volatile u64 mask, value; };
#define ROOT ((struct node **)PMEM)
#define NODE(n) ((struct node *)(PMEM + 0x200 * (n)))

static void replace_root(struct node *node) {
  struct node *expected = *(struct node *volatile *)ROOT;
  node->mask = 0xf0;
  node->value = 7; /* guilty */
  clean(node);
#ifndef BUGGY
  fence();
#endif
  __atomic_compare_exchange_n(ROOT, &expected, node, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  persist((volatile void *)ROOT);
}

void workload(void) {
  replace_root(NODE(1));
  acknowledge(1);
  replace_root(NODE(2));
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  struct node *node = *(struct node *volatile *)ROOT;
  if (node == 0) return acknowledged == 0 ? 0 : 1;
  if (acknowledged == 2 && node != NODE(2)) return 1;
  return node->mask == 0xf0 && node->value == 7 ? 0 : 2;
}
