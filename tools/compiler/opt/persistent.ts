/**
 * Translations of persistent pointers: takes PRef and PPtr apart so far that their parts can be shared and hoisted.
 *
 * A reference read from an object is its base plus the stored offset, if the offset is below 2^30; the test for that is one
 * branch. The base becomes a value of its own. Comparisons with null look at the stored word. And null needs no care at all
 * where the reference is only used below a test for null, or only to reach memory: base + 0 faults as 0 does, because
 * the first page of an object is never mapped (docs/xtwz.md).
 */
import { type DominatorTree, dominators } from '../ir/cfg.ts';
import type { Block, Func, Value } from '../ir/ir.ts';
import { Op, PREF_EXACT_NULL, PREF_LAZY_NULL, Type } from '../ir/types.ts';
import { constOf, newInst } from './edit.ts';

/** Bytes of an object, log2; the null page. */
const OBJECT_SHIFT = 30n;
const NULL_PAGE = 4096n;

interface Use {
  readonly user: Value;
  readonly arg: number;
  /** For an argument of an edge: which one. */
  readonly edge: number;
}

export function expandTranslations(func: Func): void {
  // Each sinking may make another one possible.
  for (let rounds = 0; rounds < 4; rounds++) {
    const found = translations(func);
    if (found.length === 0) return;
    if (!new Expander(func, found).sinkThroughParams()) break;
  }
  new Expander(func, translations(func)).run();
}

function translations(func: Func): Value[] {
  const found: Value[] = [];
  for (const block of func.blocks) {
    for (const inst of block.insts) {
      if ((inst.op === Op.PRef || inst.op === Op.PPtr) && inst.args.length === 2) found.push(inst);
    }
  }
  return found;
}

class Expander {
  private readonly uses = new Map<Value, Use[]>();
  private readonly tree: DominatorTree;

  constructor(
    private readonly func: Func,
    private readonly found: readonly Value[],
  ) {
    this.tree = dominators(func);
    for (const block of func.blocks) {
      for (const inst of block.insts) {
        if (inst.op === Op.DbgValue) continue;
        inst.args.forEach((value, arg) => {
          this.note(value, { user: inst, arg, edge: -1 });
        });
        inst.succs.forEach((succ, edge) => {
          succ.args.forEach((value, arg) => {
            this.note(value, { user: inst, arg, edge });
          });
        });
      }
    }
  }

  run(): void {
    for (const inst of this.found) if (inst.op === Op.PRef) this.compareStored(inst);
    const lazy = new Set(this.found.filter((inst) => inst.op === Op.PRef && this.toleratesBase(inst)));
    for (const inst of this.found) this.expand(inst, lazy.has(inst));
  }

  /**
   * Where paths meet that each read a reference from the same object, the stored pointers meet instead and are
   * translated once. True when something changed.
   */
  sinkThroughParams(): boolean {
    for (const block of this.func.blocks) {
      for (const [index, param] of block.params.entries()) {
        const args = block.preds.flatMap((pred) =>
          pred.succs.filter((edge) => edge.to === block).map((edge) => edge.args[index]!),
        );
        if (!this.canSink(block, args)) continue;
        this.sink(block, index, param, args.find((arg) => arg.op === Op.PRef)!);
        return true;
      }
    }
    return false;
  }

  private canSink(block: Block, args: readonly Value[]): boolean {
    const first = args.find((arg) => arg.op === Op.PRef);
    if (first === undefined || block === this.func.entry) return false;
    const object = objectPart(first.args[1]!);
    if (object.block === block && object.op !== Op.Param) return false;
    return args.every((arg) => {
      if (constOf(arg) === 0n) return first.off !== PREF_LAZY_NULL;
      const single = (this.uses.get(arg) ?? []).length === 1;
      return (
        arg.op === Op.PRef &&
        single &&
        arg.sym === first.sym &&
        arg.off === first.off &&
        objectPart(arg.args[1]!) === object
      );
    });
  }

  private sink(block: Block, index: number, param: Value, sample: Value): void {
    const reference = newInst(
      this.func,
      block,
      Op.PRef,
      Type.I64,
      [param, objectPart(sample.args[1]!)],
      sample.loc,
    );
    reference.sym = sample.sym;
    reference.off = sample.off;
    for (const { user, arg, edge } of this.uses.get(param) ?? []) {
      if (edge >= 0) user.succs[edge]!.args[arg] = reference;
      else user.args[arg] = reference;
    }
    for (const pred of new Set(block.preds)) {
      for (const edge of pred.succs) {
        if (edge.to === block && edge.args[index]!.op === Op.PRef)
          edge.args[index] = edge.args[index]!.args[0]!;
      }
    }
    for (const inst of block.insts) {
      if (inst.op === Op.DbgValue && inst.args[0] === param) inst.args[0] = reference;
    }
    block.insts.unshift(reference);
  }

  private note(value: Value, use: Use): void {
    const list = this.uses.get(value);
    if (list === undefined) this.uses.set(value, [use]);
    else list.push(use);
  }

  /** Comparisons of the reference with null become comparisons of the stored pointer. */
  private compareStored(reference: Value): void {
    const [stored] = reference.args;
    const rest: Use[] = [];
    for (const use of this.uses.get(reference) ?? []) {
      const { user, arg, edge } = use;
      const isTest =
        edge < 0 &&
        arg === 0 &&
        (user.op === Op.CondBr || ((user.op === Op.Eq || user.op === Op.Ne) && constOf(user.args[1]) === 0n));
      if (!isTest) rest.push(use);
      else {
        user.args[0] = stored!;
        this.note(stored!, use);
      }
    }
    this.uses.set(reference, rest);
  }

  /** Whether every use of the reference works as well when null is represented by the object's base. */
  private toleratesBase(reference: Value): boolean {
    if (reference.off === PREF_LAZY_NULL) return true;
    const guards = this.guardsOf(reference.args[0]!);
    const fine = (value: Value, offset: bigint): boolean =>
      (this.uses.get(value) ?? []).every(({ user, arg, edge }) => {
        if (edge >= 0) {
          return guards.some(
            ({ from, edge: guard, to }) =>
              (from === user.block && edge === guard) ||
              (to !== undefined && this.tree.dominates(to, user.block)),
          );
        }
        const isAddress = (user.op === Op.Load || user.op === Op.Store) && arg === 0;
        if (isAddress && offset + BigInt(user.off) >= 0n && offset + BigInt(user.off) < NULL_PAGE)
          return true;
        if ((user.op === Op.PRef || user.op === Op.PPtr) && arg === 1) return true;
        const step = user.op === Op.Add && arg === 0 ? constOf(user.args[1]) : undefined;
        if (step !== undefined && fine(user, offset + step)) return true;
        return guards.some(({ to }) => to !== undefined && this.tree.dominates(to, user.block));
      });
    return fine(reference, 0n);
  }

  /** Edges on which the stored pointer is known not to be null, with the block behind when only they lead there. */
  private guardsOf(stored: Value): { from: Block; edge: number; to: Block | undefined }[] {
    const guards: { from: Block; edge: number; to: Block | undefined }[] = [];
    const add = (branch: Value, edge: number): void => {
      const { to } = branch.succs[edge]!;
      const other = branch.succs[1 - edge]!.to;
      if (to === other) return;
      guards.push({ from: branch.block, edge, to: to.preds.length === 1 ? to : undefined });
    };
    for (const { user, arg, edge } of this.uses.get(stored) ?? []) {
      if (edge >= 0 || arg !== 0) continue;
      if (user.op === Op.CondBr) add(user, 0);
      else if ((user.op === Op.Eq || user.op === Op.Ne) && constOf(user.args[1]) === 0n) {
        for (const test of this.uses.get(user) ?? []) {
          if (test.user.op === Op.CondBr && test.edge < 0) add(test.user, user.op === Op.Ne ? 0 : 1);
        }
      }
    }
    return guards;
  }

  private expand(inst: Value, lazy: boolean): void {
    const { block } = inst;
    const at = block.insts.indexOf(inst);
    const before: Value[] = [];
    const make = (op: Op, args: Value[]): Value => {
      const value = newInst(this.func, block, op, Type.I64, args, inst.loc);
      before.push(value);
      return value;
    };
    const constant = (value: bigint): Value => {
      const c = make(Op.Const, []);
      c.imm = value;
      return c;
    };
    let part = objectPart(inst.args[1]!);
    if ((part.op === Op.SymAddr || part.op === Op.SlotAddr) && part.off !== 0) {
      // All parts of a variable lie in one object.
      const variable = make(part.op, []);
      variable.sym = part.sym;
      variable.slot = part.slot;
      part = variable;
    }
    const base = make(Op.And, [part, constant(-(1n << OBJECT_SHIFT))]);
    const size = 1n << OBJECT_SHIFT;
    // With null one subtracted makes one test of the two.
    const limit = constant(inst.op === Op.PRef && !lazy ? size - 1n : size);
    inst.args = [inst.args[0]!, base, limit];
    inst.off = inst.op === Op.PRef && lazy ? PREF_LAZY_NULL : PREF_EXACT_NULL;
    block.insts.splice(at, 0, ...before);
  }
}

/** Part of an address that lies in the same object: without constant offsets and indices. */
function objectPart(cell: Value): Value {
  let at = cell;
  while (at.op === Op.Add) {
    const [x, y] = at.args as [Value, Value];
    if (y.op !== Op.Const && y.op !== Op.Shl) break;
    at = x;
  }
  return at;
}
