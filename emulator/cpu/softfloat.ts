/**
 * IEEE 754 binary32 and binary64 arithmetic in software, with the results, flags and NaNs that RISC-V prescribes
 * (unprivileged manual, chapters 21 and 22): canonical NaNs, five rounding modes, tininess after rounding. It serves
 * the cases that the engines leave to it, and is the oracle of those that they do themselves. Exactness comes from
 * unbounded integers; speed does not matter here.
 */

/** Exception flags, as in fflags. */
export const Flag = { NX: 1, UF: 2, OF: 4, DZ: 8, NV: 16 } as const;

/** Rounding modes, as in frm. */
export const Rounding = { RNE: 0, RTZ: 1, RDN: 2, RUP: 3, RMM: 4 } as const;

/** A binary interchange format. */
export interface FloatFormat {
  /** Bits of a value. */
  readonly width: 32 | 64;
  /** Significant bits, the hidden one included. */
  readonly precision: number;
  /** Exponent of the smallest normal number, and of the largest. */
  readonly minExponent: number;
  readonly maxExponent: number;
  readonly nan: bigint;
}

export const BINARY32: FloatFormat = {
  width: 32,
  precision: 24,
  minExponent: -126,
  maxExponent: 127,
  nan: 0x7fc0_0000n,
};
export const BINARY64: FloatFormat = {
  width: 64,
  precision: 53,
  minExponent: -1022,
  maxExponent: 1023,
  nan: 0x7ff8_0000_0000_0000n,
};

/** An operation's surroundings: how to round, and the flags raised so far. */
export interface FloatContext {
  readonly rounding: number;
  flags: number;
}

/** A number taken apart: (−1)^sign × significand × 2^exponent. */
interface Parts {
  readonly kind: 'nan' | 'infinity' | 'number';
  readonly sign: boolean;
  /** 0 for zeros. */
  readonly significand: bigint;
  readonly exponent: number;
  readonly signaling: boolean;
}

const fractionBits = (format: FloatFormat): bigint => BigInt(format.precision - 1);
const infinity = (format: FloatFormat, sign: boolean): bigint =>
  signBit(format, sign) | (BigInt(2 * format.maxExponent + 1) << fractionBits(format));
const signBit = (format: FloatFormat, sign: boolean): bigint => (sign ? 1n << BigInt(format.width - 1) : 0n);
const zero = signBit;
const largest = (format: FloatFormat, sign: boolean): bigint => infinity(format, sign) - 1n;

function unpack(format: FloatFormat, bits: bigint): Parts {
  const width = fractionBits(format);
  const sign = bits >> BigInt(format.width - 1) === 1n;
  const fraction = bits & ((1n << width) - 1n);
  const biased = Number((bits >> width) & BigInt(2 * format.maxExponent + 1));
  const signaling = false;
  if (biased === 2 * format.maxExponent + 1) {
    if (fraction === 0n) return { kind: 'infinity', sign, significand: 0n, exponent: 0, signaling };
    return { kind: 'nan', sign, significand: 0n, exponent: 0, signaling: fraction >> (width - 1n) === 0n };
  }
  const quantum = format.minExponent - Number(width);
  if (biased === 0) return { kind: 'number', sign, significand: fraction, exponent: quantum, signaling };
  return {
    kind: 'number',
    sign,
    significand: fraction | (1n << width),
    exponent: quantum + biased - 1,
    signaling,
  };
}

const bitLength = (value: bigint): number => (value === 0n ? 0 : value.toString(2).length);

/** Whether to round the magnitude up, given the last bit kept and the part cut off, compared with one half. */
function roundsUp(rounding: number, sign: boolean, odd: boolean, rest: bigint, half: bigint): boolean {
  if (rest === 0n) return false;
  switch (rounding) {
    case Rounding.RNE:
      return rest > half || (rest === half && odd);
    case Rounding.RTZ:
      return false;
    case Rounding.RDN:
      return sign;
    case Rounding.RUP:
      return !sign;
    default:
      return rest >= half;
  }
}

/** value / 2^shift, rounded to an integer. */
function shiftRight(
  value: bigint,
  shift: number,
  sign: boolean,
  rounding: number,
): { q: bigint; exact: boolean } {
  if (shift <= 0) return { q: value << BigInt(-shift), exact: true };
  const q = value >> BigInt(shift);
  const rest = value & ((1n << BigInt(shift)) - 1n);
  const up = roundsUp(rounding, sign, (q & 1n) === 1n, rest, 1n << BigInt(shift - 1));
  return { q: up ? q + 1n : q, exact: rest === 0n };
}

/**
 * Rounds significand × 2^exponent to the format. A value that is not exactly known is passed with a sticky last bit,
 * at least two bits below the precision.
 */
function pack(
  format: FloatFormat,
  sign: boolean,
  significand: bigint,
  exponent: number,
  c: FloatContext,
): bigint {
  if (significand === 0n) return zero(format, sign);
  const { precision, minExponent } = format;
  const leading = exponent + bitLength(significand) - 1;
  const quantum = Math.max(leading, minExponent) - (precision - 1);
  const { q, exact } = shiftRight(significand, quantum - exponent, sign, c.rounding);
  if (!exact) {
    c.flags |= Flag.NX;
    if (leading < minExponent) {
      // Tiny unless rounding, with an exponent as small as needed, reaches the smallest normal number.
      const unbounded = shiftRight(significand, leading - (precision - 1) - exponent, sign, c.rounding).q;
      if (leading < minExponent - 1 || bitLength(unbounded) <= precision) c.flags |= Flag.UF;
    }
  }
  // q carries the hidden bit, if it has one, into the exponent field, and a carry out of rounding too.
  const magnitude = (BigInt(quantum + precision - 1 - minExponent) << fractionBits(format)) + q;
  if (magnitude >= infinity(format, false)) {
    c.flags |= Flag.OF | Flag.NX;
    const { rounding } = c;
    const towardsZero =
      rounding === Rounding.RTZ ||
      (rounding === Rounding.RDN && !sign) ||
      (rounding === Rounding.RUP && sign);
    return towardsZero ? largest(format, sign) : infinity(format, sign);
  }
  return signBit(format, sign) | magnitude;
}

function invalid(format: FloatFormat, c: FloatContext): bigint {
  c.flags |= Flag.NV;
  return format.nan;
}

/** The canonical NaN, raising NV if an operand is signaling. */
function propagate(format: FloatFormat, c: FloatContext, ...operands: Parts[]): bigint {
  if (operands.some((p) => p.signaling)) c.flags |= Flag.NV;
  return format.nan;
}

export function add(format: FloatFormat, a: bigint, b: bigint, c: FloatContext): bigint {
  return addParts(format, unpack(format, a), unpack(format, b), c);
}

function addParts(format: FloatFormat, x: Parts, y: Parts, c: FloatContext): bigint {
  if (x.kind === 'nan' || y.kind === 'nan') return propagate(format, c, x, y);
  if (x.kind === 'infinity') {
    if (y.kind === 'infinity' && x.sign !== y.sign) return invalid(format, c);
    return infinity(format, x.sign);
  }
  if (y.kind === 'infinity') return infinity(format, y.sign);
  const exponent = Math.min(x.exponent, y.exponent);
  const signed = (p: Parts): bigint => {
    const magnitude = p.significand << BigInt(p.exponent - exponent);
    return p.sign ? -magnitude : magnitude;
  };
  const sum = signed(x) + signed(y);
  if (sum === 0n) {
    // Zeros of one sign keep it; exact cancellation gives +0, rounding down −0.
    const sign = x.sign === y.sign ? x.sign : c.rounding === Rounding.RDN;
    return zero(format, sign);
  }
  return pack(format, sum < 0n, sum < 0n ? -sum : sum, exponent, c);
}

const negate = (format: FloatFormat, bits: bigint): bigint => bits ^ signBit(format, true);

export function sub(format: FloatFormat, a: bigint, b: bigint, c: FloatContext): bigint {
  return add(format, a, negate(format, b), c);
}

export function mul(format: FloatFormat, a: bigint, b: bigint, c: FloatContext): bigint {
  const x = unpack(format, a);
  const y = unpack(format, b);
  if (x.kind === 'nan' || y.kind === 'nan') return propagate(format, c, x, y);
  const sign = x.sign !== y.sign;
  if (x.kind === 'infinity' || y.kind === 'infinity') {
    const other = x.kind === 'infinity' ? y : x;
    return other.kind === 'number' && other.significand === 0n ? invalid(format, c) : infinity(format, sign);
  }
  return pack(format, sign, x.significand * y.significand, x.exponent + y.exponent, c);
}

export function div(format: FloatFormat, a: bigint, b: bigint, c: FloatContext): bigint {
  const x = unpack(format, a);
  const y = unpack(format, b);
  if (x.kind === 'nan' || y.kind === 'nan') return propagate(format, c, x, y);
  const sign = x.sign !== y.sign;
  if (x.kind === 'infinity') return y.kind === 'infinity' ? invalid(format, c) : infinity(format, sign);
  if (y.kind === 'infinity') return zero(format, sign);
  if (y.significand === 0n) {
    if (x.significand === 0n) return invalid(format, c);
    c.flags |= Flag.DZ;
    return infinity(format, sign);
  }
  const shift = BigInt(2 * format.precision + 4);
  const dividend = x.significand << shift;
  const sticky = dividend % y.significand === 0n ? 0n : 1n;
  const quotient = ((dividend / y.significand) << 1n) | sticky;
  return pack(format, sign, quotient, x.exponent - y.exponent - Number(shift) - 1, c);
}

/** The largest integer whose square is at most `value`. */
function integerSqrt(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt((bitLength(value) + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

export function sqrt(format: FloatFormat, a: bigint, c: FloatContext): bigint {
  const x = unpack(format, a);
  if (x.kind === 'nan') return propagate(format, c, x);
  if (x.kind === 'number' && x.significand === 0n) return a;
  if (x.sign) return invalid(format, c);
  if (x.kind === 'infinity') return a;
  let shift = 2 * format.precision + 4;
  if ((x.exponent - shift) & 1) shift++;
  const radicand = x.significand << BigInt(shift);
  const root = integerSqrt(radicand);
  const sticky = root * root === radicand ? 0n : 1n;
  return pack(format, false, (root << 1n) | sticky, (x.exponent - shift) / 2 - 1, c);
}

/** a × b + addend, rounded once. */
export function fma(format: FloatFormat, a: bigint, b: bigint, addend: bigint, c: FloatContext): bigint {
  const x = unpack(format, a);
  const y = unpack(format, b);
  const z = unpack(format, addend);
  const xZero = x.kind === 'number' && x.significand === 0n;
  const yZero = y.kind === 'number' && y.significand === 0n;
  // ∞ × 0 is invalid even beside a quiet NaN.
  if ((x.kind === 'infinity' && yZero) || (y.kind === 'infinity' && xZero)) return invalid(format, c);
  if (x.kind === 'nan' || y.kind === 'nan' || z.kind === 'nan') return propagate(format, c, x, y, z);
  const product: Parts = {
    kind: x.kind === 'infinity' || y.kind === 'infinity' ? 'infinity' : 'number',
    sign: x.sign !== y.sign,
    significand: x.significand * y.significand,
    exponent: x.exponent + y.exponent,
    signaling: false,
  };
  return addParts(format, product, z, c);
}

export const isNaNBits = (format: FloatFormat, bits: bigint): boolean => unpack(format, bits).kind === 'nan';

/** −1, 0, 1, or undefined where a NaN makes them unordered. */
function order(format: FloatFormat, a: bigint, b: bigint): number | undefined {
  const x = unpack(format, a);
  const y = unpack(format, b);
  if (x.kind === 'nan' || y.kind === 'nan') return undefined;
  // Magnitudes order as their bits do.
  const key = (p: Parts, bits: bigint): bigint => {
    const magnitude = bits & ~signBit(format, true);
    return p.sign ? -magnitude : magnitude;
  };
  const [i, j] = [key(x, a), key(y, b)];
  return i < j ? -1 : i > j ? 1 : 0;
}

const eitherSignaling = (format: FloatFormat, a: bigint, b: bigint): boolean =>
  unpack(format, a).signaling || unpack(format, b).signaling;

/** Quiet: NV only for signaling NaNs. */
export function eq(format: FloatFormat, a: bigint, b: bigint, c: FloatContext): boolean {
  if (eitherSignaling(format, a, b)) c.flags |= Flag.NV;
  return order(format, a, b) === 0;
}

/** Signaling: NV for any NaN. */
export function lt(format: FloatFormat, a: bigint, b: bigint, c: FloatContext): boolean {
  const result = order(format, a, b);
  if (result === undefined) c.flags |= Flag.NV;
  return result === -1;
}

export function le(format: FloatFormat, a: bigint, b: bigint, c: FloatContext): boolean {
  const result = order(format, a, b);
  if (result === undefined) c.flags |= Flag.NV;
  return result !== undefined && result <= 0;
}

/** minimumNumber or maximumNumber: a NaN loses to a number, −0 is less than +0. */
function pick(format: FloatFormat, a: bigint, b: bigint, c: FloatContext, sign: 1 | -1): bigint {
  if (eitherSignaling(format, a, b)) c.flags |= Flag.NV;
  const aNaN = isNaNBits(format, a);
  const bNaN = isNaNBits(format, b);
  if (aNaN && bNaN) return format.nan;
  if (aNaN) return b;
  if (bNaN) return a;
  const comparison = order(format, a, b)!;
  if (comparison !== 0) return comparison === sign ? a : b;
  // Equal, or zeros: for the minimum the negative one.
  const aNegative = unpack(format, a).sign;
  return aNegative === (sign === -1) ? a : b;
}

export const min = (format: FloatFormat, a: bigint, b: bigint, c: FloatContext): bigint =>
  pick(format, a, b, c, -1);
export const max = (format: FloatFormat, a: bigint, b: bigint, c: FloatContext): bigint =>
  pick(format, a, b, c, 1);

/** The ten classes of fclass, one bit each (table 21.5). */
export function classify(format: FloatFormat, bits: bigint): number {
  const x = unpack(format, bits);
  if (x.kind === 'nan') return x.signaling ? 1 << 8 : 1 << 9;
  if (x.kind === 'infinity') return x.sign ? 1 << 0 : 1 << 7;
  if (x.significand === 0n) return x.sign ? 1 << 3 : 1 << 4;
  const normal = x.significand >> fractionBits(format) !== 0n;
  if (x.sign) return normal ? 1 << 1 : 1 << 2;
  return normal ? 1 << 6 : 1 << 5;
}

/** An integer format. */
export interface IntegerFormat {
  readonly width: 32 | 64;
  readonly signed: boolean;
}

/** To an integer, saturating; NaN counts as +∞. The result is in the integer format's range. */
export function toInteger(format: FloatFormat, bits: bigint, to: IntegerFormat, c: FloatContext): bigint {
  const width = BigInt(to.width);
  const highest = to.signed ? (1n << (width - 1n)) - 1n : (1n << width) - 1n;
  const lowest = to.signed ? -(1n << (width - 1n)) : 0n;
  const x = unpack(format, bits);
  if (x.kind !== 'number') {
    c.flags |= Flag.NV;
    return x.kind === 'infinity' && x.sign ? lowest : highest;
  }
  const { q, exact } = shiftRight(x.significand, -x.exponent, x.sign, c.rounding);
  const value = x.sign ? -q : q;
  if (value < lowest || value > highest) {
    c.flags |= Flag.NV;
    return value < lowest ? lowest : highest;
  }
  if (!exact) c.flags |= Flag.NX;
  return value;
}

export function fromInteger(format: FloatFormat, value: bigint, c: FloatContext): bigint {
  return pack(format, value < 0n, value < 0n ? -value : value, 0, c);
}

/** From one format to the other. */
export function convert(from: FloatFormat, to: FloatFormat, bits: bigint, c: FloatContext): bigint {
  const x = unpack(from, bits);
  if (x.kind === 'nan') return propagate(to, c, x);
  if (x.kind === 'infinity') return infinity(to, x.sign);
  return pack(to, x.sign, x.significand, x.exponent, c);
}
