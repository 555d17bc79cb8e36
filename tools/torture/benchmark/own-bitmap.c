/* Not published: an allocator with a bitmap. Objects are found through a table of pointers, and recovery frees what no pointer leads to. It never looks whether what a pointer leads to is marked as taken, so that an object whose pointer came first is given out twice. */
/* class: recovery */
#include "torture.h"

struct heap {
  volatile u64 bitmap, pad[7];
  volatile u64 pointer[8];
  struct { volatile u64 owner, pad[7]; } object[4];
};
#define HEAP ((struct heap *)PMEM)

static u64 take(void) {
  for (u64 i = 0; i < 4; i++)
    if (!(HEAP->bitmap >> i & 1)) return i;
  return 4;
}

static void allocate(u64 owner) {
  u64 i = take();
  HEAP->object[i].owner = owner;
  persist(&HEAP->object[i]);
  HEAP->pointer[owner - 1] = i + 1;
  persist(&HEAP->pointer[0]);
  HEAP->bitmap |= 1UL << i; /* guilty */
  persist(&HEAP->bitmap);
}

void workload(void) {
  for (u32 i = 1; i <= 2; i++) {
    allocate(i);
    acknowledge(i);
  }
}

int recover_and_check(u32 acknowledged) {
  u64 found = 0;
  for (u64 i = 0; i < 8; i++)
    if (HEAP->pointer[i] != 0) found |= 1UL << (HEAP->pointer[i] - 1);
#ifdef BUGGY
  HEAP->bitmap &= found;
#else
  HEAP->bitmap = found;
#endif
  persist(&HEAP->bitmap);
  for (u32 i = 0; i < acknowledged; i++)
    if (HEAP->pointer[i] == 0) return 1;
  allocate(8);
  for (u64 i = 0; i < 8; i++)
    if (HEAP->pointer[i] != 0 && HEAP->object[HEAP->pointer[i] - 1].owner != i + 1) return 2;
  return 0;
}
