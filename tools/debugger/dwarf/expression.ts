/**
 * Location expressions (DWARF 5, section 2.5): where a variable is at an instruction. Everything that GCC and our
 * compiler emit for RISC-V is known; anything else is 'unknown', which a debugger shows as such.
 */
import { DwarfReader } from './reader.ts';

/** What an expression asks of the machine. Undefined: it cannot be had. */
export interface ExpressionContext {
  register(number: number): bigint | undefined;
  memory(address: bigint, size: number): bigint | undefined;
  readonly frameBase: (() => bigint | undefined) | undefined;
  readonly cfa: (() => bigint | undefined) | undefined;
  /** Added to the addresses in the expression: where the file lies, less where it was linked. */
  readonly bias: bigint;
}

export type Location =
  | { readonly kind: 'memory'; readonly address: bigint }
  | { readonly kind: 'register'; readonly number: number }
  | { readonly kind: 'value'; readonly value: bigint }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'unknown' };

const UNKNOWN: Location = { kind: 'unknown' };
const mask = (value: bigint): bigint => BigInt.asUintN(64, value);
const signed = (value: bigint): bigint => BigInt.asIntN(64, value);

/** Operations on the two topmost values, second first. */
const BINARY: Readonly<Record<number, (a: bigint, b: bigint) => bigint>> = {
  26: (a, b) => a & b,
  27: (a, b) => (b === 0n ? 0n : signed(a) / signed(b)),
  28: (a, b) => a - b,
  29: (a, b) => (b === 0n ? 0n : a % b),
  30: (a, b) => a * b,
  33: (a, b) => a | b,
  34: (a, b) => a + b,
  36: (a, b) => a << (b & 63n),
  37: (a, b) => a >> (b & 63n),
  38: (a, b) => signed(a) >> (b & 63n),
  39: (a, b) => a ^ b,
  41: (a, b) => BigInt(a === b),
  42: (a, b) => BigInt(signed(a) >= signed(b)),
  43: (a, b) => BigInt(signed(a) > signed(b)),
  44: (a, b) => BigInt(signed(a) <= signed(b)),
  45: (a, b) => BigInt(signed(a) < signed(b)),
  46: (a, b) => BigInt(a !== b),
};

export function evaluateLocation(expression: Uint8Array, context: ExpressionContext): Location {
  try {
    return run(new DwarfReader(expression), context);
  } catch (error) {
    if (error instanceof RangeError) return UNKNOWN;
    throw error;
  }
}

function run(reader: DwarfReader, context: ExpressionContext): Location {
  const stack: bigint[] = [];
  const pop = (): bigint => {
    const value = stack.pop();
    if (value === undefined) throw new RangeError('the stack is empty');
    return value;
  };
  const must = (value: bigint | undefined): bigint => {
    if (value === undefined) throw new RangeError('not known');
    return value;
  };
  if (reader.done) return UNKNOWN;
  while (!reader.done) {
    const op = reader.u8();
    const binary = BINARY[op];
    if (binary !== undefined) {
      const b = pop();
      stack.push(mask(binary(pop(), b)));
    } else if (op >= 0x30 && op < 0x50) stack.push(BigInt(op - 0x30));
    else if (op >= 0x50 && op < 0x70) return { kind: 'register', number: op - 0x50 };
    else if (op >= 0x70 && op < 0x90) stack.push(mask(must(context.register(op - 0x70)) + reader.sleb()));
    else
      switch (op) {
        case 0x03:
          stack.push(mask(reader.u64() + context.bias));
          break;
        case 0x06:
          stack.push(must(context.memory(pop(), 8)));
          break;
        case 0x08:
          stack.push(BigInt(reader.u8()));
          break;
        case 0x09:
          stack.push(mask(BigInt(reader.i8())));
          break;
        case 0x0a:
          stack.push(BigInt(reader.u16()));
          break;
        case 0x0b:
          stack.push(mask(BigInt.asIntN(16, BigInt(reader.u16()))));
          break;
        case 0x0c:
          stack.push(BigInt(reader.u32()));
          break;
        case 0x0d:
          stack.push(mask(BigInt(reader.i32())));
          break;
        case 0x0e:
        case 0x0f:
          stack.push(reader.u64());
          break;
        case 0x10:
          stack.push(mask(reader.uleb()));
          break;
        case 0x11:
          stack.push(mask(reader.sleb()));
          break;
        case 0x12: {
          const top = pop();
          stack.push(top, top);
          break;
        }
        case 0x13:
          pop();
          break;
        case 0x1f:
          stack.push(mask(-pop()));
          break;
        case 0x20:
          stack.push(mask(~pop()));
          break;
        case 0x23:
          stack.push(mask(pop() + reader.uleb()));
          break;
        case 0x90:
          return { kind: 'register', number: reader.number() };
        case 0x91:
          stack.push(mask(must(context.frameBase?.()) + reader.sleb()));
          break;
        case 0x92: {
          const number = reader.number();
          stack.push(mask(must(context.register(number)) + reader.sleb()));
          break;
        }
        case 0x94:
          stack.push(must(context.memory(pop(), reader.u8())));
          break;
        case 0x96:
          break;
        case 0x9c:
          stack.push(must(context.cfa?.()));
          break;
        case 0x9e:
          return { kind: 'bytes', bytes: reader.block(reader.number()) };
        case 0x9f:
          return { kind: 'value', value: pop() };
        default:
          return UNKNOWN;
      }
  }
  return { kind: 'memory', address: pop() };
}
