/* A recursive-descent parser and evaluator of arithmetic expressions. */
#include <stdint.h>

struct parser {
  const uint8_t *text;
  uint64_t length;
  uint64_t at;
};

static int64_t sum(struct parser *p);

static uint8_t peek(struct parser *p) { return p->at < p->length ? p->text[p->at] : 0; }

static void skip_spaces(struct parser *p) {
  while (peek(p) == ' ') p->at++;
}

static int64_t primary(struct parser *p) {
  skip_spaces(p);
  uint8_t c = peek(p);
  if (c == '(') {
    p->at++;
    int64_t value = sum(p);
    skip_spaces(p);
    p->at++;
    return value;
  }
  if (c == '-') {
    p->at++;
    return -primary(p);
  }
  int64_t value = 0;
  for (;;) {
    uint8_t digit = peek(p);
    if (digit < '0' || digit > '9') return value;
    value = value * 10 + (digit - '0');
    p->at++;
  }
}

static int64_t product(struct parser *p) {
  int64_t value = primary(p);
  for (;;) {
    skip_spaces(p);
    switch (peek(p)) {
      case '*':
        p->at++;
        value *= primary(p);
        break;
      case '/':
        p->at++;
        value /= primary(p);
        break;
      case '%':
        p->at++;
        value %= primary(p);
        break;
      default:
        return value;
    }
  }
}

static int64_t sum(struct parser *p) {
  int64_t value = product(p);
  for (;;) {
    skip_spaces(p);
    uint8_t c = peek(p);
    if (c == '+') {
      p->at++;
      value += product(p);
    } else if (c == '-') {
      p->at++;
      value -= product(p);
    } else return value;
  }
}

static int64_t evaluate(const char *text, uint64_t length) {
  struct parser parser = {(const uint8_t *)text, length, 0};
  return sum(&parser);
}
#define EVALUATE(text) evaluate(text, sizeof(text) - 1)

uint64_t run(uint64_t rounds) {
  uint64_t total = 0;
  for (uint64_t r = 0; r < rounds * 50; r++) {
    total += (uint64_t)EVALUATE("1 + 2 * 3 - (4 - 5) * 6 / 2 + 100 % 7");
    total += (uint64_t)EVALUATE("((((12345 * 6789) + 13) / 17) - 1) * (2 + 3 * (4 + 5 * (6 + 7)))");
    total ^= (uint64_t)EVALUATE("-(-(8 - 3) * 1000000) + 999999999 / 33 % 1000 * 4 - 7 * -6");
  }
  return total;
}
