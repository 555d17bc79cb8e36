/* A mix of what control programs do: linked lists sorted by merging, small integer matrices, CRC-16 and a
 * character-driven state machine. */
#include "bench.h"

const char benchmark_name[] = "coremix";

struct node {
  struct node *next;
  int16_t key;
  int16_t payload;
};

#define NODES 512
static struct node nodes[NODES];

static struct node *build_list(uint64_t *seed) {
  for (int i = 0; i < NODES; i++) {
    nodes[i].next = i + 1 < NODES ? &nodes[i + 1] : NULL;
    nodes[i].key = (int16_t)next_random(seed);
    nodes[i].payload = (int16_t)i;
  }
  return &nodes[0];
}

static struct node *merge(struct node *a, struct node *b) {
  struct node head, *tail = &head;
  while (a && b) {
    struct node **smaller = a->key <= b->key ? &a : &b;
    tail->next = *smaller;
    tail = *smaller;
    *smaller = (*smaller)->next;
  }
  tail->next = a ? a : b;
  return head.next;
}

static struct node *sort_list(struct node *list) {
  if (!list || !list->next) return list;
  struct node *slow = list, *fast = list->next;
  while (fast && fast->next) {
    slow = slow->next;
    fast = fast->next->next;
  }
  struct node *second = slow->next;
  slow->next = NULL;
  return merge(sort_list(list), sort_list(second));
}

static struct node *reverse(struct node *list) {
  struct node *result = NULL;
  while (list) {
    struct node *next = list->next;
    list->next = result;
    result = list;
    list = next;
  }
  return result;
}

static const struct node *find(const struct node *list, int16_t payload) {
  while (list && list->payload != payload) list = list->next;
  return list;
}

static uint16_t crc16(uint16_t crc, uint16_t value) {
  for (int i = 0; i < 16; i++) {
    unsigned bit = (crc ^ value) & 1;
    crc >>= 1;
    value >>= 1;
    if (bit) crc ^= 0xa001;
  }
  return crc;
}

#define DIM 24
static int16_t left[DIM][DIM], right[DIM][DIM];
static int32_t product[DIM][DIM];

static uint16_t matrices(uint16_t crc, int16_t bias) {
  for (int i = 0; i < DIM; i++)
    for (int j = 0; j < DIM; j++) {
      left[i][j] = (int16_t)(i * 7 + j + bias);
      right[i][j] = (int16_t)(j * 5 - i + bias);
    }
  for (int i = 0; i < DIM; i++)
    for (int j = 0; j < DIM; j++) {
      int32_t sum = 0;
      for (int k = 0; k < DIM; k++) sum += left[i][k] * right[k][j];
      product[i][j] = sum;
    }
  for (int i = 0; i < DIM; i++) crc = crc16(crc, (uint16_t)(product[i][DIM - 1 - i] >> 3));
  return crc;
}

enum state { START, SIGN, INTEGER, FRACTION, EXPONENT, WORD, ERROR, STATES };

static enum state step(enum state state, char c) {
  int digit = c >= '0' && c <= '9';
  switch (state) {
    case START:
      if (digit) return INTEGER;
      if (c == '+' || c == '-') return SIGN;
      return c >= 'a' && c <= 'z' ? WORD : START;
    case SIGN:
      return digit ? INTEGER : ERROR;
    case INTEGER:
      if (digit) return INTEGER;
      if (c == '.') return FRACTION;
      return c == 'e' ? EXPONENT : START;
    case FRACTION:
      if (digit) return FRACTION;
      return c == 'e' ? EXPONENT : START;
    case EXPONENT:
      return digit || c == '-' ? EXPONENT : START;
    case WORD:
      return c >= 'a' && c <= 'z' ? WORD : START;
    default:
      return c == ',' ? START : ERROR;
  }
}

static const char text[] = "12.5e-3,hello,-77,+x,0.125,world,+12e9,99,abc,3.14159,-,42,foo,1e1,";

static uint16_t machine(uint16_t crc, uint64_t *seed) {
  unsigned visits[STATES] = {0};
  enum state state = START;
  for (int round = 0; round < 8; round++) {
    unsigned noise = (unsigned)next_random(seed) % 61;
    for (size_t i = 0; i + 1 < sizeof text; i++) {
      char c = i == noise ? '-' : text[i];
      state = step(state, c);
      visits[state]++;
    }
  }
  for (int i = 0; i < STATES; i++) crc = crc16(crc, (uint16_t)visits[i]);
  return crc;
}

uint64_t benchmark(void) {
  uint64_t seed = 1, checksum = 0;
  for (int round = 0; round < SCALED(2400); round++) {
    uint16_t crc = 0;
    struct node *list = sort_list(build_list(&seed));
    for (int i = 0; i < 24; i++) {
      const struct node *found = find(list, (int16_t)(i * 21));
      if (found) crc = crc16(crc, (uint16_t)found->key);
    }
    list = reverse(list);
    for (const struct node *n = list; n; n = n->next) crc = crc16(crc, (uint16_t)n->payload);
    crc = matrices(crc, (int16_t)round);
    crc = machine(crc, &seed);
    checksum = fold(checksum, crc);
  }
  return checksum;
}
