/** Multiplication of square matrices: doubles, then 32-bit integers. */
const N = 48;
const a = zeroed<FixedArray<f64, 2304>>();
const b = zeroed<FixedArray<f64, 2304>>();
const c = zeroed<FixedArray<f64, 2304>>();
const p = zeroed<FixedArray<i32, 2304>>();
const q = zeroed<FixedArray<i32, 2304>>();
const r = zeroed<FixedArray<i32, 2304>>();

function multiplyDoubles(): void {
  for (let i: u64 = 0; i < N; i++) {
    for (let j: u64 = 0; j < N; j++) {
      let sum: f64 = 0.0;
      for (let k: u64 = 0; k < N; k++) sum += a[i * N + k] * b[k * N + j];
      c[i * N + j] = sum;
    }
  }
}

function multiplyInts(): void {
  for (let i: u64 = 0; i < N; i++) {
    for (let j: u64 = 0; j < N; j++) {
      let sum: i32 = 0;
      for (let k: u64 = 0; k < N; k++) sum += p[i * N + k] * q[k * N + j];
      r[i * N + j] = sum;
    }
  }
}

/** @export */
export function run(rounds: u64): u64 {
  for (let i: u64 = 0; i < 2304; i++) {
    a[i] = f64(i % 17) * 0.5;
    b[i] = f64(i % 13) - 6.0;
    p[i] = i32(i % 19) - 9;
    q[i] = i32(i % 23) * 3;
  }
  let sum: u64 = 0;
  for (let round: u64 = 0; round < rounds; round++) {
    multiplyDoubles();
    multiplyInts();
    for (let i: u64 = 0; i < 2304; i += 47) sum = sum * 31 + u64(i64(c[i])) + u64(i64(r[i]));
  }
  return sum;
}
