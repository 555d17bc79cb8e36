/* P-CLHT (Witcher 30): the loop that writes a new table back cleans its base again and again, not the cursor. */
/* class: missing flush */
#include "torture.h"

#define BUCKETS 3
struct bucket { volatile u64 key, unused[7]; };
struct root { volatile u64 table; };
#define ROOT ((struct root *)PMEM)
#define TABLE ((struct bucket *)(PMEM + 0x1000))

void workload(void) {
  struct bucket *base = TABLE;
  for (u64 i = 0; i < BUCKETS; i++) base[i].key = 7 + i; /* guilty */
  for (struct bucket *cursor = base; cursor < base + BUCKETS; cursor++) {
#ifdef BUGGY
    clean(base);
#else
    clean(cursor);
#endif
  }
  fence();
  ROOT->table = (u64)base;
  persist(ROOT);
  acknowledge(1);
}

int recover_and_check(u32 acknowledged) {
  struct bucket *table = (struct bucket *)ROOT->table;
  if (table == 0) return acknowledged == 0 ? 0 : 1;
  for (u64 i = 0; i < BUCKETS; i++)
    if (table[i].key != 7 + i) return 2;
  return 0;
}
