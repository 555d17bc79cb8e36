/**
 * Instruction selection: from the IR to RISC-V instructions over virtual registers. This file has control flow, calls
 * and the operations with effects; arithmetic.ts and memory.ts have the rest.
 */

import type { Block, Edge, Func, Module, Value } from '../ir/ir.ts';
import { FENCE, Op, OpFlag, Order, Type } from '../ir/types.ts';
import { selectArithmetic } from './arithmetic.ts';
import { selectBlockCopy, selectLoad, selectPointerLoad, selectStore } from './memory.ts';
import { M, type MFunc, type MInst } from './mir.ts';
import { registerNumber } from './registers.ts';
import { argumentPlaces, type ConstantPool, constOf, fitsImm, Selector } from './selector.ts';

/** Selects a function. Every edge with arguments must come from a block with one successor. */
export function select(func: Func, module: Module, pool: ConstantPool): MFunc {
  const s = new Selector(func, module, pool);
  for (let i = s.order.length - 1; i >= 0; i--) s.selectBlock(s.order[i]!, (inst) => selectInst(s, inst));
  return s.out;
}

function selectInst(s: Selector, inst: Value): void {
  if (inst.has(OpFlag.Terminator)) {
    selectTerminator(s, inst);
    return;
  }
  if (inst.has(OpFlag.Effect) || inst.isVolatile) {
    selectEffect(s, inst);
    return;
  }
  if (!s.isNeeded(inst)) return;
  if (inst.op === Op.Load) selectLoad(s, inst);
  else if (inst.op === Op.PLoad) selectPointerLoad(s, inst);
  else if (inst.op === Op.PRef) {
    selectTranslation(s, inst, M.PRef, M.PRefFast);
  } else selectArithmetic(s, inst);
}

function selectEffect(s: Selector, inst: Value): void {
  const { op, args } = inst;
  switch (op) {
    case Op.Load:
      s.result(inst);
      selectLoad(s, inst);
      return;
    case Op.Store:
      selectStore(s, inst);
      return;
    case Op.Memcpy:
    case Op.Memmove:
    case Op.Memset:
      selectBlockCopy(s, inst, (name) =>
        emitCall(
          s,
          inst,
          s.module.external(name, true),
          -1,
          [],
          [Type.I64, inst.args[1]!.type, Type.I64],
          args,
        ),
      );
      return;
    case Op.Call:
      emitCall(
        s,
        inst,
        inst.sym,
        -1,
        callResults(s, inst),
        args.map((arg) => arg.type),
        args,
      );
      return;
    case Op.CallInd: {
      const rest = args.slice(1);
      emitCall(
        s,
        inst,
        undefined,
        s.use(args[0]!),
        callResults(s, inst),
        rest.map((arg) => arg.type),
        rest,
      );
      return;
    }
    case Op.Result2:
      s.result(inst);
      return;
    case Op.Asm:
      selectAsm(s, inst);
      return;
    case Op.Bounds:
    case Op.TrapIf:
      selectTrap(s, inst);
      return;
    case Op.PPtr:
      selectTranslation(s, inst, M.PPtr, M.PPtrFast);
      return;
    case Op.DbgValue: {
      const value = args[0]!;
      if (!s.isNeeded(value)) return;
      s.emit(M.Debug, -1, s.result(value), -1, inst.off);
      return;
    }
    case Op.Fence:
      s.emit(M.FENCE, 0, 0, -1, Number(inst.imm));
      return;
    case Op.FenceI:
      s.emit(M.FENCE_I);
      return;
    case Op.CboClean:
    case Op.CboFlush:
    case Op.CboInval:
    case Op.CboZero:
      s.emit((M.CBO_CLEAN + (op - Op.CboClean)) as M, -1, s.use(args[0]!));
      return;
    case Op.PrefetchR:
    case Op.PrefetchW:
      s.emit((M.PREFETCH_R + (op - Op.PrefetchR)) as M, -1, s.use(args[0]!));
      return;
    case Op.CsrRead:
    case Op.CsrWrite:
    case Op.CsrSwap:
    case Op.CsrSet:
    case Op.CsrClear:
      selectCsr(s, inst);
      return;
    default:
      selectAtomic(s, inst);
  }
}

/** A translation of a persistent pointer: whole, or with base and limit computed apart. */
function selectTranslation(s: Selector, inst: Value, whole: M, fast: M): void {
  const [value, place, limit] = inst.args;
  const expanded = limit !== undefined;
  const m = s.emit(expanded ? fast : whole, s.result(inst), s.use(value!), s.use(place!));
  m.sym = inst.sym;
  m.rs3 = expanded ? s.use(limit) : s.newInt();
  m.imm = inst.off;
}

function selectCsr(s: Selector, inst: Value): void {
  const rd = inst.type !== Type.Void && s.isNeeded(inst) ? s.result(inst) : 0;
  if (inst.op === Op.CsrRead) {
    s.emit(M.CSRRS, s.result(inst), 0, -1, inst.off);
    return;
  }
  const base = inst.op === Op.CsrSet ? 1 : inst.op === Op.CsrClear ? 2 : 0;
  const value = constOf(inst.args[0]!);
  if (value !== undefined && value >= 0n && value < 32n) {
    // The 5-bit constant travels in the rs1 field.
    s.emit((M.CSRRWI + base) as M, rd, Number(value), -1, inst.off);
  } else {
    s.emit((M.CSRRW + base) as M, rd, s.use(inst.args[0]!), -1, inst.off);
  }
}

/** aq and rl bits (unprivileged manual, "AMO ordering"). */
function aqrl(order: Order): number {
  return [0, 2, 1, 3, 3][order]!;
}

const amoBase = new Map<Op, M>([
  [Op.AmoSwap, M.AMOSWAP_W],
  [Op.AmoAdd, M.AMOADD_W],
  [Op.AmoAnd, M.AMOAND_W],
  [Op.AmoOr, M.AMOOR_W],
  [Op.AmoXor, M.AMOXOR_W],
  [Op.AmoMinS, M.AMOMIN_W],
  [Op.AmoMaxS, M.AMOMAX_W],
  [Op.AmoMinU, M.AMOMINU_W],
  [Op.AmoMaxU, M.AMOMAXU_W],
]);

/** Atomics; loads and stores with orders are mapped to fences as the manual's table of C11 mappings does. */
function selectAtomic(s: Selector, inst: Value): void {
  const { op, args, order } = inst;
  const wide = inst.mem === 6;
  const address = s.use(args[0]!);
  if (op === Op.AtomicLoad) {
    if (order === Order.SeqCst) s.emit(M.FENCE, 0, 0, -1, (FENCE.RW << 4) | FENCE.RW);
    s.emit(wide ? M.LD : M.LW, s.result(inst), address);
    if (order === Order.Acquire || order >= Order.AcqRel)
      s.emit(M.FENCE, 0, 0, -1, (FENCE.R << 4) | FENCE.RW);
    return;
  }
  if (op === Op.AtomicStore) {
    if (order >= Order.Release) s.emit(M.FENCE, 0, 0, -1, (FENCE.RW << 4) | FENCE.W);
    s.emit(wide ? M.SD : M.SW, -1, address, s.use(args[1]!));
    if (order === Order.SeqCst) s.emit(M.FENCE, 0, 0, -1, (FENCE.RW << 4) | FENCE.RW);
    return;
  }
  if (op === Op.AtomicCas) {
    const m = s.emit(M.Cas, s.result(inst), address, s.use(args[1]!), aqrl(order));
    m.rs3 = s.use(args[2]!);
    m.inner = wide ? M.LR_D : M.LR_W;
    m.list = [s.newInt()];
    return;
  }
  const base = amoBase.get(op)!;
  const rd = s.isNeeded(inst) ? s.result(inst) : 0;
  s.emit((base + (wide ? 1 : 0)) as M, rd, address, s.use(args[1]!), aqrl(order));
}

function selectTrap(s: Selector, inst: Value): void {
  const m = s.emit(M.Trap);
  m.sym = inst.sym;
  m.sym2 = inst.sym2;
  m.imm = inst.off;
  if (inst.op === Op.Bounds) {
    m.rs1 = s.use(inst.args[0]!);
    m.rs2 = s.use(inst.args[1]!);
    m.inner = M.BGEU;
    m.list = [m.rs1, m.rs2];
  } else {
    const [branch, x, y] = condition(s, inst.args[0]!, true);
    m.inner = branch;
    m.rs1 = x;
    m.rs2 = y;
    m.list = [];
  }
}

// Calls.

function callResults(s: Selector, inst: Value): [Type, number][] {
  if (inst.type === Type.Void) return [];
  const results: [Type, number][] = [[inst.type, s.isNeeded(inst) ? s.result(inst) : -1]];
  const insts = inst.block.insts;
  const next = insts[insts.indexOf(inst) + 1];
  if (next?.op === Op.Result2) results.push([next.type, s.result(next)]);
  return results;
}

function emitCall(
  s: Selector,
  inst: Value,
  sym: Value['sym'],
  target: number,
  results: [Type, number][],
  types: Type[],
  args: readonly Value[],
): void {
  const places = argumentPlaces(types);
  const list: number[] = [];
  args.forEach((arg, index) => {
    if (arg.op !== Op.Undef) list.push(places.at[index]!, s.use(arg));
  });
  const call = s.emit(M.Call, -1, target);
  call.sym = sym;
  call.list = list;
  call.defs = [];
  const resultPlaces = argumentPlaces(results.map(([type]) => type));
  results.forEach(([, register], index) => {
    if (register >= 0) call.defs!.push(resultPlaces.at[index]!, register);
  });
  s.out.hasCalls = true;
  s.out.outgoingBytes = Math.max(s.out.outgoingBytes, places.stackWords * 8);
  const insts = inst.block.insts;
  call.isNoReturn = inst.block.term.op === Op.Unreachable && insts[insts.length - 2] === inst;
}

function selectAsm(s: Selector, inst: Value): void {
  const body = inst.asm!;
  const m = s.emit(M.Asm);
  m.asm = body;
  const fixed = (constraint: string): number =>
    constraint === 'r' || constraint === 'f' ? -1 : (registerNumber(constraint) ?? -1);
  m.list = inst.args.flatMap((arg, index) => [fixed(body.inputs[index]!.constraint), s.use(arg)]);
  m.defs = [];
  const results = body.outputs.length > 0 ? [s.result(inst)] : [];
  const insts = inst.block.insts;
  const next = insts[insts.indexOf(inst) + 1];
  if (next?.op === Op.Result2) results.push(s.result(next));
  else if (body.outputs.length > 1) results.push(s.newOf(body.outputTypes[1]!));
  results.forEach((register, index) => {
    m.defs!.push(fixed(body.outputs[index]!.constraint), register);
  });
}

// Control flow.

/** [branch, x, y]: taken when the condition holds (`sense`) or does not. */
export function condition(s: Selector, cond: Value, sense: boolean): [M, number, number] {
  let c = cond;
  let positive = sense;
  // x == 0 of a truth value turns the sense around.
  while (c.op === Op.Eq && constOf(c.args[1]!) === 0n && isCondition(c.args[0]!)) {
    c = c.args[0]!;
    positive = !positive;
  }
  while (c.op === Op.Ne && constOf(c.args[1]!) === 0n && isCondition(c.args[0]!)) c = c.args[0]!;
  const branch = (yes: M, no: M, x: Value, y: Value): [M, number, number] => [
    positive ? yes : no,
    s.use(x),
    s.use(y),
  ];
  const [x, y] = c.args;
  switch (c.op) {
    case Op.Eq:
    case Op.Ne: {
      const equal = (c.op === Op.Eq) === positive;
      return [equal ? M.BEQ : M.BNE, s.use(x!), s.use(y!)];
    }
    case Op.LtS:
      return branch(M.BLT, M.BGE, x!, y!);
    case Op.LtU:
      return branch(M.BLTU, M.BGEU, x!, y!);
    case Op.LeS:
      return branch(M.BGE, M.BLT, y!, x!);
    case Op.LeU:
      return branch(M.BGEU, M.BLTU, y!, x!);
    default:
      return [positive ? M.BNE : M.BEQ, s.use(c), 0];
  }
}

const isCondition = (value: Value): boolean => value.type === Type.I32 && value.has(OpFlag.Compare);

/** Edge copies: the arguments of an edge into the registers of the target's parameters. */
function edgeCopies(s: Selector, edge: Edge): void {
  if (edge.args.length === 0) return;
  const list: number[] = [];
  edge.args.forEach((arg, index) => {
    if (arg.op !== Op.Undef) list.push(s.result(edge.to.params[index]!), s.use(arg));
  });
  if (list.length > 0) s.emit(M.Copies).list = list;
}

function selectTerminator(s: Selector, inst: Value): void {
  const at = (block: Block) => s.mblocks.get(block)!;
  switch (inst.op) {
    case Op.Br: {
      edgeCopies(s, inst.succs[0]!);
      s.emit(M.Jump).target = at(inst.succs[0]!.to);
      return;
    }
    case Op.CondBr: {
      const [inner, x, y] = condition(s, inst.args[0]!, true);
      const m = s.emit(M.Branch, -1, x, y);
      m.inner = inner;
      m.target = at(inst.succs[0]!.to);
      m.otherwise = at(inst.succs[1]!.to);
      m.likely = inst.likely;
      return;
    }
    case Op.Ret: {
      const places = argumentPlaces(inst.args.map((arg) => arg.type));
      const m: MInst = s.emit(M.Ret);
      m.list = inst.args.flatMap((arg, index) =>
        arg.op === Op.Undef ? [] : [places.at[index]!, s.use(arg)],
      );
      return;
    }
    case Op.Switch:
      selectSwitch(s, inst);
      return;
    default:
      s.emit(M.Trapped);
  }
}

const smallest = (values: readonly bigint[]): bigint => {
  let result = values[0]!;
  for (const value of values) if (value < result) result = value;
  return result;
};

/** A jump table: the optimiser has turned all other switches into comparisons (lower-switch.ts). */
function selectSwitch(s: Selector, inst: Value): void {
  const cases = inst.cases!;
  const low = smallest(cases);
  const high = -smallest(cases.map((value) => -value));
  const otherwise = s.mblocks.get(inst.succs[0]!.to)!;
  const targets = new Array<typeof otherwise>(Number(high - low) + 1).fill(otherwise);
  cases.forEach((value, index) => {
    targets[Number(value - low)] = s.mblocks.get(inst.succs[index + 1]!.to)!;
  });
  let index = s.use(inst.args[0]!);
  if (low !== 0n) {
    const shifted = s.newInt();
    if (fitsImm(-low)) s.emit(M.ADDI, shifted, index, -1, Number(-low));
    else s.emit(M.ADD, shifted, index, s.intConstant(-low));
    index = shifted;
  }
  const m = s.emit(M.TableJump, s.newInt(), index, s.intConstant(BigInt(targets.length)));
  m.rs3 = s.newInt();
  m.targets = targets;
  m.otherwise = otherwise;
}
