/**
 * Scalar replacement of stack slots: a slot whose address is used only by loads and stores (and short copies) of fixed
 * parts becomes SSA values, one per part. Parts that are accessed with overlapping ranges stay in memory.
 */

import { reversePostorder } from '../ir/cfg.ts';
import { type Block, computePreds, type Func, resolveOperands, type Slot, type Value } from '../ir/ir.ts';
import { removeTrivialParams } from '../ir/params.ts';
import { Mem, memSize, Op, Type } from '../ir/types.ts';
import { constOf, newInst, splitAddress } from './edit.ts';
import { SsaRepair } from './ssa-repair.ts';

/** Most pieces that a copy of a slot is taken apart into. */
const MAX_COPY = 16;

interface Part {
  readonly offset: number;
  readonly size: number;
  readonly type: Type;
  readonly variable: SsaRepair;
}

/** Slot and offset of an address that is a fixed place in a slot. */
function slotPlace(address: Value, offset: number): { slot: Slot; offset: number } | undefined {
  const split = splitAddress(address, offset);
  if (split.base.op !== Op.SlotAddr) return undefined;
  return { slot: split.base.slot!, offset: split.offset + split.base.off };
}

const valueType = (inst: Value): Type => (inst.op === Op.Load ? inst.type : inst.args[1]!.type);

/** The type in which a part of memory is kept: what whole accesses to it have. */
function partType(mem: Mem, type: Type): Type {
  return mem <= Mem.I32U ? Type.I32 : type;
}

export function replaceSlots(func: Func): void {
  if (func.slots.length === 0) return;
  expandCopies(func);
  const parts = findParts(func);
  if (parts.size === 0) return;
  func.blocks = reversePostorder(func);
  computePreds(func);
  new Rewriter(func, parts).run();
}

/** Short copies and fills of slots become loads and stores, so that the slot can be taken apart. */
function expandCopies(func: Func): void {
  const blocked = escapingSlots(func, true);
  for (const block of func.blocks) {
    if (!block.insts.some((inst) => inst.op === Op.Memcpy || inst.op === Op.Memset)) continue;
    const out: Value[] = [];
    for (const inst of block.insts) {
      if (inst.op !== Op.Memcpy && inst.op !== Op.Memset) {
        out.push(inst);
        continue;
      }
      const length = constOf(inst.args[2]);
      const places = [inst.args[0]!, inst.args[1]!].map((arg) =>
        arg.type === Type.I64 ? slotPlace(arg, 0) : undefined,
      );
      const useful = places.some((place) => place !== undefined && !blocked.has(place.slot));
      const size = inst.align >= 8 ? 8 : inst.align >= 4 ? 4 : inst.align >= 2 ? 2 : 1;
      const fits = length !== undefined && length <= BigInt(MAX_COPY * size);
      const zero = inst.op === Op.Memset ? constOf(inst.args[1]) === 0n : true;
      if (!useful || !fits || !zero) {
        out.push(inst);
        continue;
      }
      expandCopy(func, block, inst, Number(length), size, out);
    }
    block.insts = out;
  }
}

function expandCopy(
  func: Func,
  block: Block,
  inst: Value,
  length: number,
  align: number,
  out: Value[],
): void {
  const mems: [number, Mem, Type][] = [
    [8, Mem.I64, Type.I64],
    [4, Mem.I32, Type.I32],
    [2, Mem.I16U, Type.I32],
    [1, Mem.I8U, Type.I32],
  ];
  const push = (op: Op, type: Type, args: Value[]): Value => {
    const value = newInst(func, block, op, type, args, inst.loc);
    out.push(value);
    return value;
  };
  let offset = 0;
  for (const [size, mem, type] of mems) {
    if (size > align) continue;
    for (; offset + size <= length; offset += size) {
      let value: Value;
      if (inst.op === Op.Memset) {
        value = push(Op.Const, type, []);
      } else {
        value = push(Op.Load, type, [inst.args[1]!]);
        value.mem = mem;
        value.off = offset;
      }
      const store = push(Op.Store, Type.Void, [inst.args[0]!, value]);
      store.mem = mem;
      store.off = offset;
    }
  }
}

/** Slots whose address goes elsewhere than into loads and stores (and, if `copies`, block copies). */
export function escapingSlots(func: Func, copies: boolean): Set<Slot> {
  const result = new Set<Slot>();
  const addressUse = (value: Value): void => {
    const place = value.type === Type.I64 ? slotPlace(value, 0) : undefined;
    if (place !== undefined) result.add(place.slot);
  };
  for (const { insts, succs } of func.blocks) {
    for (const inst of insts) {
      if (inst.op === Op.Load && !inst.isVolatile) {
        // The address of a load may be a slot.
      } else if (inst.op === Op.Store && !inst.isVolatile) addressUse(inst.args[1]!);
      else if (copies && (inst.op === Op.Memcpy || inst.op === Op.Memset)) addressUse(inst.args[2]!);
      else if (inst.op === Op.Add && constOf(inst.args[1]) !== undefined) {
        // Followed through where it is used.
      } else for (const arg of inst.args) addressUse(arg);
    }
    for (const edge of succs) for (const arg of edge.args) addressUse(arg);
  }
  for (const slot of func.slots) if (slot.variable >= 0 && slot.size === 0) result.add(slot);
  return result;
}

/** The parts of each slot that can be replaced. */
function findParts(func: Func): Map<Slot, Part[]> {
  const escaping = escapingSlots(func, false);
  const parts = new Map<Slot, Part[]>();
  const broken = new Set<Slot>(escaping);
  for (const block of func.blocks) {
    for (const inst of block.insts) {
      if (inst.op !== Op.Load && inst.op !== Op.Store) continue;
      const place = slotPlace(inst.args[0]!, inst.off);
      if (place === undefined || broken.has(place.slot)) continue;
      const size = memSize[inst.mem]!;
      const type = partType(inst.mem, valueType(inst));
      const list = parts.get(place.slot) ?? [];
      parts.set(place.slot, list);
      const known = list.find((p) => p.offset < place.offset + size && place.offset < p.offset + p.size);
      if (known === undefined)
        list.push({ offset: place.offset, size, type, variable: new SsaRepair(func, type) });
      else if (known.offset !== place.offset || known.size !== size || known.type !== type) {
        broken.add(place.slot);
      }
    }
  }
  for (const slot of broken) parts.delete(slot);
  return parts;
}

/**
 * Rewrites accesses to parts. First every block on its own: a read before any write in the block gives a placeholder
 * for the value at the block's start; then each placeholder is forwarded to what reaches the block.
 */
class Rewriter {
  private readonly placeholders: { readonly value: Value; readonly part: Part; readonly block: Block }[] = [];
  private out: Value[] = [];

  constructor(
    private readonly func: Func,
    private readonly parts: Map<Slot, Part[]>,
  ) {}

  run(): void {
    const { func } = this;
    for (const block of func.blocks) this.rewriteBlock(block);
    for (const { value, part, block } of this.placeholders) value.forward = part.variable.readAtStart(block);
    resolveOperands(func);
    removeTrivialParams(func);
  }

  private rewriteBlock(block: Block): void {
    this.out = [];
    const current = new Map<Part, Value>();
    for (const inst of block.insts) {
      const part = this.partOf(inst);
      if (part === undefined) this.out.push(inst);
      else if (inst.op === Op.Store) {
        const stored = inst.args[1]!;
        const value =
          stored.type === part.type ? stored : this.convert(Op.Trunc, part.type, stored, block, inst.loc);
        current.set(part, value);
        part.variable.defs[block.id] = value;
      } else {
        let value = current.get(part);
        if (value === undefined) {
          value = this.func.newValue(Op.Undef, part.type, []);
          value.block = block;
          this.placeholders.push({ value, part, block });
          current.set(part, value);
        }
        this.becomeConversion(inst, value, block);
      }
    }
    block.insts = this.out;
  }

  private partOf(inst: Value): Part | undefined {
    if (inst.op !== Op.Load && inst.op !== Op.Store) return undefined;
    const place = slotPlace(inst.args[0]!, inst.off);
    if (place === undefined) return undefined;
    return this.parts.get(place.slot)?.find((p) => p.offset === place.offset);
  }

  private convert(op: Op, type: Type, value: Value, block: Block, loc: number): Value {
    const inst = newInst(this.func, block, op, type, [value], loc);
    this.out.push(inst);
    return inst;
  }

  /** The load becomes what memory would make of the part's value: an extension, or the value itself. */
  private becomeConversion(load: Value, part: Value, block: Block): void {
    const narrow = narrowExtension(load.mem);
    const value = narrow === undefined ? part : this.convert(narrow, part.type, part, block, load.loc);
    if (load.type === value.type) {
      load.forward = value;
      return;
    }
    // An i32 part read as an i64.
    load.op = load.mem === Mem.I32U ? Op.ZExt32 : Op.SExt32;
    load.args = [value];
    load.off = 0;
    load.mem = 0;
    load.alias = 0;
    this.out.push(load);
  }
}

/** The extension within 32 bits that a narrow load does. */
function narrowExtension(mem: Mem): Op | undefined {
  switch (mem) {
    case Mem.I8S:
      return Op.SExt8;
    case Mem.I8U:
      return Op.ZExt8;
    case Mem.I16S:
      return Op.SExt16;
    case Mem.I16U:
      return Op.ZExt16;
    default:
      return undefined;
  }
}
