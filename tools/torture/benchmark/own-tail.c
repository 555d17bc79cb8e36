/* Not published: a log of records of any length without checksums: all before the tail counts. Only the block in which a record begins is written back, so that the end of a record that crosses into the next one may be missing. */
/* class: missing flush */
#include "torture.h"

struct log { volatile u64 tail, pad[7], word[32]; };
#define LOG ((struct log *)PMEM)

static void append(u64 words, u64 value) {
  u64 from = LOG->tail;
  LOG->word[from] = words;
  for (u64 i = 1; i <= words; i++) LOG->word[from + i] = value; /* guilty */
  clean(&LOG->word[from]);
#ifndef BUGGY
  clean(&LOG->word[from + words]);
#endif
  fence();
  LOG->tail = from + words + 1;
  persist(&LOG->tail);
}

void workload(void) {
  append(4, 11);
  acknowledge(1);
  append(5, 22);
  acknowledge(2);
  append(2, 33);
  acknowledge(3);
}

int recover_and_check(u32 acknowledged) {
  u64 at = 0, count = 0;
  while (at < LOG->tail) {
    u64 words = LOG->word[at];
    if (words == 0 || words > 8) return 1;
    count++;
    for (u64 i = 1; i <= words; i++)
      if (LOG->word[at + i] != count * 11) return 2;
    at += words + 1;
  }
  return count < acknowledged ? 3 : 0;
}
