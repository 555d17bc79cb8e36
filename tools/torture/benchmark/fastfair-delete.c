/* FAST_FAIR (Witcher 3): delete shifts entries to the left, and cleans where insert, which goes right, leaves a line. */
/* class: missing flush */
#include "torture.h"

#define ENTRIES 6
struct entry { volatile u64 key, value; };
#define NODE ((struct entry *)PMEM)

static int starts_line(void *p) { return ((u64)p & (BLOCK - 1)) == 0; }
static int ends_line(void *p) { return starts_line((char *)p + sizeof(struct entry)); }

static void delete_first(void) {
  for (u64 i = 0; i < ENTRIES; i++) {
    u64 last = i == ENTRIES - 1;
    NODE[i].value = last ? 0 : NODE[i + 1].value;
    NODE[i].key = last ? 0 : NODE[i + 1].key; /* guilty */
#ifdef BUGGY
    if (starts_line(&NODE[i])) persist(&NODE[i]);
#else
    if (ends_line(&NODE[i]) || last) persist(&NODE[i]);
#endif
  }
}

void workload(void) {
  for (u64 i = 0; i < ENTRIES; i++) {
    NODE[i].key = i + 1;
    NODE[i].value = 10 * (i + 1);
  }
  clean(&NODE[0]);
  persist(&NODE[4]);
  acknowledge(1);
  delete_first();
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  if (acknowledged < 2) return 0;
  for (u64 i = 0; i < ENTRIES; i++)
    if (NODE[i].key != (i == ENTRIES - 1 ? 0 : i + 2)) return 2;
  return 0;
}
