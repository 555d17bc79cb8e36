/**
 * Functions: instances of templates, their signatures, functions as values, and the check of bodies. A body is
 * checked when the program's work queue reaches its instance, so recursion needs no special care.
 */
import * as ts from 'typescript';
import { nakedBody } from './asm.ts';
import { hasModifier, readAttributes } from './attributes.ts';
import { isConstant } from './constants.ts';
import { Context } from './context.ts';
import { FunctionInstance, FunctionTemplate, type FunctionInstance as Instance } from './entities.ts';
import { checkAs, checkValue } from './expressions.ts';
import { declarationSymbol, type Program } from './program.ts';
import { resolveType } from './resolve-types.ts';
import { checkStatements, endsAlways } from './statements.ts';
import type { Expr, LocalVariable, Logging } from './tree.ts';
import { ERROR, type FnType, fnOf, NEVER, type Type, typeName, VOID, valueType } from './types.ts';

const MAX_DEPTH = 24;

/** The instance of a template for type arguments, queued for checking when it is new. */
export function instantiate(
  program: Program,
  template: FunctionTemplate,
  args: readonly Type[],
  node: ts.Node,
  depth = 0,
  wanted?: FnType,
): Instance | undefined {
  const key = args.map(typeName).join(', ');
  const known = template.instances.get(key);
  if (known !== undefined) return known;
  if (depth > MAX_DEPTH) {
    program.diagnostics.report(2025, node, template.name);
    return undefined;
  }
  const instance = new FunctionInstance(template, symbolName(template, key), depth);
  template.instances.set(key, instance);
  template.typeParameters.forEach((parameter, index) => {
    instance.scope.names.set(parameter.name.text, { kind: 'type', type: args[index] ?? ERROR });
  });
  resolveSignature(program, instance, wanted);
  program.functions.push(instance);
  return instance;
}

function symbolName(template: FunctionTemplate, key: string): string {
  const { exportName } = template.attributes;
  if (exportName !== undefined) return exportName;
  const isDeclared =
    ts.isFunctionDeclaration(template.declaration) && template.declaration.body === undefined;
  if (isDeclared) return template.name;
  return `${template.symbolPrefix}.${template.name}${key === '' ? '' : `<${key}>`}`;
}

/** Resolves parameter and result types. Arrow functions may take them from the type that is wanted. */
function resolveSignature(program: Program, instance: Instance, wanted: FnType | undefined): void {
  const { template, scope } = instance;
  const { declaration } = template;
  const { diagnostics } = program;
  if (template.thisType !== undefined) {
    instance.thisVariable = parameter('this', template.thisType, declaration, true);
    scope.names.set('this', { kind: 'local', variable: instance.thisVariable, owner: instance });
  }
  if (declaration.asteriskToken !== undefined || hasModifier(declaration, ts.SyntaxKind.AsyncKeyword)) {
    diagnostics.report(1003, declaration);
  }
  declaration.parameters.forEach((node, index) => {
    if (!ts.isIdentifier(node.name)) {
      diagnostics.report(1004, node.name);
      return;
    }
    const isThis = node.name.text === 'this';
    if (node.dotDotDotToken !== undefined || node.questionToken !== undefined || isThis) {
      diagnostics.report(1019, node);
    } else if (instance.params.some(({ name }) => name === (node.name as ts.Identifier).text)) {
      diagnostics.report(2031, node, node.name.text);
    }
    let type = wanted?.params[index] ?? ERROR;
    if (node.type !== undefined) type = resolveType(program, scope, node.type, true);
    else if (wanted === undefined) diagnostics.report(1018, node, node.name.text);
    if (type.kind === 'void' || type.kind === 'never') diagnostics.report(2030, node, type.kind);
    const variable = parameter(node.name.text, valueType(type), node, false);
    instance.params.push(variable);
    instance.passed.push(type);
    scope.names.set(variable.name, { kind: 'local', variable, owner: instance });
    let value: Expr | undefined;
    if (node.initializer !== undefined) {
      value = checkAs(new Context(program, template.scope, undefined), node.initializer, type);
      if (!isConstant(value) && value.kind !== 'error') diagnostics.report(3001, node.initializer);
    }
    instance.defaults.push(value);
  });
  instance.result = resultType(program, instance, wanted);
}

function resultType(program: Program, instance: Instance, wanted: FnType | undefined): Type {
  const { declaration, name } = instance.template;
  if (declaration.type !== undefined) {
    if (ts.isTypePredicateNode(declaration.type)) {
      program.diagnostics.report(1011, declaration.type, declaration.type.getText());
      return ERROR;
    }
    return resolveType(program, instance.scope, declaration.type, true);
  }
  if (ts.isConstructorDeclaration(declaration) || ts.isSetAccessorDeclaration(declaration)) return VOID;
  if (wanted !== undefined) return wanted.result;
  const { body } = declaration;
  if (ts.isArrowFunction(declaration) && body !== undefined && !ts.isBlock(body)) {
    return checkValue(new Context(program, instance.scope, instance), body as ts.Expression).type;
  }
  program.diagnostics.report(1017, declaration.name ?? declaration, name);
  return ERROR;
}

const parameter = (name: string, type: Type, node: ts.Node, isConst: boolean): LocalVariable => ({
  name,
  type,
  node,
  isParam: true,
  isConst,
  addressTaken: false,
});

/** The type of a function as a value; `this` is not part of it. */
export const functionType = (instance: Instance): FnType => fnOf(instance.passed, instance.result);

/** A function named as a value (or about to be called). */
export function functionValue(
  cx: Context,
  node: ts.Node,
  template: FunctionTemplate,
  want: Type | undefined,
): Expr {
  if (template.typeParameters.length > 0) {
    const first = template.typeParameters[0]!.name.text;
    return cx.fail(2019, node, first, template.name);
  }
  const wanted = want?.kind === 'fn' ? want : undefined;
  const target = instantiate(cx.program, template, [], node, 0, undefined);
  if (target === undefined) return { kind: 'error', node, type: wanted ?? ERROR };
  return { kind: 'function', node, type: functionType(target), target };
}

/** `(a) => a + 1`, `function (a: u64): u64 { … }`: a function without a name, which may not capture. */
export function functionExpression(
  cx: Context,
  node: ts.ArrowFunction | ts.FunctionExpression,
  want: Type | undefined,
): Expr {
  const wanted = want?.kind === 'fn' ? want : undefined;
  const { module } = cx.scope;
  const owner = cx.func?.symbolName ?? declarationSymbol(module, node);
  const name = node.name?.text ?? `lambda${cx.program.nextAnonymous(owner)}`;
  const attributes = readAttributes(node, name, cx.program.diagnostics);
  const template = new FunctionTemplate(name, node, cx.scope, owner, attributes, undefined);
  const target = instantiate(cx.program, template, [], node, cx.func?.depth ?? 0, wanted);
  if (target === undefined) return { kind: 'error', node, type: ERROR };
  return { kind: 'function', node, type: functionType(target), target };
}

/** Checks the body of an instance. */
export function checkBody(program: Program, instance: Instance): void {
  if (instance.checked) return;
  instance.checked = true;
  const { template } = instance;
  const { declaration } = template;
  const body: ts.ConciseBody | undefined = declaration.body;
  if (body === undefined) {
    const isDeclared = hasModifier(declaration, ts.SyntaxKind.DeclareKeyword);
    if (!isDeclared) program.diagnostics.report(2029, declaration, template.name);
    return;
  }
  const cx = new Context(program, instance.scope, instance);
  if (template.attributes.naked) {
    instance.naked = nakedBody(cx, declaration, body);
    return;
  }
  for (const param of instance.params) cx.logging ??= transactionLogging(program, param);
  if (!ts.isBlock(body)) {
    const isVoid = instance.result === VOID;
    const value = isVoid ? checkValue(cx, body) : checkAs(cx, body, instance.result);
    instance.body = [
      isVoid ? { kind: 'expression', node: body, expr: value } : { kind: 'return', node: body, value },
    ];
    return;
  }
  instance.body = cx.inScope(() => checkStatements(cx, body.statements));
  const { result } = instance;
  if (result !== VOID && result !== NEVER && result !== ERROR && !endsAlways(instance.body)) {
    program.diagnostics.report(2021, declaration.type ?? declaration.name ?? declaration, typeName(result));
  }
}

/** If a variable's type is a transaction class: how stores are logged while it is in scope. */
export function transactionLogging(program: Program, variable: LocalVariable): Logging | undefined {
  const { type } = variable;
  if (type.kind !== 'class' || !type.instance.template.isTransaction) return undefined;
  const template = type.instance.find((instance) => instance.methods, 'record');
  const record = template && instantiate(program, template, [], template.declaration);
  const fits =
    record !== undefined &&
    record.params.length === 2 &&
    record.params.every((param) => param.type.kind === 'int' && param.type.name === 'u64');
  if (!fits) {
    const { declaration } = type.instance.template;
    program.diagnostics.report(4003, declaration.name ?? declaration, type.instance.name);
    return undefined;
  }
  return { transaction: variable, record };
}
