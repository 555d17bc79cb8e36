/* Calls: recursion, function pointers, a small bytecode interpreter with a switch, and a sort with a comparison
 * callback. */
#include "bench.h"

const char benchmark_name[] = "calls";

static __attribute__((noinline)) uint64_t fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

typedef uint64_t (*operation)(uint64_t, uint64_t);
static uint64_t op_add(uint64_t a, uint64_t b) { return a + b; }
static uint64_t op_xor(uint64_t a, uint64_t b) { return a ^ (b << 3); }
static uint64_t op_mul(uint64_t a, uint64_t b) { return a * (b | 1); }
static uint64_t op_min(uint64_t a, uint64_t b) { return a < b ? a : b + 1; }
static operation operations[4] = {op_add, op_xor, op_mul, op_min};

static uint64_t indirect(uint64_t *seed, unsigned rounds) {
  uint64_t value = 1;
  for (unsigned i = 0; i < rounds; i++) value = operations[next_random(seed) & 3](value, i);
  return value;
}

enum opcode { PUSH, ADD, SUB, MUL, LESS, JUMP, JUMP_IF_ZERO, LOAD, STORE, CALL, RETURN, HALT };

/* Sums i * i for i below the argument in variable 1, through a subroutine that squares. */
static const int16_t program[] = {
    PUSH, 0, STORE, 2, PUSH, 0, STORE, 3,                    /* sum = 0; i = 0 */
    LOAD, 3, LOAD, 1, LESS, JUMP_IF_ZERO, 33,                /* while (i < n) */
    LOAD, 3, CALL, 36, LOAD, 2, ADD, STORE, 2,               /* sum += square(i) */
    LOAD, 3, PUSH, 1, ADD, STORE, 3, JUMP, 8,                /* i++ */
    LOAD, 2, HALT,                                           /* return sum */
    STORE, 4, LOAD, 4, LOAD, 4, MUL, RETURN,                 /* square */
};

static int64_t interpret(int64_t argument) {
  int64_t stack[32], variables[8] = {0, argument};
  int returns[8], depth = 0, top = 0, at = 0;
  for (;;) {
    switch (program[at++]) {
      case PUSH: stack[top++] = program[at++]; break;
      case ADD: top--; stack[top - 1] += stack[top]; break;
      case SUB: top--; stack[top - 1] -= stack[top]; break;
      case MUL: top--; stack[top - 1] *= stack[top]; break;
      case LESS: top--; stack[top - 1] = stack[top - 1] < stack[top]; break;
      case JUMP: at = program[at]; break;
      case JUMP_IF_ZERO: at = stack[--top] ? at + 1 : program[at]; break;
      case LOAD: stack[top++] = variables[program[at++]]; break;
      case STORE: variables[program[at++]] = stack[--top]; break;
      case CALL: returns[depth++] = at + 1; at = program[at]; break;
      case RETURN: at = returns[--depth]; break;
      default: return stack[--top];
    }
  }
}

static int compare(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static void swap_words(uint32_t *a, uint32_t *b) {
  uint32_t t = *a;
  *a = *b;
  *b = t;
}

static void quicksort(uint32_t *a, int low, int high, int (*order)(const void *, const void *)) {
  while (low < high) {
    swap_words(&a[low], &a[(low + high) / 2]);
    int boundary = low;
    for (int i = low + 1; i <= high; i++)
      if (order(&a[i], &a[low]) < 0) swap_words(&a[++boundary], &a[i]);
    swap_words(&a[low], &a[boundary]);
    if (boundary - low < high - boundary) {
      quicksort(a, low, boundary - 1, order);
      low = boundary + 1;
    } else {
      quicksort(a, boundary + 1, high, order);
      high = boundary - 1;
    }
  }
}

static uint32_t numbers[4096];
static int (*volatile chosen_order)(const void *, const void *) = compare;

uint64_t benchmark(void) {
  uint64_t seed = 3, checksum = 0;
  for (int round = 0; round < SCALED(70); round++) {
    checksum = fold(checksum, fib(21));
    checksum = fold(checksum, indirect(&seed, 60000));
    checksum = fold(checksum, (uint64_t)interpret(4000 + round));
    for (int i = 0; i < 4096; i++) numbers[i] = (uint32_t)next_random(&seed);
    quicksort(numbers, 0, 4095, chosen_order);
    for (int i = 0; i < 4096; i += 64) checksum = fold(checksum, numbers[i]);
  }
  return checksum;
}
