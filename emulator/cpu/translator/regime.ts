/**
 * What a region's code takes for granted about the hart's state. A region's prologue checks each assumption and
 * gives up (`Outcome.unfit`) when one does not hold; the engine then makes another version.
 */
import type { CodeWriter } from '../../wasm/code.ts';
import { Op } from '../../wasm/opcodes.ts';
import { HART } from '../state.ts';
import { HART_LOCAL } from './registers.ts';

/** How loads and stores find memory. */
export type DataPath =
  /** A range check against the direct window, and the page's flag byte for stores. */
  | {
      readonly kind: 'window';
      /** Virtual address of the window, signed, and its size in bytes. */
      readonly base: bigint;
      readonly size: number;
      /** Host address of its first byte, and of the flag byte of its first page. */
      readonly host: number;
      readonly flags: number;
    }
  /** The software TLB. `coalesce`: one look-up for accesses around one base register, if within a page. */
  | { readonly kind: 'tlb'; readonly coalesce: boolean };

export interface Assumptions {
  readonly data: DataPath;
  /**
   * Floating point: on and dirty, rounding to nearest even, and the inexact flag already set, so that
   * neither has to be looked at or written again. False: nothing but that it is on and dirty.
   */
  readonly usualFloat: boolean;
}

/** What a region's function returns to the trampoline. */
export const Outcome = {
  /** pc says where to go on. */
  next: 0,
  /** The instruction at pc is the interpreter's: it missed a TLB, or is a rare case. */
  step: 1,
  /** Too little budget for the path ahead: the interpreter counts out the rest. */
  tail: 2,
  /** An assumption does not hold, or pc is not the region's root; nothing has happened. */
  unfit: 3,
  /** As `step`, because accesses that share a check lie in two pages, or one is not in the direct window. */
  split: 4,
} as const;

/** Writes the checks: a region's function gives up where something does not hold. `float`: whether floating point must be on. */
export function writeAssumptions(
  w: CodeWriter,
  root: bigint,
  assumptions: Assumptions,
  float: boolean,
): void {
  const unless = (): void => {
    w.if();
    w.i32Const(Outcome.unfit);
    w.op(Op.return);
    w.end();
  };
  const mustEqual = (offset: number, value: bigint | number): void => {
    w.localGet(HART_LOCAL);
    w.memory(Op.i64Load, offset, 3);
    w.i64Const(value);
    w.op(Op.i64Ne);
    unless();
  };
  mustEqual(HART.pc, BigInt.asIntN(64, root));
  if (assumptions.data.kind === 'window') {
    mustEqual(HART.directBase, assumptions.data.base);
    mustEqual(HART.directSize, assumptions.data.size);
  }
  if (float) {
    w.localGet(HART_LOCAL);
    w.memory(Op.i32Load, HART.fs, 2);
    w.i32Const(3);
    w.op(Op.i32Ne);
    unless();
    if (assumptions.usualFloat) {
      w.localGet(HART_LOCAL);
      w.memory(Op.i32Load, HART.frm, 2);
      w.localGet(HART_LOCAL);
      w.memory(Op.i32Load, HART.fflags, 2);
      w.i32Const(1);
      w.op(Op.i32And);
      w.i32Const(1);
      w.op(Op.i32Xor);
      w.op(Op.i32Or);
      unless();
    }
  }
}
