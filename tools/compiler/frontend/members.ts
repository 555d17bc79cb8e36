/** `a.b`: members of namespaces, modules, enums and classes, and of values. */
import * as ts from 'typescript';
import { constant } from './constants.ts';
import type { Context } from './context.ts';
import { retype } from './convert.ts';
import type { ClassTemplate, Entity, EnumEntity, ImportEntity, NamespaceEntity } from './entities.ts';
import { checkExpression, entityValue, holdsPointer, isLogged } from './expressions.ts';
import { functionValue } from './functions.ts';
import { enumType, instantiateClass, memberOf } from './resolve-types.ts';
import type { Expr } from './tree.ts';
import { isInPlace, ptrOf, sliceOf, type Type, typeName, U8, U64, valueType } from './types.ts';

type Container = NamespaceEntity | ImportEntity | EnumEntity | ClassTemplate;

/** What an expression names if that has static members; undefined for values. */
export function staticEntity(cx: Context, node: ts.Expression): Container | undefined {
  let entity: Entity | undefined;
  if (ts.isIdentifier(node)) entity = cx.program.resolveImport(cx.scope.lookup(node.text));
  else if (ts.isPropertyAccessExpression(node)) {
    const container = staticEntity(cx, node.expression);
    if (container?.kind === 'namespace' || container?.kind === 'import') {
      entity = memberOf(cx.program, container, node.name.text);
    }
  }
  switch (entity?.kind) {
    case 'namespace':
    case 'import':
    case 'enum':
    case 'classTemplate':
      return entity;
    default:
      return undefined;
  }
}

export function checkMember(cx: Context, node: ts.PropertyAccessExpression, want: Type | undefined): Expr {
  const container = staticEntity(cx, node.expression);
  const name = node.name.text;
  if (container !== undefined) return staticMember(cx, node, container, want);
  const object = checkExpression(cx, node.expression);
  return object.type.kind === 'error' ? object : memberOfValue(cx, node, object, name);
}

function staticMember(
  cx: Context,
  node: ts.PropertyAccessExpression,
  container: Container,
  want: Type | undefined,
): Expr {
  const entity = staticMemberEntity(cx, container, node);
  if (entity === undefined) {
    if (container.kind === 'enum') {
      const type = enumType(cx.program, container);
      const value = type.kind === 'enum' ? type.members.get(node.name.text) : undefined;
      if (value !== undefined) return constant(node, type, value);
    }
    return cx.fail(2003, node.name, node.expression.getText(), node.name.text);
  }
  return entityValue(cx, node, entity, want);
}

/** The entity that `Container.name` stands for; undefined for enum members and unknown names. */
export function staticMemberEntity(
  cx: Context,
  container: Container,
  node: ts.PropertyAccessExpression,
): Entity | undefined {
  const name = node.name.text;
  if (container.kind === 'namespace' || container.kind === 'import')
    return memberOf(cx.program, container, name);
  if (container.kind === 'enum') return undefined;
  const args = (container.declaration.typeParameters ?? []).map(() => U64);
  return instantiateClass(cx.program, container, args, node)?.find((instance) => instance.statics, name);
}

/** `object.name` for a value. */
export function memberOfValue(cx: Context, node: ts.Node, object: Expr, name: string): Expr {
  const { type } = object;
  const unknown = (): Expr => cx.fail(2003, node, typeName(type), name);
  switch (type.kind) {
    case 'class':
      return classMember(cx, node, object, name) ?? unknown();
    case 'array':
      if (name === 'length') return constant(node, U64, BigInt(type.count));
      return name === 'ptr' ? retype(object, ptrOf(type.elem, type.persistent)) : unknown();
    case 'slice':
      if (name === 'length') return { kind: 'spanLength', node, type: U64, span: object };
      if (name !== 'ptr') return unknown();
      return { kind: 'spanPointer', node, type: ptrOf(type.elem, type.persistent), span: object };
    case 'str':
      if (name === 'length') {
        if (object.kind === 'str') return constant(node, U64, BigInt(object.bytes.length));
        return { kind: 'spanLength', node, type: U64, span: object };
      }
      if (name === 'ptr') return { kind: 'spanPointer', node, type: ptrOf(U8), span: object };
      return name === 'bytes' ? retype(object, sliceOf(U8)) : unknown();
    case 'ptr':
      return name === 'address' ? retype(object, U64) : unknown();
    default:
      return unknown();
  }
}

function classMember(cx: Context, node: ts.Node, object: Expr, name: string): Expr | undefined {
  if (object.type.kind !== 'class') return undefined;
  const { instance } = object.type;
  const field = instance.field(name);
  if (field !== undefined) {
    return {
      kind: 'field',
      node,
      type: valueType(field.type),
      object,
      offset: field.offset,
      storage: field.type,
      persistent: instance.isPersistent && holdsPointer(field.type),
      isVolatile: field.isVolatile,
      logged: instance.isPersistent || isLogged(object),
    };
  }
  const getter = instance.find((i) => i.getters, name);
  if (getter !== undefined) {
    const call = functionValue(cx, node, getter, undefined);
    if (call.kind !== 'function') return call;
    return { kind: 'call', node, type: call.target.result, target: call.target, args: [object] };
  }
  if (instance.find((i) => i.methods, name) !== undefined) return cx.fail(2028, node, name);
  return undefined;
}

/** A place in memory whose value is its address. */
export const isStoredInPlace = (expr: Expr): boolean =>
  (expr.kind === 'field' || expr.kind === 'element') && isInPlace(expr.storage);
