/* PMDK (issue 5461): a large transaction's log goes on in a second part, which commit does not clear: later it is replayed. */
/* class: recovery */
#include "torture.h"

#define PART 2
struct part { volatile u64 count, unused[7]; struct { volatile u64 *volatile word; volatile u64 old; } entry[PART]; };
#define LOG(n) ((struct part *)(PMEM + 0x800 + 0x100 * (n)))
#define WORD(n) ((volatile u64 *)(PMEM + BLOCK * (n)))

static void add(volatile u64 *word) {
  struct part *part = LOG(LOG(0)->count == PART);
  part->entry[part->count].word = word;
  part->entry[part->count].old = *word;
  persist(&part->entry[part->count]);
  part->count = part->count + 1;
  persist(&part->count);
}

/* Changes words 0 .. n-1 in one transaction. */
static void change(u64 n, u64 value) {
  for (u64 i = 0; i < n; i++) {
    add(WORD(i));
    *WORD(i) = value;
    clean(WORD(i));
  }
  fence();
  LOG(0)->count = 0; /* too early */
  persist(&LOG(0)->count);
#ifndef BUGGY
  LOG(1)->count = 0;
  persist(&LOG(1)->count);
#endif
}

static void recover(void) {
#ifndef BUGGY
  /* Without a full first part, the second one belongs to a transaction that was committed. */
  if (LOG(0)->count < PART) LOG(1)->count = 0;
#endif
  for (u64 part = 2; part > 0; part--)
    for (u64 i = LOG(part - 1)->count; i > 0; i--) {
      *LOG(part - 1)->entry[i - 1].word = LOG(part - 1)->entry[i - 1].old;
      clean(LOG(part - 1)->entry[i - 1].word);
    }
  fence();
  LOG(1)->count = 0;
  persist(&LOG(1)->count);
  LOG(0)->count = 0;
  persist(&LOG(0)->count);
}

void workload(void) {
  change(3, 7);
  acknowledge(1);
}

int recover_and_check(u32 acknowledged) {
  recover();
  u64 value = *WORD(0);
  if (acknowledged == 1 && value != 7) return 1;
  return *WORD(1) == value && *WORD(2) == value ? 0 : 2;
}
