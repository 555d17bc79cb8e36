/* Redis on persistent memory (Agamotto, aofguard): a copy that went around the caches is not fenced before its guard.
   RISC-V has no such stores; a store and its cbo.clean without a fence are the same here. */
/* class: missing fence */
#include "torture.h"

struct file { volatile u64 guard, unused[7], text[16]; };
#define LOG ((struct file *)PMEM)

static void copy_around_caches(volatile u64 *to, u64 first, u64 words) {
  for (u64 i = 0; i < words; i++) {
    to[i] = first + i; /* guilty */
    clean(&to[i]);
  }
#ifndef BUGGY
  fence();
#endif
}

void workload(void) {
  copy_around_caches(&LOG->text[0], 100, 4);
  LOG->guard = 4;
  persist(&LOG->guard);
  acknowledge(1);
  copy_around_caches(&LOG->text[8], 104, 4);
  LOG->guard = 8;
  persist(&LOG->guard);
  acknowledge(2);
}

int recover_and_check(u32 acknowledged) {
  u64 words = LOG->guard;
  if (words < 4 * (u64)acknowledged) return 1;
  for (u64 i = 0; i < words; i++)
    if (LOG->text[i < 4 ? i : i + 4] != 100 + i) return 2;
  return 0;
}
