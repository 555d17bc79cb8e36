/**
 * Which virtual register is live where. Instruction i of the function has position 4i: operands are read at 4i, a call
 * destroys registers at 4i + 1, results are written at 4i + 2. A live range is a list of half-open intervals of
 * positions, so an operand that ends at an instruction and a result that starts there may share a register.
 */
import { M, type MBlock, type MFunc, type MInst } from './mir.ts';
import { FIRST_VIRTUAL } from './registers.ts';

/** Sorted, disjoint intervals: starts at even indices, ends (exclusive) at odd ones. */
export type Ranges = number[];

/** Calls `visit` for each virtual register that the instruction reads. */
export function forEachUse(inst: MInst, visit: (register: number) => void): void {
  if (inst.rs1 >= FIRST_VIRTUAL) visit(inst.rs1);
  if (inst.rs2 >= FIRST_VIRTUAL) visit(inst.rs2);
  if (inst.rs3 >= FIRST_VIRTUAL && !hasTemporaryRs3(inst.op)) visit(inst.rs3);
  const list = inst.list;
  if (list === undefined || inst.op === M.Entry || inst.op === M.Cas) return;
  const pairs = inst.op !== M.Trap;
  for (let i = pairs ? 1 : 0; i < list.length; i += pairs ? 2 : 1) {
    if (list[i]! >= FIRST_VIRTUAL) visit(list[i]!);
  }
}

/** Pseudo-instructions whose rs3 is written, not read. */
const hasTemporaryRs3 = (op: M): boolean => op === M.PRef || op === M.PPtr || op === M.TableJump;

/**
 * Calls `visit` for each virtual register that is written; `early` says that it is written while operands are still to
 * be read, so that it may not share a register with one.
 */
export function forEachDef(inst: MInst, visit: (register: number, early: boolean) => void): void {
  const early = isEarly(inst);
  if (inst.rd >= FIRST_VIRTUAL) visit(inst.rd, early);
  if (inst.rs3 >= FIRST_VIRTUAL && hasTemporaryRs3(inst.op)) visit(inst.rs3, true);
  if (inst.defs !== undefined) {
    for (let i = 1; i < inst.defs.length; i += 2) {
      if (inst.defs[i]! >= FIRST_VIRTUAL) visit(inst.defs[i]!, early);
    }
  }
  if (inst.list === undefined) return;
  if (inst.op === M.Entry) {
    for (let i = 1; i < inst.list.length; i += 2) visit(inst.list[i]!, false);
  } else if (inst.op === M.Copies) {
    for (let i = 0; i < inst.list.length; i += 2) visit(inst.list[i]!, false);
  } else if (inst.op === M.Cas) visit(inst.list[0]!, true);
}

function isEarly(inst: MInst): boolean {
  switch (inst.op) {
    case M.Cas:
    case M.PRef:
    case M.PPtr:
    case M.PRefFast:
    case M.PPtrFast:
    case M.TableJump:
    case M.SymAccess:
      return true;
    case M.Asm:
      return /[\n;]/.test(inst.asm!.template.trim());
    default:
      return false;
  }
}

/** Numbers all instructions; returns the number of positions. */
export function numberInstructions(func: MFunc): number {
  let position = 0;
  for (const block of func.blocks) {
    for (const inst of block.insts) {
      inst.position = position;
      position += 4;
    }
  }
  return position;
}

/** Bit sets over virtual registers, one row per block. */
class BitRows {
  readonly words: Int32Array;
  constructor(
    rows: number,
    readonly width: number,
  ) {
    this.words = new Int32Array(rows * width);
  }
}

/** Live ranges by virtual register (index from 0). Blocks must be numbered with `numberInstructions`. */
export function liveRanges(func: MFunc): (Ranges | undefined)[] {
  const { blocks } = func;
  const count = func.classes.length;
  const width = (count + 31) >> 5;
  const rowOf = new Map<MBlock, number>();
  blocks.forEach((block, index) => {
    rowOf.set(block, index * width);
  });
  const liveIn = new BitRows(blocks.length, width).words;
  const uses = new BitRows(blocks.length, width).words;
  const kills = new BitRows(blocks.length, width).words;
  blocks.forEach((block, index) => {
    const row = index * width;
    for (let i = block.insts.length - 1; i >= 0; i--) {
      const inst = block.insts[i]!;
      forEachDef(inst, (register) => {
        const v = register - FIRST_VIRTUAL;
        kills[row + (v >> 5)]! |= 1 << (v & 31);
        uses[row + (v >> 5)]! &= ~(1 << (v & 31));
      });
      if (inst.op === M.Debug) continue;
      forEachUse(inst, (register) => {
        const v = register - FIRST_VIRTUAL;
        uses[row + (v >> 5)]! |= 1 << (v & 31);
      });
    }
  });
  liveIn.set(uses);
  for (let changed = true; changed; ) {
    changed = false;
    for (let b = blocks.length - 1; b >= 0; b--) {
      const row = b * width;
      for (const succ of blocks[b]!.succs) {
        const from = rowOf.get(succ)!;
        for (let w = 0; w < width; w++) {
          const live = liveIn[row + w]! | (liveIn[from + w]! & ~kills[row + w]!);
          if (live !== liveIn[row + w]) {
            liveIn[row + w] = live;
            changed = true;
          }
        }
      }
    }
  }
  return buildRanges(func, liveIn, width, rowOf);
}

function buildRanges(
  func: MFunc,
  liveIn: Int32Array,
  width: number,
  rowOf: ReadonlyMap<MBlock, number>,
): (Ranges | undefined)[] {
  const { blocks } = func;
  const count = func.classes.length;
  // Filled from the last position to the first: [end, start, end, start, …], reversed when done.
  const ranges: (Ranges | undefined)[] = new Array(count).fill(undefined);
  const openEnd = new Int32Array(count).fill(-1);
  const live = new Set<number>();
  const close = (v: number, start: number): void => {
    const list = (ranges[v] ??= []);
    const end = openEnd[v]!;
    openEnd[v] = -1;
    // Joins with the interval after it when they touch.
    if (list.length > 0 && list[list.length - 1] === end) list[list.length - 1] = start;
    else list.push(end, start);
  };
  for (let b = blocks.length - 1; b >= 0; b--) {
    const block = blocks[b]!;
    const { insts } = block;
    const blockStart = insts[0]!.position;
    const blockEnd = insts[insts.length - 1]!.position + 4;
    live.clear();
    for (const succ of block.succs) {
      const row = rowOf.get(succ)!;
      for (let w = 0; w < width; w++) {
        let bits = liveIn[row + w]!;
        while (bits !== 0) {
          const bit = 31 - Math.clz32(bits & -bits);
          bits &= bits - 1;
          live.add(w * 32 + bit);
        }
      }
    }
    for (const v of live) openEnd[v] = blockEnd;
    for (let i = insts.length - 1; i >= 0; i--) {
      const inst = insts[i]!;
      const at = inst.position;
      forEachDef(inst, (register, early) => {
        const v = register - FIRST_VIRTUAL;
        if (openEnd[v] === -1) openEnd[v] = at + 3;
        live.delete(v);
        close(v, early ? at : at + 2);
      });
      if (inst.op === M.Debug) continue;
      forEachUse(inst, (register) => {
        const v = register - FIRST_VIRTUAL;
        if (openEnd[v] === -1) {
          openEnd[v] = at + 1;
          live.add(v);
        }
      });
    }
    for (const v of live) close(v, blockStart);
  }
  for (const list of ranges) list?.reverse();
  return ranges;
}

/** Whether two range lists have a position in common. */
export function overlap(a: Ranges, b: Ranges): boolean {
  let i = 0;
  let j = 0;
  if (a.length > 16 || b.length > 16) {
    i = firstEndingAfter(a, b[0]!);
    j = firstEndingAfter(b, a[0]!);
  }
  while (i < a.length && j < b.length) {
    if (a[i + 1]! <= b[j]!) i += 2;
    else if (b[j + 1]! <= a[i]!) j += 2;
    else return true;
  }
  return false;
}

/** Index (even) of the first interval that ends after `position`, or the length. */
export function firstEndingAfter(ranges: Ranges, position: number): number {
  let low = 0;
  let high = ranges.length >> 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle * 2 + 1]! <= position) low = middle + 1;
    else high = middle;
  }
  return low * 2;
}

/** The union of two disjoint range lists. */
export function mergeRanges(a: Ranges, b: Ranges): Ranges {
  const result: Ranges = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    let start: number;
    let end: number;
    if (j >= b.length || (i < a.length && a[i]! < b[j]!)) {
      start = a[i]!;
      end = a[i + 1]!;
      i += 2;
    } else {
      start = b[j]!;
      end = b[j + 1]!;
      j += 2;
    }
    if (result.length > 0 && result[result.length - 1] === start) result[result.length - 1] = end;
    else result.push(start, end);
  }
  return result;
}

/** Number of positions covered. */
export function rangeSize(ranges: Ranges): number {
  let size = 0;
  for (let i = 0; i < ranges.length; i += 2) size += ranges[i + 1]! - ranges[i]!;
  return size;
}
