/** Implicit conversions (few) and casts: what may stand where a type is wanted. */
import type * as ts from 'typescript';
import { constant, float, foldCast } from './constants.ts';
import type { Context } from './context.ts';
import type { Expr } from './tree.ts';
import {
  BOOL,
  F64,
  type FnType,
  hasReferences,
  I32,
  intOf,
  intRange,
  isInteger,
  isNullable,
  isNumber,
  isUntyped,
  type Type,
  typeName,
  U64,
  wrapInt,
} from './types.ts';

export const retype = (expr: Expr, type: Type): Expr =>
  expr.kind === 'const' || expr.kind === 'float'
    ? { ...expr, type }
    : { kind: 'retype', node: expr.node, type, operand: expr };

/** `expr` as a value of type `want`, or an error. */
export function coerce(cx: Context, expr: Expr, want: Type): Expr {
  const { type } = expr;
  if (type === want || type.kind === 'error' || want.kind === 'error' || type.kind === 'never') return expr;
  const converted = convertImplicitly(cx, expr, want);
  if (converted !== undefined) return converted;
  return cx.fail(2010, expr.node, typeName(type), typeName(want), hintFor(type, want));
}

/** Undefined when there is no implicit conversion. */
function convertImplicitly(cx: Context, expr: Expr, want: Type): Expr | undefined {
  const { type } = expr;
  if (expr.kind === 'const' && (type.kind === 'untypedInt' || type.kind === 'enum')) {
    if (want.kind === 'int') {
      const [low, high] = intRange(want);
      if (expr.value >= low && expr.value <= high) return constant(expr.node, want, expr.value);
      if (expr.wraps && expr.value >= -(1n << BigInt(want.bits)) && expr.value <= high) {
        return constant(expr.node, want, wrapInt(want, expr.value));
      }
      return cx.fail(2014, expr.node, expr.value, want.name, low, high);
    }
    if (want.kind === 'float' && type.kind === 'untypedInt') return foldCast(expr.node, want, expr);
  }
  if (expr.kind === 'float' && type.kind === 'untypedFloat') {
    if (want.kind === 'float') return float(expr.node, want, expr.value);
    if (want.kind === 'int') return cx.fail(2015, expr.node, expr.value, want.name);
  }
  if (type.kind === 'null' && isNullable(want)) return constant(expr.node, want, 0n);
  // A struct by value is copied where it is passed; until then it is referred to.
  if (want.kind === 'inline') return coerce(cx, expr, want.of);
  if (type.kind === 'class' && want.kind === 'class' && type.instance.extends(want.instance)) {
    return retype(expr, want);
  }
  if (type.kind === 'array' && want.kind === 'slice') {
    if (type.elem === want.elem && type.persistent === want.persistent) return spanOfArray(expr, want);
  }
  if (type.kind === 'fn' && want.kind === 'fn' && sameParameters(type, want)) {
    // A result that nobody looks at, or that never comes, fits everywhere.
    if (want.result.kind === 'void' || type.result.kind === 'never') return retype(expr, want);
  }
  if (type.kind === 'ptr' && want.kind === 'ptr' && type.persistent && type.elem === want.elem) {
    if (!hasReferences(type.elem)) return retype(expr, want);
  }
  return undefined;
}

const sameParameters = (type: FnType, want: FnType): boolean =>
  type.params.length === want.params.length &&
  type.params.every((param, index) => param === want.params[index]);

function hintFor(type: Type, want: Type): string {
  if (isNumber(type) && isNumber(want)) return `Cast it: '${typeName(want)}(…)'.`;
  if (type.kind === 'bool' && isInteger(want)) return `Cast it: '${typeName(want)}(…)' is 0 or 1.`;
  if (isInteger(type) && want.kind === 'bool') return "Compare it: 'x !== 0'.";
  if (type.kind === 'enum' && isInteger(want)) return `Cast it: '${typeName(want)}(…)'.`;
  if (want.kind === 'enum') return `Use a member of '${want.name}', or 'changetype<${want.name}>(…)'.`;
  if (type.kind === 'str' && want.kind === 'slice') return "Use its '.bytes'.";
  if (type.kind === 'class' && want.kind === 'class')
    return "Only a derived class converts to its base; the other way is 'changetype'.";
  if (type.kind === 'array' && want.kind === 'ptr') return "Use its '.ptr'.";
  return 'Convert it explicitly.';
}

/** An untyped constant gets the type it has when nothing else is wanted. */
export function withDefaultType(cx: Context, expr: Expr): Expr {
  if (expr.type.kind === 'untypedInt') return coerce(cx, expr, I32);
  if (expr.type.kind === 'untypedFloat') return coerce(cx, expr, F64);
  return expr;
}

/** A pointer-and-length pair for an array in place. */
export function spanOfArray(expr: Expr, want: Type): Expr {
  if (expr.type.kind !== 'array') return expr;
  return {
    kind: 'makeSpan',
    node: expr.node,
    type: want,
    pointer: retype(expr, U64),
    length: constant(expr.node, U64, BigInt(expr.type.count)),
  };
}

/** `to(operand)`: the cast functions. */
export function cast(cx: Context, node: ts.Node, to: Type, operand: Expr): Expr {
  const from = operand.type;
  if (from === to || from.kind === 'error') return operand;
  if (operand.kind === 'str' && to.kind === 'int') {
    if (operand.bytes.length === 1) return constant(node, to, BigInt(operand.bytes[0]!));
    return cx.fail(2010, operand.node, 'str', to.name, 'Only a literal of one byte is a number.');
  }
  const isScalar =
    intOf(from) !== undefined || from.kind === 'float' || from.kind === 'bool' || isUntyped(from);
  if (!isScalar || (from.kind === 'bool' && to.kind === 'float')) {
    const hint =
      from.kind === 'class' || from.kind === 'ptr' || from.kind === 'fn' || from.kind === 'array'
        ? "Use 'addressOf(x)' or 'changetype<usize>(x)'."
        : 'Only numbers, enums and bool can be cast.';
    return cx.fail(2010, node, typeName(from), typeName(to), hint);
  }
  const folded = foldCast(node, to, operand);
  if (folded !== undefined) return folded;
  return { kind: 'cast', node, type: to, operand };
}

/** A condition: bool, or a reference that is tested for null. */
export function condition(cx: Context, expr: Expr): Expr {
  const { type } = expr;
  if (type.kind === 'bool' || type.kind === 'error') return expr;
  if (isNullable(type) && type.kind !== 'array') {
    return {
      kind: 'compare',
      node: expr.node,
      type: BOOL,
      op: '!==',
      left: expr,
      right: constant(expr.node, type, 0n),
    };
  }
  return cx.fail(2013, expr.node, typeName(type));
}
