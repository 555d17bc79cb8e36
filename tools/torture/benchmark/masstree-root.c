/* P-Masstree (Witcher 39): a leaf's permutation gives up the upper half before the new root knows the new leaf. */
/* class: order */
#include "torture.h"

/* The permutation's low half-byte counts the keys; the others name their slots in order. */
struct leaf { volatile u64 permutation, key[7]; };
struct inner { struct leaf *volatile child[2]; volatile u64 pivot, unused[5]; };
struct root { volatile u64 inner, layer; };
#define ROOT ((struct root *)PMEM)
#define LEFT ((struct leaf *)(PMEM + 0x100))
#define RIGHT ((struct leaf *)(PMEM + 0x200))
#define INNER ((struct inner *)(PMEM + 0x300))

static int find(u64 key) {
  if (ROOT->layer == 0) return 0;
  struct leaf *leaf = (struct leaf *)(ROOT->layer & ~1UL);
  if (ROOT->layer & 1) {
    struct inner *inner = (struct inner *)leaf;
    leaf = inner->child[key >= inner->pivot];
  }
  u64 permutation = leaf->permutation;
  for (u64 n = permutation & 15; n > 0; n--) {
    permutation >>= 4;
    if (leaf->key[permutation & 15] == key) return 1;
  }
  return 0;
}

static void shrink(void) {
  LEFT->permutation = 0x102; /* too early */
  persist(LEFT);
}

void workload(void) {
  for (u64 i = 0; i < 3; i++) LEFT->key[i] = 5 * (i + 1);
  LEFT->permutation = 0x2103;
  persist(LEFT);
  ROOT->layer = (u64)LEFT;
  persist(ROOT);
  acknowledge(1);
  RIGHT->key[0] = 15;
  RIGHT->permutation = 0x1;
  persist(RIGHT);
#ifdef BUGGY
  shrink();
#endif
  INNER->child[0] = LEFT;
  INNER->child[1] = RIGHT;
  INNER->pivot = 15;
  persist(INNER);
  ROOT->layer = (u64)INNER | 1;
  persist(ROOT);
#ifndef BUGGY
  shrink();
#endif
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  for (u64 key = 5; acknowledged >= 1 && key <= 15; key += 5)
    if (!find(key)) return 2;
  return 0;
}
