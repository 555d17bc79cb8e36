/** Random numbers for workloads: seeded, the same on every host. */

export class Random {
  state: u64;

  /** 64 bits: xorshift64* (Vigna 2016). The state must not be 0. */
  next(): u64 {
    let x = this.state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    this.state = x;
    return x * 0x2545_f491_4f6c_dd1d;
  }

  /** From 0 to `limit` − 1. */
  below(limit: u64): u64 {
    return mulhu(this.next(), limit);
  }

  /** In [0, 1). */
  fraction(): f64 {
    return f64(this.next() >> 11) * 1.1102230246251565e-16;
  }
}

/** FNV-1a over the eight bytes of a number, as YCSB scatters its keys. */
export function scatter(value: u64): u64 {
  let h: u64 = 0xcbf2_9ce4_8422_2325;
  for (let i: u64 = 0; i < 8; i++) h = (h ^ ((value >> (i * 8)) & 0xff)) * 0x100_0000_01b3;
  return h;
}

/** The zipfian exponent of YCSB. 1 / (1 − THETA) is 100, so the powers below are whole ones. */
const THETA: f64 = 0.99;

/** `x` to the power of 100. */
function power100(x: f64): f64 {
  const x2 = x * x;
  const x4 = x2 * x2;
  const x5 = x4 * x;
  const x10 = x5 * x5;
  const x20 = x10 * x10;
  const x25 = x20 * x5;
  const x50 = x25 * x25;
  return x50 * x50;
}

/** The 100th root, by Newton's method. */
function root100(x: f64): f64 {
  let y: f64 = 1.2;
  for (let i = 0; i < 100; i++) y -= (y - (x * y) / power100(y)) / 100.0;
  return y;
}

/** `x` to the power of −THETA. */
function weight(x: f64): f64 {
  return root100(x) / x;
}

/** Sum of i^−THETA for i = 1 … n: term by term, and from 100 on by Euler and Maclaurin's formula. */
function zeta(n: u64): f64 {
  const first: u64 = min<u64>(n, 100);
  let sum: f64 = 0.0;
  for (let i: u64 = 1; i <= first; i++) sum += weight(f64(i));
  if (n <= first) return sum;
  const a = f64(first);
  const b = f64(n);
  sum += (root100(b) - root100(a)) * 100.0 + (weight(b) - weight(a)) / 2.0;
  return sum + (THETA / 12.0) * (weight(a) / a - weight(b) / b);
}

/** Ranks 0 … n − 1 with probabilities proportional to (rank + 1)^−0.99 (Gray et al., SIGMOD 1994), as YCSB draws them. */
export class Zipf {
  private items: f64;
  private zetaN: f64;
  private eta: f64;
  private half: f64;

  prepare(n: u64): void {
    this.items = f64(n);
    this.zetaN = zeta(n);
    this.half = weight(2.0);
    // (2 / n)^(1 − THETA)
    const tail = root100(2.0) / root100(f64(n));
    this.eta = (1.0 - tail) / (1.0 - (1.0 + this.half) / this.zetaN);
  }

  draw(random: Random): u64 {
    const u = random.fraction();
    const uz = u * this.zetaN;
    if (uz < 1.0) return 0;
    if (uz < 1.0 + this.half) return 1;
    return min<u64>(u64(this.items * power100(this.eta * u - this.eta + 1.0)), u64(this.items) - 1);
  }
}
