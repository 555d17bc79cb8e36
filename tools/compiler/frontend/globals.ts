/** Top-level variables: their type and storage, and initial values computed at compile time. */
import * as ts from 'typescript';
import { NO_ATTRIBUTES } from './attributes.ts';
import { constant, isConstant } from './constants.ts';
import { Context } from './context.ts';
import { coerce, spanOfArray, withDefaultType } from './convert.ts';
import { GlobalVariable } from './entities.ts';
import { checkExpression } from './expressions.ts';
import { declarationSymbol, type Program } from './program.ts';
import { resolveType } from './resolve-types.ts';
import type { Expr } from './tree.ts';
import {
  arrayOf,
  ERROR,
  isInPlace,
  isUntyped,
  pointee,
  sizeOf,
  type Type,
  typeName,
  U64,
  valueType,
} from './types.ts';

/** The value that a top-level variable has where it is named. */
export function globalValue(cx: Context, node: ts.Node, global: GlobalVariable): Expr {
  resolveGlobal(cx.program, global, node);
  if (global.constant !== undefined) return { ...global.constant, node };
  if (global.type === undefined || global.type.kind === 'error') return { kind: 'error', node, type: ERROR };
  keep(cx.program, global);
  return { kind: 'global', node, type: global.type, global };
}

/** Gives the variable storage in the output. */
export function keep(program: Program, global: GlobalVariable): void {
  if (!program.globals.includes(global)) program.globals.push(global);
}

export function resolveGlobal(program: Program, global: GlobalVariable, node: ts.Node): void {
  if (global.type !== undefined) return;
  if (global.resolving) {
    program.diagnostics.report(3010, node, global.name);
    return;
  }
  global.resolving = true;
  const { declaration } = global;
  const annotated =
    declaration.type === undefined ? undefined : resolveType(program, global.scope, declaration.type, true);
  const cx = new Context(program, global.scope, undefined);
  const { initializer } = declaration;
  if (annotated?.kind === 'void' || annotated?.kind === 'never') {
    program.diagnostics.report(2030, declaration, annotated.kind);
    setStorage(global, ERROR);
  } else if (initializer === undefined) {
    if (annotated === undefined) program.diagnostics.report(1018, declaration, global.name);
    setStorage(global, annotated ?? ERROR);
  } else {
    initialise(cx, global, annotated, initializer);
  }
  if (global.type === undefined) global.type = ERROR;
  global.resolving = false;
}

function setStorage(global: GlobalVariable, storage: Type): void {
  global.storage = storage;
  global.type = valueType(storage);
  global.inPlace = isInPlace(storage);
}

function initialise(
  cx: Context,
  global: GlobalVariable,
  annotated: Type | undefined,
  initializer: ts.Expression,
): void {
  const zeroed = zeroedType(cx, initializer, annotated && valueType(annotated));
  if (zeroed !== undefined) {
    if (zeroed.kind === 'error') return;
    const storage = pointee(zeroed);
    if (annotated !== undefined && valueType(annotated) !== zeroed) {
      coerce(cx, { kind: 'error', node: initializer, type: zeroed }, valueType(annotated));
    }
    if (global.isConst || storage.kind === 'array') setStorage(global, storage);
    else {
      setStorage(global, zeroed);
      global.value = anonymous(cx, initializer, storage, undefined);
    }
    return;
  }
  // The value may be one that names the variable itself in place (an object or array literal), or a scalar.
  const wanted = annotated === undefined ? undefined : literalStorage(annotated, initializer);
  const value = checkInitialiser(cx, initializer, wanted ?? annotated);
  if (value.kind === 'error') return;
  if (value.kind === 'aggregate') {
    setStorage(global, value.storage);
    global.value = value;
    return;
  }
  if (annotated === undefined && global.isConst && isUntyped(value.type) && isConstant(value)) {
    global.constant = value;
    global.type = value.type;
    return;
  }
  const typed =
    annotated === undefined ? withDefaultType(cx, value) : coerce(cx, value, valueType(annotated));
  if (typed.kind === 'error') return;
  setStorage(global, typed.type);
  // A name for an object in place that another variable owns.
  if (global.inPlace) global.inPlace = false;
  if (!isConstantInitialiser(typed)) cx.report(3001, initializer);
  if (global.isConst && isConstant(typed)) global.constant = typed;
  global.value = typed;
}

/** A class-typed variable whose initialiser is an object literal holds the object in place. */
const literalStorage = (annotated: Type, initializer: ts.Expression): Type =>
  ts.isObjectLiteralExpression(initializer) ? pointee(annotated) : annotated;

/** The type argument of `zeroed<T>()`, or the type that is wanted; undefined when it is another expression. */
function zeroedType(cx: Context, node: ts.Expression, want: Type | undefined): Type | undefined {
  if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression) || node.expression.text !== 'zeroed') {
    return undefined;
  }
  const argument = node.typeArguments?.[0];
  const type = argument ? resolveType(cx.program, cx.scope, argument) : want;
  if (type === undefined || (type.kind !== 'class' && type.kind !== 'array')) {
    if (type?.kind !== 'error') cx.report(3006, node, 'zeroed');
    return ERROR;
  }
  return type;
}

/** An object or array without a name of its own. */
function anonymous(cx: Context, node: ts.Expression, storage: Type, value: Expr | undefined): Expr {
  const { program, scope } = cx;
  const prefix = declarationSymbol(scope.module, node);
  const name = `data${program.nextAnonymous(prefix)}`;
  const global = new GlobalVariable(
    name,
    `${prefix}.${name}`,
    // Only asked for its position.
    ts.findAncestor(node, ts.isVariableDeclaration) ??
      (ts.findAncestor(node, ts.isPropertyDeclaration) as ts.PropertyDeclaration),
    scope,
    value !== undefined,
    false,
    { ...NO_ATTRIBUTES },
  );
  setStorage(global, storage);
  global.value = value;
  keep(program, global);
  return { kind: 'global', node, type: valueType(storage), global };
}

/** Checks an initialiser: literals of aggregates are allowed here and nowhere else. */
function checkInitialiser(cx: Context, node: ts.Expression, storage: Type | undefined): Expr {
  if (ts.isParenthesizedExpression(node)) return checkInitialiser(cx, node.expression, storage);
  if (ts.isArrayLiteralExpression(node)) return arrayLiteral(cx, node, storage);
  if (ts.isObjectLiteralExpression(node)) return objectLiteral(cx, node, storage);
  const want = storage && valueType(storage);
  const zeroed = zeroedType(cx, node, want);
  if (zeroed !== undefined) {
    if (zeroed.kind === 'error') return { kind: 'error', node, type: ERROR };
    if (storage !== undefined && isInPlace(storage))
      return { kind: 'aggregate', node, type: zeroed, storage, parts: [] };
    return anonymous(cx, node, pointee(zeroed), undefined);
  }
  return checkExpression(cx, node, want);
}

/** An initialiser for one part of an aggregate, converted. */
function part(cx: Context, node: ts.Expression, storage: Type): Expr {
  const value = checkInitialiser(cx, node, storage);
  if (value.kind === 'error') return value;
  if (value.kind === 'aggregate') {
    if (value.storage === storage) return value;
    return coerce(cx, value, valueType(storage));
  }
  const typed = coerce(cx, value, valueType(storage));
  if (typed.kind !== 'error' && (isInPlace(storage) || !isConstantInitialiser(typed))) cx.report(3001, node);
  return typed;
}

function arrayLiteral(cx: Context, node: ts.ArrayLiteralExpression, storage: Type | undefined): Expr {
  for (const element of node.elements) if (ts.isSpreadElement(element)) return cx.fail(1004, element);
  if (storage?.kind === 'slice') {
    // The elements get storage of their own.
    const array = arrayOf(storage.elem, Math.max(1, node.elements.length), storage.persistent);
    const value = arrayLiteral(cx, node, array);
    if (value.kind === 'error') return value;
    const owner = anonymous(cx, node, array, value);
    const span = spanOfArray(owner, storage);
    return span.kind === 'makeSpan'
      ? { ...span, length: constant(node, U64, BigInt(node.elements.length)) }
      : span;
  }
  if (storage === undefined) return cx.fail(1018, node, 'array literal');
  if (storage.kind !== 'array') {
    return cx.fail(
      2010,
      node,
      'array literal',
      typeName(storage),
      'Declare the variable as a FixedArray or Slice.',
    );
  }
  const { elem, count } = storage;
  if (node.elements.length > count)
    return cx.fail(3003, node, node.elements.length, typeName(storage), count);
  const size = sizeOf(elem);
  const parts = node.elements.map((element, index) => ({
    offset: index * size,
    storage: elem,
    value: part(cx, element, elem),
  }));
  return { kind: 'aggregate', node, type: storage, storage, parts };
}

function objectLiteral(cx: Context, node: ts.ObjectLiteralExpression, storage: Type | undefined): Expr {
  if (storage?.kind === 'class') {
    const owned = objectLiteral(cx, node, pointee(storage));
    return owned.kind === 'error' ? owned : anonymous(cx, node, pointee(storage), owned);
  }
  if (storage === undefined) return cx.fail(1018, node, 'object literal');
  if (storage.kind !== 'inline') {
    return cx.fail(2010, node, 'object literal', typeName(storage), 'Declare the variable with a class.');
  }
  const { instance } = storage.of;
  const parts: { offset: number; storage: Type; value: Expr }[] = [];
  for (const property of node.properties) {
    if (!ts.isPropertyAssignment(property) || !ts.isIdentifier(property.name)) return cx.fail(1004, property);
    const field = instance.field(property.name.text);
    if (field === undefined) {
      cx.report(2003, property, instance.name, property.name.text);
      continue;
    }
    parts.push({
      offset: field.offset,
      storage: field.type,
      value: part(cx, property.initializer, field.type),
    });
  }
  return { kind: 'aggregate', node, type: storage.of, storage, parts };
}

/** Can the value be written into the data section, with relocations? */
export function isConstantInitialiser(expr: Expr): boolean {
  switch (expr.kind) {
    case 'const':
    case 'float':
    case 'str':
    case 'function':
    case 'aggregate':
      return true;
    case 'global':
      return expr.global.inPlace;
    case 'retype':
      return isConstantInitialiser(expr.operand);
    case 'address':
      return isConstantInitialiser(expr.place);
    case 'field':
      return isInPlace(expr.storage) && isConstantInitialiser(expr.object);
    case 'makeSpan':
      return isConstantInitialiser(expr.pointer) && expr.length.kind === 'const';
    default:
      return false;
  }
}
