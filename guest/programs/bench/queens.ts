/** All solutions of the eight-queens problem, with arrays of used columns and diagonals. */
const N = 8;
const columns = zeroed<FixedArray<bool, typeof N>>();
const rising = zeroed<FixedArray<bool, 16>>();
const falling = zeroed<FixedArray<bool, 16>>();

function place(row: u32): u32 {
  if (row === N) return 1;
  let count: u32 = 0;
  for (let column: u32 = 0; column < N; column++) {
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

/** @export */
export function run(rounds: u64): u64 {
  let sum: u64 = 0;
  for (let r: u64 = 0; r < rounds; r++) sum += u64(place(0));
  return sum;
}
