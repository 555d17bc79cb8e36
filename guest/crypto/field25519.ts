/**
 * Arithmetic modulo p = 2^255 − 19, in five limbs of 51 bits. Results of every function have limbs below 2^52, and
 * every function takes such limbs; only `feToBytes` reduces fully.
 */

export type Fe = FixedArray<u64, 5>;

const MASK: u64 = 0x7_ffff_ffff_ffff;

export function feSet(r: Fe, small: u64): void {
  r[0] = small;
  r[1] = 0;
  r[2] = 0;
  r[3] = 0;
  r[4] = 0;
}

export function feCopy(r: Fe, a: Fe): void {
  for (let i: u64 = 0; i < 5; i++) r[i] = a[i];
}

function carry(r: Fe, l0: u64, l1: u64, l2: u64, l3: u64, l4: u64): void {
  const a1 = l1 + (l0 >> 51);
  const a2 = l2 + (a1 >> 51);
  const a3 = l3 + (a2 >> 51);
  const a4 = l4 + (a3 >> 51);
  r[0] = (l0 & MASK) + 19 * (a4 >> 51);
  r[1] = a1 & MASK;
  r[2] = a2 & MASK;
  r[3] = a3 & MASK;
  r[4] = a4 & MASK;
}

export function feAdd(r: Fe, a: Fe, b: Fe): void {
  carry(r, a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4]);
}

/** Adds 4p first, so that no limb goes below zero. */
export function feSub(r: Fe, a: Fe, b: Fe): void {
  const low: u64 = 0x1f_ffff_ffff_ffb4;
  const other: u64 = 0x1f_ffff_ffff_fffc;
  carry(
    r,
    a[0] + low - b[0],
    a[1] + other - b[1],
    a[2] + other - b[2],
    a[3] + other - b[3],
    a[4] + other - b[4],
  );
}

/** A 128-bit sum of products. */
class Sum {
  lo: u64;
  hi: u64;
  /** @inline */
  add(x: u64, y: u64): void {
    const product = x * y;
    const sum = this.lo + product;
    this.hi += mulhu(x, y) + u64(sum < product);
    this.lo = sum;
  }
  /** The bits from 51 up. */
  /** @inline */
  high(): u64 {
    return (this.lo >> 51) | (this.hi << 13);
  }
}

export function feMul(r: Fe, a: Fe, b: Fe): void {
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
  const s0 = stack<Sum>();
  s0.add(a0, b0);
  s0.add(a1, c4);
  s0.add(a2, c3);
  s0.add(a3, c2);
  s0.add(a4, c1);
  const s1 = stack<Sum>();
  s1.lo = s0.high();
  s1.add(a0, b1);
  s1.add(a1, b0);
  s1.add(a2, c4);
  s1.add(a3, c3);
  s1.add(a4, c2);
  const s2 = stack<Sum>();
  s2.lo = s1.high();
  s2.add(a0, b2);
  s2.add(a1, b1);
  s2.add(a2, b0);
  s2.add(a3, c4);
  s2.add(a4, c3);
  const s3 = stack<Sum>();
  s3.lo = s2.high();
  s3.add(a0, b3);
  s3.add(a1, b2);
  s3.add(a2, b1);
  s3.add(a3, b0);
  s3.add(a4, c4);
  const s4 = stack<Sum>();
  s4.lo = s3.high();
  s4.add(a0, b4);
  s4.add(a1, b3);
  s4.add(a2, b2);
  s4.add(a3, b1);
  s4.add(a4, b0);
  // What is above 2^255 comes back at the bottom, times 19; it has up to 60 bits.
  const top = stack<Sum>();
  top.lo = s0.lo & MASK;
  top.add(s4.high(), 19);
  r[0] = top.lo & MASK;
  r[1] = (s1.lo & MASK) + top.high();
  r[2] = s2.lo & MASK;
  r[3] = s3.lo & MASK;
  r[4] = s4.lo & MASK;
}

export function feSquare(r: Fe, a: Fe): void {
  feMul(r, a, a);
}

/** r = a^(2^n). */
function feSquareTimes(r: Fe, a: Fe, n: u64): void {
  feMul(r, a, a);
  for (let i: u64 = 1; i < n; i++) feMul(r, r, r);
}

/** t1 = a^(2^250 − 1), t0 = a^11: what inversion and square root have in common. */
function power250(t1: Fe, t0: Fe, a: Fe): void {
  const t2 = stack<Fe>();
  const t3 = stack<Fe>();
  feSquare(t0, a);
  feSquareTimes(t1, t0, 2);
  feMul(t1, a, t1);
  feMul(t0, t0, t1);
  feSquare(t2, t0);
  feMul(t1, t1, t2);
  feSquareTimes(t2, t1, 5);
  feMul(t1, t2, t1);
  feSquareTimes(t2, t1, 10);
  feMul(t2, t2, t1);
  feSquareTimes(t3, t2, 20);
  feMul(t2, t3, t2);
  feSquareTimes(t2, t2, 10);
  feMul(t1, t2, t1);
  feSquareTimes(t2, t1, 50);
  feMul(t2, t2, t1);
  feSquareTimes(t3, t2, 100);
  feMul(t2, t3, t2);
  feSquareTimes(t2, t2, 50);
  feMul(t1, t2, t1);
}

/** r = 1/a (a^(p−2)). */
export function feInvert(r: Fe, a: Fe): void {
  const high = stack<Fe>();
  const low = stack<Fe>();
  power250(high, low, a);
  feSquareTimes(high, high, 5);
  feMul(r, high, low);
}

/** r = a^((p−5)/8). */
export function fePower22523(r: Fe, a: Fe): void {
  const base = stack<Fe>();
  const high = stack<Fe>();
  const low = stack<Fe>();
  feCopy(base, a);
  power250(high, low, base);
  feSquareTimes(high, high, 2);
  feMul(r, high, base);
}

/** The 32 bytes of the value below p, little-endian. */
export function feToBytes(out: usize, a: Fe): void {
  const r = stack<Fe>();
  carry(r, a[0], a[1], a[2], a[3], a[4]);
  carry(r, r[0], r[1], r[2], r[3], r[4]);
  // r < 2^255 now; subtract p if r ≥ p: that is, if r + 19 carries out of bit 255.
  let q = (r[0] + 19) >> 51;
  q = (r[1] + q) >> 51;
  q = (r[2] + q) >> 51;
  q = (r[3] + q) >> 51;
  q = (r[4] + q) >> 51;
  r[0] += 19 * q;
  r[1] += r[0] >> 51;
  r[2] += r[1] >> 51;
  r[3] += r[2] >> 51;
  r[4] += r[3] >> 51;
  for (let i: u64 = 0; i < 5; i++) r[i] &= MASK;
  store<u64>(out, r[0] | (r[1] << 51));
  store<u64>(out, (r[1] >> 13) | (r[2] << 38), 8);
  store<u64>(out, (r[2] >> 26) | (r[3] << 25), 16);
  store<u64>(out, (r[3] >> 39) | (r[4] << 12), 24);
}

/** The value of 32 bytes, bit 255 ignored. */
export function feFromBytes(r: Fe, from: usize): void {
  const w0 = load<u64>(from);
  const w1 = load<u64>(from, 8);
  const w2 = load<u64>(from, 16);
  const w3 = load<u64>(from, 24);
  r[0] = w0 & MASK;
  r[1] = ((w0 >> 51) | (w1 << 13)) & MASK;
  r[2] = ((w1 >> 38) | (w2 << 26)) & MASK;
  r[3] = ((w2 >> 25) | (w3 << 39)) & MASK;
  r[4] = (w3 >> 12) & MASK;
}

export function feEqual(a: Fe, b: Fe): bool {
  const x = stack<FixedArray<u64, 4>>();
  const y = stack<FixedArray<u64, 4>>();
  feToBytes(addressOf(x), a);
  feToBytes(addressOf(y), b);
  return x[0] === y[0] && x[1] === y[1] && x[2] === y[2] && x[3] === y[3];
}

/** Bit 0 of the value below p: its sign in the encoding of points. */
export function feIsOdd(a: Fe): bool {
  const x = stack<FixedArray<u64, 4>>();
  feToBytes(addressOf(x), a);
  return (x[0] & 1) !== 0;
}
