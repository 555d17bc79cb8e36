/** Calls of functions, methods, function values and casts; `new`; inference of type arguments. */
import * as ts from 'typescript';
import { constant, nothing } from './constants.ts';
import { Context } from './context.ts';
import { cast, coerce, withDefaultType } from './convert.ts';
import type { ClassInstance, FunctionInstance, FunctionTemplate, Scope } from './entities.ts';
import { checkAs, checkExpression, elementStorage, entityValue } from './expressions.ts';
import { instantiate } from './functions.ts';
import { checkIntrinsic, isIntrinsic } from './intrinsics.ts';
import { checkMember, memberOfValue, staticEntity, staticMemberEntity } from './members.ts';
import { instantiateClass, resolveType } from './resolve-types.ts';
import type { Expr } from './tree.ts';
import {
  BOOL,
  type ClassType,
  ERROR,
  I32,
  isUntyped,
  NAMED_TYPES,
  sizeOf,
  sliceOf,
  type Type,
  typeName,
  U64,
  UNTYPED_INT,
  valueType,
} from './types.ts';

export function checkCall(cx: Context, node: ts.CallExpression, want: Type | undefined): Expr {
  const { expression: callee } = node;
  if (node.questionDotToken !== undefined) return cx.fail(1010, node);
  for (const argument of node.arguments) if (ts.isSpreadElement(argument)) return cx.fail(1004, argument);
  if (callee.kind === ts.SyntaxKind.SuperKeyword) return superCall(cx, node);
  if (ts.isIdentifier(callee)) return callByName(cx, node, callee, want);
  if (ts.isPropertyAccessExpression(callee)) return callMember(cx, node, callee, want);
  return callValue(cx, node, checkExpression(cx, callee));
}

function callByName(
  cx: Context,
  node: ts.CallExpression,
  callee: ts.Identifier,
  want: Type | undefined,
): Expr {
  const name = callee.text;
  const entity = cx.program.resolveImport(cx.scope.lookup(name));
  if (entity === undefined) {
    const to = NAMED_TYPES.get(name);
    if (to !== undefined && (to.kind === 'int' || to.kind === 'float')) {
      if (node.arguments.length !== 1) return cx.fail(2016, node, 1, node.arguments.length);
      const operand = checkExpression(cx, node.arguments[0]!, undefined);
      return cast(cx, node, to, operand);
    }
    if (isIntrinsic(name)) return checkIntrinsic(cx, node, name, want);
    return cx.fail(2001, callee, name);
  }
  if (entity.kind === 'function') return callTemplate(cx, node, entity, undefined, want);
  return callValue(cx, node, entityValue(cx, callee, entity, undefined));
}

function callMember(
  cx: Context,
  node: ts.CallExpression,
  callee: ts.PropertyAccessExpression,
  want: Type | undefined,
): Expr {
  if (callee.questionDotToken !== undefined) return cx.fail(1010, callee);
  const name = callee.name.text;
  const { expression } = callee;
  if (ts.isIdentifier(expression) && cx.scope.lookup(expression.text) === undefined) {
    const qualified = `${expression.text}.${name}`;
    if (isIntrinsic(qualified)) return checkIntrinsic(cx, node, qualified, want);
  }
  const container = staticEntity(cx, expression);
  if (container !== undefined) {
    const entity = staticMemberEntity(cx, container, callee);
    if (entity?.kind === 'function') return callTemplate(cx, node, entity, undefined, want);
    return callValue(cx, node, checkMember(cx, callee, undefined));
  }
  if (expression.kind === ts.SyntaxKind.SuperKeyword) return superMethod(cx, node, callee, want);
  const object = checkExpression(cx, expression);
  if (object.type.kind === 'error') return object;
  if (object.type.kind === 'class') {
    const { instance } = object.type;
    const method = instance.find((i) => i.methods, name);
    if (method !== undefined) return callTemplate(cx, node, method, object, want);
  }
  const builtIn = sequenceMethod(cx, node, object, name);
  if (builtIn !== undefined) return builtIn;
  return callValue(cx, node, memberOfValue(cx, callee.name, object, name));
}

/** Methods of pointers, arrays, slices and strings. */
function sequenceMethod(cx: Context, node: ts.CallExpression, object: Expr, name: string): Expr | undefined {
  const { type } = object;
  const args = node.arguments;
  const size = (index: number): Expr => checkAs(cx, args[index]!, U64);
  if (type.kind === 'ptr' && name === 'add') {
    if (args.length !== 1) return cx.fail(2016, node, 1, args.length);
    const count = withDefaultType(cx, checkExpression(cx, args[0]!));
    if (count.type.kind !== 'int') return coerce(cx, count, U64);
    const place: Expr = {
      kind: 'element',
      node,
      type: type.elem,
      sequence: object,
      index: count,
      storage: type.elem,
      persistent: type.persistent,
      checked: false,
      logged: false,
    };
    return { kind: 'address', node, type, place };
  }
  if (name === 'subslice' && (type.kind === 'array' || type.kind === 'slice' || type.kind === 'str')) {
    if (args.length < 1 || args.length > 2) return cx.fail(2016, node, '1 to 2', args.length);
    const want: Type = type.kind === 'array' ? sliceOf(type.elem, type.persistent) : type;
    return {
      kind: 'subslice',
      node,
      type: want,
      span: type.kind === 'array' ? coerce(cx, object, want) : object,
      start: size(0),
      end: args.length === 2 ? size(1) : undefined,
      elemSize: sizeOf(elementStorage(type)!),
      checked: !cx.unchecked,
    };
  }
  if (type.kind === 'str' && name === 'equals') {
    if (args.length !== 1) return cx.fail(2016, node, 1, args.length);
    const other = checkAs(cx, args[0]!, type);
    return {
      kind: 'intrinsic',
      node,
      type: BOOL,
      name: 'str.equals',
      args: [object, other],
      typeArg: undefined,
      number: 0,
      logging: undefined,
    };
  }
  return undefined;
}

function callValue(cx: Context, node: ts.CallExpression, callee: Expr): Expr {
  const { type } = callee;
  if (type.kind === 'error') return callee;
  if (type.kind !== 'fn') return cx.fail(2017, node.expression, typeName(type));
  if (node.arguments.length !== type.params.length) {
    return cx.fail(2016, node, type.params.length, node.arguments.length);
  }
  const args = node.arguments.map((argument, index) => checkAs(cx, argument, type.params[index]!));
  if (callee.kind === 'function')
    return { kind: 'call', node, type: type.result, target: callee.target, args };
  return { kind: 'indirectCall', node, type: valueType(type.result), callee, args };
}

/** Calls a function or, with `object`, a method. */
function callTemplate(
  cx: Context,
  node: ts.CallExpression | ts.NewExpression,
  template: FunctionTemplate,
  object: Expr | undefined,
  want: Type | undefined,
): Expr {
  const target = targetOf(cx, node, template, want);
  if (target === undefined) return { kind: 'error', node, type: ERROR };
  const args = checkArguments(cx, node, target);
  if (args === undefined) return { kind: 'error', node, type: ERROR };
  if (object !== undefined) args.unshift(coerce(cx, object, target.thisVariable!.type));
  return { kind: 'call', node, type: valueType(target.result), target, args };
}

function targetOf(
  cx: Context,
  node: ts.CallExpression | ts.NewExpression,
  template: FunctionTemplate,
  want: Type | undefined,
): FunctionInstance | undefined {
  const { typeParameters } = template;
  const given = node.typeArguments ?? [];
  if (typeParameters.length === 0) {
    if (given.length > 0) cx.report(2020, node, 0, given.length);
    return instantiate(cx.program, template, [], node);
  }
  const depth = (cx.func?.depth ?? 0) + 1;
  if (given.length > 0) {
    if (given.length !== typeParameters.length) {
      cx.report(2020, node, typeParameters.length, given.length);
      return undefined;
    }
    const types = given.map((argument) => resolveType(cx.program, cx.scope, argument, true));
    if (types.some((type) => type.kind === 'error')) return undefined;
    return instantiate(cx.program, template, types, node, depth);
  }
  const types = infer(cx, node, template, want);
  return types && instantiate(cx.program, template, types, node, depth);
}

/** The arguments, converted to the parameters' types, defaults filled in. */
function checkArguments(
  cx: Context,
  node: ts.CallExpression | ts.NewExpression,
  target: FunctionInstance,
): Expr[] | undefined {
  const given = node.arguments ?? [];
  const { params, defaults } = target;
  const required = defaults.lastIndexOf(undefined) + 1;
  if (given.length > params.length || given.length < required) {
    const expected = required === params.length ? required : `${required} to ${params.length}`;
    cx.report(2016, node, expected, given.length);
    return undefined;
  }
  return params.map((param, index) => {
    const argument = given[index];
    if (argument !== undefined) return checkAs(cx, argument, param.type);
    return defaults[index] ?? constant(node, UNTYPED_INT, 0n);
  });
}

/** Infers type arguments from the arguments, then from the result that is wanted. */
function infer(
  cx: Context,
  node: ts.CallExpression | ts.NewExpression,
  template: FunctionTemplate,
  want: Type | undefined,
): Type[] | undefined {
  const { declaration, scope } = template;
  const bound = new Map<string, Type>();
  const names = new Set(template.typeParameters.map((parameter) => parameter.name.text));
  const untyped: [ts.TypeNode, Type][] = [];
  (node.arguments ?? []).forEach((argument, index) => {
    const annotation = declaration.parameters[index]?.type;
    if (annotation === undefined || ts.isArrowFunction(argument)) return;
    const { type } = checkExpression(cx, argument);
    if (isUntyped(type) || type.kind === 'null') untyped.push([annotation, type]);
    else unify(cx, scope, names, bound, annotation, type);
  });
  if (want !== undefined && declaration.type !== undefined) {
    unify(cx, scope, names, bound, declaration.type, want);
  }
  for (const [annotation, type] of untyped) {
    if (type.kind === 'untypedInt') unify(cx, scope, names, bound, annotation, I32);
    if (type.kind === 'untypedFloat') unify(cx, scope, names, bound, annotation, NAMED_TYPES.get('f64')!);
  }
  const types: Type[] = [];
  for (const name of names) {
    const type = bound.get(name);
    if (type === undefined) {
      cx.report(2019, node, name, template.name);
      return undefined;
    }
    types.push(type);
  }
  return types;
}

/** Binds type parameters so that the annotation means `type`; the first binding counts. */
function unify(
  cx: Context,
  scope: Scope,
  names: ReadonlySet<string>,
  bound: Map<string, Type>,
  annotation: ts.TypeNode,
  type: Type,
): void {
  const again = (node: ts.TypeNode, part: Type): void => unify(cx, scope, names, bound, node, part);
  if (type.kind === 'error') return;
  if (ts.isParenthesizedTypeNode(annotation)) again(annotation.type, type);
  else if (ts.isUnionTypeNode(annotation)) {
    for (const part of annotation.types) if (!ts.isLiteralTypeNode(part)) again(part, type);
  } else if (ts.isFunctionTypeNode(annotation) && type.kind === 'fn') {
    annotation.parameters.forEach((parameter, index) => {
      const part = type.params[index];
      if (parameter.type !== undefined && part !== undefined) again(parameter.type, part);
    });
    again(annotation.type, type.result);
  } else if (ts.isTypeReferenceNode(annotation)) {
    const name = annotation.typeName.getText();
    const args = annotation.typeArguments ?? [];
    if (names.has(name)) {
      if (!bound.has(name)) bound.set(name, type);
    } else if (args.length > 0) {
      if (name === 'Inline') again(args[0]!, type.kind === 'inline' ? type.of : type);
      else if (type.kind === 'slice' || type.kind === 'ptr' || type.kind === 'array')
        again(args[0]!, type.elem);
      else if (type.kind === 'class') unifyClass(type, name, args, again);
    }
  }
}

/** Matches `Name<A, B>` with the class itself or the base that has this name. */
function unifyClass(
  type: ClassType,
  name: string,
  args: readonly ts.TypeNode[],
  again: (node: ts.TypeNode, part: Type) => void,
): void {
  let instance: ClassInstance | undefined = type.instance;
  while (instance !== undefined && instance.template.name !== name) instance = instance.base;
  args.forEach((arg, index) => {
    const part = instance?.args[index];
    if (part !== undefined) again(arg, part);
  });
}

export function checkNew(cx: Context, node: ts.NewExpression, want: Type | undefined): Expr {
  const entity = ts.isIdentifier(node.expression)
    ? cx.program.resolveImport(cx.scope.lookup(node.expression.text))
    : staticEntity(cx, node.expression);
  if (entity?.kind !== 'classTemplate') return cx.fail(2002, node.expression, node.expression.getText());
  if (cx.func === undefined) return cx.fail(3001, node);
  const count = entity.declaration.typeParameters?.length ?? 0;
  const given = node.typeArguments ?? [];
  let args = given.map((argument) => resolveType(cx.program, cx.scope, argument, true));
  if (given.length === 0 && count > 0 && want?.kind === 'class' && want.instance.template === entity) {
    args = [...want.instance.args];
  }
  if (args.length !== count) return cx.fail(2020, node, count, args.length);
  const instance = instantiateClass(cx.program, entity, args, node);
  if (instance === undefined) return { kind: 'error', node, type: ERROR };
  const initialisers = instance.layout().fields.flatMap((field) => {
    const { initializer } = field.declaration;
    if (initializer === undefined) return [];
    const outside = new Context(cx.program, instance.scope, cx.func);
    return [{ offset: field.offset, storage: field.type, value: checkAs(outside, initializer, field.type) }];
  });
  let owner: typeof instance | undefined = instance;
  while (owner !== undefined && owner.construct === undefined) owner = owner.base;
  const template = owner?.construct;
  const construct = template && instantiate(cx.program, template, [], node);
  const ctorArgs = construct ? checkArguments(cx, node, construct) : [];
  if (construct === undefined && (node.arguments?.length ?? 0) > 0) {
    return cx.fail(2016, node, 0, node.arguments!.length);
  }
  if (ctorArgs === undefined) return { kind: 'error', node, type: ERROR };
  return { kind: 'new', node, type: instance.type, initialisers, construct, args: ctorArgs };
}

/** `super(…)` in a constructor: calls the base's on the same object. */
function superCall(cx: Context, node: ts.CallExpression): Expr {
  const variable = cx.func?.thisVariable;
  const base = variable?.type.kind === 'class' ? variable.type.instance.base : undefined;
  if (variable === undefined || base === undefined) return cx.fail(2001, node, 'super');
  const self: Expr = { kind: 'local', node, type: variable.type, variable };
  let owner: typeof base | undefined = base;
  while (owner !== undefined && owner.construct === undefined) owner = owner.base;
  if (owner?.construct === undefined) return nothing(node);
  return callTemplate(cx, node, owner.construct, self, undefined);
}

/** `super.method(…)`. */
function superMethod(
  cx: Context,
  node: ts.CallExpression,
  callee: ts.PropertyAccessExpression,
  want: Type | undefined,
): Expr {
  const variable = cx.func?.thisVariable;
  const base = variable?.type.kind === 'class' ? variable.type.instance.base : undefined;
  const method = base?.find((instance) => instance.methods, callee.name.text);
  if (variable === undefined || method === undefined)
    return cx.fail(2003, callee.name, 'super', callee.name.text);
  const self: Expr = { kind: 'local', node, type: variable.type, variable };
  return callTemplate(cx, node, method, self, want);
}
