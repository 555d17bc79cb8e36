/** Operands that find mistakes in floating point: specials, neighbours of limits, few and many significant bits. */
import type { FloatFormat } from './softfloat.ts';

/** Bits of a random value of the format; `next` gives uniform unsigned 32-bit numbers. */
export function randomFloat(format: FloatFormat, next: () => number): bigint {
  const fraction = BigInt(format.precision - 1);
  const exponents = 2 * format.maxExponent + 2;
  const sign = BigInt(next() & 1) << BigInt(format.width - 1);
  const wide = (BigInt(next()) << 32n) | BigInt(next());
  const anyFraction = wide & ((1n << fraction) - 1n);
  let exponent: number;
  switch (next() % 8) {
    case 0:
      exponent = [0, 0, 1, exponents - 2, exponents - 1, exponents - 1][next() % 6]!;
      break;
    case 1:
      exponent = next() % exponents;
      break;
    default:
      // Near one, so that operands meet.
      exponent = format.maxExponent - 40 + (next() % 80);
  }
  let low: bigint;
  switch (next() % 6) {
    case 0:
      low = 0n;
      break;
    case 1:
      low = (1n << fraction) - 1n;
      break;
    case 2:
      low = 1n << BigInt(next() % Number(fraction));
      break;
    case 3:
      // A few leading bits only: exact results.
      low = (anyFraction >> (fraction - 6n)) << (fraction - 6n);
      break;
    default:
      low = anyFraction;
  }
  return sign | (BigInt(exponent) << fraction) | low;
}

const INTEGERS = [
  0n,
  1n,
  -1n,
  1n << 31n,
  -(1n << 31n),
  (1n << 32n) - 1n,
  1n << 63n,
  (1n << 63n) - 1n,
  1n << 53n,
];

/** A random 64-bit integer register: edges, and numbers of every size. */
export function randomInteger(next: () => number): bigint {
  const wide = (BigInt(next()) << 32n) | BigInt(next());
  if (next() % 3 === 0)
    return BigInt.asUintN(64, INTEGERS[next() % INTEGERS.length]! + BigInt(next() % 3) - 1n);
  return BigInt.asUintN(64, BigInt.asIntN(64, wide) >> BigInt(next() % 64));
}
