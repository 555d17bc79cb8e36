/**
 * `$((…))`: 64-bit integers, variables by name, `( )`, unary `- + !`, `* / %`, `+ -`, comparisons, `== !=`, `&& ||`, with C's precedence. Division by
 * zero and everything that cannot be understood make the whole expression fail.
 */
import { isNameByte, variable } from './variables.ts';

let text: str = '';
let at0: u64 = 0;
let failed = false;

/** The value of an expression; check `arithmeticFailed`. */
export function evaluate(expression: str): i64 {
  text = expression;
  at0 = 0;
  failed = false;
  const value = binary(0);
  skipSpace();
  if (at0 < text.length) failed = true;
  return value;
}

export function arithmeticFailed(): bool {
  return failed;
}

function skipSpace(): void {
  while (at0 < text.length && (text[at0] === u8(' ') || text[at0] === 9 || text[at0] === 10)) at0++;
}

function takes(operator: str): bool {
  if (at0 + operator.length > text.length) return false;
  if (!text.subslice(at0, at0 + operator.length).equals(operator)) return false;
  at0 += operator.length;
  return true;
}

/** Reads a number at the start of a text; false if there is something else in it. */
export function readInteger(word: str, value: Ptr<i64>): bool {
  let i: u64 = 0;
  const negative = word.length > 1 && word[0] === u8('-');
  if (negative) i = 1;
  const hex = word.length > i + 2 && word[i] === u8('0') && word[i + 1] === u8('x');
  if (hex) i += 2;
  let sum: i64 = 0;
  if (i === word.length) return false;
  for (; i < word.length; i++) {
    const lower = word[i] | 0x20;
    if (word[i] >= u8('0') && word[i] <= u8('9')) sum = sum * (hex ? 16 : 10) + i64(word[i] - u8('0'));
    else if (hex && lower >= u8('a') && lower <= u8('f')) sum = sum * 16 + i64(lower - u8('a')) + 10;
    else return false;
  }
  value[0] = negative ? -sum : sum;
  return true;
}

function operand(): i64 {
  skipSpace();
  if (takes('(')) {
    const value = binary(0);
    skipSpace();
    if (!takes(')')) failed = true;
    return value;
  }
  if (takes('-')) return -operand();
  if (takes('+')) return operand();
  if (takes('!')) return operand() === 0 ? 1 : 0;
  if (at0 < text.length && text[at0] === u8('$')) at0++;
  const start = at0;
  while (at0 < text.length && isNameByte(text[at0])) at0++;
  const word = text.subslice(start, at0);
  const value = stack<FixedArray<i64, 1>>();
  if (word.length === 0) failed = true;
  else if (word[0] >= u8('0') && word[0] <= u8('9')) {
    if (!readInteger(word, value.ptr)) failed = true;
  } else {
    const stored = variable(word);
    if (stored.length !== 0 && !readInteger(stored, value.ptr)) failed = true;
  }
  return value[0];
}

enum Operator {
  none,
  or,
  and,
  equal,
  unequal,
  atMost,
  atLeast,
  less,
  greater,
  add,
  subtract,
  multiply,
  divide,
  remainder,
}

function levelOf(operator: Operator): u64 {
  switch (operator) {
    case Operator.or:
      return 1;
    case Operator.and:
      return 2;
    case Operator.equal:
    case Operator.unequal:
      return 3;
    case Operator.atMost:
    case Operator.atLeast:
    case Operator.less:
    case Operator.greater:
      return 4;
    case Operator.add:
    case Operator.subtract:
      return 5;
  }
  return 6;
}

function takeOperator(): Operator {
  if (takes('||')) return Operator.or;
  if (takes('&&')) return Operator.and;
  if (takes('==')) return Operator.equal;
  if (takes('!=')) return Operator.unequal;
  if (takes('<=')) return Operator.atMost;
  if (takes('>=')) return Operator.atLeast;
  if (takes('<')) return Operator.less;
  if (takes('>')) return Operator.greater;
  if (takes('+')) return Operator.add;
  if (takes('-')) return Operator.subtract;
  if (takes('*')) return Operator.multiply;
  if (takes('/')) return Operator.divide;
  if (takes('%')) return Operator.remainder;
  return Operator.none;
}

function apply(operator: Operator, left: i64, right: i64): i64 {
  switch (operator) {
    case Operator.or:
      return left !== 0 || right !== 0 ? 1 : 0;
    case Operator.and:
      return left !== 0 && right !== 0 ? 1 : 0;
    case Operator.equal:
      return left === right ? 1 : 0;
    case Operator.unequal:
      return left !== right ? 1 : 0;
    case Operator.atMost:
      return left <= right ? 1 : 0;
    case Operator.atLeast:
      return left >= right ? 1 : 0;
    case Operator.less:
      return left < right ? 1 : 0;
    case Operator.greater:
      return left > right ? 1 : 0;
    case Operator.add:
      return left + right;
    case Operator.subtract:
      return left - right;
    case Operator.multiply:
      return left * right;
  }
  if (right === 0) {
    failed = true;
    return 0;
  }
  return operator === Operator.divide ? left / right : left % right;
}

/** Operators that bind more tightly than `level`, from left to right. */
function binary(level: u64): i64 {
  let left = operand();
  while (!failed) {
    skipSpace();
    const before = at0;
    const operator = takeOperator();
    if (operator === Operator.none) break;
    if (levelOf(operator) <= level) {
      at0 = before;
      break;
    }
    left = apply(operator, left, binary(levelOf(operator)));
  }
  return left;
}
