/* Level hashing (Witcher 19-21): moving an item sets the new slot's token, then clears the old one's: it is there twice. */
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

static void update(u64 key, u64 value) {
  for (u64 i = 0; i < 4; i++)
    if ((BUCKET->tokens & (1 << i)) && BUCKET->key[i] == key) {
      BUCKET->value[i] = value;
      persist(&BUCKET->value[i]);
      return;
    }
}

void workload(void) {
  put(0, 1, 10);
  tokens(1);
  acknowledge(1);
  put(2, 1, 10);
#ifdef BUGGY
  tokens(5);
#endif
  tokens(4);
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  if (acknowledged == 0) return 0;
  update(1, 20);
  u64 seen = 0;
  for (u64 i = 0; i < 4; i++)
    if ((BUCKET->tokens & (1 << i)) && BUCKET->key[i] == 1) {
      if (BUCKET->value[i] != 20) return 2;
      seen++;
    }
  return seen == 1 ? 0 : 1;
}
