/**
 * Algebraic simplification of one value: constant folding, identities, and the canonical forms that later passes and
 * selection rely on: constants on the right, subtraction of a constant as addition, comparisons as <, ==, != where possible.
 */

import type { Value } from '../ir/ir.ts';
import { wrapInt } from '../ir/numbers.ts';
import { bitsOf, Mem, Op, OpFlag, opFlags, Type } from '../ir/types.ts';
import { become, constOf } from './edit.ts';
import { foldBinary, foldCompare, foldUnary } from './fold.ts';
import { isTruth, knownMask } from './known-bits.ts';
import { invert, isInvertible, simplifyCompare } from './simplify-compare.ts';

/** How `simplify` makes values; they are placed directly before the value that is being simplified. */
export interface Maker {
  constant(type: Type, value: bigint): Value;
  make(op: Op, type: Type, args: Value[]): Value;
}

/** Repeats `simplifyOnce` while it finds something; the value to use instead of `v` (often `v` itself, changed). */
export function simplify(v: Value, m: Maker): Value {
  let value = v;
  for (let i = 0; i < 8; i++) {
    const next = simplifyOnce(value, m);
    if (next === undefined) return value;
    if (next !== value) {
      // Something that already exists has been simplified when it was visited.
      return next;
    }
    value = next;
  }
  return value;
}

function simplifyOnce(v: Value, m: Maker): Value | undefined {
  const { op, args, type } = v;
  const flags = opFlags[op]!;
  if ((flags & OpFlag.Pure) === 0) return op === Op.CondBr ? simplifyBranch(v) : undefined;
  if (args.length === 2) {
    const [x, y] = args as [Value, Value];
    const a = constOf(x);
    const b = constOf(y);
    if (a !== undefined && b !== undefined) {
      const folded =
        (flags & OpFlag.Compare) !== 0 ? foldCompare(op, x.type, a, b) : foldBinary(op, type, a, b);
      if (folded !== undefined) return m.constant(type, folded);
    }
    if ((flags & OpFlag.Commutative) !== 0 && a !== undefined && b === undefined) {
      return become(v, op, [y, x]);
    }
    return (flags & OpFlag.Compare) !== 0 ? simplifyCompare(v, x, y, b, m) : simplifyBinary(v, x, y, b, m);
  }
  if (args.length === 1) {
    const a = constOf(args[0]);
    if (a !== undefined) {
      const folded = foldUnary(op, type, args[0]!.type, a);
      if (folded !== undefined) return m.constant(type, folded);
    }
    return simplifyUnary(v, args[0]!, m);
  }
  if (op === Op.Select) return simplifySelect(v, m);
  return undefined;
}

/** A condition compared with 0 may drop the comparison. */
function simplifyBranch(v: Value): Value | undefined {
  const c = v.args[0]!;
  if ((c.op === Op.Ne || c.op === Op.Eq) && constOf(c.args[1]) === 0n) {
    if (c.op === Op.Ne) {
      v.args = [c.args[0]!];
      return v;
    }
    // Only for truth values: a comparison with zero is a branch of its own otherwise.
    if ((opFlags[c.args[0]!.op]! & OpFlag.Compare) !== 0) {
      v.args = [c.args[0]!];
      v.succs.reverse();
      v.likely = -v.likely;
      return v;
    }
  }
  if (c.op === Op.ZExt8 || c.op === Op.And) {
    const inner = c.args[0]!;
    const mask = c.op === Op.ZExt8 ? 255n : constOf(c.args[1]);
    if (mask !== undefined && (mask & 1n) === 1n && (opFlags[inner.op]! & OpFlag.Compare) !== 0) {
      v.args = [inner];
      return v;
    }
  }
  return undefined;
}

function simplifyBinary(v: Value, x: Value, y: Value, b: bigint | undefined, m: Maker): Value | undefined {
  const { op, type } = v;
  const zero = (): Value => m.constant(type, 0n);
  switch (op) {
    case Op.Add:
      if (b === 0n) return x;
      if (b !== undefined && x.op === Op.Add) {
        const inner = constOf(x.args[1]);
        if (inner !== undefined)
          return become(v, Op.Add, [x.args[0]!, m.constant(type, wrapInt(type, inner + b))]);
      }
      if (
        b !== undefined &&
        (x.op === Op.SymAddr || x.op === Op.SlotAddr) &&
        b > -0x4000_0000n &&
        b < 0x4000_0000n
      ) {
        const address = m.make(x.op, type, []);
        address.sym = x.sym;
        address.slot = x.slot;
        address.off = x.off + Number(b);
        return address;
      }
      // Constants outwards, so that they reach the accesses: (x + c) + y = (x + y) + c.
      if (b === undefined && x.op === Op.Add && constOf(x.args[1]) !== undefined) {
        return become(v, Op.Add, [m.make(Op.Add, type, [x.args[0]!, y]), x.args[1]!]);
      }
      if (b === undefined && y.op === Op.Add && constOf(y.args[1]) !== undefined) {
        return become(v, Op.Add, [m.make(Op.Add, type, [x, y.args[0]!]), y.args[1]!]);
      }
      if (y.op === Op.Sub && y.args[1] === x) return y.args[0];
      if (x.op === Op.Sub && x.args[1] === y) return x.args[0];
      return undefined;
    case Op.Sub:
      if (b !== undefined) return become(v, Op.Add, [x, m.constant(type, wrapInt(type, -b))]);
      if (x === y) return zero();
      if (x.op === Op.Add && x.args[1] === y) return x.args[0];
      if (x.op === Op.Add && x.args[0] === y) return x.args[1];
      return undefined;
    case Op.Mul:
      return simplifyMul(v, x, b, m);
    case Op.And:
      return simplifyAnd(v, x, y, b, m);
    case Op.Or:
      if (b === 0n || x === y) return x;
      if (b === -1n) return y;
      return rotation(v, x, y, m);
    case Op.Xor:
      if (b === 0n) return x;
      if (x === y) return zero();
      if (b === 1n && x.type === Type.I32 && isInvertible(x)) return invert(x, m);
      if (b !== undefined && x.op === Op.Xor) {
        const inner = constOf(x.args[1]);
        if (inner !== undefined) return become(v, Op.Xor, [x.args[0]!, m.constant(type, inner ^ b)]);
      }
      return rotation(v, x, y, m);
    case Op.Shl:
    case Op.ShrS:
    case Op.ShrU:
      return simplifyShift(v, x, b, m);
    case Op.Rotl:
    case Op.Rotr:
      return b === 0n ? x : undefined;
    case Op.DivS:
    case Op.DivU:
    case Op.RemS:
    case Op.RemU:
      return simplifyDivision(v, x, b, m);
    case Op.MinS:
    case Op.MaxS:
    case Op.MinU:
    case Op.MaxU:
      return x === y ? x : undefined;
    default:
      return undefined;
  }
}

function log2(value: bigint, type: Type): number {
  const unsigned = BigInt.asUintN(bitsOf(type), value);
  if (unsigned === 0n || (unsigned & (unsigned - 1n)) !== 0n) return -1;
  return unsigned.toString(2).length - 1;
}

function simplifyMul(v: Value, x: Value, b: bigint | undefined, m: Maker): Value | undefined {
  if (b === undefined) return undefined;
  const { type } = v;
  if (b === 0n) return m.constant(type, 0n);
  if (b === 1n) return x;
  const shift = log2(b, type);
  if (shift >= 0) return become(v, Op.Shl, [x, m.constant(type, BigInt(shift))]);
  if (b === -1n) return become(v, Op.Sub, [m.constant(type, 0n), x]);
  // x * (2^k + 1) and x * (2^k - 1), and 3, 5, 9 times a power of two, by shifts and additions.
  const shl = (value: Value, by: number): Value =>
    m.make(Op.Shl, type, [value, m.constant(type, BigInt(by))]);
  const plus = log2(b - 1n, type);
  if (plus > 0) return become(v, Op.Add, [x, shl(x, plus)]);
  const minus = log2(b + 1n, type);
  if (minus > 0) return become(v, Op.Sub, [shl(x, minus), x]);
  for (const [factor, by] of [
    [3n, 1],
    [5n, 2],
    [9n, 3],
  ] as const) {
    if (b % factor !== 0n) continue;
    const rest = log2(b / factor, type);
    if (rest > 0)
      return become(v, Op.Shl, [m.make(Op.Add, type, [x, shl(x, by)]), m.constant(type, BigInt(rest))]);
  }
  return undefined;
}

function simplifyAnd(v: Value, x: Value, y: Value, b: bigint | undefined, m: Maker): Value | undefined {
  const { type } = v;
  if (b === 0n) return m.constant(type, 0n);
  if (b === -1n || x === y) return x;
  if (b === undefined) return undefined;
  const all = (1n << BigInt(bitsOf(type))) - 1n;
  const mask = b & all;
  const possible = knownMask(x);
  if ((possible & ~mask) === 0n) return x;
  if ((possible & mask) === 0n) return m.constant(type, 0n);
  if (x.op === Op.And) {
    const inner = constOf(x.args[1]);
    if (inner !== undefined) return become(v, Op.And, [x.args[0]!, m.constant(type, inner & b)]);
  }
  // Extensions whose upper bits are masked away.
  if (x.op === Op.ZExt16 || x.op === Op.SExt16 || x.op === Op.SExt8 || x.op === Op.ZExt8) {
    const width = x.op === Op.ZExt16 || x.op === Op.SExt16 ? 0xffffn : 0xffn;
    if ((mask & ~width) === 0n) return become(v, Op.And, [x.args[0]!, y]);
  }
  return undefined;
}

/** (x << c) | (x >>> (n - c)) is a rotation; also with + and ^ in place of |. */
function rotation(v: Value, x: Value, y: Value, m: Maker): Value | undefined {
  const [left, right] = x.op === Op.Shl ? [x, y] : [y, x];
  if (left.op !== Op.Shl || right.op !== Op.ShrU || left.args[0] !== right.args[0]) return undefined;
  const a = constOf(left.args[1]);
  const b = constOf(right.args[1]);
  const width = BigInt(bitsOf(v.type));
  if (a !== undefined && b !== undefined) {
    if (a + b !== width) return undefined;
    return become(v, Op.Rotr, [left.args[0]!, m.constant(v.type, b)]);
  }
  // Variable amounts: y = width - x, or y = -x.
  const complement = (p: Value, q: Value): boolean =>
    p.op === Op.Sub && p.args[1] === q && [0n, width].includes(constOf(p.args[0]) ?? -1n);
  if (complement(right.args[1]!, left.args[1]!)) return become(v, Op.Rotl, [left.args[0]!, left.args[1]!]);
  if (complement(left.args[1]!, right.args[1]!)) return become(v, Op.Rotr, [left.args[0]!, right.args[1]!]);
  return undefined;
}

function simplifyShift(v: Value, x: Value, b: bigint | undefined, m: Maker): Value | undefined {
  if (b === undefined) return undefined;
  const { op, type } = v;
  const width = BigInt(bitsOf(type));
  const by = b & (width - 1n);
  if (by !== b) return become(v, op, [x, m.constant(type, by)]);
  if (by === 0n) return x;
  const inner = constOf(x.args[1]);
  if (x.op === op && inner !== undefined) {
    const sum = by + inner;
    if (sum < width) return become(v, op, [x.args[0]!, m.constant(type, sum)]);
    if (op !== Op.ShrS) return m.constant(type, 0n);
    return become(v, op, [x.args[0]!, m.constant(type, width - 1n)]);
  }
  // Shifts there and back are masks.
  if (op === Op.ShrU && x.op === Op.Shl && inner === by) {
    return become(v, Op.And, [x.args[0]!, m.constant(type, (1n << (width - by)) - 1n)]);
  }
  if (op === Op.Shl && x.op === Op.ShrU && inner === by) {
    return become(v, Op.And, [x.args[0]!, m.constant(type, wrapInt(type, -(1n << by)))]);
  }
  if (op === Op.ShrS && x.op === Op.Shl && inner === by) {
    if (by === width - 8n) return become(v, Op.SExt8, [x.args[0]!]);
    if (by === width - 16n) return become(v, Op.SExt16, [x.args[0]!]);
  }
  if (op === Op.ShrS && knownMask(x) >> (width - 1n) === 0n) return become(v, Op.ShrU, [x, v.args[1]!]);
  if (op === Op.ShrU && knownMask(x) >> by === 0n) return m.constant(type, 0n);
  return undefined;
}

function simplifyDivision(v: Value, x: Value, b: bigint | undefined, m: Maker): Value | undefined {
  const { op, type } = v;
  if (b === undefined || b === 0n) return undefined;
  const signed = op === Op.DivS || op === Op.RemS;
  const isDiv = op === Op.DivS || op === Op.DivU;
  if (b === 1n) return isDiv ? x : m.constant(type, 0n);
  const width = bitsOf(type);
  const shift = log2(b, type);
  const nonNegative = !signed || knownMask(x) >> BigInt(width - 1) === 0n;
  if (shift >= 0 && nonNegative && (b > 0n || !signed)) {
    if (isDiv) return become(v, Op.ShrU, [x, m.constant(type, BigInt(shift))]);
    return become(v, Op.And, [x, m.constant(type, wrapInt(type, (1n << BigInt(shift)) - 1n))]);
  }
  if (signed && shift > 0 && b > 0n) {
    // Rounds towards zero: add 2^k - 1 to negative numbers first.
    const sign = m.make(Op.ShrS, type, [x, m.constant(type, BigInt(width - 1))]);
    const bias = m.make(Op.ShrU, type, [sign, m.constant(type, BigInt(width - shift))]);
    const sum = m.make(Op.Add, type, [x, bias]);
    if (isDiv) return become(v, Op.ShrS, [sum, m.constant(type, BigInt(shift))]);
    const floor = m.make(Op.And, type, [sum, m.constant(type, wrapInt(type, -(1n << BigInt(shift))))]);
    return become(v, Op.Sub, [x, floor]);
  }
  if (b === -1n && signed) {
    return isDiv ? become(v, Op.Sub, [m.constant(type, 0n), x]) : m.constant(type, 0n);
  }
  return undefined;
}

/** Operations whose low 32 bits depend on the low 32 bits of the operands only. */
const narrowable = new Set([Op.Add, Op.Sub, Op.Mul, Op.And, Op.Or, Op.Xor]);

function simplifyUnary(v: Value, x: Value, m: Maker): Value | undefined {
  const { op, type } = v;
  const c1 = constOf(x.args[1]);
  switch (op) {
    case Op.Trunc:
      if (x.op === Op.SExt32 || x.op === Op.ZExt32) return x.args[0];
      if (narrowable.has(x.op)) {
        const narrow = (arg: Value): Value => {
          const c = constOf(arg);
          if (c !== undefined) return m.constant(Type.I32, BigInt.asIntN(32, c));
          return arg.op === Op.SExt32 || arg.op === Op.ZExt32
            ? arg.args[0]!
            : m.make(Op.Trunc, Type.I32, [arg]);
        };
        // Worth it when an operand was narrow to begin with.
        const helps = x.args.some(
          (arg) => arg.op === Op.Const || arg.op === Op.SExt32 || arg.op === Op.ZExt32,
        );
        if (helps) return become(v, x.op, x.args.map(narrow));
      }
      if (x.op === Op.Shl && c1 !== undefined && c1 < 32n) {
        const inner = x.args[0]!;
        if (inner.op === Op.SExt32 || inner.op === Op.ZExt32) {
          return become(v, Op.Shl, [inner.args[0]!, m.constant(Type.I32, c1)]);
        }
      }
      if (
        (x.op === Op.ZExt8 || x.op === Op.ZExt16 || x.op === Op.SExt8 || x.op === Op.SExt16) &&
        type === Type.I32
      ) {
        return become(v, x.op, [m.make(Op.Trunc, Type.I32, [x.args[0]!])]);
      }
      return undefined;
    case Op.ZExt8:
    case Op.ZExt16:
    case Op.SExt8:
    case Op.SExt16: {
      const isByte = op === Op.ZExt8 || op === Op.SExt8;
      const mask = isByte ? 0xffn : 0xffffn;
      const isZero = op === Op.ZExt8 || op === Op.ZExt16;
      const possible = knownMask(x);
      if (isZero ? possible <= mask : possible <= mask >> 1n) return x;
      if (x.op === op) return x;
      if (isByte && (x.op === Op.ZExt16 || x.op === Op.SExt16 || x.op === Op.ZExt8 || x.op === Op.SExt8)) {
        return become(v, op, [x.args[0]!]);
      }
      if (!isByte && (x.op === Op.ZExt16 || x.op === Op.SExt16)) return become(v, op, [x.args[0]!]);
      if (x.op === Op.And && c1 !== undefined && (c1 & mask) === mask) return become(v, op, [x.args[0]!]);
      if (x.op === Op.Load && !isZero && loadIs(x, isByte ? Mem.I8S : Mem.I16S)) return x;
      return undefined;
    }
    case Op.SExt32:
    case Op.ZExt32:
      if (x.op === Op.Trunc) {
        const wide = x.args[0]!;
        const possible = knownMask(wide);
        if (op === Op.ZExt32 ? possible <= 0xffff_ffffn : possible <= 0x7fff_ffffn) return wide;
        if (op === Op.ZExt32) return become(v, Op.And, [wide, m.constant(Type.I64, 0xffff_ffffn)]);
        if (wide.op === Op.Load && wide.mem === Mem.I32) return wide;
      }
      return undefined;
    case Op.FNeg:
      return x.op === Op.FNeg ? x.args[0] : undefined;
    case Op.Bswap:
      return x.op === Op.Bswap ? x.args[0] : undefined;
    case Op.FToBits:
      return x.op === Op.FFromBits && x.args[0]!.type === type ? x.args[0] : undefined;
    case Op.FFromBits:
      return x.op === Op.FToBits && x.args[0]!.type === type ? x.args[0] : undefined;
    default:
      return undefined;
  }
}

const loadIs = (load: Value, mem: Mem): boolean => load.mem === mem;

function simplifySelect(v: Value, m: Maker): Value | undefined {
  const [c, x, y] = v.args as [Value, Value, Value];
  const condition = constOf(c);
  if (condition !== undefined) return condition !== 0n ? x : y;
  if (x === y) return x;
  if (c.op === Op.Ne && constOf(c.args[1]) === 0n) return become(v, Op.Select, [c.args[0]!, x, y]);
  if (c.op === Op.Eq && constOf(c.args[1]) === 0n && c.args[0]!.type !== Type.Void) {
    return become(v, Op.Select, [c.args[0]!, y, x]);
  }
  const a = constOf(x);
  const b = constOf(y);
  if (v.type === Type.I32 && isTruth(c)) {
    if (a === 1n && b === 0n) return c;
    if (a === 0n && b === 1n && isInvertible(c)) return invert(c, m);
  }
  if (isTruth(c) && (v.type === Type.I32 || v.type === Type.I64)) {
    const wide = (value: Value): Value =>
      v.type === Type.I64 ? m.make(Op.SExt32, Type.I64, [value]) : value;
    // c ? y + 1 : y, and c ? x : 0.
    if (x.op === Op.Add && x.args[0] === y && constOf(x.args[1]) === 1n)
      return become(v, Op.Add, [y, wide(c)]);
    if (x.op === Op.Add && x.args[0] === y && constOf(x.args[1]) === -1n)
      return become(v, Op.Sub, [y, wide(c)]);
    if (a !== undefined && b !== undefined) {
      const difference = wrapInt(v.type, a - b);
      const shift = log2(difference, v.type);
      if (shift >= 0 && shift < 31) {
        const scaled =
          shift === 0 ? wide(c) : m.make(Op.Shl, v.type, [wide(c), m.constant(v.type, BigInt(shift))]);
        return become(v, Op.Add, [scaled, y]);
      }
    }
    if (b === 0n && a === undefined) {
      const mask = m.make(Op.Sub, v.type, [m.constant(v.type, 0n), wide(c)]);
      return become(v, Op.And, [x, mask]);
    }
  }
  return minMax(v, c, x, y, m);
}

function minMax(v: Value, c: Value, x: Value, y: Value, _m: Maker): Value | undefined {
  if (c.op !== Op.LtS && c.op !== Op.LtU && c.op !== Op.LeS && c.op !== Op.LeU) return undefined;
  if (c.args[0]!.type !== v.type) return undefined;
  const signed = c.op === Op.LtS || c.op === Op.LeS;
  const [p, q] = c.args;
  if (p === x && q === y) return become(v, signed ? Op.MinS : Op.MinU, [x, y]);
  if (p === y && q === x) return become(v, signed ? Op.MaxS : Op.MaxU, [x, y]);
  // x < c ? x : c with constants that differ by the rewriting of <=.
  const bound = constOf(q);
  const other = constOf(y);
  if (c.op === Op.LtS && p === x && bound !== undefined && other === bound - 1n) {
    return become(v, Op.MinS, [x, y]);
  }
  const otherX = constOf(x);
  if (c.op === Op.LtS && p === y && bound !== undefined && otherX === bound)
    return become(v, Op.MaxS, [y, x]);
  return undefined;
}
