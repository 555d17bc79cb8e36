/**
 * Follows the variables of the source through machine code: over which bytes a variable is in which place. A `Debug`
 * instruction says that a variable has the value of a virtual register from there on; that holds until the next one for
 * the variable, along every path, while the register's own live range lasts.
 */
import { type Allocation, NOWHERE } from './allocate.ts';
import type { CodeBuffer } from './code.ts';
import { firstEndingAfter } from './liveness.ts';
import { M, type MBlock, type MFunc, type MInst } from './mir.ts';
import { FIRST_VIRTUAL } from './registers.ts';

/** A variable's place over [start, end) of the function's bytes. */
export interface VariableRange {
  readonly variable: number;
  /** A register, or FRAME + offset from sp. */
  readonly place: number;
  start: number;
  end: number;
}

export class DebugTracker {
  readonly ranges: VariableRange[] = [];
  /** Variable → virtual register at the start of each block. */
  private readonly atStart = new Map<MBlock, Map<number, number>>();
  private open = new Map<number, { register: number; range: VariableRange }>();
  /** Position up to which all that is open lives. */
  private nextEnd = Number.POSITIVE_INFINITY;
  private readonly any: boolean;

  constructor(
    private readonly func: MFunc,
    private readonly allocation: Allocation,
    private readonly placeOf: (register: number) => number,
  ) {
    this.any = func.blocks.some((block) => block.insts.some((inst) => inst.op === M.Debug));
  }

  /** Finds what holds at the start of each block: what all predecessors agree on. */
  analyse(): void {
    if (!this.any) return;
    const { blocks } = this.func;
    const work = [blocks[0]!];
    this.atStart.set(blocks[0]!, new Map());
    for (let block = work.pop(); block !== undefined; block = work.pop()) {
      const state = new Map(this.atStart.get(block)!);
      for (const inst of block.insts) if (inst.op === M.Debug) state.set(inst.imm, inst.rs1);
      for (const succ of block.succs) {
        const known = this.atStart.get(succ);
        if (known === undefined) {
          this.atStart.set(succ, new Map(state));
          work.push(succ);
          continue;
        }
        let changed = false;
        for (const [variable, register] of known) {
          if (state.get(variable) !== register) {
            known.delete(variable);
            changed = true;
          }
        }
        if (changed) work.push(succ);
      }
    }
  }

  startBlock(block: MBlock, code: CodeBuffer): void {
    if (!this.any) return;
    const first = block.insts[0]!.position;
    for (const [variable, register] of this.atStart.get(block) ?? []) {
      this.begin(variable, register, first, code);
    }
  }

  before(inst: MInst, code: CodeBuffer): void {
    if (!this.any || inst.position < this.nextEnd) return;
    this.nextEnd = Number.POSITIVE_INFINITY;
    for (const [variable, { register }] of this.open) {
      const end = this.liveUntil(register, inst.position);
      if (end <= inst.position) this.end(variable, code);
      else this.nextEnd = Math.min(this.nextEnd, end);
    }
  }

  after(inst: MInst, code: CodeBuffer): void {
    if (inst.op !== M.Debug) return;
    this.end(inst.imm, code);
    this.begin(inst.imm, inst.rs1, inst.position, code);
  }

  endBlock(code: CodeBuffer): void {
    for (const variable of [...this.open.keys()]) this.end(variable, code);
  }

  /** Where the interval in which a register is live at a position ends; the position itself if it is not live there. */
  private liveUntil(register: number, position: number): number {
    if (register < FIRST_VIRTUAL) return Number.POSITIVE_INFINITY;
    const ranges = this.allocation.ranges[register - FIRST_VIRTUAL];
    if (ranges === undefined) return position;
    const index = firstEndingAfter(ranges, position);
    return index < ranges.length && ranges[index]! <= position ? ranges[index + 1]! : position;
  }

  /** Opens a range if the register is live at the position. */
  private begin(variable: number, register: number, position: number, code: CodeBuffer): void {
    const end = this.liveUntil(register, position);
    if (end <= position) return;
    const place = this.placeOf(register);
    if (place === NOWHERE) return;
    const range: VariableRange = { variable, place, start: 0, end: 0 };
    this.open.set(variable, { register, range });
    this.nextEnd = Math.min(this.nextEnd, end);
    code.mark((offset) => {
      range.start = offset;
    });
  }

  private end(variable: number, code: CodeBuffer): void {
    const entry = this.open.get(variable);
    if (entry === undefined) return;
    this.open.delete(variable);
    code.mark((offset) => {
      entry.range.end = offset;
    });
    this.ranges.push(entry.range);
  }
}
