/**
 * Brings a function into the form that selection takes: no unreachable blocks, no selects, switches only where a jump table
 * pays, and edges with arguments only from blocks with one successor.
 */

import { reversePostorder } from '../ir/cfg.ts';
import { type Block, computePreds, type Edge, type Func, type Slot, type Value } from '../ir/ir.ts';
import { wrapInt } from '../ir/numbers.ts';
import { Op, Type } from '../ir/types.ts';

export function legalise(func: Func): void {
  func.blocks = reversePostorder(func);
  dropUnusedSlots(func);
  lowerSelects(func);
  lowerSwitches(func);
  splitEdges(func);
  computePreds(func);
}

/** Slots that no instruction mentions take no room in the frame. */
function dropUnusedSlots(func: Func): void {
  const used = new Set<Slot>();
  for (const block of func.blocks) {
    for (const inst of block.insts) if (inst.slot !== undefined) used.add(inst.slot);
  }
  func.slots = func.slots.filter((slot) => used.has(slot));
  func.slots.forEach((slot, index) => {
    slot.id = index;
  });
}

function append(func: Func, block: Block, op: Op, type: Type, args: Value[], loc: number): Value {
  const value = func.newValue(op, type, args);
  value.block = block;
  value.loc = loc;
  block.insts.push(value);
  return value;
}

function jump(func: Func, block: Block, to: Block, args: Value[], loc: number): void {
  append(func, block, Op.Br, Type.Void, [], loc).succs = [{ to, args }];
}

/** Moves what follows position `at` into a new block. */
function splitBlock(func: Func, block: Block, at: number): Block {
  const rest = func.newBlock();
  rest.cold = block.cold;
  rest.insts = block.insts.splice(at);
  for (const inst of rest.insts) inst.block = rest;
  return rest;
}

/** Selects become branches around a copy; neighbours with one condition share the branch. */
function lowerSelects(func: Func): void {
  const blocks: Block[] = [];
  for (const start of func.blocks) {
    let block: Block | undefined = start;
    while (block !== undefined) {
      blocks.push(block);
      const first = block.insts.findIndex((inst) => inst.op === Op.Select);
      if (first < 0) break;
      const current: Block = block;
      const condition = current.insts[first]!.args[0]!;
      let end = first + 1;
      while (current.insts[end]!.op === Op.Select && current.insts[end]!.args[0] === condition) end++;
      const selects = current.insts.slice(first, end);
      // A select that reads another one of the group cannot share its branch.
      const chained = selects.findIndex((inst, i) =>
        inst.args.some((arg) => selects.indexOf(arg) >= 0 && i > 0),
      );
      if (chained > 0) selects.length = chained;
      const join = splitBlock(func, current, first + selects.length);
      current.insts.length = first;
      const other = func.newBlock();
      other.cold = current.cold;
      const loc = selects[0]!.loc;
      jump(
        func,
        other,
        join,
        selects.map((inst) => inst.args[2]!),
        loc,
      );
      const branch = append(func, current, Op.CondBr, Type.Void, [condition], loc);
      branch.succs = [
        { to: join, args: selects.map((inst) => inst.args[1]!) },
        { to: other, args: [] },
      ];
      for (const inst of selects) {
        inst.op = Op.Phi;
        inst.args = [];
        inst.block = join;
        join.params.push(inst);
      }
      blocks.push(other);
      block = join;
    }
  }
  func.blocks = blocks;
}

/** Fewest cases, and least density (cases per entry), for a jump table. */
const TABLE_CASES = 5;
const TABLE_DENSITY = 0.35;

interface Case {
  readonly value: bigint;
  readonly edge: Edge;
}

function lowerSwitches(func: Func): void {
  for (const block of [...func.blocks]) {
    const term = block.term;
    if (term.op !== Op.Switch) continue;
    const value = term.args[0]!;
    const cases = term.cases!.map((constant, index) => ({ value: constant, edge: term.succs[index + 1]! }));
    cases.sort((a, b) => (a.value < b.value ? -1 : a.value > b.value ? 1 : 0));
    block.insts.pop();
    lowerCases(func, block, value, cases, term.succs[0]!, term.loc);
  }
}

function lowerCases(
  func: Func,
  block: Block,
  value: Value,
  cases: readonly Case[],
  otherwise: Edge,
  loc: number,
): void {
  const copy = (edge: Edge): Edge => ({ to: edge.to, args: [...edge.args] });
  if (cases.length === 0) {
    jump(func, block, otherwise.to, [...otherwise.args], loc);
    return;
  }
  const span = cases[cases.length - 1]!.value - cases[0]!.value + 1n;
  if (cases.length >= TABLE_CASES && Number(span) * TABLE_DENSITY <= cases.length) {
    const wide = value.type === Type.I64 ? value : append(func, block, Op.SExt32, Type.I64, [value], loc);
    const table = append(func, block, Op.Switch, Type.Void, [wide], loc);
    table.cases = cases.map((c) => c.value);
    table.succs = [copy(otherwise), ...cases.map((c) => copy(c.edge))];
    return;
  }
  const compare = (op: Op, constant: bigint, then: Edge, other: Edge, at: Block): void => {
    const right = append(func, at, Op.Const, value.type, [], loc);
    right.imm = wrapInt(value.type, constant);
    const condition = append(func, at, op, Type.I32, [value, right], loc);
    append(func, at, Op.CondBr, Type.Void, [condition], loc).succs = [then, other];
  };
  if (cases.length <= 3) {
    let at = block;
    cases.forEach((c, index) => {
      const last = index === cases.length - 1;
      const next = last ? undefined : func.newBlock();
      compare(
        Op.Eq,
        c.value,
        copy(c.edge),
        next === undefined ? copy(otherwise) : { to: next, args: [] },
        at,
      );
      if (next === undefined) return;
      next.cold = block.cold;
      func.blocks.push(next);
      at = next;
    });
    return;
  }
  const middle = cases.length >> 1;
  const [low, high] = [func.newBlock(), func.newBlock()];
  low.cold = block.cold;
  high.cold = block.cold;
  func.blocks.push(low, high);
  compare(Op.LtS, cases[middle]!.value, { to: low, args: [] }, { to: high, args: [] }, block);
  lowerCases(func, low, value, cases.slice(0, middle), otherwise, loc);
  lowerCases(func, high, value, cases.slice(middle), otherwise, loc);
}

function splitEdges(func: Func): void {
  const added: Block[] = [];
  for (const block of func.blocks) {
    const { succs } = block;
    if (succs.length < 2) continue;
    for (const edge of succs) {
      if (edge.args.length === 0) continue;
      const middle = func.newBlock();
      middle.cold = block.cold || edge.to.cold;
      jump(func, middle, edge.to, edge.args, block.term.loc);
      edge.to = middle;
      edge.args = [];
      added.push(middle);
    }
  }
  func.blocks.push(...added);
}
