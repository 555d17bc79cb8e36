/* FAST_FAIR (Witcher 5): a full root is cut in half before there is a new root from which the right half is reached. */
/* class: order */
#include "torture.h"

struct node { volatile u64 count, key[7]; struct node *volatile left, *volatile right; volatile u64 pivot, unused[5]; };
struct root { struct node *volatile node; };
#define ROOT ((struct root *)PMEM)
#define LEFT ((struct node *)(PMEM + 0x100))
#define RIGHT ((struct node *)(PMEM + 0x200))
#define TOP ((struct node *)(PMEM + 0x300))

static int find(u64 key) {
  struct node *node = ROOT->node;
  while (node != 0 && node->left != 0) node = key < node->pivot ? node->left : node->right;
  for (u64 i = 0; node != 0 && i < node->count; i++)
    if (node->key[i] == key) return 1;
  return 0;
}

static void cut(void) {
  LEFT->count = 2; /* too early */
  persist(LEFT);
}

void workload(void) {
  for (u64 i = 0; i < 4; i++) LEFT->key[i] = i + 1;
  LEFT->count = 4;
  persist(LEFT);
  ROOT->node = LEFT;
  persist(ROOT);
  acknowledge(1);
  RIGHT->key[0] = 3;
  RIGHT->key[1] = 4;
  RIGHT->count = 2;
  persist(RIGHT);
#ifdef BUGGY
  cut();
#endif
  TOP->left = LEFT;
  TOP->right = RIGHT;
  TOP->pivot = 3;
  persist(&TOP->left);
  ROOT->node = TOP;
  persist(ROOT);
#ifndef BUGGY
  cut();
#endif
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  for (u64 key = 1; acknowledged >= 1 && key <= 4; key++)
    if (!find(key)) return 2;
  return 0;
}
