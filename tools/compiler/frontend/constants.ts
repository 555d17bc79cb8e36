/**
 * Constants: making them, and folding operators on them. Every operator whose operands are constants is folded as
 * soon as it is checked, so "is this a constant expression?" is "is this a constant?". Untyped constants are exact
 * integers of any size, or doubles; typed ones wrap as the machine does.
 */
import type * as ts from 'typescript';
import type { BinaryOp, CompareOp, ConstExpr, Expr, FloatExpr, StrExpr } from './tree.ts';
import { BOOL, intOf, isUntyped, type Type, UNTYPED_FLOAT, UNTYPED_INT, VOID, wrapInt } from './types.ts';

export const constant = (node: ts.Node, type: Type, value: bigint, wraps = false): ConstExpr => ({
  kind: 'const',
  node,
  type,
  value,
  wraps,
});
/** The value of something that is checked at compile time only. */
export const nothing = (node: ts.Node): ConstExpr => constant(node, VOID, 0n);
export const bool = (node: ts.Node, value: boolean): ConstExpr => constant(node, BOOL, value ? 1n : 0n);
export const float = (node: ts.Node, type: Type, value: number): FloatExpr => ({
  kind: 'float',
  node,
  type,
  value: type.kind === 'float' && type.bits === 32 ? Math.fround(value) : value,
});

export const isConstant = (expr: Expr): expr is ConstExpr | FloatExpr | StrExpr =>
  expr.kind === 'const' || expr.kind === 'float' || expr.kind === 'str';

/** The value of an integer constant, exact: from the text of a literal. */
export function parseInteger(text: string): bigint {
  return BigInt(text.replaceAll('_', ''));
}

/** Truncated and wrapped as RISC-V's DIV and REM define the cases without a mathematical result. */
function divide(left: bigint, right: bigint, remainder: boolean): bigint {
  if (right === 0n) return remainder ? left : -1n;
  return remainder ? left % right : left / right;
}

function integerOp(op: BinaryOp, type: Type, left: bigint, right: bigint): bigint | undefined {
  const int = intOf(type);
  const count = int === undefined ? right : BigInt.asUintN(int.bits === 64 ? 6 : 5, right) % BigInt(int.bits);
  switch (op) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return divide(left, right, false);
    case '%':
      return divide(left, right, true);
    case '&':
      return left & right;
    case '|':
      return left | right;
    case '^':
      return left ^ right;
    case '<<':
      return count < 0n || count > 4096n ? undefined : left << count;
    case '>>':
      return count < 0n ? undefined : left >> count;
    case '>>>':
      if (int === undefined) return left < 0n || count < 0n ? undefined : left >> count;
      return BigInt.asUintN(int.bits, left) >> count;
  }
}

function floatOp(op: BinaryOp, left: number, right: number): number | undefined {
  switch (op) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
    default:
      return undefined;
  }
}

/** `left op right` when both are constants of `type`, otherwise undefined. */
export function foldBinary(
  node: ts.Node,
  op: BinaryOp,
  type: Type,
  left: Expr,
  right: Expr,
): ConstExpr | FloatExpr | undefined {
  if (left.kind === 'const' && right.kind === 'const') {
    const value = integerOp(op, type, left.value, right.value);
    if (value === undefined) return undefined;
    const int = intOf(type);
    if (type.kind === 'bool') return constant(node, type, value & 1n);
    return constant(node, type, int === undefined ? value : wrapInt(int, value), left.wraps || right.wraps);
  }
  if (type.kind !== 'float' && type.kind !== 'untypedFloat') return undefined;
  const a = floatValue(left);
  const b = floatValue(right);
  if (a === undefined || b === undefined) return undefined;
  const value = floatOp(op, a, b);
  return value === undefined ? undefined : float(node, type, value);
}

const floatValue = (expr: Expr): number | undefined =>
  expr.kind === 'float' ? expr.value : expr.kind === 'const' ? Number(expr.value) : undefined;

export function foldCompare(node: ts.Node, op: CompareOp, left: Expr, right: Expr): ConstExpr | undefined {
  let a: bigint | number;
  let b: bigint | number;
  if (left.kind === 'const' && right.kind === 'const') {
    a = left.value;
    b = right.value;
  } else {
    const x = floatValue(left);
    const y = floatValue(right);
    if (x === undefined || y === undefined) return undefined;
    a = x;
    b = y;
  }
  switch (op) {
    case '===':
      return bool(node, a === b);
    case '!==':
      return bool(node, a !== b);
    case '<':
      return bool(node, a < b);
    case '<=':
      return bool(node, a <= b);
    case '>':
      return bool(node, a > b);
    case '>=':
      return bool(node, a >= b);
  }
}

export function foldUnary(node: ts.Node, op: '-' | '!' | '~', operand: Expr): Expr | undefined {
  if (operand.kind === 'float' && op === '-') return float(node, operand.type, -operand.value);
  if (operand.kind !== 'const') return undefined;
  const int = intOf(operand.type);
  switch (op) {
    case '!':
      return constant(node, BOOL, operand.value === 0n ? 1n : 0n);
    case '-':
      return constant(node, operand.type, int ? wrapInt(int, -operand.value) : -operand.value, operand.wraps);
    case '~':
      return int
        ? constant(node, operand.type, wrapInt(int, ~operand.value))
        : constant(node, operand.type, ~operand.value, true);
  }
}

/** The common type of two untyped constants. */
export const untypedCommon = (left: Type, right: Type): Type | undefined =>
  isUntyped(left) && isUntyped(right)
    ? left.kind === 'untypedFloat' || right.kind === 'untypedFloat'
      ? UNTYPED_FLOAT
      : UNTYPED_INT
    : undefined;

/** A cast of a constant, with the meaning of the machine's conversions. */
export function foldCast(node: ts.Node, to: Type, operand: Expr): ConstExpr | FloatExpr | undefined {
  if (to.kind === 'int') {
    if (operand.kind === 'const') return constant(node, to, wrapInt(to, operand.value));
    if (operand.kind === 'float') return constant(node, to, floatToInt(to, operand.value));
  }
  if (to.kind === 'float') {
    if (operand.kind === 'float') return float(node, to, operand.value);
    if (operand.kind === 'const') return float(node, to, intToFloat(to.bits, operand.value));
  }
  return undefined;
}

/** FCVT of the F and D extensions: truncates, saturates at 32 or 64 bits, NaN is the largest; then wraps to 8 or 16. */
function floatToInt(to: Type & { kind: 'int' }, value: number): bigint {
  const bits = to.bits === 64 ? 64 : 32;
  const [low, high] = to.signed
    ? [-(1n << BigInt(bits - 1)), (1n << BigInt(bits - 1)) - 1n]
    : [0n, (1n << BigInt(bits)) - 1n];
  if (Number.isNaN(value) || value === Infinity) return wrapInt(to, high);
  if (value === -Infinity) return wrapInt(to, low);
  const exact = BigInt(Math.trunc(value));
  return wrapInt(to, exact < low ? low : exact > high ? high : exact);
}

/** Rounds to nearest, ties to even, once: through double only where that is exact. */
function intToFloat(bits: 32 | 64, value: bigint): number {
  if (bits === 64) return Number(value);
  const magnitude = value < 0n ? -value : value;
  const extra = magnitude.toString(2).length - 24;
  if (extra <= 0) return Number(value);
  const shift = BigInt(extra);
  let mantissa = magnitude >> shift;
  const rest = magnitude & ((1n << shift) - 1n);
  const half = 1n << (shift - 1n);
  if (rest > half || (rest === half && (mantissa & 1n) === 1n)) mantissa += 1n;
  const rounded = Number(mantissa << shift);
  return value < 0n ? -rounded : rounded;
}
