/**
 * The calls that led to a store. Nothing is recorded of them while the workload runs; as it is deterministic, it is run
 * again, and stepped from the beginning of the operation to the store, with calls, returns and traps followed.
 */
import type { Computer } from '../../emulator/boot/computer.ts';
import type { Core } from '../../emulator/machine/core.ts';
import { NO_PROGRESS } from './device.ts';
import type { RunEvent } from './events.ts';
import { makeComputer, type Program } from './program.ts';

/** Steps back from a store, at most, when the operation is longer. */
const WINDOW = 200_000;

/** A call under way: where it was made, and where it returns to. */
interface Frame {
  readonly site: bigint;
  readonly returns: bigint;
  /** A trap: a return from it drops everything above, too. */
  readonly trap: boolean;
}

/**
 * Call sites of the stores that retire after these numbers of instructions, innermost first.
 * @param events of the same workload, for the beginnings of operations
 */
export function stacksAt(
  program: Program,
  events: readonly RunEvent[],
  instrets: Iterable<number>,
): Map<number, readonly bigint[]> {
  const wanted = [...new Set(instrets)].sort((a, b) => a - b);
  const stacks = new Map<number, readonly bigint[]>();
  if (wanted.length === 0) return stacks;
  const begins = events.filter(({ kind }) => kind === 'begin').map(({ instret }) => instret);
  const computer: Computer = makeComputer(program, {
    host: { recovering: false, progress: () => NO_PROGRESS, mark: () => {} },
    output: () => {},
    recording: false,
  });
  const { machine } = computer;
  let stepper: Stepper | undefined;
  for (const instret of wanted) {
    const begin = begins.filter((one) => one <= instret).pop() ?? 0;
    const start = Math.max(begin, instret - WINDOW);
    if (stepper === undefined || start > machine.instructions) {
      machine.run({ instructions: start - machine.instructions });
      stepper = new Stepper(computer);
    }
    while (machine.instructions < instret) stepper.step();
    stacks.set(instret, stepper.sites);
  }
  return stacks;
}

const RA = 1;
const T0 = 5;

class Stepper {
  private frames: Frame[] = [];
  private readonly core: Core;

  constructor(private readonly computer: Computer) {
    this.core = computer.machine.cores[0]!;
  }

  get sites(): bigint[] {
    return this.frames.map(({ site }) => site).reverse();
  }

  /** One instruction. */
  step(): void {
    const { machine } = this.computer;
    const { hart } = this.core;
    const pc = hart.pc;
    const privilege = hart.privilege;
    const bits = machine.instructionAtPc(this.core);
    machine.run({ instructions: 1 });
    const next = hart.pc;
    if (hart.privilege > privilege) {
      this.frames.push({ site: pc, returns: pc, trap: true });
      return;
    }
    if (hart.privilege < privilege) {
      let top = this.frames.pop();
      while (top && !top.trap) top = this.frames.pop();
      return;
    }
    if (bits === undefined) return;
    const length = (bits & 3) === 3 ? 4n : 2n;
    if (isCall(bits)) {
      if (next !== pc + length) this.frames.push({ site: pc, returns: pc + length, trap: false });
    } else if (isReturn(bits)) {
      const at = this.frames.findLastIndex(({ returns }) => returns === next);
      if (at >= 0) this.frames.length = at;
    }
  }
}

const isLink = (register: number): boolean => register === RA || register === T0;

/** jal or jalr with a link register as rd; c.jalr. */
function isCall(bits: number): boolean {
  const rd = (bits >>> 7) & 31;
  if ((bits & 3) !== 3) return (bits & 0xf07f) === 0x9002 && rd !== 0;
  const opcode = bits & 0x7f;
  return (opcode === 0x6f || opcode === 0x67) && isLink(rd);
}

/** jalr x0 by a link register; c.jr by one. */
function isReturn(bits: number): boolean {
  if ((bits & 3) !== 3) return (bits & 0xf07f) === 0x8002 && isLink((bits >>> 7) & 31);
  return (bits & 0x7f) === 0x67 && ((bits >>> 7) & 31) === 0 && isLink((bits >>> 15) & 31);
}
