/* Not published: an undo log of several ranges, kept and copied back as PMDK does. Its count is persisted with the entry that it counts, in one go, so that recovery may copy back an entry that is not there. */
/* class: missing fence */
#include "torture.h"

#define WORDS 3

struct entry { volatile u64 offset, old, unused[6]; };
struct pool {
  volatile u64 count, pad[7];
  struct entry log[WORDS];
  struct { volatile u64 value, pad[7]; } word[WORDS];
};
#define POOL ((struct pool *)PMEM)

static void add(u64 which) {
  u64 n = POOL->count;
  POOL->log[n].offset = which;
  POOL->log[n].old = POOL->word[which].value; /* guilty */
  clean(&POOL->log[n]);
#ifndef BUGGY
  fence();
#endif
  POOL->count = n + 1; /* too early */
  persist(&POOL->count);
}

static void commit(void) {
  POOL->count = 0;
  persist(&POOL->count);
}

static void set_all(u64 value) {
  for (u64 i = 0; i < WORDS; i++) {
    add(i);
    POOL->word[i].value = value + i;
    persist(&POOL->word[i]);
  }
  commit();
}

void workload(void) {
  set_all(10);
  acknowledge(1);
  set_all(20);
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  for (u64 n = POOL->count; n > 0; n--) {
    struct entry *e = &POOL->log[n - 1];
    if (e->offset >= WORDS) return 1;
    POOL->word[e->offset].value = e->old;
    persist(&POOL->word[e->offset]);
  }
  commit();
  u64 first = POOL->word[0].value;
  if (first != 0 && first != 10 && first != 20) return 2;
  for (u64 i = 1; i < WORDS; i++)
    if (POOL->word[i].value != (first == 0 ? 0 : first + i)) return 3;
  if (acknowledged >= 1 && first == 0) return 4;
  if (acknowledged >= 2 && first != 20) return 5;
  return 0;
}
