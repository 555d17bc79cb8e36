/**
 * Strength reduction of addresses in loops: an address that grows by a constant in each iteration becomes a pointer that
 * is stepped. Where the counter is then needed for nothing but the loop's test, the test compares pointers and the
 * counter goes.
 *
 * Addresses are taken apart into sums of constant multiples of values; accesses whose sums differ by a constant share a
 * pointer. The test on pointers is for equality, so it is right when the counter starts below its limit and steps by
 * one; both wrap alike modulo 2^64. (A limit of 2^61 or more over elements of 8 bytes would alias; no object is that large.)
 */

import { dominators, findLoops, type Loop } from '../ir/cfg.ts';
import type { Block, Func, Value } from '../ir/ir.ts';
import { wrapInt } from '../ir/numbers.ts';
import { Op, OpFlag, opFlags, Type } from '../ir/types.ts';
import { constOf, newInst } from './edit.ts';
import { addPreheaders, preheaderOf } from './licm.ts';

/** Σ coefficient · value + constant, modulo 2^64. */
interface Sum {
  readonly terms: Map<Value, bigint>;
  constant: bigint;
}

interface Counter {
  readonly param: Value;
  readonly start: Value;
  readonly next: Value;
  readonly step: bigint;
  /** Whether zero- and sign-extensions of the counter are counters too. */
  readonly extends: 'zero' | 'sign' | undefined;
}

/** Accesses that one pointer serves. */
interface Group {
  readonly counter: Counter;
  readonly sum: Sum;
  /** Coefficient of the counter. */
  readonly factor: bigint;
  readonly accesses: { readonly inst: Value; readonly constant: bigint }[];
  /** Instructions per iteration that compute the address now. */
  cost: number;
}

/** Most pointers that one loop gets: each takes a register. */
const MAX_POINTERS = 6;
const wrap = (value: bigint): bigint => BigInt.asIntN(64, value);

export function reduceStrength(func: Func): void {
  addPreheaders(func);
  const tree = dominators(func);
  const loops = findLoops(func, tree);
  for (const loop of loops.reverse()) {
    const inner = loops.some((other) => other.parent === loop);
    if (!inner) new LoopReducer(func, loop).run();
  }
}

class LoopReducer {
  private readonly counters: Counter[] = [];
  private latch!: Block;
  private preheader!: Block;
  private readonly users = new Map<Value, Value[]>();

  constructor(
    private readonly func: Func,
    private readonly loop: Loop,
  ) {}

  run(): void {
    const { loop } = this;
    const preheader = preheaderOf(loop);
    const latches = loop.header.preds.filter((pred) => loop.blocks.has(pred));
    if (preheader === undefined || latches.length !== 1) return;
    this.preheader = preheader;
    this.latch = latches[0]!;
    this.findCounters();
    if (this.counters.length === 0) return;
    for (const counter of this.counters) this.testNext(counter);
    const groups = this.findGroups();
    if (groups.length === 0) return;
    this.collectUsers();
    for (const counter of this.counters) {
      const own = groups.filter((group) => group.counter === counter);
      if (own.length > 0) this.reduce(counter, own);
    }
  }

  private isInvariant(value: Value): boolean {
    return value.op === Op.Param || !this.loop.blocks.has(value.block);
  }

  private findCounters(): void {
    const { header } = this.loop;
    header.params.forEach((param, index) => {
      if (param.type !== Type.I64 && param.type !== Type.I32) return;
      const start = this.preheader.term.succs[0]!.args[index]!;
      const next = this.latch.succs.find((edge) => edge.to === header)!.args[index]!;
      if (next.op !== Op.Add || next.args[0] !== param) return;
      const step = constOf(next.args[1]);
      if (step === undefined || step === 0n) return;
      this.counters.push({ param, start, next, step, extends: this.extension(param, next, start, step) });
    });
  }

  /** A test of the old value against a constant becomes one of the new value, so that the old one can end there. */
  private testNext(counter: Counter): void {
    const test = this.latch.term.op === Op.CondBr ? this.latch.term.args[0]! : undefined;
    if (test === undefined || test.block !== this.latch || test.args[0] !== counter.param) return;
    const limit = constOf(test.args[1]);
    if ((test.op !== Op.Ne && test.op !== Op.Eq) || limit === undefined) return;
    const { insts } = this.latch;
    if (counter.next.block === this.latch && insts.indexOf(counter.next) > insts.indexOf(test)) return;
    const after = newInst(this.func, this.func.entry, Op.Const, counter.param.type, []);
    after.imm = wrapInt(counter.param.type, limit + counter.step);
    this.func.entry.insts.unshift(after);
    test.args = [counter.next, after];
  }

  /** A 32-bit counter that starts at a constant and is tested against a limit does not wrap. */
  private extension(param: Value, next: Value, start: Value, step: bigint): Counter['extends'] {
    const first = constOf(start);
    const test = this.exitTest();
    if (param.type !== Type.I32 || first === undefined || first < 0n || step !== 1n || test === undefined)
      return undefined;
    if (test.args[0] !== next && test.args[0] !== param) return undefined;
    const limit = constOf(test.args[1]);
    if (test.op === Op.LtU)
      return limit !== undefined && limit > first
        ? 'zero'
        : this.entersBelow(start, test)
          ? 'zero'
          : undefined;
    if (test.op === Op.LtS)
      return limit !== undefined && limit > first
        ? 'sign'
        : this.entersBelow(start, test)
          ? 'sign'
          : undefined;
    return undefined;
  }

  /** The comparison that decides at the latch whether the loop goes on. */
  private exitTest(): Value | undefined {
    const term = this.latch.term;
    if (term.op !== Op.CondBr || term.succs[0]!.to !== this.loop.header) return undefined;
    const test = term.args[0]!;
    return test.op === Op.LtU || test.op === Op.LtS || test.op === Op.Ne ? test : undefined;
  }

  /** Whether the loop is only entered when `start` passes the same test as later values. */
  private entersBelow(start: Value, test: Value): boolean {
    const limit = test.args[1]!;
    const [a, b] = [constOf(start), constOf(limit)];
    if (a !== undefined && b !== undefined) {
      if (test.op === Op.LtS) return a < b;
      return BigInt.asUintN(64, a) < BigInt.asUintN(64, b);
    }
    for (let block = this.preheader, i = 0; i < 4 && block.preds.length === 1; i++) {
      const pred = block.preds[0]!;
      const term = pred.term;
      if (term.op === Op.CondBr && term.succs[0]!.to === block && term.succs[1]!.to !== block) {
        const guard = term.args[0]!;
        if (guard.op === test.op && guard.args[0] === start && guard.args[1] === limit) return true;
        // 0 < n, unsigned, is n ≠ 0.
        if (
          test.op === Op.LtU &&
          a === 0n &&
          (guard === limit ||
            (guard.op === Op.Ne && guard.args[0] === limit && constOf(guard.args[1]) === 0n))
        )
          return true;
      }
      block = pred;
    }
    return false;
  }

  // Sums.

  private counterOf(value: Value): Counter | undefined {
    for (const counter of this.counters) {
      if (counter.param === value) return counter;
      const inner = value.args[0];
      if (inner !== counter.param) continue;
      if (value.op === Op.ZExt32 && counter.extends === 'zero') return counter;
      if (value.op === Op.SExt32 && counter.extends === 'sign') return counter;
    }
    return undefined;
  }

  /** `value` times `factor`, added to `sum`. */
  private addTerms(sum: Sum, value: Value, factor: bigint, depth: number): void {
    const c = constOf(value);
    if (c !== undefined) {
      sum.constant = wrap(sum.constant + c * factor);
      return;
    }
    const right = constOf(value.args[1]);
    if (
      depth < 6 &&
      !this.isInvariant(value) &&
      this.counterOf(value) === undefined &&
      value.type === Type.I64
    ) {
      switch (value.op) {
        case Op.Add:
          this.addTerms(sum, value.args[0]!, factor, depth + 1);
          this.addTerms(sum, value.args[1]!, factor, depth + 1);
          return;
        case Op.Sub:
          this.addTerms(sum, value.args[0]!, factor, depth + 1);
          this.addTerms(sum, value.args[1]!, wrap(-factor), depth + 1);
          return;
        case Op.Shl:
          if (right === undefined) break;
          this.addTerms(sum, value.args[0]!, wrap(factor << (right & 63n)), depth + 1);
          return;
        case Op.Mul:
          if (right === undefined) break;
          this.addTerms(sum, value.args[0]!, wrap(factor * right), depth + 1);
          return;
        default:
      }
    }
    sum.terms.set(value, wrap((sum.terms.get(value) ?? 0n) + factor));
  }

  private findGroups(): Group[] {
    const groups: Group[] = [];
    for (const block of this.loop.blocks) {
      for (const inst of block.insts) {
        if (inst.op !== Op.Load && inst.op !== Op.Store && inst.op !== Op.PLoad) continue;
        this.addAccess(groups, inst);
      }
    }
    return groups;
  }

  private addAccess(groups: Group[], inst: Value): void {
    const address = inst.args[0]!;
    if (this.isInvariant(address)) return;
    const sum: Sum = { terms: new Map(), constant: BigInt(inst.off) };
    this.addTerms(sum, address, 1n, 0);
    let counter: Counter | undefined;
    let factor = 0n;
    for (const [value, coefficient] of sum.terms) {
      const own = this.counterOf(value);
      if (own !== undefined) {
        if (counter !== undefined && counter !== own) return;
        counter = own;
        factor = wrap(factor + coefficient);
      } else if (!this.isInvariant(value)) return;
    }
    if (counter === undefined || factor === 0n) return;
    // A pointer that is stepped already.
    const cost = this.costOf(address);
    const group = groups.find(
      (g) =>
        g.counter === counter &&
        sameTerms(g.sum, sum) &&
        g.sum.constant - sum.constant < 2048n &&
        sum.constant - g.sum.constant < 2048n,
    );
    if (group === undefined) {
      groups.push({ counter, sum, factor, accesses: [{ inst, constant: sum.constant }], cost });
    } else {
      group.accesses.push({ inst, constant: sum.constant });
      group.cost = Math.max(group.cost, cost);
    }
  }

  /** Instructions that compute an address in each iteration; those folded into others count once. */
  private costOf(value: Value, parent?: Op): number {
    if (this.isInvariant(value) || value.op === Op.Phi) return 0;
    const right = constOf(value.args[1]);
    let cost = value.args.reduce((sum, arg) => sum + this.costOf(arg, value.op), 0);
    const scaled = value.op === Op.Shl && parent === Op.Add && right !== undefined && right <= 3n;
    const extension = value.op === Op.ZExt32 || value.op === Op.SExt32;
    const offset = value.op === Op.Add && right !== undefined && parent === undefined;
    if (!scaled && !extension && !offset) cost++;
    return cost;
  }

  // Rewriting.

  private collectUsers(): void {
    const note = (arg: Value, user: Value): void => {
      if (arg.op === Op.Param || !this.loop.blocks.has(arg.block)) return;
      const list = this.users.get(arg);
      if (list === undefined) this.users.set(arg, [user]);
      else list.push(user);
    };
    for (const block of this.func.blocks) {
      for (const inst of block.insts) {
        if (inst.op !== Op.DbgValue) for (const arg of inst.args) note(arg, inst);
      }
      for (const edge of block.succs) for (const arg of edge.args) note(arg, block.term);
    }
  }

  /** Whether the counter is needed only by addresses that go away and by the loop's test. */
  private isRemovable(counter: Counter, replaced: ReadonlySet<Value>, test: Value | undefined): boolean {
    const seen = new Set<Value>();
    const dies = (value: Value): boolean => {
      if (seen.has(value)) return true;
      seen.add(value);
      return (this.users.get(value) ?? []).every((user) => {
        if (user === test) return true;
        if (user === this.latch.term && value === counter.next) {
          // Only as the next value of the counter itself.
          const index = this.loop.header.params.indexOf(counter.param);
          return user.succs.every((edge) =>
            edge.args.every((arg, i) => arg !== value || (edge.to === this.loop.header && i === index)),
          );
        }
        if (replaced.has(user)) return user.args[0] === value && user.args[1] !== value;
        return (opFlags[user.op]! & OpFlag.Pure) !== 0 && this.loop.blocks.has(user.block) && dies(user);
      });
    };
    return dies(counter.param) && dies(counter.next);
  }

  private reduce(counter: Counter, groups: Group[]): void {
    const replaced = new Set(groups.flatMap((group) => group.accesses.map(({ inst }) => inst)));
    const test = this.exitTest();
    const testable =
      test !== undefined &&
      test.block === this.latch &&
      test.args[0] === counter.next &&
      this.isInvariant(test.args[1]!) &&
      (this.users.get(test) ?? []).length === 1 &&
      this.canTestByPointer(counter, test);
    const removable = testable && groups.length <= MAX_POINTERS && this.isRemovable(counter, replaced, test);
    const chosen = removable ? groups : groups.filter((group) => group.cost >= 2).slice(0, MAX_POINTERS);
    if (chosen.length === 0) return;
    const steps = chosen.map((group) => this.makePointer(group));
    if (!removable) return;
    const [first] = chosen;
    const limit = this.limitOf(counter, test);
    const end = this.sumAt(first!, limit);
    test.op = Op.Ne;
    test.args = [steps[0]!, end];
    // The step must come before the test.
    const { insts } = test.block;
    if (steps[0]!.block === test.block && insts.indexOf(steps[0]!) > insts.indexOf(test)) {
      insts.splice(insts.indexOf(test), 1);
      insts.splice(insts.indexOf(steps[0]!) + 1, 0, test);
    }
  }

  private canTestByPointer(counter: Counter, test: Value): boolean {
    const [start, limit] = [constOf(counter.start), constOf(test.args[1]!)];
    if (test.op === Op.Ne) return counter.step === 1n || counter.step === -1n;
    if (counter.step === 1n) return this.entersBelow(counter.start, test);
    return counter.step > 0n && start !== undefined && limit !== undefined && start >= 0n && start < limit;
  }

  /** The value that the counter has when the loop ends, in the type of the sums. */
  private limitOf(counter: Counter, test: Value): Value {
    const limit = test.args[1]!;
    const [start, end] = [constOf(counter.start), constOf(limit)];
    if (start !== undefined && end !== undefined && counter.step > 1n) {
      const rounds = (end - start + counter.step - 1n) / counter.step;
      return this.constant(start + rounds * counter.step);
    }
    if (limit.type === Type.I64) return limit;
    if (end !== undefined) return this.constant(counter.extends === 'zero' ? BigInt.asUintN(32, end) : end);
    const op = counter.extends === 'zero' ? Op.ZExt32 : Op.SExt32;
    return this.append(this.preheader, op, [limit]);
  }

  private constant(value: bigint): Value {
    const c = newInst(this.func, this.func.entry, Op.Const, Type.I64, []);
    c.imm = wrap(value);
    this.func.entry.insts.unshift(c);
    return c;
  }

  private append(block: Block, op: Op, args: Value[]): Value {
    const inst = newInst(this.func, block, op, Type.I64, args, block.term.loc);
    block.insts.splice(block.insts.length - 1, 0, inst);
    return inst;
  }

  private addAt(block: Block, sum: Value | undefined, term: Value): Value {
    return sum === undefined ? term : this.append(block, Op.Add, [sum, term]);
  }

  private scaled(value: Value, factor: bigint): Value {
    if (factor === 1n) return value;
    const c = constOf(value);
    if (c !== undefined) return this.constant(c * factor);
    const shift = factor > 0n && (factor & (factor - 1n)) === 0n ? factor.toString(2).length - 1 : -1;
    if (shift >= 0) return this.append(this.preheader, Op.Shl, [value, this.constant(BigInt(shift))]);
    return this.append(this.preheader, Op.Mul, [value, this.constant(factor)]);
  }

  /** The sum with `at` in place of the counter, computed in the preheader. */
  private sumAt(group: Group, at: Value): Value {
    let sum: Value | undefined;
    for (const [value, factor] of group.sum.terms) {
      if (this.counterOf(value) !== undefined) continue;
      sum = this.addAt(this.preheader, sum, this.scaled(value, factor));
    }
    const own = this.scaled(at, group.factor);
    sum =
      sum === undefined ? own : constOf(own) === 0n ? sum : this.append(this.preheader, Op.Add, [sum, own]);
    return group.sum.constant === 0n
      ? sum
      : this.append(this.preheader, Op.Add, [sum, this.constant(group.sum.constant)]);
  }

  /** Gives a group its pointer and uses it; the stepped pointer. */
  private makePointer(group: Group): Value {
    const { header } = this.loop;
    const { counter } = group;
    let start = counter.start;
    if (start.type === Type.I32) {
      const c = constOf(start);
      start = c !== undefined ? this.constant(c) : this.append(this.preheader, Op.ZExt32, [start]);
    }
    const first = this.sumAt(group, start);
    const pointer = this.func.newValue(Op.Phi, Type.I64, []);
    pointer.block = header;
    header.params.push(pointer);
    this.preheader.term.succs[0]!.args.push(first);
    const step = this.append(this.latch, Op.Add, [pointer, this.constant(group.factor * counter.step)]);
    for (const edge of this.latch.term.succs) if (edge.to === header) edge.args.push(step);
    for (const { inst, constant } of group.accesses) {
      inst.args[0] = pointer;
      inst.off = Number(constant - group.sum.constant);
    }
    return step;
  }
}

function sameTerms(a: Sum, b: Sum): boolean {
  if (a.terms.size !== b.terms.size) return false;
  for (const [value, factor] of a.terms) if (b.terms.get(value) !== factor) return false;
  return true;
}
