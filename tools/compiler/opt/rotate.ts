/**
 * Loop rotation: a loop that tests at its top gets a copy of the test in front and tests at its end. An iteration then
 * has one branch, and what the loop's body surely does can move in front of the loop.
 */

import { dominators, findLoops, type Loop } from '../ir/cfg.ts';
import { type Block, computePreds, type Func, type Value } from '../ir/ir.ts';
import { removeTrivialParams } from '../ir/params.ts';
import { Op, OpFlag, opFlags, Type } from '../ir/types.ts';
import { copyFields, newInst } from './edit.ts';
import { addPreheaders, preheaderOf } from './licm.ts';
import { SsaRepair } from './ssa-repair.ts';

/** Most instructions of a test that is copied. */
const MAX_TEST = 10;

export function rotateLoops(func: Func): void {
  addPreheaders(func);
  for (let rotated = true, rounds = 0; rotated && rounds < 8; rounds++) {
    rotated = false;
    const tree = dominators(func);
    func.blocks = [...tree.order];
    // Outer loops last: rotating one changes the shape of the loops around it only a little, but its own entirely.
    for (const loop of findLoops(func, tree).reverse()) {
      if (!isCandidate(loop)) continue;
      rotate(func, loop);
      rotated = true;
      break;
    }
  }
}

function isCandidate(loop: Loop): boolean {
  const { header } = loop;
  const term = header.term;
  if (term.op !== Op.CondBr || preheaderOf(loop) === undefined) return false;
  const inside = term.succs.filter((edge) => loop.blocks.has(edge.to));
  // A loop of one block, or one that tests at the end, is as it should be.
  if (inside.length !== 1 || inside[0]!.to === header) return false;
  const latches = header.preds.filter((pred) => loop.blocks.has(pred));
  if (latches.every((latch) => latch.term.op === Op.CondBr)) return false;
  const insts = header.insts.filter((inst) => inst.op !== Op.DbgValue && inst.op !== Op.Const);
  if (insts.length > MAX_TEST) return false;
  return header.insts.every((inst) => {
    if (inst === term) return true;
    if (inst.op === Op.Bounds || inst.op === Op.DbgValue) return true;
    const flags = opFlags[inst.op]!;
    return (flags & OpFlag.Pure) !== 0 || (inst.op === Op.Load && !inst.isVolatile);
  });
}

function rotate(func: Func, loop: Loop): void {
  const { header } = loop;
  const preheader = preheaderOf(loop)!;
  const entryArgs = preheader.term.succs[0]!.args;
  const mapped = new Map<Value, Value>();
  header.params.forEach((param, index) => {
    mapped.set(param, entryArgs[index]!);
  });
  const copyOf = (value: Value): Value => mapped.get(value) ?? value;
  preheader.insts.pop();
  for (const inst of header.insts) {
    if (inst.op === Op.DbgValue) continue;
    const copy = newInst(func, preheader, inst.op, inst.type, inst.args.map(copyOf), inst.loc);
    copyFields(copy, inst);
    copy.succs = inst.succs.map((edge) => ({ to: edge.to, args: edge.args.map(copyOf) }));
    preheader.insts.push(copy);
    if (inst.type !== Type.Void) mapped.set(inst, copy);
  }
  computePreds(func);
  repair(func, header, preheader, mapped);
  removeTrivialParams(func);
}

/** Values of the header now have two definitions: uses elsewhere get whichever reaches them. */
function repair(func: Func, header: Block, preheader: Block, mapped: ReadonlyMap<Value, Value>): void {
  const repairs = new Map<Value, SsaRepair>();
  for (const [value, copy] of mapped) {
    // A leaf is the same everywhere; it only has to dominate its uses.
    const one = new SsaRepair(func, value.type);
    one.defs[header.id] = value;
    one.defs[preheader.id] = copy;
    repairs.set(value, one);
  }
  for (const block of func.blocks) {
    if (block === header || block === preheader) continue;
    // Collected first: reading makes parameters, and so arguments of edges.
    for (const inst of block.insts) {
      for (let i = 0; i < inst.args.length; i++) {
        const one = repairs.get(inst.args[i]!);
        if (one !== undefined) inst.args[i] = one.readAtStart(block);
      }
      for (const edge of inst.succs) {
        for (let i = 0; i < edge.args.length; i++) {
          const one = repairs.get(edge.args[i]!);
          if (one !== undefined) edge.args[i] = one.readAtEnd(block);
        }
      }
    }
  }
}
