/* A binary heap of timers as a priority queue. */
#include <stdint.h>
#define SIZE 1024

struct timer {
  uint64_t when;
  uint32_t id;
};
struct queue {
  uint64_t count;
  struct timer items[SIZE];
};
static struct queue queue;

static void push(struct queue *q, uint64_t when, uint32_t id) {
  uint64_t i = q->count;
  q->count++;
  while (i > 0) {
    uint64_t up = (i - 1) >> 1;
    struct timer *parent = &q->items[up];
    if (parent->when <= when) break;
    struct timer *child = &q->items[i];
    child->when = parent->when;
    child->id = parent->id;
    i = up;
  }
  struct timer *place = &q->items[i];
  place->when = when;
  place->id = id;
}

static uint32_t pop(struct queue *q) {
  uint32_t top = q->items[0].id;
  q->count--;
  uint64_t when = q->items[q->count].when;
  uint32_t id = q->items[q->count].id;
  uint64_t i = 0;
  for (;;) {
    uint64_t child = i * 2 + 1;
    if (child >= q->count) break;
    if (child + 1 < q->count && q->items[child + 1].when < q->items[child].when) child++;
    struct timer *lower = &q->items[child];
    if (when <= lower->when) break;
    struct timer *place = &q->items[i];
    place->when = lower->when;
    place->id = lower->id;
    i = child;
  }
  struct timer *place = &q->items[i];
  place->when = when;
  place->id = id;
  return top;
}

uint64_t run(uint64_t rounds) {
  uint64_t sum = 0;
  for (uint64_t r = 0; r < rounds; r++) {
    queue.count = 0;
    uint64_t seed = 3;
    for (uint32_t i = 0; i < 1000; i++) {
      seed = seed * 6364136223846793005 + 1442695040888963407;
      push(&queue, seed >> 30, i);
    }
    for (uint32_t i = 0; i < 2000; i++) {
      uint32_t id = pop(&queue);
      sum = sum * 31 + id;
      seed = seed * 6364136223846793005 + 1442695040888963407;
      push(&queue, seed >> 30, id);
    }
    while (queue.count > 0) sum = sum * 31 + pop(&queue);
  }
  return sum;
}
