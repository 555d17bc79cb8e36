/* P-BwTree (Witcher 29): the metadata of a new allocation chunk are not written back before the chunk is linked. */
/* class: missing flush */
#include "torture.h"

struct chunk { volatile u64 limit, used; struct chunk *volatile previous; };
struct root { struct chunk *volatile chunk; };
#define ROOT ((struct root *)PMEM)
#define CHUNK(n) ((struct chunk *)(PMEM + 0x400 * (n)))

static void grow(u64 n) {
  struct chunk *chunk = CHUNK(n);
  chunk->previous = ROOT->chunk;
  chunk->used = 24;
  chunk->limit = 0x400; /* guilty */
#ifndef BUGGY
  persist(chunk);
#endif
  ROOT->chunk = chunk;
  persist(ROOT);
}

void workload(void) {
  grow(1);
  acknowledge(1);
  grow(2);
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  u64 chunks = 0;
  for (struct chunk *chunk = ROOT->chunk; chunk != 0; chunk = chunk->previous) {
    if (chunk->limit != 0x400 || chunk->used < 24) return 2;
    chunks++;
  }
  return chunks >= acknowledged ? 0 : 1;
}
