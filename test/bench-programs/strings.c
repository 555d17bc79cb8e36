/* String search: naive, Knuth-Morris-Pratt, Horspool and bit-parallel, over text with many near misses. */
#include "bench.h"

const char benchmark_name[] = "strings";

#define TEXT 65536
static char text[TEXT + 1];

static unsigned search_naive(const char *pattern, size_t length) {
  unsigned found = 0;
  for (size_t i = 0; i + length <= TEXT; i++) {
    size_t k = 0;
    while (k < length && text[i + k] == pattern[k]) k++;
    found += k == length;
  }
  return found;
}

static unsigned search_kmp(const char *pattern, size_t length) {
  uint8_t fallback[64];
  fallback[0] = 0;
  for (size_t i = 1, k = 0; i < length; i++) {
    while (k && pattern[i] != pattern[k]) k = fallback[k - 1];
    if (pattern[i] == pattern[k]) k++;
    fallback[i] = (uint8_t)k;
  }
  unsigned found = 0;
  for (size_t i = 0, k = 0; i < TEXT; i++) {
    while (k && text[i] != pattern[k]) k = fallback[k - 1];
    if (text[i] == pattern[k]) k++;
    if (k == length) {
      found++;
      k = fallback[k - 1];
    }
  }
  return found;
}

static unsigned search_horspool(const char *pattern, size_t length) {
  size_t skip[256];
  for (int i = 0; i < 256; i++) skip[i] = length;
  for (size_t i = 0; i + 1 < length; i++) skip[(uint8_t)pattern[i]] = length - 1 - i;
  unsigned found = 0;
  for (size_t at = 0; at + length <= TEXT;) {
    if (memcmp(text + at, pattern, length) == 0) found++;
    at += skip[(uint8_t)text[at + length - 1]];
  }
  return found;
}

static unsigned search_bits(const char *pattern, size_t length) {
  uint64_t masks[256] = {0}, state = 0;
  for (size_t i = 0; i < length; i++) masks[(uint8_t)pattern[i]] |= 1ull << i;
  unsigned found = 0;
  for (size_t i = 0; i < TEXT; i++) {
    state = (state << 1 | 1) & masks[(uint8_t)text[i]];
    found += state >> (length - 1) & 1;
  }
  return found;
}

uint64_t benchmark(void) {
  static const char *const patterns[] = {"abacab", "aabbaabb", "cabcabcabcab", "bb", "abcabcabcabcabcabcabcd"};
  uint64_t seed = 11, checksum = 0;
  for (size_t i = 0; i < TEXT; i++) {
    uint64_t r = next_random(&seed) >> 40;
    text[i] = r % 7 == 0 ? (char)('a' + r / 7 % 3) : (char)('a' + i % 3);
  }
  for (int round = 0; round < SCALED(180); round++) {
    const char *pattern = patterns[round % 5];
    size_t length = strlen(pattern);
    checksum = fold(checksum, search_naive(pattern, length));
    checksum = fold(checksum, search_kmp(pattern, length));
    checksum = fold(checksum, search_horspool(pattern, length));
    checksum = fold(checksum, search_bits(pattern, length));
    text[(round * 977) % TEXT] = 'd';
  }
  return checksum;
}
