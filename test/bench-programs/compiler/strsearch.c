/* Boyer-Moore-Horspool search for every occurrence of a few words in a text. */
#include <stdint.h>
#define SIZE 16384
static uint8_t text[SIZE];
static uint32_t skip[256];

static uint64_t count(const uint8_t *haystack, uint64_t length, const uint8_t *needle, uint64_t size) {
  uint64_t last = size - 1;
  for (uint64_t i = 0; i < 256; i++) skip[i] = (uint32_t)size;
  for (uint64_t i = 0; i < last; i++) skip[needle[i]] = (uint32_t)(last - i);
  uint64_t found = 0, at = last;
  while (at < length) {
    uint64_t i = 0;
    while (i <= last && haystack[at - i] == needle[last - i]) i++;
    if (i > last) found++;
    at += skip[haystack[at]];
  }
  return found;
}

uint64_t run(uint64_t rounds) {
  uint32_t seed = 99;
  for (uint64_t i = 0; i < SIZE; i++) {
    seed = seed * 1103515245 + 12345;
    text[i] = 'a' + (uint8_t)((seed >> 16) & 3);
  }
  uint64_t sum = 0;
  for (uint64_t r = 0; r < rounds; r++) {
    sum += count(text, SIZE, (const uint8_t *)"abcd", 4);
    sum += count(text, SIZE, (const uint8_t *)"dadba", 5) * 3;
    sum += count(text, SIZE, (const uint8_t *)"aabbccdd", 8) * 5;
  }
  return sum;
}
