/** Assembly expressions: integers, characters, symbols, + − * / % << >> & | ^ ~ and parentheses. */
import { assemblyError, type Place } from './source.ts';

/** A sum of a constant and symbols, each counted: what survives until addresses are known. */
export interface Value {
  readonly constant: bigint;
  /** symbol → how often it is added (negative: subtracted). */
  readonly symbols: ReadonlyMap<string, number>;
}

export const constantValue = (constant: bigint): Value => ({ constant, symbols: new Map() });

function sum(a: Value, b: Value, sign: 1 | -1): Value {
  const symbols = new Map(a.symbols);
  for (const [name, count] of b.symbols) {
    const total = (symbols.get(name) ?? 0) + sign * count;
    if (total === 0) symbols.delete(name);
    else symbols.set(name, total);
  }
  return { constant: a.constant + BigInt(sign) * b.constant, symbols };
}

/** Gives the value of a name (`.equ`), or undefined for a symbol; may rename it (numeric labels). */
export type Resolver = (name: string) => Value | undefined;

const TOKEN =
  /\s*(0[xX][0-9a-fA-F]+|0[bB][01]+(?![\w])|\d+[fb](?![\w])|\d+|'(?:[^'\\]|\\.)'?|[A-Za-z_.$][\w.$]*|<<|>>|[-+*/%&|^~()])/y;

const PRECEDENCE: Record<string, number> = { '|': 1, '^': 2, '&': 3, '<<': 4, '>>': 4, '+': 5, '-': 5 };
const ESCAPES: Record<string, number> = { n: 10, t: 9, r: 13, 0: 0, b: 8, f: 12, '\\': 92, "'": 39, '"': 34 };

class Parser {
  private position = 0;

  constructor(
    private readonly text: string,
    private readonly place: Place,
    private readonly resolve: Resolver,
  ) {}

  private peek(): string {
    TOKEN.lastIndex = this.position;
    return TOKEN.exec(this.text)?.[1] ?? '';
  }

  private next(): string {
    TOKEN.lastIndex = this.position;
    const match = TOKEN.exec(this.text);
    if (!match) throw this.error();
    this.position = TOKEN.lastIndex;
    return match[1]!;
  }

  private error(): Error {
    return assemblyError(this.place, `cannot read the expression "${this.text.trim()}"`);
  }

  whole(): Value {
    const value = this.binary(0);
    if (this.text.slice(this.position).trim() !== '') throw this.error();
    return value;
  }

  private plain(value: Value): bigint {
    if (value.symbols.size > 0) {
      throw assemblyError(this.place, `a symbol cannot be used like this in "${this.text.trim()}"`);
    }
    return value.constant;
  }

  private binary(level: number): Value {
    let left = this.unary();
    for (;;) {
      const operator = this.peek();
      const strength = operator === '*' || operator === '/' || operator === '%' ? 6 : PRECEDENCE[operator];
      if (strength === undefined || strength <= level) return left;
      this.next();
      const right = this.binary(strength);
      if (operator === '+') left = sum(left, right, 1);
      else if (operator === '-') left = sum(left, right, -1);
      else left = constantValue(this.apply(operator, this.plain(left), this.plain(right)));
    }
  }

  private apply(operator: string, a: bigint, b: bigint): bigint {
    switch (operator) {
      case '*':
        return a * b;
      case '/':
      case '%':
        if (b === 0n) throw assemblyError(this.place, 'division by zero');
        return operator === '/' ? a / b : a % b;
      case '<<':
        return a << b;
      case '>>':
        return a >> b;
      case '&':
        return a & b;
      case '|':
        return a | b;
      default:
        return a ^ b;
    }
  }

  private unary(): Value {
    const token = this.next();
    if (token === '-') return sum(constantValue(0n), this.unary(), -1);
    if (token === '+') return this.unary();
    if (token === '~') return constantValue(~this.plain(this.unary()));
    if (token === '(') {
      const value = this.binary(0);
      if (this.next() !== ')') throw this.error();
      return value;
    }
    if (token[0] === "'") return constantValue(BigInt(characterCode(token)));
    if (/^\d/.test(token) && !/^\d+[fb]$/.test(token)) return constantValue(parseInteger(token));
    if (!/^[\w.$]/.test(token)) throw this.error();
    return this.resolve(token) ?? { constant: 0n, symbols: new Map([[token, 1]]) };
  }
}

function parseInteger(token: string): bigint {
  if (/^0\d/.test(token)) return BigInt(`0o${token.slice(1)}`);
  return BigInt(token);
}

function characterCode(token: string): number {
  const body = token.slice(1).replace(/'$/, '');
  return body[0] === '\\' ? (ESCAPES[body[1]!] ?? body.charCodeAt(1)) : body.charCodeAt(0);
}

export function parseExpression(text: string, place: Place, resolve: Resolver): Value {
  return new Parser(text, place, resolve).whole();
}

/** The bytes of a quoted string with C escapes. */
export function parseString(text: string, place: Place): Uint8Array {
  if (!/^"[\s\S]*"$/.test(text)) throw assemblyError(place, `expected a string, not ${text}`);
  const bytes: number[] = [];
  const body = new TextEncoder().encode(text.slice(1, -1));
  for (let i = 0; i < body.length; i++) {
    if (body[i] !== 92) {
      bytes.push(body[i]!);
      continue;
    }
    const rest = String.fromCharCode(...body.slice(i + 1, i + 4));
    const octal = /^[0-7]{1,3}/.exec(rest)?.[0];
    const hex = /^x([0-9a-fA-F]{1,2})/.exec(rest)?.[1];
    if (hex !== undefined) {
      bytes.push(Number.parseInt(hex, 16));
      i += 1 + hex.length;
    } else if (octal !== undefined) {
      bytes.push(Number.parseInt(octal, 8) & 255);
      i += octal.length;
    } else {
      bytes.push(ESCAPES[rest[0]!] ?? rest.charCodeAt(0));
      i++;
    }
  }
  return new Uint8Array(bytes);
}
