/**
 * Checks the invariants of ir.ts on a function. Passes may assume them; tests and `LICORICE_VERIFY_IR=1` run this after
 * every pass. Any finding is a bug of the compiler, so it throws an ordinary Error that names function and value.
 */
import { dominators } from './cfg.ts';
import type { Block, Func, Value } from './ir.ts';
import { isFloat, isInt, Mem, Op, OpFlag, opInfo, Type } from './types.ts';

export function verify(func: Func): void {
  if (func.nakedBody !== undefined) return;
  const fail = (message: string): never => {
    throw new Error(`IR of @${func.name}: ${message}`);
  };
  const blocks = new Set(func.blocks);
  const position = new Map<Value, number>();
  for (const block of func.blocks) {
    if (block.insts.length === 0) fail(`b${block.id} is empty`);
    block.params.forEach((param) => {
      if (param.op !== Op.Phi || param.block !== block)
        fail(`b${block.id} has a parameter that is not its own`);
      position.set(param, -1);
    });
    block.insts.forEach((inst, index) => {
      if (inst.block !== block) fail(`${opInfo[inst.op]!.name} in b${block.id} thinks it is elsewhere`);
      if (inst.forward !== undefined) fail(`${opInfo[inst.op]!.name} in b${block.id} was replaced`);
      position.set(inst, index);
      if (inst.has(OpFlag.Terminator) !== (index === block.insts.length - 1)) {
        fail(`b${block.id} has its terminator in the wrong place`);
      }
      const problem = typeProblem(func, inst);
      if (problem !== undefined) fail(`${opInfo[inst.op]!.name} in b${block.id}: ${problem}`);
      for (const edge of inst.succs) {
        if (!blocks.has(edge.to)) fail(`b${block.id} leads to b${edge.to.id}, which is not in the function`);
        if (edge.to === func.entry) fail(`b${block.id} leads to the entry block`);
        if (edge.args.length !== edge.to.params.length)
          fail(`b${block.id} to b${edge.to.id}: argument count`);
        edge.args.forEach((arg, i) => {
          if (arg.type !== edge.to.params[i]!.type)
            fail(`b${block.id} to b${edge.to.id}: type of argument ${i}`);
        });
      }
    });
  }
  const tree = dominators(func);
  const checkUse = (use: Value, block: Block, index: number): void => {
    if (use.op === Op.Param) {
      if (func.params[use.off] !== use) fail(`b${block.id} uses a parameter of another function`);
      return;
    }
    const at = position.get(use);
    if (at === undefined) fail(`b${block.id} uses a ${opInfo[use.op]!.name} that is not in the function`);
    const good = use.block === block ? at! < index : tree.dominates(use.block, block);
    if (!good) fail(`${opInfo[use.op]!.name} of b${use.block.id} does not dominate its use in b${block.id}`);
  };
  for (const block of func.blocks) {
    if (!tree.reachable(block)) continue;
    block.insts.forEach((inst, index) => {
      for (const arg of inst.args) checkUse(arg, block, index);
      for (const edge of inst.succs) for (const arg of edge.args) checkUse(arg, block, index);
    });
  }
}

/** What is wrong with the operands' types, or undefined. */
function typeProblem(func: Func, inst: Value): string | undefined {
  const { op, args, type } = inst;
  const info = opInfo[op]!;
  if (info.arity >= 0 && args.length !== info.arity && !(op === Op.CsrRead && args.length === 0)) {
    return `${args.length} operands`;
  }
  const t = (index: number): Type => args[index]!.type;
  if (op >= Op.Shl && op <= Op.ShrU) return t(0) === type && isInt(t(1)) ? undefined : 'operand types';
  if (op === Op.Rotl || op === Op.Rotr) return t(0) === type && isInt(t(1)) ? undefined : 'operand types';
  if (op >= Op.Add && op <= Op.Bswap) {
    return isInt(type) && args.every((arg) => arg.type === type) ? undefined : 'operand types';
  }
  if (op >= Op.Eq && op <= Op.LeU) {
    return type === Type.I32 && isInt(t(0)) && t(0) === t(1) ? undefined : 'operand types';
  }
  if (op >= Op.SExt8 && op <= Op.ZExt16) return isInt(type) && t(0) === type ? undefined : 'operand types';
  switch (op) {
    case Op.SExt32:
    case Op.ZExt32:
      return type === Type.I64 && t(0) === Type.I32 ? undefined : 'takes an i32, gives an i64';
    case Op.Trunc:
      return type === Type.I32 && t(0) === Type.I64 ? undefined : 'takes an i64, gives an i32';
    case Op.FEq:
    case Op.FLt:
    case Op.FLe:
      return type === Type.I32 && isFloat(t(0)) && t(0) === t(1) ? undefined : 'operand types';
    case Op.FFromS:
    case Op.FFromU:
      return isFloat(type) && isInt(t(0)) ? undefined : 'operand types';
    case Op.FToS:
    case Op.FToU:
      return isInt(type) && isFloat(t(0)) ? undefined : 'operand types';
    case Op.Select:
      return isInt(t(0)) && t(1) === type && t(2) === type ? undefined : 'operand types';
    case Op.Load:
    case Op.PLoad:
      if (t(0) !== Type.I64) return 'the address is not an i64';
      return memFits(inst.mem, type) ? undefined : 'memory kind and type disagree';
    case Op.Store:
      if (t(0) !== Type.I64) return 'the address is not an i64';
      return memFits(inst.mem, t(1)) ? undefined : 'memory kind and type disagree';
    case Op.Bounds:
      return isInt(t(0)) && t(0) === t(1) ? undefined : 'operand types';
    case Op.CondBr:
      return isInt(t(0)) && inst.succs.length === 2 ? undefined : 'operand types';
    case Op.Switch:
      return isInt(t(0)) && inst.succs.length === inst.cases!.length + 1 ? undefined : 'cases';
    case Op.Br:
      return inst.succs.length === 1 ? undefined : 'one successor';
    case Op.Ret: {
      const good =
        args.length === func.resultTypes.length && args.every((a, i) => a.type === func.resultTypes[i]);
      return good ? undefined : 'results do not fit the function';
    }
    default:
      if (op >= Op.FAdd && op <= Op.FSqrt) {
        return isFloat(type) && args.every((arg) => arg.type === type) ? undefined : 'operand types';
      }
      return undefined;
  }
}

function memFits(mem: Mem, type: Type): boolean {
  if (mem === Mem.F32) return type === Type.F32;
  if (mem === Mem.F64) return type === Type.F64;
  if (mem === Mem.I64) return type === Type.I64;
  return type === Type.I64 || (type === Type.I32 && mem !== Mem.I32U);
}
