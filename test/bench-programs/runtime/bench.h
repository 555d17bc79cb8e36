/*
 * What a benchmark program may use. A program defines `benchmark`, which does a fixed amount of work and returns a
 * checksum of all of it; the runtime prints `NAME CHECKSUM` and powers the machine off. The same object file is
 * linked for machine mode (paging off), for user mode under Sv39, and, compiled by the host's compiler, natively.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

/* Work multiplier in percent; the harness may pass another (-DBENCH_PERCENT=5 for a smoke test). */
#ifndef BENCH_PERCENT
#define BENCH_PERCENT 100
#endif

/* A repeat count scaled by BENCH_PERCENT, at least 1. */
#define SCALED(count) ((count) * BENCH_PERCENT / 100 > 0 ? (count) * BENCH_PERCENT / 100 : 1)

/* The name to print and the work to do: every program defines both. */
extern const char benchmark_name[];
uint64_t benchmark(void);

/* A round trip through a trap: an environment call to the level above, answered with value * 3 + 1. Natively a
 * function call, so native times of a program that uses it say nothing. */
uint64_t platform_trap(uint64_t value);

/* Address spaces. Each of SPACE_COUNT spaces maps SPACE_PAGES pages of its own at SPACE_WINDOW and shares the rest.
 * `platform_spaces_start` enables them and enters space 0; `platform_switch_space` makes another one current;
 * `platform_move_page` exchanges what two pages of the current space's window map to, with the fences needed. */
#define SPACE_COUNT 8
#define SPACE_PAGES 64
void platform_spaces_start(void);
uint8_t *platform_space_window(void);
void platform_switch_space(unsigned space);
void platform_move_page(unsigned page, unsigned with);

/* The memory functions of the C library that programs may use (runtime/start.c; natively the host's). */
void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memset(void *to, int value, size_t length);
int memcmp(const void *one, const void *other, size_t length);
size_t strlen(const char *text);

/* xorshift64*: reproducible test data. */
static inline uint64_t next_random(uint64_t *state) {
  uint64_t x = *state;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  *state = x;
  return x * 0x2545f4914f6cdd1dull;
}

/* Folds a value into a running checksum (FNV-1a over 64-bit words). */
static inline uint64_t fold(uint64_t checksum, uint64_t value) {
  return (checksum ^ value) * 0x100000001b3ull;
}

#endif
