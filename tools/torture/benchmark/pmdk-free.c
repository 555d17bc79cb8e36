/* PMDK's pfree (pull request 816): a freed chunk is joined with the next, whose header goes before the first one grows. */
/* class: order */
#include "torture.h"

struct chunk { volatile u64 size, used, unused[6]; };
#define CHUNK ((struct chunk *)PMEM)
#define CHUNKS 8

static void drop(u64 at) {
  CHUNK[at].size = 0; /* too early */
  persist(&CHUNK[at]);
}

static void release(u64 at) {
  u64 next = at + CHUNK[at].size, size = CHUNK[at].size + CHUNK[next].size;
  CHUNK[at].used = 0;
  persist(&CHUNK[at]);
#ifdef BUGGY
  drop(next);
#endif
  CHUNK[at].size = size;
  persist(&CHUNK[at]);
#ifndef BUGGY
  drop(next);
#endif
}

void workload(void) {
  CHUNK[3].size = 5;
  persist(&CHUNK[3]);
  CHUNK[0].used = 1;
  CHUNK[0].size = 3;
  persist(&CHUNK[0]);
  acknowledge(1);
  release(0);
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  if (acknowledged == 0) return 0;
  for (u64 at = 0; at < CHUNKS; at += CHUNK[at].size)
    if (CHUNK[at].size == 0 || CHUNK[at].size > CHUNKS - at) return 2;
  return acknowledged == 2 && CHUNK[0].used ? 1 : 0;
}
