/* PMDK's rbtree_map (Witcher 42-43): a rotation changes three pointers with no transaction; between them a subtree is lost. */
/* class: order */
#include "undo.h"

struct node { volatile u64 key, left, right, unused[5]; };
#define ROOT ((volatile u64 *)PMEM)
#define NODE(n) ((struct node *)(PMEM + 0x100 + BLOCK * (n)))

static void set(volatile u64 *word, u64 value) {
#ifndef BUGGY
  undo_add(word);
#endif
  *word = value; /* too early */
  persist(word);
}

static void rotate_left(void) {
  u64 upper = *ROOT, lower = NODE(upper)->right;
  set(&NODE(upper)->right, NODE(lower)->left);
  set(&NODE(lower)->left, upper);
  set(ROOT, lower);
#ifndef BUGGY
  undo_commit();
#endif
}

static u64 keys(u64 n, u64 depth) {
  if (n == 0 || depth > 4) return 0;
  return keys(NODE(n)->left, depth + 1) | 1UL << NODE(n)->key | keys(NODE(n)->right, depth + 1);
}

void workload(void) {
  for (u64 n = 1; n <= 3; n++) {
    NODE(n)->key = n;
    NODE(n)->right = n < 3 ? n + 1 : 0;
    persist(NODE(n));
  }
  *ROOT = 1;
  persist(ROOT);
  acknowledge(1);
  rotate_left();
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  undo_recover();
  return acknowledged >= 1 && keys(*ROOT, 0) != 0xe ? 2 : 0;
}
