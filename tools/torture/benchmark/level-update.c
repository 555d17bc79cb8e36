/* Level hashing (Witcher 22-23): an update out of place clears the old slot's token first; until the new one is set, the key is lost. */
/* class: order */
#include "torture.h"

struct bucket { volatile u64 tokens, unused[7], key[4], value[4]; };
#define BUCKET ((struct bucket *)PMEM)

static void tokens(u64 set) {
  BUCKET->tokens = set; /* too early */
  persist(&BUCKET->tokens);
}

static void put(u64 slot, u64 key, u64 value) {
  BUCKET->key[slot] = key;
  BUCKET->value[slot] = value;
  persist(&BUCKET->key[slot]);
}

void workload(void) {
  put(0, 1, 10);
  tokens(1);
  acknowledge(1);
  put(1, 1, 20);
#ifdef BUGGY
  tokens(0);
#endif
  tokens(2);
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  u64 value = 0;
  for (u64 i = 0; i < 4; i++)
    if ((BUCKET->tokens & (1 << i)) && BUCKET->key[i] == 1) value = BUCKET->value[i];
  if (acknowledged == 2) return value == 20 ? 0 : 1;
  return acknowledged == 1 && value == 0 ? 2 : 0;
}
