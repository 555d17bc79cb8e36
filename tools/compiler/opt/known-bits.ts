/** What is known of the bits of a value from the operations that made it. */
import type { Value } from '../ir/ir.ts';
import { bitsOf, Mem, Op, OpFlag, opFlags, Type } from '../ir/types.ts';
import { constOf } from './edit.ts';

/** Bits that may be set in an integer value. */
export function knownMask(v: Value, depth = 0): bigint {
  const all = (1n << BigInt(bitsOf(v.type))) - 1n;
  if (v.op === Op.Const) return v.imm & all;
  if ((opFlags[v.op]! & OpFlag.Compare) !== 0) return 1n;
  if (depth > 4) return all;
  switch (v.op) {
    case Op.ZExt8:
      return 0xffn & knownMask(v.args[0]!, depth + 1);
    case Op.ZExt16:
      return 0xffffn & knownMask(v.args[0]!, depth + 1);
    case Op.ZExt32:
      return knownMask(v.args[0]!, depth + 1);
    case Op.SExt32: {
      const inner = knownMask(v.args[0]!, depth + 1);
      return inner <= 0x7fff_ffffn ? inner : all;
    }
    case Op.Trunc:
      return knownMask(v.args[0]!, depth + 1) & all;
    case Op.Load:
      return v.mem === Mem.I8U
        ? 0xffn
        : v.mem === Mem.I16U
          ? 0xffffn
          : v.mem === Mem.I32U
            ? 0xffff_ffffn
            : all;
    case Op.And:
      return knownMask(v.args[0]!, depth + 1) & knownMask(v.args[1]!, depth + 1);
    case Op.Or:
    case Op.Xor:
      return knownMask(v.args[0]!, depth + 1) | knownMask(v.args[1]!, depth + 1);
    case Op.Shl: {
      const by = constOf(v.args[1]);
      return by === undefined
        ? all
        : (knownMask(v.args[0]!, depth + 1) << (by & BigInt(bitsOf(v.type) - 1))) & all;
    }
    case Op.ShrU: {
      const by = constOf(v.args[1]);
      if (by === undefined) return all;
      return knownMask(v.args[0]!, depth + 1) >> (by & BigInt(bitsOf(v.type) - 1));
    }
    case Op.Clz:
    case Op.Ctz:
    case Op.Popcnt:
      return 0x7fn;
    case Op.RemU: {
      const by = constOf(v.args[1]);
      if (by === undefined || by <= 0n) return all;
      return (1n << BigInt((by - 1n).toString(2).length)) - 1n;
    }
    case Op.Select:
      return knownMask(v.args[1]!, depth + 1) | knownMask(v.args[2]!, depth + 1);
    case Op.Phi:
      return all;
    default:
      return all;
  }
}

/** An i32 that is 0 or 1. */
export const isTruth = (v: Value): boolean =>
  v.type === Type.I32 &&
  ((opFlags[v.op]! & OpFlag.Compare) !== 0 || (v.op === Op.And && constOf(v.args[1]) === 1n));
