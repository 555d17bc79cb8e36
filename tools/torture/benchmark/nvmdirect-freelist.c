/* nvm-direct (Agamotto, the free list): a structure of two lines is written back with a call that does one. */
/* class: missing flush */
#include "torture.h"

struct extent { volatile u64 magic, unused[7], next; };
#define FREE ((struct extent *volatile *)PMEM)
#define EXTENT(n) ((struct extent *)(PMEM + 0x100 * (n)))

static void release(u64 n) {
  EXTENT(n)->magic = 0xfee;
  EXTENT(n)->next = (u64)*FREE; /* guilty */
  clean(&EXTENT(n)->magic);
#ifndef BUGGY
  clean(&EXTENT(n)->next);
#endif
  fence();
  *FREE = EXTENT(n);
  persist(FREE);
}

void workload(void) {
  for (u64 n = 1; n <= 3; n++) {
    release(n);
    acknowledge(n);
  }
}

int recover_and_check(u32 acknowledged) {
  u64 length = 0;
  for (struct extent *extent = *FREE; extent != 0; extent = (struct extent *)extent->next, length++)
    if (extent->magic != 0xfee) return 2;
  return length >= acknowledged ? 0 : 1;
}
