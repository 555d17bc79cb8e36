/**
 * Rewrites that a general optimiser of WebAssembly does not find, because RISC-V keeps 32-bit values sign-extended
 * in 64-bit registers: logic on two extended words stays 32 bits wide (so that a rotate made of `srliw`, `slliw` and
 * `or` becomes a rotate), and pairs of shifts become extensions and masks.
 */
import { bin, type Expr, i32, i64, un } from '../../wasm/expression.ts';
import { Op } from '../../wasm/opcodes.ts';

const LOGIC: ReadonlyMap<number, number> = new Map([
  [Op.i64And, Op.i32And],
  [Op.i64Or, Op.i32Or],
  [Op.i64Xor, Op.i32Xor],
]);

/** The i32 of which an i64 is the sign extension, if that can be seen. */
function signedWord(value: Expr): Expr | undefined {
  if (value.op === Op.i64ExtendI32S) return value.a;
  if (value.op === Op.i64Const && typeof value.value === 'number' && (value.value | 0) === value.value)
    return i32(value.value);
  return undefined;
}

/** The i32 of which an i64 is the zero extension, if that can be seen. */
function unsignedWord(value: Expr): Expr | undefined {
  if (value.op === Op.i64ExtendI32U) return value.a;
  if (
    value.op === Op.i64Const &&
    typeof value.value === 'number' &&
    value.value >= 0 &&
    value.value < 2 ** 31
  )
    return i32(value.value);
  return undefined;
}

/** The same value, computed in 32 bits and extended where both operands are extended words. */
export function narrowed(value: Expr): Expr {
  const op = LOGIC.get(value.op);
  if (op === undefined) return value;
  for (const [word, extend] of [
    [signedWord, Op.i64ExtendI32S],
    [unsignedWord, Op.i64ExtendI32U],
  ] as const) {
    const a = word(value.a!);
    const b = word(value.b!);
    if (a === undefined || b === undefined) continue;
    return un(extend, bin(op, a, b));
  }
  return value;
}

/** Comparisons of 64 bits and those of 32 bits that say the same of sign-extended words, which keep both orders. */
const COMPARISONS: ReadonlyMap<number, number> = new Map([
  [Op.i64Eq, Op.i32Eq],
  [Op.i64Ne, Op.i32Ne],
  [Op.i64LtS, Op.i32LtS],
  [Op.i64GeS, Op.i32GeS],
  [Op.i64LtU, Op.i32LtU],
  [Op.i64GeU, Op.i32GeU],
]);

/** The same condition, compared in 32 bits where both sides are extended words. */
export function narrowedCondition(condition: Expr): Expr {
  if (condition.op === Op.i64Eqz) {
    const word = signedWord(condition.a!) ?? unsignedWord(condition.a!);
    return word === undefined ? condition : un(Op.i32Eqz, word);
  }
  const op = COMPARISONS.get(condition.op);
  if (op === undefined) return condition;
  const a = signedWord(condition.a!);
  const b = signedWord(condition.b!);
  return a === undefined || b === undefined ? condition : bin(op, a, b);
}

/** `(x << left) >> right`, logically or arithmetically, of two shifts through one register. */
export function shiftPair(x: Expr, left: number, right: number, arithmetic: boolean): Expr {
  const word = un(Op.i32WrapI64, x);
  if (left === 32 && right <= 32) {
    const extended = un(arithmetic ? Op.i64ExtendI32S : Op.i64ExtendI32U, word);
    return bin(Op.i64Shl, extended, i64(32 - right));
  }
  if (left === right && arithmetic) {
    if (left === 56) return un(Op.i64Extend8S, x);
    if (left === 48) return un(Op.i64Extend16S, x);
  }
  if (left === right && !arithmetic && left > 0)
    return bin(Op.i64And, x, i64((1n << BigInt(64 - left)) - 1n));
  return bin(arithmetic ? Op.i64ShrS : Op.i64ShrU, bin(Op.i64Shl, x, i64(left)), i64(right));
}
