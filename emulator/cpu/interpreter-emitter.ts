/**
 * The meanings' emitter for the interpreter: operands come from the record at `ip`, registers live in the hart's
 * state, and each instruction ends by going to the next record. One instance writes one handler.
 */
import { CACHE_BLOCK_SIZE } from '../addresses.ts';
import type { CodeWriter } from '../wasm/code.ts';
import { bin, call, type Expr, emit, i32, i64, load, local, un } from '../wasm/expression.ts';
import { I32, I64, Op } from '../wasm/opcodes.ts';
import { dataTlbEntry, type Frame, pcExpr } from './interpreter-frame.ts';
import { type Access, type Emitter, type Helper, onlyLoads } from './isa/emitter.ts';
import { type Handler, JUMP_TARGETS, RECORD_SHIFT, rs2Place } from './records.ts';
import {
  Exit,
  fOffset,
  HART,
  OBSERVED_BLOCKS,
  OBSERVED_DISCARDED,
  OBSERVED_ENTRY_SIZE,
  OBSERVED_TLB_ENTRIES,
  TLB_ENTRY_SIZE,
} from './state.ts';
import { TRACE_RECORD } from './trace.ts';

const LOAD_OPS: Readonly<Record<string, number>> = {
  '1s': Op.i64Load8S,
  '1u': Op.i64Load8U,
  '2s': Op.i64Load16S,
  '2u': Op.i64Load16U,
  '4s': Op.i64Load32S,
  '4u': Op.i64Load32U,
  '8s': Op.i64Load,
  '8u': Op.i64Load,
};
const STORE_OPS = { 1: Op.i64Store8, 2: Op.i64Store16, 4: Op.i64Store32, 8: Op.i64Store } as const;

const loadOp = (access: Access): number => LOAD_OPS[`${access.size}${access.signed ? 's' : 'u'}`]!;

export class InterpreterEmitter implements Emitter {
  private readonly w: CodeWriter;
  private readonly hart: Expr;
  private readonly ip: Expr;
  /** Whether a branch or jump has already gone to the next instruction. */
  private ended = false;

  constructor(
    private readonly f: Frame,
    private readonly handler: Handler,
  ) {
    this.w = f.w;
    this.hart = local(f.hart, I32);
    this.ip = local(f.ip, I32);
  }

  /** Writes the whole handler. */
  build(): void {
    this.handler.row.meaning!(this);
    if (!this.ended) this.advance();
    this.f.temporaries.releaseAll();
  }

  private advance(): void {
    const { w, f } = this;
    w.localGet(f.ip);
    w.i32Const(this.handler.length << RECORD_SHIFT);
    w.op(Op.i32Add);
    w.localSet(f.ip);
    w.br(f.next);
  }

  private exit(reason: number): void {
    this.w.i32Const(reason);
    this.w.localSet(this.f.reason);
    this.w.br(this.f.exit);
  }

  /** hart + an 8-bit (or 16-bit) offset in the record. */
  private cell(op: number, at: number): Expr {
    return bin(Op.i32Add, this.hart, load(op, this.ip, at));
  }

  rs1(): Expr {
    return load(Op.i64Load, this.cell(Op.i32Load8U, 1));
  }

  rs2(): Expr {
    return load(Op.i64Load, this.cell(Op.i32Load8U, rs2Place(this.handler.row)));
  }

  imm(): Expr {
    return load(Op.i64Load32S, this.ip, 4);
  }

  fs1(): Expr {
    return load(Op.i64Load, this.cell(Op.i32Load8U, 1), fOffset(0));
  }

  fs2(): Expr {
    return load(Op.i64Load, this.cell(Op.i32Load8U, rs2Place(this.handler.row)), fOffset(0));
  }

  fs3(): Expr {
    return load(Op.i64Load, this.cell(Op.i32Load8U, 5), fOffset(0));
  }

  pc(): Expr {
    return pcExpr(this.f);
  }

  nextPc(): Expr {
    return bin(Op.i64Add, this.pc(), i64(this.handler.length));
  }

  let(value: Expr): Expr {
    if (value.isConst) return value;
    const index = this.f.temporaries.take(value.type);
    emit(this.w, value);
    this.w.localSet(index);
    return local(index, value.type);
  }

  invoke(helper: Helper, a: Expr, b?: Expr, c?: Expr): Expr {
    return call(this.f.helper(helper), helper.result, a, b, c);
  }

  when(condition: Expr, body: () => void): void {
    emit(this.w, condition);
    this.w.if();
    body();
    this.w.end();
  }

  setRd(value: Expr): void {
    emit(this.w, this.cell(Op.i32Load16U, 2));
    emit(this.w, value);
    this.w.memory(Op.i64Store, 0);
  }

  setFd(value: Expr): void {
    emit(this.w, this.cell(Op.i32Load16U, 2));
    emit(this.w, value);
    this.w.memory(Op.i64Store, fOffset(0));
    this.w.localGet(this.f.hart);
    this.w.i32Const(3);
    this.w.memory(Op.i32Store, HART.fs);
  }

  noteForeign(condition: Expr): void {
    const { w, f } = this;
    if (f.trace === undefined) return;
    const record = local(f.trace, I32);
    const mark = bin(Op.i64Shl, un(Op.i64ExtendI32U, condition), i64(63));
    w.localGet(f.trace);
    emit(w, bin(Op.i64Or, load(Op.i64Load, record, TRACE_RECORD.address), mark));
    w.memory(Op.i64Store, TRACE_RECORD.address);
  }

  /** Leaves with an access to `va` for JavaScript to make or to map. */
  private exitAccess(reason: number, va: Expr): void {
    this.w.localGet(this.f.hart);
    emit(this.w, va);
    this.w.memory(Op.i64Store, HART.exitValue);
    this.exit(reason);
  }

  /**
   * The host address of an access: through the direct window, else through a TLB, else out. Stores test the page's
   * flags in the window; what must be aligned is.
   */
  private hostAddress(va: Expr, access: Access): Expr {
    const { w, f, hart } = this;
    const { kind, size } = access;
    const store = kind !== 'load' && kind !== 'lr';
    const aligned = kind !== 'load' && kind !== 'store';
    const reason = store ? Exit.Store : Exit.Load;
    const table = store ? HART.storeTlb : HART.loadTlb;
    const host = f.temporaries.take(I32);
    if (f.trace !== undefined) {
      w.localGet(f.trace);
      emit(w, va);
      w.memory(Op.i64Store, TRACE_RECORD.address);
    }
    const offset = this.let(bin(Op.i64Sub, va, load(Op.i64Load, hart, HART.directBase)));
    emit(w, bin(Op.i64LtU, offset, load(Op.i64Load, hart, HART.directSize)));
    w.if();
    emit(w, bin(Op.i32Add, un(Op.i32WrapI64, offset), load(Op.i32Load, hart, HART.directHost)));
    w.localSet(host);
    const misaligned = bin(Op.i32And, local(host, I32), i32(size - 1));
    if (store || (aligned && size > 1)) {
      let wrong = misaligned;
      if (store) {
        const flags = load(Op.i32Load8U, bin(Op.i32ShrU, local(host, I32), i32(12)), f.flagBias);
        wrong = size > 1 ? bin(Op.i32Or, flags, misaligned) : flags;
      }
      emit(w, wrong);
      w.if();
      this.exitAccess(reason, va);
      w.end();
    }
    w.else();
    const entry = f.temporaries.take(I32);
    emit(w, dataTlbEntry(hart, va));
    w.localTee(entry);
    w.memory(Op.i64Load, table);
    const tag = bin(
      Op.i64Or,
      bin(Op.i64And, va, i64(-4096 | (size - 1))),
      load(Op.i64Load32U, hart, HART.dataRegime),
    );
    const addressBy = (addend: number): void => {
      emit(w, bin(Op.i32Add, un(Op.i32WrapI64, va), load(Op.i32Load, local(entry, I32), addend)));
      w.localSet(host);
    };
    emit(w, tag);
    w.op(Op.i64Ne);
    w.if();
    if (store) this.exitAccess(reason, va);
    else {
      this.checkObserved(entry, va, tag, access);
      addressBy(HART.observedTlb + 8);
    }
    w.else();
    addressBy(table + 8);
    w.end();
    w.end();
    return local(host, I32);
  }

  /** Makes of the local `entry`, a page's entry in the load TLB, that in the TLB of observed pages; out if the load of `va` must be seen. */
  private checkObserved(entry: number, va: Expr, tag: Expr, access: Access): void {
    const { w, hart } = this;
    const scale = Math.log2(OBSERVED_ENTRY_SIZE / TLB_ENTRY_SIZE);
    const place = bin(
      Op.i32And,
      bin(Op.i32Shl, local(entry, I32), i32(scale)),
      i32((OBSERVED_TLB_ENTRIES - 1) * OBSERVED_ENTRY_SIZE),
    );
    emit(w, bin(Op.i32Add, hart, place));
    w.localSet(entry);
    const known = bin(Op.i64Eq, load(Op.i64Load, local(entry, I32), HART.observedTlb), tag);
    let mask: Expr = local(entry, I32);
    if (onlyLoads(access)) {
      const discards = bin(Op.i32Eq, load(Op.i32Load16U, this.ip, 2), i32(HART.sink));
      const which = bin(Op.i32Shl, discards, i32(Math.log2(OBSERVED_DISCARDED - OBSERVED_BLOCKS)));
      mask = bin(Op.i32Add, mask, which);
    }
    const blocks = load(Op.i64Load, mask, HART.observedTlb + OBSERVED_BLOCKS);
    const block = bin(Op.i64ShrU, va, i64(Math.log2(CACHE_BLOCK_SIZE)));
    const seen = bin(Op.i32And, un(Op.i32WrapI64, bin(Op.i64ShrU, blocks, block)), i32(1));
    emit(w, bin(Op.i32Or, un(Op.i32Eqz, known), seen));
    w.if();
    this.exitAccess(Exit.Load, va);
    w.end();
  }

  load(access: Access): Expr {
    const va = this.let(bin(Op.i64Add, this.rs1(), this.imm()));
    return load(loadOp(access), this.hostAddress(va, access));
  }

  private storeTo(access: Access, host: Expr, value: Expr): void {
    emit(this.w, host);
    emit(this.w, value);
    this.w.memory(STORE_OPS[access.size], 0);
  }

  store(access: Access, value: Expr): void {
    const va = this.let(bin(Op.i64Add, this.rs1(), this.imm()));
    this.storeTo(access, this.hostAddress(va, access), value);
  }

  loadReserved(access: Access): Expr {
    const va = this.let(this.rs1());
    const host = this.hostAddress(va, access);
    const value = this.let(load(loadOp(access), host));
    this.setState(Op.i32Store, HART.reserved, i32(1));
    this.setState(Op.i64Store, HART.reservation, va);
    this.setState(Op.i64Store, HART.reservationValue, value);
    return value;
  }

  private setState(op: number, offset: number, value: Expr): void {
    this.w.localGet(this.f.hart);
    emit(this.w, value);
    this.w.memory(op, offset);
  }

  storeConditional(access: Access, value: Expr): Expr {
    const { w, hart } = this;
    const va = this.let(this.rs1());
    const failed = this.f.temporaries.take(I64);
    w.i64Const(1);
    w.localSet(failed);
    const holds = bin(
      Op.i32And,
      load(Op.i32Load, hart, HART.reserved),
      bin(Op.i64Eq, load(Op.i64Load, hart, HART.reservation), va),
    );
    this.when(holds, () => {
      const host = this.hostAddress(va, access);
      const same = bin(Op.i64Eq, load(loadOp(access), host), load(Op.i64Load, hart, HART.reservationValue));
      this.when(same, () => {
        this.storeTo(access, host, value);
        w.i64Const(0);
        w.localSet(failed);
      });
    });
    this.setState(Op.i32Store, HART.reserved, i32(0));
    return local(failed, I64);
  }

  amo(access: Access, combine: (old: Expr) => Expr): Expr {
    const va = this.let(this.rs1());
    const host = this.hostAddress(va, access);
    const old = this.let(load(loadOp(access), host));
    this.storeTo(access, host, combine(old));
    return old;
  }

  zeroBlock(): void {
    const { w, f, hart } = this;
    if (f.trace !== undefined) {
      this.exit(Exit.System);
      this.ended = true;
      return;
    }
    const block = bin(Op.i64And, this.rs1(), i64(-CACHE_BLOCK_SIZE));
    const offset = this.let(bin(Op.i64Sub, block, load(Op.i64Load, hart, HART.directBase)));
    this.systemIf(bin(Op.i64GeU, offset, load(Op.i64Load, hart, HART.directSize)));
    const host = this.let(bin(Op.i32Add, un(Op.i32WrapI64, offset), load(Op.i32Load, hart, HART.directHost)));
    this.systemIf(load(Op.i32Load8U, bin(Op.i32ShrU, host, i32(12)), f.flagBias));
    for (let at = 0; at < CACHE_BLOCK_SIZE; at += 8) {
      emit(w, host);
      w.i64Const(0);
      w.memory(Op.i64Store, at);
    }
  }

  /**
   * Goes to the record at a distance, or to the page that it would be on. In the profiled variant, branches count
   * only backwards: where loops begin is where a region should.
   */
  private jumpRecords(isBranch: boolean): void {
    const { w, f } = this;
    const profiledBranch = isBranch && f.profile !== undefined;
    const backwards = profiledBranch
      ? this.let(bin(Op.i32LtS, load(Op.i32Load, this.ip, 4), i32(0)))
      : undefined;
    w.localGet(f.ip);
    w.localGet(f.ip);
    w.memory(Op.i32Load, 4);
    w.op(Op.i32Add);
    w.localTee(f.ip);
    w.localGet(f.records);
    w.op(Op.i32Sub);
    w.localGet(f.limit);
    w.op(Op.i32LtU);
    if (f.profile === undefined) {
      w.brIf(f.next);
    } else {
      w.if();
      if (!backwards) {
        f.profile();
      } else {
        emit(w, backwards);
        w.if();
        f.profile();
        w.end();
      }
      w.br(f.next);
      w.end();
    }
    emit(w, this.pc());
    w.localSet(f.target);
    this.fetchJump();
  }

  /** Goes to `target`, by a jump. */
  private fetchJump(): void {
    const { w, f } = this;
    if (f.arrived !== undefined) {
      w.i32Const(1);
      w.localSet(f.arrived);
    }
    w.br(f.fetch);
  }

  branch(condition: Expr): void {
    emit(this.w, condition);
    this.w.if();
    this.jumpRecords(true);
    this.w.end();
    this.advance();
    this.ended = true;
  }

  jump(): void {
    this.jumpRecords(false);
    this.ended = true;
  }

  jumpTo(target: Expr): void {
    emit(this.w, target);
    this.w.localSet(this.f.target);
    if (this.f.profile !== undefined) this.noteTarget();
    this.fetchJump();
    this.ended = true;
  }

  /** Writes `target` into the table of jump targets. */
  private noteTarget(): void {
    const { w, f } = this;
    const { offset, entries, size, targets, slots, multiplier } = JUMP_TARGETS;
    const at = HART.engine + offset;
    const site = this.let(un(Op.i32WrapI64, this.pc()));
    const index = bin(Op.i32And, bin(Op.i32ShrU, site, i32(1)), i32(entries - 1));
    const entry = this.let(bin(Op.i32Add, this.hart, bin(Op.i32Mul, index, i32(size))));
    this.when(bin(Op.i32Ne, load(Op.i32Load, entry, at), site), () => {
      emit(w, entry);
      emit(w, site);
      w.memory(Op.i32Store, at);
      for (let slot = 0; slot < slots; slot += 2) {
        emit(w, entry);
        w.i64Const(0);
        w.memory(Op.i64Store, at + targets + slot * 4);
      }
    });
    const target = un(Op.i32WrapI64, local(f.target, I64));
    const hash = bin(Op.i32ShrU, bin(Op.i32Mul, target, i32(multiplier)), i32(29));
    emit(w, bin(Op.i32Add, entry, bin(Op.i32Shl, hash, i32(2))));
    emit(w, target);
    w.memory(Op.i32Store, at + targets);
  }

  stateCell(offset: Expr, at: number): Expr {
    return load(Op.i64Load, bin(Op.i32Add, this.hart, offset), at);
  }

  requireFloat(): void {
    this.when(un(Op.i32Eqz, load(Op.i32Load, this.hart, HART.fs)), () => this.exit(Exit.Illegal));
  }

  systemIf(condition: Expr): void {
    this.when(condition, () => this.exit(Exit.System));
  }

  slowIf(condition: Expr): void {
    this.when(condition, () => this.exit(Exit.FloatSlow));
  }

  roundingMode(): Expr {
    return load(Op.i32Load, this.cell(Op.i32Load8U, 6), HART.roundingModes);
  }

  flags(): Expr {
    return load(Op.i32Load, this.hart, HART.fflags);
  }

  raise(flags: Expr): void {
    this.setState(Op.i32Store, HART.fflags, bin(Op.i32Or, this.flags(), flags));
    this.setState(Op.i32Store, HART.fs, i32(3));
  }
}
