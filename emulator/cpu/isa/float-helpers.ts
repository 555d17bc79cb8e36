/**
 * Long sequences of floating-point operations as helper functions: proofs that a result is exact, and fused
 * multiply-add, from error-free transformations (TwoSum of Knuth, the exact product of Dekker with Veltkamp's
 * splitting). All are right only for finite operands in the ranges that they name; float-fast.ts sees to that.
 */
import type { CodeWriter } from '../../wasm/code.ts';
import { bin, type Expr, emit, f32, f64, i32, i64, local, select, un } from '../../wasm/expression.ts';
import { F32, F64, I32, Op, type ValType } from '../../wasm/opcodes.ts';
import type { Helper } from './emitter.ts';

export const or = (a: Expr, b: Expr): Expr => bin(Op.i32Or, a, b);
export const and = (a: Expr, b: Expr): Expr => bin(Op.i32And, a, b);
export const not = (a: Expr): Expr => un(Op.i32Eqz, a);
export const promote = (a: Expr): Expr => un(Op.f64PromoteF32, a);

const isZero64 = (a: Expr): Expr => bin(Op.f64Eq, a, f64(0));

/** The result from the parameters; `define` binds a value to a local, `leaveIf` returns `value` early. */
type HelperBody = (
  define: Define,
  leaveIf: (condition: Expr, value: Expr) => void,
  ...parameters: Expr[]
) => Expr;
type Define = (value: Expr) => Expr;

/** Writes a helper's body: an expression of its parameters, with `let` for locals. */
function helper(name: string, parameters: readonly ValType[], result: ValType, body: HelperBody): Helper {
  return {
    name,
    parameters,
    result,
    write(w: CodeWriter): void {
      const define = (value: Expr): Expr => {
        const index = w.local(value.type);
        emit(w, value);
        w.localSet(index);
        return local(index, value.type);
      };
      const leaveIf = (condition: Expr, value: Expr): void => {
        emit(w, condition);
        w.if();
        emit(w, value);
        w.op(Op.return);
        w.end();
      };
      emit(w, body(define, leaveIf, ...parameters.map((type, index) => local(index, type))));
    },
  };
}

/** Addition and subtraction of one precision. */
interface SumOps {
  readonly add: number;
  readonly sub: number;
}
const OPS_32: SumOps = { add: Op.f32Add, sub: Op.f32Sub };
const OPS_64: SumOps = { add: Op.f64Add, sub: Op.f64Sub };

/** The rounding error of sum = fl(a + b), exactly (TwoSum; no overflow). */
function sumError(p: SumOps, define: Define, a: Expr, b: Expr, sum: Expr): Expr {
  const bRound = define(bin(p.sub, sum, a));
  const aRound = bin(p.sub, sum, bRound);
  return bin(p.add, bin(p.sub, a, aRound), bin(p.sub, b, bRound));
}

/** Significant bits of a finite binary64 number, from its leading to its last one; 0 for zeros. */
function significantBits(define: Define, value: Expr): Expr {
  const bits = define(un(Op.i64ReinterpretF64, value));
  const fraction = bin(Op.i64And, bits, i64(2 ** 52 - 1));
  // A subnormal's hidden bit is counted although it is not there: that errs to the slow side.
  const significand = bin(Op.i64Or, fraction, i64(2 ** 52));
  const width = bin(Op.i64Sub, i64(53), un(Op.i64Ctz, significand));
  return select(i64(0), width, bin(Op.f64Eq, value, f64(0)));
}

/** Whether a product of two numbers may need more than 53 bits. */
export const productInexact: Helper = helper('productInexact', [F64, F64], I32, (define, _leave, a, b) =>
  bin(Op.i64GtU, bin(Op.i64Add, significantBits(define, a!), significantBits(define, b!)), i64(53)),
);

export const sumInexact = {
  s: helper('sumInexact32', [F32, F32, F32], I32, (define, _leave, a, b, sum) =>
    bin(Op.f32Ne, sumError(OPS_32, define, a!, b!, sum!), f32(0)),
  ),
  d: helper('sumInexact64', [F64, F64, F64], I32, (define, _leave, a, b, sum) =>
    bin(Op.f64Ne, sumError(OPS_64, define, a!, b!, sum!), f64(0)),
  ),
};

const NAN = f64(Number.NaN);

/** Whether a is beyond ±limit, or a NaN. */
const beyond = (a: Expr, limit: number): Expr => not(bin(Op.f64Lt, un(Op.f64Abs, a), f64(limit)));

/** The rounding error of product = fl(a × b), exactly: Dekker's product with Veltkamp's splitting by 2^27 + 1. */
function productError(define: Define, a: Expr, b: Expr, product: Expr): Expr {
  const split = (x: Expr): [Expr, Expr] => {
    const scaled = define(bin(Op.f64Mul, x, f64(2 ** 27 + 1)));
    const high = define(bin(Op.f64Sub, scaled, bin(Op.f64Sub, scaled, x)));
    return [high, define(bin(Op.f64Sub, x, high))];
  };
  const [aHigh, aLow] = split(a);
  const [bHigh, bLow] = split(b);
  const mul = (x: Expr, y: Expr): Expr => bin(Op.f64Mul, x, y);
  const add = (x: Expr, y: Expr): Expr => bin(Op.f64Add, x, y);
  const highest = bin(Op.f64Sub, mul(aHigh, bHigh), product);
  return add(add(add(highest, mul(aHigh, bLow)), mul(aLow, bHigh)), mul(aLow, bLow));
}

/** sum + error, rounded to odd: the neighbour of sum with an odd significand, if sum is not exact and even. */
function roundToOdd(define: Define, sum: Expr, error: Expr): Expr {
  const bits = define(un(Op.i64ReinterpretF64, sum));
  const adjust = and(
    bin(Op.f64Ne, error, f64(0)),
    un(Op.i32Eqz, un(Op.i32WrapI64, bin(Op.i64And, bits, i64(1)))),
  );
  const away = bin(Op.i32Eq, bin(Op.f64Gt, error, f64(0)), bin(Op.f64Gt, sum, f64(0)));
  const next = bin(Op.i64Add, bits, select(i64(1), i64(-1), away));
  return un(Op.f64ReinterpretI64, select(next, bits, adjust));
}

/**
 * Fused multiply-add in binary64, by the cheapest of three proofs that serves. Rounding is monotonic, so when a value
 * a little less and one a little more than the exact one round to one number, that is the result.
 *
 *   1. The exact product lies within half a unit of the rounded one: enough when the addend is the larger part.
 *   2. With an exact product (product + low) and an exact sum (sum + rest) the result is fl(sum + v) for
 *      v = rest + low, of which only v is rounded.
 *   3. After Boldo and Melquiond: v is rounded to odd, which does no harm to the last rounding.
 *
 * NaN where the proofs do not hold: huge or tiny operands.
 */
const fma64Body: HelperBody = (define, leaveIf, a, b, c) => {
  const product = define(bin(Op.f64Mul, a!, b!));
  const magnitude = un(Op.f64Abs, product);
  const [below, above] = [1 - 2 ** -52, 1 + 2 ** -52];
  const scaled = (x: Expr, factor: number): Expr => bin(Op.f64Mul, x, f64(factor));
  const first = define(bin(Op.f64Add, c!, scaled(product, below)));
  leaveIf(
    and(
      bin(Op.f64Eq, first, bin(Op.f64Add, c!, scaled(product, above))),
      and(bin(Op.f64Gt, magnitude, f64(2 ** -900)), not(beyond(first, 2 ** 1000))),
    ),
    first,
  );
  leaveIf(or(or(beyond(a!, 2 ** 500), beyond(b!, 2 ** 500)), beyond(c!, 2 ** 1000)), NAN);
  leaveIf(
    bin(Op.f64Lt, magnitude, f64(2 ** -900)),
    select(bin(Op.f64Add, product, c!), NAN, or(isZero64(a!), isZero64(b!))),
  );
  const sum = define(bin(Op.f64Add, product, c!));
  const rest = define(sumError(OPS_64, define, product, c!, sum));
  const low = define(productError(define, a!, b!, product));
  const v = define(bin(Op.f64Add, rest, low));
  const less = define(bin(Op.f64Add, sum, scaled(v, below)));
  leaveIf(bin(Op.f64Eq, less, bin(Op.f64Add, sum, scaled(v, above))), less);
  const inner = define(bin(Op.f64Add, c!, low));
  const innerError = define(sumError(OPS_64, define, c!, low, inner));
  const outer = define(bin(Op.f64Add, product, inner));
  const outerError = define(sumError(OPS_64, define, product, inner, outer));
  const last = define(bin(Op.f64Add, innerError, outerError));
  const lastError = define(sumError(OPS_64, define, innerError, outerError, last));
  return bin(Op.f64Add, outer, roundToOdd(define, last, lastError));
};
export const fma64: Helper = helper('fma64', [F64, F64, F64], F64, fma64Body);

/** Whether a × b + c, in the range of fma64, may be inexact. */
export const fmaInexact64: Helper = helper(
  'fmaInexact64',
  [F64, F64, F64],
  I32,
  (define, leaveIf, a, b, c) => {
    leaveIf(or(or(beyond(a!, 2 ** 500), beyond(b!, 2 ** 500)), beyond(c!, 2 ** 1000)), i32(1));
    const product = define(bin(Op.f64Mul, a!, b!));
    leaveIf(
      or(isZero64(a!), isZero64(b!)),
      // 0 + c is exact.
      i32(0),
    );
    const low = define(productError(define, a!, b!, product));
    const inner = define(bin(Op.f64Add, c!, low));
    const innerError = define(sumError(OPS_64, define, c!, low, inner));
    const outer = define(bin(Op.f64Add, product, inner));
    const outerError = define(sumError(OPS_64, define, product, inner, outer));
    return or(bin(Op.f64Ne, innerError, f64(0)), bin(Op.f64Ne, outerError, f64(0)));
  },
);

/**
 * The sum to odd, in binary64, of an exact product of singles and a single: 53 bits are enough (2 × 24 + 2) for
 * the rounding to single to come out right.
 */
export const fmaSum32: Helper = helper('fmaSum32', [F32, F32, F32], F64, (define, _leave, a, b, c) => {
  const product = define(bin(Op.f64Mul, promote(a!), promote(b!)));
  const addend = define(promote(c!));
  const sum = define(bin(Op.f64Add, product, addend));
  return roundToOdd(define, sum, define(sumError(OPS_64, define, product, addend, sum)));
});

/** All helpers, for engines that put them into one module. */
export const FLOAT_HELPERS: readonly Helper[] = [
  productInexact,
  sumInexact.s,
  sumInexact.d,
  fma64,
  fmaInexact64,
  fmaSum32,
];
