/* Traps: environment calls with a little work between them, as a program that makes many system calls. */
#include "bench.h"

const char benchmark_name[] = "traps";

uint64_t benchmark(void) {
  uint64_t checksum = 0;
  for (int i = 0; i < SCALED(600000); i++) {
    checksum = fold(checksum, platform_trap((uint64_t)i));
    for (int k = 0; k < 8; k++) checksum ^= checksum << 7 ^ checksum >> 9;
  }
  return checksum;
}
