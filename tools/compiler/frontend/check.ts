/**
 * Drives checking. `checkReachable` checks what a program's roots reach (for building); `checkEverything` checks all
 * that the loaded modules declare, used or not (for editors). Generic code is checked for each set of type
 * arguments that occurs.
 */
import * as ts from 'typescript';
import { Context } from './context.ts';
import {
  ClassTemplate,
  type Entity,
  type FunctionInstance,
  FunctionTemplate,
  GlobalVariable,
  type Module,
  type Scope,
} from './entities.ts';
import { checkExpression } from './expressions.ts';
import { checkBody, instantiate } from './functions.ts';
import { keep, resolveGlobal } from './globals.ts';
import type { Program } from './program.ts';
import { enumType, instantiateClass, resolveType } from './resolve-types.ts';

/** Checks the bodies of all functions reached so far, and of those that they reach. */
export function checkQueued(program: Program): void {
  for (let index = program.checkedFunctions; index < program.functions.length; index++) {
    checkBody(program, program.functions[index]!);
  }
  program.checkedFunctions = program.functions.length;
}

/** Everything in the loaded modules. Modules that imports load meanwhile are included. */
export function checkEverything(program: Program): void {
  if (program.diagnostics.hasSyntaxErrors) return;
  for (const module of program.modules.values()) {
    checkScope(program, module.scope);
    checkTopLevel(program, module);
  }
  checkQueued(program);
  for (const module of program.modules.values()) checkLayouts(module.scope);
}

/** What generic classes are with the type arguments that occurred. */
function checkLayouts(scope: Scope): void {
  for (const entity of scope.names.values()) {
    if (entity instanceof ClassTemplate) for (const instance of entity.instances.values()) instance.layout();
    else if (entity.kind === 'namespace') checkLayouts(entity.scope);
  }
}

function checkScope(program: Program, scope: Scope): void {
  for (const entity of scope.names.values()) checkEntity(program, entity);
}

function checkEntity(program: Program, entity: Entity): void {
  if (entity instanceof FunctionTemplate) {
    if (entity.typeParameters.length === 0) instantiate(program, entity, [], entity.declaration);
  } else if (entity instanceof GlobalVariable) {
    resolveGlobal(program, entity, entity.declaration);
  } else if (entity instanceof ClassTemplate) {
    if ((entity.declaration.typeParameters?.length ?? 0) > 0) return;
    const instance = instantiateClass(program, entity, [], entity.declaration);
    if (instance === undefined) return;
    instance.layout();
    for (const table of [instance.methods, instance.getters, instance.setters, instance.statics]) {
      for (const member of table.values()) checkEntity(program, member);
    }
    if (instance.construct !== undefined) checkEntity(program, instance.construct);
  } else if (entity.kind === 'enum') {
    enumType(program, entity);
  } else if (entity.kind === 'namespace') {
    checkScope(program, entity.scope);
  } else if (entity.kind === 'alias') {
    if (!entity.declaration.typeParameters?.length) {
      resolveType(program, entity.scope, entity.declaration.type, true);
    }
  } else if (entity.kind === 'import' && entity.name !== undefined) {
    program.resolveImport(entity);
  }
}

/** Top-level statements that are not declarations: `static_assert`, and nothing else. */
export function checkTopLevel(program: Program, module: Module): void {
  const check = (statements: readonly ts.Statement[], scope: Scope): void => {
    const cx = new Context(program, scope, undefined);
    for (const statement of statements) {
      if (ts.isExpressionStatement(statement)) {
        const { expression } = statement;
        const isAssertion =
          ts.isCallExpression(expression) && expression.expression.getText() === 'static_assert';
        if (isAssertion) checkExpression(cx, expression);
        else program.diagnostics.report(1020, statement, 'Statements that run');
      } else if (!isDeclaration(statement)) {
        program.diagnostics.report(1020, statement, 'Statements that run');
      } else if (ts.isModuleDeclaration(statement)) checkNamespace(statement, scope);
    }
  };
  const checkNamespace = ({ name, body }: ts.ModuleDeclaration, scope: Scope): void => {
    const entity = scope.names.get(name.text);
    if (entity?.kind !== 'namespace' || body === undefined) return;
    if (ts.isModuleBlock(body)) check(body.statements, entity.scope);
    else if (ts.isModuleDeclaration(body)) checkNamespace(body, entity.scope);
  };
  check(module.source.statements, module.scope);
}

const isDeclaration = (statement: ts.Statement): boolean =>
  ts.isFunctionDeclaration(statement) ||
  ts.isClassDeclaration(statement) ||
  ts.isEnumDeclaration(statement) ||
  ts.isTypeAliasDeclaration(statement) ||
  ts.isInterfaceDeclaration(statement) ||
  ts.isModuleDeclaration(statement) ||
  ts.isVariableStatement(statement) ||
  ts.isImportDeclaration(statement) ||
  ts.isExportDeclaration(statement) ||
  ts.isEmptyStatement(statement);

/** What is part of an entry's program whoever refers to it. */
export type Root = FunctionInstance | GlobalVariable;

/**
 * Reaches what has `@export` or `@used` in the entry module and in those that it imports, and what `names` of the entry module names; gives
 * these roots.
 */
export function checkReachable(program: Program, entry: Module, names: readonly string[]): Root[] {
  if (program.diagnostics.hasSyntaxErrors) return [];
  const roots = new Set<Root>();
  const reach = (entity: Entity): void => {
    const root = reachEntity(program, entity);
    if (root !== undefined) roots.add(root);
  };
  for (const name of names) {
    const entity = entry.scope.names.get(name);
    if (entity?.kind !== 'function' && entity?.kind !== 'globalVariable') continue;
    entity.attributes.used = true;
    // The entry code of bare-metal programs calls `main`.
    if (name === 'main') entity.attributes.exportName ??= name;
    reach(entity);
  }
  for (const module of program.importedBy(entry)) {
    if (!module.checked) checkTopLevel(program, module);
    module.checked = true;
    forEachRoot(module.scope, reach);
  }
  checkQueued(program);
  return [...roots];
}

function forEachRoot(scope: Scope, reach: (entity: Entity) => void): void {
  for (const entity of scope.names.values()) {
    if (entity.kind === 'namespace') forEachRoot(entity.scope, reach);
    else if (entity.kind === 'function' || entity.kind === 'globalVariable') {
      const { exportName, used } = entity.attributes;
      if (exportName !== undefined || used) reach(entity);
    }
  }
}

function reachEntity(program: Program, entity: Entity): Root | undefined {
  if (entity.kind === 'function' && entity.typeParameters.length === 0) {
    return instantiate(program, entity, [], entity.declaration);
  }
  if (entity.kind !== 'globalVariable') return undefined;
  resolveGlobal(program, entity, entity.declaration);
  if (entity.type === undefined || entity.type.kind === 'error' || entity.storage === undefined)
    return undefined;
  keep(program, entity);
  return entity;
}
