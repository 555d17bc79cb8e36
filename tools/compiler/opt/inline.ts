/**
 * Inlining, callees first: small functions and functions with one caller are copied into their callers. A function that is
 * local and has no use left is dropped.
 */
import { type Block, Func, type Module, type Slot, type Value } from '../ir/ir.ts';
import { Op, Type } from '../ir/types.ts';
import { copyFields, newInst } from './edit.ts';

/** Largest callee, in instructions, that is inlined anywhere; and where it has a single caller. */
const SMALL = 28;
const SINGLE = 220;
/** A function that grew to this size takes only tiny callees. */
const CALLER_LIMIT = 2500;

function sizeOf(func: Func): number {
  let size = 0;
  for (const block of func.blocks) {
    for (const { op } of block.insts) {
      if (op !== Op.DbgValue && op !== Op.Const && op !== Op.SlotAddr) size++;
    }
  }
  return size;
}

/** The function that a call calls, when this module has it. */
export const calleeOf = (inst: Value): Func | undefined =>
  inst.op === Op.Call && inst.sym instanceof Func ? inst.sym : undefined;

/** Inlines into one function whatever pays. */
export function inlineCalls(module: Module, caller: Func): void {
  let size = sizeOf(caller);
  // Blocks appended by inlining are not looked at again: their calls were considered in the callee.
  for (const block of [...caller.blocks]) {
    for (let at = block; ; ) {
      const index = at.insts.findIndex((inst) => {
        const callee = calleeOf(inst);
        return callee !== undefined && callee !== caller && pays(callee, at, size);
      });
      if (index < 0) break;
      const callee = calleeOf(at.insts[index]!)!;
      at = inlineAt(module, caller, at, index, callee);
      size += callee.measured?.size ?? sizeOf(callee);
    }
  }
}

/** Notes what inlining asks of a function at each of its calls; it must not change any more while others take it in. */
export function measure(func: Func): void {
  func.measured = { size: sizeOf(func), callsItself: callsItself(func) };
}

function pays(callee: Func, block: Block, callerSize: number): boolean {
  if (callee.nakedBody !== undefined || callee.inline === 'never' || callee.blocks.length === 0) return false;
  if (callee.measured?.callsItself ?? callsItself(callee)) return false;
  if (callee.inline === 'always') return true;
  if (callee.isNoReturn || callee.isCold || block.cold) return false;
  const size = callee.measured?.size ?? sizeOf(callee);
  if (callerSize > CALLER_LIMIT) return size <= 8;
  return size <= SMALL || (callee.isSingle && size <= SINGLE);
}

const callsItself = (func: Func): boolean =>
  func.blocks.some((block) =>
    block.insts.some((inst) => inst.op === Op.Call && inst.sym?.name === func.name),
  );

/** Replaces the call at `index` of `block` by the callee's body; the block that continues after it. */
function inlineAt(module: Module, caller: Func, block: Block, index: number, callee: Func): Block {
  const call = block.insts[index]!;
  const rest = caller.newBlock();
  rest.cold = block.cold;
  rest.insts = block.insts.splice(index);
  rest.insts.shift();
  for (const inst of rest.insts) inst.block = rest;
  const second = rest.insts[0]?.op === Op.Result2 ? rest.insts.shift() : undefined;

  const slots = new Map<Slot, Slot>();
  for (const slot of callee.slots) slots.set(slot, caller.newSlot(slot.size, slot.align));
  const values = new Map<Value, Value>();
  callee.params.forEach((param, i) => {
    values.set(param, call.args[i]!);
  });
  const blocks = new Map<Block, Block>();
  for (const old of callee.blocks) {
    const copy = caller.newBlock();
    copy.cold = old.cold || block.cold;
    blocks.set(old, copy);
    for (const param of old.params) {
      const p = caller.newValue(Op.Phi, param.type, []);
      p.block = copy;
      copy.params.push(p);
      values.set(param, p);
    }
    for (const inst of old.insts) {
      if (inst.op !== Op.DbgValue) values.set(inst, newInst(caller, copy, inst.op, inst.type, []));
    }
  }
  // Results arrive as parameters of the continuation.
  const results: Value[] = [];
  const becomeParam = (value: Value | undefined, type: Type): void => {
    const param = value ?? caller.newValue(Op.Phi, type, []);
    param.op = Op.Phi;
    param.args = [];
    param.sym = undefined;
    param.block = rest;
    results.push(param);
  };
  if (callee.resultTypes.length > 0)
    becomeParam(call.type === Type.Void ? undefined : call, callee.resultTypes[0]!);
  if (callee.resultTypes.length > 1) becomeParam(second, callee.resultTypes[1]!);
  rest.params = results;

  for (const old of callee.blocks) {
    const copy = blocks.get(old)!;
    for (const inst of old.insts) {
      if (inst.op === Op.DbgValue) continue;
      const made = values.get(inst)!;
      if (inst.op === Op.Ret) {
        made.op = Op.Br;
        made.succs = [{ to: rest, args: inst.args.map((arg) => values.get(arg)!) }];
      } else {
        made.args = inst.args.map((arg) => values.get(arg)!);
        made.succs = inst.succs.map((edge) => ({
          to: blocks.get(edge.to)!,
          args: edge.args.map((arg) => values.get(arg)!),
        }));
        copyFields(made, inst);
        if (inst.slot !== undefined) made.slot = slots.get(inst.slot);
      }
      made.loc = call.loc === 0 ? inst.loc : module.inlinedLoc(inst.loc, callee, call.loc);
      copy.insts.push(made);
    }
  }
  const jump = newInst(caller, block, Op.Br, Type.Void, [], call.loc);
  jump.succs = [{ to: blocks.get(callee.entry)!, args: [] }];
  block.insts.push(jump);
  caller.blocks.push(...blocks.values(), rest);
  return rest;
}
