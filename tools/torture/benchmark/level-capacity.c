/* Level hashing (Witcher 17): at a resize the capacity doubles before the pointer leads to the larger array. */
/* class: order */
#include "torture.h"

struct table { volatile u64 capacity, unused[7]; volatile u64 *volatile slots; };
#define TABLE ((struct table *)PMEM)
#define SMALL ((volatile u64 *)(PMEM + 0x1000))
#define LARGE ((volatile u64 *)(PMEM + 0x2000))
#define KEY 6

/* The pointer's low bits hold the logarithm of the capacity in the fixed table, so that both change in one store. */
#define TAGGED(slots, bits) ((volatile u64 *)((u64)(slots) | (bits)))

static u64 capacity(void) {
#ifdef BUGGY
  return TABLE->capacity;
#else
  return 1UL << ((u64)TABLE->slots & 7);
#endif
}

static int find(u64 key) {
  volatile u64 *slots = (volatile u64 *)((u64)TABLE->slots & ~7UL);
  return slots != 0 && slots[key & (capacity() - 1)] == key;
}

void workload(void) {
  SMALL[KEY & 3] = KEY;
  persist(SMALL);
  TABLE->capacity = 4;
  persist(&TABLE->capacity);
  TABLE->slots = TAGGED(SMALL, 2);
  persist(&TABLE->slots);
  acknowledge(1);
  LARGE[KEY & 7] = KEY;
  persist(LARGE);
  TABLE->capacity = 8; /* too early */
  persist(&TABLE->capacity);
  TABLE->slots = TAGGED(LARGE, 3);
  persist(&TABLE->slots);
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  return acknowledged >= 1 && !find(KEY) ? 2 : 0;
}
