/** Checks assignments: which places may be written, compound operators, `++` and `--`, accessors, logging in transactions. */
import * as ts from 'typescript';
import { constant } from './constants.ts';
import type { Context } from './context.ts';
import { coerce } from './convert.ts';
import {
  arithmetic,
  checkAs,
  checkExpression,
  coerceOperand,
  isConvertible,
  skipParentheses,
} from './expressions.ts';
import { functionValue } from './functions.ts';
import { staticEntity } from './members.ts';
import { type BinaryOp, type Expr, isPlace, type PlaceExpr } from './tree.ts';
import { ERROR, isInPlace, type Type, typeName, UNTYPED_INT } from './types.ts';

export function checkAssignment(cx: Context, node: ts.BinaryExpression): Expr {
  const target = skipParentheses(node.left);
  if (ts.isArrayLiteralExpression(target) || ts.isObjectLiteralExpression(target))
    return cx.fail(1004, target);
  const setter = checkSetter(cx, node, target);
  if (setter !== undefined) return setter;
  const place = checkPlace(cx, target);
  if (place === undefined) return { kind: 'error', node, type: ERROR };
  const value = checkAs(cx, node.right, place.type);
  return assignment(cx, node, place, value, undefined, false);
}

export function checkCompound(cx: Context, node: ts.BinaryExpression, op: BinaryOp): Expr {
  const accessor = changeThroughAccessor(cx, node, skipParentheses(node.left), op, (type) =>
    op === '<<' || op === '>>' || op === '>>>'
      ? checkExpression(cx, node.right)
      : operandFor(cx, checkExpression(cx, node.right, type), type),
  );
  if (accessor !== undefined) return accessor;
  const place = checkPlace(cx, skipParentheses(node.left));
  if (place === undefined) return { kind: 'error', node, type: ERROR };
  const isShift = op === '<<' || op === '>>' || op === '>>>';
  const right = isShift
    ? checkExpression(cx, node.right)
    : operandFor(cx, checkExpression(cx, node.right, place.type), place.type);
  const result = arithmetic(cx, node, op, place, right);
  if (result.kind === 'error') return result;
  const value = result.kind === 'binary' ? result.right : right;
  return assignment(cx, node, place, value, op, false);
}

const operandFor = (cx: Context, operand: Expr, type: Type): Expr =>
  isConvertible(operand) ? coerceOperand(cx, operand, type) : operand;

export function increment(
  cx: Context,
  node: ts.Expression,
  operand: ts.Expression,
  operator: ts.SyntaxKind,
  postfix: boolean,
): Expr {
  const op = operator === ts.SyntaxKind.PlusPlusToken ? '+' : '-';
  const accessor = changeThroughAccessor(cx, node, skipParentheses(operand), op, (type) =>
    coerce(cx, constant(node, UNTYPED_INT, 1n), type),
  );
  if (accessor !== undefined) return accessor;
  const place = checkPlace(cx, skipParentheses(operand));
  if (place === undefined) return { kind: 'error', node, type: ERROR };
  if (place.type.kind === 'ptr')
    return cx.fail(2012, node, `${op}${op}`, typeName(place.type), "Use 'p = p.add(1)'.");
  if (place.type.kind !== 'int' && place.type.kind !== 'float') {
    return cx.fail(2012, node, `${op}${op}`, typeName(place.type), 'Only numbers have it.');
  }
  const one = coerce(cx, constant(node, UNTYPED_INT, 1n), place.type);
  return assignment(cx, node, place, one, op, postfix);
}

function assignment(
  cx: Context,
  node: ts.Node,
  place: PlaceExpr,
  value: Expr,
  op: BinaryOp | undefined,
  postfix: boolean,
): Expr {
  if (value.type.kind === 'error') return value;
  const logged = (place.kind === 'field' || place.kind === 'element') && place.logged;
  return {
    kind: 'assign',
    node,
    type: place.type,
    place,
    value,
    op,
    postfix,
    logging: logged ? cx.logging : undefined,
  };
}

/** `object.property = value` where the property is an accessor. */
function checkSetter(cx: Context, node: ts.BinaryExpression, target: ts.Expression): Expr | undefined {
  const found = findSetter(cx, target);
  if (found === undefined) return undefined;
  const { object, setter } = found;
  if (setter.kind !== 'function') return setter;
  const { target: instance } = setter;
  const value = checkAs(cx, node.right, instance.params[0]!.type);
  return { kind: 'call', node, type: instance.result, target: instance, args: [object, value] };
}

/** The object and the setter, where `target` is a property with one. */
function findSetter(
  cx: Context,
  target: ts.Expression,
): { readonly object: Expr; readonly setter: Expr } | undefined {
  if (!ts.isPropertyAccessExpression(target) || staticEntity(cx, target.expression) !== undefined)
    return undefined;
  const object = checkExpression(cx, target.expression);
  if (object.type.kind !== 'class') return undefined;
  const setter = object.type.instance.find((instance) => instance.setters, target.name.text);
  return setter && { object, setter: functionValue(cx, target, setter, undefined) };
}

/** `object.property op= value` where the property is an accessor: a call of the getter in one of the setter. */
function changeThroughAccessor(
  cx: Context,
  node: ts.Expression,
  target: ts.Expression,
  op: BinaryOp,
  operand: (type: Type) => Expr,
): Expr | undefined {
  const found = findSetter(cx, target);
  if (found === undefined) return undefined;
  const { object, setter } = found;
  if (setter.kind !== 'function') return setter;
  if (!isPlain(object))
    return cx.fail(
      2022,
      node,
      target.getText(),
      'Its object would be computed twice: keep that in a variable first.',
    );
  const before = checkExpression(cx, target);
  const result = before.kind === 'error' ? before : arithmetic(cx, node, op, before, operand(before.type));
  if (result.kind === 'error') return result;
  const { target: instance } = setter;
  return { kind: 'call', node, type: instance.result, target: instance, args: [object, result] };
}

/** Whether an expression can be computed twice with the same result and no effect. */
function isPlain(expr: Expr): boolean {
  return expr.kind === 'local' || expr.kind === 'global' || (expr.kind === 'field' && isPlain(expr.object));
}

/** A place that may be assigned to; reports and gives undefined otherwise. */
function checkPlace(cx: Context, node: ts.Expression): PlaceExpr | undefined {
  const expr = checkExpression(cx, node);
  if (expr.kind === 'error') return undefined;
  const refuse = (hint: string): undefined => {
    cx.report(2022, node, node.getText(), hint);
    return undefined;
  };
  if (!isPlace(expr)) return refuse('It is not a variable, field or element.');
  switch (expr.kind) {
    case 'local':
      return expr.variable.isConst ? refuse("Declare it with 'let'.") : expr;
    case 'global':
      if (expr.global.inPlace) return refuse("Copy with 'assign(target, source)'.");
      return expr.global.isConst ? refuse("Declare it with 'let'.") : expr;
    default:
      if (isInPlace(expr.storage))
        return refuse("It is stored in place: copy with 'assign(target, source)'.");
      if (expr.kind === 'element' && expr.sequence.type.kind === 'str') return refuse('Text is read-only.');
      return expr;
  }
}
