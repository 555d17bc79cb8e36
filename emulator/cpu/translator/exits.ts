/**
 * The ways out of a region, and the count of instructions. `budget` is a local that falls by the instructions executed. Along
 * a path without merges the count is only summed up here (`pending`) and subtracted before a jump to a label or, in the
 * cold code at the end, when the region is left: every way out carries its delta and its pending count packed into one
 * constant, and jumps to the block of its outcome.
 */
import type { CodeWriter } from '../../wasm/code.ts';
import { type Expr, emit, i64 } from '../../wasm/expression.ts';
import { I32, I64, Op } from '../../wasm/opcodes.ts';
import { HART } from '../state.ts';
import { Outcome } from './regime.ts';
import { HART_LOCAL } from './registers.ts';

/** Bits of a packed exit that hold the pending count; the delta lies above. */
const PENDING_BITS = 9;

/** A way out as one constant: bits 31:9 the delta, bits 8:0 the pending count. */
const pack = (delta: number, pending: number): number => (delta << PENDING_BITS) | pending;

/** Outcomes that a way out may have, in the order in which their blocks end. */
const OUTCOMES = [Outcome.next, Outcome.step, Outcome.tail, Outcome.split] as const;
type Leaving = (typeof OUTCOMES)[number];

export class Exits {
  /** Instructions executed on this path and not yet subtracted from the budget. */
  pending = 0;
  /** Local (i32): instructions left. */
  budget = 0;
  private exitPc = 0;
  private outcome = 0;
  private packed = 0;
  /** Labels by outcome, and of the code that stores the state. */
  private readonly labels = new Map<Leaving, number>();
  private decodeLabel = 0;
  private outLabel = 0;

  /** @param root virtual address of the region's first instruction */
  constructor(
    private readonly w: CodeWriter,
    private readonly root: bigint,
  ) {}

  /** Declares the locals and loads the budget; part of the prologue. */
  prologue(): void {
    const { w } = this;
    this.budget = w.local(I32);
    this.outcome = w.local(I32);
    this.packed = w.local(I32);
    this.exitPc = w.local(I64);
    w.localGet(HART_LOCAL);
    w.memory(Op.i32Load, HART.budget, 2);
    w.localSet(this.budget);
  }

  /** Opens the blocks that ways out leave. */
  open(): void {
    const { w, labels } = this;
    this.outLabel = w.block();
    this.decodeLabel = w.block();
    for (const outcome of [...OUTCOMES].reverse()) labels.set(outcome, w.block(I32));
  }

  /** Closes them, and writes what all ways out share but for storing registers: `hart.pc`, `hart.budget`. */
  close(): void {
    const { w } = this;
    w.op(Op.unreachable);
    for (const outcome of OUTCOMES) {
      w.end();
      w.localSet(this.packed);
      w.i32Const(outcome);
      w.localSet(this.outcome);
      if (outcome !== OUTCOMES[OUTCOMES.length - 1]) w.br(this.decodeLabel);
    }
    w.end();
    this.unpack();
    w.end();
    w.localGet(HART_LOCAL);
    w.localGet(this.exitPc);
    w.memory(Op.i64Store, HART.pc, 3);
    w.localGet(HART_LOCAL);
    w.localGet(this.budget);
    w.memory(Op.i32Store, HART.budget, 2);
  }

  /** Leaves the outcome on the stack: the function's result. */
  result(): void {
    this.w.localGet(this.outcome);
  }

  /** From the packed constant to pc and budget. */
  private unpack(): void {
    const { w } = this;
    w.i64Const(BigInt.asIntN(64, this.root));
    w.localGet(this.packed);
    w.i32Const(PENDING_BITS);
    w.op(Op.i32ShrS);
    w.op(Op.i64ExtendI32S);
    w.op(Op.i64Add);
    w.localSet(this.exitPc);
    w.localGet(this.budget);
    w.localGet(this.packed);
    w.i32Const((1 << PENDING_BITS) - 1);
    w.op(Op.i32And);
    w.op(Op.i32Sub);
    w.localSet(this.budget);
  }

  /** Leaves for a delta outside of the region. */
  leave(delta: number): void {
    if (Math.abs(delta) < 1 << (31 - PENDING_BITS)) {
      this.w.i32Const(pack(delta, this.pending));
      this.w.br(this.labels.get(Outcome.next)!);
      return;
    }
    this.flush();
    this.leaveTo(i64(this.root + BigInt(delta)));
  }

  /** Leaves for a computed address; nothing is pending. */
  leaveTo(target: Expr): void {
    const { w } = this;
    emit(w, target);
    w.localSet(this.exitPc);
    w.i32Const(Outcome.next);
    w.localSet(this.outcome);
    w.br(this.outLabel);
  }

  /** Leaves with an outcome before the instruction at `delta` if `condition` (i32) is not zero. */
  leaveIf(condition: Expr, outcome: Leaving, delta: number): void {
    const { w } = this;
    const label = this.labels.get(outcome)!;
    if (condition.isConst) {
      if (condition.value === 0) return;
      w.i32Const(pack(delta, this.pending));
      w.br(label);
      return;
    }
    w.i32Const(pack(delta, this.pending));
    emit(w, condition);
    w.brIf(label);
    w.op(Op.drop);
  }

  /** Subtracts what is pending. */
  flush(): void {
    if (this.pending === 0) return;
    const { w } = this;
    w.localGet(this.budget);
    w.i32Const(this.pending);
    w.op(Op.i32Sub);
    w.localSet(this.budget);
    this.pending = 0;
  }

  /** Subtracts a number that is not a constant (i32). */
  count(instructions: Expr): void {
    const { w } = this;
    w.localGet(this.budget);
    emit(w, instructions);
    w.op(Op.i32Sub);
    w.localSet(this.budget);
  }
}
