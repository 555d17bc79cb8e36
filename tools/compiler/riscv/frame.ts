/**
 * The stack frame of a function. From sp upwards: arguments of calls made, slots of the function, spill slots, saves
 * around cold calls, callee-saved registers, ra. A function that calls only from cold blocks (or never returns from its
 * calls) has no frame for that: each such call makes a small one of its own.
 */
import type { Allocation } from './allocate.ts';
import { M, type MFunc } from './mir.ts';
import { X } from './registers.ts';

/** Offsets are from sp, in bytes. */
export interface Frame {
  /** 0: no frame. A multiple of 16. */
  readonly size: number;
  /** Calls bring frames of their own. */
  readonly smallFrames: boolean;
  /** Offset of each slot: those of the IR function, then those of spilling. */
  readonly slotOffsets: readonly number[];
  /** Index of the first spill slot. */
  readonly spillBase: number;
  /** A word for swapping spilled values. */
  readonly scratchWord: number;
  /** Where registers are saved around cold calls. */
  readonly coldSaves: number;
  /** Places of saved registers: [register, offset]. */
  readonly saves: readonly (readonly [number, number])[];
}

export const align = (value: number, to: number): number => (value + to - 1) & -to;

export function layoutFrame(mfunc: MFunc, allocation: Allocation): Frame {
  const { needsReturnAddress, coldLive } = demands(mfunc, allocation);
  const slots = [...mfunc.slots, ...allocation.slots];
  const plain = slots.length === 0 && allocation.saved.length === 0 && mfunc.outgoingBytes === 0;
  const smallFrames = !needsReturnAddress && plain && mfunc.hasCalls;
  const spillBase = mfunc.slots.length;
  if (smallFrames || (plain && !mfunc.hasCalls && !needsReturnAddress)) {
    return { size: 0, smallFrames, slotOffsets: [], spillBase, scratchWord: 0, coldSaves: 0, saves: [] };
  }
  let offset = mfunc.outgoingBytes;
  const slotOffsets = slots.map((slot) => {
    const at = align(offset, Math.max(slot.align, 1));
    offset = at + slot.size;
    return at;
  });
  offset = align(offset, 8);
  const scratchWord = offset;
  if (allocation.slots.length > 0) offset += 8;
  const coldSaves = offset;
  offset += coldLive * 8;
  const saved = mfunc.hasCalls || needsReturnAddress ? [...allocation.saved, X.ra] : allocation.saved;
  const size = align(offset + saved.length * 8, 16);
  const saves = saved.map((register, index) => [register, size - (saved.length - index) * 8] as const);
  return { size, smallFrames, slotOffsets, spillBase, scratchWord, coldSaves, saves };
}

/** Whether a call in the hot part needs ra saved, and how many registers live across a cold call at most. */
function demands(mfunc: MFunc, allocation: Allocation): { needsReturnAddress: boolean; coldLive: number } {
  let needsReturnAddress = false;
  let coldLive = 0;
  for (const block of mfunc.blocks) {
    for (const inst of block.insts) {
      if (inst.op !== M.Call) {
        if (inst.op === M.Asm && inst.asm!.clobbers.includes('ra')) needsReturnAddress = true;
        continue;
      }
      if (!block.cold && !inst.isNoReturn) needsReturnAddress = true;
      coldLive = Math.max(coldLive, allocation.coldCalls.get(inst)?.length ?? 0);
    }
  }
  return { needsReturnAddress, coldLive };
}
