/* Level hashing (Witcher 7-16): a slot's token becomes persistent before its key and value do. */
/* class: missing fence */
#include "torture.h"

#define SLOTS 3
struct table {
  volatile u64 token[8];
  struct { volatile u64 key, value, unused[6]; } slot[SLOTS];
};
#define TABLE ((struct table *)PMEM)

static void insert(u64 i) {
  TABLE->slot[i].key = 100 + i;
  TABLE->slot[i].value = 200 + i; /* guilty */
  clean(&TABLE->slot[i]);
#ifndef BUGGY
  fence();
#endif
  TABLE->token[i] = 1;
  persist(&TABLE->token[i]);
}

void workload(void) {
  for (u64 i = 0; i < SLOTS; i++) {
    insert(i);
    acknowledge(i + 1);
  }
}

int recover_and_check(u32 acknowledged) {
  for (u64 i = 0; i < SLOTS; i++) {
    if (TABLE->token[i] == 0) {
      if (i < acknowledged) return 1;
      continue;
    }
    if (TABLE->slot[i].key != 100 + i || TABLE->slot[i].value != 200 + i) return 2;
  }
  return 0;
}
