/**
 * Global value numbering over the dominator tree, with simplification on the way: a pure value that was computed on
 * every path to a place is not computed again, and below a branch its condition is known. Constants and addresses of
 * symbols and slots move to the entry block (selection decides where they are made).
 */

import { dominators } from '../ir/cfg.ts';
import { type Block, type Func, resolve, resolveOperands, type Value } from '../ir/ir.ts';
import { wrapInt } from '../ir/numbers.ts';
import { Op, OpFlag, opFlags, Type } from '../ir/types.ts';
import { newInst } from './edit.ts';
import { type Maker, simplify } from './simplify.ts';

export function numberValues(func: Func): void {
  new Numbering(func).run();
}

const isCommutative = (v: Value): boolean => (opFlags[v.op]! & OpFlag.Commutative) !== 0;

function hashOf(v: Value): number {
  let h = v.op * 31 + v.type;
  if (isCommutative(v)) h = (h * 33 + v.args[0]!.id + v.args[1]!.id) | 0;
  else for (const arg of v.args) h = (h * 33 + arg.id) | 0;
  h = (h * 33 + v.off) | 0;
  if (v.imm !== 0n) h = (h * 33 + Number(BigInt.asIntN(32, v.imm))) | 0;
  if (v.slot !== undefined) h = (h * 33 + v.slot.id) | 0;
  return h;
}

function same(a: Value, b: Value): boolean {
  if (a.op !== b.op || a.type !== b.type || a.off !== b.off || a.imm !== b.imm) return false;
  if (a.sym !== b.sym || a.slot !== b.slot || a.args.length !== b.args.length) return false;
  if (isCommutative(a) && a.args[0] === b.args[1] && a.args[1] === b.args[0]) return true;
  for (let i = 0; i < a.args.length; i++) if (a.args[i] !== b.args[i]) return false;
  return true;
}

const isLeaf = (op: Op): boolean =>
  op === Op.Const || op === Op.SymAddr || op === Op.SlotAddr || op === Op.Undef;

class Numbering implements Maker {
  private readonly table = new Map<number, Value[]>();
  private readonly undo: number[] = [];
  /** Conditions whose value is known in the current subtree. */
  private readonly known = new Map<Value, Value>();
  private readonly leaves: Value[] = [];
  private readonly leafTable = new Map<number, Value[]>();
  private out: Value[] = [];
  private block!: Block;
  private loc = 0;

  constructor(private readonly func: Func) {}

  run(): void {
    const tree = dominators(this.func);
    this.func.blocks = [...tree.order];
    // Constants that exist keep one representative each.
    interface Frame {
      readonly block: Block;
      next: number;
      readonly undoTo: number;
      readonly known: [Value, Value | undefined][];
    }
    const enter = (block: Block): Frame => {
      const frame: Frame = { block, next: 0, undoTo: this.undo.length, known: [] };
      this.learn(block, frame.known);
      this.processBlock(block);
      return frame;
    };
    const stack: Frame[] = [enter(this.func.entry)];
    while (stack.length > 0) {
      const frame = stack[stack.length - 1]!;
      const children = tree.children[frame.block.order]!;
      if (frame.next < children.length) {
        stack.push(enter(children[frame.next++]!));
        continue;
      }
      stack.pop();
      while (this.undo.length > frame.undoTo) this.table.get(this.undo.pop()!)!.pop();
      for (const [value, before] of frame.known.reverse()) {
        if (before === undefined) this.known.delete(value);
        else this.known.set(value, before);
      }
    }
    for (const leaf of this.leaves) leaf.block = this.func.entry;
    this.func.entry.insts.unshift(...this.leaves);
    resolveOperands(this.func);
  }

  /** What the branch that leads here says. */
  private learn(block: Block, changes: [Value, Value | undefined][]): void {
    if (block.preds.length !== 1) return;
    const term = block.preds[0]!.term;
    if (term.op !== Op.CondBr || term.succs[0]!.to === term.succs[1]!.to) return;
    const holds = term.succs[0]!.to === block;
    const condition = resolve(term.args[0]!);
    const note = (value: Value, constant: Value): void => {
      changes.push([value, this.known.get(value)]);
      this.known.set(value, constant);
    };
    const truth = condition.type === Type.I32 && (opFlags[condition.op]! & OpFlag.Compare) !== 0;
    if (!holds || truth) note(condition, this.constant(condition.type, holds ? 1n : 0n));
    const equal = holds ? condition.op === Op.Eq : condition.op === Op.Ne;
    if (equal && condition.args[1]!.op === Op.Const && condition.args[0]!.op !== Op.Const) {
      note(condition.args[0]!, condition.args[1]!);
    }
  }

  private operand(value: Value): Value {
    const v = value.forward === undefined ? value : resolve(value);
    if (isLeaf(v.op)) return this.leaf(v);
    if (this.known.size === 0) return v;
    return this.known.get(v) ?? v;
  }

  private processBlock(block: Block): void {
    this.block = block;
    this.out = [];
    for (const inst of block.insts) {
      if (isLeaf(inst.op)) {
        this.leaf(inst);
        continue;
      }
      this.loc = inst.loc;
      const { args } = inst;
      if (inst.op !== Op.DbgValue) {
        for (let i = 0; i < args.length; i++) args[i] = this.operand(args[i]!);
      } else args[0] = resolve(args[0]!);
      const result = simplify(inst, this);
      if (result !== inst) {
        inst.forward = isLeaf(result.op) ? this.leaf(result) : result;
        continue;
      }
      this.finishInst(inst);
    }
    for (const edge of block.succs) {
      for (let i = 0; i < edge.args.length; i++) edge.args[i] = this.operand(edge.args[i]!);
    }
    block.insts = this.out;
  }

  /** Looks a simplified value up, or adds it to the block. */
  private finishInst(inst: Value): Value {
    if ((opFlags[inst.op]! & OpFlag.Pure) === 0) {
      this.out.push(inst);
      return inst;
    }
    const hash = hashOf(inst);
    const bucket = this.table.get(hash);
    if (bucket !== undefined) {
      for (const candidate of bucket) {
        if (!same(candidate, inst)) continue;
        inst.forward = candidate;
        return candidate;
      }
      bucket.push(inst);
    } else this.table.set(hash, [inst]);
    this.undo.push(hash);
    this.out.push(inst);
    return inst;
  }

  /** The one value of the function for a constant or address. */
  private leaf(v: Value): Value {
    const hash = hashOf(v);
    const bucket = this.leafTable.get(hash);
    if (bucket !== undefined) {
      for (const candidate of bucket) {
        if (candidate === v) return v;
        if (v.op !== Op.Undef && same(candidate, v)) {
          v.forward = candidate;
          return candidate;
        }
      }
      bucket.push(v);
    } else this.leafTable.set(hash, [v]);
    this.leaves.push(v);
    return v;
  }

  // Maker.

  constant(type: Type, value: bigint): Value {
    const v = newInst(this.func, this.func.entry, Op.Const, type, []);
    v.imm = type === Type.F32 || type === Type.F64 ? value : wrapInt(type, value);
    return this.leaf(v);
  }

  make(op: Op, type: Type, args: Value[]): Value {
    const inst = newInst(this.func, this.block, op, type, args, this.loc);
    // The caller may still set fields of an address.
    if (isLeaf(op)) return inst;
    const result = simplify(inst, this);
    if (result !== inst) return isLeaf(result.op) ? this.leaf(result) : result;
    return this.finishInst(inst);
  }
}
