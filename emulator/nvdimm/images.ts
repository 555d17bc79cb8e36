/**
 * What one cache block may hold after a power failure (docs/persistency.md, "What a power failure leaves"): the set
 * of its legal contents, modulo equal bytes, in a form that can be counted, listed, sampled and narrowed down byte
 * by byte without being written out. Lazy exploration (torture) forks on `valuesAt` and continues with `restrict`.
 *
 * A set is a union of *cubes*. A prefix of whole stores is a cube of one content. A `cbo.zero` that was under way is
 * a cube of many: each byte of it is either what it was or zero, whatever the others are.
 *
 * Invariants: the cubes of a set are disjoint, none is empty; a free byte of a cube is not zero in `bytes`.
 */
import { CACHE_BLOCK_SIZE } from '../addresses.ts';
import type { Random } from '../random.ts';

/** Contents that agree outside of the free bytes; a free byte is `bytes[i]` or zero. */
export interface Cube {
  /** 64 bytes. */
  readonly bytes: Uint8Array;
  /** Free bytes 0–31, bit i = byte i. */
  readonly freeLow: number;
  /** Free bytes 32–63, bit i = byte 32 + i. */
  readonly freeHigh: number;
  /** Pending stores that have reached the media in full, in memory order; the smallest number with this content. */
  readonly prefix: number;
}

export class BlockImages {
  private constructor(readonly cubes: readonly Cube[]) {}

  /** The union of cubes that may overlap; earlier ones keep what they share with later ones. */
  static union(cubes: readonly Cube[]): BlockImages {
    const disjoint: Cube[] = [];
    for (const cube of cubes) {
      let parts: Cube[] = [cube];
      for (const earlier of disjoint) {
        if (parts.length === 0) break;
        parts = parts.flatMap((part) => subtract(part, earlier));
      }
      disjoint.push(...parts);
    }
    return new BlockImages(disjoint);
  }

  /** The set of one content. */
  static single(bytes: Uint8Array, prefix = 0): BlockImages {
    return new BlockImages([{ bytes, freeLow: 0, freeHigh: 0, prefix }]);
  }

  /** The number of different contents. */
  get count(): bigint {
    let sum = 0n;
    for (const cube of this.cubes) sum += 1n << BigInt(freeBytes(cube));
    return sum;
  }

  /** True when exactly one content is legal: reading the block tells nothing about the failure. */
  get determined(): boolean {
    return this.cubes.length === 1 && freeBytes(this.cubes[0]!) === 0;
  }

  /** The different values that byte `offset` (0–63) may have, ascending. */
  valuesAt(offset: number): number[] {
    const seen = new Set<number>();
    for (const cube of this.cubes) {
      seen.add(cube.bytes[offset]!);
      if (isFree(cube, offset)) seen.add(0);
    }
    return [...seen].sort((a, b) => a - b);
  }

  /** The contents whose byte `offset` is `value`: a subset, possibly empty (count 0). */
  restrict(offset: number, value: number): BlockImages {
    const cubes: Cube[] = [];
    for (const cube of this.cubes) {
      const free = isFree(cube, offset);
      if (cube.bytes[offset] === value) cubes.push(free ? fix(cube, offset, value) : cube);
      else if (free && value === 0) cubes.push(fix(cube, offset, 0));
    }
    return new BlockImages(cubes);
  }

  /** True when `bytes` (64) is a legal content. */
  has(bytes: Uint8Array): boolean {
    return this.cubes.some((cube) => contains(cube, bytes));
  }

  /** The cube that holds a content, for reports (which stores reached the media), or undefined. */
  cubeOf(bytes: Uint8Array): Cube | undefined {
    return this.cubes.find((cube) => contains(cube, bytes));
  }

  /** All contents, in a fixed order; each a fresh array. */
  *[Symbol.iterator](): Generator<Uint8Array> {
    for (const cube of this.cubes) {
      const free = freeOffsets(cube);
      const total = 1n << BigInt(free.length);
      for (let index = 0n; index < total; index++) yield select(cube, free, index);
    }
  }

  /** One content, each with equal probability. */
  sample(random: Random): Uint8Array {
    return this.at(random.belowBig(this.count));
  }

  /** The content with the given place (0 … count - 1) in the order of iteration. */
  at(place: bigint): Uint8Array {
    let rest = place;
    for (const cube of this.cubes) {
      const free = freeOffsets(cube);
      const size = 1n << BigInt(free.length);
      if (rest < size) return select(cube, free, rest);
      rest -= size;
    }
    throw new RangeError(`there is no content ${place} among ${this.count}`);
  }
}

function isFree(cube: Cube, offset: number): boolean {
  return ((offset < 32 ? cube.freeLow >>> offset : cube.freeHigh >>> (offset - 32)) & 1) !== 0;
}

function freeBytes(cube: Cube): number {
  return bitCount(cube.freeLow) + bitCount(cube.freeHigh);
}

function bitCount(word: number): number {
  let w = word >>> 0;
  let count = 0;
  for (; w !== 0; w &= w - 1) count++;
  return count;
}

function freeOffsets(cube: Cube): number[] {
  const offsets: number[] = [];
  for (let i = 0; i < CACHE_BLOCK_SIZE; i++) if (isFree(cube, i)) offsets.push(i);
  return offsets;
}

/** Content `index` of a cube: bit k of the index set means that the k-th free byte is zero already. */
function select(cube: Cube, free: readonly number[], index: bigint): Uint8Array {
  const bytes = cube.bytes.slice();
  for (let k = 0; k < free.length; k++) if ((index >> BigInt(k)) & 1n) bytes[free[k]!] = 0;
  return bytes;
}

/** The part of a cube whose byte `offset` is `value` (one of its legal values). */
function fix(cube: Cube, offset: number, value: number): Cube {
  const bytes = cube.bytes.slice();
  bytes[offset] = value;
  const keepLow = offset < 32 ? ~(1 << offset) : -1;
  const keepHigh = offset < 32 ? -1 : ~(1 << (offset - 32));
  return { bytes, freeLow: cube.freeLow & keepLow, freeHigh: cube.freeHigh & keepHigh, prefix: cube.prefix };
}

function contains(cube: Cube, bytes: Uint8Array): boolean {
  for (let i = 0; i < CACHE_BLOCK_SIZE; i++) {
    if (bytes[i] !== cube.bytes[i] && !(bytes[i] === 0 && isFree(cube, i))) return false;
  }
  return true;
}

/**
 * `cube` without what it shares with `other`, as disjoint cubes. Byte by byte: the part that differs from `other`
 * in this byte is kept whole, the rest goes on to the next byte; what is left at the end lies in `other`.
 */
function subtract(cube: Cube, other: Cube): Cube[] {
  const kept: Cube[] = [];
  let rest = cube;
  for (let i = 0; i < CACHE_BLOCK_SIZE; i++) {
    const value = rest.bytes[i]!;
    const otherFree = isFree(other, i);
    const valueShared = value === other.bytes[i] || (otherFree && value === 0);
    if (!isFree(rest, i)) {
      if (valueShared) continue;
      kept.push(rest);
      return kept;
    }
    const zeroShared = otherFree || other.bytes[i] === 0;
    if (valueShared && zeroShared) continue;
    if (!valueShared && !zeroShared) {
      kept.push(rest);
      return kept;
    }
    kept.push(fix(rest, i, valueShared ? 0 : value));
    rest = fix(rest, i, valueShared ? value : 0);
  }
  return kept;
}
