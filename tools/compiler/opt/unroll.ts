/**
 * Loop unrolling: a small loop of one block whose number of rounds is a constant gets several rounds in its body, so that a round
 * shares the steps of its pointers and the branch with others. What remains of each test in the middle is dead. Runs
 * after strength reduction, which leaves such loops with stepped pointers and one comparison.
 */
import { type Block, computePreds, type Edge, type Func, type Value } from '../ir/ir.ts';
import { bitsOf, Op } from '../ir/types.ts';
import { constOf, copyFields, makeJump, newInst } from './edit.ts';

/** Most rounds in one body, and most instructions of a body after unrolling. */
const MAX_ROUNDS = 4;
const MAX_SIZE = 32;
/** A loop of at most this many rounds disappears entirely, if the size allows. */
const MAX_WHOLE = 8;

export function unrollLoops(func: Func): void {
  for (const block of [...func.blocks]) {
    const loop = loopOf(block);
    if (loop === undefined) continue;
    const rounds = roundsOf(loop);
    if (rounds === undefined) continue;
    const size = sizeOf(block);
    const copies = factor(rounds, size);
    if (copies > 1) unroll(func, loop, copies, BigInt(copies) === rounds);
  }
  computePreds(func);
}

/** A loop of one block, entered from one place. */
interface Loop {
  readonly block: Block;
  /** The edges back and out. */
  readonly back: Edge;
  readonly exit: Edge;
  /** Arguments on the way in. */
  readonly entry: readonly Value[];
  /** The condition under which it goes on. */
  readonly goesOn: { readonly op: Op; readonly x: Value; readonly y: Value };
}

function loopOf(block: Block): Loop | undefined {
  const { term } = block;
  if (term.op !== Op.CondBr || block.preds.length !== 2) return undefined;
  const at = term.succs.findIndex((edge) => edge.to === block);
  const [back, exit] = [term.succs[at], term.succs[1 - at]];
  if (back === undefined || exit === undefined || exit.to === block) return undefined;
  const outside = block.preds.find((pred) => pred !== block);
  const entry = outside?.succs.filter((edge) => edge.to === block);
  if (entry?.length !== 1) return undefined;
  const condition = term.args[0]!;
  const [x, y] = condition.args;
  if (x === undefined || y === undefined || (y.block === block && y.op !== Op.Const)) return undefined;
  const op = at === 0 ? condition.op : OPPOSITE.get(condition.op);
  if (op !== Op.Ne && op !== Op.LtU && op !== Op.LtS) return undefined;
  return { block, back, exit, entry: entry[0]!.args, goesOn: { op, x, y } };
}

const OPPOSITE = new Map([[Op.Eq, Op.Ne]]);

/** How often the body runs, if that is a constant. */
function roundsOf({ block, back, entry, goesOn: { op, x, y } }: Loop): bigint | undefined {
  const index = back.args.indexOf(x);
  const step = x.op === Op.Add && x.args[0] === block.params[index] ? constOf(x.args[1]) : undefined;
  if (index < 0 || step === undefined || step === 0n) return undefined;
  const distance = difference(y, entry[index]!);
  if (distance === undefined) return undefined;
  // Counting down ends at `!==` only.
  const [far, by] = step < 0n ? [-distance, -step] : [distance, step];
  if (far <= 0n || (op !== Op.Ne && step < 0n)) return undefined;
  if (op === Op.Ne && far % by !== 0n) return undefined;
  if (op !== Op.Ne && !isOrdered(op, entry[index]!, y)) return undefined;
  return (far + by - 1n) / by;
}

/** a − b, if it is a constant: of two constants, or of two places around one address. */
function difference(a: Value, b: Value): bigint | undefined {
  const [x, y] = [place(a), place(b)];
  if (x.base !== y.base && !sameObject(x.base, y.base)) return undefined;
  return x.offset - y.offset;
}

function place(value: Value): { base: Value | undefined; offset: bigint } {
  let base = value;
  let offset = 0n;
  for (;;) {
    const c = base.op === Op.Add ? constOf(base.args[1]) : undefined;
    if (c === undefined) break;
    offset += c;
    base = base.args[0]!;
  }
  if (base.op === Op.Const) return { base: undefined, offset: offset + base.imm };
  if (base.op === Op.SymAddr || base.op === Op.SlotAddr) offset += BigInt(base.off);
  return { base, offset };
}

function sameObject(a: Value | undefined, b: Value | undefined): boolean {
  if (a === undefined || b === undefined || a.op !== b.op) return false;
  return (
    (a.op === Op.SymAddr && a.sym === b.sym) ||
    (a.op === Op.SlotAddr && a.slot !== undefined && a.slot === b.slot)
  );
}

/** Whether comparing start and end by `op` says the same as their difference: no sign or wrap-around in between. */
function isOrdered(op: Op, start: Value, end: Value): boolean {
  const [s, e] = [constOf(start), constOf(end)];
  if (s === undefined || e === undefined) {
    // Nothing lies around the ends of the address space.
    const { base } = place(start);
    return op === Op.LtU && (base?.op === Op.SymAddr || base?.op === Op.SlotAddr);
  }
  if (op === Op.LtS) return s < e;
  return s >= 0n && e >= 0n && e < 1n << BigInt(bitsOf(end.type) - 1);
}

/** Instructions of a round; infinite when it has one that must not be copied. */
function sizeOf(block: Block): number {
  let size = 0;
  for (const inst of block.insts) {
    if (inst.op === Op.Call || inst.op === Op.CallInd || inst.op === Op.Asm) return Number.POSITIVE_INFINITY;
    if (inst.op === Op.Memcpy || inst.op === Op.Memmove || inst.op === Op.Memset)
      return Number.POSITIVE_INFINITY;
    if (inst.op !== Op.Const && inst.op !== Op.DbgValue) size++;
    // With their stubs they are long.
    if (inst.op === Op.Bounds || inst.op === Op.TrapIf || inst.op === Op.PLoad) size += 4;
  }
  return size;
}

function factor(rounds: bigint, size: number): number {
  if (rounds <= MAX_WHOLE && Number(rounds) * size <= 2 * MAX_SIZE) return Number(rounds);
  for (let copies = MAX_ROUNDS; copies > 1; copies--) {
    if (rounds % BigInt(copies) === 0n && copies * size <= MAX_SIZE) return copies;
  }
  return 1;
}

function unroll(func: Func, loop: Loop, copies: number, whole: boolean): void {
  const { block, back } = loop;
  const { term } = block;
  const body = block.insts.slice(0, -1);
  /** What stands for a value of the first round in the last one so far. */
  let current = new Map<Value, Value>();
  const now = (value: Value): Value => current.get(value) ?? value;
  const out = [...body];
  for (let round = 1; round < copies; round++) {
    const next = new Map<Value, Value>();
    block.params.forEach((param, index) => {
      next.set(param, now(back.args[index]!));
    });
    current = next;
    for (const inst of body) {
      const copy = newInst(func, block, inst.op, inst.type, inst.args.map(now), inst.loc);
      copyFields(copy, inst);
      out.push(copy);
      current.set(inst, copy);
    }
  }
  term.args = term.args.map(now);
  for (const edge of term.succs) edge.args = edge.args.map(now);
  block.insts = [...out, term];
  if (whole) makeJump(term, loop.exit);
  for (const other of func.blocks) {
    if (other === block) continue;
    for (const inst of other.insts) {
      inst.args = inst.args.map(now);
      for (const edge of inst.succs) edge.args = edge.args.map(now);
    }
  }
}
