/**
 * Inlining, callees first: small functions and functions with one caller are copied into their callers. A function that is
 * local and has no use left is dropped.
 */
import { type Block, External, Func, type Module, type Slot, type Sym, type Value } from '../ir/ir.ts';
import { Op, Type } from '../ir/types.ts';
import { copyFields, newInst } from './edit.ts';

/** Largest callee, in instructions, that is inlined anywhere; and where it has a single caller. */
const SMALL = 28;
const SINGLE = 220;
/** A function that grew to this size takes only tiny callees. */
const CALLER_LIMIT = 2500;

export function sizeOf(func: Func): number {
  let size = 0;
  for (const block of func.blocks) {
    for (const inst of block.insts) {
      if (inst.op !== Op.DbgValue && inst.op !== Op.Const && inst.op !== Op.SlotAddr) size++;
    }
  }
  return size;
}

/** Functions so that callees stand before their callers, as far as there is no recursion. */
export function bottomUp(module: Module): Func[] {
  const byName = funcsByName(module);
  const state = new Map<Func, boolean>();
  const order: Func[] = [];
  const visit = (root: Func): void => {
    const stack: [Func, Func[]][] = [[root, calleesOf(root, byName)]];
    state.set(root, false);
    while (stack.length > 0) {
      const [func, rest] = stack[stack.length - 1]!;
      const next = rest.pop();
      if (next === undefined) {
        state.set(func, true);
        order.push(func);
        stack.pop();
      } else if (!state.has(next)) {
        state.set(next, false);
        stack.push([next, calleesOf(next, byName)]);
      }
    }
  };
  for (const func of module.funcs) if (!state.has(func)) visit(func);
  return order;
}

export function funcsByName(module: Module): Map<string, Func> {
  return new Map(module.funcs.map((func) => [func.name, func]));
}

/** The function that a call calls, when this module has it. */
export function calleeOf(call: Value, byName: ReadonlyMap<string, Func>): Func | undefined {
  if (call.op !== Op.Call) return undefined;
  if (call.sym instanceof Func) return call.sym;
  return call.sym instanceof External ? byName.get(call.sym.name) : undefined;
}

function calleesOf(func: Func, byName: ReadonlyMap<string, Func>): Func[] {
  const result = new Set<Func>();
  for (const block of func.blocks) {
    for (const inst of block.insts) {
      const callee = calleeOf(inst, byName);
      if (callee !== undefined) result.add(callee);
    }
  }
  return [...result].reverse();
}

/** How often each symbol is mentioned: calls, and everything else. */
export function countUses(module: Module): Map<Sym, { calls: number; others: number }> {
  const uses = new Map<Sym, { calls: number; others: number }>();
  const byName = funcsByName(module);
  const note = (sym: Sym | undefined, isCall: boolean): void => {
    if (sym === undefined) return;
    const real = sym instanceof External ? (byName.get(sym.name) ?? sym) : sym;
    let entry = uses.get(real);
    if (entry === undefined) {
      entry = { calls: 0, others: 0 };
      uses.set(real, entry);
    }
    if (isCall) entry.calls++;
    else entry.others++;
  };
  for (const func of module.funcs) {
    for (const block of func.blocks) {
      for (const inst of block.insts) {
        note(inst.sym, inst.op === Op.Call);
        note(inst.sym2, false);
      }
    }
  }
  for (const global of module.globals) for (const reloc of global.relocs) note(reloc.sym, false);
  return uses;
}

/** Inlines into one function whatever pays. True when something changed. */
export function inlineCalls(
  module: Module,
  caller: Func,
  byName: ReadonlyMap<string, Func>,
  uses: ReadonlyMap<Sym, { calls: number; others: number }>,
): boolean {
  let changed = false;
  let size = sizeOf(caller);
  // Blocks appended by inlining are not looked at again: their calls were considered in the callee.
  for (const block of [...caller.blocks]) {
    for (let at = block; ; ) {
      const index = at.insts.findIndex((inst) => {
        const callee = calleeOf(inst, byName);
        return callee !== undefined && callee !== caller && pays(callee, at, size, uses);
      });
      if (index < 0) break;
      const callee = calleeOf(at.insts[index]!, byName)!;
      at = inlineAt(module, caller, at, index, callee);
      size += sizeOf(callee);
      changed = true;
    }
  }
  return changed;
}

function pays(
  callee: Func,
  block: Block,
  callerSize: number,
  uses: ReadonlyMap<Sym, { calls: number; others: number }>,
): boolean {
  if (callee.nakedBody !== undefined || callee.inline === 'never' || callee.blocks.length === 0) return false;
  if (callsItself(callee)) return false;
  if (callee.inline === 'always') return true;
  if (callee.isNoReturn || callee.isCold || block.cold) return false;
  const size = sizeOf(callee);
  const use = uses.get(callee);
  const single = callee.linkage === 'local' && use !== undefined && use.calls === 1 && use.others === 0;
  if (callerSize > CALLER_LIMIT) return size <= 8;
  return size <= SMALL || (single && size <= SINGLE);
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
