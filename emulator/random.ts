/**
 * A small seeded generator of pseudo-random numbers, the only source of chance in the project: the same seed gives
 * the same sequence on any host. It is xoshiro128** (Blackman and Vigna), seeded through splitmix32; not for
 * cryptography.
 *
 * Invariant: the state is the four words returned by `save`, nothing else.
 */
export class Random {
  private a = 0;
  private b = 0;
  private c = 0;
  private d = 0;

  /** @param seed any number; its low 32 bits count. */
  constructor(seed: number) {
    let z = seed | 0;
    const next = (): number => {
      z = (z + 0x9e3779b9) | 0;
      let t = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      t = Math.imul(t ^ (t >>> 15), 0x735a2d97);
      return t ^ (t >>> 15);
    };
    this.a = next();
    this.b = next();
    this.c = next();
    this.d = next();
  }

  /** Uniform over 0 … 2^32 - 1. */
  u32(): number {
    const r = Math.imul(this.b, 5);
    const result = Math.imul((r << 7) | (r >>> 25), 9) >>> 0;
    const t = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= t;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result;
  }

  /** Uniform over 0 … 2^64 - 1. */
  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  bytes(count: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(count);
    for (let index = 0; index < count; index++) bytes[index] = this.u32() >>> 24;
    return bytes;
  }

  /** Uniform over 0 … n - 1, for n ≤ 2^32 (bias below 2^-21: 53 bits are drawn). */
  below(n: number): number {
    return Math.floor(this.float() * n);
  }

  /** Uniform over [0, 1), 53 bits. */
  float(): number {
    const high = this.u32() >>> 5;
    const low = this.u32() >>> 6;
    return (high * 0x4000000 + low) / 0x20000000000000;
  }

  /** Uniform over 0 … n - 1, exactly (by rejection). */
  belowBig(n: bigint): bigint {
    if (n <= 1n) return 0n;
    const bits = (n - 1n).toString(2).length;
    for (;;) {
      let value = 0n;
      for (let drawn = 0; drawn < bits; drawn += 32) value = (value << 32n) | BigInt(this.u32());
      value = BigInt.asUintN(bits, value);
      if (value < n) return value;
    }
  }

  /** One element of a list that is not empty. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.float() < p;
  }

  /** The state, as data. */
  save(): [number, number, number, number] {
    return [this.a, this.b, this.c, this.d];
  }

  /** Continues from a state that `save` gave. */
  restore(state: readonly number[]): void {
    [this.a, this.b, this.c, this.d] = state as [number, number, number, number];
  }
}
