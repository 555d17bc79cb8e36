/* PMDK's heap (Witcher 1, issue 4945): a chunk is split; its header shrinks before the rest has a header of its own. */
/* class: order */
#include "torture.h"

#define CHUNKS 8
struct chunk { volatile u64 size, used, unused[6]; };
#define CHUNK ((struct chunk *)PMEM)

static void format(void) {
  CHUNK[0].size = CHUNKS;
  persist(&CHUNK[0]);
}

static void allocate(u64 at, u64 size) {
  u64 rest = CHUNK[at].size - size;
#ifdef BUGGY
  CHUNK[at].size = size; /* too early */
  persist(&CHUNK[at]);
#endif
  CHUNK[at + size].size = rest;
  persist(&CHUNK[at + size]);
#ifndef BUGGY
  CHUNK[at].size = size;
  persist(&CHUNK[at]);
#endif
  CHUNK[at].used = 1;
  persist(&CHUNK[at]);
}

void workload(void) {
  format();
  acknowledge(1);
  allocate(0, 3);
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  if (acknowledged == 0) return 0;
  u64 at = 0;
  while (at < CHUNKS) {
    if (CHUNK[at].size == 0 || CHUNK[at].size > CHUNKS - at) return 2;
    at += CHUNK[at].size;
  }
  return acknowledged == 2 && !CHUNK[0].used ? 1 : 0;
}
