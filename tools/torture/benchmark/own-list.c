/* Not published: a list whose insertion commits with one store of eight bytes, the head. It is stored and written back before the node that it leads to. */
/* class: order */
#include "torture.h"

struct node { volatile u64 next, key, check, unused[5]; };
struct list { volatile u64 head, used, pad[6]; struct node node[4]; };
#define LIST ((struct list *)PMEM)

static void push(u64 key) {
  u64 n = key;
  struct node *node = &LIST->node[n - 1];
  u64 old = LIST->head;
#ifdef BUGGY
  LIST->head = n; /* too early */
  persist(&LIST->head);
#endif
  node->next = old;
  node->key = key;
  node->check = ~key; /* guilty */
  persist(node);
#ifndef BUGGY
  LIST->head = n;
  persist(&LIST->head);
#endif
}

void workload(void) {
  for (u32 i = 1; i <= 3; i++) {
    push(i);
    acknowledge(i);
  }
}

int recover_and_check(u32 acknowledged) {
  u64 expected = LIST->head;
  if (expected < acknowledged) return 1;
  for (u64 n = LIST->head; n != 0; n = LIST->node[n - 1].next) {
    struct node *node = &LIST->node[n - 1];
    if (node->key != expected || node->check != ~expected) return 2;
    expected--;
  }
  return expected == 0 ? 0 : 3;
}
