/**
 * Tidies the control-flow graph: folds decided branches, removes unreachable and empty blocks, joins blocks in a row, and
 * duplicates branches on a parameter into the predecessors that decide it (the shape that `a && b` leaves behind).
 */

import { reversePostorder } from '../ir/cfg.ts';
import {
  type Block,
  computePreds,
  type Edge,
  type Func,
  resolve,
  resolveOperands,
  type Value,
} from '../ir/ir.ts';
import { dropTrivialParams } from '../ir/params.ts';
import { Op, OpFlag } from '../ir/types.ts';
import { constOf, makeJump, newInst } from './edit.ts';

/** Most that is done again because something changed; what is left after that is harmless. */
const MAX_ROUNDS = 8;

export function cleanup(func: Func): void {
  const order = (): void => {
    func.blocks = reversePostorder(func);
    computePreds(func);
  };
  for (let round = 0; round < MAX_ROUNDS; round++) {
    foldBranches(func);
    order();
    if (dropTrivialParams(func)) resolveOperands(func);
    let changed = threadBranches(func);
    if (changed) order();
    if (skipEmpty(func)) {
      changed = true;
      order();
    }
    changed = joinBlocks(func) || changed;
    if (!changed) return;
  }
  order();
}

const sameArgs = (a: Edge, b: Edge): boolean =>
  a.to === b.to && a.args.every((arg, index) => resolve(arg) === resolve(b.args[index]!));

function foldBranches(func: Func): void {
  for (const { term } of func.blocks) {
    if (term.op === Op.CondBr) {
      const c = constOf(term.args[0]);
      if (c !== undefined) makeJump(term, term.succs[c !== 0n ? 0 : 1]!);
      else if (sameArgs(term.succs[0]!, term.succs[1]!)) makeJump(term, term.succs[0]!);
    } else if (term.op === Op.Switch) {
      const c = constOf(term.args[0]);
      if (c !== undefined) {
        const index = term.cases!.indexOf(c);
        makeJump(term, term.succs[index + 1]!);
      } else if (term.succs.every((edge) => sameArgs(edge, term.succs[0]!))) makeJump(term, term.succs[0]!);
    }
  }
}

/** Leads edges past blocks that contain only a jump. */
function skipEmpty(func: Func): boolean {
  let changed = false;
  for (const block of func.blocks) {
    for (const edge of block.succs) {
      const { to } = edge;
      if (to === func.entry || to.insts.length !== 1 || to.params.length > 0) continue;
      const term = to.term;
      if (term.op !== Op.Br || term.succs[0]!.to === to) continue;
      edge.to = term.succs[0]!.to;
      edge.args = [...term.succs[0]!.args];
      changed = true;
    }
  }
  return changed;
}

/** Appends a block to its only predecessor when that has no other successor. */
function joinBlocks(func: Func): boolean {
  let changed = false;
  for (const block of func.blocks) {
    if (block.insts.length === 0) continue;
    for (;;) {
      const term = block.term;
      if (term.op !== Op.Br) break;
      const edge = term.succs[0]!;
      const next = edge.to;
      if (next === block || next === func.entry || next.preds.length !== 1) break;
      next.params.forEach((param, index) => {
        param.forward = resolve(edge.args[index]!);
      });
      block.insts.pop();
      for (const inst of next.insts) {
        inst.block = block;
        block.insts.push(inst);
      }
      if (!next.cold) block.cold = false;
      next.insts = [];
      next.params = [];
      for (const succ of block.succs) succ.to.preds = succ.to.preds.map((p) => (p === next ? block : p));
      changed = true;
    }
  }
  if (changed) {
    func.blocks = func.blocks.filter((block) => block.insts.length > 0);
    resolveOperands(func);
  }
  return changed;
}

/** How a block decides by one of its parameters: `condbr p` or `condbr (p op constant)`. */
interface Decision {
  readonly param: number;
  readonly compare: Value | undefined;
}

function decisionOf(block: Block): Decision | undefined {
  const term = block.term;
  if (term.op !== Op.CondBr) return undefined;
  const insts = block.insts.filter((inst) => inst.op !== Op.DbgValue && inst.op !== Op.Const);
  const condition = term.args[0]!;
  if (insts.length === 1) {
    const param = block.params.indexOf(condition);
    return param < 0 ? undefined : { param, compare: undefined };
  }
  const compare = insts[0]!;
  if (insts.length !== 2 || condition !== compare || !compare.has(OpFlag.Compare)) return undefined;
  if (constOf(compare.args[1]) === undefined) return undefined;
  const param = block.params.indexOf(compare.args[0]!);
  return param < 0 ? undefined : { param, compare };
}

/** Whether the parameters (and the comparison) are used inside the block only. */
function usedOnlyInside(func: Func, blocks: readonly Block[]): Set<Block> {
  const owner = new Map<Value, Block>();
  for (const block of blocks) {
    for (const param of block.params) owner.set(param, block);
    for (const inst of block.insts) if (inst.op !== Op.Const) owner.set(inst, block);
  }
  const good = new Set(blocks);
  for (const block of func.blocks) {
    const see = (value: Value): void => {
      const home = owner.get(value);
      if (home !== undefined && home !== block) good.delete(home);
    };
    for (const inst of block.insts) for (const arg of inst.args) see(arg);
    for (const edge of block.succs) for (const arg of edge.args) see(arg);
  }
  return good;
}

function threadBranches(func: Func): boolean {
  const candidates = func.blocks.filter(
    (block) => block.params.length > 0 && block !== func.entry && decisionOf(block) !== undefined,
  );
  if (candidates.length === 0) return false;
  const good = usedOnlyInside(func, candidates);
  let changed = false;
  for (const block of candidates) {
    if (!good.has(block) || block.succs.some((edge) => edge.to === block)) continue;
    const decision = decisionOf(block);
    if (decision === undefined) continue;
    const constants = new Set(block.insts.filter((inst) => inst.op === Op.Const));
    for (const pred of new Set(block.preds)) {
      const term = pred.term;
      if (pred === block || term.op !== Op.Br) continue;
      const edge = term.succs[0]!;
      if (edge.to !== block) continue;
      const arg = edge.args[decision.param]!;
      // Copying the branch pays where the copy is decided or tests a condition made there.
      if (constOf(arg) === undefined && !(arg.has(OpFlag.Compare) && arg.block === pred)) continue;
      copyDecision(func, block, pred, term, edge, decision, constants);
      changed = true;
    }
  }
  return changed;
}

function copyDecision(
  func: Func,
  block: Block,
  pred: Block,
  term: Value,
  edge: Edge,
  decision: Decision,
  constants: ReadonlySet<Value>,
): void {
  const mapped = new Map<Value, Value>();
  block.params.forEach((param, index) => {
    mapped.set(param, edge.args[index]!);
  });
  pred.insts.pop();
  for (const constant of constants) {
    const copy = newInst(func, pred, Op.Const, constant.type, [], term.loc);
    copy.imm = constant.imm;
    pred.insts.push(copy);
    mapped.set(constant, copy);
  }
  let condition = edge.args[decision.param]!;
  if (decision.compare !== undefined) {
    const args = decision.compare.args.map((arg) => mapped.get(arg) ?? arg);
    const copy = newInst(func, pred, decision.compare.op, decision.compare.type, args, term.loc);
    pred.insts.push(copy);
    mapped.set(decision.compare, copy);
    condition = copy;
  }
  const original = block.term;
  const branch = newInst(func, pred, Op.CondBr, original.type, [condition], original.loc);
  branch.likely = original.likely;
  branch.succs = original.succs.map((succ) => ({
    to: succ.to,
    args: succ.args.map((arg) => mapped.get(arg) ?? arg),
  }));
  pred.insts.push(branch);
}
