/* Code made of short steps: a tokeniser and a recursive-descent calculator. Almost every instruction fits in 16
 * bits, and basic blocks are two to five instructions long. */
#include "bench.h"

const char benchmark_name[] = "dense";

static const char *cursor;
static int64_t variables[26];

static int64_t expression(void);

static void skip_blanks(void) {
  while (*cursor == ' ') cursor++;
}

static int64_t primary(void) {
  skip_blanks();
  if (*cursor == '(') {
    cursor++;
    int64_t value = expression();
    skip_blanks();
    if (*cursor == ')') cursor++;
    return value;
  }
  if (*cursor == '-') {
    cursor++;
    return -primary();
  }
  if (*cursor >= 'a' && *cursor <= 'z') return variables[*cursor++ - 'a'];
  int64_t value = 0;
  while (*cursor >= '0' && *cursor <= '9') value = value * 10 + (*cursor++ - '0');
  return value;
}

static int64_t term(void) {
  int64_t value = primary();
  for (;;) {
    skip_blanks();
    if (*cursor == '*') {
      cursor++;
      value *= primary();
    } else if (*cursor == '&') {
      cursor++;
      value &= primary();
    } else {
      return value;
    }
  }
}

static int64_t expression(void) {
  int64_t value = term();
  for (;;) {
    skip_blanks();
    if (*cursor == '+') {
      cursor++;
      value += term();
    } else if (*cursor == '-') {
      cursor++;
      value -= term();
    } else {
      return value;
    }
  }
}

static int64_t statement(const char *source) {
  cursor = source;
  skip_blanks();
  char name = *cursor;
  if (name >= 'a' && name <= 'z' && cursor[1] == '=') {
    cursor += 2;
    return variables[name - 'a'] = expression();
  }
  return expression();
}

static const char *const script[] = {
    "a=a + 1",
    "b=(a * 3 + 7) & 4095",
    "c=b * b - (a + 17) * -3",
    "d=((c + b) * (a - 2)) & 65535",
    "e=d - (d & 255) + (c & 15) * (b & 31) + -(-(a))",
    "f=(((((f + e) & 1048575)))) + 12345 - 99 * 7",
    "a + b + c + d + e + f",
};

static unsigned words(const char *text) {
  unsigned count = 0, inside = 0;
  for (; *text; text++) {
    unsigned letter = (*text >= 'a' && *text <= 'z') || (*text >= '0' && *text <= '9');
    if (letter && !inside) count++;
    inside = letter;
  }
  return count;
}

uint64_t benchmark(void) {
  uint64_t checksum = 0;
  for (int round = 0; round < SCALED(90000); round++) {
    int64_t value = 0;
    for (size_t i = 0; i < sizeof script / sizeof script[0]; i++) {
      value = statement(script[i]);
      checksum += words(script[i]);
    }
    checksum = fold(checksum, (uint64_t)value);
  }
  return checksum;
}
