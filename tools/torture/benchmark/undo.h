/*
 * A small undo log, correct: begin, add each word before it changes, change words, commit. What a crash interrupts is
 * rolled back by recover. Programs of the benchmark that re-create bugs of transactions use it wrongly.
 */
#ifndef UNDO_H
#define UNDO_H
#include "torture.h"

#define UNDO_ENTRIES 8
struct undo_entry { volatile u64 *volatile word; volatile u64 old; };
struct undo_log { volatile u64 count, unused[7]; struct undo_entry entry[UNDO_ENTRIES]; };
#define UNDO ((struct undo_log *)(PMEM + 0x8000))

/* The words that the running transaction has added, to write them back when it commits. */
static inline void undo_add(volatile u64 *word) {
  struct undo_entry *entry = &UNDO->entry[UNDO->count];
  entry->word = word;
  entry->old = *word;
  persist(entry);
  UNDO->count = UNDO->count + 1;
  persist(&UNDO->count);
}

static inline void undo_commit(void) {
  for (u64 i = 0; i < UNDO->count; i++) clean(UNDO->entry[i].word);
  fence();
  UNDO->count = 0;
  persist(&UNDO->count);
}

static inline void undo_recover(void) {
  for (u64 i = UNDO->count; i > 0; i--) {
    *UNDO->entry[i - 1].word = UNDO->entry[i - 1].old;
    clean(UNDO->entry[i - 1].word);
  }
  fence();
  UNDO->count = 0;
  persist(&UNDO->count);
}

#endif
