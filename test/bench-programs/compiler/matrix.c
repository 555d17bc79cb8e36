/* Multiplication of square matrices: doubles, then 32-bit integers. */
#include <stdint.h>
#define N 48
static double a[N * N], b[N * N], c[N * N];
static int32_t p[N * N], q[N * N], r[N * N];

static void multiply_doubles(void) {
  for (uint64_t i = 0; i < N; i++) {
    for (uint64_t j = 0; j < N; j++) {
      double sum = 0.0;
      for (uint64_t k = 0; k < N; k++) {
        double product = a[i * N + k] * b[k * N + j];
        sum += product;
      }
      c[i * N + j] = sum;
    }
  }
}

static void multiply_ints(void) {
  for (uint64_t i = 0; i < N; i++) {
    for (uint64_t j = 0; j < N; j++) {
      int32_t sum = 0;
      for (uint64_t k = 0; k < N; k++) sum += p[i * N + k] * q[k * N + j];
      r[i * N + j] = sum;
    }
  }
}

uint64_t run(uint64_t rounds) {
  for (uint64_t i = 0; i < N * N; i++) {
    a[i] = (double)(i % 17) * 0.5;
    b[i] = (double)(i % 13) - 6.0;
    p[i] = (int32_t)(i % 19) - 9;
    q[i] = (int32_t)(i % 23) * 3;
  }
  uint64_t sum = 0;
  for (uint64_t round = 0; round < rounds; round++) {
    multiply_doubles();
    multiply_ints();
    for (uint64_t i = 0; i < N * N; i += 47) sum = sum * 31 + (uint64_t)(int64_t)c[i] + (uint64_t)(int64_t)r[i];
  }
  return sum;
}
