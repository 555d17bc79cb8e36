/* PMDK (issue 5613): two ranges of a transaction that touch are merged; the second one's length is forgotten at commit. */
/* class: missing flush */
#include "torture.h"

struct range { u64 start, length; };
#define DATA ((volatile u64 *)PMEM)
#define DONE ((volatile u64 *)(PMEM + 0x800))

static void add(struct range *range, u64 start, u64 length) {
  if (range->length != 0 && range->start + range->length == start) {
#ifndef BUGGY
    range->length += length;
#endif
    return;
  }
  range->start = start;
  range->length = length;
}

void workload(void) {
  struct range range = {0, 0};
  add(&range, PMEM, BLOCK);
  DATA[0] = 1;
  add(&range, PMEM + BLOCK, BLOCK);
  DATA[8] = 2; /* guilty */
  for (u64 at = range.start; at < range.start + range.length; at += BLOCK) clean((volatile void *)at);
  fence();
  *DONE = 1;
  persist(DONE);
  acknowledge(1);
}

int recover_and_check(u32 acknowledged) {
  if (!*DONE) return acknowledged == 0 ? 0 : 1;
  return DATA[0] == 1 && DATA[8] == 2 ? 0 : 2;
}
