/* Address spaces: eight of them, switched all the time, with pages moved under the program between switches. */
#include "bench.h"

const char benchmark_name[] = "spaces";

uint64_t benchmark(void) {
  uint64_t seed = 19, checksum = 0;
  platform_spaces_start();
  uint8_t *window = platform_space_window();
  for (int round = 0; round < SCALED(60000); round++) {
    uint64_t r = next_random(&seed);
    platform_switch_space(r & (SPACE_COUNT - 1));
    if (round % 4 == 0) platform_move_page((r >> 8) % SPACE_PAGES, (r >> 16) % SPACE_PAGES);
    uint64_t *word = (uint64_t *)(window + ((r >> 24) % SPACE_PAGES) * 4096);
    for (int i = 0; i < 16; i++) {
      word[i * 8] += r + (uint64_t)i;
      checksum ^= word[i * 8];
      word = (uint64_t *)(window + ((uint64_t)((uint8_t *)word - window) + 3 * 4096) % (SPACE_PAGES * 4096));
    }
    checksum = fold(checksum, checksum >> 32);
  }
  return checksum;
}
