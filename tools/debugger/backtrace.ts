/**
 * The call stack: from registers to the caller's, frame by frame, by call frame information; through inlined calls; across
 * traps, from the kernel to the program that it works for. Where nothing is known of a function, its return address is tried
 * once, in the innermost frame, and then the stack ends.
 */

import { CAUSE_NAMES } from '../../emulator/cpu/causes.ts';
import { Csr } from '../../emulator/cpu/csr-numbers.ts';
import type { Core } from '../../emulator/machine/core.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { type AddressSpace, virtualPlace } from './address-space.ts';
import { evaluateLocation } from './dwarf/expression.ts';
import type { LineRow } from './dwarf/lines.ts';
import type { CodePlace, Modules } from './modules.ts';
import type { SourceFunction, SourcePlace } from './program.ts';
import { expressionContext } from './values.ts';

/** x0–x31; undefined where a register's value is not known in a frame. */
export type Registers = readonly (bigint | undefined)[];

export interface Frame {
  readonly level: number;
  readonly kind: 'call' | 'inlined' | 'trap';
  /** The instruction that is executed next here, or after the call has returned. */
  readonly pc: bigint;
  readonly registers: Registers;
  /** Memory as the code of this frame sees it. */
  readonly space: AddressSpace;
  readonly code: CodePlace | undefined;
  readonly function: SourceFunction | undefined;
  readonly name: string;
  readonly source: SourcePlace | undefined;
  readonly cfa: bigint | undefined;
  /** For a frame below a trap: why it trapped. */
  readonly trap?: string;
}

/** What a frame goes on from. */
interface Context {
  readonly pc: bigint;
  readonly registers: Registers;
  readonly space: AddressSpace;
  /** `pc` is the instruction after a call: the call itself is meant. */
  readonly isCaller: boolean;
  readonly trap?: string;
}

const MOST_FRAMES = 64;
const RA = 1;
const SP = 2;
const T6 = 31;
/** What `kernelTrapEntry` of guest/kernel/entry.ts puts on the stack. */
const KERNEL_TRAP = { bytes: 160n, ra: 0n, pc: 128n } as const;

/** How a stack is unwound where the kernel knows more than the stack says. */
export interface TrapSource {
  /** The user registers (pc at 0) and memory of the thread that a core works for, if it is in the kernel. */
  userContext(core: Core): { readonly registers: Registers; readonly space: AddressSpace } | undefined;
}

export class Backtrace {
  constructor(
    private readonly machine: Machine,
    private readonly modules: Modules,
    private readonly traps: TrapSource,
  ) {}

  /** The registers of a core, as a frame has them. */
  registersOf({ hart }: Core): Registers {
    return Array.from({ length: 32 }, (_, i) => hart.getX(i));
  }

  /** The frames of a core, innermost first. */
  ofCore(core: Core, space: AddressSpace): Frame[] {
    return this.unwind(core, { pc: core.hart.pc, registers: this.registersOf(core), space, isCaller: false });
  }

  /** The frames of a thread that does not run: registers with the pc at 0. */
  ofRegisters(core: Core, registers: Registers, space: AddressSpace): Frame[] {
    return this.unwind(core, {
      pc: registers[0] ?? 0n,
      registers: [0n, ...registers.slice(1)],
      space,
      isCaller: false,
    });
  }

  private unwind(core: Core, start: Context): Frame[] {
    const frames: Frame[] = [];
    let context: Context | undefined = start;
    while (context !== undefined && frames.length < MOST_FRAMES) {
      const code = this.modules.at(core, context.pc, context.space.view);
      const cfa = this.cfaOf(context, code);
      this.push(frames, context, code, cfa);
      context = this.caller(core, context, code, cfa);
    }
    return frames;
  }

  private push(
    frames: Frame[],
    context: Context,
    code: CodePlace | undefined,
    cfa: bigint | undefined,
  ): void {
    const { pc, registers, space, trap } = context;
    const address = code && code.address - (context.isCaller ? 1n : 0n);
    const row: LineRow | undefined = address === undefined ? undefined : code?.program.lineAt(address);
    const outer = address === undefined ? undefined : code?.program.functionAt(address);
    const inlined = address === undefined ? [] : (code?.program.framesInlinedAt(address) ?? []);
    let source: SourcePlace | undefined = row;
    const base = { pc, registers, space, code, cfa };
    for (const { called, from } of inlined.reverse()) {
      frames.push({
        ...base,
        level: frames.length,
        kind: 'inlined',
        function: called,
        name: called.name,
        source,
      });
      source = from;
    }
    const symbol = code?.program.symbolAt(code.address);
    frames.push({
      ...base,
      level: frames.length,
      kind: trap === undefined ? 'call' : 'trap',
      function: outer,
      name: outer?.name ?? symbol?.name ?? '?',
      source,
      ...(trap !== undefined && { trap }),
    });
  }

  private cfaOf(context: Context, code: CodePlace | undefined): bigint | undefined {
    const rules = code?.program.frames.at(code.address - (context.isCaller ? 1n : 0n));
    if (rules === undefined || code === undefined) return undefined;
    const { cfa } = rules;
    if (cfa instanceof Uint8Array) {
      const asked = expressionContext(context.space, (n) => context.registers[n], code.bias);
      const location = evaluateLocation(cfa, asked);
      return location.kind === 'memory' ? location.address : undefined;
    }
    const base = context.registers[cfa.register];
    return base === undefined ? undefined : BigInt.asUintN(64, base + cfa.offset);
  }

  private caller(
    core: Core,
    context: Context,
    code: CodePlace | undefined,
    cfa: bigint | undefined,
  ): Context | undefined {
    const symbol = code?.program.symbolAt(code.address)?.name;
    if (symbol === 'trapEntry' || symbol === 'kernelTrapEntry') return this.belowTrapEntry(core, context);
    if (symbol === 'trapFromUser') return this.user(core);
    const rules = code?.program.frames.at(code.address - (context.isCaller ? 1n : 0n));
    const atVector = this.isTrapVector(core, code);
    if (rules === undefined || cfa === undefined) {
      if (atVector) return this.interrupted(core, context.registers, context.space);
      // A function without frame information: perhaps it has not touched its return address.
      const ra = context.registers[RA];
      if (context.isCaller || ra === undefined || ra === 0n || ra === context.pc)
        return this.bottom(core, code);
      return this.sane(core, {
        ...context,
        pc: ra,
        registers: without(context.registers, RA),
        isCaller: true,
      });
    }
    const registers: (bigint | undefined)[] = [...context.registers];
    const { space } = context;
    registers[SP] = cfa;
    // Registers that a call may change are not known in the caller.
    for (const i of [5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31]) registers[i] = undefined;
    for (const [number, rule] of rules.registers) {
      if (number >= 32) continue;
      if (rule.kind === 'offset') registers[number] = space.readNumber(virtualPlace(cfa + rule.offset), 8);
      else if (rule.kind === 'value') registers[number] = BigInt.asUintN(64, cfa + rule.offset);
      else if (rule.kind === 'register') registers[number] = context.registers[rule.number];
      else registers[number] = undefined;
    }
    if (atVector) return this.interrupted(core, registers, space);
    const pc = registers[rules.returnRegister];
    const isStuck = pc === context.pc && cfa === context.registers[SP];
    const ended = rules.registers.get(rules.returnRegister)?.kind === 'undefined';
    if (pc === undefined || pc === 0n || isStuck || ended) return this.bottom(core, code);
    registers[RA] = rules.registers.has(RA) ? registers[RA] : undefined;
    return this.sane(core, { pc, registers, space, isCaller: !rules.isSignal }) ?? this.bottom(core, code);
  }

  /** A caller only where there is code. */
  private sane(core: Core, context: Context): Context | undefined {
    const code = this.modules.at(core, context.pc - 1n, context.space.view);
    return code === undefined ? undefined : context;
  }

  /** The kernel's stack ends: the thread that it works for comes next. */
  private bottom(core: Core, code: CodePlace | undefined): Context | undefined {
    return code !== undefined && core.hart.privilege === 1 && code.object === undefined
      ? this.user(core)
      : undefined;
  }

  private user(core: Core): Context | undefined {
    const found = this.traps.userContext(core);
    if (found === undefined) return undefined;
    const [pc, ...rest] = found.registers;
    return {
      pc: pc ?? 0n,
      registers: [0n, ...rest],
      space: found.space,
      isCaller: false,
      trap: this.causeText(core, Csr.scause),
    };
  }

  /** In the kernel's trap entry: registers are still the interrupted code's, or on the stack for a trap from the kernel. */
  private belowTrapEntry(core: Core, { registers, space, isCaller }: Context): Context | undefined {
    if (!isCaller) {
      const below = [...registers];
      below[T6] = this.machine.csrs.peek(core.hart, Csr.sscratch);
      return this.interrupted(core, below, space);
    }
    const sp = registers[SP];
    if (sp === undefined) return undefined;
    const pc = space.readNumber(virtualPlace(sp + KERNEL_TRAP.pc), 8);
    if (pc === undefined) return undefined;
    const below = [...registers];
    below[SP] = sp + KERNEL_TRAP.bytes;
    below[RA] = space.readNumber(virtualPlace(sp + KERNEL_TRAP.ra), 8);
    return { pc, registers: below, space, isCaller: false, trap: this.causeText(core, Csr.scause) };
  }

  /** Whether code belongs to the function that the trap vector of the core's mode names. */
  private isTrapVector({ hart }: Core, code: CodePlace | undefined): boolean {
    if (code === undefined || hart.privilege === 0) return false;
    const vector = this.machine.csrs.peek(hart, hart.privilege === 1 ? Csr.stvec : Csr.mtvec) ?? 0n;
    const symbol = code.program.symbolAt(code.address);
    return symbol !== undefined && vector !== 0n && symbol.address + code.bias === (vector & ~3n);
  }

  /** The code that a trap interrupted, by the registers of the trap. */
  private interrupted(core: Core, registers: Registers, space: AddressSpace): Context | undefined {
    const supervisor = core.hart.privilege === 1;
    const pc = this.machine.csrs.peek(core.hart, supervisor ? Csr.sepc : Csr.mepc) ?? 0n;
    const trap = this.causeText(core, supervisor ? Csr.scause : Csr.mcause);
    return (
      this.sane(core, { pc: pc + 1n, registers, space, isCaller: false }) && {
        pc,
        registers,
        space,
        isCaller: false,
        trap,
      }
    );
  }

  private causeText(core: Core, csr: number): string {
    const cause = this.machine.csrs.peek(core.hart, csr) ?? 0n;
    if (cause >> 63n) return `interrupt ${cause & 0xffn}`;
    return CAUSE_NAMES[Number(cause)] ?? `exception ${cause}`;
  }
}

function without(registers: Registers, number: number): Registers {
  return registers.map((value, i) => (i === number ? undefined : value));
}
