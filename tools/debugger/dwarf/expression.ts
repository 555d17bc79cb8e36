/**
 * Location expressions (DWARF 5, section 2.5): where a variable is at an instruction. Everything that GCC and our
 * compiler emit for RISC-V is known; anything else is 'unknown', which a debugger shows as such.
 */
import { OP } from '../../dwarf/constants.ts';
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
    } else if (op >= OP.lit0 && op < OP.lit0 + 32) stack.push(BigInt(op - OP.lit0));
    else if (op >= OP.reg0 && op < OP.reg0 + 32) return { kind: 'register', number: op - OP.reg0 };
    else if (op >= OP.breg0 && op < OP.breg0 + 32)
      stack.push(mask(must(context.register(op - OP.breg0)) + reader.sleb()));
    else
      switch (op) {
        case OP.addr:
          stack.push(mask(reader.u64() + context.bias));
          break;
        case OP.deref:
          stack.push(must(context.memory(pop(), 8)));
          break;
        case OP.const1u:
          stack.push(BigInt(reader.u8()));
          break;
        case OP.const1s:
          stack.push(mask(BigInt(reader.i8())));
          break;
        case OP.const2u:
          stack.push(BigInt(reader.u16()));
          break;
        case OP.const2s:
          stack.push(mask(BigInt.asIntN(16, BigInt(reader.u16()))));
          break;
        case OP.const4u:
          stack.push(BigInt(reader.u32()));
          break;
        case OP.const4s:
          stack.push(mask(BigInt(reader.i32())));
          break;
        case OP.const8u:
        case OP.const8s:
          stack.push(reader.u64());
          break;
        case OP.constu:
          stack.push(mask(reader.uleb()));
          break;
        case OP.consts:
          stack.push(mask(reader.sleb()));
          break;
        case OP.dup: {
          const top = pop();
          stack.push(top, top);
          break;
        }
        case OP.drop:
          pop();
          break;
        case OP.neg:
          stack.push(mask(-pop()));
          break;
        case OP.not:
          stack.push(mask(~pop()));
          break;
        case OP.plusUconst:
          stack.push(mask(pop() + reader.uleb()));
          break;
        case OP.regx:
          return { kind: 'register', number: reader.number() };
        case OP.fbreg:
          stack.push(mask(must(context.frameBase?.()) + reader.sleb()));
          break;
        case OP.bregx: {
          const number = reader.number();
          stack.push(mask(must(context.register(number)) + reader.sleb()));
          break;
        }
        case OP.derefSize:
          stack.push(must(context.memory(pop(), reader.u8())));
          break;
        case OP.nop:
          break;
        case OP.callFrameCfa:
          stack.push(must(context.cfa?.()));
          break;
        case OP.implicitValue:
          return { kind: 'bytes', bytes: reader.block(reader.number()) };
        case OP.stackValue:
          return { kind: 'value', value: pop() };
        default:
          return UNKNOWN;
      }
  }
  return { kind: 'memory', address: pop() };
}
