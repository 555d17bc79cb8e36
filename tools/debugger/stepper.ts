/**
 * Steps, in source lines and instructions, forwards and backwards. Forwards it executes instruction by instruction, and runs at full
 * speed through what is to be stepped over: calls, traps. Backwards it looks at a trace of the last instructions, which
 * it gets by going back and stepping forwards again, in growing pieces.
 *
 * A step follows the code, not the hart: when a thread is interrupted or makes a system call, the step goes on when
 * the thread does, on whatever hart.
 */
import type { Core } from '../../emulator/machine/core.ts';
import type { Debugger, Direction, StepKind } from './debugger.ts';
import { afterPrologue } from './locations.ts';
import type { Program, SourceFunction } from './program.ts';
import type { RunEnd, Runner, Waypoint } from './runner.ts';

const SP = 2;
const RA = 1;

/** Which source line an instruction belongs to. */
interface LinePlace {
  readonly program: Program;
  readonly function: SourceFunction | undefined;
  readonly file: string;
  readonly line: number;
  /** The first instruction of a row of the line table. */
  readonly isStart: boolean;
}

/** An instruction that was executed. */
interface Executed {
  readonly at: number;
  readonly pc: bigint;
  readonly sp: bigint;
  readonly hart: number;
  readonly privilege: number;
}

/** Instructions that are looked back over at first, and at most. */
const FIRST_TRACE = 256;
const LONGEST_TRACE = 1_000_000;

const THERE = (core: Core): RunEnd => ({ kind: 'there', core });

export class Stepper {
  constructor(
    private readonly debugged: Debugger,
    private readonly runner: Runner,
  ) {}

  /** Makes one step. */
  async step(kind: StepKind, direction: Direction): Promise<RunEnd> {
    if (direction === 'forward') {
      switch (kind) {
        case 'instruction':
          return await this.instruction(this.debugged.core);
        case 'next-instruction':
          return await this.nextInstruction();
        case 'finish':
          return await this.finish();
        default:
          return await this.line(kind === 'next');
      }
    }
    switch (kind) {
      case 'instruction':
        return this.instructionBack();
      case 'next-instruction':
        return await this.backOver();
      case 'finish':
        return await this.toCall();
      default:
        return await this.lineBack(kind === 'next');
    }
  }

  // ---- Forwards --------------------------------------------------------------------------------------------------

  /** One instruction of a hart; the others run as their turns come. */
  private async instruction(core: Core): Promise<RunEnd> {
    const { time, machine } = this.debugged;
    const before = core.hart.retired;
    for (;;) {
      const reason = time.quietly(() => time.run(machine.turns.current === core ? 1 : 1000));
      if (
        reason.kind === 'exit' ||
        reason.kind === 'stuck' ||
        reason.kind === 'reset' ||
        reason.kind === 'idle'
      )
        return { kind: 'end', reason };
      if (core.hart.retired !== before || machine.cores.length === 1) return THERE(core);
      if (await this.runner.breathe()) return { kind: 'interrupted' };
    }
  }

  /** The source line at a core's pc. */
  private lineAt(core: Core, pc = core.hart.pc): LinePlace | undefined {
    const code = this.debugged.modules.at(core, pc);
    const row = code?.program.lineAt(code.address);
    if (code === undefined || row === undefined) return undefined;
    const { program, address } = code;
    return {
      program,
      function: program.functionAt(address),
      file: row.file,
      line: row.line,
      isStart: row.address === address,
    };
  }

  private static same(a: LinePlace, b: LinePlace | undefined): boolean {
    return b !== undefined && a.program === b.program && a.file === b.file && a.line === b.line;
  }

  /** What tells one thread's code from another's at the same address: the view. */
  private identity(core: Core): string {
    const { view, fixed } = this.debugged.objects.viewOf(core);
    return `${view}:${fixed}`;
  }

  /** Bytes of the call instruction at a core's pc; 0 if it is none. */
  private callLength({ hart }: Core, core = this.debugged.core): number {
    const word = this.debugged.machine.instructionAtPc(core);
    if (word === undefined || hart !== core.hart) return 0;
    if ((word & 3) === 3) {
      const opcode = word & 0x7f;
      const links = ((word >> 7) & 31) === RA;
      return (opcode === 0x6f || opcode === 0x67) && links ? 4 : 0;
    }
    // c.jalr: 1001 rs1≠0 00000 10
    return (word & 0xf07f) === 0x9002 && (word & 0x0f80) !== 0 ? 2 : 0;
  }

  /** Runs until the code that trapped goes on, in whatever way the kernel lets it. */
  private async overTrap(
    core: Core,
    pc: bigint,
    sp: bigint,
    privilege: number,
    who: string,
  ): Promise<RunEnd> {
    return await this.runner.untilReturn((one) => {
      const { hart } = one;
      const isSame = hart.privilege === privilege && hart.getX(SP) === sp && this.identity(one) === who;
      return isSame && hart.pc >= pc && hart.pc <= pc + 4n && core !== undefined;
    });
  }

  /** Runs until a call returns to `target`. */
  private async untilReturned(target: bigint, sp: bigint, who: string): Promise<RunEnd> {
    const back: Waypoint = {
      va: target,
      accept: (one) => one.hart.getX(SP) >= sp && this.identity(one) === who,
    };
    return await this.runner.forward(Number.POSITIVE_INFINITY, [back]);
  }

  /** One instruction; a call, or a system call, as a whole. */
  private async nextInstruction(): Promise<RunEnd> {
    const { core } = this.debugged;
    const { pc, privilege } = core.hart;
    const sp = core.hart.getX(SP);
    const who = this.identity(core);
    const call = this.callLength(core, core);
    const end = await this.instruction(core);
    if (end.kind !== 'there') return end;
    if (core.hart.privilege > privilege) return await this.overTrap(core, pc, sp, privilege, who);
    return call > 0 ? await this.untilReturned(pc + BigInt(call), sp, who) : end;
  }

  /** To the next source line. */
  private async line(over: boolean): Promise<RunEnd> {
    let { core } = this.debugged;
    const start = this.lineAt(core);
    const { privilege } = core.hart;
    const who = this.identity(core);
    if (start === undefined) return await this.nextInstruction();
    for (;;) {
      const { pc } = core.hart;
      const sp = core.hart.getX(SP);
      const call = this.callLength(core, core);
      let end = await this.instruction(core);
      if (end.kind !== 'there') return end;
      if (core.hart.privilege > privilege) {
        end = await this.overTrap(core, pc, sp, privilege, who);
        if (end.kind !== 'there') return end;
        core = end.core;
      } else if (call > 0) {
        const into = over ? undefined : this.enterable(core);
        if (into !== undefined) return await this.to(core, into);
        end = await this.untilReturned(pc + BigInt(call), sp, who);
        if (end.kind !== 'there') return end;
        core = end.core;
      }
      const here = this.lineAt(core);
      if (here?.isStart && (!Stepper.same(start, here) || here.function !== start.function))
        return THERE(core);
      const stopped = this.stopsHere(core);
      if (stopped) return stopped;
      if (await this.runner.breathe()) return { kind: 'interrupted' };
    }
  }

  /** A stop point of the user's that lies on the way. */
  private stopsHere(core: Core): RunEnd | undefined {
    const { pc, index } = core.hart;
    const points = this.debugged.points.atCode(pc).filter(({ condition }) => condition === undefined);
    if (points.length === 0) return undefined;
    return { kind: 'point', points, reason: { kind: 'breakpoint', hart: index, pc }, hits: [] };
  }

  /** The body of the function at whose first instruction a core stands, if it has lines. */
  private enterable(core: Core): bigint | undefined {
    const here = this.lineAt(core);
    if (here?.function === undefined) return undefined;
    const code = this.debugged.modules.at(core, core.hart.pc)!;
    return BigInt.asUintN(64, afterPrologue(here.program, here.function) + code.bias);
  }

  private async to(core: Core, va: bigint): Promise<RunEnd> {
    if (core.hart.pc === va) return THERE(core);
    const who = this.identity(core);
    return await this.runner.forward(10_000, [{ va, accept: (one) => this.identity(one) === who }]);
  }

  /** Until the function under the cursor returns. */
  private async finish(): Promise<RunEnd> {
    const { debugged } = this;
    const { frame, frames } = debugged;
    const outer = frames.slice(frame.level + 1).find((one) => one.kind !== 'inlined');
    if (outer === undefined || frame.cfa === undefined) return await this.nextInstruction();
    const { pc, registers, space } = outer;
    const sp = registers[SP] ?? 0n;
    if (outer.kind === 'trap') {
      const { view, fixed } = space.view;
      return await this.runner.untilReturn(
        (one) => one.hart.getX(SP) === sp && this.identity(one) === `${view}:${fixed}`,
      );
    }
    return await this.untilReturned(pc, sp, this.identity(debugged.core));
  }

  // ---- Backwards -------------------------------------------------------------------------------------------------

  private instructionBack(): RunEnd {
    const { time, machine } = this.debugged;
    if (!time.stepBack()) return { kind: 'beginning' };
    return THERE(machine.cores.length === 1 ? this.debugged.core : machine.turns.current);
  }

  /** The last `count` instructions, oldest first. The state is the same afterwards. Undefined: interrupted. */
  private async trace(count: number): Promise<Executed[] | undefined> {
    const { time, machine } = this.debugged;
    const end = time.now;
    const list: Executed[] = [];
    time.goTo(Math.max(time.beginning, end - count));
    while (time.now < end) {
      const { hart } = machine.turns.current;
      list.push({
        at: time.now,
        pc: hart.pc,
        sp: hart.getX(SP),
        hart: hart.index,
        privilege: hart.privilege,
      });
      const reason = time.quietly(() => time.run(1));
      if (reason.kind !== 'budget') break;
      if (list.length % 4096 === 0 && (await this.runner.breathe())) {
        time.goTo(end);
        return undefined;
      }
    }
    return list;
  }

  /** To the beginning of the line before, or of this line when the cursor is inside of it. */
  private async lineBack(over: boolean): Promise<RunEnd> {
    const { debugged } = this;
    const { time, core } = debugged;
    const { privilege, index } = core.hart;
    const sp = core.hart.getX(SP);
    const scope = this.lineAt(core)?.function;
    const begin = time.now;
    for (let size = FIRST_TRACE; ; size *= 8) {
      const trace = await this.trace(size);
      if (trace === undefined) return { kind: 'interrupted' };
      const lines = new Map<bigint, LinePlace | undefined>();
      const lineOf = (pc: bigint): LinePlace | undefined => {
        if (!lines.has(pc)) lines.set(pc, this.lineAt(core, pc));
        return lines.get(pc);
      };
      let goal: { at: number; line: LinePlace; sp: bigint } | undefined;
      let complete = false;
      for (let i = trace.length - 1; i >= 0; i--) {
        const one = trace[i]!;
        if (one.hart !== index || one.privilege > privilege) continue;
        const line = lineOf(one.pc);
        if (line === undefined) continue;
        const isCallee = line.function !== (goal?.line.function ?? scope) && one.sp <= (goal?.sp ?? sp);
        if (isCallee && (over || goal !== undefined)) continue;
        if (goal !== undefined && (!Stepper.same(goal.line, line) || line.function !== goal.line.function)) {
          complete = true;
          break;
        }
        goal = { at: one.at, line, sp: goal === undefined ? one.sp : goal.sp };
      }
      if (goal !== undefined && (complete || begin - size <= time.beginning)) {
        time.goTo(goal.at);
        return THERE(core);
      }
      if (begin - size <= time.beginning) {
        time.goTo(time.beginning);
        return { kind: 'beginning' };
      }
      if (size * 8 > LONGEST_TRACE) {
        // The call that was stepped back over is a long one: go to where it was made.
        const first = trace.findLast((one) => one.hart === index && one.privilege <= privilege);
        if (goal !== undefined) time.goTo(goal.at);
        return goal !== undefined ? THERE(core) : await this.toCallBefore(first?.pc ?? core.hart.pc, sp);
      }
    }
  }

  /** Back over one instruction, a call as a whole. */
  private async backOver(): Promise<RunEnd> {
    const { core } = this.debugged;
    const { pc } = core.hart;
    const sp = core.hart.getX(SP);
    const { privilege } = core.hart;
    const back = this.instructionBack();
    if (back.kind !== 'there') return back;
    const entered = core.hart.privilege > privilege || core.hart.getX(SP) < sp || !near(core.hart.pc, pc);
    const isReturn = core.hart.pc !== pc - 4n && core.hart.pc !== pc - 2n && entered;
    return isReturn ? await this.toCallBefore(pc, sp) : back;
  }

  /** Back to the call, or the instruction, whose successor is at `pc`. */
  private async toCallBefore(pc: bigint, sp: bigint): Promise<RunEnd> {
    const who = this.identity(this.debugged.core);
    const accept = (one: Core): boolean => one.hart.getX(SP) === sp && this.identity(one) === who;
    return await this.runner.backward([
      { va: pc - 4n, accept },
      { va: pc - 2n, accept },
    ]);
  }

  /** Back to the call of the function under the cursor. */
  private async toCall(): Promise<RunEnd> {
    const { frame, core } = this.debugged;
    const { code, cfa } = frame;
    if (code === undefined || frame.function === undefined || cfa === undefined)
      return this.instructionBack();
    const va = BigInt.asUintN(64, frame.function.ranges[0]!.low + code.bias);
    const who = this.identity(core);
    const entry: Waypoint = {
      va,
      accept: (one) => one.hart.getX(SP) === cfa && this.identity(one) === who,
    };
    const atEntry = core.hart.pc === va && core.hart.getX(SP) === cfa;
    const end = atEntry ? THERE(core) : await this.runner.backward([entry]);
    return end.kind === 'there' ? this.instructionBack() : end;
  }
}

/** Within a straight piece of code. */
const near = (a: bigint, b: bigint): boolean => a < b && b - a <= 4n;
