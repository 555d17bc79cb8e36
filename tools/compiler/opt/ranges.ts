/**
 * Unsigned value ranges along the dominator tree: what conditions on the way to a place say about values there. Removes
 * bounds checks and comparisons that are decided, and checks that an earlier one implies.
 */
import { type DominatorTree, dominators, findLoops } from '../ir/cfg.ts';
import { type Block, computePreds, type Func, resolveOperands, type Value } from '../ir/ir.ts';
import { bitsOf, Mem, Op, OpFlag, opFlags, Type } from '../ir/types.ts';
import { constOf, newInst } from './edit.ts';

/** lo ≤ value ≤ hi, unsigned. */
interface Range {
  readonly lo: bigint;
  readonly hi: bigint;
}

const MAX = [0n, 0xffff_ffffn, 0xffff_ffff_ffff_ffffn];
const SIGNED_MAX = [0n, 0x7fff_ffffn, 0x7fff_ffff_ffff_ffffn];

const smaller = (a: bigint, b: bigint): bigint => {
  if (a < b) return a;
  return b;
};
const larger = (a: bigint, b: bigint): bigint => {
  if (a < b) return b;
  return a;
};

/** How far ranges look into operands. */
const DEPTH = 6;

export function removeDecidedChecks(func: Func): void {
  const useful = func.blocks.some((block) =>
    block.insts.some((inst) => inst.op === Op.Bounds || inst.op === Op.TrapIf || inst.op === Op.CondBr),
  );
  if (useful) new RangeWalk(func).run();
}

/** A variable that goes start, start + 1, … and is below `limit` whenever the loop goes on. */
interface Induction {
  readonly param: Value;
  readonly start: Value;
  readonly limit: Value;
  readonly isSigned: boolean;
}

/** The condition under which a block stays in the loop rather than leave it, if it decides that. */
function stayCondition(block: Block, loop: ReadonlySet<Block>): Value | undefined {
  const term = block.term;
  if (term.op !== Op.CondBr) return undefined;
  const [then, otherwise] = term.succs;
  return loop.has(then!.to) && !loop.has(otherwise!.to) ? term.args[0] : undefined;
}

class RangeWalk {
  private readonly facts = new Map<Value, Range>();
  /** "x <u y" for pairs of values. */
  private readonly less = new Map<Value, Value[]>();
  private undo: (() => void)[] = [];
  /** Lower bounds of induction variables that count upwards. */
  private readonly floors = new Map<Value, Value>();
  private readonly inductions = new Map<Block, Induction[]>();
  private readonly tree: DominatorTree;
  /** Constants made. */
  private readonly added: Value[] = [];

  constructor(private readonly func: Func) {
    this.tree = dominators(func);
    func.blocks = [...this.tree.order];
    this.findInductions();
  }

  run(): void {
    const stack: { block: Block; next: number; undoTo: number }[] = [];
    const enter = (block: Block): void => {
      const undoTo = this.undo.length;
      this.learnFromBranch(block);
      this.learnInductions(block);
      this.processBlock(block);
      stack.push({ block, next: 0, undoTo });
    };
    enter(this.func.entry);
    while (stack.length > 0) {
      const frame = stack[stack.length - 1]!;
      const children = this.tree.children[frame.block.order]!;
      if (frame.next < children.length) {
        enter(children[frame.next++]!);
        continue;
      }
      while (this.undo.length > frame.undoTo) this.undo.pop()!();
      stack.pop();
    }
    this.func.entry.insts.unshift(...this.added);
    resolveOperands(this.func);
    computePreds(this.func);
  }

  /** Parameters of loop headers that count up by one from a start while a test against a limit holds. */
  private findInductions(): void {
    for (const loop of findLoops(this.func, this.tree)) {
      const { header } = loop;
      const outside = header.preds.filter((pred) => !loop.blocks.has(pred));
      const latches = header.preds.filter((pred) => loop.blocks.has(pred));
      if (outside.length !== 1 || latches.length !== 1) continue;
      const latch = latches[0]!;
      header.params.forEach((param, index) => {
        const start = outside[0]!.succs.find((edge) => edge.to === header)!.args[index]!;
        const next = latch.succs.find((edge) => edge.to === header)!.args[index]!;
        if (next.op !== Op.Add || next.args[0] !== param || constOf(next.args[1]) !== 1n) return;
        // Tested before the increment: the parameter never wraps.
        for (const block of loop.blocks) {
          const c = stayCondition(block, loop.blocks);
          if (c?.op === Op.LtU && c.args[0] === param && this.tree.dominates(block, latch)) {
            this.floors.set(param, start);
          }
        }
        const c = stayCondition(latch, loop.blocks);
        if ((c?.op === Op.LtU || c?.op === Op.LtS) && c.args[0] === next) {
          const list = this.inductions.get(header) ?? [];
          this.inductions.set(header, list);
          list.push({ param, start, limit: c.args[1]!, isSigned: c.op === Op.LtS });
        }
      });
    }
  }

  /** At a loop header: an induction variable whose start is below the limit stays between them. */
  private learnInductions(header: Block): void {
    for (const { param, start, limit, isSigned } of this.inductions.get(header) ?? []) {
      const [s, l] = [this.range(start), this.range(limit)];
      if (isSigned && (s.hi > SIGNED_MAX[param.type]! || l.hi > SIGNED_MAX[param.type]!)) continue;
      if (s.hi >= l.lo && this.less.get(start)?.includes(limit) !== true) continue;
      this.narrow(param, s.lo, MAX[param.type]!);
      this.noteLess(param, limit);
    }
  }

  // Ranges.

  private range(v: Value, depth = 0): Range {
    const natural = this.naturalRange(v, depth);
    const fact = this.facts.get(v);
    if (fact === undefined) return natural;
    return {
      lo: larger(fact.lo, natural.lo),
      hi: smaller(fact.hi, natural.hi),
    };
  }

  private naturalRange(v: Value, depth: number): Range {
    const max = MAX[v.type]!;
    const all = { lo: 0n, hi: max };
    if (v.op === Op.Const) {
      const value = BigInt.asUintN(bitsOf(v.type), v.imm);
      return { lo: value, hi: value };
    }
    if ((opFlags[v.op]! & OpFlag.Compare) !== 0) return { lo: 0n, hi: 1n };
    if (depth > DEPTH) return all;
    const arg = (i: number): Range => this.range(v.args[i]!, depth + 1);
    const upTo = (limit: bigint, r: Range): Range => (r.hi <= limit ? r : { lo: 0n, hi: limit });
    switch (v.op) {
      case Op.Phi: {
        const floor = this.floors.get(v);
        return floor === undefined ? all : { lo: this.range(floor, depth + 2).lo, hi: max };
      }
      case Op.ZExt8:
        return upTo(0xffn, arg(0));
      case Op.ZExt16:
        return upTo(0xffffn, arg(0));
      case Op.ZExt32:
        return arg(0);
      case Op.SExt32: {
        const r = arg(0);
        return r.hi <= SIGNED_MAX[Type.I32]! ? r : all;
      }
      case Op.Trunc:
        return upTo(0xffff_ffffn, arg(0));
      case Op.Load:
        if (v.mem === Mem.I8U) return { lo: 0n, hi: 0xffn };
        if (v.mem === Mem.I16U) return { lo: 0n, hi: 0xffffn };
        if (v.mem === Mem.I32U) return { lo: 0n, hi: 0xffff_ffffn };
        return all;
      case Op.And: {
        const [a, b] = [arg(0), arg(1)];
        return { lo: 0n, hi: smaller(a.hi, b.hi) };
      }
      case Op.Add: {
        const [a, b] = [arg(0), arg(1)];
        const [lo, hi] = [a.lo + b.lo, a.hi + b.hi];
        if (hi <= max) return { lo, hi };
        if (lo > max) return { lo: lo - max - 1n, hi: hi - max - 1n };
        return all;
      }
      case Op.Sub: {
        const [a, b] = [arg(0), arg(1)];
        return a.lo >= b.hi ? { lo: a.lo - b.hi, hi: a.hi - b.lo } : all;
      }
      case Op.Mul: {
        const [a, b] = [arg(0), arg(1)];
        return a.hi * b.hi <= max ? { lo: a.lo * b.lo, hi: a.hi * b.hi } : all;
      }
      case Op.Shl: {
        const by = constOf(v.args[1]);
        if (by === undefined) return all;
        const a = arg(0);
        return a.hi << by <= max ? { lo: a.lo << by, hi: a.hi << by } : all;
      }
      case Op.ShrU: {
        const by = constOf(v.args[1]);
        const a = arg(0);
        return by === undefined ? { lo: 0n, hi: a.hi } : { lo: a.lo >> by, hi: a.hi >> by };
      }
      case Op.DivU: {
        const by = constOf(v.args[1]);
        const a = arg(0);
        return by !== undefined && by > 0n ? { lo: a.lo / by, hi: a.hi / by } : all;
      }
      case Op.RemU: {
        const by = arg(1);
        return by.lo > 0n ? { lo: 0n, hi: by.hi - 1n } : all;
      }
      case Op.MinU: {
        const [a, b] = [arg(0), arg(1)];
        return { lo: smaller(a.lo, b.lo), hi: smaller(a.hi, b.hi) };
      }
      case Op.Select: {
        const [a, b] = [arg(1), arg(2)];
        return { lo: smaller(a.lo, b.lo), hi: larger(a.hi, b.hi) };
      }
      case Op.Clz:
      case Op.Ctz:
      case Op.Popcnt:
        return { lo: 0n, hi: 64n };
      default:
        return all;
    }
  }

  // Facts.

  private narrow(v: Value, lo: bigint, hi: bigint): void {
    if (v.op === Op.Const) return;
    const before = this.facts.get(v);
    const now = this.range(v);
    const next = { lo: larger(lo, now.lo), hi: smaller(hi, now.hi) };
    if (next.lo > next.hi) return;
    this.facts.set(v, next);
    this.undo.push(() => {
      if (before === undefined) this.facts.delete(v);
      else this.facts.set(v, before);
    });
    // What an extension is, its operand is.
    if (v.op === Op.ZExt32) this.narrow(v.args[0]!, next.lo, next.hi);
    else if (v.op === Op.SExt32 && next.hi <= SIGNED_MAX[Type.I32]!)
      this.narrow(v.args[0]!, next.lo, next.hi);
  }

  private noteLess(x: Value, y: Value): void {
    const list = this.less.get(x) ?? [];
    this.less.set(x, list);
    list.push(y);
    this.undo.push(() => {
      list.pop();
    });
    const [a, b] = [this.range(x), this.range(y)];
    if (b.hi > 0n) this.narrow(x, 0n, b.hi - 1n);
    this.narrow(y, a.lo + 1n, MAX[y.type]!);
    if (x.op === Op.ZExt32 && y.op === Op.ZExt32) this.noteLess(x.args[0]!, y.args[0]!);
  }

  private learn(c: Value, holds: boolean): void {
    const [x, y] = c.args as [Value, Value];
    switch (c.op) {
      case Op.LtU:
        if (holds) this.noteLess(x, y);
        else this.noteNotLess(x, y);
        return;
      case Op.LeU:
        if (holds) this.noteNotLess(y, x);
        else this.noteLess(y, x);
        return;
      case Op.LtS:
        this.learnSigned(x, y, holds);
        return;
      case Op.LeS:
        this.learnSigned(y, x, !holds);
        return;
      case Op.Eq:
      case Op.Ne: {
        const equal = (c.op === Op.Eq) === holds;
        const [a, b] = [this.range(x), this.range(y)];
        if (equal) {
          this.narrow(x, b.lo, b.hi);
          this.narrow(y, a.lo, a.hi);
        } else if (b.lo === b.hi) {
          if (a.lo === b.lo) this.narrow(x, a.lo + 1n, a.hi);
          else if (a.hi === b.lo) this.narrow(x, a.lo, a.hi - 1n);
        }
        return;
      }
      case Op.And:
        if (holds && c.type === Type.I32) {
          for (const arg of c.args) if ((opFlags[arg.op]! & OpFlag.Compare) !== 0) this.learn(arg, true);
        }
        return;
      default:
    }
  }

  private noteNotLess(x: Value, y: Value): void {
    const [a, b] = [this.range(x), this.range(y)];
    this.narrow(x, b.lo, MAX[x.type]!);
    this.narrow(y, 0n, a.hi);
  }

  /** x < y (or x ≥ y), signed: says something of unsigned ranges where the signs are known. */
  private learnSigned(x: Value, y: Value, holds: boolean): void {
    const positive = SIGNED_MAX[x.type]!;
    const [a, b] = [this.range(x), this.range(y)];
    if (holds) {
      if (a.hi <= positive) {
        // 0 ≤ x < y.
        this.narrow(y, a.lo + 1n, positive);
        this.narrow(x, a.lo, this.range(y).hi - 1n);
        if (this.range(y).hi <= positive) this.noteLess(x, y);
      }
    } else if (b.hi <= positive) {
      // x ≥ y ≥ 0.
      this.narrow(x, b.lo, positive);
      this.narrow(y, b.lo, this.range(x).hi);
    }
  }

  private learnFromBranch(block: Block): void {
    if (block.preds.length !== 1) return;
    const term = block.preds[0]!.term;
    if (term.op !== Op.CondBr || term.succs[0]!.to === term.succs[1]!.to) return;
    const holds = term.succs[0]!.to === block;
    const c = term.args[0]!;
    if ((opFlags[c.op]! & OpFlag.Compare) !== 0 || c.op === Op.And) this.learn(c, holds);
    else if (c.type === Type.I32 || c.type === Type.I64) {
      if (holds) {
        const r = this.range(c);
        if (r.lo === 0n) this.narrow(c, 1n, r.hi);
      } else this.narrow(c, 0n, 0n);
    }
  }

  // Rewriting.

  /** True, false, or undefined when it depends. */
  private decide(c: Value): boolean | undefined {
    const [x, y] = c.args as [Value, Value];
    if (x.type === Type.F32 || x.type === Type.F64) return undefined;
    const [a, b] = [this.range(x), this.range(y)];
    const positive = SIGNED_MAX[x.type]!;
    const unsigned = c.op === Op.LtU || c.op === Op.LeU || (a.hi <= positive && b.hi <= positive);
    switch (c.op) {
      case Op.Eq:
      case Op.Ne:
        if (a.hi < b.lo || b.hi < a.lo) return c.op === Op.Ne;
        return undefined;
      case Op.LtU:
        if (this.less.get(x)?.includes(y)) return true;
        break;
      default:
    }
    if (!unsigned) return undefined;
    const strict = c.op === Op.LtU || c.op === Op.LtS;
    if (strict ? a.hi < b.lo : a.hi <= b.lo) return true;
    if (strict ? a.lo >= b.hi : a.lo > b.hi) return false;
    return undefined;
  }

  private inBounds(index: Value, length: Value): boolean {
    if (this.range(index).hi < this.range(length).lo) return true;
    return this.less.get(index)?.includes(length) === true;
  }

  private processBlock(block: Block): void {
    const kept: Value[] = [];
    for (const inst of block.insts) {
      if (inst.op === Op.Bounds) {
        if (this.inBounds(inst.args[0]!, inst.args[1]!)) continue;
        this.noteLess(inst.args[0]!, inst.args[1]!);
      } else if (inst.op >= Op.Eq && inst.op <= Op.LeU) {
        const decided = this.decide(inst);
        if (decided !== undefined) {
          const truth = newInst(this.func, this.func.entry, Op.Const, Type.I32, []);
          truth.imm = decided ? 1n : 0n;
          this.added.push(truth);
          inst.forward = truth;
          continue;
        }
      } else if (inst.op === Op.TrapIf) {
        if (constOf(inst.args[0]!.forward ?? inst.args[0]) === 0n) continue;
        if ((opFlags[inst.args[0]!.op]! & OpFlag.Compare) !== 0) this.learn(inst.args[0]!, false);
      }
      kept.push(inst);
    }
    block.insts = kept;
  }
}
