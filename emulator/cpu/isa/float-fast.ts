/**
 * Floating point by the host's arithmetic, where that gives the right result and the right flags. WebAssembly
 * rounds to nearest even and has no flags, so an instruction stays here only if
 *
 *   - its rounding mode is to-nearest-even (or rounding cannot happen),
 *   - operands and result are finite, and the result is not near underflow, so at most NX can be raised, and
 *   - NX has been accrued already, or the result is proved exact.
 *
 * Everything else leaves with `slowIf` for cpu/softfloat.ts, which is also the oracle of this file. Since flags are
 * sticky, a program whose results are inexact leaves once; one whose results are all exact never does.
 *
 * Proofs of exactness: the error of a sum (float-helpers.ts), an exact product in binary64 for single precision, and
 * the number of significant bits for double precision.
 */
import { bin, type Expr, f32, f64, i32, i64, select, un } from '../../wasm/expression.ts';
import { F32, F64, Op } from '../../wasm/opcodes.ts';
import { Flag } from '../softfloat.ts';
import type { Emitter, Meaning } from './emitter.ts';
import {
  and,
  fma64,
  fmaInexact64,
  fmaSum32,
  not,
  or,
  productInexact,
  promote,
  sumInexact,
} from './float-helpers.ts';

/** The operators of one precision, and its limits. */
export interface Precision {
  readonly suffix: 's' | 'd';
  readonly type: typeof F32 | typeof F64;
  readonly constant: (value: number) => Expr;
  readonly abs: number;
  readonly add: number;
  readonly sub: number;
  readonly mul: number;
  readonly div: number;
  readonly sqrt: number;
  readonly min: number;
  readonly max: number;
  readonly eq: number;
  readonly ne: number;
  readonly lt: number;
  readonly le: number;
  readonly trunc: number;
  readonly nearest: number;
  /** The raw register bits of a value. */
  readonly toBits: (value: Expr) => Expr;
}

/** The upper half of a register that holds a single-precision value (NaN boxing, §22.2). */
const BOX = i64(-(2 ** 32));

/** Raw single-precision bits (the low half of an i64), boxed. */
export const box = (value: Expr): Expr => bin(Op.i64Or, value, BOX);

export const SINGLE: Precision = {
  suffix: 's',
  type: F32,
  constant: f32,
  abs: Op.f32Abs,
  add: Op.f32Add,
  sub: Op.f32Sub,
  mul: Op.f32Mul,
  div: Op.f32Div,
  sqrt: Op.f32Sqrt,
  min: Op.f32Min,
  max: Op.f32Max,
  eq: Op.f32Eq,
  ne: Op.f32Ne,
  lt: Op.f32Lt,
  le: Op.f32Le,
  trunc: Op.f32Trunc,
  nearest: Op.f32Nearest,
  toBits: (value) => box(un(Op.i64ExtendI32U, un(Op.i32ReinterpretF32, value))),
};

export const DOUBLE: Precision = {
  suffix: 'd',
  type: F64,
  constant: f64,
  abs: Op.f64Abs,
  add: Op.f64Add,
  sub: Op.f64Sub,
  mul: Op.f64Mul,
  div: Op.f64Div,
  sqrt: Op.f64Sqrt,
  min: Op.f64Min,
  max: Op.f64Max,
  eq: Op.f64Eq,
  ne: Op.f64Ne,
  lt: Op.f64Lt,
  le: Op.f64Le,
  trunc: Op.f64Trunc,
  nearest: Op.f64Nearest,
  toBits: (value) => un(Op.i64ReinterpretF64, value),
};

/** Operands as values. A single that is not NaN-boxed is a NaN: slow. */
function operands(e: Emitter, p: Precision, ...raw: Expr[]): Expr[] {
  if (p.type === F64) return raw.map((bits) => e.let(un(Op.f64ReinterpretI64, bits)));
  const bound = raw.map((bits) => e.let(bits));
  const all = bound.reduce((a, b) => bin(Op.i64And, a, b));
  e.slowIf(bin(Op.i64LtU, all, BOX));
  return bound.map((bits) => e.let(un(Op.f32ReinterpretI32, un(Op.i32WrapI64, bits))));
}

const unordered = (p: Precision, a: Expr): Expr => bin(p.ne, a, a);
const isZero = (p: Precision, a: Expr): Expr => bin(p.eq, a, p.constant(0));
const finite = (p: Precision, a: Expr): Expr => bin(p.lt, un(p.abs, a), p.constant(Infinity));
/**
 * Finite and above the smallest normal number, where rounding may hide an underflow: one compare of the magnitude's
 * bits, shifted left to lose the sign.
 */
const isSafe = (p: Precision, a: Expr): Expr => {
  if (p.type === F32) {
    const [tiny, infinity] = [0x0080_0000, 0x7f80_0000];
    const bits = bin(Op.i32Shl, un(Op.i32ReinterpretF32, a), i32(1));
    return bin(Op.i32LtU, bin(Op.i32Sub, bits, i32(2 * (tiny + 1))), i32(2 * (infinity - tiny - 1)));
  }
  const [tiny, infinity] = [1n << 52n, 0x7ff0n << 48n];
  const bits = bin(Op.i64Shl, un(Op.i64ReinterpretF64, a), i64(1));
  return bin(Op.i64LtU, bin(Op.i64Sub, bits, i64(2n * (tiny + 1n))), i64(2n * (infinity - tiny - 1n)));
};

/** Leaves if the result is near underflow or not finite, unless it is an exact zero (tested only then). */
function unlessSafe(e: Emitter, p: Precision, result: Expr, exactZero: () => Expr): void {
  e.when(not(isSafe(p, result)), () => e.slowIf(not(exactZero())));
}

/** Leaves unless NX is accrued or `inexact` (computed only then) is zero. */
function unlessAccrued(e: Emitter, inexact: () => Expr): void {
  e.when(not(and(e.flags(), i32(Flag.NX))), () => e.slowIf(inexact()));
}

/** Not to-nearest-even. */
const roundsOtherwise = (e: Emitter): Expr => e.roundingMode();

/** fd = a ± b. Sums do not underflow: a subnormal one is exact. */
export const addition =
  (p: Precision, subtract: boolean): Meaning =>
  (e) => {
    e.requireFloat();
    const [a, right] = operands(e, p, e.fs1(), e.fs2()) as [Expr, Expr];
    const b = subtract ? e.let(un(p.type === F32 ? Op.f32Neg : Op.f64Neg, right)) : right;
    const r = e.let(bin(p.add, a, b));
    e.slowIf(or(not(finite(p, r)), roundsOtherwise(e)));
    unlessAccrued(e, () => e.invoke(sumInexact[p.suffix], a, b, r));
    e.setFd(p.toBits(r));
  };

export const multiplication =
  (p: Precision): Meaning =>
  (e) => {
    e.requireFloat();
    const [a, b] = operands(e, p, e.fs1(), e.fs2()) as [Expr, Expr];
    const r = e.let(bin(p.mul, a, b));
    // A zero operand and no NaN: the other one was finite and the zero is exact.
    e.slowIf(roundsOtherwise(e));
    unlessSafe(e, p, r, () => and(isZero(p, r), or(isZero(p, a), isZero(p, b))));
    unlessAccrued(e, () =>
      p.type === F32
        ? bin(Op.f64Ne, bin(Op.f64Mul, promote(a), promote(b)), promote(r))
        : e.invoke(productInexact, a, b),
    );
    e.setFd(p.toBits(r));
  };

export const division =
  (p: Precision): Meaning =>
  (e) => {
    e.requireFloat();
    const [a, b] = operands(e, p, e.fs1(), e.fs2()) as [Expr, Expr];
    const r = e.let(bin(p.div, a, b));
    e.slowIf(roundsOtherwise(e));
    unlessSafe(e, p, r, () => and(isZero(p, a), and(not(isZero(p, b)), finite(p, b))));
    unlessAccrued(e, () =>
      p.type === F32
        ? bin(Op.f64Ne, bin(Op.f64Mul, promote(r), promote(b)), promote(a))
        : or(e.invoke(productInexact, r, b), bin(Op.f64Ne, bin(Op.f64Mul, r, b), a)),
    );
    e.setFd(p.toBits(r));
  };

export const squareRoot =
  (p: Precision): Meaning =>
  (e) => {
    e.requireFloat();
    const [a] = operands(e, p, e.fs1()) as [Expr];
    const r = e.let(un(p.sqrt, a));
    e.slowIf(or(not(finite(p, r)), roundsOtherwise(e)));
    unlessAccrued(e, () =>
      p.type === F32
        ? bin(Op.f64Ne, bin(Op.f64Mul, promote(r), promote(r)), promote(a))
        : or(e.invoke(productInexact, r, r), bin(Op.f64Ne, bin(Op.f64Mul, r, r), a)),
    );
    e.setFd(p.toBits(r));
  };

/** NaNs are slow; the host's minimum orders zeros as RISC-V does. */
export const extremum =
  (p: Precision, op: number): Meaning =>
  (e) => {
    e.requireFloat();
    const [a, b] = operands(e, p, e.fs1(), e.fs2()) as [Expr, Expr];
    const r = e.let(bin(op, a, b));
    e.slowIf(unordered(p, r));
    e.setFd(p.toBits(r));
  };

/** Whether a value is a signaling NaN: one whose first fraction bit is clear. */
function signaling(p: Precision, a: Expr): Expr {
  const quiet =
    p.type === F32
      ? and(un(Op.i32ReinterpretF32, a), i32(1 << 22))
      : un(Op.i32WrapI64, bin(Op.i64ShrU, un(Op.i64ReinterpretF64, a), i64(32)));
  const quietBit = p.type === F32 ? quiet : and(quiet, i32(1 << 19));
  return and(unordered(p, a), not(quietBit));
}

/** Comparisons are false for NaNs. flt and fle raise NV for any NaN, feq only for signaling ones. */
export const comparison =
  (p: Precision, op: number): Meaning =>
  (e) => {
    e.requireFloat();
    const [a, b] = operands(e, p, e.fs1(), e.fs2()) as [Expr, Expr];
    e.when(or(unordered(p, a), unordered(p, b)), () => {
      if (op === p.eq) e.slowIf(or(signaling(p, a), signaling(p, b)));
      else e.raise(i32(Flag.NV));
    });
    e.setRd(un(Op.i64ExtendI32U, bin(op, a, b)));
  };

const SIGN_64 = i64(-(1n << 63n));
const SIGN_32 = i64(0x8000_0000);

/** The bits of a single; the canonical NaN if it is not boxed. */
function unboxed(e: Emitter, raw: Expr): Expr {
  const bits = e.let(raw);
  const low = bin(Op.i64And, bits, i64(0xffff_ffff));
  return e.let(select(i64(0x7fc0_0000), low, bin(Op.i64LtU, bits, BOX)));
}

/** Sign injection works on bits, NaNs too. */
export const signInjection =
  (p: Precision, combine: (a: Expr, b: Expr, sign: Expr) => Expr): Meaning =>
  (e) => {
    e.requireFloat();
    if (p.type === F64) {
      const a = e.let(e.fs1());
      const magnitude = bin(Op.i64And, a, i64((1n << 63n) - 1n));
      e.setFd(bin(Op.i64Or, magnitude, bin(Op.i64And, combine(a, e.fs2(), SIGN_64), SIGN_64)));
      return;
    }
    const a = unboxed(e, e.fs1());
    const b = unboxed(e, e.fs2());
    const magnitude = bin(Op.i64And, a, i64(0x7fff_ffff));
    e.setFd(box(bin(Op.i64Or, magnitude, bin(Op.i64And, combine(a, b, SIGN_32), SIGN_32))));
  };

/** The classes of positive numbers, as bit numbers of fclass; those of negative ones are 7 less them. */
const CLASS = { zero: 4, subnormal: 5, normal: 6, infinity: 7, signaling: 8, quiet: 9 } as const;

export const classification =
  (p: Precision): Meaning =>
  (e) => {
    e.requireFloat();
    const single = p.type === F32;
    const bits = single ? unboxed(e, e.fs1()) : e.let(e.fs1());
    const fraction = single ? 23n : 52n;
    const infinity = single ? 0x7f80_0000n : 0x7ff0n << 48n;
    const magnitude = e.let(bin(Op.i64And, bits, i64(single ? 0x7fff_ffffn : (1n << 63n) - 1n)));
    const below = (limit: bigint): Expr => bin(Op.i64LtU, magnitude, i64(limit));
    const finiteClass = select(i32(CLASS.subnormal), i32(CLASS.normal), below(1n << fraction));
    const nonZero = select(finiteClass, i32(CLASS.infinity), below(infinity));
    const positive = e.let(select(i32(CLASS.zero), nonZero, un(Op.i64Eqz, magnitude)));
    const negative = bin(Op.i32Sub, i32(7), positive);
    const number = select(negative, positive, bin(Op.i64Ne, magnitude, bits));
    const quiet = bin(Op.i64GeU, magnitude, i64(infinity | (1n << (fraction - 1n))));
    const nan = select(i32(CLASS.quiet), i32(CLASS.signaling), quiet);
    const bit = select(number, nan, below(infinity + 1n));
    e.setRd(un(Op.i64ExtendI32U, bin(Op.i32Shl, i32(1), bit)));
  };

/** fcvt.w, .wu, .l and .lu: towards zero (as C casts) or to nearest even. */
export function toInteger(p: Precision, integer: 'w' | 'wu' | 'l' | 'lu'): Meaning {
  const signed = !integer.endsWith('u');
  const limit = { w: 2 ** 31, wu: 2 ** 32, l: 2 ** 63, lu: 2 ** 64 }[integer];
  const saturate =
    p.type === F32
      ? signed
        ? Op.i64TruncSatF32S
        : Op.i64TruncSatF32U
      : signed
        ? Op.i64TruncSatF64S
        : Op.i64TruncSatF64U;
  return (e) => {
    e.requireFloat();
    const [a] = operands(e, p, e.fs1()) as [Expr];
    const mode = e.let(e.roundingMode());
    const r = e.let(select(un(p.trunc, a), un(p.nearest, a), bin(Op.i32Eq, mode, i32(1))));
    const inRange = signed
      ? bin(p.lt, un(p.abs, r), p.constant(limit))
      : and(bin(p.lt, r, p.constant(limit)), bin(p.le, p.constant(0), r));
    e.slowIf(or(not(inRange), bin(Op.i32GtU, mode, i32(1))));
    unlessAccrued(e, () => bin(p.ne, r, a));
    const value = un(saturate, r);
    e.setRd(integer === 'wu' ? un(Op.i64ExtendI32S, un(Op.i32WrapI64, value)) : value);
  };
}

/** fcvt from integers. */
export function fromInteger(p: Precision, integer: 'w' | 'wu' | 'l' | 'lu'): Meaning {
  const signed = !integer.endsWith('u');
  const single = p.type === F32;
  const wide = integer.startsWith('l');
  const convert = single
    ? signed
      ? Op.f32ConvertI64S
      : Op.f32ConvertI64U
    : signed
      ? Op.f64ConvertI64S
      : Op.f64ConvertI64U;
  const back = single
    ? signed
      ? Op.i64TruncSatF32S
      : Op.i64TruncSatF32U
    : signed
      ? Op.i64TruncSatF64S
      : Op.i64TruncSatF64U;
  /** A result of this size may have been rounded up out of the integers: the way back saturates. */
  const edge = signed ? 2 ** 63 : 2 ** 64;
  return (e) => {
    e.requireFloat();
    const low = un(Op.i32WrapI64, e.rs1());
    const x = e.let(wide ? e.rs1() : un(signed ? Op.i64ExtendI32S : Op.i64ExtendI32U, low));
    const r = e.let(un(convert, x));
    if (wide || single) {
      e.slowIf(roundsOtherwise(e));
      unlessAccrued(e, () => {
        const inexact = bin(Op.i64Ne, un(back, r), x);
        return wide ? or(inexact, bin(p.le, p.constant(edge), un(p.abs, r))) : inexact;
      });
    } else {
      // A 32-bit integer is exact in binary64, but the rounding mode must be a valid one.
      e.slowIf(bin(Op.i32GtU, e.roundingMode(), i32(4)));
    }
    e.setFd(p.toBits(r));
  };
}

export const narrow: Meaning = (e) => {
  e.requireFloat();
  const [a] = operands(e, DOUBLE, e.fs1()) as [Expr];
  const r = e.let(un(Op.f32DemoteF64, a));
  e.slowIf(roundsOtherwise(e));
  unlessSafe(e, SINGLE, r, () => isZero(DOUBLE, a));
  unlessAccrued(e, () => bin(Op.f64Ne, promote(r), a));
  e.setFd(SINGLE.toBits(r));
};

export const widen: Meaning = (e) => {
  e.requireFloat();
  const [a] = operands(e, SINGLE, e.fs1()) as [Expr];
  e.slowIf(or(unordered(SINGLE, a), bin(Op.i32GtU, e.roundingMode(), i32(4))));
  e.setFd(DOUBLE.toBits(promote(a)));
};

/** fd = ±(a × b) ± c. */
export const fused =
  (p: Precision, negateProduct: boolean, negateAddend: boolean): Meaning =>
  (e) => {
    e.requireFloat();
    const negate = p.type === F32 ? Op.f32Neg : Op.f64Neg;
    const [first, b, third] = operands(e, p, e.fs1(), e.fs2(), e.fs3()) as [Expr, Expr, Expr];
    const a = negateProduct ? e.let(un(negate, first)) : first;
    const c = negateAddend ? e.let(un(negate, third)) : third;
    if (p.type === F64) {
      const r = e.let(e.invoke(fma64, a, b, c));
      e.slowIf(or(unordered(p, r), roundsOtherwise(e)));
      unlessAccrued(e, () => e.invoke(fmaInexact64, a, b, c));
      e.setFd(p.toBits(r));
      return;
    }
    const sum = e.let(e.invoke(fmaSum32, a, b, c));
    const r = e.let(un(Op.f32DemoteF64, sum));
    e.slowIf(roundsOtherwise(e));
    unlessSafe(e, p, r, () => isZero(DOUBLE, sum));
    // An inexact sum is odd in its 53rd bit, which no single has.
    unlessAccrued(e, () => bin(Op.f64Ne, promote(r), sum));
    e.setFd(p.toBits(r));
  };
