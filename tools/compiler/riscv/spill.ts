/**
 * Rewrites a function for registers that stay in memory: each use loads into a fresh short-lived register, each
 * definition stores from one; a register whose only definition is a constant or an address is recomputed at its uses.
 * Lists of calls, copies and entry keep the spilled register: moves can go straight to and from memory.
 */
import { Slot } from '../ir/ir.ts';
import { forEachDef } from './liveness.ts';
import { M, type MFunc, MInst, RegClass } from './mir.ts';
import { FIRST_VIRTUAL } from './registers.ts';

const loadOf: Record<RegClass, M> = { [RegClass.Int]: M.LD, [RegClass.F32]: M.FLW, [RegClass.F64]: M.FLD };
const storeOf: Record<RegClass, M> = { [RegClass.Int]: M.SD, [RegClass.F32]: M.FSW, [RegClass.F64]: M.FSD };

export const frameLoad = (kind: RegClass): M => loadOf[kind];
export const frameStore = (kind: RegClass): M => storeOf[kind];

/** Whether an instruction can be repeated anywhere: it reads no register. */
const isRematerialisable = (inst: MInst): boolean =>
  inst.op === M.Li ||
  inst.op === M.La ||
  inst.op === M.SlotAddr ||
  (inst.op === M.SymAccess &&
    inst.inner === M.LD &&
    inst.sym!.name.startsWith('.LC') &&
    inst.defs === undefined);

function copyOf(inst: MInst, rd: number): MInst {
  const copy = new MInst(inst.op, inst.loc);
  copy.rd = rd;
  copy.imm = inst.imm;
  copy.big = inst.big;
  copy.sym = inst.sym;
  copy.slot = inst.slot;
  copy.inner = inst.inner;
  return copy;
}

/**
 * @param representative the coalesced register of a virtual register (both from 0)
 * @param spilled representatives that got no register
 * @param temps receives the short-lived registers that are made
 * @param slotOf receives the index into `slots` for every register that lives in memory from now on
 */
export function rewriteSpills(
  func: MFunc,
  representative: (v: number) => number,
  spilled: readonly number[],
  temps: Set<number>,
  slots: Slot[],
  slotOf: Map<number, number>,
): void {
  const count = func.classes.length;
  const spilledSet = new Set(spilled);
  const remat = findRematerialisable(func, representative, spilledSet);
  const slotFor = (root: number): Slot => {
    let index = slotOf.get(root);
    if (index === undefined) {
      index = slots.length;
      const slot = new Slot(func.slots.length + index, 8, 8);
      slots.push(slot);
      slotOf.set(root, index);
    }
    return slots[index]!;
  };
  const isSpilled = (register: number): boolean =>
    register >= FIRST_VIRTUAL && spilledSet.has(representative(register - FIRST_VIRTUAL));
  const newTemp = (kind: RegClass): number => {
    const temp = func.newRegister(kind);
    temps.add(temp - FIRST_VIRTUAL);
    return temp;
  };

  for (const block of func.blocks) {
    const out: MInst[] = [];
    for (const inst of block.insts) {
      const before: MInst[] = [];
      const after: MInst[] = [];
      const loaded = new Map<number, number>();
      const reload = (register: number): number => {
        if (!isSpilled(register)) return register;
        const root = representative(register - FIRST_VIRTUAL);
        let temp = loaded.get(root);
        if (temp === undefined) {
          const kind = func.classOf(register);
          temp = newTemp(kind);
          loaded.set(root, temp);
          const source = remat.get(root);
          if (source !== undefined) before.push(copyOf(source, temp));
          else {
            const load = new MInst(loadOf[kind], inst.loc);
            load.rd = temp;
            load.slot = slotFor(root);
            before.push(load);
          }
        }
        return temp;
      };
      const redefine = (register: number): number => {
        if (!isSpilled(register)) return register;
        const kind = func.classOf(register);
        const temp = newTemp(kind);
        const store = new MInst(storeOf[kind], inst.loc);
        store.rs2 = temp;
        store.slot = slotFor(representative(register - FIRST_VIRTUAL));
        after.push(store);
        return temp;
      };
      // The definition of something that is recomputed disappears.
      if (inst.rd >= FIRST_VIRTUAL && remat.get(representative(inst.rd - FIRST_VIRTUAL)) === inst) continue;
      if (inst.op === M.Debug) {
        if (isSpilled(inst.rs1) && !remat.has(representative(inst.rs1 - FIRST_VIRTUAL))) {
          slotFor(representative(inst.rs1 - FIRST_VIRTUAL));
        }
        out.push(inst);
        continue;
      }
      rewriteLists(inst, remat, representative, isSpilled, reload, slotFor, redefine);
      inst.rs1 = reload(inst.rs1);
      inst.rs2 = reload(inst.rs2);
      if (inst.op === M.PRef || inst.op === M.PPtr || inst.op === M.TableJump) inst.rs3 = redefine(inst.rs3);
      else inst.rs3 = reload(inst.rs3);
      inst.rd = redefine(inst.rd);
      out.push(...before, inst, ...after);
    }
    block.insts = out;
  }
  // Members of a spilled class share its slot from now on, also those that keep their names in lists.
  for (let v = 0; v < count; v++) {
    const index = slotOf.get(representative(v));
    if (index !== undefined) slotOf.set(v, index);
  }
}

/** Sources and results in lists may stay in memory, except where the instruction itself needs registers. */
function rewriteLists(
  inst: MInst,
  remat: ReadonlyMap<number, MInst>,
  representative: (v: number) => number,
  isSpilled: (register: number) => boolean,
  reload: (register: number) => number,
  slotFor: (root: number) => Slot,
  redefine: (register: number) => number,
): void {
  const { list, defs } = inst;
  const inMemory = inst.op === M.Call || inst.op === M.Ret || inst.op === M.Copies || inst.op === M.Entry;
  const touch = (register: number): void => {
    slotFor(representative(register - FIRST_VIRTUAL));
  };
  if (list !== undefined) {
    if (inst.op === M.Trap) inst.list = list.map(reload);
    else if (inst.op === M.Cas) inst.list = list.map(redefine);
    else {
      for (let i = 0; i < list.length; i += 2) {
        const source = list[i + 1]!;
        if (isSpilled(source) && inst.op !== M.Entry) {
          const recomputed = remat.has(representative(source - FIRST_VIRTUAL));
          if (!inMemory || recomputed) list[i + 1] = reload(source);
          else touch(source);
        } else if (isSpilled(source)) touch(source);
        if (inst.op === M.Copies && isSpilled(list[i]!)) touch(list[i]!);
      }
    }
  }
  if (defs !== undefined) {
    for (let i = 1; i < defs.length; i += 2) {
      if (!isSpilled(defs[i]!)) continue;
      if (inMemory) touch(defs[i]!);
      else defs[i] = redefine(defs[i]!);
    }
  }
}

/** Spilled registers all of whose definitions are one instruction without operands. */
function findRematerialisable(
  func: MFunc,
  representative: (v: number) => number,
  spilled: ReadonlySet<number>,
): Map<number, MInst> {
  const result = new Map<number, MInst>();
  const excluded = new Set<number>();
  for (const block of func.blocks) {
    for (const inst of block.insts) {
      forEachDef(inst, (register) => {
        const root = representative(register - FIRST_VIRTUAL);
        if (!spilled.has(root) || excluded.has(root)) return;
        if (isRematerialisable(inst) && inst.rd === register && !result.has(root)) result.set(root, inst);
        else {
          excluded.add(root);
          result.delete(root);
        }
      });
    }
  }
  return result;
}
