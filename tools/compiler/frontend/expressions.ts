/**
 * Checks expressions: names, literals, operators, assignment. Checking is bidirectional: `want` is the type that the
 * surroundings ask for, used to type literals and function expressions; the result still has its own type, and
 * `checkAs` converts it or reports.
 */
import * as ts from 'typescript';
import { checkAsm } from './asm.ts';
import { checkAssignment, checkCompound, increment } from './assignment.ts';
import { checkCall, checkNew } from './calls.ts';
import {
  bool,
  constant,
  float,
  foldBinary,
  foldCompare,
  foldUnary,
  isConstant,
  parseInteger,
  untypedCommon,
} from './constants.ts';
import type { Context } from './context.ts';
import { coerce, condition, retype, withDefaultType } from './convert.ts';
import type { Entity } from './entities.ts';
import { functionExpression, functionValue } from './functions.ts';
import { globalValue } from './globals.ts';
import { INTRINSIC_NAMES } from './intrinsics.ts';
import { checkMember, staticEntity } from './members.ts';
import { ARITHMETIC, COMPARISONS, COMPOUND } from './operators.ts';
import type { BinaryOp, CompareOp, Expr } from './tree.ts';
import {
  BOOL,
  ERROR,
  I32,
  intOf,
  isInPlace,
  isNullable,
  isReference,
  isSpan,
  isUntyped,
  NULL,
  STR,
  sizeOf,
  type Type,
  typeName,
  U8,
  UNTYPED_FLOAT,
  UNTYPED_INT,
  valueType,
} from './types.ts';

/** Checks an expression and converts it to `want`. */
export const checkAs = (cx: Context, node: ts.Expression, want: Type): Expr =>
  coerce(cx, checkExpression(cx, node, want), want);

/** Checks an expression whose type nobody asks for: untyped constants get their default type. */
export const checkValue = (cx: Context, node: ts.Expression): Expr =>
  withDefaultType(cx, checkExpression(cx, node));

export const checkCondition = (cx: Context, node: ts.Expression): Expr =>
  condition(cx, checkExpression(cx, node));

export function checkExpression(cx: Context, node: ts.Expression, want?: Type): Expr {
  if (ts.isParenthesizedExpression(node)) return checkExpression(cx, node.expression, want);
  if (ts.isIdentifier(node)) return checkIdentifier(cx, node, want);
  if (ts.isNumericLiteral(node)) return numericLiteral(node);
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return text(node, node.text);
  if (ts.isPropertyAccessExpression(node)) {
    if (node.questionDotToken !== undefined) return cx.fail(1010, node);
    return checkMember(cx, node, want);
  }
  if (ts.isElementAccessExpression(node)) return checkElement(cx, node);
  if (ts.isCallExpression(node)) return checkCall(cx, node, want);
  if (ts.isBinaryExpression(node)) return checkBinary(cx, node, want);
  if (ts.isPrefixUnaryExpression(node)) return checkPrefix(cx, node, want);
  if (ts.isPostfixUnaryExpression(node)) return increment(cx, node, node.operand, node.operator, true);
  if (ts.isConditionalExpression(node)) return checkConditional(cx, node, want);
  if (ts.isNonNullExpression(node)) {
    const inner = checkExpression(cx, node.expression, want);
    const isPersistent = (inner.kind === 'field' || inner.kind === 'element') && inner.persistent;
    return isPersistent ? { ...inner, asserted: true } : inner;
  }
  if (ts.isNewExpression(node)) return checkNew(cx, node, want);
  if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) return functionExpression(cx, node, want);
  if (ts.isTaggedTemplateExpression(node)) return checkAsm(cx, node);
  if (ts.isTemplateExpression(node)) return constantTemplate(cx, node);
  switch (node.kind) {
    case ts.SyntaxKind.TrueKeyword:
      return bool(node, true);
    case ts.SyntaxKind.FalseKeyword:
      return bool(node, false);
    case ts.SyntaxKind.NullKeyword:
      return constant(node, want !== undefined && isNullable(want) ? want : NULL, 0n);
    case ts.SyntaxKind.ThisKeyword:
      return thisValue(cx, node);
    case ts.SyntaxKind.AsExpression:
    case ts.SyntaxKind.TypeAssertionExpression:
    case ts.SyntaxKind.SatisfiesExpression:
      return cx.fail(1007, node);
    case ts.SyntaxKind.TypeOfExpression:
      return cx.fail(1008, node, 'typeof');
    case ts.SyntaxKind.DeleteExpression:
      return cx.fail(1008, node, 'delete');
    case ts.SyntaxKind.VoidExpression:
      return cx.fail(1008, node, 'void');
    case ts.SyntaxKind.AwaitExpression:
    case ts.SyntaxKind.YieldExpression:
      return cx.fail(1003, node);
    case ts.SyntaxKind.SpreadElement:
      return cx.fail(1004, node);
    case ts.SyntaxKind.ObjectLiteralExpression:
    case ts.SyntaxKind.ArrayLiteralExpression:
      return cx.fail(1014, node);
    default:
      return cx.fail(1009, node);
  }
}

// ------------------------------------------------------------------------------------------------------ literals

/** From the source text, so that all 64 bits count. */
function numericLiteral(node: ts.NumericLiteral): Expr {
  const source = node.getText().replaceAll('_', '');
  if (!/^0[xob]/i.test(source) && /[.e]/i.test(source)) return float(node, UNTYPED_FLOAT, Number(source));
  return constant(node, UNTYPED_INT, parseInteger(source));
}

const text = (node: ts.Node, value: string): Expr => ({
  kind: 'str',
  node,
  type: STR,
  bytes: new TextEncoder().encode(value),
});

function constantTemplate(cx: Context, node: ts.TemplateExpression): Expr {
  let value = node.head.text;
  for (const span of node.templateSpans) {
    const part = checkExpression(cx, span.expression);
    if (part.kind === 'error') return part;
    if (part.kind === 'str') value += new TextDecoder().decode(part.bytes);
    else if (part.kind === 'const' || part.kind === 'float') value += String(part.value);
    else return cx.fail(3001, span.expression);
    value += span.literal.text;
  }
  return text(node, value);
}

// --------------------------------------------------------------------------------------------------------- names

function checkIdentifier(cx: Context, node: ts.Identifier, want: Type | undefined): Expr {
  const entity = cx.program.resolveImport(cx.scope.lookup(node.text));
  if (entity !== undefined) return entityValue(cx, node, entity, want);
  if (node.text === 'DEBUG') return bool(node, !cx.program.options.optimise);
  if (INTRINSIC_NAMES.has(node.text)) return cx.fail(2005, node, node.text);
  return cx.fail(2001, node, node.text);
}

/** The value that a name stands for. */
export function entityValue(cx: Context, node: ts.Expression, entity: Entity, want: Type | undefined): Expr {
  switch (entity.kind) {
    case 'local':
      if (entity.owner !== cx.func) return cx.fail(1013, node, entity.variable.name);
      return { kind: 'local', node, type: entity.variable.type, variable: entity.variable };
    case 'constant':
      return { ...entity.value, node };
    case 'globalVariable':
      return globalValue(cx, node, entity);
    case 'function':
      return functionValue(cx, node, entity, want);
    default:
      return cx.fail(2005, node, node.getText());
  }
}

function thisValue(cx: Context, node: ts.Expression): Expr {
  const variable = cx.func?.thisVariable;
  if (variable === undefined) {
    const outer = cx.scope.lookup('this');
    return outer === undefined ? cx.fail(2001, node, 'this') : cx.fail(1013, node, 'this');
  }
  return { kind: 'local', node, type: variable.type, variable };
}

// ------------------------------------------------------------------------------------------------------ elements

function checkElement(cx: Context, node: ts.ElementAccessExpression): Expr {
  if (node.questionDotToken !== undefined) return cx.fail(1010, node);
  const container = staticEntity(cx, node.expression);
  if (container?.kind === 'enum') return cx.fail(2018, node.expression, container.name);
  const sequence = checkExpression(cx, node.expression);
  const index = checkValue(cx, node.argumentExpression);
  return element(cx, node, sequence, index);
}

/** `sequence[index]`. */
export function element(cx: Context, node: ts.Node, sequence: Expr, index: Expr): Expr {
  const { type } = sequence;
  if (type.kind === 'error' || index.type.kind === 'error') return { kind: 'error', node, type: ERROR };
  if (index.type.kind !== 'int') {
    return cx.fail(2010, index.node, typeName(index.type), 'usize', 'An index is an integer.');
  }
  if (
    type.kind === 'array' &&
    index.kind === 'const' &&
    (index.value < 0n || index.value >= BigInt(type.count))
  ) {
    return cx.fail(3011, index.node, index.value, type.count);
  }
  const storage = elementStorage(type);
  if (storage === undefined) return cx.fail(2018, sequence.node, typeName(type));
  const persistent = 'persistent' in type && type.persistent && holdsPointer(storage);
  return {
    kind: 'element',
    node,
    type: valueType(storage),
    sequence,
    index,
    storage,
    persistent,
    checked: type.kind !== 'ptr' && !cx.unchecked && !(type.kind === 'array' && index.kind === 'const'),
    logged: isLogged(sequence),
  };
}

export const elementStorage = (type: Type): Type | undefined =>
  type.kind === 'str'
    ? U8
    : type.kind === 'array' || type.kind === 'slice' || type.kind === 'ptr'
      ? type.elem
      : undefined;

/** Is a reference to be translated when it is stored here persistently? */
export const holdsPointer = (storage: Type): boolean => storage.kind === 'class' || storage.kind === 'ptr';

/** Is the expression a place in a persistent object, whose parts transactions log? */
export const isLogged = (expr: Expr): boolean =>
  (expr.kind === 'field' || expr.kind === 'element') && isInPlace(expr.storage) && expr.logged;

// ----------------------------------------------------------------------------------------------------- operators

function checkBinary(cx: Context, node: ts.BinaryExpression, want: Type | undefined): Expr {
  const token = node.operatorToken.kind;
  const arithmetic = ARITHMETIC.get(token);
  if (arithmetic !== undefined) return checkArithmetic(cx, node, arithmetic, want);
  const comparison = COMPARISONS.get(token);
  if (comparison !== undefined) return checkComparison(cx, node, comparison);
  if (token === ts.SyntaxKind.EqualsToken) return checkAssignment(cx, node);
  const compound = COMPOUND.get(token);
  if (compound !== undefined) return checkCompound(cx, node, compound);
  switch (token) {
    case ts.SyntaxKind.AmpersandAmpersandToken:
    case ts.SyntaxKind.BarBarToken: {
      const left = checkCondition(cx, node.left);
      const right = checkCondition(cx, node.right);
      const isAnd = token === ts.SyntaxKind.AmpersandAmpersandToken;
      if (left.kind === 'const') return (left.value !== 0n) === isAnd ? right : left;
      return { kind: 'logical', node, type: BOOL, op: isAnd ? '&&' : '||', left, right };
    }
    case ts.SyntaxKind.QuestionQuestionToken: {
      const left = checkExpression(cx, node.left, want);
      if (left.type.kind === 'error') return left;
      if (!isNullable(left.type))
        return cx.fail(2012, node.left, '??', typeName(left.type), 'Only references can be null.');
      return { kind: 'coalesce', node, type: left.type, left, right: checkAs(cx, node.right, left.type) };
    }
    case ts.SyntaxKind.EqualsEqualsToken:
      return cx.fail(1005, node.operatorToken, '==', '===');
    case ts.SyntaxKind.ExclamationEqualsToken:
      return cx.fail(1005, node.operatorToken, '!=', '!==');
    default:
      return cx.fail(1008, node.operatorToken, node.operatorToken.getText());
  }
}

/**
 * Checks two operands that must agree. A literal on either side takes the type of the other one, so the side whose
 * type does not depend on its surroundings goes first.
 */
function checkOperands(
  cx: Context,
  leftNode: ts.Expression,
  rightNode: ts.Expression,
  want: Type | undefined,
): [Expr, Expr] {
  let left: Expr;
  let right: Expr;
  if (isFlexible(cx, leftNode) && !isFlexible(cx, rightNode)) {
    right = checkExpression(cx, rightNode, want);
    left = checkExpression(cx, leftNode, isUntyped(right.type) ? want : right.type);
  } else {
    left = checkExpression(cx, leftNode, want);
    right = checkExpression(cx, rightNode, isUntyped(left.type) ? want : left.type);
  }
  if (isConvertible(left) && !isConvertible(right)) left = coerceOperand(cx, left, right.type);
  else if (isConvertible(right) && !isConvertible(left)) right = coerceOperand(cx, right, left.type);
  else if (isUntyped(left.type) && right.type.kind === 'enum') left = coerceOperand(cx, left, right.type);
  else if (isUntyped(right.type) && left.type.kind === 'enum') right = coerceOperand(cx, right, left.type);
  else if (left.type.kind === 'null') left = coerceOperand(cx, left, right.type);
  else if (right.type.kind === 'null') right = coerceOperand(cx, right, left.type);
  else if (left.type.kind === 'class' && right.type.kind === 'class' && left.type !== right.type) {
    // References up and down one chain of inheritance can be compared.
    if (left.type.instance.extends(right.type.instance)) left = retype(left, right.type);
    else if (right.type.instance.extends(left.type.instance)) right = retype(right, left.type);
  }
  return [left, right];
}

/** Untyped constants, and enum members, which convert like them. */
export const isConvertible = (expr: Expr): boolean =>
  isUntyped(expr.type) || (expr.kind === 'const' && expr.type.kind === 'enum');

export function coerceOperand(cx: Context, operand: Expr, type: Type): Expr {
  if (type.kind === 'int' || type.kind === 'float' || (operand.type.kind === 'null' && isNullable(type))) {
    return coerce(cx, operand, type);
  }
  // An untyped constant beside an enum: only within an expression of constants such as `Flag.A | 0`.
  if (type.kind === 'enum' && operand.kind === 'const' && operand.type.kind === 'untypedInt') {
    return constant(operand.node, type, operand.value);
  }
  return operand;
}

export const skipParentheses = (node: ts.Expression): ts.Expression =>
  ts.isParenthesizedExpression(node) || ts.isNonNullExpression(node)
    ? skipParentheses(node.expression)
    : node;

/** Does the expression consist of literals only as far as its type goes? */
export function isFlexible(cx: Context, node: ts.Expression): boolean {
  if (ts.isParenthesizedExpression(node)) return isFlexible(cx, node.expression);
  if (ts.isNumericLiteral(node)) return true;
  if (ts.isPrefixUnaryExpression(node)) return isFlexible(cx, node.operand);
  if (ts.isIdentifier(node)) {
    const entity = cx.scope.lookup(node.text);
    return entity?.kind === 'constant';
  }
  if (ts.isBinaryExpression(node) && ARITHMETIC.has(node.operatorToken.kind)) {
    const op = ARITHMETIC.get(node.operatorToken.kind)!;
    const isShift = op === '<<' || op === '>>' || op === '>>>';
    return isFlexible(cx, node.left) && (isShift || isFlexible(cx, node.right));
  }
  if (ts.isConditionalExpression(node))
    return isFlexible(cx, node.whenTrue) && isFlexible(cx, node.whenFalse);
  return node.kind === ts.SyntaxKind.NullKeyword;
}

function checkArithmetic(cx: Context, node: ts.BinaryExpression, op: BinaryOp, want: Type | undefined): Expr {
  const hint = want !== undefined && (intOf(want) !== undefined || want.kind === 'float') ? want : undefined;
  if (op === '<<' || op === '>>' || op === '>>>') {
    const left = checkExpression(cx, node.left, hint);
    const right = checkValueOrUntyped(cx, node.right);
    return arithmetic(cx, node, op, shiftOperand(cx, left, right, hint), right);
  }
  const [left, right] = checkOperands(cx, node.left, node.right, hint);
  return arithmetic(cx, node, op, left, right);
}

const checkValueOrUntyped = (cx: Context, node: ts.Expression): Expr => checkExpression(cx, node);

/** `1 << n` has the type that is wanted. */
function shiftOperand(cx: Context, left: Expr, right: Expr, want: Type | undefined): Expr {
  if (!isUntyped(left.type) || right.kind === 'const') return left;
  return coerce(cx, left, want ?? I32);
}

/** The type to suggest a cast to: the one that loses nothing. */
const wider = (a: Type, b: Type): Type => (sizeOf(b) > sizeOf(a) || b.kind === 'float' ? b : a);

/** `left op right` with operands that were checked and converted to each other. */
export function arithmetic(cx: Context, node: ts.Node, op: BinaryOp, left: Expr, right: Expr): Expr {
  if (left.type.kind === 'error') return left;
  if (right.type.kind === 'error') return right;
  const isShift = op === '<<' || op === '>>' || op === '>>>';
  const type = isShift ? left.type : (untypedCommon(left.type, right.type) ?? left.type);
  if (isShift) {
    if (intOf(right.type) === undefined && right.type.kind !== 'untypedInt') {
      return cx.fail(2012, right.node, op, typeName(right.type), 'A shift count is an integer.');
    }
  } else if (left.type !== right.type && !(isUntyped(left.type) && isUntyped(right.type))) {
    return cx.fail(
      2011,
      node,
      op,
      typeName(left.type),
      typeName(right.type),
      typeName(wider(left.type, right.type)),
    );
  }
  const complaint = operandComplaint(op, type);
  if (complaint !== undefined) return cx.fail(2012, node, op, typeName(type), complaint);
  const int = intOf(type);
  if (right.kind === 'const' && int !== undefined) {
    if (isShift && (right.value < 0n || right.value >= BigInt(int.bits))) {
      return cx.fail(2026, right.node, right.value, int.bits);
    }
  }
  if ((op === '/' || op === '%') && right.kind === 'const' && right.value === 0n && type.kind !== 'float') {
    return cx.fail(2027, node);
  }
  const folded = foldBinary(node, op, type, left, right);
  if (folded !== undefined) return folded;
  const count = isShift ? coerceCount(cx, right) : right;
  return { kind: 'binary', node, type, op, left, right: count };
}

const coerceCount = (cx: Context, count: Expr): Expr =>
  count.type.kind === 'untypedInt' ? coerce(cx, count, I32) : count;

/** Why the operator does not exist for the type; undefined when it does. */
function operandComplaint(op: BinaryOp, type: Type): string | undefined {
  const isBitwise = op === '&' || op === '|' || op === '^';
  switch (type.kind) {
    case 'int':
    case 'untypedInt':
      return undefined;
    case 'float':
    case 'untypedFloat':
      return op === '+' || op === '-' || op === '*' || op === '/' ? undefined : 'Floats have + - * /.';
    case 'enum':
      return isBitwise ? undefined : 'Enums have & | ^ ~; cast to a number for arithmetic.';
    case 'bool':
      return isBitwise ? undefined : 'Cast it: u32(flag) is 0 or 1.';
    case 'ptr':
      return "Use 'pointer.add(count)'.";
    case 'str':
      return 'Text is constant data; there is no concatenation.';
    default:
      return 'Only numbers have arithmetic.';
  }
}

function checkComparison(cx: Context, node: ts.BinaryExpression, op: CompareOp): Expr {
  const [left, right] = checkOperands(cx, node.left, node.right, undefined);
  if (left.type.kind === 'error') return left;
  if (right.type.kind === 'error') return right;
  const folded = foldCompare(node, op, left, right);
  if (folded !== undefined && isConstantPair(left, right)) return folded;
  if (left.type !== right.type || isSpan(left.type) || left.type.kind === 'void') {
    const bothNumbers = left.type.kind === 'int' && right.type.kind === 'int';
    if (bothNumbers)
      return cx.fail(
        2011,
        node,
        op,
        typeName(left.type),
        typeName(right.type),
        typeName(wider(left.type, right.type)),
      );
    return cx.fail(2023, node, typeName(left.type), typeName(right.type));
  }
  const isEquality = op === '===' || op === '!==';
  if (!isEquality && (left.type.kind === 'bool' || (isReference(left.type) && left.type.kind !== 'ptr'))) {
    return cx.fail(2012, node, op, typeName(left.type), 'Only numbers and pointers have an order.');
  }
  return { kind: 'compare', node, type: BOOL, op, left, right };
}

const isConstantPair = (left: Expr, right: Expr): boolean =>
  isConstant(left) && isConstant(right) && (left.type === right.type || isUntyped(left.type));

function checkPrefix(cx: Context, node: ts.PrefixUnaryExpression, want: Type | undefined): Expr {
  switch (node.operator) {
    case ts.SyntaxKind.PlusPlusToken:
    case ts.SyntaxKind.MinusMinusToken:
      return increment(cx, node, node.operand, node.operator, false);
    case ts.SyntaxKind.ExclamationToken: {
      const operand = checkCondition(cx, node.operand);
      return foldUnary(node, '!', operand) ?? { kind: 'unary', node, type: BOOL, op: '!', operand };
    }
    case ts.SyntaxKind.PlusToken:
      return cx.fail(1008, node, '+');
    default: {
      const op = node.operator === ts.SyntaxKind.MinusToken ? '-' : '~';
      const operand = checkExpression(cx, node.operand, want);
      const { type } = operand;
      if (type.kind === 'error') return operand;
      const fits = op === '-' ? type.kind === 'int' || type.kind === 'float' : intOf(type) !== undefined;
      if (!fits && !isUntyped(type)) return cx.fail(2012, node, op, typeName(type), 'Only numbers have it.');
      if (op === '~' && type.kind === 'untypedFloat')
        return cx.fail(2012, node, op, typeName(type), 'Only integers have it.');
      return foldUnary(node, op, operand) ?? { kind: 'unary', node, type, op, operand };
    }
  }
}

function checkConditional(cx: Context, node: ts.ConditionalExpression, want: Type | undefined): Expr {
  const test = checkCondition(cx, node.condition);
  let [whenTrue, whenFalse] = checkOperands(cx, node.whenTrue, node.whenFalse, want);
  if (want !== undefined && want.kind !== 'void') {
    whenTrue = coerce(cx, whenTrue, want);
    whenFalse = coerce(cx, whenFalse, want);
  }
  if (whenTrue.type.kind === 'error') return whenTrue;
  if (whenFalse.type.kind === 'error') return whenFalse;
  const type =
    whenTrue.type.kind === 'never'
      ? whenFalse.type
      : (untypedCommon(whenTrue.type, whenFalse.type) ?? whenTrue.type);
  if (whenTrue.type !== whenFalse.type && whenTrue.type.kind !== 'never' && whenFalse.type.kind !== 'never') {
    return cx.fail(
      2011,
      node,
      '?:',
      typeName(whenTrue.type),
      typeName(whenFalse.type),
      typeName(wider(whenTrue.type, whenFalse.type)),
    );
  }
  if (test.kind === 'const') return test.value !== 0n ? whenTrue : whenFalse;
  const result: Expr = {
    kind: 'conditional',
    node,
    type,
    condition: test,
    whenTrue: withDefaultType(cx, whenTrue),
    whenFalse: withDefaultType(cx, whenFalse),
  };
  return isUntyped(type) ? { ...result, type: result.whenTrue.type } : result;
}
