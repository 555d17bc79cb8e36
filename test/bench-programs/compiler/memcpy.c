/* Block copies written as loops: by bytes, by words, by four words at a time, and backwards. */
#include <stdint.h>
#define SIZE 4096
static uint64_t from[SIZE / 8], to[SIZE / 8];

static void copy_bytes(uint8_t *target, const uint8_t *source, uint64_t count) {
  for (uint64_t i = 0; i < count; i++) target[i] = source[i];
}

static void copy_words(uint64_t *target, const uint64_t *source, uint64_t count) {
  for (uint64_t i = 0; i < count; i++) target[i] = source[i];
}

static void copy_unrolled(uintptr_t target, uintptr_t source, uint64_t bytes) {
  uintptr_t end = source + bytes;
  while (source < end) {
    const uint64_t *s = (const uint64_t *)source;
    uint64_t *d = (uint64_t *)target;
    uint64_t a = s[0], b = s[1], c = s[2], e = s[3];
    d[0] = a;
    d[1] = b;
    d[2] = c;
    d[3] = e;
    source += 32;
    target += 32;
  }
}

static void copy_backwards(uint8_t *target, const uint8_t *source, uint64_t count) {
  for (uint64_t i = count; i > 0; i--) target[i - 1] = source[i - 1];
}

uint64_t run(uint64_t rounds) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < SIZE / 8; i++) from[i] = i * 0x0101010101010101;
  for (uint64_t r = 0; r < rounds; r++) {
    copy_bytes((uint8_t *)to, (const uint8_t *)from, SIZE);
    sum += to[r & 511];
    copy_words(from, to, SIZE / 8);
    from[r & 511] += 1;
    copy_unrolled((uintptr_t)to, (uintptr_t)from, SIZE);
    sum += to[r & 511];
    copy_backwards((uint8_t *)from, (const uint8_t *)to, SIZE);
  }
  return sum;
}
