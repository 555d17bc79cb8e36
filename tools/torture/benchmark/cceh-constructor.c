/* CCEH's constructor (found with Jaaru): the table's root is written back, its directory and segments are not. */
/* class: missing flush */
#include "torture.h"

struct segment { volatile u64 pattern, unused[7]; };
struct directory { volatile u64 depth; struct segment *volatile segment[2]; };
#define ROOT ((struct directory *volatile *)PMEM)
#define DIRECTORY ((struct directory *)(PMEM + 0x100))
#define SEGMENT(n) ((struct segment *)(PMEM + 0x200 + BLOCK * (n)))

void workload(void) {
  for (u64 i = 0; i < 2; i++) {
    SEGMENT(i)->pattern = 0xa0 + i; /* guilty */
    DIRECTORY->segment[i] = SEGMENT(i);
#ifndef BUGGY
    clean(SEGMENT(i));
#endif
  }
  DIRECTORY->depth = 1; /* guilty */
#ifndef BUGGY
  clean(DIRECTORY);
#endif
  fence();
  *ROOT = DIRECTORY;
  persist(ROOT);
  acknowledge(1);
}

int recover_and_check(u32 acknowledged) {
  struct directory *directory = *ROOT;
  if (directory == 0) return acknowledged == 0 ? 0 : 1;
  if (directory->depth != 1) return 2;
  for (u64 i = 0; i < 2; i++)
    if (directory->segment[i]->pattern != 0xa0 + i) return 3;
  return 0;
}
