/* CCEH (Witcher 24): the global depth grows before the directory of that depth is the table's directory. */
/* class: order */
#include "torture.h"

struct directory { volatile u64 depth, unused[7], segment[8]; };
struct table { volatile u64 depth, unused[7]; struct directory *volatile directory; };
#define TABLE ((struct table *)PMEM)
#define OLD ((struct directory *)(PMEM + 0x1000))
#define NEW ((struct directory *)(PMEM + 0x2000))

static void fill(struct directory *directory, u64 depth) {
  for (u64 i = 0; i < 1UL << depth; i++) directory->segment[i] = 100 + (i >> (depth - 1));
  directory->depth = depth;
  clean(&directory->segment[0]);
  persist(&directory->depth);
}

/* The segment of a key: the highest bits of its hash, as many as the depth says. */
static u64 segment_of(u64 hash) {
  struct directory *directory = TABLE->directory;
#ifdef BUGGY
  u64 depth = TABLE->depth;
#else
  u64 depth = directory->depth;
#endif
  return directory->segment[hash >> (64 - depth)];
}

void workload(void) {
  fill(OLD, 1);
  TABLE->depth = 1;
  persist(&TABLE->depth);
  TABLE->directory = OLD;
  persist(&TABLE->directory);
  acknowledge(1);
  fill(NEW, 2);
  TABLE->depth = 2; /* too early */
  persist(&TABLE->depth);
  TABLE->directory = NEW;
  persist(&TABLE->directory);
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  return acknowledged >= 1 && segment_of(0xc000000000000000UL) != 101 ? 2 : 0;
}
