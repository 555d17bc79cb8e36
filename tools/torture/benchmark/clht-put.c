/* P-CLHT's put (Agamotto, clht_lb_res.c:583): the arguments of the write-back function are confused: its length is 0. */
/* class: missing flush */
#include "torture.h"

struct bucket { volatile u64 lock, key[3], value[3], next; };
#define BUCKET(n) ((struct bucket *)(PMEM + BLOCK * (n)))

static void write_back(volatile void *p, u64 length, int with_fence) {
  for (u64 i = 0; i < length; i += BLOCK) clean((volatile char *)p + i);
  if (with_fence) fence();
}

/* The bucket is full: the pair goes to a new one, which is linked to it. */
static void put_overflow(u64 key, u64 value) {
  BUCKET(1)->value[0] = value;
  BUCKET(1)->key[0] = key; /* guilty */
#ifdef BUGGY
  write_back(BUCKET(1), 0, sizeof(struct bucket));
#else
  write_back(BUCKET(1), sizeof(struct bucket), 1);
#endif
  BUCKET(0)->next = (u64)BUCKET(1);
  write_back(BUCKET(0), sizeof(struct bucket), 1);
}

void workload(void) {
  put_overflow(4, 40);
  acknowledge(1);
}

int recover_and_check(u32 acknowledged) {
  struct bucket *next = (struct bucket *)BUCKET(0)->next;
  if (next == 0) return acknowledged == 0 ? 0 : 1;
  return next->key[0] == 4 && next->value[0] == 40 ? 0 : 2;
}
