/* Not published: shadow paging. The page that is not in use gets the new content, then the root word names it. A page has two blocks, of which only the first is written back. */
/* class: missing flush */
#include "torture.h"

struct page { volatile u64 word[16]; };
struct store {
  volatile u64 root, pad[7];
  struct page page[2];
};
#define STORE ((struct store *)PMEM)

static void update(u64 value) {
  u64 next = 1 - (STORE->root & 1);
  for (u64 i = 0; i < 16; i += 5) STORE->page[next].word[i] = value + i; /* guilty */
  clean(&STORE->page[next].word[0]);
#ifndef BUGGY
  clean(&STORE->page[next].word[8]);
#endif
  fence();
  STORE->root = (value << 1) | next;
  persist(&STORE->root);
}

void workload(void) {
  for (u32 i = 1; i <= 3; i++) {
    update(i * 10);
    acknowledge(i);
  }
}

int recover_and_check(u32 acknowledged) {
  u64 root = STORE->root;
  u64 value = root >> 1;
  if (value < acknowledged * 10UL) return 1;
  if (root == 0) return 0;
  for (u64 i = 0; i < 16; i += 5)
    if (STORE->page[root & 1].word[i] != value + i) return 2;
  return 0;
}
