/** Small edits of the IR that several passes make. */

import type { Block, Edge, Func, Value } from '../ir/ir.ts';
import { wrapInt } from '../ir/numbers.ts';
import { Op, type Type } from '../ir/types.ts';

/** A new instruction that is not yet in a block's list. */
export function newInst(func: Func, block: Block, op: Op, type: Type, args: Value[], loc = 0): Value {
  const value = func.newValue(op, type, args);
  value.block = block;
  value.loc = loc;
  return value;
}

/** Puts an instruction in front of the block's terminator. */
export function appendBeforeTerm(block: Block, inst: Value): Value {
  inst.block = block;
  block.insts.splice(block.insts.length - 1, 0, inst);
  return inst;
}

/** A constant at the start of the entry block, where every use is dominated. */
export function entryConst(func: Func, type: Type, imm: bigint): Value {
  const value = newInst(func, func.entry, Op.Const, type, []);
  value.imm = wrapInt(type, imm);
  func.entry.insts.unshift(value);
  return value;
}

/** Replaces the terminator by an unconditional jump along `edge`. */
export function makeJump(term: Value, edge: Edge): void {
  term.op = Op.Br;
  term.args = [];
  term.succs = [edge];
  term.cases = undefined;
  term.likely = 0;
}

/** Copies the fields of an instruction that are not operands. */
export function copyFields(to: Value, from: Value): void {
  to.imm = from.imm;
  to.off = from.off;
  to.mem = from.mem;
  to.align = from.align;
  to.isVolatile = from.isVolatile;
  to.alias = from.alias;
  to.order = from.order;
  to.sym = from.sym;
  to.sym2 = from.sym2;
  to.slot = from.slot;
  to.asm = from.asm;
  to.cases = from.cases;
  to.likely = from.likely;
  to.loc = from.loc;
}

/** The constant operand's value, or undefined. */
export const constOf = (value: Value | undefined): bigint | undefined =>
  value?.op === Op.Const ? value.imm : undefined;

/** The base of an address and the constant that is added to it. */
export function splitAddress(address: Value, offset: number): { base: Value; offset: number } {
  let base = address;
  let total = offset;
  for (;;) {
    if (base.op === Op.Add) {
      const c = constOf(base.args[1]);
      if (c === undefined || c < -0x4000_0000n || c > 0x4000_0000n) break;
      total += Number(c);
      base = base.args[0]!;
    } else break;
  }
  return { base, offset: total };
}

/** Changes `v` into another operation in place. */
export function become(v: Value, op: Op, args: Value[]): Value {
  v.op = op;
  v.args = args;
  return v;
}

/** One step: a replacement, `v` itself when it was changed in place, or undefined when there is nothing to do. */
