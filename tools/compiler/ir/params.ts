/** Block parameters that always have one value: what building SSA leaves behind, and what passes make when they remove edges. */
import { type Block, type Func, resolve, resolveOperands, type Value } from './ir.ts';

/** Forwards a parameter all of whose arguments are one value (or itself) to that value. */
export function simplifyParam(block: Block, param: Value, index: number): Value {
  let same: Value | undefined;
  for (const pred of block.preds) {
    for (const edge of pred.succs) {
      if (edge.to !== block) continue;
      const arg = edge.args[index];
      if (arg === undefined) return param;
      const value = resolve(arg);
      if (value === param || value === same) continue;
      if (same !== undefined) return param;
      same = value;
    }
  }
  if (same === undefined) return param;
  param.forward = same;
  return same;
}

/** Removes block parameters that always have one value; whether there were any. Their uses are to be resolved. Needs `preds`. */
export function dropTrivialParams(func: Func): boolean {
  let any = false;
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of func.blocks) {
      block.params.forEach((param, index) => {
        if (param.forward !== undefined) any = true;
        else if (simplifyParam(block, param, index) !== param) changed = true;
      });
    }
    any ||= changed;
  }
  if (!any) return false;
  for (const block of func.blocks) {
    if (!block.params.some((param) => param.forward !== undefined)) continue;
    const keep = block.params.map((param) => param.forward === undefined);
    block.params = block.params.filter((_, index) => keep[index]);
    for (const pred of new Set(block.preds)) {
      for (const edge of pred.succs) {
        if (edge.to === block) edge.args = edge.args.filter((_, index) => keep[index]);
      }
    }
  }
  return true;
}

/** Removes block parameters that always have one value, and resolves all uses of what was replaced. Needs `preds`. */
export function removeTrivialParams(func: Func): void {
  dropTrivialParams(func);
  resolveOperands(func);
}
