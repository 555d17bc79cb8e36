/** Constant folding: what each pure operation gives for constant operands. */
import { floatBits, floatOfBits, wrapInt } from '../ir/numbers.ts';
import { bitsOf, Op, Type } from '../ir/types.ts';

const toUnsigned = (type: Type, value: bigint): bigint => BigInt.asUintN(bitsOf(type), value);

/** The result of an integer operation of two operands, or undefined when it is not folded. */
export function foldBinary(op: Op, type: Type, a: bigint, b: bigint): bigint | undefined {
  if (type === Type.F32 || type === Type.F64) return foldFloat(op, type, a, b);
  const width = BigInt(bitsOf(type));
  const ua = toUnsigned(type, a);
  const ub = toUnsigned(type, b);
  const by = b & (width - 1n);
  const wrap = (value: bigint): bigint => wrapInt(type, value);
  switch (op) {
    case Op.Add:
      return wrap(a + b);
    case Op.Sub:
      return wrap(a - b);
    case Op.Mul:
      return wrap(a * b);
    case Op.MulHS:
      return wrap((a * b) >> width);
    case Op.MulHU:
      return wrap((ua * ub) >> width);
    case Op.DivS:
      return b === 0n ? -1n : wrap(a / b);
    case Op.DivU:
      return b === 0n ? -1n : wrap(ua / ub);
    case Op.RemS:
      return b === 0n ? a : wrap(a % b);
    case Op.RemU:
      return b === 0n ? a : wrap(ua % ub);
    case Op.And:
      return a & b;
    case Op.Or:
      return a | b;
    case Op.Xor:
      return a ^ b;
    case Op.Shl:
      return wrap(a << by);
    case Op.ShrS:
      return wrap(a >> by);
    case Op.ShrU:
      return wrap(ua >> by);
    case Op.Rotl:
      return wrap((ua << by) | (ua >> (width - by)));
    case Op.Rotr:
      return wrap((ua >> by) | (ua << (width - by)));
    case Op.MinS:
      return a < b ? a : b;
    case Op.MaxS:
      return a > b ? a : b;
    case Op.MinU:
      return ua < ub ? a : b;
    case Op.MaxU:
      return ua > ub ? a : b;
    default:
      return undefined;
  }
}

function foldFloat(op: Op, type: Type, a: bigint, b: bigint): bigint | undefined {
  const x = floatOfBits(type, a);
  const y = floatOfBits(type, b);
  // NaN results depend on RISC-V's canonical NaN: leave them to the machine.
  const give = (value: number): bigint | undefined =>
    Number.isNaN(value) ? undefined : floatBits(type, value);
  switch (op) {
    case Op.FAdd:
      return give(x + y);
    case Op.FSub:
      return give(x - y);
    case Op.FMul:
      return give(x * y);
    case Op.FDiv:
      return give(x / y);
    default:
      return undefined;
  }
}

/** The truth value of a comparison of two constants of `type`. */
export function foldCompare(op: Op, type: Type, a: bigint, b: bigint): bigint | undefined {
  const truth = (value: boolean): bigint => (value ? 1n : 0n);
  const ua = toUnsigned(type, a);
  const ub = toUnsigned(type, b);
  switch (op) {
    case Op.Eq:
      return truth(a === b);
    case Op.Ne:
      return truth(a !== b);
    case Op.LtS:
      return truth(a < b);
    case Op.LeS:
      return truth(a <= b);
    case Op.LtU:
      return truth(ua < ub);
    case Op.LeU:
      return truth(ua <= ub);
    case Op.FEq:
      return truth(floatOfBits(type, a) === floatOfBits(type, b));
    case Op.FLt:
      return truth(floatOfBits(type, a) < floatOfBits(type, b));
    case Op.FLe:
      return truth(floatOfBits(type, a) <= floatOfBits(type, b));
    default:
      return undefined;
  }
}

const ones = (value: bigint): number => value.toString(2).replaceAll('0', '').length;

/** The result of an operation of one operand, which has type `from`. */
export function foldUnary(op: Op, type: Type, from: Type, a: bigint): bigint | undefined {
  const width = bitsOf(from);
  const ua = toUnsigned(from, a);
  switch (op) {
    case Op.SExt8:
      return BigInt.asIntN(8, a);
    case Op.ZExt8:
      return BigInt.asUintN(8, a);
    case Op.SExt16:
      return BigInt.asIntN(16, a);
    case Op.ZExt16:
      return BigInt.asUintN(16, a);
    case Op.SExt32:
      return a;
    case Op.ZExt32:
      return BigInt.asUintN(32, a);
    case Op.Trunc:
      return BigInt.asIntN(32, a);
    case Op.Clz:
      return BigInt(ua === 0n ? width : width - ua.toString(2).length);
    case Op.Ctz:
      return ua === 0n ? BigInt(width) : BigInt((ua & -ua).toString(2).length - 1);
    case Op.Popcnt:
      return BigInt(ones(ua));
    case Op.Bswap: {
      let result = 0n;
      for (let i = 0; i < width; i += 8) result = (result << 8n) | ((ua >> BigInt(i)) & 0xffn);
      return wrapInt(from, result);
    }
    case Op.FToBits:
      return wrapInt(type, a);
    case Op.FFromBits:
      return toUnsigned(from, a);
    case Op.FNeg:
      return ua ^ (1n << BigInt(width - 1));
    case Op.FAbs:
      return ua & ~(1n << BigInt(width - 1));
    case Op.FFromS:
      return intToFloat(type, a);
    case Op.FFromU:
      return intToFloat(type, ua);
    case Op.FPromote:
      return Number.isNaN(floatOfBits(from, a)) ? undefined : floatBits(type, floatOfBits(from, a));
    default:
      return undefined;
  }
}

/** Exact conversions only: others round, which is the machine's business. */
function intToFloat(type: Type, value: bigint): bigint | undefined {
  const limit = type === Type.F32 ? 1n << 24n : 1n << 53n;
  if (value > limit || value < -limit) return undefined;
  return floatBits(type, Number(value));
}
