/** Conversions between register values of number types. */
import { intOf, isSpan, type Type } from '../frontend/types.ts';
import type { FunctionBuilder } from '../ir/builder.ts';
import type { Value } from '../ir/ir.ts';
import { Type as IrType, isFloat, Op } from '../ir/types.ts';
import { narrowOp, registerOf } from './ir-types.ts';

/** Brings the result of 32-bit arithmetic into the range of an 8- or 16-bit type. */
export function narrow(b: FunctionBuilder, x: Value, type: Type): Value {
  const op = narrowOp(type);
  return op === undefined ? x : b.unary(op, x);
}

/** The cast `to(x)`. Bool is an unsigned integer of 0 or 1. */
export function cast(b: FunctionBuilder, x: Value, from: Type, to: Type): Value {
  if (from.kind === 'float') return fromFloat(b, x, to);
  const source = intOf(from);
  const signed = source?.signed ?? false;
  const sourceBits = source?.bits ?? 8;
  if (to.kind === 'float') {
    // Unsigned values below 32 bits are non-negative as i32.
    const asSigned = signed || sourceBits < 32;
    return b.unary(asSigned ? Op.FFromS : Op.FFromU, x, registerOf(to));
  }
  const target = intOf(to);
  if (target === undefined) return x;
  if (target.bits === 64) {
    if (x.type === IrType.I64) return x;
    return b.unary(signed ? Op.SExt32 : Op.ZExt32, x, IrType.I64);
  }
  const word = x.type === IrType.I64 ? b.unary(Op.Trunc, x, IrType.I32) : x;
  const fits =
    sourceBits < target.bits
      ? !signed || target.signed
      : sourceBits === target.bits && signed === target.signed;
  return fits ? word : narrow(b, word, to);
}

function fromFloat(b: FunctionBuilder, x: Value, to: Type): Value {
  const register = registerOf(to);
  if (to.kind === 'float') {
    if (register === x.type) return x;
    return b.unary(register === IrType.F64 ? Op.FPromote : Op.FDemote, x, register);
  }
  const signed = intOf(to)?.signed ?? false;
  return narrow(b, b.unary(signed ? Op.FToS : Op.FToU, x, register), to);
}

/** The same bits with another type. Only between floats and integers does anything happen. */
export function retype(b: FunctionBuilder, parts: readonly Value[], from: Type, to: Type): readonly Value[] {
  if (isSpan(from) || isSpan(to)) return parts;
  const [x] = parts;
  if (x === undefined) return parts;
  const register = registerOf(to);
  if (isFloat(x.type) !== isFloat(register)) {
    return [b.unary(isFloat(x.type) ? Op.FToBits : Op.FFromBits, x, register)];
  }
  // The same width with another sign, such as i8 to u8.
  return [intOf(to) !== undefined && intOf(from) !== intOf(to) ? narrow(b, x, to) : x];
}
