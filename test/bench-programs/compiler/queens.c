/* All solutions of the eight-queens problem, with arrays of used columns and diagonals. */
#include <stdbool.h>
#include <stdint.h>
#define N 8
static bool columns[N], rising[16], falling[16];

static uint32_t place(uint32_t row) {
  if (row == N) return 1;
  uint32_t count = 0;
  for (uint32_t column = 0; column < N; column++) {
    if (columns[column] || rising[row + column] || falling[row + N - column]) continue;
    columns[column] = true;
    rising[row + column] = true;
    falling[row + N - column] = true;
    count += place(row + 1);
    columns[column] = false;
    rising[row + column] = false;
    falling[row + N - column] = false;
  }
  return count;
}

uint64_t run(uint64_t rounds) {
  uint64_t sum = 0;
  for (uint64_t r = 0; r < rounds; r++) sum += place(0);
  return sum;
}
