/* memcached (Witcher 47, items.c:538): an item's cas number lies in a line that nobody writes back. */
/* class: missing flush */
#include "torture.h"

struct item { volatile u64 key, value, unused[6], cas; };
struct header { volatile u64 linked; };
#define HEADER ((struct header *)PMEM)
#define ITEM ((struct item *)(PMEM + 0x400))

void workload(void) {
  ITEM->key = 1;
  ITEM->value = 2;
  ITEM->cas = 3; /* guilty */
  clean(&ITEM->key);
#ifndef BUGGY
  clean(&ITEM->cas);
#endif
  fence();
  HEADER->linked = 1;
  persist(HEADER);
  acknowledge(1);
}

int recover_and_check(u32 acknowledged) {
  if (HEADER->linked == 0) return acknowledged == 0 ? 0 : 1;
  return ITEM->key == 1 && ITEM->value == 2 && ITEM->cas == 3 ? 0 : 2;
}
