/* PMDK's array example (issue 4927): the size in the directory grows before the elements exist: torn by design. */
/* class: order */
#include "torture.h"

#define GROWN 12
struct info { volatile u64 size, unused[7]; };
#define INFO ((struct info *)PMEM)
#define DATA ((volatile u64 *)(PMEM + 0x1000))

void workload(void) {
#ifdef BUGGY
  INFO->size = GROWN;
  persist(INFO);
#endif
  for (u64 i = 0; i < GROWN; i++) DATA[i] = i + 1; /* guilty */
  clean(&DATA[0]);
  persist(&DATA[8]);
#ifndef BUGGY
  INFO->size = GROWN;
  persist(INFO);
#endif
  acknowledge(1);
}

int recover_and_check(u32 acknowledged) {
  if (acknowledged == 1 && INFO->size != GROWN) return 1;
  for (u64 i = 0; i < INFO->size; i++)
    if (DATA[i] != i + 1) return 2;
  return 0;
}
