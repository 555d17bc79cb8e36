/* Quicksort with insertion sort for short runs, on 32-bit numbers. */
#include <stdint.h>
#define N 4096
static uint32_t data[N];

static void sort_range(uint32_t *a, int64_t first, int64_t last) {
  int64_t low = first, high = last;
  while (high - low > 12) {
    uint32_t pivot = a[(low + high) >> 1];
    int64_t i = low, j = high;
    while (i <= j) {
      while (a[i] < pivot) i++;
      while (pivot < a[j]) j--;
      if (i <= j) {
        uint32_t t = a[i];
        a[i] = a[j];
        a[j] = t;
        i++;
        j--;
      }
    }
    sort_range(a, low, j);
    low = i;
  }
  for (int64_t i = low + 1; i <= high; i++) {
    uint32_t value = a[i];
    int64_t j = i;
    while (j > low && a[j - 1] > value) {
      a[j] = a[j - 1];
      j--;
    }
    a[j] = value;
  }
}

uint64_t run(uint64_t rounds) {
  uint32_t seed = 12345;
  uint64_t sum = 0;
  for (uint64_t r = 0; r < rounds; r++) {
    for (uint64_t i = 0; i < N; i++) {
      seed = seed * 1664525 + 1013904223;
      data[i] = seed >> 8;
    }
    sort_range(data, 0, N - 1);
    for (uint64_t i = 0; i < N; i += 64) sum = sum * 31 + data[i];
  }
  return sum;
}
