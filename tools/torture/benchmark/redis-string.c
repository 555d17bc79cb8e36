/* Redis on persistent memory (Agamotto, sdsdupnvm): a string's copy is linked, but its characters were never written back. */
/* class: missing flush */
#include "torture.h"

struct string { volatile u64 length; volatile char text[40]; };
#define ROOT ((struct string *volatile *)PMEM)
#define COPY ((struct string *)(PMEM + 0x100))

static struct string *duplicate(const char *text) {
  u64 length = 0;
  for (; text[length] != 0; length++) COPY->text[length] = text[length];
  COPY->length = length; /* guilty */
#ifndef BUGGY
  persist(COPY);
#endif
  return COPY;
}

static const char KEY[] = "key:1";

void workload(void) {
  *ROOT = duplicate(KEY);
  persist(ROOT);
  acknowledge(1);
}

int recover_and_check(u32 acknowledged) {
  struct string *string = *ROOT;
  if (string == 0) return acknowledged == 0 ? 0 : 1;
  if (string->length != 5) return 2;
  for (u64 i = 0; i < 5; i++)
    if (string->text[i] != KEY[i]) return 3;
  return 0;
}
