/** Simplification of comparisons: decided ones, canonical forms, and what is compared with a constant. */
import type { Value } from '../ir/ir.ts';
import { wrapInt } from '../ir/numbers.ts';
import { bitsOf, Op, Type } from '../ir/types.ts';
import { become, constOf } from './edit.ts';
import { isTruth, knownMask } from './known-bits.ts';
import type { Maker } from './simplify.ts';

export function isInvertible(v: Value): boolean {
  return v.op >= Op.Eq && v.op <= Op.LeU;
}

/** The opposite of an integer comparison. */
export function invert(v: Value, m: Maker): Value {
  const [x, y] = v.args as [Value, Value];
  switch (v.op) {
    case Op.Eq:
      return m.make(Op.Ne, Type.I32, [x, y]);
    case Op.Ne:
      return m.make(Op.Eq, Type.I32, [x, y]);
    case Op.LtS:
      return m.make(Op.LeS, Type.I32, [y, x]);
    case Op.LeS:
      return m.make(Op.LtS, Type.I32, [y, x]);
    case Op.LtU:
      return m.make(Op.LeU, Type.I32, [y, x]);
    default:
      return m.make(Op.LtU, Type.I32, [y, x]);
  }
}

export function simplifyCompare(
  v: Value,
  x: Value,
  y: Value,
  b: bigint | undefined,
  m: Maker,
): Value | undefined {
  const { op } = v;
  if (op >= Op.FEq) return undefined;
  const truth = (value: boolean): Value => m.constant(Type.I32, value ? 1n : 0n);
  if (x === y) return truth(op === Op.Eq || op === Op.LeS || op === Op.LeU);
  const type = x.type;
  if (b === undefined) {
    // Both sides extended the same way compare like the originals.
    const same = x.op === y.op && (x.op === Op.SExt32 || x.op === Op.ZExt32);
    if (same) {
      const unsignedOrder = x.op === Op.ZExt32 && (op === Op.LtS || op === Op.LeS);
      const newOp = unsignedOrder ? (op === Op.LtS ? Op.LtU : Op.LeU) : op;
      return become(v, newOp, [x.args[0]!, y.args[0]!]);
    }
    // 0 < y, unsigned.
    if (op === Op.LtU && constOf(x) === 0n) return become(v, Op.Ne, [y, x]);
    return undefined;
  }
  if (op === Op.Eq || op === Op.Ne) {
    if (isTruth(x) && (b === 0n || b === 1n)) {
      // A truth value compared with a truth value.
      const positive = (op === Op.Ne) === (b === 0n);
      if (positive) return x;
      return isInvertible(x) ? invert(x, m) : undefined;
    }
    if (b === 0n && (x.op === Op.Sub || x.op === Op.Xor)) return become(v, op, [x.args[0]!, x.args[1]!]);
    if (x.op === Op.Add) {
      const c = constOf(x.args[1]);
      if (c !== undefined) return become(v, op, [x.args[0]!, m.constant(type, wrapInt(type, b - c))]);
    }
    if (x.op === Op.SExt32 || x.op === Op.ZExt32) {
      const inner = BigInt.asIntN(32, b);
      const back = x.op === Op.SExt32 ? inner : BigInt.asUintN(32, inner);
      if (back !== b) return truth(op === Op.Ne);
      return become(v, op, [x.args[0]!, m.constant(Type.I32, inner)]);
    }
    if ((BigInt.asUintN(bitsOf(type), b) & ~knownMask(x)) !== 0n) return truth(op === Op.Ne);
    return undefined;
  }
  if (op === Op.LtU && b === 0n) return truth(false);
  if (op === Op.LtU && b === 1n) return become(v, Op.Eq, [x, m.constant(type, 0n)]);
  if (op === Op.LeU && b === 0n) return become(v, Op.Eq, [x, y]);
  // x <= c is x < c + 1 unless that wraps.
  if (op === Op.LeS) {
    if (b === (1n << BigInt(bitsOf(type) - 1)) - 1n) return truth(true);
    return become(v, Op.LtS, [x, m.constant(type, b + 1n)]);
  }
  if (op === Op.LeU) {
    if (b === -1n) return truth(true);
    return become(v, Op.LtU, [x, m.constant(type, wrapInt(type, b + 1n))]);
  }
  const unsigned = BigInt.asUintN(bitsOf(type), b);
  const possible = knownMask(x);
  if (op === Op.LtU && possible < unsigned) return truth(true);
  if (op === Op.LtS && b > 0n && possible < b && possible >> BigInt(bitsOf(type) - 1) === 0n)
    return truth(true);
  if (op === Op.LtS && b <= 0n && possible >> BigInt(bitsOf(type) - 1) === 0n) return truth(false);
  if (x.op === Op.SExt32 && op === Op.LtS && b === BigInt.asIntN(32, b)) {
    return become(v, op, [x.args[0]!, m.constant(Type.I32, b)]);
  }
  if (x.op === Op.ZExt32 && b >= 0n && b <= 0xffff_ffffn) {
    return become(v, Op.LtU, [x.args[0]!, m.constant(Type.I32, b)]);
  }
  return undefined;
}
