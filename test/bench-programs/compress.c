/* Compression: LZ77 with hash chains and an adaptive binary range coder, then decompression, compared byte by byte. */
#include "bench.h"

const char benchmark_name[] = "compress";

#define SIZE 65536
static uint8_t input[SIZE], packed[2 * SIZE], output[SIZE];
static int32_t heads[4096], previous[SIZE];

/* Probabilities that a bit is 0, 12 bits; context 0 = match flag, 1 = length, 2 = distance low, 3 = high, 4 = literal. */
static uint16_t model[5][256];

static uint8_t *write_at;
static const uint8_t *read_at;
static uint32_t low, range, code;

static void reset_models(void) {
  for (int i = 0; i < 5; i++)
    for (int k = 0; k < 256; k++) model[i][k] = 2048;
  low = 0;
  range = 0xffffffff;
}

/* Carry-less range coding: the range is cut short whenever its top byte could still change. */
static void encode_bit(uint16_t *p, unsigned bit) {
  uint32_t bound = (range >> 12) * *p;
  if (bit) {
    low += bound;
    range -= bound;
    *p -= *p >> 5;
  } else {
    range = bound;
    *p += (4096 - *p) >> 5;
  }
  while ((low ^ (low + range)) < 1u << 24 || (range < 1u << 16 && ((range = -low & 0xffff), 1))) {
    *write_at++ = (uint8_t)(low >> 24);
    low <<= 8;
    range <<= 8;
  }
}

static unsigned decode_bit(uint16_t *p) {
  uint32_t bound = (range >> 12) * *p;
  unsigned bit = code - low >= bound;
  if (bit) {
    low += bound;
    range -= bound;
    *p -= *p >> 5;
  } else {
    range = bound;
    *p += (4096 - *p) >> 5;
  }
  while ((low ^ (low + range)) < 1u << 24 || (range < 1u << 16 && ((range = -low & 0xffff), 1))) {
    code = code << 8 | *read_at++;
    low <<= 8;
    range <<= 8;
  }
  return bit;
}

static void encode_byte(int context, unsigned value) {
  unsigned node = 1;
  for (int i = 7; i >= 0; i--) {
    unsigned bit = value >> i & 1;
    encode_bit(&model[context][node], bit);
    node = node << 1 | bit;
  }
}

static unsigned decode_byte(int context) {
  unsigned node = 1;
  while (node < 256) node = node << 1 | decode_bit(&model[context][node]);
  return node & 255;
}

static unsigned hash_at(size_t i) {
  return ((uint32_t)(input[i] | input[i + 1] << 8 | input[i + 2] << 16) * 2654435761u) >> 20;
}

static size_t pack(void) {
  reset_models();
  write_at = packed;
  for (int i = 0; i < 4096; i++) heads[i] = -1;
  size_t at = 0;
  while (at < SIZE) {
    size_t best = 0, distance = 0, limit = SIZE - at < 258 ? SIZE - at : 258;
    if (limit >= 4) {
      int32_t candidate = heads[hash_at(at)];
      for (int tries = 0; candidate >= 0 && tries < 16; tries++, candidate = previous[candidate]) {
        size_t length = 0;
        while (length < limit && input[candidate + length] == input[at + length]) length++;
        if (length > best) {
          best = length;
          distance = at - (size_t)candidate;
        }
      }
    }
    if (best < 4) best = 0;
    encode_bit(&model[0][0], best != 0);
    if (best) {
      encode_byte(1, (unsigned)best - 4);
      encode_byte(2, distance & 255);
      encode_byte(3, (unsigned)(distance >> 8));
    } else {
      encode_byte(4, input[at]);
      best = 1;
    }
    while (best--) {
      if (at + 4 <= SIZE) {
        unsigned h = hash_at(at);
        previous[at] = heads[h];
        heads[h] = (int32_t)at;
      }
      at++;
    }
  }
  for (int i = 0; i < 4; i++) {
    *write_at++ = (uint8_t)(low >> 24);
    low <<= 8;
  }
  return (size_t)(write_at - packed);
}

static void unpack(void) {
  reset_models();
  read_at = packed;
  code = 0;
  for (int i = 0; i < 4; i++) code = code << 8 | *read_at++;
  size_t at = 0;
  while (at < SIZE) {
    if (decode_bit(&model[0][0])) {
      size_t length = decode_byte(1) + 4, distance = decode_byte(2);
      distance |= (size_t)decode_byte(3) << 8;
      if (distance == 0 || distance > at || at + length > SIZE) return;
      for (; length; length--, at++) output[at] = output[at - distance];
    } else {
      output[at++] = (uint8_t)decode_byte(4);
    }
  }
}

uint64_t benchmark(void) {
  uint64_t seed = 17, checksum = 0;
  for (int round = 0; round < SCALED(12); round++) {
    for (size_t i = 0; i < SIZE; i++) {
      uint64_t r = next_random(&seed) >> 32;
      input[i] = i >= 64 && r % 5 ? input[i - 1 - (r / 5 & 7) * 7] : (uint8_t)('a' + r / 5 % 26);
    }
    checksum = fold(checksum, pack());
    unpack();
    checksum = fold(checksum, (uint64_t)(memcmp(input, output, SIZE) == 0));
    for (size_t i = 0; i < SIZE; i += 509) checksum = fold(checksum, output[i]);
  }
  return checksum;
}
