/** Checks statements. Declarations inside of functions are bound to the block's scope before its statements are checked. */
import * as ts from 'typescript';
import { isConstant } from './constants.ts';
import type { Context } from './context.ts';
import { coerce, withDefaultType } from './convert.ts';
import {
  checkAs,
  checkCondition,
  checkExpression,
  checkValue,
  elementStorage,
  holdsPointer,
} from './expressions.ts';
import { instantiate, transactionLogging } from './functions.ts';
import { declare } from './program.ts';
import { resolveType } from './resolve-types.ts';
import type { Expr, JumpTarget, LocalVariable, Stmt } from './tree.ts';
import { ERROR, intOf, isUntyped, NEVER, type Type, typeName, VOID, valueType } from './types.ts';

/** The statements of a block, in the scope that is current. */
export function checkStatements(cx: Context, statements: readonly ts.Statement[]): Stmt[] {
  for (const statement of statements) bindLocal(cx, statement);
  const checked: Stmt[] = [];
  for (let index = 0; index < statements.length; index++) {
    const statement = statements[index]!;
    if (isUsing(statement)) {
      // What follows in the block is the scope that the resource guards.
      const using = usingStatement(cx, statement, statements.slice(index + 1));
      if (using !== undefined) checked.push(using);
      break;
    }
    checked.push(...checkStatement(cx, statement));
  }
  return checked;
}

/** Functions, classes, enums and aliases are visible in their whole block. */
function bindLocal(cx: Context, statement: ts.Statement): void {
  if (ts.isVariableStatement(statement)) return;
  const owner = cx.func?.symbolName ?? cx.scope.module.symbolPrefix;
  for (const [name, entity] of declare(cx.program, cx.scope, statement, owner)) {
    if (!cx.scope.declare(name, entity)) cx.report(2031, statement, name);
  }
}

const isUsing = (statement: ts.Statement): statement is ts.VariableStatement =>
  ts.isVariableStatement(statement) &&
  (statement.declarationList.flags & ts.NodeFlags.BlockScoped) === ts.NodeFlags.Using;

function checkStatement(cx: Context, node: ts.Statement): Stmt[] {
  if (ts.isVariableStatement(node)) return variables(cx, node.declarationList);
  if (ts.isExpressionStatement(node)) {
    return [
      { kind: 'expression', node, expr: withDefaultType(cx, checkExpression(cx, node.expression, VOID)) },
    ];
  }
  if (ts.isBlock(node)) return [block(cx, node, undefined)];
  if (ts.isIfStatement(node)) return checkIf(cx, node);
  if (
    ts.isWhileStatement(node) ||
    ts.isDoStatement(node) ||
    ts.isForStatement(node) ||
    ts.isForOfStatement(node)
  ) {
    return [loop(cx, node, undefined)];
  }
  if (ts.isSwitchStatement(node)) return [switchStatement(cx, node, undefined)];
  if (ts.isLabeledStatement(node)) return [labeled(cx, node)];
  if (ts.isBreakStatement(node) || ts.isContinueStatement(node)) return jump(cx, node);
  if (ts.isReturnStatement(node)) return [returnStatement(cx, node)];
  switch (node.kind) {
    case ts.SyntaxKind.EmptyStatement:
    case ts.SyntaxKind.FunctionDeclaration:
    case ts.SyntaxKind.ClassDeclaration:
    case ts.SyntaxKind.EnumDeclaration:
    case ts.SyntaxKind.TypeAliasDeclaration:
    case ts.SyntaxKind.InterfaceDeclaration:
      return [];
    case ts.SyntaxKind.TryStatement:
    case ts.SyntaxKind.ThrowStatement:
      cx.report(1002, node);
      return [];
    case ts.SyntaxKind.ForInStatement:
      cx.report(1006, node, 'for … in');
      return [];
    case ts.SyntaxKind.WithStatement:
      cx.report(1006, node, 'with');
      return [];
    default:
      cx.report(1020, node, 'Such statements');
      return [];
  }
}

/** One statement as the body of another: its own scope. */
function scoped(cx: Context, node: ts.Statement): Stmt {
  if (ts.isBlock(node)) return block(cx, node, undefined);
  const body = cx.inScope(() => checkStatements(cx, [node]));
  return body.length === 1 ? body[0]! : { kind: 'block', node, body, target: undefined };
}

const block = (cx: Context, node: ts.Block, target: JumpTarget | undefined): Stmt => ({
  kind: 'block',
  node,
  body: cx.inScope(() => checkStatements(cx, node.statements)),
  target,
});

function within<T>(cx: Context, target: JumpTarget, body: () => T): T {
  cx.targets.push(target);
  try {
    return body();
  } finally {
    cx.targets.pop();
  }
}

// ------------------------------------------------------------------------------------------------------ variables

function variables(cx: Context, list: ts.VariableDeclarationList): Stmt[] {
  const flags = list.flags & ts.NodeFlags.BlockScoped;
  if (flags === 0) cx.report(1001, list);
  if (list.declarations.length === 0) cx.report(1021, list, 'a name');
  const isConst = flags === ts.NodeFlags.Const;
  return list.declarations.flatMap((declaration): Stmt[] => {
    if (!ts.isIdentifier(declaration.name)) {
      cx.report(1004, declaration.name);
      return [];
    }
    return variable(cx, declaration, declaration.name.text, isConst);
  });
}

function variable(cx: Context, declaration: ts.VariableDeclaration, name: string, isConst: boolean): Stmt[] {
  const { initializer } = declaration;
  let type = declaration.type && resolveType(cx.program, cx.scope, declaration.type);
  let initialiser: Expr | undefined;
  if (initializer !== undefined) {
    const value = checkExpression(cx, initializer, type);
    if (
      type === undefined &&
      isConst &&
      isConstant(value) &&
      (isUntyped(value.type) || value.kind === 'str')
    ) {
      cx.scope.names.set(name, { kind: 'constant', value });
      return [];
    }
    initialiser = type === undefined ? withDefaultType(cx, value) : coerce(cx, value, type);
    type ??= initialiser.type;
  }
  if (type === undefined) {
    cx.report(1018, declaration, name);
    type = ERROR;
  }
  if (type.kind === 'void' || type.kind === 'never' || type.kind === 'null') {
    cx.report(2030, declaration, typeName(type));
    type = ERROR;
  }
  const local = declareLocal(cx, name, type, declaration, isConst);
  return [{ kind: 'variable', node: declaration, variable: local, initialiser }];
}

function declareLocal(cx: Context, name: string, type: Type, node: ts.Node, isConst: boolean): LocalVariable {
  const local: LocalVariable = { name, type, node, isParam: false, isConst, addressTaken: false };
  if (cx.func === undefined) return local;
  if (!cx.scope.declare(name, { kind: 'local', variable: local, owner: cx.func }))
    cx.report(2031, node, name);
  return local;
}

function usingStatement(
  cx: Context,
  statement: ts.VariableStatement,
  rest: readonly ts.Statement[],
): Stmt | undefined {
  const [declaration, ...more] = statement.declarationList.declarations;
  if (
    declaration === undefined ||
    !ts.isIdentifier(declaration.name) ||
    declaration.initializer === undefined
  ) {
    return undefined;
  }
  const annotated = declaration.type && resolveType(cx.program, cx.scope, declaration.type);
  const initialiser = annotated
    ? checkAs(cx, declaration.initializer, annotated)
    : checkValue(cx, declaration.initializer);
  const { type } = initialiser;
  const local = declareLocal(cx, declaration.name.text, type, declaration, true);
  const template =
    type.kind === 'class'
      ? type.instance.find((instance) => instance.methods, '[Symbol.dispose]')
      : undefined;
  const dispose = template && instantiate(cx.program, template, [], statement);
  if (dispose === undefined && type.kind !== 'error') cx.report(4002, declaration, typeName(type));
  const logging = transactionLogging(cx.program, local);
  if (logging !== undefined) cx.logging = logging;
  for (const extra of more) cx.report(1020, extra, "Several variables in one 'using'");
  const body = checkStatements(cx, rest);
  if (dispose === undefined) return undefined;
  return { kind: 'using', node: statement, variable: local, initialiser, dispose, body };
}

// ------------------------------------------------------------------------------------------------------- control

function checkIf(cx: Context, node: ts.IfStatement): Stmt[] {
  const condition = checkCondition(cx, node.expression);
  const whenTrue = scoped(cx, node.thenStatement);
  const whenFalse = node.elseStatement && scoped(cx, node.elseStatement);
  return [{ kind: 'if', node, condition, whenTrue, whenFalse }];
}

type LoopNode = ts.WhileStatement | ts.DoStatement | ts.ForStatement | ts.ForOfStatement;

function loop(cx: Context, node: LoopNode, label: string | undefined): Stmt {
  const target: JumpTarget = { label, isLoop: true };
  if (ts.isForOfStatement(node)) return forOf(cx, node, target);
  if (ts.isForStatement(node)) return forLoop(cx, node, target);
  const testFirst = ts.isWhileStatement(node);
  const condition = checkCondition(cx, node.expression);
  const body = within(cx, target, () => scoped(cx, node.statement));
  return { kind: 'loop', node, target, testFirst, condition, step: undefined, body };
}

function forLoop(cx: Context, node: ts.ForStatement, target: JumpTarget): Stmt {
  return cx.inScope((): Stmt => {
    const { initializer } = node;
    const start: Stmt[] = [];
    if (initializer !== undefined) {
      if (ts.isVariableDeclarationList(initializer)) start.push(...variables(cx, initializer));
      else start.push({ kind: 'expression', node: initializer, expr: checkValue(cx, initializer) });
    }
    const condition = node.condition && checkCondition(cx, node.condition);
    const step = node.incrementor && checkStep(cx, node.incrementor);
    const body = within(cx, target, () => scoped(cx, node.statement));
    const inner: Stmt = { kind: 'loop', node, target, testFirst: true, condition, step, body };
    return start.length === 0 ? inner : { kind: 'block', node, body: [...start, inner], target: undefined };
  });
}

const checkStep = (cx: Context, node: ts.Expression): Expr =>
  withDefaultType(cx, checkExpression(cx, node, VOID));

function forOf(cx: Context, node: ts.ForOfStatement, target: JumpTarget): Stmt {
  const sequence = checkExpression(cx, node.expression);
  return cx.inScope((): Stmt => {
    const { initializer } = node;
    const storage = sequence.type.kind === 'ptr' ? undefined : elementStorage(sequence.type);
    if (storage === undefined && sequence.type.kind !== 'error') {
      cx.report(2018, node.expression, typeName(sequence.type));
    }
    if (!ts.isVariableDeclarationList(initializer)) {
      cx.report(1020, initializer, 'Assignments to variables outside of the loop');
      return { kind: 'block', node, body: [], target: undefined };
    }
    const declaration = initializer.declarations[0];
    if (declaration === undefined) {
      cx.report(1021, initializer, 'a name');
      return { kind: 'block', node, body: [], target: undefined };
    }
    if (!ts.isIdentifier(declaration.name)) cx.report(1004, declaration.name);
    const elem = storage ?? ERROR;
    const isConst = (initializer.flags & ts.NodeFlags.Const) !== 0;
    const variable = declareLocal(cx, declaration.name.getText(), valueType(elem), declaration, isConst);
    const body = within(cx, target, () => scoped(cx, node.statement));
    const persistent = 'persistent' in sequence.type && sequence.type.persistent && holdsPointer(elem);
    return { kind: 'forOf', node, target, variable, sequence, storage: elem, persistent, body };
  });
}

function switchStatement(cx: Context, node: ts.SwitchStatement, label: string | undefined): Stmt {
  const target: JumpTarget = { label, isLoop: false };
  const value = checkValue(cx, node.expression);
  if (intOf(value.type) === undefined && value.type.kind !== 'error' && value.type.kind !== 'bool') {
    cx.report(2012, node.expression, 'switch', typeName(value.type), 'It takes integers and enums.');
  }
  const seen = new Set<bigint>();
  const clauses = cx.inScope(() =>
    within(cx, target, () =>
      node.caseBlock.clauses.map((clause) => {
        let constantValue: bigint | undefined;
        if (ts.isCaseClause(clause)) {
          const test = checkAs(cx, clause.expression, value.type);
          if (test.kind === 'const') constantValue = test.value;
          if (test.kind !== 'error' && (constantValue === undefined || seen.has(constantValue))) {
            cx.report(2024, clause.expression);
          }
          if (constantValue !== undefined) seen.add(constantValue);
        } else if (clause !== node.caseBlock.clauses.find(ts.isDefaultClause)) {
          cx.report(2024, clause);
        }
        return { value: constantValue, body: checkStatements(cx, clause.statements) };
      }),
    ),
  );
  return { kind: 'switch', node, target, value, clauses };
}

function labeled(cx: Context, node: ts.LabeledStatement): Stmt {
  const label = node.label.text;
  const { statement } = node;
  if (
    ts.isWhileStatement(statement) ||
    ts.isDoStatement(statement) ||
    ts.isForStatement(statement) ||
    ts.isForOfStatement(statement)
  ) {
    return loop(cx, statement, label);
  }
  if (ts.isSwitchStatement(statement)) return switchStatement(cx, statement, label);
  const target: JumpTarget = { label, isLoop: false };
  const body = within(cx, target, () => cx.inScope(() => checkStatements(cx, [statement])));
  return { kind: 'block', node, body, target };
}

function jump(cx: Context, node: ts.BreakStatement | ts.ContinueStatement): Stmt[] {
  const kind = ts.isBreakStatement(node) ? 'break' : 'continue';
  const label = node.label?.text;
  for (let index = cx.targets.length - 1; index >= 0; index--) {
    const target = cx.targets[index]!;
    if (label !== undefined ? target.label === label : kind === 'break' || target.isLoop) {
      return [{ kind, node, target }];
    }
  }
  cx.report(2032, node, label === undefined ? kind : `${kind} ${label}`);
  return [];
}

function returnStatement(cx: Context, node: ts.ReturnStatement): Stmt {
  const result = cx.func?.result ?? VOID;
  if (node.expression === undefined) {
    if (result !== VOID && result.kind !== 'error') cx.report(2021, node, typeName(result));
    return { kind: 'return', node, value: undefined };
  }
  if (result === VOID) {
    const value = checkExpression(cx, node.expression);
    // `return f();` where f returns nothing either.
    if (value.type !== VOID && value.type !== NEVER) coerce(cx, value, VOID);
    return { kind: 'return', node, value };
  }
  return { kind: 'return', node, value: checkAs(cx, node.expression, result) };
}

// ---------------------------------------------------------------------------------------------- ends of functions

/** Does control never reach the end of these statements? Errs towards "it does". */
export function endsAlways(statements: readonly Stmt[]): boolean {
  return statements.some(endsStatement);
}

function endsStatement(statement: Stmt): boolean {
  switch (statement.kind) {
    case 'return':
    case 'break':
    case 'continue':
      return true;
    case 'expression':
      return statement.expr.type === NEVER;
    case 'block':
      return endsAlways(statement.body) && !(statement.target && leaves(statement.body, statement.target));
    case 'using':
      return endsAlways(statement.body);
    case 'if':
      if (statement.condition.kind === 'const') {
        const taken = statement.condition.value !== 0n ? statement.whenTrue : statement.whenFalse;
        return taken !== undefined && endsStatement(taken);
      }
      return (
        statement.whenFalse !== undefined &&
        endsStatement(statement.whenTrue) &&
        endsStatement(statement.whenFalse)
      );
    case 'loop': {
      const { condition } = statement;
      const endless = condition === undefined || (condition.kind === 'const' && condition.value !== 0n);
      return endless && !leaves([statement.body], statement.target);
    }
    case 'switch': {
      const hasDefault = statement.clauses.some((clause) => clause.value === undefined);
      const last = statement.clauses[statement.clauses.length - 1];
      return (
        hasDefault &&
        last !== undefined &&
        endsAlways(last.body) &&
        !statement.clauses.some((clause) => leaves(clause.body, statement.target))
      );
    }
    default:
      return false;
  }
}

/** Is there a `break` to `target`? */
function leaves(statements: readonly Stmt[], target: JumpTarget): boolean {
  return statements.some((statement): boolean => {
    switch (statement.kind) {
      case 'break':
        return statement.target === target;
      case 'block':
      case 'using':
        return leaves(statement.body, target);
      case 'if':
        return leaves([statement.whenTrue, ...(statement.whenFalse ? [statement.whenFalse] : [])], target);
      case 'loop':
      case 'forOf':
        return leaves([statement.body], target);
      case 'switch':
        return statement.clauses.some((clause) => leaves(clause.body, target));
      default:
        return false;
    }
  });
}
