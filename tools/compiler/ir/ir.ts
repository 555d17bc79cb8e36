/**
 * The intermediate representation: a module of functions and globals, functions of blocks, blocks of values in SSA
 * form. Blocks have parameters instead of phi instructions; an edge carries one argument for each parameter of the
 * block it leads to.
 *
 * Invariants (checked by verify.ts): every block ends with exactly one terminator; a value's definition dominates its
 * uses; `Phi` values stand in `block.params` only, in order; types of operands fit the operation.
 */

import type { DebugType, DebugVar, InlinedCall, SourceLoc } from './debug.ts';
import type { TrapFrame } from './trap-frame.ts';
import { type Mem, Op, type OpFlag, Order, opFlags, type Type } from './types.ts';

export type Linkage = 'local' | 'global' | 'weak';

/** Something with an address and a name: a function, a global, or one that is defined elsewhere. */
export abstract class Sym {
  linkage: Linkage = 'local';
  /** Section to be placed in; undefined for the usual one. */
  section: string | undefined;
  /** Bytes, a power of two. */
  align = 1;

  constructor(readonly name: string) {}
}

/** A symbol defined in another object file. */
export class External extends Sym {
  constructor(
    name: string,
    readonly isFunction: boolean,
  ) {
    super(name);
    this.linkage = 'global';
  }
}

/** An 8-byte word of a global's data that holds the address of `sym` plus `addend`. */
export interface DataReloc {
  readonly offset: number;
  readonly sym: Sym;
  readonly addend: number;
}

/** A variable or constant of static storage. */
export class Global extends Sym {
  /** Initial bytes; undefined means zeros. */
  data: Uint8Array | undefined;
  relocs: DataReloc[] = [];
  /** Never written: placed in read-only memory, and loads from it may be folded. */
  isConst = false;
  debugType: DebugType | undefined;
  /** Index into `Module.locs`. */
  loc = 0;

  constructor(
    name: string,
    readonly size: number,
    align: number,
    /** Has no name of its own but the number behind this; each object file gives it one anew. */
    readonly numberedAs?: string,
  ) {
    super(name);
    this.align = align;
  }

  /** A constant without a name of its own, of these bytes. */
  static numbered(prefix: string, number: number, data: Uint8Array, align: number): Global {
    const global = new Global(`${prefix}${number}`, data.length, align, prefix);
    global.data = data;
    global.isConst = true;
    return global;
  }
}

/** An area of the function's frame. */
export class Slot {
  /** Variable of the function (index into `vars`) that lives here, or -1. */
  variable = -1;

  constructor(
    /** Position in `Func.slots`. */
    public id: number,
    readonly size: number,
    readonly align: number,
  ) {}
}

/** Where an edge leads, and the values for the target's parameters. */
export interface Edge {
  to: Block;
  args: Value[];
}

/** An operand of inline assembly. */
export interface AsmOperand {
  /** `r` any integer register, `f` any floating-point register, or the name of a register (`a0`). */
  readonly constraint: string;
}

/**
 * Inline assembly in GCC's manner: in the template, `%0`, `%1`, … are the outputs, then the inputs; `%%` is a percent
 * sign; lines end in newlines or semicolons. At most two outputs; the second is read with Result2.
 */
export interface AsmBody {
  readonly template: string;
  readonly outputs: readonly AsmOperand[];
  /** Types of the outputs. */
  readonly outputTypes: readonly Type[];
  readonly inputs: readonly AsmOperand[];
  /** Registers by name that the text changes besides its outputs. */
  readonly clobbers: readonly string[];
}

/** A value, or an instruction without one. One class for all operations, so that every access is monomorphic. */
export class Value {
  args: Value[];
  /** Integer constant (signed canonical), float bit pattern, or the sets of a fence. */
  imm: bigint = 0n;
  /** Byte offset, parameter number, CSR number, variable number: see `Op`. */
  off = 0;
  mem: Mem = 0;
  /** Known alignment of a block copy, bytes. */
  align = 1;
  /** Loads and stores: not to be removed, duplicated or reordered with other volatile accesses. */
  isVolatile = false;
  /**
   * Type-based alias class of a load or store; 0 may alias everything. Accesses of two different non-zero classes
   * touch different memory.
   */
  alias = 0;
  order: Order = Order.Relaxed;
  sym: Sym | undefined;
  sym2: Sym | undefined;
  slot: Slot | undefined;
  asm: AsmBody | undefined;
  /** Terminators only. */
  succs: Edge[] = NO_EDGES;
  cases: bigint[] | undefined;
  likely = 0;
  /** Index into `Module.locs`; 0 is unknown. */
  loc = 0;
  /** Replaced by this value; users are updated by `resolve`. */
  forward: Value | undefined;
  /** Scratch for passes. */
  mark = 0;
  block!: Block;

  constructor(
    readonly id: number,
    public op: Op,
    public type: Type,
    args: Value[],
  ) {
    this.args = args;
  }

  has(flag: OpFlag): boolean {
    return (opFlags[this.op]! & flag) !== 0;
  }
}

const NO_EDGES: Edge[] = [];

/** The value that stands for `value` after replacements; shortens the chain on the way. */
export function resolve(value: Value): Value {
  if (value.forward === undefined) return value;
  let end = value.forward;
  while (end.forward !== undefined) end = end.forward;
  for (let v = value; v !== end; ) {
    const next: Value = v.forward!;
    v.forward = end;
    v = next;
  }
  return end;
}

export class Block {
  /** Values of op Phi. */
  params: Value[] = [];
  /** Instructions, the terminator last. */
  insts: Value[] = [];
  /** One entry per incoming edge; valid after `computePreds`. */
  preds: Block[] = [];
  /** Position in reverse postorder, or -1 if unreachable; set by the passes that need it. */
  order = -1;
  /** Innermost loop depth, set by the loop analysis. */
  depth = 0;
  /** Expected to run rarely: placed out of the way. */
  cold = false;

  constructor(readonly id: number) {}

  get term(): Value {
    return this.insts[this.insts.length - 1]!;
  }

  /** The outgoing edges, or none when the block is unfinished. */
  get succs(): Edge[] {
    const last = this.insts[this.insts.length - 1];
    return last === undefined ? NO_EDGES : last.succs;
  }
}

export class Func extends Sym {
  blocks: Block[] = [];
  slots: Slot[] = [];
  /** Values of op Param, one per parameter. */
  params: Value[] = [];
  /** Body of a naked function: assembly text and nothing else. */
  nakedBody: string | undefined;
  isNoReturn = false;
  /** Of a naked function that handles traps. */
  trapFrame: TrapFrame | undefined;
  /** `always`: inlined at every call; `never`: at none. */
  inline: 'auto' | 'always' | 'never' = 'auto';
  isCold = false;
  /** One place at most calls it, in any program. */
  isSingle = false;
  /** Set once the function is ready to be inlined. */
  measured: { readonly size: number; readonly callsItself: boolean } | undefined;
  debugVars: DebugVar[] = [];
  debugResult: DebugType | undefined;
  /** Index into `Module.locs` of the declaration. */
  loc = 0;
  /** Name as written in the source, for debuggers; `name` is the symbol. */
  sourceName: string | undefined;
  private nextValue = 0;
  private nextBlock = 0;

  constructor(
    name: string,
    readonly paramTypes: readonly Type[],
    /** None, one or two. Two is a structure returned in two registers. */
    readonly resultTypes: readonly Type[],
  ) {
    super(name);
    paramTypes.forEach((type, index) => {
      const param = this.newValue(Op.Param, type, []);
      param.off = index;
      this.params.push(param);
    });
  }

  get entry(): Block {
    return this.blocks[0]!;
  }

  get valueCount(): number {
    return this.nextValue;
  }

  get blockCount(): number {
    return this.nextBlock;
  }

  newValue(op: Op, type: Type, args: Value[]): Value {
    return new Value(this.nextValue++, op, type, args);
  }

  /** A block that is not yet in `blocks`. */
  newBlock(): Block {
    return new Block(this.nextBlock++);
  }

  newSlot(size: number, align: number): Slot {
    const slot = new Slot(this.slots.length, size, align);
    this.slots.push(slot);
    return slot;
  }
}

/** Columns from here on are taken for one. */
const MAX_COLUMN = 4096;
/** More positions than any module has; the square is a safe integer. */
const MAX_LOCS = 2 ** 26;

/** What one compilation produces. */
export class Module {
  funcs: Func[] = [];
  globals: Global[] = [];
  externals = new Map<string, External>();
  /** Paths of source files, as the debugger should show them. */
  files: string[] = [];
  /** Interned positions; entry 0 means unknown. */
  locs: SourceLoc[] = [{ file: 0, line: 0, column: 0 }];
  /** Folder that the paths of `files` are relative to. */
  directory = '/';
  /** By file, then by line and column. */
  private readonly locIndex: Map<number, number>[] = [];
  /** By callee, then by call and position in the callee. */
  private readonly inlinedIndex = new Map<InlinedCall['callee'], Map<number, number>>();

  addFunc(func: Func): Func {
    this.funcs.push(func);
    return func;
  }

  addGlobal(global: Global): Global {
    this.globals.push(global);
    return global;
  }

  /** The symbol of a function or variable that another object defines. */
  external(name: string, isFunction: boolean): External {
    let sym = this.externals.get(name);
    if (sym === undefined) {
      sym = new External(name, isFunction);
      this.externals.set(name, sym);
    }
    return sym;
  }

  /** Index of a position, to be stored in `Value.loc`. */
  loc(file: number, line: number, column: number): number {
    const known = (this.locIndex[file] ??= new Map());
    const key = line * MAX_COLUMN + Math.min(column, MAX_COLUMN - 1);
    let index = known.get(key);
    if (index === undefined) {
      index = this.locs.length;
      this.locs.push({ file, line, column });
      known.set(key, index);
    }
    return index;
  }

  /** Index of a position in a function that has been inlined by the call at `at`. */
  inlinedLoc(loc: number, callee: InlinedCall['callee'], at: number): number {
    if (loc === 0) return 0;
    let known = this.inlinedIndex.get(callee);
    if (known === undefined) this.inlinedIndex.set(callee, (known = new Map()));
    const key = at * MAX_LOCS + loc;
    const before = known.get(key);
    if (before !== undefined) return before;
    const { file, line, column, inlined } = this.locs[loc]!;
    const call = inlined
      ? { callee: inlined.callee, at: this.inlinedLoc(inlined.at, callee, at) }
      : { callee, at };
    const index = this.locs.push({ file, line, column, inlined: call }) - 1;
    known.set(key, index);
    return index;
  }
}

/** Fills `preds` of all blocks; an edge that occurs twice is listed twice. */
export function computePreds(func: Func): void {
  for (const block of func.blocks) block.preds = [];
  for (const block of func.blocks) {
    for (const edge of block.succs) edge.to.preds.push(block);
  }
}

/** Replaces every operand by what it was forwarded to. */
export function resolveOperands(func: Func): void {
  const resolveAll = (args: Value[]): void => {
    for (let i = 0; i < args.length; i++) if (args[i]!.forward !== undefined) args[i] = resolve(args[i]!);
  };
  for (const { insts, succs } of func.blocks) {
    for (const { args } of insts) resolveAll(args);
    for (const { args } of succs) resolveAll(args);
  }
}
