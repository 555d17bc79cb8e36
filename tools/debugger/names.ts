/** What names mean in expressions, in a frame: its variables, its program's globals and symbols, registers, CSRs. */

import { fNumber, xNumber } from '../../emulator/cpu/isa/registers.ts';
import { UserError } from '../../emulator/errors.ts';
import type { MemoryPlace } from './address-space.ts';
import { toNumber, virtualPlace } from './address-space.ts';
import type { Frame } from './backtrace.ts';
import type { Debugger } from './debugger.ts';
import { evaluateLocation } from './dwarf/expression.ts';
import { type SourceType, U64 } from './dwarf/types.ts';
import type { Names } from './evaluate.ts';
import type { Hit } from './observer.ts';
import type { Program, SourceFunction, Variable } from './program.ts';
import { expressionContext, numberValue, readValue, type Value } from './values.ts';

export class FrameNames implements Names {
  constructor(
    private readonly debugged: Debugger,
    private readonly frame: Frame,
    private readonly hit?: Hit,
  ) {}

  variable(name: string): Value | undefined {
    const { frame } = this;
    const locals = localsOf(frame).filter((one) => one.name === name);
    // Where scopes are not told apart, of several variables of a name the one that is there is meant.
    const values = locals.map((one) => variableValue(frame, one)).reverse();
    const local = values.find(({ unavailable }) => unavailable === undefined) ?? values[0];
    if (local) return local;
    const own = frame.code?.program;
    const programs = own
      ? [own, ...this.debugged.modules.all.filter((one) => one !== own)]
      : this.debugged.modules.all;
    for (const program of programs) {
      const found = this.global(program, name) ?? this.symbol(program, name);
      if (found) return found;
    }
    return undefined;
  }

  private global(program: Program, name: string): Value | undefined {
    const variable = program.globals.get(name);
    const expression = variable && program.locationOf(variable.entry, 0n);
    if (variable === undefined || expression === undefined) return undefined;
    const { space } = this.frame;
    const location = evaluateLocation(
      expression,
      expressionContext(space, () => undefined, this.biasOf(program)),
    );
    return location.kind === 'memory'
      ? readValue(space, virtualPlace(location.address), variable.type)
      : undefined;
  }

  private biasOf(program: Program): bigint {
    const { code } = this.frame;
    return code?.program === program ? code.bias : 0n;
  }

  private symbol(program: Program, name: string): Value | undefined {
    const symbol = program.symbolNamed(name);
    if (symbol === undefined) return undefined;
    const address = BigInt.asUintN(64, symbol.address + this.biasOf(program));
    return { ...numberValue(address), ...(!symbol.isFunction && { place: virtualPlace(address) }) };
  }

  special(name: string): Value | undefined {
    const { frame, debugged } = this;
    const { core, machine } = debugged;
    const { hart } = core;
    const x = xNumber(name);
    if (x !== undefined) {
      const bits = frame.registers[x];
      if (bits === undefined)
        return { type: U64, bits: 0n, unavailable: `$${name} is not known in this frame` };
      const innermost = frame.level === 0;
      return { type: undefined, bits, ...(innermost && { place: { kind: 'register', number: x } as const }) };
    }
    const f = fNumber(name);
    if (f !== undefined)
      return { type: { kind: 'base', name: 'f64', size: 8, encoding: 'float' }, bits: hart.getF(f) };
    switch (name) {
      case 'pc':
        return numberValue(frame.pc);
      case 'priv':
        return numberValue(BigInt(hart.privilege));
      case 'hart':
        return numberValue(BigInt(hart.index));
      case 'now':
        return numberValue(BigInt(debugged.time.now));
      case 'cfa':
        return frame.cfa === undefined ? undefined : numberValue(frame.cfa);
      case 'thread':
        return numberValue(debugged.threads.current(core)?.address ?? 0n);
      case 'old':
        return this.hit?.kind === 'access' ? numberValue(toNumber(this.hit.old.subarray(0, 8))) : undefined;
      case 'new': {
        if (this.hit?.kind !== 'access') return undefined;
        const size = Math.min(this.hit.old.length, 8);
        return numberValue(toNumber(machine.memory.readBytes(this.hit.pa, size)));
      }
    }
    const row = machine.csrs.byName(name);
    const value = row && machine.csrs.peek(hart, row.number);
    return value === undefined ? undefined : numberValue(value);
  }

  struct(name: string): SourceType | undefined {
    const own = this.frame.code?.program.structNamed(name);
    if (own) return own;
    for (const program of this.debugged.modules.all) {
      const found = program.structNamed(name);
      if (found) return found;
    }
    return undefined;
  }

  object(prefix: string, offset: bigint): MemoryPlace {
    if (offset < 0n || offset >= 1n << 30n) throw new UserError('an offset in an object is below 0x40000000');
    const { id } = this.debugged.objectNamed(prefix);
    return { kind: 'object', object: { id, offset: Number(offset) } };
  }
}

/** Parameters and variables in scope in a frame. */
export function localsOf(frame: Frame): Variable[] {
  const { code } = frame;
  if (code === undefined || frame.function === undefined) return [];
  return code.program.variablesAt(frame.function, lookup(frame));
}

/** The linked address whose debugging information is meant: in a caller, the call's. */
function lookup(frame: Frame): bigint {
  const isCaller = frame.level > 0 && frame.kind === 'call';
  return frame.code!.address - (isCaller ? 1n : 0n);
}

/** The value of a variable in a frame. */
export function variableValue(frame: Frame, variable: Variable): Value {
  const { code, space } = frame;
  const gone: Value = { type: variable.type, bits: 0n, unavailable: 'not there at this instruction' };
  if (code === undefined) return gone;
  const address = lookup(frame);
  const constant = variable.entry.attributes.get(0x1c)?.value;
  if (typeof constant === 'bigint' || typeof constant === 'number')
    return { type: variable.type, bits: BigInt.asUintN(64, BigInt(constant)) };
  const expression = code.program.locationOf(variable.entry, address);
  if (expression === undefined) return gone;
  const context = expressionContext(space, (number) => frame.registers[number], code.bias, {
    cfa: frame.cfa,
    base: () => frameBase(frame, frame.function!, address),
  });
  const location = evaluateLocation(expression, context);
  switch (location.kind) {
    case 'memory':
      return readValue(space, virtualPlace(location.address), variable.type);
    case 'register': {
      const bits = frame.registers[location.number];
      if (bits === undefined) return { ...gone, unavailable: 'its register is not known in this frame' };
      const place =
        frame.level === 0 ? { place: { kind: 'register', number: location.number } as const } : {};
      return { type: variable.type, bits, ...place };
    }
    case 'value':
      return { type: variable.type, bits: location.value };
    case 'bytes':
      return { type: variable.type, bits: toNumber(location.bytes.subarray(0, 8)) };
    default:
      return gone;
  }
}

/** The frame base: mostly the CFA, or a register. */
function frameBase(frame: Frame, scope: SourceFunction, address: bigint): bigint | undefined {
  const expression = frame.code?.program.frameBaseOf(scope, address);
  if (expression === undefined) return frame.cfa;
  const context = expressionContext(frame.space, (number) => frame.registers[number], frame.code!.bias, {
    cfa: frame.cfa,
    base: () => undefined,
  });
  const location = evaluateLocation(expression, context);
  if (location.kind === 'memory') return location.address;
  return location.kind === 'register' ? frame.registers[location.number] : undefined;
}
