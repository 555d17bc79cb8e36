/* A first-fit allocator with a free list in address order and coalescing, under a random load. */
#include <stdint.h>
#define HEAP 65536
#define LIVE 64

struct block {
  uint64_t size;
  struct block *next;
};
static uint64_t heap[HEAP / 8];
static uintptr_t live[LIVE];
static struct block *free_list;

static void reset(void) {
  struct block *first = (struct block *)heap;
  first->size = HEAP;
  first->next = 0;
  free_list = first;
}

static uintptr_t allocate(uint64_t bytes) {
  uint64_t size = (bytes + 23) & ~(uint64_t)15;
  struct block *before = 0, *block = free_list;
  while (block && block->size < size) {
    before = block;
    block = block->next;
  }
  if (!block) return 0;
  struct block *rest = block->next;
  if (block->size - size >= 32) {
    struct block *tail = (struct block *)((uintptr_t)block + size);
    tail->size = block->size - size;
    tail->next = rest;
    block->size = size;
    rest = tail;
  }
  if (!before) free_list = rest;
  else before->next = rest;
  return (uintptr_t)block + 8;
}

static void release(uintptr_t address) {
  struct block *block = (struct block *)(address - 8);
  struct block *before = 0, *after = free_list;
  while (after && (uintptr_t)after < (uintptr_t)block) {
    before = after;
    after = after->next;
  }
  block->next = after;
  if (after && (uintptr_t)block + block->size == (uintptr_t)after) {
    block->size += after->size;
    block->next = after->next;
  }
  if (!before) free_list = block;
  else if ((uintptr_t)before + before->size == (uintptr_t)block) {
    before->size += block->size;
    before->next = block->next;
  } else before->next = block;
}

uint64_t run(uint64_t rounds) {
  uint64_t sum = 0;
  for (uint64_t r = 0; r < rounds; r++) {
    reset();
    for (uint64_t i = 0; i < LIVE; i++) live[i] = 0;
    uint64_t seed = 42;
    for (uint64_t i = 0; i < 4000; i++) {
      seed = seed * 6364136223846793005 + 1442695040888963407;
      uint64_t slot = (seed >> 40) & (LIVE - 1);
      if (live[slot]) {
        release(live[slot]);
        live[slot] = 0;
      } else {
        uintptr_t address = allocate(16 + ((seed >> 50) & 1023));
        live[slot] = address;
        if (address) sum += (address - (uintptr_t)heap) ^ i;
      }
    }
  }
  return sum;
}
