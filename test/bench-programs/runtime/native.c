/* The runtime on the host: `main` prints the checksum; a trap is a function call; address spaces are arrays whose
 * pages are exchanged by pointer, behind a window that is copied in and out. */
#include <stdio.h>
#include <string.h>

#include "bench.h"

static uint8_t spaces[SPACE_COUNT][SPACE_PAGES * 4096];
static unsigned current;

uint64_t __attribute__((noinline)) platform_trap(uint64_t value) { return value * 3 + 1; }
void platform_spaces_start(void) { current = 0; }
uint8_t *__attribute__((noinline)) platform_space_window(void) { return spaces[current]; }
void platform_switch_space(unsigned space) {
  /* The program keeps one window pointer, as it may where the window is an address: so contents move, not pointers. */
  static uint8_t parked[SPACE_COUNT][SPACE_PAGES * 4096];
  memcpy(parked[current], spaces[0], sizeof parked[0]);
  current = space;
  memcpy(spaces[0], parked[current], sizeof parked[0]);
}
void platform_move_page(unsigned page, unsigned with) {
  uint8_t hold[4096], *one = spaces[0] + page * 4096, *other = spaces[0] + with * 4096;
  memcpy(hold, one, 4096);
  memmove(one, other, 4096);
  memcpy(other, hold, 4096);
}

int main(void) {
  printf("%s %016llx\n", benchmark_name, (unsigned long long)benchmark());
  return 0;
}
