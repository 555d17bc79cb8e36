/**
 * What an editor shows as a tree of variables: scopes of a frame and what is in structures, arrays and behind references. Each
 * thing with parts gets a number, valid until the guest runs.
 */
import { X_NAMES } from '../../../emulator/cpu/isa/registers.ts';
import { UserError } from '../../../emulator/errors.ts';
import type { AddressSpace } from '../address-space.ts';
import { toBytes } from '../address-space.ts';
import type { Frame } from '../backtrace.ts';
import type { Debugger } from '../debugger.ts';
import { hex } from '../describe.ts';
import type { SourceType } from '../dwarf/types.ts';
import { writeMemory, writeRegister } from '../edit.ts';
import { localsOf, variableValue } from '../names.ts';
import { dereference, element, formatValue, member, type Value } from '../values.ts';
import type { Variable } from './protocol.ts';

/** Something that has parts. */
interface Container {
  readonly list: () => Variable[];
  /** Sets a part. @throws UserError when it cannot be set */
  readonly set: (name: string, value: bigint) => void;
}

/** Elements of an array that are shown. */
const MOST_ELEMENTS = 256;

export class VariableTree {
  private readonly containers = new Map<number, Container>();
  private next = 1;

  constructor(private readonly debugged: Debugger) {}

  /** The guest has run: all numbers are void. */
  clear(): void {
    this.containers.clear();
  }

  private add(container: Container): number {
    const reference = this.next++;
    this.containers.set(reference, container);
    return reference;
  }

  /** @throws UserError when the number is not valid any more */
  private find(reference: number): Container {
    const container = this.containers.get(reference);
    if (container === undefined) throw new UserError('that belongs to a moment that is past');
    return container;
  }

  list(reference: number): Variable[] {
    return this.find(reference).list();
  }

  set(reference: number, name: string, value: bigint): Variable {
    const container = this.find(reference);
    container.set(name, value);
    return (
      container.list().find((one) => one.name === name) ?? {
        name,
        value: String(value),
        variablesReference: 0,
      }
    );
  }

  /** Numbers of the scopes of a frame. `level` frames lie above it; only the innermost one's registers can be set. */
  scopes(frame: Frame): { readonly name: string; readonly reference: number; readonly expensive: boolean }[] {
    return [
      { name: 'Locals', reference: this.locals(frame), expensive: false },
      { name: 'Registers', reference: this.registers(frame), expensive: false },
      { name: 'CSRs', reference: this.csrs(), expensive: true },
    ];
  }

  private locals(frame: Frame): number {
    const values = (): [string, Value][] =>
      localsOf(frame).map((variable) => [variable.name, variableValue(frame, variable)]);
    return this.add({
      list: () => values().map(([name, value]) => this.variable(name, value, frame.space, name)),
      set: (name, value) => this.assign(values().findLast(([one]) => one === name)?.[1], name, value),
    });
  }

  private registers({ registers, pc, level }: Frame): number {
    const rows = (): [string, bigint | undefined][] => [
      ['pc', pc],
      ...X_NAMES.slice(1).map((name, i): [string, bigint | undefined] => [name, registers[i + 1]]),
    ];
    return this.add({
      list: () =>
        rows().map(([name, value]) => ({
          name,
          value: value === undefined ? '<not known in this frame>' : hex(value, 16),
          evaluateName: `$${name}`,
          variablesReference: 0,
          ...(value !== undefined && { memoryReference: hex(value) }),
        })),
      set: (name, value) => {
        if (level > 0) throw new UserError('registers are set in the innermost frame');
        writeRegister(this.debugged, name, value);
      },
    });
  }

  private csrs(): number {
    const { machine, core } = this.debugged;
    return this.add({
      list: () =>
        machine.csrs.rows.flatMap((row) => {
          const value = machine.csrs.peek(core.hart, row.number);
          if (value === undefined) return [];
          return [
            { name: row.name, value: hex(value, 16), evaluateName: `$${row.name}`, variablesReference: 0 },
          ];
        }),
      set: (name, value) => writeRegister(this.debugged, name, value),
    });
  }

  private assign(target: Value | undefined, name: string, value: bigint): void {
    const place = target?.place;
    if (target === undefined || place === undefined)
      throw new UserError(`'${name}' has no place: it cannot be set`);
    if (target.type?.kind === 'struct' || target.type?.kind === 'array')
      throw new UserError(`'${name}' is a ${target.type.name}: set its parts`);
    if (place.kind === 'register') writeRegister(this.debugged, `x${place.number}`, value);
    else
      writeMemory(
        this.debugged,
        place,
        toBytes(BigInt.asUintN(64, value), Math.min(target.type?.size || 8, 8)),
      );
  }

  /** A value as a row; `path` is the expression that gives it. */
  variable(name: string, value: Value, space: AddressSpace, path: string): Variable {
    const { type, place } = value;
    const { holder } = value;
    // Of a reference, the memory that it leads to.
    const isReference = type?.kind === 'pointer' && holder === undefined && value.unavailable === undefined;
    const address = isReference ? value.bits : place?.kind === 'virtual' ? place.address : undefined;
    return {
      name,
      value: formatValue(space, value, {
        depth: 1,
        radix: 'natural',
        symbol: (at) => this.debugged.describe(at, space),
      }),
      ...(type !== undefined && { type: type.name }),
      evaluateName: path,
      variablesReference: this.parts(value, space, path),
      ...(address !== undefined && { memoryReference: hex(address) }),
    };
  }

  /** The number under which the parts of a value are found; 0: it has none. */
  private parts(value: Value, space: AddressSpace, path: string): number {
    const { type } = value;
    if (value.unavailable !== undefined || !hasParts(type)) return 0;
    const names = (): [string, Value, string][] => partsOf(value, space, path);
    return this.add({
      list: () => names().map(([name, part, at]) => this.variable(name, part, space, at)),
      set: (name, number) => this.assign(names().find(([one]) => one === name)?.[1], name, number),
    });
  }
}

const hasParts = (type: SourceType | undefined): boolean =>
  type?.kind === 'struct' || type?.kind === 'array' || (type?.kind === 'pointer' && type.to !== undefined);

/** [name, value, expression] of each part: members, elements, or what a reference leads to. */
function partsOf(value: Value, space: AddressSpace, path: string): [string, Value, string][] {
  const { type } = value;
  if (type?.kind === 'pointer') {
    const to = dereference(space, value);
    // A reference to a structure shows the structure's members.
    return to.type?.kind === 'struct' && to.unavailable === undefined
      ? partsOf(to, space, path)
      : [[`*${path}`, to, `*${path}`]];
  }
  if (type?.kind === 'struct')
    return type.members.flatMap(({ name }): [string, Value, string][] => {
      const part = member(space, value, name);
      return part === undefined ? [] : [[name, part, `${path}.${name}`]];
    });
  if (type?.kind !== 'array') return [];
  return Array.from({ length: Math.min(type.count, MOST_ELEMENTS) }, (_, i): [string, Value, string] => [
    `[${i}]`,
    element(space, value, BigInt(i)) ?? { type: type.of, bits: 0n, unavailable: 'it lies nowhere' },
    `${path}[${i}]`,
  ]);
}
