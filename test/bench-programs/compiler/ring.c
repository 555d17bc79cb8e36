/* A ring buffer of records between a producer and a consumer. */
#include <stdbool.h>
#include <stdint.h>
#define SIZE 256

struct record {
  uint64_t time;
  uint16_t kind, length;
  uint32_t value;
};
struct ring {
  uint32_t head, tail;
  struct record slots[SIZE];
};
static struct ring ring;

static bool push(struct ring *self, uint64_t time, uint16_t kind, uint32_t value) {
  if (self->head - self->tail == SIZE) return false;
  struct record *slot = &self->slots[self->head & (SIZE - 1)];
  slot->time = time;
  slot->kind = kind;
  slot->length = (uint16_t)(value & 31);
  slot->value = value;
  self->head++;
  return true;
}

static bool pop(struct ring *self, struct record *into) {
  if (self->head == self->tail) return false;
  struct record *slot = &self->slots[self->tail & (SIZE - 1)];
  *into = *slot;
  self->tail++;
  return true;
}

uint64_t run(uint64_t rounds) {
  uint64_t sum = 0;
  struct record record;
  ring.head = 0;
  ring.tail = 0;
  uint32_t seed = 7;
  for (uint64_t i = 0; i < rounds * 1000; i++) {
    seed = seed * 1664525 + 1013904223;
    uint32_t n = (seed >> 16) & 7;
    while (n > 0 && push(&ring, i, (uint16_t)(seed >> 24), seed ^ n)) n--;
    n = (seed >> 20) & 7;
    while (n > 0 && pop(&ring, &record)) {
      sum += record.time + (uint64_t)record.kind * record.length + record.value;
      n--;
    }
  }
  return sum;
}
