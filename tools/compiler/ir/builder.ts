/**
 * Builds a function: emits instructions into a current block and turns mutable variables into SSA while doing so,
 * after Braun, Buchwald et al., "Simple and Efficient Construction of Static Single Assignment Form" (CC 2013):
 * a read looks for the last write in the block, then in its predecessors, and makes a block parameter where they may
 * differ. A block is *sealed* when all its predecessors are known; reads in an unsealed block make a parameter whose
 * arguments are filled in by `seal`. `finish` removes parameters that turned out superfluous.
 *
 * Without optimisation (`optimise: false`), variables that the debugger knows live in stack slots instead, so they can be
 * seen and changed at every line.
 */
import type { DebugVar } from './debug.ts';
import {
  type AsmBody,
  type Block,
  type Edge,
  type Func,
  type Module,
  resolve,
  type Slot,
  type Sym,
  type Value,
} from './ir.ts';
import { floatBits, wrapInt } from './numbers.ts';
import { removeTrivialParams, simplifyParam } from './params.ts';
import { Mem, Op, OpFlag, type Order, opFlags, Type } from './types.ts';

/** A mutable scalar variable of the source. */
export class Var {
  /** Value at the end of each block, by block id. */
  readonly defs: (Value | undefined)[] = [];

  constructor(
    readonly type: Type,
    /** Index into `Func.debugVars`, or -1 for a temporary. */
    readonly debugIndex: number,
    /** Home in memory when not optimising. */
    readonly slot: Slot | undefined,
  ) {}
}

/** How a load or store is done, where it is not ordinary. */
export interface AccessOptions {
  volatile?: boolean;
  /** See `Value.alias`. */
  alias?: number;
}

/** The memory access that holds a whole value of `type`. */
export function memOf(type: Type): Mem {
  switch (type) {
    case Type.I32:
      return Mem.I32;
    case Type.I64:
      return Mem.I64;
    case Type.F32:
      return Mem.F32;
    default:
      return Mem.F64;
  }
}

interface PendingParam {
  readonly param: Value;
  readonly variable: Var;
}

export class FunctionBuilder {
  /** The block that instructions go to; undefined after a terminator. */
  current: Block | undefined;
  /** Position given to the instructions that follow: an index from `Module.loc`. */
  loc = 0;
  private readonly sealed = new Set<Block>();
  private readonly pending = new Map<Block, PendingParam[]>();
  /** Parameters made for variables, in order of making. */
  private readonly made: { readonly block: Block; readonly param: Value; readonly variable: Var }[] = [];

  /** Starts with an entry block, which is current and sealed. */
  constructor(
    readonly module: Module,
    readonly func: Func,
    readonly options: { readonly optimise: boolean },
  ) {
    const entry = this.newBlock();
    this.setBlock(entry);
    this.seal(entry);
  }

  // Blocks.

  /** A new block; it gets its place in the function when `setBlock` first chooses it. */
  newBlock(): Block {
    return this.func.newBlock();
  }

  /** Makes `block` the one that instructions go to. */
  setBlock(block: Block): void {
    if (block.order < 0) {
      block.order = this.func.blocks.length;
      this.func.blocks.push(block);
    }
    this.current = block;
  }

  /** True when code emitted now could run, so front ends can skip dead statements. */
  get reachable(): boolean {
    return this.current !== undefined;
  }

  /** Declares that `block` gets no further predecessors. */
  seal(block: Block): void {
    if (this.sealed.has(block)) return;
    this.sealed.add(block);
    const pending = this.pending.get(block);
    if (pending === undefined) return;
    this.pending.delete(block);
    for (const { param, variable } of pending) this.fillParam(block, param, variable);
  }

  /** `setBlock` and `seal` in one. */
  start(block: Block): void {
    this.setBlock(block);
    this.seal(block);
  }

  // Variables.

  /** A mutable variable. With `debug` it is one that the debugger shows. */
  newVar(type: Type, debug?: DebugVar): Var {
    let index = -1;
    let slot: Slot | undefined;
    if (debug !== undefined) {
      index = this.func.debugVars.length;
      this.func.debugVars.push(debug);
      if (!this.options.optimise) {
        const size = type === Type.I64 || type === Type.F64 ? 8 : 4;
        slot = this.func.newSlot(size, size);
        slot.variable = index;
      }
    }
    return new Var(type, index, slot);
  }

  /** A variable that lives in memory (a structure by value, an array): its slot. */
  newSlotVar(size: number, align: number, debug?: DebugVar): Slot {
    const slot = this.func.newSlot(size, align);
    if (debug !== undefined) {
      slot.variable = this.func.debugVars.length;
      this.func.debugVars.push(debug);
    }
    return slot;
  }

  writeVar(variable: Var, value: Value): void {
    if (value.type !== variable.type) throw new Error('variable written with a value of another type');
    if (variable.slot !== undefined) {
      this.store(memOf(variable.type), this.slotAddr(variable.slot), value);
      return;
    }
    const block = this.here();
    variable.defs[block.id] = value;
    if (variable.debugIndex >= 0) {
      const note = this.emit(Op.DbgValue, Type.Void, [value]);
      note.off = variable.debugIndex;
    }
  }

  readVar(variable: Var): Value {
    if (variable.slot !== undefined) {
      return this.load(variable.type, memOf(variable.type), this.slotAddr(variable.slot));
    }
    return this.readIn(variable, this.here());
  }

  private readIn(variable: Var, start: Block): Value {
    // Walk up through sealed blocks with one predecessor, then leave the result in each of them.
    let block = start;
    const passed: Block[] = [];
    let value = variable.defs[block.id];
    while (value === undefined && this.sealed.has(block) && block.preds.length === 1) {
      passed.push(block);
      block = block.preds[0]!;
      value = variable.defs[block.id];
    }
    if (value === undefined) {
      if (!this.sealed.has(block)) {
        value = this.addParam(block, variable);
        const list = this.pending.get(block);
        const entry = { param: value, variable };
        if (list === undefined) this.pending.set(block, [entry]);
        else list.push(entry);
      } else if (block.preds.length === 0) {
        // Read before any write: the source language forbids it where it matters.
        value = this.func.newValue(Op.Undef, variable.type, []);
        value.block = block;
        block.insts.unshift(value);
        variable.defs[block.id] = value;
      } else {
        const param = this.addParam(block, variable);
        value = this.fillParam(block, param, variable);
      }
    }
    value = resolve(value);
    for (const b of passed) variable.defs[b.id] = value;
    return value;
  }

  private addParam(block: Block, variable: Var): Value {
    const param = this.blockParam(block, variable.type);
    variable.defs[block.id] = param;
    this.made.push({ block, param, variable });
    return param;
  }

  private fillParam(block: Block, param: Value, variable: Var): Value {
    const index = block.params.indexOf(param);
    for (const pred of new Set(block.preds)) {
      const value = this.readIn(variable, pred);
      for (const edge of pred.succs) {
        if (edge.to === block) edge.args[index] = value;
      }
    }
    return resolve(simplifyParam(block, param, index));
  }

  /** A parameter of `block` that the caller passes itself with `br` or `condBr` arguments (made before any read). */
  blockParam(block: Block, type: Type): Value {
    const param = this.func.newValue(Op.Phi, type, []);
    param.block = block;
    block.params.push(param);
    return param;
  }

  // Instructions.

  private here(): Block {
    if (this.current === undefined) throw new Error('no current block: code after a terminator');
    return this.current;
  }

  private emit(op: Op, type: Type, args: Value[]): Value {
    const block = this.here();
    const value = this.func.newValue(op, type, args);
    value.loc = this.loc;
    value.block = block;
    block.insts.push(value);
    return value;
  }

  param(index: number): Value {
    return this.func.params[index]!;
  }

  constInt(type: Type, value: bigint | number): Value {
    const v = this.emit(Op.Const, type, []);
    v.imm = wrapInt(type, BigInt(value));
    return v;
  }

  i32(value: bigint | number): Value {
    return this.constInt(Type.I32, value);
  }

  i64(value: bigint | number): Value {
    return this.constInt(Type.I64, value);
  }

  constFloat(type: Type, value: number): Value {
    const v = this.emit(Op.Const, type, []);
    v.imm = floatBits(type, value);
    return v;
  }

  undef(type: Type): Value {
    return this.emit(Op.Undef, type, []);
  }

  symAddr(sym: Sym, offset = 0): Value {
    const v = this.emit(Op.SymAddr, Type.I64, []);
    v.sym = sym;
    v.off = offset;
    return v;
  }

  slotAddr(slot: Slot, offset = 0): Value {
    const v = this.emit(Op.SlotAddr, Type.I64, []);
    v.slot = slot;
    v.off = offset;
    return v;
  }

  /** Any two-operand operation: arithmetic has the type of `x`, comparisons give an i32. */
  binary(op: Op, x: Value, y: Value): Value {
    return this.emit(op, (opFlags[op]! & OpFlag.Compare) !== 0 ? Type.I32 : x.type, [x, y]);
  }

  /** Any one-operand operation; `type` is the result's, by default the operand's. */
  unary(op: Op, x: Value, type: Type = x.type): Value {
    return this.emit(op, type, [x]);
  }

  add(x: Value, y: Value): Value {
    return this.binary(Op.Add, x, y);
  }

  sub(x: Value, y: Value): Value {
    return this.binary(Op.Sub, x, y);
  }

  /** `x` + `offset` with a constant. */
  addImm(x: Value, offset: bigint | number): Value {
    return offset === 0 ? x : this.add(x, this.constInt(x.type, offset));
  }

  not(x: Value): Value {
    return this.binary(Op.Eq, x, this.constInt(x.type, 0));
  }

  fma(x: Value, y: Value, z: Value): Value {
    return this.emit(Op.FMA, x.type, [x, y, z]);
  }

  select(condition: Value, x: Value, y: Value): Value {
    return this.emit(Op.Select, x.type, [condition, x, y]);
  }

  load(type: Type, mem: Mem, address: Value, offset = 0, options?: AccessOptions): Value {
    const v = this.emit(Op.Load, type, [address]);
    v.mem = mem;
    v.off = offset;
    if (options !== undefined) {
      v.isVolatile = options.volatile ?? false;
      v.alias = options.alias ?? 0;
    }
    return v;
  }

  store(mem: Mem, address: Value, value: Value, offset = 0, options?: AccessOptions): void {
    const v = this.emit(Op.Store, Type.Void, [address, value]);
    v.mem = mem;
    v.off = offset;
    if (options !== undefined) {
      v.isVolatile = options.volatile ?? false;
      v.alias = options.alias ?? 0;
    }
  }

  /** Copies `length` bytes between areas that do not overlap; both are aligned to `align`. */
  memcpy(destination: Value, source: Value, length: Value, align = 1): void {
    this.emit(Op.Memcpy, Type.Void, [destination, source, length]).align = align;
  }

  memmove(destination: Value, source: Value, length: Value, align = 1): void {
    this.emit(Op.Memmove, Type.Void, [destination, source, length]).align = align;
  }

  /** Fills with the low byte of `byte` (an i32). */
  memset(destination: Value, byte: Value, length: Value, align = 1): void {
    this.emit(Op.Memset, Type.Void, [destination, byte, length]).align = align;
  }

  /** AtomicLoad, AtomicStore, an Amo… or AtomicCas; `type` is i32 or i64. */
  atomic(op: Op, type: Type, order: Order, args: Value[]): Value {
    const v = this.emit(op, op === Op.AtomicStore ? Type.Void : type, args);
    v.mem = type === Type.I32 ? Mem.I32 : Mem.I64;
    v.order = order;
    return v;
  }

  /** FENCE with the sets of `FENCE` in types.ts. */
  fence(predecessors: number, successors: number): void {
    this.emit(Op.Fence, Type.Void, []).imm = BigInt((predecessors << 4) | successors);
  }

  fenceI(): void {
    this.emit(Op.FenceI, Type.Void, []);
  }

  /** CboClean … PrefetchW on the block that holds `address`. */
  cacheBlock(op: Op, address: Value): void {
    this.emit(op, Type.Void, [address]);
  }

  /** CsrRead (no value), CsrWrite, CsrSwap, CsrSet, CsrClear; all i64. */
  csr(op: Op, number: number, value?: Value): Value {
    const v = this.emit(op, op === Op.CsrWrite ? Type.Void : Type.I64, value === undefined ? [] : [value]);
    v.off = number;
    return v;
  }

  /** Inline assembly; the result is its first output (of type void when there is none). */
  asm(body: AsmBody, inputs: Value[]): Value {
    const v = this.emit(Op.Asm, body.outputTypes[0] ?? Type.Void, inputs);
    v.asm = body;
    return v;
  }

  call(sym: Sym, resultTypes: readonly Type[], args: Value[]): Value {
    const v = this.emit(Op.Call, resultTypes[0] ?? Type.Void, args);
    v.sym = sym;
    return v;
  }

  callIndirect(target: Value, resultTypes: readonly Type[], args: Value[]): Value {
    return this.emit(Op.CallInd, resultTypes[0] ?? Type.Void, [target, ...args]);
  }

  /** The second result of a call or asm, to be asked for directly after it. */
  result2(call: Value, type: Type): Value {
    return this.emit(Op.Result2, type, [call]);
  }

  /** See `Op.Bounds`; `info` is a third argument for the handler, such as a source position. */
  bounds(index: Value, length: Value, handler: Sym, info?: Sym, infoOffset = 0): void {
    const v = this.emit(Op.Bounds, Type.Void, [index, length]);
    v.sym = handler;
    v.sym2 = info;
    v.off = infoOffset;
  }

  /** See `Op.TrapIf`. */
  trapIf(condition: Value, handler: Sym, info?: Sym, infoOffset = 0): void {
    const v = this.emit(Op.TrapIf, Type.Void, [condition]);
    v.sym = handler;
    v.sym2 = info;
    v.off = infoOffset;
  }

  /** Reference for the persistent pointer `stored`, which was read from `cell`: see `Op.PRef`. */
  pref(stored: Value, cell: Value, slow: Sym): Value {
    const v = this.emit(Op.PRef, Type.I64, [stored, cell]);
    v.sym = slow;
    return v;
  }

  /** Persistent pointer for `reference`, to be stored in `cell`: see `Op.PPtr`. */
  pptr(reference: Value, cell: Value, slow: Sym): Value {
    const v = this.emit(Op.PPtr, Type.I64, [reference, cell]);
    v.sym = slow;
    return v;
  }

  // Terminators: after one of these there is no current block.

  private terminate(op: Op, args: Value[], succs: Edge[]): Value {
    const v = this.emit(op, Type.Void, args);
    v.succs = succs;
    for (const edge of succs) {
      if (this.sealed.has(edge.to)) throw new Error(`edge to the sealed block b${edge.to.id}`);
      edge.to.preds.push(v.block);
    }
    this.current = undefined;
    return v;
  }

  br(to: Block, args: Value[] = []): void {
    this.terminate(Op.Br, [], [{ to, args }]);
  }

  /** `likely`: 1 expects the condition to hold, -1 not to hold. */
  condBr(condition: Value, then: Block, otherwise: Block, likely = 0): void {
    const v = this.terminate(
      Op.CondBr,
      [condition],
      [
        { to: then, args: [] },
        { to: otherwise, args: [] },
      ],
    );
    v.likely = likely;
  }

  switch(value: Value, cases: readonly (readonly [bigint, Block])[], otherwise: Block): void {
    const succs = [otherwise, ...cases.map(([, block]) => block)].map((to) => ({ to, args: [] }));
    const v = this.terminate(Op.Switch, [value], succs);
    v.cases = cases.map(([constant]) => wrapInt(value.type, constant));
  }

  ret(results: Value[] = []): void {
    this.terminate(Op.Ret, results, []);
  }

  unreachable(): void {
    this.terminate(Op.Unreachable, [], []);
  }

  /** Completes the function: all blocks must be sealed and terminated. */
  finish(): Func {
    if (this.current !== undefined) throw new Error(`${this.func.name}: the last block has no terminator`);
    if (this.pending.size > 0) throw new Error(`${this.func.name}: a block was not sealed`);
    removeTrivialParams(this.func);
    for (const { block, param, variable } of this.made) {
      if (param.forward !== undefined || variable.debugIndex < 0) continue;
      const note = this.func.newValue(Op.DbgValue, Type.Void, [param]);
      note.off = variable.debugIndex;
      note.block = block;
      block.insts.unshift(note);
    }
    return this.func;
  }
}
