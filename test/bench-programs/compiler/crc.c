/* CRC-32 (IEEE 802.3, reflected) by table, a byte at a time; the table is made first. */
#include <stdint.h>
#define SIZE 8192
static uint32_t table[256];
static uint8_t buffer[SIZE];

static void make_table(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int k = 0; k < 8; k++) c = (c & 1) ? 0xedb88320 ^ (c >> 1) : c >> 1;
    table[i] = c;
  }
}

static uint32_t crc32(const uint8_t *bytes, uint64_t length) {
  uint32_t c = 0xffffffff;
  for (uint64_t i = 0; i < length; i++) c = table[(uint8_t)c ^ bytes[i]] ^ (c >> 8);
  return ~c;
}

uint64_t run(uint64_t rounds) {
  make_table();
  for (uint64_t i = 0; i < SIZE; i++) buffer[i] = (uint8_t)((i * i) >> 3);
  uint64_t sum = 0;
  for (uint64_t r = 0; r < rounds; r++) {
    buffer[r & (SIZE - 1)] ^= 0x55;
    sum = sum * 31 + crc32(buffer, SIZE);
  }
  return sum;
}
