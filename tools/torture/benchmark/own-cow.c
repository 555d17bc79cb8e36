/* Not published: a tree of one level that is copied on write. An old leaf is taken again for the next copy; the root that no longer leads to it has been written back, but the fence is missing, so that after a failure the old root leads to a leaf half rewritten. */
/* class: missing fence */
#include "torture.h"

#define LEAVES 2

struct leaf { volatile u64 version, first, second, unused[5]; };
struct tree { volatile u64 root, pad[7]; struct leaf leaf[LEAVES + 1]; };
#define TREE ((struct tree *)PMEM)

static u64 spare = 1;

static void put(u64 version) {
  u64 old = TREE->root;
  u64 taken = spare;
  struct leaf *leaf = &TREE->leaf[taken];
  leaf->version = version;
  leaf->first = version * 2;
  leaf->second = version * 3;
  persist(leaf);
  TREE->root = taken; /* guilty */
  clean(&TREE->root);
#ifndef BUGGY
  fence();
#endif
  /* The old leaf is empty from now on. */
  TREE->leaf[old].version = 0;
  TREE->leaf[old].first = 0; /* too early */
  persist(&TREE->leaf[old]);
  spare = old;
}

void workload(void) {
  TREE->leaf[0].version = 1;
  TREE->leaf[0].first = 2;
  TREE->leaf[0].second = 3;
  persist(&TREE->leaf[0]);
  acknowledge(1);
  for (u32 i = 2; i <= 3; i++) {
    put(i);
    acknowledge(i);
  }
}

int recover_and_check(u32 acknowledged) {
  if (acknowledged == 0) return 0;
  struct leaf *leaf = &TREE->leaf[TREE->root];
  u64 v = leaf->version;
  if (v < acknowledged) return 1;
  return leaf->first == v * 2 && leaf->second == v * 3 ? 0 : 2;
}
