/** Quicksort with insertion sort for short runs, on 32-bit numbers. */
const N = 4096;
const data = zeroed<FixedArray<u32, typeof N>>();

function sortRange(a: FixedArray<u32, typeof N>, first: i64, last: i64): void {
  let low = first;
  const high = last;
  while (high - low > 12) {
    const pivot = a[(low + high) >> 1];
    let i = low;
    let j = high;
    while (i <= j) {
      while (a[i] < pivot) i++;
      while (pivot < a[j]) j--;
      if (i <= j) {
        const t = a[i];
        a[i] = a[j];
        a[j] = t;
        i++;
        j--;
      }
    }
    sortRange(a, low, j);
    low = i;
  }
  for (let i = low + 1; i <= high; i++) {
    const value = a[i];
    let j = i;
    while (j > low && a[j - 1] > value) {
      a[j] = a[j - 1];
      j--;
    }
    a[j] = value;
  }
}

/** @export */
export function run(rounds: u64): u64 {
  let seed: u32 = 12345;
  let sum: u64 = 0;
  for (let r: u64 = 0; r < rounds; r++) {
    for (let i: u64 = 0; i < N; i++) {
      seed = seed * 1664525 + 1013904223;
      data[i] = seed >> 8;
    }
    sortRange(data, 0, N - 1);
    for (let i: u64 = 0; i < N; i += 64) sum = sum * 31 + u64(data[i]);
  }
  return sum;
}
