/**
 * Removes redundant loads and stores: a load of what was just stored or loaded takes that value; a store that is
 * overwritten before anything can read it goes away. Works along the dominator tree; what is known survives into
 * a block only where no path from the dominator can write it.
 */
import { type DominatorTree, dominators } from '../ir/cfg.ts';
import { type Block, type Func, Global, resolve, resolveOperands, type Slot, type Value } from '../ir/ir.ts';
import { Mem, memSize, Op, OpFlag, opFlags, Type } from '../ir/types.ts';
import { splitAddress } from './edit.ts';
import { knownMask } from './known-bits.ts';
import { escapingSlots } from './sroa.ts';

/** A place in memory: base value, offset, size, alias class. */
export interface Access {
  readonly base: Value;
  /** Bytes from the base; the least possible ones when `isOpen`. */
  readonly offset: number;
  readonly size: number;
  readonly alias: number;
  /** An index that is not negative is added to the offset. */
  readonly isOpen: boolean;
}

export function accessOf(inst: Value): Access {
  let { base, offset } = splitAddress(inst.args[0]!, inst.off);
  let isOpen = false;
  if (base.op === Op.Add) {
    // An element of an array in a known object: at or above the array's start.
    const [x, y] = base.args as [Value, Value];
    const [object, index] = objectOf(x) !== undefined ? [x, y] : [y, x];
    if (objectOf(object) !== undefined && knownMask(index) < MAX_INDEX) {
      base = object;
      isOpen = true;
    }
  }
  if (base.op === Op.SymAddr || base.op === Op.SlotAddr) offset += base.off;
  return { base, offset, size: memSize[inst.mem]!, alias: inst.alias, isOpen };
}

/** Index parts of addresses below this cannot wrap around. */
const MAX_INDEX = 1n << 40n;

/**
 * Which object a base certainly points into: a slot, a global, or undefined. (A symbol from elsewhere, such as the
 * start of a section, may be the address of any global.)
 */
const objectOf = (base: Value): object | undefined =>
  base.op === Op.SlotAddr
    ? base.slot
    : base.op === Op.SymAddr && base.sym instanceof Global
      ? base.sym
      : undefined;

const sameBase = (a: Value, b: Value): boolean => {
  if (a === b) return true;
  if (a.op !== b.op) return false;
  return (a.op === Op.SymAddr && a.sym === b.sym) || (a.op === Op.SlotAddr && a.slot === b.slot);
};

export class AliasInfo {
  private readonly escaping: ReadonlySet<Slot>;

  constructor(func: Func) {
    this.escaping = func.slots.length > 0 ? escapingSlots(func, true) : new Set();
  }

  /** Whether calls and unknown pointers can reach the access. */
  isPrivate(access: Access): boolean {
    return access.base.op === Op.SlotAddr && !this.escaping.has(access.base.slot!);
  }

  mayAlias(a: Access, b: Access): boolean {
    if (a.alias !== 0 && b.alias !== 0 && a.alias !== b.alias) return false;
    if (sameBase(a.base, b.base)) {
      const endsBefore = !a.isOpen && a.offset + a.size <= b.offset;
      const startsAfter = !b.isOpen && b.offset + b.size <= a.offset;
      return !endsBefore && !startsAfter;
    }
    const x = objectOf(a.base);
    const y = objectOf(b.base);
    if (x !== undefined && y !== undefined) return false;
    if (this.isPrivate(a) || this.isPrivate(b)) return false;
    return true;
  }

  /** Whether the instruction may write what the access reads. */
  clobbers(inst: Value, access: Access): boolean {
    if ((opFlags[inst.op]! & OpFlag.Writes) === 0) return false;
    if (isReadOnly(access)) return false;
    if (inst.op === Op.Store) return this.mayAlias(accessOf(inst), access);
    if (inst.op === Op.Memcpy || inst.op === Op.Memset || inst.op === Op.Memmove) {
      const target = {
        base: splitAddress(inst.args[0]!, 0).base,
        offset: 0,
        size: 0,
        alias: 0,
        isOpen: true,
      };
      if (sameBase(target.base, access.base)) return true;
      const x = objectOf(target.base);
      const y = objectOf(access.base);
      return !(x !== undefined && y !== undefined) && !this.isPrivate(access);
    }
    return !this.isPrivate(access);
  }
}

const isReadOnly = (access: Access): boolean =>
  access.base.op === Op.SymAddr && access.base.sym instanceof Global && access.base.sym.isConst;

interface Known {
  readonly access: Access;
  readonly mem: number;
  readonly value: Value;
  /** Whether `value` is what was stored (to be extended) or what a load gave. */
  readonly stored: boolean;
}

/** Most facts carried along; more are forgotten, oldest first. */
const MAX_KNOWN = 64;

export function optimiseMemory(func: Func): void {
  let any = false;
  for (const block of func.blocks) {
    any ||= block.insts.some((inst) => inst.op === Op.Load || inst.op === Op.Store);
  }
  if (!any) return;
  const tree = dominators(func);
  func.blocks = [...tree.order];
  const aliases = new AliasInfo(func);
  forwardLoads(tree, aliases);
  resolveOperands(func);
  removeDeadStores(func, aliases);
}

function forwardLoads(tree: DominatorTree, aliases: AliasInfo): void {
  const atEnd: (Known[] | undefined)[] = [];
  for (const block of tree.order) {
    let known: Known[] = [];
    const parent = tree.parent(block);
    if (parent !== undefined) {
      const before = atEnd[parent.order]!;
      if (block.preds.length === 1) known = before.slice();
      else if (before.length > 0) known = survivors(before, block, parent, aliases);
    }
    const out: Value[] = [];
    for (const inst of block.insts) {
      for (let i = 0; i < inst.args.length; i++) {
        const arg = inst.args[i]!;
        if (arg.forward !== undefined) inst.args[i] = resolve(arg);
      }
      if (inst.op === Op.Load && !inst.isVolatile) {
        const access = accessOf(inst);
        const found = known.find(
          (k) =>
            !access.isOpen &&
            !k.access.isOpen &&
            sameBase(k.access.base, access.base) &&
            k.access.offset === access.offset &&
            k.access.size === access.size &&
            fits(k, inst),
        );
        if (found !== undefined) {
          if (forward(inst, found)) {
            continue;
          }
          out.push(inst);
          continue;
        }
        known.push({ access, mem: inst.mem, value: inst, stored: false });
      } else if ((opFlags[inst.op]! & OpFlag.Writes) !== 0) {
        if (known.length > 0) known = known.filter((k) => !aliases.clobbers(inst, k.access));
        if (inst.op === Op.Store && !inst.isVolatile) {
          known.push({ access: accessOf(inst), mem: inst.mem, value: inst.args[1]!, stored: true });
        }
      }
      if (known.length > MAX_KNOWN) known.splice(0, known.length - MAX_KNOWN);
      out.push(inst);
    }
    block.insts = out;
    atEnd[block.order] = known;
  }
}

/** What holds at the end of the dominator and is written on no path from there to `block`. */
function survivors(before: readonly Known[], block: Block, parent: Block, aliases: AliasInfo): Known[] {
  const between = new Set<Block>();
  const work = block.preds.filter((pred) => pred !== parent);
  while (work.length > 0) {
    const b = work.pop()!;
    if (between.has(b) || b === parent) continue;
    between.add(b);
    if (between.size > 24) return [];
    for (const pred of b.preds) work.push(pred);
  }
  let known = before.slice();
  for (const b of between) {
    for (const inst of b.insts) {
      if ((opFlags[inst.op]! & OpFlag.Writes) === 0) continue;
      known = known.filter((k) => !aliases.clobbers(inst, k.access));
      if (known.length === 0) return known;
    }
  }
  return known;
}

/** Whether the known value can stand for the load. */
function fits(known: Known, load: Value): boolean {
  if (!known.stored) return known.mem === load.mem && known.value.type === load.type;
  // Half of an i64 in memory is rare enough to be left to the machine.
  if (load.type === Type.I64 && (load.mem === Mem.I32 || load.mem === Mem.I32U)) return false;
  return known.value.type === load.type;
}

/** Replaces the load; false when it became an extension and stays in place. */
function forward(load: Value, known: Known): boolean {
  const extension = known.stored ? extensions[load.mem] : undefined;
  if (extension === undefined) {
    load.forward = known.value;
    return true;
  }
  load.op = extension;
  load.args = [known.value];
  load.off = 0;
  load.mem = 0;
  load.alias = 0;
  return false;
}

const extensions: readonly (Op | undefined)[] = [Op.SExt8, Op.ZExt8, Op.SExt16, Op.ZExt16];

/** Stores that a later store in the block overwrites, and stores to private slots that nobody reads. */
function removeDeadStores(func: Func, aliases: AliasInfo): void {
  const readSlots = new Set<Slot>();
  if (func.slots.length > 0) {
    for (const block of func.blocks) {
      for (const inst of block.insts) {
        if (inst.op === Op.Store) continue;
        for (const arg of inst.args) {
          const { base } = splitAddress(arg, 0);
          if (base.op === Op.SlotAddr) readSlots.add(base.slot!);
        }
      }
    }
  }
  for (const block of func.blocks) {
    const overwritten: Access[] = [];
    const dead = new Set<Value>();
    for (let i = block.insts.length - 1; i >= 0; i--) {
      const inst = block.insts[i]!;
      const flags = opFlags[inst.op]!;
      if (inst.op === Op.Store && !inst.isVolatile) {
        const access = accessOf(inst);
        const never = aliases.isPrivate(access) && !readSlots.has(access.base.slot!);
        const covered = overwritten.some(
          (later) =>
            !later.isOpen &&
            !access.isOpen &&
            sameBase(later.base, access.base) &&
            later.offset <= access.offset &&
            access.offset + access.size <= later.offset + later.size,
        );
        if (never || covered) dead.add(inst);
        else overwritten.push(access);
      } else if (inst.op === Op.Load) {
        const access = accessOf(inst);
        for (let j = overwritten.length - 1; j >= 0; j--) {
          if (aliases.mayAlias(overwritten[j]!, access)) overwritten.splice(j, 1);
        }
      } else if (
        (flags & (OpFlag.Reads | OpFlag.Writes)) !== 0 ||
        inst.op === Op.Bounds ||
        inst.op === Op.TrapIf
      ) {
        // A handler may look at memory.
        overwritten.length = 0;
      }
    }
    if (dead.size > 0) block.insts = block.insts.filter((inst) => !dead.has(inst));
  }
}
