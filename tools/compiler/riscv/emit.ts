/**
 * From allocated machine code to bytes: prologue and epilogue, expansion of pseudo-instructions, cold stubs, and the marks from
 * which DWARF is made. The frame is laid out in frame.ts.
 */
import type { Func, Slot } from '../ir/ir.ts';
import { type Allocation, NOWHERE } from './allocate.ts';
import { CodeBuffer, type CodeOptions, type FinishedCode, type Mark } from './code.ts';
import { constantSteps } from './constants.ts';
import { DebugTracker, type VariableRange } from './debug-ranges.ts';
import { type EmissionHost, PointerEmitter } from './emit-pointers.ts';
import { align, type Frame, layoutFrame } from './frame.ts';
import { layoutBlocks, threadJumps } from './layout.ts';
import { isLoad, isPseudo, isStore, M, type MBlock, type MFunc, type MInst, RegClass } from './mir.ts';
import { FRAME, type Move, parallelMoves } from './moves.ts';
import { FIRST_VIRTUAL, isFloatRegister, registerNames, X } from './registers.ts';
import { frameLoad, frameStore } from './spill.ts';

/** A change of the call frame information at an offset. */
export type CfiOp =
  | { readonly kind: 'cfaOffset'; readonly offset: number }
  /** The register was saved at CFA + offset. */
  | { readonly kind: 'saved'; readonly register: number; readonly offset: number }
  | { readonly kind: 'restored'; readonly register: number }
  | { readonly kind: 'remember' }
  | { readonly kind: 'recall' };

export interface CompiledFunc extends FinishedCode {
  readonly func: Func;
  /** `what` is an index into `Module.locs`. */
  readonly lines: Mark<number>[];
  readonly cfi: Mark<CfiOp>[];
  readonly variables: VariableRange[];
  /** Bytes from sp to the CFA in the body of the function. */
  readonly frameSize: number;
  /** Offset from sp of each IR slot. */
  readonly slotOffsets: readonly number[];
}

/** Assembles the text of inline assembly or of a naked function. */
export type AssembleText = (text: string, loc: number) => FinishedCode;

export function emitFunction(
  func: Func,
  mfunc: MFunc,
  allocation: Allocation,
  options: CodeOptions,
  assemble: AssembleText,
): CompiledFunc {
  return new FunctionEmitter(func, mfunc, allocation, options, assemble).run();
}

class FunctionEmitter implements EmissionHost {
  readonly code: CodeBuffer;
  private readonly labels = new Map<MBlock, number>();
  private readonly lines: Mark<number>[] = [];
  private readonly cfi: Mark<CfiOp>[] = [];
  readonly stubs: (() => void)[] = [];
  private readonly tables: (() => void)[] = [];
  private readonly frame: Frame;
  readonly frameSize: number;
  private readonly tracker: DebugTracker;
  private readonly pointers = new PointerEmitter(this);
  private lastLoc = -1;

  constructor(
    private readonly func: Func,
    private readonly mfunc: MFunc,
    private readonly allocation: Allocation,
    options: CodeOptions,
    private readonly assemble: AssembleText,
  ) {
    this.code = new CodeBuffer(options);
    this.frame = layoutFrame(mfunc, allocation);
    this.frameSize = this.frame.size;
    this.tracker = new DebugTracker(mfunc, allocation, (place) => this.placeOf(place));
  }

  run(): CompiledFunc {
    const { mfunc, code } = this;
    this.tracker.analyse();
    threadJumps(mfunc, (block) => this.onlyJumps(block));
    layoutBlocks(mfunc);
    for (const block of mfunc.blocks) this.labels.set(block, code.newLabel());
    mfunc.blocks.forEach((block, index) => {
      code.bind(this.labels.get(block)!);
      this.tracker.startBlock(block, code);
      for (const inst of block.insts) {
        this.markLine(inst.loc);
        this.tracker.before(inst, code);
        this.expand(inst, mfunc.blocks[index + 1], block);
        this.tracker.after(inst, code);
      }
      this.tracker.endBlock(code);
    });
    for (const stub of this.stubs) stub();
    for (const table of this.tables) table();
    const finished = code.finish();
    return {
      ...finished,
      func: this.func,
      lines: this.lines,
      cfi: this.cfi,
      variables: this.tracker.ranges,
      frameSize: this.frameSize,
      slotOffsets: this.frame.slotOffsets,
    };
  }

  note(op: CfiOp): void {
    const mark = { offset: 0, what: op };
    this.cfi.push(mark);
    this.code.mark((offset) => {
      mark.offset = offset;
    });
  }

  private markLine(loc: number): void {
    if (loc === 0 || loc === this.lastLoc) return;
    this.lastLoc = loc;
    const mark = { offset: 0, what: loc };
    this.lines.push(mark);
    this.code.mark((offset) => {
      mark.offset = offset;
    });
  }

  adjustStack(delta: number): void {
    if (delta === 0) return;
    if (delta >= -2048 && delta <= 2047) this.code.inst(M.ADDI, X.sp, X.sp, -1, delta);
    else {
      this.loadConstant(X.t6, BigInt(delta));
      this.code.inst(M.ADD, X.sp, X.sp, X.t6);
    }
  }

  private prologue(): void {
    if (this.frameSize === 0) return;
    // A large frame is made in two steps, so that the saves reach.
    const first = this.frameSize <= 2032 ? this.frameSize : align(this.frame.saves.length * 8 + 16, 16);
    this.adjustStack(-first);
    this.note({ kind: 'cfaOffset', offset: first });
    for (const [register, offset] of this.frame.saves) {
      const fromTop = offset - this.frameSize;
      this.memory(isFloatRegister(register) ? M.FSD : M.SD, register, first + fromTop);
      this.note({ kind: 'saved', register, offset: fromTop });
    }
    if (first !== this.frameSize) {
      this.adjustStack(first - this.frameSize);
      this.note({ kind: 'cfaOffset', offset: this.frameSize });
    }
  }

  private epilogue(): void {
    if (this.frameSize === 0) return;
    this.note({ kind: 'remember' });
    const first = this.frameSize <= 2032 ? this.frameSize : align(this.frame.saves.length * 8 + 16, 16);
    if (first !== this.frameSize) {
      this.adjustStack(this.frameSize - first);
      this.note({ kind: 'cfaOffset', offset: first });
    }
    for (const [register, offset] of [...this.frame.saves].reverse()) {
      this.memory(isFloatRegister(register) ? M.FLD : M.LD, register, first + offset - this.frameSize);
      this.note({ kind: 'restored', register });
    }
    this.adjustStack(first);
    this.note({ kind: 'cfaOffset', offset: 0 });
  }

  // Places.

  /** The place of a virtual register's value: a register, or FRAME + offset. */
  private placeOf(register: number): number {
    if (register < FIRST_VIRTUAL) return register;
    const place = this.allocation.places[register - FIRST_VIRTUAL]!;
    if (place === NOWHERE) return NOWHERE;
    if (place >= 0) return place;
    return FRAME + this.frame.slotOffsets[this.frame.spillBase + ~place]!;
  }

  /** The register of an operand that is certainly in one. */
  reg(register: number): number {
    if (register < FIRST_VIRTUAL) return register;
    const place = this.allocation.places[register - FIRST_VIRTUAL]!;
    // A result that nobody reads has no place: any scratch will do.
    if (place === NOWHERE) return this.mfunc.classOf(register) === RegClass.Int ? X.t6 : 63;
    return place;
  }

  /** Load or store of `data` at sp + offset. */
  memory(op: M, data: number, offset: number): void {
    let base: number = X.sp;
    let low = offset;
    if (offset < -2048 || offset > 2047) {
      low = ((offset + 2048) & 0xfff) - 2048;
      this.loadConstant(X.t6, BigInt(offset - low));
      this.code.inst(M.ADD, X.t6, X.t6, X.sp);
      base = X.t6;
    }
    if (isStore(op)) this.code.inst(op, -1, base, data, low);
    else this.code.inst(op, data, base, -1, low);
  }

  private moveOne(to: number, from: number, kind: RegClass): void {
    const { code } = this;
    if (to === NOWHERE) return;
    if (to >= FRAME) this.memory(isFloatRegister(from) ? frameStore(kind) : M.SD, from, to - FRAME);
    else if (from >= FRAME) this.memory(isFloatRegister(to) ? frameLoad(kind) : M.LD, to, from - FRAME);
    else if (isFloatRegister(to) && isFloatRegister(from)) {
      code.inst(kind === RegClass.F32 ? M.FSGNJ_S : M.FSGNJ_D, to, from, from);
    } else if (isFloatRegister(to)) code.inst(kind === RegClass.F32 ? M.FMV_W_X : M.FMV_D_X, to, from);
    else if (isFloatRegister(from)) code.inst(kind === RegClass.F32 ? M.FMV_X_W : M.FMV_X_D, to, from);
    else if (from === X.zero) code.inst(M.ADDI, to, X.zero, -1, 0);
    else code.inst(M.ADD, to, X.zero, from);
  }

  private moves(moves: Move[]): void {
    parallelMoves(
      moves.filter((move) => move.to !== NOWHERE && move.from !== NOWHERE),
      (to, from, kind) => this.moveOne(to, from, kind),
      this.frame.scratchWord,
    );
  }

  private loadConstant(rd: number, value: bigint): void {
    let from: number = X.zero;
    for (const { op, imm } of constantSteps(value)) {
      this.code.inst(op, rd, op === M.LUI ? -1 : from, -1, imm);
      from = rd;
    }
  }

  private slotOffset(slot: Slot): number {
    return this.frame.slotOffsets[slot.id]!;
  }

  // Instructions.

  private expand(inst: MInst, next: MBlock | undefined, block: MBlock): void {
    const { code } = this;
    if (!isPseudo(inst.op)) {
      this.real(inst);
      return;
    }
    switch (inst.op) {
      case M.Li:
        this.loadConstant(this.reg(inst.rd), inst.big!);
        return;
      case M.La:
        code.address(this.reg(inst.rd), inst.sym!, inst.imm);
        return;
      case M.SymAccess: {
        const data = this.reg(isStore(inst.inner) ? inst.rs2 : inst.rd);
        const temp = inst.defs === undefined ? data : this.reg(inst.defs[1]!);
        code.symAccess(inst.inner, data, temp, inst.sym!, inst.imm);
        return;
      }
      case M.SlotAddr: {
        const rd = this.reg(inst.rd);
        const offset = this.slotOffset(inst.slot!) + inst.imm;
        if (offset >= -2048 && offset <= 2047) code.inst(M.ADDI, rd, X.sp, -1, offset);
        else {
          this.loadConstant(rd, BigInt(offset));
          code.inst(M.ADD, rd, rd, X.sp);
        }
        return;
      }
      case M.Mv:
        this.moves([
          { to: this.placeOf(inst.rd), from: this.placeOf(inst.rs1), kind: this.mfunc.classOf(inst.rd) },
        ]);
        return;
      case M.Entry:
        this.prologue();
        this.moves(this.pairs(inst.list!, (at) => (at < 0 ? FRAME + this.frameSize + ~at * 8 : at), true));
        return;
      case M.Copies: {
        const moves: Move[] = [];
        for (let i = 0; i < inst.list!.length; i += 2) {
          const to = inst.list![i]!;
          moves.push({
            to: this.placeOf(to),
            from: this.placeOf(inst.list![i + 1]!),
            kind: this.mfunc.classOf(to),
          });
        }
        this.moves(moves);
        return;
      }
      case M.Call:
        this.call(inst, block);
        return;
      case M.Ret:
        this.moves(this.pairs(inst.list!, (at) => at, false));
        this.epilogue();
        code.inst(M.JALR, X.zero, X.ra);
        if (this.frameSize !== 0) this.note({ kind: 'recall' });
        return;
      case M.Jump:
        if (inst.target !== next) code.jump(this.labels.get(inst.target!)!);
        return;
      case M.Branch:
        this.branch(inst, next, block);
        return;
      case M.TableJump:
        this.code.branch(M.BGEU, this.reg(inst.rs1), this.reg(inst.rs2), this.labels.get(inst.otherwise!)!);
        code.tableJump(
          this.reg(inst.rd),
          this.reg(inst.rs3),
          this.reg(inst.rs1),
          inst.targets!.map((target) => this.labels.get(target)!),
          this.tables,
        );
        return;
      case M.Trap:
        this.trap(inst);
        return;
      case M.PRef:
        this.pointers.toReference(inst);
        return;
      case M.PPtr:
        this.pointers.toPersistent(inst);
        return;
      case M.PRefFast:
      case M.PPtrFast:
        this.pointers.withBase(inst);
        return;
      case M.PLoad:
        if (this.branchOnNull(inst, block) === undefined) this.pointers.load(inst);
        return;
      case M.Cas:
        this.compareAndSwap(inst);
        return;
      case M.Asm:
        this.inlineAssembly(inst);
        return;
      case M.Debug:
        return;
      default:
        // Execution cannot come here: after a call that does not return there is nothing to add.
        if (!endsInNoReturn(block)) code.inst(M.EBREAK);
    }
  }

  /** [register, virtual register, …] as moves; `into` moves from the fixed places to the virtual registers. */
  private pairs(list: readonly number[], fixed: (at: number) => number, into: boolean): Move[] {
    const moves: Move[] = [];
    for (let i = 0; i < list.length; i += 2) {
      const at = fixed(list[i]!);
      const place = this.placeOf(list[i + 1]!);
      const kind = this.mfunc.classOf(list[i + 1]!);
      moves.push(into ? { to: place, from: at, kind } : { to: at, from: place, kind });
    }
    return moves;
  }

  private real(inst: MInst): void {
    const { op } = inst;
    if (inst.slot !== undefined && (isLoad(op) || isStore(op))) {
      const base = this.slotOffset(inst.slot);
      this.memory(op, this.reg(isStore(op) ? inst.rs2 : inst.rd), base + inst.imm);
      return;
    }
    const rd = this.reg(inst.rd);
    const rs1 = this.reg(inst.rs1);
    // A move in another guise.
    if ((op === M.ADDI || op === M.ORI || op === M.XORI) && inst.imm === 0 && rd === rs1) return;
    this.code.inst(op, rd, rs1, this.reg(inst.rs2), inst.imm, this.reg(inst.rs3));
  }

  /** The branch at the end of the block, if it directly tests the reference that `load` gives for null. */
  private branchOnNull(load: MInst, block: MBlock): MInst | undefined {
    const term = block.insts[block.insts.length - 1]!;
    const isTest = term.op === M.Branch && (term.inner === M.BEQ || term.inner === M.BNE);
    if (!isTest || term.target === term.otherwise) return undefined;
    if (this.reg(term.rs1) !== this.reg(load.rd) || this.reg(term.rs2) !== X.zero) return undefined;
    for (let i = block.insts.length - 2; i >= 0; i--) {
      const inst = block.insts[i]!;
      if (inst === load) return term;
      if (inst.op !== M.Debug) return undefined;
    }
    return undefined;
  }

  private branch(inst: MInst, next: MBlock | undefined, block: MBlock): void {
    const { code } = this;
    const load = block.insts.findLast((before) => before.op !== M.Debug && before !== inst);
    if (load?.op === M.PLoad && this.branchOnNull(load, block) === inst) {
      const isNonNull = inst.inner === M.BNE;
      const then = isNonNull ? inst.target! : inst.otherwise!;
      const otherwise = isNonNull ? inst.otherwise! : inst.target!;
      this.pointers.loadAndBranch(
        load,
        this.labels.get(then)!,
        this.labels.get(otherwise)!,
        next === then ? 'then' : next === otherwise ? 'otherwise' : 'neither',
      );
      return;
    }
    const [rs1, rs2] = [this.reg(inst.rs1), this.reg(inst.rs2)];
    const then = this.labels.get(inst.target!)!;
    const otherwise = this.labels.get(inst.otherwise!)!;
    if (inst.target === inst.otherwise) {
      if (inst.target !== next) code.jump(then);
    } else if (inst.target === next) {
      code.branch((M.BEQ + ((inst.inner - M.BEQ) ^ 1)) as M, rs1, rs2, otherwise);
    } else {
      code.branch(inst.inner, rs1, rs2, then);
      if (inst.otherwise !== next) code.jump(otherwise);
    }
  }

  private call(inst: MInst, block: MBlock): void {
    const { code } = this;
    const live = (block.cold && this.allocation.coldCalls.get(inst)) || [];
    const own = this.frame.smallFrames ? align((live.length + 1) * 8, 16) : 0;
    const saveAt = this.frame.smallFrames ? 8 : this.frame.coldSaves;
    if (own > 0) {
      this.adjustStack(-own);
      this.note({ kind: 'cfaOffset', offset: own });
      this.memory(M.SD, X.ra, 0);
      this.note({ kind: 'saved', register: X.ra, offset: -own });
    }
    live.forEach((register, index) => {
      this.memory(isFloatRegister(register) ? M.FSD : M.SD, register, saveAt + index * 8);
    });
    const args = this.pairs(inst.list!, (at) => (at < 0 ? FRAME + ~at * 8 : at), false);
    if (inst.rs1 >= 0) {
      // The target may sit in an argument register: it moves out of the way with the arguments.
      args.push({ to: X.t1, from: this.placeOf(inst.rs1), kind: RegClass.Int });
      this.moves(args);
      code.inst(M.JALR, X.ra, X.t1);
    } else {
      this.moves(args);
      code.call(inst.sym!);
    }
    this.moves(this.pairs(inst.defs!, (at) => at, true));
    live.forEach((register, index) => {
      this.memory(isFloatRegister(register) ? M.FLD : M.LD, register, saveAt + index * 8);
    });
    if (own > 0) {
      if (!inst.isNoReturn) {
        this.memory(M.LD, X.ra, 0);
        this.adjustStack(own);
      }
      this.note({ kind: 'restored', register: X.ra });
      this.note({ kind: 'cfaOffset', offset: 0 });
    }
  }

  /** The cold half of a check: a call that does not return, with a frame for the sake of backtraces. */
  private trap(inst: MInst): void {
    const { code } = this;
    const stub = code.newLabel();
    code.branch(inst.inner, this.reg(inst.rs1), this.reg(inst.rs2), stub);
    const loc = inst.loc;
    this.stubs.push(() => {
      code.bind(stub);
      this.markLine(loc);
      const own = this.frame.saves.some(([register]) => register === X.ra) ? 0 : 16;
      if (own > 0) {
        this.adjustStack(-own);
        this.note({ kind: 'cfaOffset', offset: this.frameSize + own });
        this.memory(M.SD, X.ra, 8);
        this.note({ kind: 'saved', register: X.ra, offset: 8 - own - this.frameSize });
      }
      const moves = inst.list!.map((register, index) => ({
        to: X.a0 + index,
        from: this.placeOf(register),
        kind: RegClass.Int,
      }));
      this.moves(moves);
      if (inst.sym2 !== undefined) code.address(X.a0 + moves.length, inst.sym2, inst.imm);
      code.call(inst.sym!);
      if (own > 0) {
        this.note({ kind: 'restored', register: X.ra });
        this.note({ kind: 'cfaOffset', offset: this.frameSize });
      }
    });
  }

  private compareAndSwap(inst: MInst): void {
    const { code } = this;
    const [rd, address, expected, replacement] = [inst.rd, inst.rs1, inst.rs2, inst.rs3].map((r) =>
      this.reg(r),
    );
    const temp = this.reg(inst.list![0]!);
    const wide = inst.inner === M.LR_D;
    const [again, done] = [code.newLabel(), code.newLabel()];
    const acquire = inst.imm & 2;
    const release = inst.imm & 1;
    code.bind(again);
    code.inst(wide ? M.LR_D : M.LR_W, rd!, address!, -1, acquire | release);
    code.branch(M.BNE, rd!, expected!, done);
    code.inst(wide ? M.SC_D : M.SC_W, temp, address!, replacement!, release);
    code.branch(M.BNE, temp, X.zero, again);
    code.bind(done);
  }

  private inlineAssembly(inst: MInst): void {
    const { code } = this;
    const body = inst.asm!;
    const results = this.registersOf(inst.defs!);
    const sources = this.registersOf(inst.list!);
    this.moves(
      sources.flatMap(({ fixed, place, kind }) => (fixed < 0 ? [] : [{ to: fixed, from: place, kind }])),
    );
    const names = [...results, ...sources].map(({ fixed, place }) => (fixed >= 0 ? fixed : place));
    const text = substituteOperands(body.template, names);
    code.raw(this.assemble(text, inst.loc));
    this.moves(
      results.flatMap(({ fixed, place, kind }) => (fixed < 0 ? [] : [{ to: place, from: fixed, kind }])),
    );
  }

  private registersOf(list: readonly number[]): { fixed: number; place: number; kind: RegClass }[] {
    const result: { fixed: number; place: number; kind: RegClass }[] = [];
    for (let i = 0; i < list.length; i += 2) {
      const register = list[i + 1]!;
      const place = this.placeOf(register);
      const kind = this.mfunc.classOf(register);
      result.push({
        fixed: list[i]!,
        place: place === NOWHERE && list[i]! < 0 ? this.reg(register) : place,
        kind,
      });
    }
    return result;
  }

  /** Whether the block does nothing but jump on. */
  private onlyJumps(block: MBlock): boolean {
    const last = block.insts[block.insts.length - 1]!;
    if (last.op !== M.Jump || last.target === block) return false;
    for (const inst of block.insts) {
      if (inst === last || inst.op === M.Debug) continue;
      if (inst.op !== M.Copies) return false;
      for (let i = 0; i < inst.list!.length; i += 2) {
        const to = this.placeOf(inst.list![i]!);
        if (to !== NOWHERE && to !== this.placeOf(inst.list![i + 1]!)) return false;
      }
    }
    return true;
  }
}

function endsInNoReturn(block: MBlock): boolean {
  const before = block.insts[block.insts.length - 2];
  return before?.op === M.Call && before.isNoReturn;
}

/** `%n` in a template becomes the name of operand n, `%%` a percent sign. */
function substituteOperands(template: string, registers: readonly number[]): string {
  return template.replace(/%(%|\d+)/g, (_, what: string) => {
    if (what === '%') return '%';
    const register = registers[Number(what)];
    if (register === undefined || registerNames[register] === undefined) {
      throw new Error(`inline assembly has no operand %${what}`);
    }
    return registerNames[register]!;
  });
}
