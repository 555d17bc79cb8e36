/**
 * Loads of persistent pointers on machines with Xtwzp (docs/xtwz.md §10): a load and the translation of what it gave become
 * one instruction, `PLoad`, whose slow path is out of line.
 *
 * The result of a PLoad is 0 exactly when the stored pointer is null, so tests for null may look at either. The
 * translation may be made earlier than the program asks for it only where it would be made in any case: in the block of
 * the load, or behind a test that the pointer is not null.
 */
import type { Block, Func, Value } from '../ir/ir.ts';
import { resolveOperands } from '../ir/ir.ts';
import { Mem, Op } from '../ir/types.ts';
import { constOf } from './edit.ts';

export function fusePointerLoads(func: Func): void {
  const references: Value[] = [];
  for (const block of func.blocks) {
    for (const inst of block.insts) {
      if (inst.op === Op.PRef && inst.args.length === 2 && isPlainLoad(inst.args[0]!)) references.push(inst);
    }
  }
  if (references.length === 0) return;
  const byLoad = new Map<Value, Value[]>();
  for (const reference of references) {
    const load = reference.args[0]!;
    const list = byLoad.get(load);
    if (list === undefined) byLoad.set(load, [reference]);
    else list.push(reference);
  }
  const others = otherUses(func, byLoad);
  const gone = new Set<Value>();
  for (const [load, list] of byLoad) {
    const sym = list[0]!.sym;
    if (others.has(load) || list.some((reference) => reference.sym !== sym)) continue;
    if (!list.some((reference) => isCertain(reference, load))) continue;
    load.op = Op.PLoad;
    load.sym = sym;
    for (const reference of list) {
      reference.forward = load;
      gone.add(reference);
    }
  }
  if (gone.size === 0) return;
  for (const block of func.blocks) block.insts = block.insts.filter((inst) => !gone.has(inst));
  resolveOperands(func);
}

const isPlainLoad = (value: Value): boolean =>
  value.op === Op.Load && value.mem === Mem.I64 && !value.isVolatile;

/** Loads whose value is wanted as it is stored, by more than tests for null. */
function otherUses(func: Func, loads: ReadonlyMap<Value, Value[]>): Set<Value> {
  const found = new Set<Value>();
  for (const block of func.blocks) {
    for (const inst of block.insts) {
      for (const arg of inst.args) {
        if (loads.has(arg) && !(inst.op === Op.PRef && inst.args[0] === arg) && !testsNull(inst, arg))
          found.add(arg);
      }
      for (const { args } of inst.succs) for (const arg of args) if (loads.has(arg)) found.add(arg);
    }
  }
  return found;
}

function testsNull(inst: Value, value: Value): boolean {
  if (inst.op === Op.CondBr) return true;
  return (inst.op === Op.Eq || inst.op === Op.Ne) && inst.args[0] === value && constOf(inst.args[1]) === 0n;
}

/** Whether the translation is made whenever the load is and gives no null. */
function isCertain(reference: Value, load: Value): boolean {
  const { block } = reference;
  return block === load.block || (block.preds.length === 1 && isBehindTest(block, load));
}

/** Whether the only way into the block is the edge of `load`'s block on which the pointer is not null. */
function isBehindTest(block: Block, load: Value): boolean {
  const pred = block.preds[0]!;
  const { term } = pred;
  if (pred !== load.block || term.op !== Op.CondBr) return false;
  const [condition] = term.args as [Value];
  const edge = term.succs[0]!.to === block ? 0 : 1;
  if (condition === load) return edge === 0;
  if (!testsNull(condition, load)) return false;
  return edge === (condition.op === Op.Ne ? 0 : 1);
}
