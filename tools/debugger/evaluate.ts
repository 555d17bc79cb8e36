/**
 * Expressions over the state of the guest, for `print`, conditions and addresses: C's operators on 64-bit numbers, and
 *
 *   name, name.member, name->member, name[3], *name, &name    variables, structures through references of any kind
 *   $a0, $pc, $sepc, $priv, $instret, …                       registers, CSRs, and what `Names` adds
 *   expression as Type                                        a reference to a structure, or u8 … i64
 *   @3f2a:0x1000                                              offset 0x1000 of the object whose ID begins with 3f2a
 *
 * Members are found through references without writing `*`, whether a reference is an address or a persistent pointer.
 */
import { UserError } from '../../emulator/errors.ts';
import type { AddressSpace, MemoryPlace } from './address-space.ts';
import type { SourceType } from './dwarf/types.ts';
import { dereference, element, member, numberValue, readValue, type Value } from './values.ts';

/** Names that an expression may use. */
export interface Names {
  /** A variable, function or symbol. */
  variable(name: string): Value | undefined;
  /** What `$name` is. */
  special(name: string): Value | undefined;
  struct(name: string): SourceType | undefined;
  /** The place that `@prefix:offset` names. */
  object(prefix: string, offset: bigint): MemoryPlace;
}

type Token =
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'name'; readonly text: string }
  | { readonly kind: 'special'; readonly text: string }
  | { readonly kind: 'object'; readonly prefix: string }
  | { readonly kind: 'operator'; readonly text: string };

const TOKEN =
  /\s*(?:(0x[0-9a-f_]+|0b[01_]+|[0-9][0-9_]*)|\$([A-Za-z_][\w.]*)|@([0-9a-f]{2,32})(?=:)|([A-Za-z_]\w*)|('(?:\\.|[^'\\])')|(<<|>>|<=|>=|===?|!==?|&&|\|\||->|[-+*/%&|^~!<>()[\].,?:]))/iy;

const PRECEDENCE: Readonly<Record<string, number>> = {
  '||': 1,
  '&&': 2,
  '|': 3,
  '^': 4,
  '&': 5,
  '==': 6,
  '===': 6,
  '!=': 6,
  '!==': 6,
  '<': 7,
  '>': 7,
  '<=': 7,
  '>=': 7,
  '<<': 8,
  '>>': 8,
  '+': 9,
  '-': 9,
  '*': 10,
  '/': 10,
  '%': 10,
};

const CASTS: Readonly<Record<string, { size: number; encoding: 'signed' | 'unsigned' }>> = Object.fromEntries(
  [8, 16, 32, 64].flatMap((bits) => [
    [`u${bits}`, { size: bits / 8, encoding: 'unsigned' }],
    [`i${bits}`, { size: bits / 8, encoding: 'signed' }],
  ]),
);

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  let at = 0;
  while (text.slice(at).trim() !== '') {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null) throw new UserError(`'${text.slice(at).trim()}' is not an expression`);
    at = TOKEN.lastIndex;
    const [, number, special, object, name, character, operator] = match;
    if (number !== undefined) tokens.push({ kind: 'number', value: BigInt(number.replaceAll('_', '')) });
    else if (special !== undefined) tokens.push({ kind: 'special', text: special });
    else if (object !== undefined) tokens.push({ kind: 'object', prefix: object.toLowerCase() });
    else if (name !== undefined) tokens.push({ kind: 'name', text: name });
    else if (character !== undefined)
      tokens.push({ kind: 'number', value: BigInt(JSON.parse(`"${character.slice(1, -1)}"`).charCodeAt(0)) });
    else tokens.push({ kind: 'operator', text: operator! });
  }
  return tokens;
}

/** Evaluates an expression. @throws UserError that says what is not there */
export function evaluate(text: string, space: AddressSpace, names: Names): Value {
  const evaluator = new Evaluator(tokenize(text), space, names, text);
  return evaluator.all();
}

/** The number that a value is. @throws UserError when there is none */
export function asNumber(value: Value): bigint {
  if (value.unavailable !== undefined) throw new UserError(value.unavailable);
  const { type, bits } = value;
  if (type?.kind === 'struct' || type?.kind === 'array') {
    if (value.place?.kind === 'virtual') return value.place.address;
    throw new UserError(`a ${type.name} is not a number`);
  }
  if (type?.kind === 'base' && (type.encoding === 'signed' || type.encoding === 'char'))
    return BigInt.asIntN(8 * type.size, bits);
  return bits;
}

class Evaluator {
  private at = 0;

  constructor(
    private readonly tokens: readonly Token[],
    private readonly space: AddressSpace,
    private readonly names: Names,
    private readonly text: string,
  ) {}

  all(): Value {
    if (this.tokens.length === 0) throw new UserError('an expression is missing');
    const value = this.binary(0);
    const rest = this.tokens[this.at];
    if (rest !== undefined)
      throw new UserError(`'${this.text}': what follows '${show(rest)}' makes no sense`);
    return value;
  }

  private operator(text: string): boolean {
    const token = this.tokens[this.at];
    if (token?.kind !== 'operator' || token.text !== text) return false;
    this.at++;
    return true;
  }

  private expect(text: string): void {
    if (!this.operator(text)) throw new UserError(`'${this.text}': a '${text}' is missing`);
  }

  private binary(least: number): Value {
    let left = this.unary();
    for (;;) {
      const token = this.tokens[this.at];
      if (token?.kind === 'name' && token.text === 'as') {
        this.at++;
        left = this.cast(left);
        continue;
      }
      const precedence = token?.kind === 'operator' ? PRECEDENCE[token.text] : undefined;
      if (token?.kind !== 'operator' || precedence === undefined || precedence <= least) return left;
      this.at++;
      const right = this.binary(precedence);
      left = this.apply(token.text, left, right);
    }
  }

  private apply(operator: string, left: Value, right: Value): Value {
    if (operator === '+' || operator === '-') {
      const to = left.type?.kind === 'pointer' && left.holder === undefined ? left.type.to : undefined;
      if (to !== undefined && left.type !== undefined) {
        const step = asNumber(right) * BigInt(Math.max(to.size, 1));
        return numberValue(operator === '+' ? left.bits + step : left.bits - step, left.type);
      }
    }
    const a = asNumber(left);
    const b = asNumber(right);
    if ((operator === '/' || operator === '%') && b === 0n)
      throw new UserError(`'${this.text}' divides by zero`);
    return numberValue(compute(operator, a, b));
  }

  private cast(value: Value): Value {
    const token = this.tokens[this.at++];
    if (token?.kind !== 'name') throw new UserError(`'${this.text}': a type must follow 'as'`);
    const number = CASTS[token.text];
    if (number) {
      const type: SourceType = { kind: 'base', name: token.text, ...number };
      return { type, bits: BigInt.asUintN(8 * number.size, asNumber(value)) };
    }
    const to = this.names.struct(token.text);
    if (to === undefined) throw new UserError(`there is no type '${token.text}'`);
    if (value.place?.kind === 'object' && value.type === undefined)
      return readValue(this.space, value.place, to);
    return {
      type: { kind: 'pointer', name: `${to.name}*`, size: 8, to },
      bits: asNumber(value),
      ...(value.holder !== undefined && { holder: value.holder }),
    };
  }

  private unary(): Value {
    if (this.operator('-')) return numberValue(-asNumber(this.unary()));
    if (this.operator('~')) return numberValue(~asNumber(this.unary()));
    if (this.operator('!')) return numberValue(asNumber(this.unary()) === 0n ? 1n : 0n);
    if (this.operator('*')) {
      const value = this.unary();
      return dereference(this.space, value);
    }
    if (this.operator('&')) {
      const value = this.unary();
      if (value.place?.kind === 'virtual') {
        const { type } = value;
        if (type === undefined) return numberValue(value.place.address);
        return numberValue(value.place.address, {
          kind: 'pointer',
          name: `${type.name}*`,
          size: 8,
          to: type,
        });
      }
      throw new UserError(`'${this.text}': it has no address`);
    }
    return this.postfix(this.primary());
  }

  private postfix(start: Value): Value {
    let value = start;
    for (;;) {
      if (this.operator('.') || this.operator('->')) {
        const token = this.tokens[this.at++];
        if (token?.kind !== 'name') throw new UserError(`'${this.text}': a member's name is missing`);
        const found = member(this.space, value, token.text);
        if (found === undefined)
          throw new UserError(`${value.type?.name ?? 'a number'} has no member '${token.text}'`);
        value = found;
      } else if (this.operator('[')) {
        const index = asNumber(this.binary(0));
        this.expect(']');
        const found = element(this.space, value, index);
        if (found === undefined) throw new UserError(`${value.type?.name ?? 'a number'} has no elements`);
        value = found;
      } else return value;
    }
  }

  private primary(): Value {
    const token = this.tokens[this.at++];
    switch (token?.kind) {
      case 'number':
        return numberValue(token.value);
      case 'special': {
        const value = this.names.special(token.text);
        if (value === undefined) throw new UserError(`there is no register '$${token.text}'`);
        return value;
      }
      case 'name': {
        const value = this.names.variable(token.text);
        if (value === undefined) throw new UserError(`'${token.text}' is not known here`);
        return value;
      }
      case 'object': {
        this.expect(':');
        const offset = asNumber(this.unary());
        const place = this.names.object(token.prefix, offset);
        const value = readValue(this.space, place, undefined);
        return place.kind === 'object' ? value : { ...value, place };
      }
      case 'operator':
        if (token.text === '(') {
          const value = this.binary(0);
          this.expect(')');
          return value;
        }
    }
    throw new UserError(
      token === undefined
        ? `'${this.text}' ends too early`
        : `'${this.text}': '${show(token)}' is not expected`,
    );
  }
}

function show(token: Token): string {
  switch (token.kind) {
    case 'number':
      return String(token.value);
    case 'object':
      return `@${token.prefix}`;
    case 'special':
      return `$${token.text}`;
    default:
      return token.text;
  }
}

function compute(operator: string, a: bigint, b: bigint): bigint {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '%':
      return a % b;
    case '<<':
      return a << (b & 63n);
    case '>>':
      return a >> (b & 63n);
    case '&':
      return a & b;
    case '|':
      return a | b;
    case '^':
      return a ^ b;
    case '&&':
      return BigInt(a !== 0n && b !== 0n);
    case '||':
      return BigInt(a !== 0n || b !== 0n);
    case '<':
      return BigInt(a < b);
    case '>':
      return BigInt(a > b);
    case '<=':
      return BigInt(a <= b);
    case '>=':
      return BigInt(a >= b);
    case '!=':
    case '!==':
      return BigInt(BigInt.asUintN(64, a) !== BigInt.asUintN(64, b));
    default:
      return BigInt(BigInt.asUintN(64, a) === BigInt.asUintN(64, b));
  }
}
