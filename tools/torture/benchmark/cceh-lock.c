/* CCEH (Witcher 25): a slot is locked by a sentinel in its key; it persists, and who comes later waits for ever. */
/* class: recovery */
#include "torture.h"

#define LOCKED (~0UL)
struct slot { volatile u64 key, value; };
#define SLOT ((struct slot *)PMEM)

static void insert(u64 key, u64 value) {
  while (SLOT->key == LOCKED) {
  }
  SLOT->key = LOCKED;
  SLOT->value = value;
  SLOT->key = key; /* guilty */
  persist(SLOT);
}

void workload(void) {
  insert(1, 10);
  acknowledge(1);
}

int recover_and_check(u32 acknowledged) {
#ifndef BUGGY
  if (SLOT->key == LOCKED) SLOT->key = 0;
#endif
  if (acknowledged == 1 && (SLOT->key != 1 || SLOT->value != 10)) return 1;
  insert(2, 20);
  return SLOT->key == 2 && SLOT->value == 20 ? 0 : 2;
}
