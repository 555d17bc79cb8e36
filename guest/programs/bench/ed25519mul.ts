/** Multiplication modulo 2^255 - 19 in five limbs of 51 bits, as Ed25519 needs it. */
type Fe = FixedArray<u64, 5>;
const MASK: u64 = 0x7_ffff_ffff_ffff;
const x = zeroed<Fe>();
const y = zeroed<Fe>();

/** A 128-bit sum of products. */
class Sum {
  lo: u64;
  hi: u64;
  /** @inline */
  add(a: u64, b: u64): void {
    const product = a * b;
    this.lo += product;
    this.hi += mulhu(a, b) + u64(this.lo < product);
  }
  /** @inline */
  addWord(a: u64): void {
    this.lo += a;
    this.hi += u64(this.lo < a);
  }
  /** @inline */
  shifted(): u64 {
    return (this.hi << 13) | (this.lo >> 51);
  }
}

function multiply(r: Fe, a: Fe, b: Fe): void {
  const a0 = a[0];
  const a1 = a[1];
  const a2 = a[2];
  const a3 = a[3];
  const a4 = a[4];
  const b0 = b[0];
  const b1 = b[1];
  const b2 = b[2];
  const b3 = b[3];
  const b4 = b[4];
  const c1 = b1 * 19;
  const c2 = b2 * 19;
  const c3 = b3 * 19;
  const c4 = b4 * 19;
  const t = stack<Sum>();
  t.add(a0, b0);
  t.add(a1, c4);
  t.add(a2, c3);
  t.add(a3, c2);
  t.add(a4, c1);
  let r0 = t.lo & MASK;
  let carry = t.shifted();
  t.lo = 0;
  t.hi = 0;
  t.add(a0, b1);
  t.add(a1, b0);
  t.add(a2, c4);
  t.add(a3, c3);
  t.add(a4, c2);
  t.addWord(carry);
  let r1 = t.lo & MASK;
  carry = t.shifted();
  t.lo = 0;
  t.hi = 0;
  t.add(a0, b2);
  t.add(a1, b1);
  t.add(a2, b0);
  t.add(a3, c4);
  t.add(a4, c3);
  t.addWord(carry);
  const r2 = t.lo & MASK;
  carry = t.shifted();
  t.lo = 0;
  t.hi = 0;
  t.add(a0, b3);
  t.add(a1, b2);
  t.add(a2, b1);
  t.add(a3, b0);
  t.add(a4, c4);
  t.addWord(carry);
  const r3 = t.lo & MASK;
  carry = t.shifted();
  t.lo = 0;
  t.hi = 0;
  t.add(a0, b4);
  t.add(a1, b3);
  t.add(a2, b2);
  t.add(a3, b1);
  t.add(a4, b0);
  t.addWord(carry);
  const r4 = t.lo & MASK;
  carry = t.shifted();
  r0 += carry * 19;
  r1 += r0 >> 51;
  r0 &= MASK;
  r[0] = r0;
  r[1] = r1;
  r[2] = r2;
  r[3] = r3;
  r[4] = r4;
}

/** @export */
export function run(rounds: u64): u64 {
  for (let i: u64 = 0; i < 5; i++) {
    x[i] = 0x1234_5678_9abc * (i + 1);
    y[i] = 0x3_1415_9265_3589 - i;
  }
  for (let r: u64 = 0; r < rounds * 1000; r++) {
    multiply(x, x, y);
    multiply(y, y, x);
  }
  return x[0] ^ x[1] ^ x[2] ^ x[3] ^ x[4];
}
