/* Level hashing (Witcher 18): a shrink rotates the pointers to the levels one after the other. */
/* class: order */
#include "torture.h"

struct levels { volatile u64 top, unused[7], bottom; };
struct root { struct levels *volatile levels; };
#define ROOT ((struct root *)PMEM)
#define FIRST ((struct levels *)(PMEM + 0x100))
#define SECOND ((struct levels *)(PMEM + 0x200))
#define LEVEL(n) (PMEM + 0x1000 * (n))

static void set(struct levels *levels, u64 top, u64 bottom) {
  levels->top = top; /* too early */
  persist(&levels->top);
  levels->bottom = bottom;
  persist(&levels->bottom);
}

void workload(void) {
  set(FIRST, LEVEL(2), LEVEL(1));
  ROOT->levels = FIRST;
  persist(ROOT);
  acknowledge(1);
#ifdef BUGGY
  set(FIRST, LEVEL(1), LEVEL(3));
#else
  set(SECOND, LEVEL(1), LEVEL(3));
  ROOT->levels = SECOND;
  persist(ROOT);
#endif
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  struct levels *levels = ROOT->levels;
  if (levels == 0) return acknowledged == 0 ? 0 : 1;
  return levels->top == levels->bottom ? 2 : 0;
}
