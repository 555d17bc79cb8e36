/**
 * Writes a region as one WebAssembly function `(hart: i32) => Outcome`. Guest registers live in locals: all that
 * the region names are loaded at the start, and those that it may change are stored at the one epilogue.
 *
 * Counting: `budget` is a local that falls by the instructions executed. Along a path without merges the count is
 * only summed up here (`pending`) and subtracted before a jump to a label or, in the cold code of the epilogue,
 * when the region is left: every way out carries its delta and its pending count packed into one constant. Loop
 * headers check that the budget lasts for the longest way to the next header, else the interpreter takes over;
 * so a budget ends at exactly the same instruction in both engines.
 */
import { PAGE_SIZE } from '../../addresses.ts';
import type { CodeWriter } from '../../wasm/code.ts';
import { bin, call, type Expr, emit, i32, i64, load, local, select, un } from '../../wasm/expression.ts';
import { F64, I32, I64, Op, type ValType } from '../../wasm/opcodes.ts';
import type { Access, Emitter, Helper } from '../isa/emitter.ts';
import type { Instruction } from '../isa/instruction.ts';
import { idOf, ROWS } from '../isa/table.ts';
import { FETCH_TLB_ENTRIES, fOffset, HART, TLB_ENTRY_SIZE, xOffset } from '../state.ts';
import { AccessWriter } from './access.ts';
import { type Block, instructionsOf, writesOf } from './block.ts';
import { writeCsrAccess } from './csr-access.ts';
import { Facts } from './facts.ts';
import { narrowed, narrowedCondition, shiftPair } from './peephole.ts';
import { type Assumptions, Outcome } from './regime.ts';
import type { Region } from './region.ts';
import { Structure, type StructureWriter } from './structure.ts';

/** Bits of a packed exit that hold the pending count; the delta lies above. */
const PENDING_BITS = 9;

const ADDI = idOf('addi');
const SLLI = idOf('slli');
const SRLI = idOf('srli');
const SRAI = idOf('srai');

/** Parameter 0 of every region. */
const HART_LOCAL = 0;

/** Integer registers and floating-point registers as bit sets. */
interface RegisterUse {
  used: number;
  written: number;
  floatUsed: number;
  floatWritten: number;
  /** Whether floating point must be on. */
  float: boolean;
}

function registerUse(region: Region): RegisterUse {
  const use: RegisterUse = { used: 0, written: 0, floatUsed: 0, floatWritten: 0, float: false };
  for (const block of region.blocks) {
    for (const [{ id, rd, rs1, rs2, rs3 }] of instructionsOf(block)) {
      const row = ROWS[id]!;
      if (row.extension === 'F' || row.extension === 'D') use.float = true;
      for (const operand of row.operands) {
        if (operand === 'rd') use.written |= 1 << rd;
        else if (operand === 'rs1' || operand === 'mem' || operand === 'addr') use.used |= 1 << rs1;
        else if (operand === 'rs2') use.used |= 1 << rs2;
        else if (operand === 'fd') use.floatWritten |= 1 << rd;
        else if (operand === 'fs1') use.floatUsed |= 1 << rs1;
        else if (operand === 'fs2') use.floatUsed |= 1 << rs2;
        else if (operand === 'fs3') use.floatUsed |= 1 << rs3;
      }
    }
  }
  use.written &= ~1;
  use.used = (use.used | use.written) & ~1;
  use.floatUsed |= use.floatWritten;
  return use;
}

export class RegionWriter implements Emitter, StructureWriter {
  readonly w: CodeWriter;
  readonly facts = new Facts();
  private readonly region: Region;
  private readonly assumptions: Assumptions;
  private readonly structure: Structure;
  private readonly access: AccessWriter;
  private readonly use: RegisterUse;
  private readonly xLocals = new Int32Array(32).fill(-1);
  /** i32 locals behind sign- or zero-extended registers. */
  private readonly wordLocals = new Int32Array(32).fill(-1);
  private readonly fLocals = new Int32Array(32).fill(-1);
  private readonly need: Int32Array;
  /** Facts at the end of nodes, kept while merges that they dominate are still to be written. */
  private readonly factsAtEnd = new Map<number, Facts>();
  /** Immediate dominators. */
  private readonly dominator: Int32Array;
  /** Integer registers that a node and those it dominates write, as bits. */
  private readonly writtenBelow: Int32Array;
  private budget = 0;
  private selector = 0;
  private exitPc = 0;
  private outcome = 0;
  private packed = 0;
  private leaveLabel = 0;
  private stepLabel = 0;
  private splitLabel = 0;
  private tailLabel = 0;
  private outLabel = 0;
  /** If set: where the code of each instruction begins, in the order of writing. */
  marks: { readonly delta: number; readonly offset: number }[] | undefined;
  /** Instructions executed on this path and not yet subtracted from the budget. */
  private pending = 0;

  // The instruction at hand.
  private instruction!: Instruction;
  private delta = 0;
  private condition: Expr | undefined;
  private target: Expr | undefined;

  /** @param helper puts a helper into the module, if it is not there yet, and gives its function index */
  constructor(
    region: Region,
    assumptions: Assumptions,
    w: CodeWriter,
    private readonly helper: (helper: Helper) => number,
  ) {
    this.region = region;
    this.assumptions = assumptions;
    this.w = w;
    w.restart(1);
    this.use = registerUse(region);
    // Node 0 is the way in; block i is node i + 1.
    const graph = [[1], ...region.blocks.map((block) => this.successors(block))];
    this.structure = new Structure(graph, [0, ...region.blocks.map(writesOf)]);
    this.need = this.budgetNeeds();
    this.dominator = new Int32Array(this.structure.count).fill(-1);
    this.writtenBelow = this.writesBelow();
    this.access = new AccessWriter(this, assumptions.data);
  }

  /** Writes the function's body into `w`. */
  write(): void {
    const { w, use } = this;
    this.budget = w.local(I32);
    this.selector = w.local(I32);
    this.outcome = w.local(I32);
    this.packed = w.local(I32);
    this.exitPc = w.local(I64);
    this.checkAssumptions();
    w.localGet(HART_LOCAL);
    w.memory(Op.i32Load, HART.budget, 2);
    w.localSet(this.budget);
    for (let r = 1; r < 32; r++) {
      if ((use.used >>> r) & 1) {
        this.xLocals[r] = w.local(I64);
        w.localGet(HART_LOCAL);
        w.memory(Op.i64Load, xOffset(r), 3);
        w.localSet(this.xLocals[r]!);
      }
    }
    for (let r = 0; r < 32; r++) {
      if ((use.floatUsed >>> r) & 1) {
        this.fLocals[r] = w.local(F64);
        w.localGet(HART_LOCAL);
        w.memory(Op.f64Load, fOffset(r), 3);
        w.localSet(this.fLocals[r]!);
      }
    }
    this.access.prologue();
    this.outLabel = w.block();
    const decodeLabel = w.block();
    this.splitLabel = w.block(I32);
    this.tailLabel = w.block(I32);
    this.stepLabel = w.block(I32);
    this.leaveLabel = w.block(I32);
    this.structure.write(this);
    w.op(Op.unreachable);
    for (const outcome of [Outcome.next, Outcome.step, Outcome.tail, Outcome.split]) {
      w.end();
      w.localSet(this.packed);
      w.i32Const(outcome);
      w.localSet(this.outcome);
      if (outcome !== Outcome.split) w.br(decodeLabel);
    }
    w.end();
    this.unpack();
    w.end();
    this.epilogue();
  }

  private checkAssumptions(): void {
    const { w, region, assumptions, use } = this;
    const unless = (): void => {
      w.if();
      w.i32Const(Outcome.unfit);
      w.op(Op.return);
      w.end();
    };
    const mustEqual = (offset: number, value: bigint | number): void => {
      w.localGet(HART_LOCAL);
      w.memory(Op.i64Load, offset, 3);
      w.i64Const(value);
      w.op(Op.i64Ne);
      unless();
    };
    mustEqual(HART.pc, BigInt.asIntN(64, region.root));
    if (assumptions.data.kind === 'window') {
      mustEqual(HART.directBase, assumptions.data.base);
      mustEqual(HART.directSize, assumptions.data.size);
    }
    if (use.float) {
      w.localGet(HART_LOCAL);
      w.memory(Op.i32Load, HART.fs, 2);
      w.i32Const(3);
      w.op(Op.i32Ne);
      unless();
      if (assumptions.usualFloat) {
        w.localGet(HART_LOCAL);
        w.memory(Op.i32Load, HART.frm, 2);
        w.localGet(HART_LOCAL);
        w.memory(Op.i32Load, HART.fflags, 2);
        w.i32Const(1);
        w.op(Op.i32And);
        w.i32Const(1);
        w.op(Op.i32Xor);
        w.op(Op.i32Or);
        unless();
      }
    }
  }

  /** From the packed constant to pc and budget. */
  private unpack(): void {
    const { w } = this;
    w.i64Const(BigInt.asIntN(64, this.region.root));
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

  private epilogue(): void {
    const { w, use } = this;
    for (let r = 1; r < 32; r++) {
      if (((use.written >>> r) & 1) === 0) continue;
      w.localGet(HART_LOCAL);
      w.localGet(this.xLocals[r]!);
      w.memory(Op.i64Store, xOffset(r), 3);
    }
    for (let r = 0; r < 32; r++) {
      if (((use.floatWritten >>> r) & 1) === 0) continue;
      w.localGet(HART_LOCAL);
      w.localGet(this.fLocals[r]!);
      w.memory(Op.f64Store, fOffset(r), 3);
    }
    w.localGet(HART_LOCAL);
    w.localGet(this.exitPc);
    w.memory(Op.i64Store, HART.pc, 3);
    w.localGet(HART_LOCAL);
    w.localGet(this.budget);
    w.memory(Op.i32Store, HART.budget, 2);
    w.localGet(this.outcome);
  }

  private successors(block: Block): number[] {
    const { terminator } = block;
    const inside: number[] = [];
    const add = (delta: number): void => {
      const index = this.region.blockAt.get(delta);
      if (index !== undefined) inside.push(index + 1);
    };
    if (terminator.kind === 'goto' || terminator.kind === 'skip') add(terminator.next);
    else if (terminator.kind === 'branch') {
      add(terminator.next);
      add(terminator.taken);
    } else if (terminator.kind === 'indirect') terminator.candidates.forEach(add);
    return inside;
  }

  /** A node whose start checks the budget: the root, loop headers, and what a dispatcher leads to. */
  private isCheckpoint(node: number): boolean {
    const { structure } = this;
    if (node === 0 || structure.targetsOf(node)) return false;
    return node === 1 || structure.isHeader[node] === 1 || this.dispatched.has(node);
  }
  private dispatched = new Set<number>();

  /** By node: instructions on the longest way from its start to the next checkpoint or out of the region. */
  private budgetNeeds(): Int32Array {
    const { structure, region } = this;
    for (let node = 0; node < structure.count; node++)
      for (const target of structure.targetsOf(node) ?? []) this.dispatched.add(target);
    const need = new Int32Array(structure.count);
    for (let i = structure.sequence.length - 1; i >= 0; i--) {
      const node = structure.sequence[i]!;
      let longest = 0;
      for (const next of structure.successors[node]!) {
        const ahead = structure.order[next]! > structure.order[node]!;
        if (ahead && !this.isCheckpoint(next)) longest = Math.max(longest, need[next]!);
      }
      const block = region.blocks[node - 1];
      need[node] = longest + (block ? [...instructionsOf(block)].length : 0);
    }
    return need;
  }

  // StructureWriter

  loop(): number {
    return this.w.loop();
  }
  block(): number {
    return this.w.block();
  }
  end(): void {
    this.w.end();
  }
  br(label: number): void {
    this.w.br(label);
  }
  select(selector: number): void {
    this.w.i32Const(selector);
    this.w.localSet(this.selector);
  }
  dispatch(node: number, labels: readonly number[]): void {
    this.inheritFacts(node);
    this.factsAtEnd.set(node, this.facts.copy());
    if (labels.length === 1) {
      this.w.br(labels[0]!);
      return;
    }
    this.w.localGet(this.selector);
    this.w.brTable(labels.slice(0, -1), labels[labels.length - 1]!);
  }

  node(node: number): void {
    const { structure, w } = this;
    if (node === 0) {
      structure.branch(0, 1, this);
      return;
    }
    if (structure.isLabel[node] || structure.isHeader[node] || node === 1) {
      this.inheritFacts(node);
      this.pending = 0;
    }
    const block = this.region.blocks[node - 1]!;
    if (this.isCheckpoint(node)) {
      w.i32Const(pack(block.start, 0));
      w.localGet(this.budget);
      w.i32Const(this.need[node]!);
      w.op(Op.i32LtS);
      w.brIf(this.tailLabel);
      w.op(Op.drop);
    }
    this.writeBlock(block);
    if (
      structure.dominatorChildren[node]!.some(
        (child) => structure.isLabel[child] || structure.isHeader[child],
      )
    )
      this.factsAtEnd.set(node, this.facts.copy());
    this.writeTerminator(node, block);
  }

  /** By node: registers written in its subtree of the dominator tree. Fills `dominator` as well. */
  private writesBelow(): Int32Array {
    const { structure, region } = this;
    const written = new Int32Array(structure.count);
    for (let i = structure.sequence.length - 1; i >= 0; i--) {
      const node = structure.sequence[i]!;
      const block = region.blocks[node - 1];
      if (block) written[node]! |= writesOf(block);
      for (const child of structure.dominatorChildren[node]!) {
        this.dominator[child] = node;
        written[node]! |= written[child]!;
      }
    }
    return written;
  }

  /**
   * At a merge or a loop header: what was known at the end of its dominator still holds for the registers that no
   * block in between can write. In between lie the blocks that the dominator dominates, but for those that only the
   * node itself leads to, unless it is a loop header and these lead back.
   */
  private inheritFacts(node: number): void {
    const { structure, facts } = this;
    const dominator = this.dominator[node]!;
    const before = this.factsAtEnd.get(dominator);
    if (before === undefined) {
      facts.clear();
      return;
    }
    let killed = structure.isHeader[node] ? this.writtenBelow[node]! : 0;
    for (const sibling of structure.dominatorChildren[dominator]!)
      if (sibling !== node) killed |= this.writtenBelow[sibling]!;
    facts.restore(before);
    for (let r = 1; r < 32; r++) if ((killed >>> r) & 1) facts.kill(r);
  }

  /** The blocks whose code follows a block's in place, so that what the block checks still holds there. */
  followers(block: Block): Block[] {
    const { structure, region } = this;
    const from = this.nodeAt(block.start)!;
    return structure.successors[from]!.filter(
      (to) =>
        !structure.isLabel[to] && !structure.isHeader[to] && structure.order[to]! > structure.order[from]!,
    ).flatMap((to) => region.blocks[to - 1] ?? []);
  }

  private writeBlock(block: Block): void {
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
        this.pending += 2;
        i++;
        continue;
      }
      const { meaning } = ROWS[instruction.id]!;
      if (meaning) meaning(this);
      else writeCsrAccess(this, instruction);
      this.pending++;
    }
  }

  private writeTerminator(node: number, block: Block): void {
    const { terminator } = block;
    switch (terminator.kind) {
      case 'stop':
        this.leave(terminator.at);
        break;
      case 'goto':
        this.target = undefined;
        this.edge(node, block, terminator.next);
        break;
      case 'branch':
        this.writeBranch(node, block, terminator.taken, terminator.next);
        break;
      case 'skip':
        this.writeSkip(terminator.skipped, terminator.whenTaken);
        this.edge(node, block, terminator.next);
        break;
      case 'indirect':
        this.writeIndirect(node, block, terminator.candidates);
        break;
    }
  }

  private writeBranch(node: number, block: Block, taken: number, next: number): void {
    const { w } = this;
    const condition = this.condition!;
    this.condition = undefined;
    if (condition.isConst) {
      this.edge(node, block, condition.value !== 0 ? taken : next);
      return;
    }
    if (this.jumps(node, taken) || this.jumps(node, next)) this.flush();
    if (this.isPlainJump(node, block, taken)) {
      emit(w, condition);
      w.brIf(this.structure.labelOf(node, this.nodeAt(taken)!));
      this.edge(node, block, next);
      return;
    }
    if (this.isPlainJump(node, block, next)) {
      emit(w, un(Op.i32Eqz, condition));
      w.brIf(this.structure.labelOf(node, this.nodeAt(next)!));
      this.edge(node, block, taken);
      return;
    }
    const facts = this.facts.copy();
    const pending = this.pending;
    emit(w, condition);
    w.if();
    this.edge(node, block, taken);
    w.end();
    this.facts.restore(facts);
    this.pending = pending;
    this.edge(node, block, next);
  }

  /** Makes the skipped operations, and undoes them if they are skipped. */
  private writeSkip(skipped: Block, whenTaken: boolean): void {
    const { w } = this;
    const condition = this.condition!;
    this.condition = undefined;
    if (condition.isConst) {
      if ((condition.value !== 0) === whenTaken) this.writeBlock(skipped);
      return;
    }
    const taken = this.let(condition);
    const before = this.pending;
    const written = writesOf(skipped) & ~1;
    const old = new Map<number, Expr>();
    for (let r = 1; r < 32; r++) if ((written >>> r) & 1) old.set(r, this.let(local(this.xLocals[r]!, I64)));
    this.writeBlock(skipped);
    const choose = (made: Expr, kept: Expr): Expr =>
      whenTaken ? select(made, kept, taken) : select(kept, made, taken);
    for (const [r, kept] of old) {
      emit(w, choose(local(this.xLocals[r]!, I64), kept));
      w.localSet(this.xLocals[r]!);
      this.facts.kill(r);
    }
    this.pending = before;
    this.flush();
    w.localGet(this.budget);
    emit(w, choose(i32(skipped.instructions.length), i32(0)));
    w.op(Op.i32Sub);
    w.localSet(this.budget);
  }

  private writeIndirect(node: number, block: Block, candidates: readonly number[]): void {
    const { w } = this;
    const target = this.target!;
    this.target = undefined;
    if (target.isConst) {
      const known = candidates.find((candidate) => this.address(candidate).value === target.value);
      if (known !== undefined) {
        this.edge(node, block, known);
        return;
      }
    }
    this.flush();
    const facts = this.facts.copy();
    if (candidates.length > 0) {
      const distance = this.let(bin(Op.i64Sub, target, this.address(0)));
      for (const candidate of candidates) {
        emit(w, bin(Op.i64Eq, distance, i64(candidate)));
        w.if();
        this.edge(node, block, candidate);
        w.end();
        this.facts.restore(facts);
        this.pending = 0;
      }
    }
    emit(w, target);
    w.localSet(this.exitPc);
    w.i32Const(Outcome.next);
    w.localSet(this.outcome);
    w.br(this.outLabel);
  }

  private nodeAt(delta: number): number | undefined {
    const index = this.region.blockAt.get(delta);
    return index === undefined ? undefined : index + 1;
  }

  /** Whether the edge leads to a place inside that starts anew. */
  private jumps(node: number, delta: number): boolean {
    const target = this.nodeAt(delta);
    return target !== undefined && this.startsAnew(node, target);
  }

  /** Whether the end of an edge starts with nothing known and nothing pending: a label or a loop header. */
  private startsAnew(node: number, target: number): boolean {
    const { structure } = this;
    return !structure.inlines(node, target) || structure.isHeader[structure.route(node, target).target] === 1;
  }

  /** Whether the edge is nothing but a jump, so that `br_if` does. */
  private isPlainJump(node: number, block: Block, delta: number): boolean {
    const target = this.nodeAt(delta);
    if (target === undefined || this.structure.inlines(node, target)) return false;
    return this.structure.route(node, target).selector < 0 && !this.crosses(block.start, delta);
  }

  private pageOf(delta: number): number {
    return Math.floor((Number(this.region.root & BigInt(PAGE_SIZE - 1)) + delta) / PAGE_SIZE);
  }

  private crosses(from: number, to: number): boolean {
    return this.pageOf(from) !== this.pageOf(to);
  }

  /** Goes from a block to a delta: over the structure if the region has it, else out. */
  private edge(node: number, block: Block, delta: number): void {
    const target = this.nodeAt(delta);
    if (target === undefined) {
      this.leave(delta);
      return;
    }
    if (this.crosses(block.start, delta)) this.checkPage(delta);
    if (this.startsAnew(node, target)) this.flush();
    this.structure.branch(node, target, this);
  }

  /** Leaves unless fetches from the page of `delta` still hit what the region was made from. */
  private checkPage(delta: number): void {
    const page = this.pageOf(delta);
    const { records } = this.region.pages.get(page)!;
    const base = BigInt.asIntN(64, (this.region.root & ~BigInt(PAGE_SIZE - 1)) + BigInt(page * PAGE_SIZE));
    const distance = Number((base >> 12n) & BigInt(FETCH_TLB_ENTRIES - 1)) * TLB_ENTRY_SIZE;
    const place = load(Op.i32Load, this.hart(), HART.fetchPlace);
    const entry = this.let(bin(Op.i32Xor, place, i32(distance)));
    const regime = un(Op.i64ExtendI32U, load(Op.i32Load, this.hart(), HART.fetchRegime));
    const tagDiffers = bin(
      Op.i64Ne,
      load(Op.i64Load, entry, HART.fetchTlb),
      bin(Op.i64Or, regime, i64(base)),
    );
    const recordsDiffer = bin(Op.i32Ne, load(Op.i32Load, entry, HART.fetchTlb + 8), i32(records));
    this.exitIf(bin(Op.i32Or, tagDiffers, recordsDiffer), this.leaveLabel, delta);
  }

  /** Leaves for a delta outside of the region. */
  private leave(delta: number): void {
    if (Math.abs(delta) < 1 << (31 - PENDING_BITS)) {
      this.w.i32Const(pack(delta, this.pending));
      this.w.br(this.leaveLabel);
      return;
    }
    this.flush();
    emit(this.w, this.address(delta));
    this.w.localSet(this.exitPc);
    this.w.i32Const(Outcome.next);
    this.w.localSet(this.outcome);
    this.w.br(this.outLabel);
  }

  private flush(): void {
    if (this.pending === 0) return;
    this.w.localGet(this.budget);
    this.w.i32Const(this.pending);
    this.w.op(Op.i32Sub);
    this.w.localSet(this.budget);
    this.pending = 0;
  }

  private exitIf(condition: Expr, label: number, delta: number): void {
    const { w } = this;
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

  /** Leaves to the interpreter at this instruction if `condition` (i32) is not zero. */
  stepIf(condition: Expr): void {
    this.exitIf(condition, this.stepLabel, this.delta);
  }

  /** As `stepIf`, for accesses that share a check but not a page, or that are out of the direct window. */
  splitIf(condition: Expr): void {
    this.exitIf(condition, this.splitLabel, this.delta);
  }

  /** The virtual address of a delta. */
  private address(delta: number): Expr {
    return i64(this.region.root + BigInt(delta));
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
    return this.facts.known[r] ?? local(this.xLocals[r]!, I64);
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
    return un(Op.i64ReinterpretF64, local(this.fLocals[r]!, F64));
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
    return call(this.helper(helper), helper.result, a, b, c);
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
      if (this.wordLocals[rd] === -1) this.wordLocals[rd] = w.local(I32);
      emit(w, narrow.a!);
      w.localTee(this.wordLocals[rd]!);
      w.op(narrow.op);
    } else {
      emit(w, narrow);
    }
    w.localSet(this.xLocals[rd]!);
    if (id === ADDI && rs1 !== 0) {
      facts.move(rd, rs1, imm);
      facts.known[rd] = undefined;
    } else {
      facts.kill(rd);
    }
    if (extended) facts.known[rd] = un(narrow.op, local(this.wordLocals[rd]!, I32));
    else if (narrow.isConst) facts.known[rd] = narrow;
  }

  setFd(value: Expr): void {
    emit(this.w, un(Op.f64ReinterpretI64, value));
    this.w.localSet(this.fLocals[this.instruction.rd]!);
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
    return this.assumptions.usualFloat ? i32(0) : load(Op.i32Load, this.hart(), HART.frm);
  }
  flags(): Expr {
    // Meanings only ask whether NX is there, and only floating-point regions get here.
    return this.assumptions.usualFloat ? i32(1) : this.accrued();
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

/** A way out as one constant: bits 31:9 the delta, bits 8:0 the pending count. */
function pack(delta: number, pending: number): number {
  return (delta << PENDING_BITS) | pending;
}

function isSecondShift(instruction: Instruction, rd: number): boolean {
  return (
    (instruction.id === SRLI || instruction.id === SRAI) && instruction.rd === rd && instruction.rs1 === rd
  );
}
