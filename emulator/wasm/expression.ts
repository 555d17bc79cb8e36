/**
 * WebAssembly expressions as values: small immutable trees that are folded while they are built and written to a
 * `CodeWriter` afterwards. The meanings of instructions are built of them, so that a translator can look at an
 * expression (is it constant? a compare?) before it writes anything.
 *
 * An expression is pure but for reading locals and memory: whoever keeps one must write it before those change.
 * Used twice it is computed twice.
 */
import type { CodeWriter } from './code.ts';
import { F32, F64, I32, I64, Op, resultType, type ValType } from './opcodes.ts';

export class Expr {
  constructor(
    /** An operator, a load, a constant, `localGet`, `globalGet`, `call` or `select` of `Op`. */
    readonly op: number,
    readonly type: ValType,
    readonly a: Expr | undefined,
    readonly b: Expr | undefined,
    readonly c: Expr | undefined,
    /**
     * Constants: the value (i64: signed; a bigint only beyond ±2^53). Locals, globals and functions: the index.
     * Loads: the static offset.
     */
    readonly value: number | bigint,
  ) {}

  /** Whether this is a constant of any type. */
  get isConst(): boolean {
    return this.op >= Op.i32Const && this.op <= Op.f64Const;
  }
}

const SMALL_MIN = -64;
const SMALL_MAX = 255;
const smallI64: Expr[] = [];
const smallI32: Expr[] = [];
for (let value = SMALL_MIN; value <= SMALL_MAX; value++) {
  smallI64.push(new Expr(Op.i64Const, I64, undefined, undefined, undefined, value));
  smallI32.push(new Expr(Op.i32Const, I32, undefined, undefined, undefined, value));
}

/** An i64 constant; a bigint is taken modulo 2^64, a number must be an integer within ±2^53. */
export function i64(value: number | bigint): Expr {
  if (typeof value === 'bigint') {
    const signed = BigInt.asIntN(64, value);
    const small = Number(signed);
    if (!Number.isSafeInteger(small))
      return new Expr(Op.i64Const, I64, undefined, undefined, undefined, signed);
    value = small;
  }
  if (value >= SMALL_MIN && value <= SMALL_MAX) return smallI64[value - SMALL_MIN]!;
  return new Expr(Op.i64Const, I64, undefined, undefined, undefined, value);
}

/** An i32 constant, signed or unsigned. */
export function i32(value: number): Expr {
  const signed = value | 0;
  if (signed >= SMALL_MIN && signed <= SMALL_MAX) return smallI32[signed - SMALL_MIN]!;
  return new Expr(Op.i32Const, I32, undefined, undefined, undefined, signed);
}

export const f32 = (value: number): Expr =>
  new Expr(Op.f32Const, F32, undefined, undefined, undefined, value);
export const f64 = (value: number): Expr =>
  new Expr(Op.f64Const, F64, undefined, undefined, undefined, value);

export const local = (index: number, type: ValType): Expr =>
  new Expr(Op.localGet, type, undefined, undefined, undefined, index);

export const global = (index: number, type: ValType): Expr =>
  new Expr(Op.globalGet, type, undefined, undefined, undefined, index);

/** A load of memory at `address` (i32) plus `offset`. */
export const load = (op: number, address: Expr, offset = 0): Expr =>
  new Expr(op, resultType(op), address, undefined, undefined, offset);

/** A call of a pure function of one to three arguments. */
export const call = (functionIndex: number, type: ValType, a: Expr, b?: Expr, c?: Expr): Expr =>
  new Expr(Op.call, type, a, b, c, functionIndex);

/** `condition` (i32) ? `a` : `b`, both of which are computed. */
export function select(a: Expr, b: Expr, condition: Expr): Expr {
  if (condition.op === Op.i32Const) return condition.value !== 0 ? a : b;
  return new Expr(Op.select, a.type, a, b, condition, 0);
}

/** An operator of one operand. */
export function un(op: number, a: Expr): Expr {
  switch (op) {
    case Op.i32WrapI64:
      if (a.op === Op.i64Const) return i32(Number(BigInt.asIntN(32, BigInt(a.value))));
      if (a.op === Op.i64ExtendI32S || a.op === Op.i64ExtendI32U) return a.a!;
      break;
    case Op.i64ExtendI32S:
      if (a.op === Op.i32Const) return i64(a.value);
      break;
    case Op.i64ExtendI32U:
      if (a.op === Op.i32Const) return i64(Number(a.value) >>> 0);
      break;
    case Op.f64ReinterpretI64:
      if (a.op === Op.i64ReinterpretF64) return a.a!;
      break;
    case Op.i64ReinterpretF64:
      if (a.op === Op.f64ReinterpretI64) return a.a!;
      break;
    case Op.i64Eqz:
    case Op.i32Eqz:
      if (a.op === Op.i64Const || a.op === Op.i32Const) return i32(Number(a.value) === 0 ? 1 : 0);
      break;
  }
  return new Expr(op, resultType(op), a, undefined, undefined, 0);
}

/** An operator of two operands. */
export function bin(op: number, a: Expr, b: Expr): Expr {
  if (b.op === Op.i64Const || b.op === Op.i32Const) {
    const right = b.value;
    if (a.op === Op.i64Const || a.op === Op.i32Const) {
      const folded = fold(op, a.value, right);
      if (folded !== undefined) return folded;
    } else if (right === 0) {
      switch (op) {
        case Op.i64Add:
        case Op.i64Sub:
        case Op.i64Or:
        case Op.i64Xor:
        case Op.i64Shl:
        case Op.i64ShrS:
        case Op.i64ShrU:
        case Op.i32Add:
        case Op.i32Sub:
        case Op.i32Or:
        case Op.i32Xor:
        case Op.i32Shl:
        case Op.i32ShrS:
        case Op.i32ShrU:
          return a;
        case Op.i64Eq:
          return un(Op.i64Eqz, a);
        case Op.i32Eq:
          return un(Op.i32Eqz, a);
      }
    } else if (right === -1 && (op === Op.i64And || op === Op.i32And)) {
      return a;
    }
  } else if ((a.op === Op.i64Const || a.op === Op.i32Const) && a.value === 0) {
    switch (op) {
      case Op.i64Add:
      case Op.i64Or:
      case Op.i64Xor:
      case Op.i32Add:
      case Op.i32Or:
      case Op.i32Xor:
        return b;
      case Op.i64Eq:
        return un(Op.i64Eqz, b);
    }
  }
  return new Expr(op, resultType(op), a, b, undefined, 0);
}

/** The value of an operator on two integer constants, if it is one of those folded here. */
function fold(op: number, a: number | bigint, b: number | bigint): Expr | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    switch (op) {
      case Op.i64Add:
        if (Number.isSafeInteger(a + b)) return i64(a + b);
        break;
      case Op.i64Sub:
        if (Number.isSafeInteger(a - b)) return i64(a - b);
        break;
      case Op.i32Add:
        return i32(a + b);
      case Op.i32Sub:
        return i32(a - b);
      case Op.i32And:
        return i32(a & b);
      case Op.i32Or:
        return i32(a | b);
      case Op.i32Xor:
        return i32(a ^ b);
      case Op.i32Shl:
        return i32(a << (b & 31));
      case Op.i32ShrS:
        return i32(a >> (b & 31));
      case Op.i32ShrU:
        return i32(a >>> (b & 31));
      case Op.i32Mul:
        return i32(Math.imul(a, b));
      case Op.i32Eq:
      case Op.i64Eq:
        return i32(a === b ? 1 : 0);
      case Op.i32Ne:
      case Op.i64Ne:
        return i32(a !== b ? 1 : 0);
      case Op.i64LtS:
        return i32(a < b ? 1 : 0);
      case Op.i64GeS:
        return i32(a >= b ? 1 : 0);
    }
  }
  switch (op) {
    case Op.i64Add:
      return i64(BigInt(a) + BigInt(b));
    case Op.i64Sub:
      return i64(BigInt(a) - BigInt(b));
    case Op.i64Mul:
      return i64(BigInt(a) * BigInt(b));
    case Op.i64And:
      return i64(BigInt(a) & BigInt(b));
    case Op.i64Or:
      return i64(BigInt(a) | BigInt(b));
    case Op.i64Xor:
      return i64(BigInt(a) ^ BigInt(b));
    case Op.i64Shl:
      return i64(BigInt(a) << (BigInt(b) & 63n));
    case Op.i64ShrS:
      return i64(BigInt(a) >> (BigInt(b) & 63n));
    case Op.i64ShrU:
      return i64(BigInt.asUintN(64, BigInt(a)) >> (BigInt(b) & 63n));
    case Op.i64LtU:
      return i32(BigInt.asUintN(64, BigInt(a)) < BigInt.asUintN(64, BigInt(b)) ? 1 : 0);
    case Op.i64GeU:
      return i32(BigInt.asUintN(64, BigInt(a)) >= BigInt.asUintN(64, BigInt(b)) ? 1 : 0);
  }
  return undefined;
}

/** Writes the instructions that leave the expression's value on the stack. */
export function emit(w: CodeWriter, e: Expr): void {
  if (e.a !== undefined) emit(w, e.a);
  if (e.b !== undefined) emit(w, e.b);
  if (e.c !== undefined) emit(w, e.c);
  const op = e.op;
  if (op >= Op.i32Load && op <= Op.i64Load32U) {
    w.memory(op, e.value as number);
    return;
  }
  switch (op) {
    case Op.i64Const:
      w.i64Const(e.value);
      break;
    case Op.i32Const:
      w.i32Const(e.value as number);
      break;
    case Op.f32Const:
      w.f32Const(e.value as number);
      break;
    case Op.f64Const:
      w.f64Const(e.value as number);
      break;
    case Op.localGet:
      w.localGet(e.value as number);
      break;
    case Op.globalGet:
      w.globalGet(e.value as number);
      break;
    case Op.call:
      w.call(e.value as number);
      break;
    default:
      w.op(op);
  }
}
