/**
 * Emission of what persistent pointers need: an object is 2^30 bytes, a stored pointer is FOT index << 30 | offset.
 *
 * Pointers into the same object, and with Xtwzp those that the hart knows, are translated in line; the rest goes to a stub that
 * calls the runtime through a thunk that preserves every register (preserve.ts).
 */
import type { Sym } from '../ir/ir.ts';
import { PREF_LAZY_NULL } from '../ir/types.ts';
import type { CodeBuffer } from './code.ts';
import type { CfiOp } from './emit.ts';
import { M, type MInst } from './mir.ts';
import { loadingThunk, preservingThunk } from './preserve.ts';
import { X } from './registers.ts';

/** Bytes that a stub takes from the stack: ra, and the thunk's two words. */
const STUB_FRAME = 32;

/** What the emission of a function offers. */
export interface EmissionHost {
  readonly code: CodeBuffer;
  /** Code behind the function. */
  readonly stubs: (() => void)[];
  /** Bytes from sp to the CFA in the body. */
  readonly frameSize: number;
  reg(register: number): number;
  /** Load or store at sp + offset. */
  memory(op: M, data: number, offset: number): void;
  adjustStack(delta: number): void;
  note(op: CfiOp): void;
}

export class PointerEmitter {
  constructor(private readonly host: EmissionHost) {}

  /** rd = base of the object that `cell` is in. */
  private objectBase(rd: number, cell: number): void {
    const { code } = this.host;
    code.inst(M.SRLI, rd, cell, -1, 30);
    code.inst(M.SLLI, rd, rd, -1, 30);
  }

  private registers(inst: MInst): [number, number, number, number] {
    const { host } = this;
    return [host.reg(inst.rd), host.reg(inst.rs1), host.reg(inst.rs2), host.reg(inst.rs3)];
  }

  toReference(inst: MInst): void {
    const { code } = this.host;
    const [rd, pointer, cell, temp] = this.registers(inst);
    // One test for both rare cases: null minus one is as far out as another object.
    code.inst(M.ADDI, temp, pointer, -1, -1);
    code.inst(M.SRLI, temp, temp, -1, 30);
    const resume = this.slowPath(M.BNE, temp, X.zero, inst.sym!, rd, pointer, cell);
    this.objectBase(rd, cell);
    code.inst(M.ADD, rd, rd, pointer);
    code.bind(resume);
  }

  toPersistent(inst: MInst): void {
    const { code } = this.host;
    const [rd, reference, cell, temp] = this.registers(inst);
    this.objectBase(temp, cell);
    code.inst(M.SUB, rd, reference, temp);
    code.inst(M.SRLI, temp, rd, -1, 30);
    code.bind(this.slowPath(M.BNE, temp, X.zero, inst.sym!, rd, reference, cell));
  }

  /** With base and limit in registers: two or three instructions, one of them the test. */
  withBase(inst: MInst): void {
    const { code } = this.host;
    const [rd, value, base, limit] = this.registers(inst);
    let resume: number;
    if (inst.op === M.PPtrFast) {
      code.inst(M.SUB, rd, value, base);
      resume = this.slowPath(M.BGEU, rd, limit, inst.sym!, rd, value, base);
    } else {
      const lazyNull = inst.imm === PREF_LAZY_NULL;
      if (!lazyNull) code.inst(M.ADDI, rd, value, -1, -1);
      resume = this.slowPath(M.BGEU, lazyNull ? value : rd, limit, inst.sym!, rd, value, base);
      code.inst(M.ADD, rd, base, value);
    }
    code.bind(resume);
  }

  /** The load of a pointer by one instruction; a negative result is the address of its cell, bit 63 set. */
  load(inst: MInst): void {
    this.loadUntested(inst);
    const { code } = this.host;
    const resume = code.newLabel();
    code.branch(M.BLT, this.host.reg(inst.rd), X.zero, this.loadStub(inst, resume));
    code.bind(resume);
  }

  /**
   * The load and a branch on whether the result is null: one instruction for both tests where the pointer is not null. Goes to
   * `then` when it is not null, else to `otherwise`; `next` is which of them follows.
   */
  loadAndBranch(inst: MInst, then: number, otherwise: number, next: 'then' | 'otherwise' | 'neither'): void {
    this.loadUntested(inst);
    const { code, stubs } = this.host;
    const rd = this.host.reg(inst.rd);
    if (next === 'then') {
      const rare = code.newLabel();
      code.branch(M.BGE, X.zero, rd, rare);
      const translated = code.newLabel();
      const stub = this.loadStub(inst, translated);
      stubs.push(() => {
        code.bind(rare);
        code.branch(M.BLT, rd, X.zero, stub);
        code.bind(translated);
        code.branch(M.BNE, rd, X.zero, then);
        code.jump(otherwise);
      });
      return;
    }
    code.branch(M.BLT, X.zero, rd, then);
    const translated = code.newLabel();
    code.branch(M.BLT, rd, X.zero, this.loadStub(inst, translated));
    stubs.push(() => {
      code.bind(translated);
      code.branch(M.BNE, rd, X.zero, then);
      code.jump(otherwise);
    });
    if (next === 'neither') code.jump(otherwise);
  }

  private loadUntested(inst: MInst): void {
    this.host.code.inst(M.XTWZ_PLD, this.host.reg(inst.rd), this.host.reg(inst.rs1), -1, inst.imm);
  }

  private loadStub(inst: MInst, resume: number): number {
    const { code, stubs } = this.host;
    const stub = code.newLabel();
    const rd = this.host.reg(inst.rd);
    stubs.push(() => {
      code.bind(stub);
      this.callThunk(loadingThunk(inst.sym!), rd, [rd]);
      code.jump(resume);
    });
    return stub;
  }

  /**
   * Branches to a stub that gives 0 for 0 and else the result of `sym`(value, cell), changing no register but rd; the label
   * that it comes back to.
   */
  private slowPath(
    op: M,
    rs1: number,
    rs2: number,
    sym: Sym,
    rd: number,
    value: number,
    cell: number,
  ): number {
    const { code, stubs } = this.host;
    const stub = code.newLabel();
    const resume = code.newLabel();
    code.branch(op, rs1, rs2, stub);
    stubs.push(() => {
      code.bind(stub);
      code.inst(M.ADDI, rd, X.zero, -1, 0);
      code.branch(M.BEQ, value, X.zero, resume);
      this.callThunk(preservingThunk(sym), rd, [value, cell]);
      code.jump(resume);
    });
    return resume;
  }

  /** rd = the thunk's result for the operands. */
  private callThunk(thunk: Sym, rd: number, operands: readonly number[]): void {
    const { host } = this;
    host.adjustStack(-STUB_FRAME);
    host.note({ kind: 'cfaOffset', offset: host.frameSize + STUB_FRAME });
    host.memory(M.SD, X.ra, 0);
    if (host.frameSize === 0) host.note({ kind: 'saved', register: X.ra, offset: -STUB_FRAME });
    operands.forEach((register, index) => {
      host.memory(M.SD, register, 8 + index * 8);
    });
    host.code.call(thunk);
    host.memory(M.LD, rd, 8);
    host.memory(M.LD, X.ra, 0);
    if (host.frameSize === 0) host.note({ kind: 'restored', register: X.ra });
    host.adjustStack(STUB_FRAME);
    host.note({ kind: 'cfaOffset', offset: host.frameSize });
  }
}
