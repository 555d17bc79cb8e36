/* WOART (Witcher 2): when a compressed path is split, the old node's path and its parent's pointer change separately. */
/* class: order */
#include "torture.h"

/* Keys have two characters. A node sits at depth `level`; what lies between its parent and it is its path. */
struct node { volatile u64 path_length, level, unused[6]; struct node *volatile child[8]; };
struct root { struct node *volatile node; };
#define ROOT ((struct root *)PMEM)
#define OLD ((struct node *)(PMEM + 0x100))
#define NEW ((struct node *)(PMEM + 0x200))
#define LEAF(n) ((struct node *)(PMEM + 0x400 + 64 * (n)))

static u64 path_length(struct node *node, u64 depth) {
#ifdef BUGGY
  (void)depth;
  return node->path_length;
#else
  /* The level is never changed, so that a path which does not fit to its parent is recomputed. */
  return node->level - depth;
#endif
}

static struct node *find(u64 first, u64 second) {
  u64 key[2] = {first, second}, depth = 0;
  struct node *node = ROOT->node;
  while (node != 0 && node < LEAF(0)) {
    depth += path_length(node, depth);
    if (depth > 1) return 0;
    node = node->child[key[depth++]];
  }
  return node;
}

void workload(void) {
  OLD->path_length = OLD->level = 1;
  OLD->child[5] = LEAF(0);
  clean(&OLD->path_length);
  persist(&OLD->child[0]);
  ROOT->node = OLD;
  persist(ROOT);
  acknowledge(1);
  /* A key with another first character: the path of one character is cut off into a node of its own. */
  NEW->child[1] = OLD;
  NEW->child[2] = LEAF(1);
  clean(&NEW->path_length);
  persist(&NEW->child[0]);
  OLD->path_length = 0; /* too early */
  persist(&OLD->path_length);
  ROOT->node = NEW;
  persist(ROOT);
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  if (acknowledged >= 1 && find(1, 5) != LEAF(0)) return 1;
  return acknowledged >= 2 && find(2, 5) != LEAF(1) ? 2 : 0;
}
