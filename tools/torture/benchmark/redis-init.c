/* Redis on persistent memory (XFDetector): the first initialisation is not protected; a failure in it is taken for the end of it. */
/* class: order */
#include "torture.h"

struct root { volatile u64 initialised, unused[7], databases, unused2[7], limit; };
#define ROOT ((struct root *)PMEM)

static void flag(void) {
  ROOT->initialised = 1; /* too early */
  persist(&ROOT->initialised);
}

static void initialise(void) {
  if (ROOT->initialised) return;
#ifdef BUGGY
  flag();
#endif
  ROOT->databases = 16;
  persist(&ROOT->databases);
  ROOT->limit = 1024;
  persist(&ROOT->limit);
#ifndef BUGGY
  flag();
#endif
}

void workload(void) {
  initialise();
  acknowledge(1);
}

int recover_and_check(u32 acknowledged) {
  if (acknowledged == 1 && !ROOT->initialised) return 1;
  initialise();
  return ROOT->databases == 16 && ROOT->limit == 1024 ? 0 : 2;
}
