/** Inline assembly: from a tagged template to GCC's form of template, outputs and inputs. */
import * as ts from 'typescript';
import { fNumber, xNumber } from '../../../emulator/cpu/isa/registers.ts';
import type { Context } from './context.ts';
import type { FunctionNode } from './entities.ts';
import { checkExpression, checkValue } from './expressions.ts';
import { resolveType } from './resolve-types.ts';
import { type AsmOperandExpr, type Expr, isPlace, type PlaceExpr } from './tree.ts';
import { ERROR, isInPlace, isSpan, type Type, VOID } from './types.ts';

interface Output {
  readonly constraint: string;
  readonly place: PlaceExpr | undefined;
  readonly type: Type;
}

/** An operand in the text: its list and position there; `undefined` adds no text. */
type Slot = { readonly kind: 'output' | 'input'; readonly index: number } | undefined;

const isRegister = (name: string): boolean => xNumber(name) !== undefined || fNumber(name) !== undefined;
const classOf = (type: Type): string => (type.kind === 'float' ? 'f' : 'r');
const fits = (type: Type): boolean =>
  !isSpan(type) && type.kind !== 'void' && type.kind !== 'str' && !isInPlaceValue(type);
/** Arrays travel as addresses, so only whole structs in place do not fit, and those are no values. */
const isInPlaceValue = (type: Type): boolean => type.kind === 'inline' && isInPlace(type);

/** `asm<T>\`…\``. */
export function checkAsm(cx: Context, node: ts.TaggedTemplateExpression): Expr {
  if (!ts.isIdentifier(node.tag) || node.tag.text !== 'asm') return cx.fail(1009, node);
  if (cx.func === undefined) return cx.fail(3001, node);
  const typeArgument = node.typeArguments?.[0];
  const type = typeArgument ? resolveType(cx.program, cx.scope, typeArgument) : VOID;
  const outputs: Output[] = [];
  const inputs: AsmOperandExpr[] = [];
  const clobbers: string[] = [];
  const slots: Slot[] = [];
  const { template } = node;
  const texts = [ts.isNoSubstitutionTemplateLiteral(template) ? template.text : template.head.text];
  let usesResult = false;
  if (ts.isTemplateExpression(template)) {
    for (const span of template.templateSpans) {
      texts.push(span.literal.text);
      const isResult = ts.isIdentifier(span.expression) && span.expression.text === 'result';
      if (isResult) {
        usesResult = true;
        const known = outputs.findIndex((output) => output.place === undefined);
        if (known >= 0) slots.push({ kind: 'output', index: known });
        else
          slots.push({
            kind: 'output',
            index: outputs.push({ constraint: classOf(type), place: undefined, type }) - 1,
          });
        continue;
      }
      const slot = operand(cx, span.expression, outputs, inputs, clobbers);
      if (slot === false) return { kind: 'error', node, type: ERROR };
      slots.push(slot);
    }
  }
  if (usesResult !== (type !== VOID)) {
    return cx.fail(5002, node, "a type argument goes with one use of 'result'");
  }
  if (outputs.length > 2) return cx.fail(5002, node, 'at most two outputs are possible');
  // The result of the expression is the first output.
  const first = outputs.findIndex((output) => output.place === undefined);
  const order = outputs.map((_, index) => index);
  if (first > 0) order.unshift(...order.splice(first, 1));
  const position = (slot: NonNullable<Slot>): number =>
    slot.kind === 'output' ? order.indexOf(slot.index) : outputs.length + slot.index;
  if (texts.some((part, index) => /^\d/.test(part) && slots[index - 1] !== undefined)) {
    return cx.fail(5002, node, 'a digit cannot follow an operand');
  }
  const text = texts.map((part, index) => {
    const escaped = part.replaceAll('%', '%%');
    const slot = index === 0 ? undefined : slots[index - 1];
    return slot === undefined ? escaped : `%${position(slot)}${escaped}`;
  });
  return {
    kind: 'asm',
    node,
    type,
    template: text.join('').trim(),
    outputs: order.map((index) => outputs[index]!),
    inputs,
    clobbers,
  };
}

/** One operand; false after an error. */
function operand(
  cx: Context,
  node: ts.Expression,
  outputs: Output[],
  inputs: AsmOperandExpr[],
  clobbers: string[],
): Slot | false {
  const refuse = (what: string): false => {
    cx.report(5002, node, what);
    return false;
  };
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
    const name = node.expression.text;
    const [first, second] = node.arguments;
    const register = first !== undefined && ts.isStringLiteralLike(first) ? first.text : '';
    if (name === 'clobber') {
      const names = register.split(/[\s,]+/).filter((part) => part !== '' && part !== 'memory');
      const unknown = names.find((part) => !isRegister(part));
      if (unknown !== undefined) return refuse(`'${unknown}' is not a register`);
      clobbers.push(...names);
      return undefined;
    }
    if (name === 'inReg' || name === 'outReg') {
      if (!isRegister(register) || second === undefined) return refuse(`'${register}' is not a register`);
      if (name === 'inReg') return pushInput(cx, second, inputs, register) && undefined;
      return pushOutput(cx, second, outputs, register) && undefined;
    }
    if (name === 'out') {
      if (first === undefined) return refuse('out needs a variable');
      return pushOutput(cx, first, outputs, undefined) && { kind: 'output', index: outputs.length - 1 };
    }
  }
  return pushInput(cx, node, inputs, undefined) && { kind: 'input', index: inputs.length - 1 };
}

function pushInput(
  cx: Context,
  node: ts.Expression,
  inputs: AsmOperandExpr[],
  register: string | undefined,
): boolean {
  const value = checkValue(cx, node);
  if (value.type.kind === 'error') return false;
  if (!fits(value.type)) {
    cx.report(5002, node, 'an operand is one word');
    return false;
  }
  inputs.push({ constraint: register ?? classOf(value.type), value });
  return true;
}

function pushOutput(
  cx: Context,
  node: ts.Expression,
  outputs: Output[],
  register: string | undefined,
): boolean {
  const place = checkExpression(cx, node);
  if (place.kind === 'error') return false;
  if (!isPlace(place) || !fits(place.type)) {
    cx.report(5002, node, 'an output is a variable, field or element of one word');
    return false;
  }
  outputs.push({ constraint: register ?? classOf(place.type), place, type: place.type });
  return true;
}

/** The text of a naked function: `asm…;`, or `return asm<T>…;` in one with a result, which TypeScript wants returned. */
export function nakedBody(cx: Context, declaration: FunctionNode, body: ts.ConciseBody): string | undefined {
  if (ts.isBlock(body) && body.statements.length === 1) {
    const statement = body.statements[0]!;
    const holds = ts.isExpressionStatement(statement) || ts.isReturnStatement(statement);
    const expression = holds ? statement.expression : undefined;
    if (expression !== undefined && ts.isTaggedTemplateExpression(expression)) {
      const { tag, template } = expression;
      if (ts.isIdentifier(tag) && tag.text === 'asm') {
        const text = constantText(cx, template);
        if (text !== undefined) return text;
      }
    }
  }
  cx.report(5003, declaration.name ?? declaration);
  return undefined;
}

/** The text of a template whose operands are constants or names of functions and variables. */
function constantText(cx: Context, template: ts.TemplateLiteral): string | undefined {
  if (ts.isNoSubstitutionTemplateLiteral(template)) return template.text;
  let text = template.head.text;
  for (const span of template.templateSpans) {
    const value = checkExpression(cx, span.expression);
    if (value.kind === 'const') text += String(value.value);
    else if (value.kind === 'function') {
      value.target.template.attributes.used = true;
      text += value.target.symbolName;
    } else if (value.kind === 'global') {
      value.global.attributes.used = true;
      text += value.global.symbolName;
    } else if (value.kind === 'str') text += new TextDecoder().decode(value.bytes);
    else return undefined;
    text += span.literal.text;
  }
  return text;
}
