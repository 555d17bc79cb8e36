/* CCEH's directory doubling (found with Jaaru): what is written back is the old directory, not the new one. */
/* class: missing flush */
#include "torture.h"

struct directory { volatile u64 depth, segment[4]; };
#define ROOT ((struct directory *volatile *)PMEM)
#define DIRECTORY(n) ((struct directory *)(PMEM + 0x100 * (n)))

static void publish(struct directory *directory) {
  *ROOT = directory;
  persist(ROOT);
}

static void double_directory(struct directory *old, struct directory *new) {
  for (u64 i = 0; i < 4; i++) new->segment[i] = old->segment[i / 2];
  new->depth = 2; /* guilty */
#ifdef BUGGY
  persist(old);
#else
  persist(new);
#endif
  publish(new);
}

void workload(void) {
  DIRECTORY(1)->segment[0] = 10;
  DIRECTORY(1)->segment[1] = 11;
  DIRECTORY(1)->depth = 1;
  persist(DIRECTORY(1));
  publish(DIRECTORY(1));
  acknowledge(1);
  double_directory(DIRECTORY(1), DIRECTORY(2));
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  struct directory *directory = *ROOT;
  if (directory == 0) return acknowledged == 0 ? 0 : 1;
  for (u64 i = 0; i < 4; i++) {
    u64 index = directory->depth == 2 ? i : i / 2;
    if (directory->segment[index] != 10 + i / 2) return 2;
  }
  return 0;
}
