/**
 * Selection of operations that compute: integer arithmetic with the immediate forms and the Zba, Zbb and Zbs
 * combinations, comparisons, conversions, floating point.
 */
import type { Value } from '../ir/ir.ts';
import { Op, OpFlag, Type } from '../ir/types.ts';
import { M } from './mir.ts';
import { constOf, fitsImm, isNonNegative, type Selector } from './selector.ts';

/** Register-register instruction by operation: [64-bit, 32-bit]. */
const plain = new Map<Op, readonly [M, M]>([
  [Op.Add, [M.ADD, M.ADDW]],
  [Op.Sub, [M.SUB, M.SUBW]],
  [Op.Mul, [M.MUL, M.MULW]],
  [Op.MulHS, [M.MULH, M.MULH]],
  [Op.MulHU, [M.MULHU, M.MULHU]],
  [Op.DivS, [M.DIV, M.DIVW]],
  [Op.DivU, [M.DIVU, M.DIVUW]],
  [Op.RemS, [M.REM, M.REMW]],
  [Op.RemU, [M.REMU, M.REMUW]],
  [Op.And, [M.AND, M.AND]],
  [Op.Or, [M.OR, M.OR]],
  [Op.Xor, [M.XOR, M.XOR]],
  [Op.Shl, [M.SLL, M.SLLW]],
  [Op.ShrS, [M.SRA, M.SRAW]],
  [Op.ShrU, [M.SRL, M.SRLW]],
  [Op.Rotl, [M.ROL, M.ROLW]],
  [Op.Rotr, [M.ROR, M.RORW]],
  [Op.MinS, [M.MIN, M.MIN]],
  [Op.MaxS, [M.MAX, M.MAX]],
  [Op.MinU, [M.MINU, M.MINU]],
  [Op.MaxU, [M.MAXU, M.MAXU]],
]);

/** Operations whose W form looks at the low 32 bits of both operands only. */
const readsLow32 = new Set([
  Op.Add,
  Op.Sub,
  Op.Mul,
  Op.DivS,
  Op.DivU,
  Op.RemS,
  Op.RemU,
  Op.Shl,
  Op.ShrS,
  Op.ShrU,
  Op.Rotl,
  Op.Rotr,
]);

/** Register-immediate shifts: [64-bit, 32-bit]. */
const shiftImmediate = new Map<Op, readonly [M, M]>([
  [Op.Shl, [M.SLLI, M.SLLIW]],
  [Op.ShrS, [M.SRAI, M.SRAIW]],
  [Op.ShrU, [M.SRLI, M.SRLIW]],
  [Op.Rotr, [M.RORI, M.RORIW]],
]);

const isShift = (op: Op): boolean => (op >= Op.Shl && op <= Op.ShrU) || op === Op.Rotl || op === Op.Rotr;

/** Position of the only set bit of a 64-bit constant, or -1. */
function singleBit(value: bigint): number {
  const unsigned = BigInt.asUintN(64, value);
  if (unsigned === 0n || (unsigned & (unsigned - 1n)) !== 0n) return -1;
  return unsigned.toString(2).length - 1;
}

/** `value` = `not` x: gives x. */
function inverted(value: Value): Value | undefined {
  return value.op === Op.Xor && constOf(value.args[1]!) === -1n ? value.args[0]! : undefined;
}

/** The operand of `value` = 1 << amount (i64), as the amount. */
function oneShifted(value: Value): Value | undefined {
  if (value.op !== Op.Shl || value.type !== Type.I64 || constOf(value.args[0]!) !== 1n) return undefined;
  return value.args[1]!;
}

export function selectArithmetic(s: Selector, inst: Value): void {
  if (inst.op >= Op.FAdd && inst.op <= Op.FFromBits) {
    selectFloat(s, inst);
    return;
  }
  const wide = inst.type === Type.I64;
  if (selectCombined(s, inst, wide)) return;
  const pair = plain.get(inst.op);
  if (pair !== undefined) {
    const op = pair[wide ? 0 : 1];
    const [x, y] = inst.args as [Value, Value];
    const amount = isShift(inst.op) ? shiftAmount(y, wide) : y;
    const low = !wide && readsLow32.has(inst.op);
    const rd = s.result(inst);
    if (inst.op === Op.MulHU && !wide) {
      // The upper half of a 32-bit product: both operands to 64 bits, zero-extended.
      const [a, b, product] = [s.newInt(), s.newInt(), s.newInt()];
      s.emit(M.ADD_UW, a, s.use(x), 0);
      s.emit(M.ADD_UW, b, s.use(y), 0);
      s.emit(M.MUL, product, a, b);
      s.emit(M.SRAI, rd, product, -1, 32);
    } else if (inst.op === Op.MulHS && !wide) {
      const product = s.newInt();
      s.emit(M.MUL, product, s.use(x), s.use(y));
      s.emit(M.SRAI, rd, product, -1, 32);
    } else {
      s.emit(op, rd, low ? s.useLow32(x) : s.use(x), low || isShift(inst.op) ? s.useLow32(amount) : s.use(y));
    }
    return;
  }
  selectUnary(s, inst, wide);
}

/** The shift amount without operations that keep its low bits. */
function shiftAmount(amount: Value, wide: boolean): Value {
  let a = amount;
  const mask = wide ? 63n : 31n;
  for (;;) {
    const c = a.op === Op.And ? constOf(a.args[1]!) : undefined;
    if (c !== undefined && (c & mask) === mask) a = a.args[0]!;
    else if (a.op >= Op.SExt8 && a.op <= Op.Trunc) a = a.args[0]!;
    else return a;
  }
}

/** Immediate forms and instructions that do two operations at once. True when something was emitted. */
function selectCombined(s: Selector, inst: Value, wide: boolean): boolean {
  const { op, args } = inst;
  const [x, y] = args as [Value, Value];
  const rd = s.result(inst);
  const c = y === undefined ? undefined : constOf(y);
  switch (op) {
    case Op.Add:
      if (c !== undefined && fitsImm(c)) {
        s.emit(wide ? M.ADDI : M.ADDIW, rd, wide ? s.use(x) : s.useLow32(x), -1, Number(c));
        return true;
      }
      return wide && (selectShiftAdd(s, rd, x, y) || selectShiftAdd(s, rd, y, x));
    case Op.Sub:
      if (c !== undefined && fitsImm(-c)) {
        s.emit(wide ? M.ADDI : M.ADDIW, rd, wide ? s.use(x) : s.useLow32(x), -1, Number(-c));
        return true;
      }
      return false;
    case Op.And:
      return selectAnd(s, inst, rd, c);
    case Op.Or:
    case Op.Xor:
      return selectOrXor(s, inst, rd, c);
    case Op.Shl:
    case Op.ShrS:
    case Op.ShrU:
    case Op.Rotl:
    case Op.Rotr: {
      if (c === undefined) {
        if (op === Op.Shl && wide && constOf(x) === 1n) {
          s.emit(M.BSET, rd, 0, s.useLow32(shiftAmount(y, true)));
          return true;
        }
        return false;
      }
      const width = wide ? 64n : 32n;
      const amount = Number((op === Op.Rotl ? width - (c & (width - 1n)) : c) & (width - 1n));
      if (op === Op.Shl && wide && x.op === Op.ZExt32 && !isNonNegative(x.args[0]!)) {
        s.emit(M.SLLI_UW, rd, s.use(x.args[0]!), -1, amount);
        return true;
      }
      const pair = shiftImmediate.get(op === Op.Rotl ? Op.Rotr : op)!;
      s.emit(pair[wide ? 0 : 1], rd, wide ? s.use(x) : s.useLow32(x), -1, amount);
      return true;
    }
    default:
      if (op >= Op.Eq && op <= Op.LeU) {
        selectCompare(s, inst, rd, c);
        return true;
      }
      return false;
  }
}

/** x + (y << k), with y possibly zero-extended from 32 bits. */
function selectShiftAdd(s: Selector, rd: number, x: Value, y: Value): boolean {
  let k = 0;
  let scaled = y;
  if (y.op === Op.Shl) {
    const amount = constOf(y.args[1]!);
    if (amount === undefined || amount < 1n || amount > 3n) return false;
    k = Number(amount);
    scaled = y.args[0]!;
  }
  const narrow = scaled.op === Op.ZExt32 && !isNonNegative(scaled.args[0]!);
  if (k === 0 && !narrow) return false;
  const ops = narrow
    ? [M.ADD_UW, M.SH1ADD_UW, M.SH2ADD_UW, M.SH3ADD_UW]
    : [M.ADD, M.SH1ADD, M.SH2ADD, M.SH3ADD];
  s.emit(ops[k]!, rd, narrow ? s.useLow32(scaled.args[0]!) : s.use(scaled), s.use(x));
  return true;
}

function selectAnd(s: Selector, inst: Value, rd: number, c: bigint | undefined): boolean {
  const [x, y] = inst.args as [Value, Value];
  const wide = inst.type === Type.I64;
  if (c === undefined) {
    for (const [a, b] of [
      [x, y],
      [y, x],
    ] as const) {
      const other = inverted(b);
      if (other === undefined) continue;
      const amount = wide ? oneShifted(other) : undefined;
      if (amount !== undefined) s.emit(M.BCLR, rd, s.use(a), s.useLow32(shiftAmount(amount, true)));
      else s.emit(M.ANDN, rd, s.use(a), s.use(other));
      return true;
    }
    return false;
  }
  if (c === 1n && x.op === Op.ShrU && wide) {
    const amount = constOf(x.args[1]!);
    if (amount !== undefined) s.emit(M.BEXTI, rd, s.use(x.args[0]!), -1, Number(amount & 63n));
    else s.emit(M.BEXT, rd, s.use(x.args[0]!), s.useLow32(shiftAmount(x.args[1]!, true)));
    return true;
  }
  if (c === 1n && (x.op === Op.ShrU || x.op === Op.ShrS) && !wide) {
    const amount = constOf(x.args[1]!);
    if (amount !== undefined) {
      s.emit(M.BEXTI, rd, s.useLow32(x.args[0]!), -1, Number(amount & 31n));
      return true;
    }
  }
  if (fitsImm(c)) {
    s.emit(M.ANDI, rd, s.use(x), -1, Number(c));
    return true;
  }
  if (c === 0xffffn) {
    s.emit(M.ZEXT_H, rd, s.useLow32(x));
    return true;
  }
  if (c === 0xffff_ffffn && wide) {
    s.emit(M.ADD_UW, rd, s.useLow32(x), 0);
    return true;
  }
  const cleared = singleBit(~c);
  if (cleared >= 0 && (wide || cleared < 31)) {
    s.emit(M.BCLRI, rd, s.use(x), -1, cleared);
    return true;
  }
  const ones = lowOnes(c);
  if (wide && ones > 0) {
    // A mask of low ones: two shifts instead of a constant and an AND, unless the constant is shared.
    const temp = s.newInt();
    s.emit(M.SLLI, temp, s.use(x), -1, 64 - ones);
    s.emit(M.SRLI, rd, temp, -1, 64 - ones);
    return s.block.depth === 0 || undoLast(s);
  }
  return false;
}

/** In loops a constant in a register is cheaper than two shifts: take back the two instructions. */
function undoLast(s: Selector): boolean {
  s.dropLast(2);
  return false;
}

/** n when `c` = 2^n - 1, else 0. */
function lowOnes(c: bigint): number {
  return c > 0n && (c & (c + 1n)) === 0n ? c.toString(2).length : 0;
}

function selectOrXor(s: Selector, inst: Value, rd: number, c: bigint | undefined): boolean {
  const [x, y] = inst.args as [Value, Value];
  const isOr = inst.op === Op.Or;
  const wide = inst.type === Type.I64;
  if (c !== undefined) {
    if (fitsImm(c)) {
      s.emit(isOr ? M.ORI : M.XORI, rd, s.use(x), -1, Number(c));
      return true;
    }
    const bit = singleBit(c);
    if (bit >= 0) {
      s.emit(isOr ? M.BSETI : M.BINVI, rd, s.use(x), -1, bit);
      return true;
    }
    return false;
  }
  for (const [a, b] of [
    [x, y],
    [y, x],
  ] as const) {
    const amount = wide ? oneShifted(b) : undefined;
    if (amount !== undefined) {
      s.emit(isOr ? M.BSET : M.BINV, rd, s.use(a), s.useLow32(shiftAmount(amount, true)));
      return true;
    }
    const other = inverted(b);
    if (other !== undefined) {
      s.emit(isOr ? M.ORN : M.XNOR, rd, s.use(a), s.use(other));
      return true;
    }
  }
  return false;
}

function selectCompare(s: Selector, inst: Value, rd: number, c: bigint | undefined): void {
  const [x, y] = inst.args as [Value, Value];
  const not = (make: (to: number) => void): void => {
    const temp = s.newInt();
    make(temp);
    s.emit(M.XORI, rd, temp, -1, 1);
  };
  switch (inst.op) {
    case Op.Eq:
    case Op.Ne: {
      let difference = s.use(x);
      if (c !== 0n) {
        const temp = s.newInt();
        if (c !== undefined && fitsImm(-c)) s.emit(M.ADDI, temp, difference, -1, Number(-c));
        else s.emit(M.XOR, temp, difference, s.use(y));
        difference = temp;
      }
      if (inst.op === Op.Eq) s.emit(M.SLTIU, rd, difference, -1, 1);
      else s.emit(M.SLTU, rd, 0, difference);
      return;
    }
    case Op.LtS:
    case Op.LtU: {
      const signed = inst.op === Op.LtS;
      if (c !== undefined && fitsImm(c)) s.emit(signed ? M.SLTI : M.SLTIU, rd, s.use(x), -1, Number(c));
      else s.emit(signed ? M.SLT : M.SLTU, rd, s.use(x), s.use(y));
      return;
    }
    default: {
      const signed = inst.op === Op.LeS;
      // x ≤ c is x < c + 1, unless that wraps.
      if (c !== undefined && fitsImm(c + 1n) && (signed || c !== -1n)) {
        s.emit(signed ? M.SLTI : M.SLTIU, rd, s.use(x), -1, Number(c + 1n));
      } else not((to) => s.emit(signed ? M.SLT : M.SLTU, to, s.use(y), s.use(x)));
    }
  }
}

function selectUnary(s: Selector, inst: Value, wide: boolean): void {
  const x = inst.args[0]!;
  const rd = s.result(inst);
  switch (inst.op) {
    case Op.Clz:
      s.emit(wide ? M.CLZ : M.CLZW, rd, wide ? s.use(x) : s.useLow32(x));
      return;
    case Op.Ctz:
      s.emit(wide ? M.CTZ : M.CTZW, rd, wide ? s.use(x) : s.useLow32(x));
      return;
    case Op.Popcnt:
      s.emit(wide ? M.CPOP : M.CPOPW, rd, wide ? s.use(x) : s.useLow32(x));
      return;
    case Op.Bswap:
      if (wide) s.emit(M.REV8, rd, s.use(x));
      else {
        const temp = s.newInt();
        s.emit(M.REV8, temp, s.useLow32(x));
        s.emit(M.SRAI, rd, temp, -1, 32);
      }
      return;
    case Op.SExt8:
      s.emit(M.SEXT_B, rd, s.useLow32(x));
      return;
    case Op.SExt16:
      s.emit(M.SEXT_H, rd, s.useLow32(x));
      return;
    case Op.ZExt8:
      s.emit(M.ANDI, rd, s.useLow32(x), -1, 255);
      return;
    case Op.ZExt16:
      s.emit(M.ZEXT_H, rd, s.useLow32(x));
      return;
    case Op.ZExt32:
      s.emit(M.ADD_UW, rd, s.useLow32(x), 0);
      return;
    case Op.SExt32:
      // Reached only through results asked for by name (edge parameters never are extensions).
      s.emit(M.Mv, rd, s.use(x));
      return;
    case Op.Trunc:
      s.emit(M.ADDIW, rd, s.useLow32(x), -1, 0);
      return;
    case Op.Undef:
      if (inst.type === Type.F32 || inst.type === Type.F64) {
        s.emit(inst.type === Type.F32 ? M.FMV_W_X : M.FMV_D_X, rd, 0);
      }
      return;
    case Op.Const:
    case Op.SymAddr:
      return;
    default:
      throw new Error(`no instruction for ${Op[inst.op]}`);
  }
}

/** Floating-point instruction pairs [f32, f64] by operation. */
const floatPairs = new Map<Op, readonly [M, M]>([
  [Op.FAdd, [M.FADD_S, M.FADD_D]],
  [Op.FSub, [M.FSUB_S, M.FSUB_D]],
  [Op.FMul, [M.FMUL_S, M.FMUL_D]],
  [Op.FDiv, [M.FDIV_S, M.FDIV_D]],
  [Op.FMin, [M.FMIN_S, M.FMIN_D]],
  [Op.FMax, [M.FMAX_S, M.FMAX_D]],
  [Op.FCopysign, [M.FSGNJ_S, M.FSGNJ_D]],
  [Op.FSqrt, [M.FSQRT_S, M.FSQRT_D]],
  [Op.FEq, [M.FEQ_S, M.FEQ_D]],
  [Op.FLt, [M.FLT_S, M.FLT_D]],
  [Op.FLe, [M.FLE_S, M.FLE_D]],
]);

/** Rounding mode towards zero, in `imm` of a conversion to integer. */
const RTZ = 1;

function selectFloat(s: Selector, inst: Value): void {
  const { op, args } = inst;
  const x = args[0]!;
  const rd = s.result(inst);
  const double = (inst.has(OpFlag.Compare) ? x.type : inst.type) === Type.F64;
  switch (op) {
    case Op.FMA:
      s.emit(double ? M.FMADD_D : M.FMADD_S, rd, s.use(x), s.use(args[1]!)).rs3 = s.use(args[2]!);
      return;
    case Op.FNeg:
      s.emit(double ? M.FSGNJN_D : M.FSGNJN_S, rd, s.use(x), s.use(x));
      return;
    case Op.FAbs:
      s.emit(double ? M.FSGNJX_D : M.FSGNJX_S, rd, s.use(x), s.use(x));
      return;
    case Op.FFromS:
    case Op.FFromU: {
      const base = double ? M.FCVT_D_W : M.FCVT_S_W;
      const from = (x.type === Type.I64 ? 2 : 0) + (op === Op.FFromU ? 1 : 0);
      s.emit((base + from) as M, rd, s.use(x));
      return;
    }
    case Op.FToS:
    case Op.FToU: {
      const base = x.type === Type.F64 ? M.FCVT_W_D : M.FCVT_W_S;
      const to = (inst.type === Type.I64 ? 2 : 0) + (op === Op.FToU ? 1 : 0);
      s.emit((base + to) as M, rd, s.use(x), -1, RTZ);
      return;
    }
    case Op.FPromote:
      s.emit(M.FCVT_D_S, rd, s.use(x));
      return;
    case Op.FDemote:
      s.emit(M.FCVT_S_D, rd, s.use(x));
      return;
    case Op.FToBits:
      s.emit(inst.type === Type.I64 ? M.FMV_X_D : M.FMV_X_W, rd, s.use(x));
      return;
    case Op.FFromBits:
      s.emit(double ? M.FMV_D_X : M.FMV_W_X, rd, s.use(x));
      return;
    default: {
      const pair = floatPairs.get(op)!;
      s.emit(pair[double ? 1 : 0], rd, s.use(x), args.length > 1 ? s.use(args[1]!) : -1);
    }
  }
}
