/**
 * Writes a region as one WebAssembly function `(hart: i32) => Outcome`: its control flow, and around it the assumptions, the
 * registers and the ways out. The instructions of blocks are written by `InstructionWriter`.
 *
 * Loop headers check that the budget lasts for the longest way to the next header, else the interpreter takes over; so a
 * budget ends at exactly the same instruction in both engines.
 */
import { PAGE_SIZE } from '../../addresses.ts';
import type { CodeWriter } from '../../wasm/code.ts';
import { bin, type Expr, emit, i32, i64, load, local, select, un } from '../../wasm/expression.ts';
import { I32, Op } from '../../wasm/opcodes.ts';
import type { Helper } from '../isa/emitter.ts';
import { FETCH_TLB_ENTRIES, HART, TLB_ENTRY_SIZE } from '../state.ts';
import { type Block, instructionsOf, writesOf } from './block.ts';
import { Exits } from './exits.ts';
import type { Facts } from './facts.ts';
import { InstructionWriter } from './instruction-writer.ts';
import { type Assumptions, Outcome, writeAssumptions } from './regime.ts';
import type { Region } from './region.ts';
import { Registers } from './registers.ts';
import { Structure, type StructureWriter } from './structure.ts';

export class RegionWriter implements StructureWriter {
  private readonly w: CodeWriter;
  private readonly region: Region;
  private readonly assumptions: Assumptions;
  private readonly registers: Registers;
  private readonly exits: Exits;
  private readonly code: InstructionWriter;
  private readonly facts: Facts;
  private readonly structure: Structure;
  private readonly need: Int32Array;
  /** Facts at the end of nodes, kept while merges that they dominate are still to be written. */
  private readonly factsAtEnd = new Map<number, Facts>();
  /** Immediate dominators. */
  private readonly dominator: Int32Array;
  /** Integer registers that a node and those it dominates write, as bits. */
  private readonly writtenBelow: Int32Array;
  /** Local (i32): which node a dispatcher goes on at. */
  private selector = 0;

  /** @param helper puts a helper into the module, if it is not there yet, and gives its function index */
  constructor(region: Region, assumptions: Assumptions, w: CodeWriter, helper: (helper: Helper) => number) {
    this.region = region;
    this.assumptions = assumptions;
    this.w = w;
    w.restart(1);
    this.registers = new Registers(w, region);
    this.exits = new Exits(w, region.root);
    // Node 0 is the way in; block i is node i + 1.
    const graph = [[1], ...region.blocks.map((block) => this.successors(block))];
    this.structure = new Structure(graph, [0, ...region.blocks.map(writesOf)]);
    this.need = this.budgetNeeds();
    this.dominator = new Int32Array(this.structure.count).fill(-1);
    this.writtenBelow = this.writesBelow();
    const { registers, exits } = this;
    const followers = (block: Block): Block[] => this.followers(block);
    this.code = new InstructionWriter({
      w,
      root: region.root,
      assumptions,
      registers,
      exits,
      helper,
      followers,
    });
    this.facts = this.code.facts;
  }

  /** Has the places where the code of each instruction begins collected, in the order of writing. */
  collectMarks(): readonly { readonly delta: number; readonly offset: number }[] {
    this.code.marks = [];
    return this.code.marks;
  }

  /** Writes the function's body into `w`. */
  write(): void {
    const { w, registers, exits } = this;
    this.selector = w.local(I32);
    writeAssumptions(w, this.region.root, this.assumptions, registers.float);
    exits.prologue();
    registers.load();
    this.code.prologue();
    exits.open();
    this.structure.write(this);
    exits.close();
    registers.store();
    exits.result();
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
    const { structure } = this;
    if (node === 0) {
      structure.branch(0, 1, this);
      return;
    }
    if (structure.isLabel[node] || structure.isHeader[node] || node === 1) {
      this.inheritFacts(node);
      this.exits.pending = 0;
    }
    const block = this.region.blocks[node - 1]!;
    if (this.isCheckpoint(node)) {
      const tooLittle = bin(Op.i32LtS, local(this.exits.budget, I32), i32(this.need[node]!));
      this.exits.leaveIf(tooLittle, Outcome.tail, block.start);
    }
    this.code.write(block);
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

  private writeTerminator(node: number, block: Block): void {
    const { terminator } = block;
    switch (terminator.kind) {
      case 'stop':
        this.exits.leave(terminator.at);
        break;
      case 'goto':
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
    const condition = this.code.takeCondition();
    if (condition.isConst) {
      this.edge(node, block, condition.value !== 0 ? taken : next);
      return;
    }
    if (this.jumps(node, taken) || this.jumps(node, next)) this.exits.flush();
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
    const { pending } = this.exits;
    emit(w, condition);
    w.if();
    this.edge(node, block, taken);
    w.end();
    this.facts.restore(facts);
    this.exits.pending = pending;
    this.edge(node, block, next);
  }

  /** Makes the skipped operations, and undoes them if they are skipped. */
  private writeSkip(skipped: Block, whenTaken: boolean): void {
    const { w } = this;
    const condition = this.code.takeCondition();
    if (condition.isConst) {
      if ((condition.value !== 0) === whenTaken) this.code.write(skipped);
      return;
    }
    const taken = this.code.let(condition);
    const before = this.exits.pending;
    const written = writesOf(skipped) & ~1;
    const old = new Map<number, Expr>();
    for (let r = 1; r < 32; r++) if ((written >>> r) & 1) old.set(r, this.code.let(this.code.register64(r)));
    this.code.write(skipped);
    const choose = (made: Expr, kept: Expr): Expr =>
      whenTaken ? select(made, kept, taken) : select(kept, made, taken);
    for (const [r, kept] of old) {
      emit(w, choose(this.code.register64(r), kept));
      w.localSet(this.registers.x[r]!);
      this.facts.kill(r);
    }
    this.exits.pending = before;
    this.exits.flush();
    this.exits.count(choose(i32(skipped.instructions.length), i32(0)));
  }

  private writeIndirect(node: number, block: Block, candidates: readonly number[]): void {
    const { w } = this;
    const target = this.code.takeTarget();
    if (target.isConst) {
      const known = candidates.find((candidate) => this.code.address(candidate).value === target.value);
      if (known !== undefined) {
        this.edge(node, block, known);
        return;
      }
    }
    this.exits.flush();
    const facts = this.facts.copy();
    if (candidates.length > 0) {
      const distance = this.code.let(bin(Op.i64Sub, target, this.code.address(0)));
      for (const candidate of candidates) {
        emit(w, bin(Op.i64Eq, distance, i64(candidate)));
        w.if();
        this.edge(node, block, candidate);
        w.end();
        this.facts.restore(facts);
        this.exits.pending = 0;
      }
    }
    this.exits.leaveTo(target);
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
      this.exits.leave(delta);
      return;
    }
    if (this.crosses(block.start, delta)) this.checkPage(delta);
    if (this.startsAnew(node, target)) this.exits.flush();
    this.structure.branch(node, target, this);
  }

  /** Leaves unless fetches from the page of `delta` still hit what the region was made from. */
  private checkPage(delta: number): void {
    const page = this.pageOf(delta);
    const { records } = this.region.pages.get(page)!;
    const base = BigInt.asIntN(64, (this.region.root & ~BigInt(PAGE_SIZE - 1)) + BigInt(page * PAGE_SIZE));
    const distance = Number((base >> 12n) & BigInt(FETCH_TLB_ENTRIES - 1)) * TLB_ENTRY_SIZE;
    const place = load(Op.i32Load, this.code.hart(), HART.fetchPlace);
    const entry = this.code.let(bin(Op.i32Xor, place, i32(distance)));
    const regime = un(Op.i64ExtendI32U, load(Op.i32Load, this.code.hart(), HART.fetchRegime));
    const tagDiffers = bin(
      Op.i64Ne,
      load(Op.i64Load, entry, HART.fetchTlb),
      bin(Op.i64Or, regime, i64(base)),
    );
    const recordsDiffer = bin(Op.i32Ne, load(Op.i32Load, entry, HART.fetchTlb + 8), i32(records));
    this.exits.leaveIf(bin(Op.i32Or, tagDiffers, recordsDiffer), Outcome.next, delta);
  }
}
