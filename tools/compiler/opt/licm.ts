/**
 * Loop-invariant code motion: pure values whose operands come from outside move in front of the loop; so do loads that
 * nothing in the loop can write and that are certain to happen.
 */
import { dominators, findLoops, type Loop } from '../ir/cfg.ts';
import { type Block, computePreds, type Func, Global, type Value } from '../ir/ir.ts';
import { Op, OpFlag, opFlags, Type } from '../ir/types.ts';
import { newInst } from './edit.ts';
import { AliasInfo, accessOf } from './memory.ts';

/** Gives every loop a block that is the only way in: its header's single predecessor from outside. */
export function addPreheaders(func: Func): void {
  const tree = dominators(func);
  const loops = findLoops(func, tree);
  let changed = false;
  for (const loop of loops) {
    const outside = [...new Set(loop.header.preds.filter((pred) => !loop.blocks.has(pred)))];
    if (outside.length === 1 && outside[0]!.succs.length === 1) continue;
    changed = true;
    const preheader = func.newBlock();
    preheader.cold = loop.header.cold;
    preheader.params = loop.header.params.map((param) => {
      const copy = func.newValue(Op.Phi, param.type, []);
      copy.block = preheader;
      return copy;
    });
    const jump = newInst(func, preheader, Op.Br, Type.Void, [], loop.header.term.loc);
    jump.succs = [{ to: loop.header, args: [...preheader.params] }];
    preheader.insts.push(jump);
    for (const pred of outside) {
      for (const edge of pred.succs) if (edge.to === loop.header) edge.to = preheader;
    }
    func.blocks.push(preheader);
    computePreds(func);
  }
  if (changed) computePreds(func);
}

/** The preheader of a loop, after `addPreheaders`. */
export function preheaderOf(loop: Loop): Block | undefined {
  const outside = loop.header.preds.filter((pred) => !loop.blocks.has(pred));
  return outside.length === 1 && outside[0]!.succs.length === 1 ? outside[0] : undefined;
}

export function hoistInvariants(func: Func): void {
  addPreheaders(func);
  const tree = dominators(func);
  const loops = findLoops(func, tree);
  if (loops.length === 0) return;
  const aliases = new AliasInfo(func);
  // Inner loops first, so that what leaves one can leave the next.
  for (const loop of loops.reverse()) {
    const preheader = preheaderOf(loop);
    if (preheader === undefined) continue;
    const blocks = tree.order.filter((block) => loop.blocks.has(block));
    const writers: Value[] = [];
    for (const block of blocks) {
      for (const inst of block.insts) if ((opFlags[inst.op]! & OpFlag.Writes) !== 0) writers.push(inst);
    }
    const exits = blocks.filter((block) => block.succs.some((edge) => !loop.blocks.has(edge.to)));
    const latches = loop.header.preds.filter((pred) => loop.blocks.has(pred));
    for (const block of blocks) {
      if (block.cold && !preheader.cold) continue;
      const always = [...exits, ...latches].every((end) => tree.dominates(block, end));
      let mayStop = false;
      const kept: Value[] = [];
      for (const inst of block.insts) {
        const invariant = inst.args.every((arg) => arg.op === Op.Param || !loop.blocks.has(arg.block));
        if (invariant && canHoist(inst, writers, aliases, always && !mayStop)) {
          inst.block = preheader;
          preheader.insts.splice(preheader.insts.length - 1, 0, inst);
          continue;
        }
        // After a call, nothing is certain to happen.
        if (inst.op === Op.Call || inst.op === Op.CallInd || inst.op === Op.Asm) mayStop = true;
        kept.push(inst);
      }
      block.insts = kept;
    }
  }
}

function canHoist(inst: Value, writers: readonly Value[], aliases: AliasInfo, certain: boolean): boolean {
  if ((opFlags[inst.op]! & OpFlag.Pure) !== 0) return inst.op !== Op.PRef;
  if ((inst.op !== Op.Load && inst.op !== Op.PLoad) || inst.isVolatile) return false;
  const access = accessOf(inst);
  // A fixed place of an object of ours can be read at any time (but not translated); an element by its index only where the program does.
  const { base } = access;
  const fixed =
    !access.isOpen && (base.op === Op.SlotAddr || (base.op === Op.SymAddr && base.sym instanceof Global));
  if (!certain && (!fixed || inst.op === Op.PLoad)) return false;
  return writers.every((writer) => !aliases.clobbers(writer, access));
}
