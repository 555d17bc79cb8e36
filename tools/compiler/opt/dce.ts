/** Removes values that nothing with an effect depends on, block parameters included. */
import { computePreds, type Func, type Value } from '../ir/ir.ts';
import { Op, OpFlag } from '../ir/types.ts';

export function eliminateDeadCode(func: Func): void {
  computePreds(func);
  const live = new Uint8Array(func.valueCount);
  const work: Value[] = [];
  const mark = (value: Value): void => {
    if (live[value.id] !== 0) return;
    live[value.id] = 1;
    work.push(value);
  };
  for (const block of func.blocks) {
    for (const inst of block.insts) {
      if (inst.op !== Op.DbgValue && (inst.has(OpFlag.Effect) || inst.isVolatile)) mark(inst);
    }
  }
  for (let value = work.pop(); value !== undefined; value = work.pop()) {
    for (const arg of value.args) mark(arg);
    if (value.op !== Op.Phi) continue;
    const index = value.block.params.indexOf(value);
    for (const pred of value.block.preds) {
      for (const edge of pred.succs) if (edge.to === value.block) mark(edge.args[index]!);
    }
  }
  for (const block of func.blocks) {
    if (block.params.some((param) => live[param.id] === 0)) {
      const keep = block.params.map((param) => live[param.id] !== 0);
      block.params = block.params.filter((_, index) => keep[index]);
      for (const pred of new Set(block.preds)) {
        for (const edge of pred.succs) {
          if (edge.to === block) edge.args = edge.args.filter((_, index) => keep[index]);
        }
      }
    }
    block.insts = block.insts.filter((inst) =>
      inst.op === Op.DbgValue ? live[inst.args[0]!.id] !== 0 : live[inst.id] !== 0,
    );
  }
}
