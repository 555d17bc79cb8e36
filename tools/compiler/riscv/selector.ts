/**
 * State of instruction selection for one function. Blocks are selected last to first and each block's instructions
 * last to first: an operation is emitted only when somebody asked for its register, so what was folded into all its users
 * disappears by itself.
 *
 * Representation of values in registers: an i32 is held sign-extended to 64 bits (also when it is unsigned), an f32
 * NaN-boxed. Hence sign extension from i32 to i64 is free, and W instructions accept an i64 where an i32 is meant.
 */
import { dominators, findLoops, type Loop } from '../ir/cfg.ts';
import { type Block, type Func, Global, type Module, type Sym, type Value } from '../ir/ir.ts';
import { Op, opInfo, Type } from '../ir/types.ts';
import { constantCost } from './constants.ts';
import { becomesCall } from './memory.ts';
import { M, MBlock, MFunc, MInst, RegClass } from './mir.ts';

export const fitsImm = (value: bigint): boolean => value >= -2048n && value <= 2047n;

/** The constant operand's value, or undefined. */
export const constOf = (value: Value): bigint | undefined => (value.op === Op.Const ? value.imm : undefined);

/** Constants too long to build in a register, shared by the functions of a module. */
export class ConstantPool {
  private readonly globals = new Map<string, Global>();

  get(bits: bigint, size: 4 | 8): Global {
    const key = `${size}:${bits}`;
    let global = this.globals.get(key);
    if (global === undefined) {
      const data = new Uint8Array(size);
      const view = new DataView(data.buffer);
      if (size === 4) view.setUint32(0, Number(BigInt.asUintN(32, bits)), true);
      else view.setBigUint64(0, BigInt.asUintN(64, bits), true);
      global = Global.numbered('.LC', this.globals.size, data, size);
      this.globals.set(key, global);
    }
    return global;
  }
}

/** Constants and addresses asked for in a block and not yet emitted, by key. */
type Pending = Map<string, { readonly register: number; readonly make: (register: number) => void }>;

export class Selector {
  readonly out: MFunc;
  readonly mblocks = new Map<Block, MBlock>();
  /** Uses of each value in the IR, by id. */
  readonly uses: Int32Array;
  private readonly registers: Int32Array;
  /** Instructions of the current IR operation, in order. */
  private sequence: MInst[] = [];
  /** Instructions of the current block, last first. */
  private reversed: MInst[] = [];
  private loc = 0;
  block!: Block;
  private readonly pending = new Map<Block, Pending>();
  private readonly loopOf = new Map<Block, Loop>();
  private readonly loopHasCall = new Map<Loop, boolean>();
  readonly order: readonly Block[];
  private readonly parentOf: (block: Block) => Block | undefined;

  constructor(
    readonly func: Func,
    readonly module: Module,
    readonly pool: ConstantPool,
  ) {
    const tree = dominators(func);
    this.order = tree.order;
    this.parentOf = (block) => tree.parent(block);
    this.out = new MFunc(func.name, func.slots);
    this.registers = new Int32Array(func.valueCount).fill(-1);
    this.uses = new Int32Array(func.valueCount);
    for (const loop of findLoops(func, tree)) {
      let calls = false;
      for (const block of loop.blocks) {
        this.loopOf.set(block, loop);
        if (!block.cold) calls ||= block.insts.some(becomesCall);
      }
      this.loopHasCall.set(loop, calls);
    }
    for (const block of this.order) {
      const mblock = new MBlock(block.id);
      mblock.cold = block.cold;
      mblock.frequency = 10 ** Math.min(block.depth, 6) * (block.cold ? 0.001 : 1);
      this.mblocks.set(block, mblock);
      this.out.blocks.push(mblock);
      for (const { op, args } of block.insts)
        if (op !== Op.DbgValue) for (const arg of args) this.uses[arg.id]!++;
      for (const { args } of block.succs) for (const arg of args) this.uses[arg.id]!++;
    }
    for (const block of this.order) {
      for (const edge of block.succs) this.mblocks.get(block)!.succs.push(this.mblocks.get(edge.to)!);
    }
  }

  // Registers.

  newInt(): number {
    return this.out.newRegister(RegClass.Int);
  }

  newOf(type: Type): number {
    return this.out.newRegister(
      type === Type.F32 ? RegClass.F32 : type === Type.F64 ? RegClass.F64 : RegClass.Int,
    );
  }

  /** Whether somebody has asked for the value. */
  isNeeded(value: Value): boolean {
    return this.registers[value.id]! >= 0;
  }

  /** The register of a value that is being defined. */
  result(value: Value): number {
    let register = this.registers[value.id]!;
    if (register < 0) {
      register = this.newOf(value.type);
      this.registers[value.id] = register;
    }
    return register;
  }

  /** The register that holds an operand; asking makes its definition be emitted. */
  use(value: Value): number {
    switch (value.op) {
      case Op.Const:
        return this.constant(value);
      case Op.SymAddr:
        return this.symAddress(value.sym!, value.off);
      case Op.SlotAddr:
        return this.placed(`$${value.slot!.id}+${value.off}`, RegClass.Int, (rd) => {
          const inst = this.emit(M.SlotAddr, rd);
          inst.slot = value.slot;
          inst.imm = value.off;
        });
      case Op.SExt32:
        // The representation is the same.
        return this.use(value.args[0]!);
      case Op.ZExt32:
        if (isNonNegative(value.args[0]!)) return this.use(value.args[0]!);
        return this.result(value);
      case Op.Undef:
        return value.type === Type.F32 || value.type === Type.F64 ? this.result(value) : 0;
      default:
        return this.result(value);
    }
  }

  /** An operand of which only the low 32 bits matter. */
  useLow32(value: Value): number {
    let v = value;
    while (v.op === Op.Trunc || v.op === Op.ZExt32 || v.op === Op.SExt32) v = v.args[0]!;
    return this.use(v);
  }

  private constant(value: Value): number {
    if (value.type === Type.F32 || value.type === Type.F64) return this.floatConstant(value);
    return this.intConstant(value.imm);
  }

  /** A register with an integer constant. */
  intConstant(bits: bigint): number {
    if (bits === 0n) return 0;
    return this.placed(`i${bits}`, RegClass.Int, (rd) => {
      if (constantCost(bits) > 3) {
        this.symAccess(M.LD, rd, this.pool.get(bits, 8), 0);
      } else {
        this.emit(M.Li, rd).big = bits;
      }
    });
  }

  private floatConstant(value: Value): number {
    const single = value.type === Type.F32;
    const kind = single ? RegClass.F32 : RegClass.F64;
    return this.placed(`${single ? 's' : 'd'}${value.imm}`, kind, (rd) => {
      const bits = single ? BigInt.asIntN(32, value.imm) : BigInt.asIntN(64, value.imm);
      if (constantCost(bits) > 1) {
        const global = this.pool.get(value.imm, single ? 4 : 8);
        this.symAccess(single ? M.FLW : M.FLD, rd, global, 0, this.newInt());
        return;
      }
      let from = 0;
      if (bits !== 0n) {
        from = this.newInt();
        this.emit(M.Li, from).big = bits;
      }
      this.emit(single ? M.FMV_W_X : M.FMV_D_X, rd, from);
    });
  }

  symAddress(sym: Sym, offset: number): number {
    return this.placed(`@${sym.name}+${offset}`, RegClass.Int, (rd) => {
      const inst = this.emit(M.La, rd);
      inst.sym = sym;
      inst.imm = offset;
    });
  }

  /** A load or store at a symbol; `temp` holds the upper part of the address (a load to an integer needs none). */
  symAccess(op: M, data: number, sym: Sym, offset: number, temp = data): void {
    const inst = this.emit(M.SymAccess);
    inst.inner = op;
    inst.sym = sym;
    inst.imm = offset;
    inst.rs1 = -1;
    const store = op >= M.SB && op <= M.FSD;
    if (store) inst.rs2 = data;
    else inst.rd = data;
    // The temporary is written and read inside: allocation sees it as a second result.
    if (store || temp !== data) inst.defs = [-1, temp];
  }

  /**
   * A register made once for all uses that can share it: in the block itself, or outside of the loops around it
   * that make no calls.
   */
  private placed(key: string, kind: RegClass, make: (register: number) => void): number {
    const home = this.placeFor(this.block);
    let pending = this.pending.get(home);
    if (pending === undefined) {
      pending = new Map();
      this.pending.set(home, pending);
    }
    let entry = pending.get(key);
    if (entry === undefined) {
      entry = { register: this.out.newRegister(kind), make };
      pending.set(key, entry);
    }
    return entry.register;
  }

  private placeFor(block: Block): Block {
    let at = block;
    for (let loop = this.loopOf.get(at); loop !== undefined; loop = this.loopOf.get(at)) {
      if (this.loopHasCall.get(loop) || block.cold) break;
      let outside: Block | undefined = loop.header;
      while (outside !== undefined && loop.blocks.has(outside)) outside = this.parentOf(outside);
      if (outside === undefined) break;
      at = outside;
    }
    return at;
  }

  /** Emits what was asked for after this point of the current block. */
  flushPending(): void {
    // Making a constant may ask for others.
    for (;;) {
      const pending = this.pending.get(this.block);
      if (pending === undefined || pending.size === 0) return;
      this.pending.delete(this.block);
      for (const { register, make } of pending.values()) {
        make(register);
        this.commit();
      }
    }
  }

  // Emission.

  emit(op: M, rd = -1, rs1 = -1, rs2 = -1, imm = 0): MInst {
    const inst = new MInst(op, this.loc);
    inst.rd = rd;
    inst.rs1 = rs1;
    inst.rs2 = rs2;
    inst.imm = imm;
    this.sequence.push(inst);
    return inst;
  }

  /** Takes back the last instructions of the current operation. */
  dropLast(count: number): void {
    this.sequence.length -= count;
  }

  /** Moves the instructions of the current operation in front of what the block has so far. */
  private commit(): void {
    for (let i = this.sequence.length - 1; i >= 0; i--) this.reversed.push(this.sequence[i]!);
    this.sequence.length = 0;
  }

  /** Selects a block: `select` is called for each operation that is needed, last to first. */
  selectBlock(block: Block, select: (inst: Value) => void): void {
    this.block = block;
    this.reversed = [];
    const { insts } = block;
    for (let i = insts.length - 1; i >= 0; i--) {
      const inst = insts[i]!;
      this.loc = inst.loc;
      if (becomesCall(inst)) this.flushPending();
      select(inst);
      this.commit();
    }
    this.flushPending();
    if (block === this.func.entry) {
      this.entry();
      this.commit();
    }
    this.mblocks.get(block)!.insts = this.reversed.reverse();
  }

  /** Takes the parameters that are used from where the caller put them. */
  private entry(): void {
    const list: number[] = [];
    this.loc = this.func.loc;
    const places = argumentPlaces(this.func.paramTypes);
    this.func.params.forEach((param, index) => {
      if (this.isNeeded(param)) list.push(places.at[index]!, this.result(param));
    });
    this.emit(M.Entry).list = list;
  }
}

/** Whether an i32 value is known to have its sign bit clear. */
export function isNonNegative(value: Value): boolean {
  switch (value.op) {
    case Op.Const:
      return value.imm >= 0n;
    case Op.ZExt8:
    case Op.ZExt16:
    case Op.Clz:
    case Op.Ctz:
    case Op.Popcnt:
      return true;
    case Op.Load:
      return value.mem === 1 || value.mem === 3;
    case Op.And:
      return value.args.some((arg) => arg.op === Op.Const && arg.imm >= 0n);
    case Op.ShrU: {
      const amount = constOf(value.args[1]!);
      return amount !== undefined && (amount & 31n) !== 0n;
    }
    default:
      return (opInfo[value.op]!.flags & 64) !== 0;
  }
}

/**
 * Where arguments of these types travel: register numbers, or ~n for stack word n (8 bytes each) of the caller's
 * outgoing area.
 */
export function argumentPlaces(types: readonly Type[]): { at: number[]; stackWords: number } {
  let ints = 0;
  let floats = 0;
  let stackWords = 0;
  const at = types.map((type) => {
    if ((type === Type.F32 || type === Type.F64) && floats < 8) return 32 + 10 + floats++;
    if (ints < 8) return 10 + ints++;
    return ~stackWords++;
  });
  return { at, stackWords };
}
