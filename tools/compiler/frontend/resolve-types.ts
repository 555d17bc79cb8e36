/** From type annotations to types: names, generics, classes and their layout, enums, and the rules of persistence. */
import * as ts from 'typescript';
import { readAttributes } from './attributes.ts';
import { Context } from './context.ts';
import {
  ClassInstance,
  type ClassTemplate,
  type Entity,
  type EnumEntity,
  FunctionTemplate,
  GlobalVariable,
  Scope,
} from './entities.ts';
import { checkExpression } from './expressions.ts';
import type { Program } from './program.ts';
import {
  alignOf,
  arrayOf,
  type ClassType,
  type EnumType,
  ERROR,
  type Field,
  fnOf,
  hasReferences,
  I32,
  inlineOf,
  intRange,
  isNullable,
  type Layout,
  NAMED_TYPES,
  NEVER,
  ptrOf,
  sizeOf,
  sliceOf,
  type Type,
  typeName,
  UNTYPED_INT,
  VOID,
} from './types.ts';

/** Generic instances may nest this deep before we suppose that they never end. */
const MAX_DEPTH = 24;

/**
 * The type that an annotation names. `storage` allows `Inline<T>` at the top; `persistent` says that the
 * storage belongs to a persistent class.
 */
export function resolveType(
  program: Program,
  scope: Scope,
  node: ts.TypeNode,
  storage = false,
  persistent = false,
): Type {
  const fail = (text: string): Type => {
    program.diagnostics.report(1011, node, text);
    return ERROR;
  };
  switch (node.kind) {
    case ts.SyntaxKind.VoidKeyword:
      return VOID;
    case ts.SyntaxKind.NeverKeyword:
      return NEVER;
    case ts.SyntaxKind.BooleanKeyword:
      return NAMED_TYPES.get('bool')!;
    case ts.SyntaxKind.StringKeyword:
      return NAMED_TYPES.get('str')!;
    case ts.SyntaxKind.AnyKeyword:
    case ts.SyntaxKind.UnknownKeyword:
    case ts.SyntaxKind.NumberKeyword:
    case ts.SyntaxKind.BigIntKeyword:
    case ts.SyntaxKind.ObjectKeyword:
    case ts.SyntaxKind.SymbolKeyword:
      program.diagnostics.report(1012, node, node.getText());
      return ERROR;
  }
  if (ts.isParenthesizedTypeNode(node)) return resolveType(program, scope, node.type, storage, persistent);
  if (ts.isTypeOperatorNode(node) && node.operator === ts.SyntaxKind.ReadonlyKeyword) {
    return resolveType(program, scope, node.type, storage, persistent);
  }
  if (ts.isUnionTypeNode(node)) {
    const parts = node.types.filter((part) => !isNullNode(part));
    if (parts.length !== 1 || parts.length === node.types.length) return fail(node.getText());
    const type = resolveType(program, scope, parts[0]!, false, persistent);
    return type.kind === 'error' || isNullable(type) ? type : fail(node.getText());
  }
  if (ts.isFunctionTypeNode(node)) {
    const params = node.parameters.map((parameter) => {
      if (parameter.type !== undefined) return resolveType(program, scope, parameter.type, true);
      program.diagnostics.report(1018, parameter, parameter.name.getText());
      return ERROR;
    });
    return fnOf(params, resolveType(program, scope, node.type, true));
  }
  if (ts.isTypeReferenceNode(node)) return resolveReference(program, scope, node, storage, persistent);
  if (ts.isThisTypeNode(node)) {
    const entity = scope.lookup('this type');
    if (entity?.kind === 'type') return entity.type;
  }
  return fail(node.getText().split('\n')[0]!);
}

const isNullNode = (node: ts.TypeNode): boolean =>
  ts.isLiteralTypeNode(node) && node.literal.kind === ts.SyntaxKind.NullKeyword;

/** Finds what a possibly qualified name stands for. */
export function resolveEntityName(program: Program, scope: Scope, name: ts.EntityName): Entity | undefined {
  if (ts.isIdentifier(name)) return program.resolveImport(scope.lookup(name.text));
  return memberOf(program, resolveEntityName(program, scope, name.left), name.right.text);
}

/** A member of a namespace or of a module imported as a whole. */
export function memberOf(program: Program, container: Entity | undefined, name: string): Entity | undefined {
  if (container?.kind === 'namespace') {
    if (container.exported !== undefined && !container.exported.has(name)) return undefined;
    return program.resolveImport(container.scope.names.get(name));
  }
  if (container?.kind === 'import') return program.resolveImport(program.findExport(container.module, name));
  return undefined;
}

function resolveReference(
  program: Program,
  scope: Scope,
  node: ts.TypeReferenceNode,
  storage: boolean,
  persistent: boolean,
): Type {
  const { diagnostics } = program;
  const args = node.typeArguments ?? [];
  const entity = resolveEntityName(program, scope, node.typeName);
  const name = node.typeName.getText();
  if (entity === undefined) return resolveBuiltIn(program, scope, node, name, args, storage, persistent);
  const count = (expected: number): boolean => {
    if (args.length === expected) return true;
    diagnostics.report(2020, node, expected, args.length);
    return false;
  };
  switch (entity.kind) {
    case 'type':
      return !storage && entity.type.kind === 'inline' ? entity.type.of : entity.type;
    case 'enum':
      return count(0) ? enumType(program, entity) : ERROR;
    case 'alias': {
      const parameters = entity.declaration.typeParameters ?? [];
      if (!count(parameters.length)) return ERROR;
      if (entity.resolving) {
        diagnostics.report(3004, node, entity.name);
        return ERROR;
      }
      const inner = new Scope(entity.scope, entity.scope.module);
      parameters.forEach((parameter, index) => {
        const type = resolveType(program, scope, args[index]!, true);
        inner.names.set(parameter.name.text, { kind: 'type', type });
      });
      entity.resolving = true;
      const type = resolveType(program, inner, entity.declaration.type, storage, persistent);
      entity.resolving = false;
      return type;
    }
    case 'classTemplate': {
      if (!count(entity.declaration.typeParameters?.length ?? 0)) return ERROR;
      const types = args.map((arg) => resolveType(program, scope, arg, true));
      return instantiateClass(program, entity, types, node)?.type ?? ERROR;
    }
    default:
      diagnostics.report(2002, node, name);
      return ERROR;
  }
}

/** `Ptr`, `Slice`, `FixedArray`, `Inline` and the numbers. */
function resolveBuiltIn(
  program: Program,
  scope: Scope,
  node: ts.TypeReferenceNode,
  name: string,
  args: readonly ts.TypeNode[],
  storage: boolean,
  persistent: boolean,
): Type {
  const { diagnostics } = program;
  const named = NAMED_TYPES.get(name);
  if (named !== undefined) return named;
  const expected = { Ptr: 1, PersistentPtr: 1, Slice: 1, FixedArray: 2, Inline: 1 }[name];
  if (expected === undefined) {
    diagnostics.report(2001, node, name);
    return ERROR;
  }
  if (args.length !== expected) {
    diagnostics.report(2020, node, expected, args.length);
    return ERROR;
  }
  const inner = resolveType(program, scope, args[0]!, true, persistent || name === 'PersistentPtr');
  if (inner.kind === 'error') return ERROR;
  if ((inner.kind === 'void' || inner.kind === 'never') && !name.endsWith('Ptr')) {
    diagnostics.report(2030, args[0]!, inner.kind);
    return ERROR;
  }
  switch (name) {
    case 'Ptr':
      return ptrOf(inner);
    case 'PersistentPtr':
      return ptrOf(inner, true);
    case 'Slice':
      return sliceOf(inner);
    case 'Inline':
      if (inner.kind === 'class' && storage) return inlineOf(inner);
      diagnostics.report(3012, node);
      return ERROR;
    default: {
      const count = arrayLength(program, scope, args[1]!);
      if (count === undefined) return ERROR;
      if (sizeOf(inner) * count > LARGEST) {
        diagnostics.report(3015, node, `FixedArray<${typeName(inner)}, ${count}>`);
        return ERROR;
      }
      return arrayOf(inner, count, persistent);
    }
  }
}

/** The `N` of `FixedArray<T, N>`: a number, or `typeof CONSTANT`. */
function arrayLength(program: Program, scope: Scope, node: ts.TypeNode): number | undefined {
  const cx = new Context(program, scope, undefined);
  let value: bigint | undefined;
  if (ts.isLiteralTypeNode(node) && ts.isNumericLiteral(node.literal)) {
    const expr = checkExpression(cx, node.literal);
    if (expr.kind === 'const') value = expr.value;
  } else if (ts.isTypeQueryNode(node)) {
    const expr = constantOfName(cx, node.exprName);
    if (expr !== undefined) value = expr;
  } else if (ts.isTypeReferenceNode(node)) {
    // An enum member or an alias of a literal type: `type N = 16`.
    const entity = resolveEntityName(program, scope, node.typeName);
    if (entity?.kind === 'alias') return arrayLength(program, entity.scope, entity.declaration.type);
  }
  if (value === undefined || value < 1n || value > 0x7fffffffn) {
    program.diagnostics.report(3013, node);
    return undefined;
  }
  return Number(value);
}

function constantOfName(cx: Context, name: ts.EntityName): bigint | undefined {
  const expr = checkExpression(cx, name as unknown as ts.Expression);
  return expr.kind === 'const' ? expr.value : undefined;
}

/** The type of an enum; members are computed on first use. */
export function enumType(program: Program, entity: EnumEntity): Type {
  if (entity.type !== undefined) return entity.type;
  const attributes = readAttributes(entity.declaration, entity.name, program.diagnostics);
  const underlying = attributes.underlying ?? I32;
  const type: EnumType = { kind: 'enum', name: entity.name, underlying, members: new Map() };
  entity.type = type;
  // Members may use earlier ones by their bare names.
  const scope = new Scope(entity.scope, entity.scope.module);
  const cx = new Context(program, scope, undefined);
  const [low, high] = intRange(underlying);
  let next = 0n;
  for (const member of entity.declaration.members) {
    let value = next;
    if (member.initializer !== undefined) {
      const expr = checkExpression(cx, member.initializer, underlying);
      if (expr.kind === 'const') value = expr.value;
      else if (expr.kind !== 'error') program.diagnostics.report(3001, member.initializer);
    }
    if (value < low || value > high)
      program.diagnostics.report(2014, member, value, underlying.name, low, high);
    const name = ts.isIdentifier(member.name) ? member.name.text : member.name.getText();
    if (type.members.has(name)) program.diagnostics.report(2031, member, name);
    type.members.set(name, value);
    scope.names.set(name, {
      kind: 'constant',
      value: { kind: 'const', node: member, type: UNTYPED_INT, value, wraps: false },
    });
    next = value + 1n;
  }
  return type;
}

/** The class with these type arguments. */
export function instantiateClass(
  program: Program,
  template: ClassTemplate,
  args: readonly Type[],
  node: ts.Node,
  depth = 0,
): ClassInstance | undefined {
  const key = args.map(typeName).join(', ');
  const known = template.instances.get(key);
  if (known !== undefined) return known;
  const nesting = Math.max(depth, ...args.map(typeDepth)) + 1;
  if (nesting > MAX_DEPTH) {
    program.diagnostics.report(2025, node, template.name);
    return undefined;
  }
  const scope = new Scope(template.scope, template.scope.module);
  const name = args.length === 0 ? template.name : `${template.name}<${key}>`;
  const instance = new ClassInstance(template, name, args, scope, nesting, (self) => layoutOf(program, self));
  template.instances.set(key, instance);
  (template.declaration.typeParameters ?? []).forEach((parameter, index) => {
    scope.names.set(parameter.name.text, { kind: 'type', type: args[index]! });
  });
  scope.names.set('this type', { kind: 'type', type: instance.type });
  bindMembers(program, instance);
  return instance;
}

/** How deeply generic instances are nested in a type. */
function typeDepth(type: Type): number {
  switch (type.kind) {
    case 'class':
      return type.instance.depth;
    case 'inline':
      return type.of.instance.depth;
    case 'array':
    case 'slice':
    case 'ptr':
      return typeDepth(type.elem);
    default:
      return 0;
  }
}

function bindMembers(program: Program, instance: ClassInstance): void {
  const { declaration, symbolPrefix } = instance.template;
  const { diagnostics } = program;
  const prefix = `${symbolPrefix}.${instance.name}`;
  for (const clause of declaration.heritageClauses ?? []) {
    if (clause.token !== ts.SyntaxKind.ExtendsKeyword) {
      diagnostics.report(1015, clause, 'implements');
      continue;
    }
    const base = clause.types[0];
    if (base === undefined) {
      diagnostics.report(1021, clause, 'the name of a class');
      continue;
    }
    const type = resolveHeritage(program, instance, base);
    if (type?.kind === 'class') instance.base = type.instance;
    else if (type?.kind !== 'error') diagnostics.report(2002, base, base.getText());
  }
  const seen = new Map<string, ts.SyntaxKind>();
  for (const member of declaration.members) {
    const { scope, type } = instance;
    const isStatic = ts.canHaveModifiers(member)
      ? (ts.getModifiers(member)?.some((modifier) => modifier.kind === ts.SyntaxKind.StaticKeyword) ?? false)
      : false;
    const name = memberName(member);
    const attributes = readAttributes(member, name ?? '', diagnostics);
    if (name !== undefined || ts.isConstructorDeclaration(member)) {
      const key = `${isStatic ? 'static ' : ''}${name ?? 'constructor'}`;
      const before = seen.get(key);
      const isPair = before !== undefined && before !== member.kind && ts.isAccessor(member);
      if (before !== undefined && !isPair) diagnostics.report(2031, member, key);
      seen.set(key, member.kind);
    }
    if (ts.isPropertyDeclaration(member) && member.questionToken !== undefined) {
      diagnostics.report(1015, member, member.getText());
    }
    if (ts.isConstructorDeclaration(member)) {
      if (member.body === undefined) diagnostics.report(1019, member);
      instance.construct ??= new FunctionTemplate('constructor', member, scope, prefix, attributes, type);
    } else if (
      name === undefined ||
      ts.isClassStaticBlockDeclaration(member) ||
      ts.isIndexSignatureDeclaration(member)
    ) {
      diagnostics.report(1015, member, member.getText().split('\n')[0]!);
    } else if (ts.isMethodDeclaration(member)) {
      if (member.body === undefined) diagnostics.report(1019, member);
      const template = new FunctionTemplate(
        name,
        member,
        scope,
        prefix,
        attributes,
        isStatic ? undefined : type,
      );
      if (isStatic) instance.statics.set(name, template);
      else instance.methods.set(name, template);
    } else if (ts.isAccessor(member) && isStatic) {
      diagnostics.report(1015, member, `static accessor ${name}`);
    } else if (ts.isGetAccessorDeclaration(member)) {
      if (member.parameters.length > 0) diagnostics.report(1015, member, 'a get accessor with a parameter');
      instance.getters.set(
        name,
        new FunctionTemplate(`get ${name}`, member, scope, prefix, attributes, type),
      );
    } else if (ts.isSetAccessorDeclaration(member)) {
      if (member.parameters.length !== 1) {
        diagnostics.report(1021, member, 'the one parameter of a set accessor');
        continue;
      }
      instance.setters.set(
        name,
        new FunctionTemplate(`set ${name}`, member, scope, prefix, attributes, type),
      );
    } else if (ts.isPropertyDeclaration(member) && isStatic) {
      const isConst = ts.getModifiers(member)?.some((m) => m.kind === ts.SyntaxKind.ReadonlyKeyword) ?? false;
      const symbol = attributes.exportName ?? `${prefix}.${name}`;
      instance.statics.set(name, new GlobalVariable(name, symbol, member, scope, isConst, false, attributes));
    }
  }
}

/** The name of a member; `[Symbol.dispose]` is called just that. */
export function memberName(member: ts.ClassElement): string | undefined {
  const { name } = member;
  if (name === undefined) return undefined;
  if (ts.isIdentifier(name)) return name.text;
  if (ts.isComputedPropertyName(name)) {
    const text = name.expression.getText();
    return text === 'Symbol.dispose' ? '[Symbol.dispose]' : undefined;
  }
  return undefined;
}

function resolveHeritage(
  program: Program,
  instance: ClassInstance,
  base: ts.ExpressionWithTypeArguments,
): Type | undefined {
  const { scope } = instance;
  const lookup = (node: ts.Expression): Entity | undefined =>
    ts.isIdentifier(node)
      ? program.resolveImport(scope.lookup(node.text))
      : ts.isPropertyAccessExpression(node)
        ? memberOf(program, lookup(node.expression), node.name.text)
        : undefined;
  const entity = lookup(base.expression);
  if (entity?.kind !== 'classTemplate') return undefined;
  const args = (base.typeArguments ?? []).map((arg) => resolveType(program, scope, arg, true));
  return instantiateClass(program, entity, args, base, instance.depth)?.type ?? ERROR;
}

/** C layout: fields in order, each at its alignment. */
function layoutOf(program: Program, instance: ClassInstance): Layout {
  const { diagnostics } = program;
  const { declaration, isPersistent, attributes } = instance.template;
  const empty: Layout = { size: 0, align: 1, fields: [] };
  if (instance.computing) {
    diagnostics.report(3004, declaration.name ?? declaration, instance.name);
    return empty;
  }
  instance.computing = true;
  const base = instance.base?.layout() ?? empty;
  if (isPersistent && instance.base !== undefined && !instance.base.isPersistent) {
    if (base.fields.some((field) => hasReferences(field.type))) {
      diagnostics.report(4004, declaration.name ?? declaration, instance.name, instance.base.name);
    }
  }
  const fields: Field[] = [...base.fields];
  let size = base.size;
  let align = Math.max(base.align, attributes.align);
  for (const member of declaration.members) {
    if (
      !ts.isPropertyDeclaration(member) ||
      member.modifiers?.some((m) => m.kind === ts.SyntaxKind.StaticKeyword)
    ) {
      continue;
    }
    const name = memberName(member);
    if (name === undefined) continue;
    if (member.type === undefined) {
      diagnostics.report(1018, member, name);
      continue;
    }
    const type = resolveType(program, instance.scope, member.type, true, isPersistent);
    if (type.kind === 'error') continue;
    if (type.kind === 'void' || type.kind === 'never') {
      diagnostics.report(2030, member, type.kind);
      continue;
    }
    if (isPersistent) checkPersistentField(program, instance, member, type);
    const attributes = readAttributes(member, name, diagnostics);
    const fieldAlign = Math.max(alignOf(type), attributes.align);
    const offset = alignUp(size, fieldAlign);
    fields.push({ name, type, offset, isVolatile: attributes.isVolatile, declaration: member });
    size = offset + sizeOf(type);
    align = Math.max(align, fieldAlign);
  }
  instance.computing = false;
  if (size > LARGEST) {
    diagnostics.report(3015, declaration.name ?? declaration, instance.name);
    return empty;
  }
  return { size: alignUp(size, align), align, fields };
}

/** Bytes of the largest struct or array: offsets are 32-bit numbers in machine code. */
const LARGEST = 0x7fff_ffff;

const alignUp = (value: number, align: number): number => Math.ceil(value / align) * align;

/** Everything that would be a volatile address in a persistent object. */
function checkPersistentField(
  program: Program,
  instance: ClassInstance,
  member: ts.PropertyDeclaration,
  type: Type,
): void {
  const reason = volatilePart(type);
  if (reason !== undefined) program.diagnostics.report(4001, member, instance.name, typeName(type), reason);
}

/** Why storage of this type cannot lie in a persistent object; undefined when it can. */
function volatilePart(type: Type): string | undefined {
  switch (type.kind) {
    case 'class':
      return type.instance.isPersistent ? undefined : `'${type.instance.name}' is not persistent`;
    case 'ptr':
      return type.persistent ? undefined : 'a raw address';
    case 'slice':
    case 'str':
      return 'it contains a raw address';
    case 'fn':
      return 'the address of code';
    case 'array':
      return volatilePart(type.elem);
    case 'inline':
      return inlinePart(type.of);
    default:
      return undefined;
  }
}

const inlinePart = (type: ClassType): string | undefined =>
  !type.instance.isPersistent && hasReferences(inlineOf(type))
    ? `'${type.instance.name}' is not persistent and holds references`
    : undefined;
