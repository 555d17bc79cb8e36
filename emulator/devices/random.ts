/**
 * A small seeded generator of random numbers: xoshiro128** (Blackman and Vigna, 2018), seeded through SplitMix32.
 * For what a run or a test needs to be repeatable; not for secrets.
 */
export class Random {
  private readonly words = new Uint32Array(4);

  constructor(seed: number) {
    let mixed = seed >>> 0;
    for (let index = 0; index < 4; index++) {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      let word = mixed;
      word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
      word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
      this.words[index] = word ^ (word >>> 16);
    }
  }

  /** The generator's four words. */
  get state(): number[] {
    return [...this.words];
  }

  set state(words: readonly number[]) {
    this.words.set(words);
  }

  /** A uniform unsigned 32-bit number. */
  next(): number {
    const s = this.words;
    const scaled = Math.imul(s[1]!, 5);
    const result = Math.imul((scaled << 7) | (scaled >>> 25), 9) >>> 0;
    const shifted = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= shifted;
    s[3] = (s[3]! << 11) | (s[3]! >>> 21);
    return result;
  }

  /** A uniform integer in [0, bound), bound at most 2^32. */
  below(bound: number): number {
    return Math.floor((this.next() / 2 ** 32) * bound);
  }

  /** A uniform unsigned 64-bit number. */
  next64(): bigint {
    return (BigInt(this.next()) << 32n) | BigInt(this.next());
  }

  chance(probability: number): boolean {
    return this.next() < probability * 2 ** 32;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let index = 0; index < count; index++) bytes[index] = this.next() >>> 24;
    return bytes;
  }
}
