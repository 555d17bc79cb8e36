/* Runs the benchmark and prints `NAME CHECKSUM`; and the memory functions that GCC may call without a C library. */
#include "bench.h"
#include "platform.h"

void *memcpy(void *restrict to, const void *restrict from, size_t length) {
  uint8_t *d = to;
  const uint8_t *s = from;
  if ((((uintptr_t)d ^ (uintptr_t)s) & 7) == 0) {
    for (; length && ((uintptr_t)d & 7); length--) *d++ = *s++;
    for (; length >= 32; length -= 32, d += 32, s += 32) {
      uint64_t a = ((const uint64_t *)s)[0], b = ((const uint64_t *)s)[1];
      uint64_t c = ((const uint64_t *)s)[2], e = ((const uint64_t *)s)[3];
      ((uint64_t *)d)[0] = a;
      ((uint64_t *)d)[1] = b;
      ((uint64_t *)d)[2] = c;
      ((uint64_t *)d)[3] = e;
    }
    for (; length >= 8; length -= 8, d += 8, s += 8) *(uint64_t *)d = *(const uint64_t *)s;
  }
  while (length--) *d++ = *s++;
  return to;
}

void *memset(void *to, int value, size_t length) {
  uint8_t *d = to;
  uint64_t word = (uint8_t)value * 0x0101010101010101ull;
  for (; length && ((uintptr_t)d & 7); length--) *d++ = (uint8_t)value;
  for (; length >= 8; length -= 8, d += 8) *(uint64_t *)d = word;
  while (length--) *d++ = (uint8_t)value;
  return to;
}

int memcmp(const void *one, const void *other, size_t length) {
  const uint8_t *a = one, *b = other;
  for (; length; length--, a++, b++)
    if (*a != *b) return *a - *b;
  return 0;
}

size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length]) length++;
  return length;
}

void bench_start(void) {
  static char line[64];
  uint64_t checksum = benchmark();
  size_t at = 0;
  for (const char *c = benchmark_name; *c && at < 32; c++) line[at++] = *c;
  line[at++] = ' ';
  for (int shift = 60; shift >= 0; shift -= 4) line[at++] = "0123456789abcdef"[checksum >> shift & 15];
  line[at++] = '\n';
  platform_write(line, at);
  platform_exit(0);
}
