/**
 * Writes the instructions of a region's blocks, one after the other, by their meanings: what the table's `Emitter` is in the
 * translator. Knows where registers are and what is known about them (`Facts`); knows nothing of control flow but that a
 * branch leaves its condition, and a jump its target, for whoever writes the end of the block.
 */
import type { CodeWriter } from '../../wasm/code.ts';
import { bin, call, type Expr, emit, i32, i64, load, local, un } from '../../wasm/expression.ts';
import { F64, I32, I64, Op, type ValType } from '../../wasm/opcodes.ts';
import type { Access, Emitter, Helper } from '../isa/emitter.ts';
import type { Instruction } from '../isa/instruction.ts';
import { idOf, ROWS } from '../isa/table.ts';
import { HART } from '../state.ts';
import { AccessWriter } from './access.ts';
import type { Block } from './block.ts';
import { writeCsrAccess } from './csr-access.ts';
import type { Exits } from './exits.ts';
import { Facts } from './facts.ts';
import { narrowed, narrowedCondition, shiftPair } from './peephole.ts';
import { type Assumptions, Outcome } from './regime.ts';
import { HART_LOCAL, type Registers } from './registers.ts';

const ADDI = idOf('addi');
const SLLI = idOf('slli');
const SRLI = idOf('srli');
const SRAI = idOf('srai');

/** What the writer of instructions is given. */
export interface EmitterParts {
  readonly w: CodeWriter;
  /** Virtual address of the region's first instruction. */
  readonly root: bigint;
  readonly assumptions: Assumptions;
  readonly registers: Registers;
  readonly exits: Exits;
  /** Puts a helper into the module, if it is not there yet, and gives its function index. */
  readonly helper: (helper: Helper) => number;
  /** The blocks whose code follows a block's in place, so that what the block checks still holds there. */
  readonly followers: (block: Block) => readonly Block[];
}

export class InstructionWriter implements Emitter {
  readonly w: CodeWriter;
  readonly facts = new Facts();
  private readonly parts: EmitterParts;
  private readonly registers: Registers;
  private readonly exits: Exits;
  private readonly access: AccessWriter;
  /** If set: where the code of each instruction begins, in the order of writing. */
  marks: { readonly delta: number; readonly offset: number }[] | undefined;

  // The instruction at hand.
  private instruction!: Instruction;
  private delta = 0;
  private condition: Expr | undefined;
  private target: Expr | undefined;

  constructor(parts: EmitterParts) {
    this.parts = parts;
    this.w = parts.w;
    this.registers = parts.registers;
    this.exits = parts.exits;
    this.access = new AccessWriter(this, parts.assumptions.data, parts.followers);
  }

  /** Part of the region's prologue. */
  prologue(): void {
    this.access.prologue();
  }

  /** Writes the instructions of a block; its terminator is left to the caller. */
  write(block: Block): void {
    const { instructions, deltas } = block;
    for (let i = 0; i < instructions.length; i++) {
      const instruction = instructions[i]!;
      this.instruction = instruction;
      this.delta = deltas[i]!;
      this.marks?.push({ delta: this.delta, offset: this.w.length });
      this.access.setPosition(block, i);
      const next = instructions[i + 1];
      if (instruction.id === SLLI && next && instruction.rd !== 0 && isSecondShift(next, instruction.rd)) {
        this.setRd(shiftPair(this.rs1(), instruction.imm, next.imm, next.id === SRAI));
        this.exits.pending += 2;
        i++;
        continue;
      }
      const { meaning } = ROWS[instruction.id]!;
      if (meaning) meaning(this);
      else writeCsrAccess(this, instruction);
      this.exits.pending++;
    }
  }

  /** The condition (i32) of the branch written last. */
  takeCondition(): Expr {
    const condition = this.condition!;
    this.condition = undefined;
    return condition;
  }

  /** The target (i64) of the computed jump written last. */
  takeTarget(): Expr {
    const target = this.target!;
    this.target = undefined;
    return target;
  }

  /** Leaves to the interpreter at this instruction if `condition` (i32) is not zero. */
  stepIf(condition: Expr): void {
    this.exits.leaveIf(condition, Outcome.step, this.delta);
  }

  /** As `stepIf`, for accesses that share a check but not a page, or that are out of the direct window. */
  splitIf(condition: Expr): void {
    this.exits.leaveIf(condition, Outcome.split, this.delta);
  }

  /** The virtual address of a delta. */
  address(delta: number): Expr {
    return i64(this.parts.root + BigInt(delta));
  }

  /** The hart's state, i32. */
  hart(): Expr {
    return local(HART_LOCAL, I32);
  }

  /** Writes a cell of the hart's state. */
  setState(op: number, offset: number, value: Expr): void {
    emit(this.w, this.hart());
    emit(this.w, value);
    this.w.memory(op, offset);
  }

  newLocal(type: ValType): number {
    return this.w.local(type);
  }

  // Emitter

  /** An integer register's value. */
  register(r: number): Expr {
    if (r === 0) return i64(0);
    return this.facts.known[r] ?? this.register64(r);
  }

  /** The local of an integer register. */
  register64(r: number): Expr {
    return local(this.registers.x[r]!, I64);
  }

  rs1(): Expr {
    return this.register(this.instruction.rs1);
  }
  rs2(): Expr {
    return this.register(this.instruction.rs2);
  }
  imm(): Expr {
    return i64(this.instruction.imm);
  }
  private float(r: number): Expr {
    return un(Op.i64ReinterpretF64, local(this.registers.f[r]!, F64));
  }
  fs1(): Expr {
    return this.float(this.instruction.rs1);
  }
  fs2(): Expr {
    return this.float(this.instruction.rs2);
  }
  fs3(): Expr {
    return this.float(this.instruction.rs3);
  }
  pc(): Expr {
    return this.address(this.delta);
  }
  nextPc(): Expr {
    return this.address(this.delta + this.instruction.length);
  }

  stateCell(offset: Expr, at: number): Expr {
    return load(Op.i64Load, bin(Op.i32Add, this.hart(), offset), at);
  }

  let(value: Expr): Expr {
    if (value.isConst) return value;
    const index = this.w.local(value.type);
    emit(this.w, value);
    this.w.localSet(index);
    return local(index, value.type);
  }

  invoke(helper: Helper, a: Expr, b?: Expr, c?: Expr): Expr {
    return call(this.parts.helper(helper), helper.result, a, b, c);
  }

  when(condition: Expr, body: () => void): void {
    if (condition.isConst) {
      if (condition.value !== 0) body();
      return;
    }
    emit(this.w, condition);
    this.w.if();
    const facts = this.facts.copy();
    body();
    this.facts.restore(facts);
    this.facts.kill(this.instruction.rd);
    this.w.end();
  }

  /** Translated code is not traced. */
  noteForeign(): void {}

  setRd(value: Expr): void {
    const { rd, rs1, id, imm } = this.instruction;
    if (rd === 0) return;
    const { w, facts } = this;
    const narrow = narrowed(value);
    const extended = narrow.op === Op.i64ExtendI32S || narrow.op === Op.i64ExtendI32U;
    if (extended) {
      emit(w, narrow.a!);
      w.localTee(this.registers.word(rd));
      w.op(narrow.op);
    } else {
      emit(w, narrow);
    }
    w.localSet(this.registers.x[rd]!);
    if (id === ADDI && rs1 !== 0) {
      facts.move(rd, rs1, imm);
      facts.known[rd] = undefined;
    } else {
      facts.kill(rd);
    }
    if (extended) facts.known[rd] = un(narrow.op, local(this.registers.word(rd), I32));
    else if (narrow.isConst) facts.known[rd] = narrow;
  }

  setFd(value: Expr): void {
    emit(this.w, un(Op.f64ReinterpretI64, value));
    this.w.localSet(this.registers.f[this.instruction.rd]!);
  }

  load(access: Access): Expr {
    return this.access.load(access, this.instruction.rs1, this.instruction.imm);
  }
  store(access: Access, value: Expr): void {
    this.access.store(access, this.instruction.rs1, this.instruction.imm, value);
  }
  loadReserved(access: Access): Expr {
    return this.access.loadReserved(access, this.instruction.rs1);
  }
  storeConditional(access: Access, value: Expr): Expr {
    return this.access.storeConditional(access, this.instruction.rs1, value);
  }
  amo(access: Access, combine: (old: Expr) => Expr): Expr {
    return this.access.amo(access, this.instruction.rs1, combine);
  }

  zeroBlock(): void {
    this.access.zeroBlock(this.instruction.rs1);
  }

  branch(condition: Expr): void {
    this.condition = narrowedCondition(condition);
  }
  jump(): void {
    // The terminator knows where.
  }
  jumpTo(target: Expr): void {
    this.target = target;
  }

  requireFloat(): void {
    // Assumed: the prologue checks it.
  }
  systemIf(condition: Expr): void {
    this.stepIf(condition);
  }
  slowIf(condition: Expr): void {
    this.stepIf(condition);
  }
  roundingMode(): Expr {
    if (this.instruction.rm !== 7) return i32(this.instruction.rm);
    return this.parts.assumptions.usualFloat ? i32(0) : load(Op.i32Load, this.hart(), HART.frm);
  }
  flags(): Expr {
    // Meanings only ask whether NX is there, and only floating-point regions get here.
    return this.parts.assumptions.usualFloat ? i32(1) : this.accrued();
  }
  private accrued(): Expr {
    return load(Op.i32Load, this.hart(), HART.fflags);
  }
  raise(flags: Expr): void {
    emit(this.w, this.hart());
    emit(this.w, bin(Op.i32Or, this.accrued(), flags));
    this.w.memory(Op.i32Store, HART.fflags, 2);
  }
}

function isSecondShift(instruction: Instruction, rd: number): boolean {
  return (
    (instruction.id === SRLI || instruction.id === SRAI) && instruction.rd === rd && instruction.rs1 === rd
  );
}
