/* CCEH's split (found with Jaaru): the pattern that tells which keys a segment owns is not written back. */
/* class: missing flush */
#include "torture.h"

struct segment { volatile u64 depth, unused[7], pattern, unused2[7], key[2]; };
#define SEGMENT(n) ((struct segment *)(PMEM + 0x100 * ((n) + 1)))
#define DIRECTORY ((struct segment *volatile *)PMEM)

/* A segment of depth 1 owns the keys whose low bit is its pattern; of depth 0, all. */
static int owns(struct segment *segment, u64 key) { return segment->depth == 0 || (key & 1) == segment->pattern; }

static void split(void) {
  SEGMENT(1)->key[1] = 3;
  SEGMENT(1)->pattern = 1; /* guilty */
  SEGMENT(1)->depth = 1;
  clean(&SEGMENT(1)->key[1]);
#ifndef BUGGY
  clean(&SEGMENT(1)->pattern);
#endif
  persist(&SEGMENT(1)->depth);
  DIRECTORY[1] = SEGMENT(1);
  persist(DIRECTORY);
  SEGMENT(0)->depth = 1;
  persist(&SEGMENT(0)->depth);
}

void workload(void) {
  SEGMENT(0)->key[0] = 2;
  SEGMENT(0)->key[1] = 3;
  persist(&SEGMENT(0)->key[0]);
  DIRECTORY[0] = DIRECTORY[1] = SEGMENT(0);
  persist(DIRECTORY);
  acknowledge(1);
  split();
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  if (acknowledged == 0) return 0;
  for (u64 key = 2; key <= 3; key++) {
    struct segment *segment = DIRECTORY[key & 1];
    if (!owns(segment, key) || segment->key[key & 1] != key) return 2;
  }
  return 0;
}
