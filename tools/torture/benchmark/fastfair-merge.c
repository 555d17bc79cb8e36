/* FAST_FAIR (Witcher 6): two siblings are merged; the right one is unlinked before its entries are in the left one. */
/* class: order */
#include "torture.h"

struct node { volatile u64 count, key[6]; struct node *volatile next; };
#define LEFT ((struct node *)PMEM)
#define RIGHT ((struct node *)(PMEM + 0x100))

static void unlink(void) {
  LEFT->next = 0; /* too early */
  persist(&LEFT->next);
}

void workload(void) {
  RIGHT->key[0] = 3;
  RIGHT->count = 1;
  persist(RIGHT);
  LEFT->key[0] = 1;
  LEFT->key[1] = 2;
  LEFT->next = RIGHT;
  LEFT->count = 2;
  persist(LEFT);
  acknowledge(1);
#ifdef BUGGY
  unlink();
#endif
  LEFT->key[2] = RIGHT->key[0];
  LEFT->count = 3;
  persist(LEFT);
#ifndef BUGGY
  unlink();
#endif
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  if (acknowledged == 0) return 0;
  u64 found = 0;
  for (struct node *node = LEFT; node != 0; node = node->next)
    for (u64 i = 0; i < node->count; i++) found |= 1UL << node->key[i];
  return found == 0xe ? 0 : 2;
}
