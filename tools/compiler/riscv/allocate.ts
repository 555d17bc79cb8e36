/**
 * Register allocation by priority: copies are coalesced where live ranges allow, then live ranges get registers in the
 * order of their spill cost per length; one that finds no free register lives in memory, is reloaded into short-lived
 * temporaries around each use, and the allocation starts again. Constants and addresses are recomputed instead.
 *
 * A range has one place for its whole life, so edges need no fix-up moves, and the debugger's location lists
 * are exact. A call in a cold block destroys nothing: the registers live across it are saved around it (frame.ts).
 */
import type { Slot } from '../ir/ir.ts';
import {
  forEachDef,
  forEachUse,
  liveRanges,
  mergeRanges,
  numberInstructions,
  overlap,
  type Ranges,
  rangeSize,
} from './liveness.ts';
import { M, type MBlock, type MFunc, type MInst, RegClass } from './mir.ts';
import {
  calleeSavedFloats,
  calleeSavedInts,
  callerSavedFloats,
  callerSavedInts,
  FIRST_VIRTUAL,
  isCalleeSaved,
  registerNumber,
} from './registers.ts';
import { rewriteSpills } from './spill.ts';

export interface Allocation {
  /** By virtual register from 0: a register, or ~index into `slots`, or undefined when it is never live. */
  readonly places: Int32Array;
  readonly slots: Slot[];
  /** Callee-saved registers that the function writes, in order. */
  readonly saved: number[];
  /** Caller-saved registers that are live across each call in a cold block. */
  readonly coldCalls: Map<MInst, number[]>;
  /** Live ranges by virtual register from 0, before coalescing: where its own value is in its place. */
  readonly ranges: readonly (Ranges | undefined)[];
}

/** Place of a virtual register that never lives. */
export const NOWHERE = 0x7fff_ffff;

const order: Record<RegClass, readonly [readonly number[], readonly number[]]> = {
  [RegClass.Int]: [callerSavedInts, calleeSavedInts],
  [RegClass.F32]: [callerSavedFloats, calleeSavedFloats],
  [RegClass.F64]: [callerSavedFloats, calleeSavedFloats],
};

export function allocate(func: MFunc): Allocation {
  const spilledTemps = new Set<number>();
  const slots: Slot[] = [];
  /** Slots of registers spilled in an earlier round, by register. */
  const slotOf = new Map<number, number>();
  for (let round = 0; ; round++) {
    const state = new Round(func, spilledTemps, slotOf);
    const spilled = state.run();
    if (spilled.length === 0) return state.result(slots);
    if (round > 20) throw new Error(`${func.name}: register allocation does not end`);
    rewriteSpills(func, state.representatives(), spilled, spilledTemps, slots, slotOf);
  }
}

class Round {
  private readonly ranges: (Ranges | undefined)[];
  private readonly ownRanges: readonly (Ranges | undefined)[];
  private readonly parent: Int32Array;
  /** Estimated cost of having the register in memory, by representative. */
  private readonly cost: Float64Array;
  /** Preferred registers: representative → register → weight. */
  private readonly hints = new Map<number, Map<number, number>>();
  private readonly callPositions: number[] = [];
  private readonly coldCalls: { inst: MInst; position: number }[] = [];
  /** Occupied ranges by register number 0–63. */
  private readonly busy: Ranges[] = Array.from({ length: 64 }, () => []);
  private readonly places: Int32Array;
  private readonly used = new Set<number>();

  constructor(
    private readonly func: MFunc,
    private readonly temps: ReadonlySet<number>,
    private readonly slotOf: ReadonlyMap<number, number>,
  ) {
    numberInstructions(func);
    this.ranges = liveRanges(func);
    this.ownRanges = this.ranges.slice();
    const count = func.classes.length;
    this.parent = new Int32Array(count);
    for (let i = 0; i < count; i++) this.parent[i] = i;
    this.cost = new Float64Array(count);
    this.places = new Int32Array(count).fill(NOWHERE);
  }

  /** Runs the round; the representatives that found no register, or none. */
  run(): number[] {
    this.scan();
    this.coalesce();
    return this.assign();
  }

  representatives(): (v: number) => number {
    return (v) => this.find(v);
  }

  private find(v: number): number {
    let root = v;
    while (this.parent[root] !== root) root = this.parent[root]!;
    while (this.parent[v] !== root) {
      const next = this.parent[v]!;
      this.parent[v] = root;
      v = next;
    }
    return root;
  }

  /** Costs, calls and fixed registers. */
  private scan(): void {
    for (const block of this.func.blocks) {
      for (const inst of block.insts) {
        if (inst.op === M.Debug) continue;
        const note = (register: number): void => {
          this.cost[register - FIRST_VIRTUAL]! += block.frequency;
        };
        forEachUse(inst, note);
        forEachDef(inst, note);
        if (inst.op === M.Call && !inst.isNoReturn) {
          if (block.cold) this.coldCalls.push({ inst, position: inst.position });
          else this.callPositions.push(inst.position);
        } else if (inst.op === M.Asm) this.reserveAsm(inst);
      }
    }
  }

  private reserveAsm(inst: MInst): void {
    const fixed = new Set<number>();
    for (const name of inst.asm!.clobbers) {
      const register = registerNumber(name);
      if (register !== undefined) fixed.add(register);
    }
    for (let i = 0; i < inst.list!.length; i += 2) fixed.add(inst.list![i]!);
    for (let i = 0; i < inst.defs!.length; i += 2) fixed.add(inst.defs![i]!);
    for (const register of fixed) {
      if (register < 0) continue;
      this.used.add(register);
      this.busy[register] = mergeRanges(this.busy[register]!, [inst.position, inst.position + 2]);
    }
  }

  /** Joins the two sides of copies, the most frequent ones first, where their ranges do not overlap. */
  private coalesce(): void {
    const copies: { weight: number; to: number; from: number }[] = [];
    for (const block of this.func.blocks) {
      for (const inst of block.insts) this.collectCopies(block, inst, copies);
    }
    copies.sort((a, b) => b.weight - a.weight);
    for (const { to, from, weight } of copies) {
      if (to < FIRST_VIRTUAL || from < FIRST_VIRTUAL) {
        const virtual = Math.max(to, from) - FIRST_VIRTUAL;
        const physical = Math.min(to, from);
        if (virtual >= 0 && physical > 0) this.hint(this.find(virtual), physical, weight);
        continue;
      }
      this.join(this.find(to - FIRST_VIRTUAL), this.find(from - FIRST_VIRTUAL));
    }
  }

  private collectCopies(
    block: MBlock,
    inst: MInst,
    copies: { weight: number; to: number; from: number }[],
  ): void {
    const weight = block.frequency;
    switch (inst.op) {
      case M.Mv:
        copies.push({ weight, to: inst.rd, from: inst.rs1 });
        return;
      case M.Entry:
      case M.Call:
      case M.Copies:
      case M.Ret:
      case M.Asm:
        for (let i = 0; i < (inst.list?.length ?? 0); i += 2) {
          if (inst.list![i]! >= 0) copies.push({ weight, to: inst.list![i]!, from: inst.list![i + 1]! });
        }
        if (inst.defs === undefined) return;
        for (let i = 0; i < inst.defs.length; i += 2) {
          if (inst.defs[i]! >= 0) copies.push({ weight, to: inst.defs[i + 1]!, from: inst.defs[i]! });
        }
        return;
      default:
    }
  }

  private hint(representative: number, register: number, weight: number): void {
    let map = this.hints.get(representative);
    if (map === undefined) {
      map = new Map();
      this.hints.set(representative, map);
    }
    map.set(register, (map.get(register) ?? 0) + weight);
  }

  private join(a: number, b: number): void {
    if (a === b || this.func.classes[a] !== this.func.classes[b]) return;
    // What was spilled stays in its slot; temporaries of spilling stay short.
    if (this.temps.has(a) || this.temps.has(b)) return;
    if (this.slotOf.has(a) || this.slotOf.has(b)) return;
    const x = this.ranges[a];
    const y = this.ranges[b];
    if (x === undefined || y === undefined || overlap(x, y)) return;
    this.parent[b] = a;
    this.ranges[a] = mergeRanges(x, y);
    this.ranges[b] = undefined;
    this.cost[a]! += this.cost[b]!;
    const hints = this.hints.get(b);
    if (hints !== undefined) for (const [register, weight] of hints) this.hint(a, register, weight);
  }

  private assign(): number[] {
    const { func, ranges, cost } = this;
    const queue: { v: number; priority: number }[] = [];
    for (let v = 0; v < func.classes.length; v++) {
      const range = ranges[v];
      if (range === undefined || this.find(v) !== v || this.slotOf.has(v)) continue;
      const priority = this.temps.has(v) ? Number.POSITIVE_INFINITY : cost[v]! / (rangeSize(range) + 8);
      queue.push({ v, priority });
    }
    queue.sort((a, b) => (b.priority > a.priority ? 1 : b.priority < a.priority ? -1 : a.v - b.v));
    const spilled: number[] = [];
    for (const { v } of queue) {
      const register = this.choose(v, ranges[v]!);
      if (register < 0) {
        if (this.temps.has(v)) throw new Error(`${func.name}: no register for a reload`);
        spilled.push(v);
        continue;
      }
      this.places[v] = register;
      this.used.add(register);
      this.busy[register] = mergeRanges(this.busy[register]!, ranges[v]!);
    }
    return spilled;
  }

  /** A free register for the range, or -1. */
  private choose(v: number, range: Ranges): number {
    const [callerSaved, calleeSaved] = order[this.func.classes[v]!];
    const crossesCall = this.crossesCall(range);
    const allowed = (register: number): boolean =>
      !(crossesCall && !isCalleeSaved(register)) && !overlap(this.busy[register]!, range);
    const hints = this.hints.get(v);
    if (hints !== undefined) {
      for (const [register] of [...hints].sort((a, b) => b[1] - a[1] || a[0] - b[0])) {
        const known = callerSaved.includes(register) || calleeSaved.includes(register);
        if (known && allowed(register)) return register;
      }
    }
    if (!crossesCall) {
      for (const register of callerSaved) if (allowed(register)) return register;
    }
    for (const register of calleeSaved) {
      if (!allowed(register)) continue;
      // A register saved and restored for a value used only twice is no better than memory.
      if (!this.used.has(register) && this.cost[v]! < 2 && !this.temps.has(v)) return -1;
      return register;
    }
    return -1;
  }

  private crossesCall(range: Ranges): boolean {
    const calls = this.callPositions;
    for (let i = 0; i < range.length; i += 2) {
      // The first call at or after the start: live across it when the range goes past its clobber point.
      let low = 0;
      let high = calls.length;
      const start = range[i]!;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (calls[middle]! + 1 < start) low = middle + 1;
        else high = middle;
      }
      if (low < calls.length && calls[low]! + 1 < range[i + 1]!) return true;
    }
    return false;
  }

  result(slots: Slot[]): Allocation {
    const count = this.func.classes.length;
    for (let v = 0; v < count; v++) {
      const root = this.find(v);
      const slot = this.slotOf.get(root);
      this.places[v] = slot !== undefined ? ~slot : this.places[root]!;
    }
    const coldCalls = new Map<MInst, number[]>();
    for (const { inst, position } of this.coldCalls) {
      const live = new Set<number>();
      for (let v = 0; v < count; v++) {
        const register = this.places[v]!;
        const range = this.ranges[v];
        if (range === undefined || register < 0 || register === NOWHERE || isCalleeSaved(register)) continue;
        if (overlap(range, [position + 1, position + 2])) live.add(register);
      }
      coldCalls.set(
        inst,
        [...live].sort((a, b) => a - b),
      );
    }
    const saved = [...calleeSavedInts, ...calleeSavedFloats].filter((register) => this.used.has(register));
    return { places: this.places, slots, saved, coldCalls, ranges: this.ownRanges };
  }
}
