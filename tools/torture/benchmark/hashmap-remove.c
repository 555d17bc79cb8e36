/* PMDK's hashmap_atomic (Witcher 45-46): remove unlinks an entry and counts down without raising the dirty flag. */
/* class: order */
#include "torture.h"

struct map { volatile u64 count, dirty, unused[6], head, unused2[7]; struct { volatile u64 next, unused[7]; } entry[4]; };
#define MAP ((struct map *)PMEM)

static void dirty(u64 value) {
  MAP->dirty = value;
  persist(&MAP->dirty);
}

static void count(u64 value) {
  MAP->count = value;
  persist(&MAP->count);
}

static void insert(u64 i) {
  MAP->entry[i].next = MAP->head;
  persist(&MAP->entry[i]);
  dirty(1);
  MAP->head = i;
  persist(&MAP->head);
  count(MAP->count + 1);
  dirty(0);
}

static void remove_first(void) {
#ifndef BUGGY
  dirty(1);
#endif
  MAP->head = MAP->entry[MAP->head].next; /* too early */
  persist(&MAP->head);
  count(MAP->count - 1);
#ifndef BUGGY
  dirty(0);
#endif
}

void workload(void) {
  insert(1);
  insert(2);
  acknowledge(2);
  remove_first();
  acknowledge(3);
}

int recover_and_check(u32 acknowledged) {
  u64 linked = 0;
  for (u64 i = MAP->head; i != 0; i = MAP->entry[i].next) linked++;
  if (MAP->dirty) {
    count(linked);
    dirty(0);
  }
  if (MAP->count != linked) return 2;
  return acknowledged == 2 && linked == 0 ? 1 : 0;
}
