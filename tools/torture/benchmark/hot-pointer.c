/* P-HOT (Witcher 38): what is cleaned is the variable that holds the pointer, not what it points to. */
/* class: missing flush */
#include "torture.h"

struct node { volatile u64 prefix, child; };
struct root { struct node *volatile node; };
#define ROOT ((struct root *)PMEM)
#define NODE ((struct node *)(PMEM + 0x200))

void workload(void) {
  struct node *node = NODE;
  node->prefix = 0xab;
  node->child = 0xcd; /* guilty */
#ifdef BUGGY
  clean(&node);
#else
  clean(node);
#endif
  fence();
  ROOT->node = node;
  persist(ROOT);
  acknowledge(1);
}

int recover_and_check(u32 acknowledged) {
  struct node *node = ROOT->node;
  if (node == 0) return acknowledged == 0 ? 0 : 1;
  return node->prefix == 0xab && node->child == 0xcd ? 0 : 2;
}
