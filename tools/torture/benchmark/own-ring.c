/* Not published: a ring of records of one cache block each, which recovery tells from old ones by their sequence numbers. The number is stored before the record's words, so that a block written back in between holds a new number and old words. */
/* class: order */
#include "torture.h"

#define SLOTS 2

struct record { volatile u64 sequence, key, value, unused[5]; };
#define RING ((struct record *)PMEM)

static void append(u64 sequence) {
  struct record *r = &RING[sequence % SLOTS];
#ifdef BUGGY
  r->sequence = sequence; /* too early */
#endif
  r->key = sequence * 3;
  r->value = sequence * 7; /* guilty */
#ifndef BUGGY
  r->sequence = sequence;
#endif
  persist(r);
}

void workload(void) {
  for (u32 i = 1; i <= 4; i++) {
    append(i);
    acknowledge(i);
  }
}

/* The fixed ring stores over the words of the oldest record before its number: that record is given up, and may be seen with new words. */
int recover_and_check(u32 acknowledged) {
  u64 newest = 0;
  for (u64 i = 0; i < SLOTS; i++)
    if (RING[i].sequence > newest) newest = RING[i].sequence;
  if (newest < acknowledged) return 1;
  if (newest == 0) return 0;
  struct record *r = &RING[newest % SLOTS];
  return r->sequence == newest && r->key == newest * 3 && r->value == newest * 7 ? 0 : 2;
}
