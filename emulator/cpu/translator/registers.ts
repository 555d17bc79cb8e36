/**
 * The guest registers of a region: which of them its code uses, and the WebAssembly locals in which they live. All that
 * the region names are loaded at the start, and those that it may change are stored at the one epilogue.
 */
import type { CodeWriter } from '../../wasm/code.ts';
import { F64, I32, I64, Op } from '../../wasm/opcodes.ts';
import { ROWS } from '../isa/table.ts';
import { fOffset, xOffset } from '../state.ts';
import { instructionsOf } from './block.ts';
import type { Region } from './region.ts';

/** Integer registers and floating-point registers as bit sets. */
interface RegisterUse {
  used: number;
  written: number;
  floatUsed: number;
  floatWritten: number;
  /** Whether floating point must be on. */
  float: boolean;
}

function registerUse(region: Region): RegisterUse {
  const use: RegisterUse = { used: 0, written: 0, floatUsed: 0, floatWritten: 0, float: false };
  for (const block of region.blocks) {
    for (const [{ id, rd, rs1, rs2, rs3 }] of instructionsOf(block)) {
      const row = ROWS[id]!;
      if (row.extension === 'F' || row.extension === 'D') use.float = true;
      for (const operand of row.operands) {
        if (operand === 'rd') use.written |= 1 << rd;
        else if (operand === 'rs1' || operand === 'mem' || operand === 'addr') use.used |= 1 << rs1;
        else if (operand === 'rs2') use.used |= 1 << rs2;
        else if (operand === 'fd') use.floatWritten |= 1 << rd;
        else if (operand === 'fs1') use.floatUsed |= 1 << rs1;
        else if (operand === 'fs2') use.floatUsed |= 1 << rs2;
        else if (operand === 'fs3') use.floatUsed |= 1 << rs3;
      }
    }
  }
  use.written &= ~1;
  use.used = (use.used | use.written) & ~1;
  use.floatUsed |= use.floatWritten;
  return use;
}

/** Parameter 0 of every region: the hart's state. */
export const HART_LOCAL = 0;

export class Registers {
  /** Locals of the integer registers (i64) and the floating-point registers (f64); -1: not used. */
  readonly x = new Int32Array(32).fill(-1);
  readonly f = new Int32Array(32).fill(-1);
  /** i32 locals behind sign- or zero-extended integer registers, made when they are needed. */
  private readonly words = new Int32Array(32).fill(-1);
  private readonly use: RegisterUse;

  constructor(
    private readonly w: CodeWriter,
    region: Region,
  ) {
    this.use = registerUse(region);
  }

  /** Whether the region needs floating point to be on. */
  get float(): boolean {
    return this.use.float;
  }

  /** The i32 local of an integer register. */
  word(r: number): number {
    if (this.words[r] === -1) this.words[r] = this.w.local(I32);
    return this.words[r]!;
  }

  /** Loads all that the region uses. */
  load(): void {
    const { w, use } = this;
    const one = (list: Int32Array, r: number, type: typeof I64 | typeof F64, offset: number): void => {
      list[r] = w.local(type);
      w.localGet(HART_LOCAL);
      w.memory(type === I64 ? Op.i64Load : Op.f64Load, offset, 3);
      w.localSet(list[r]!);
    };
    for (let r = 1; r < 32; r++) if ((use.used >>> r) & 1) one(this.x, r, I64, xOffset(r));
    for (let r = 0; r < 32; r++) if ((use.floatUsed >>> r) & 1) one(this.f, r, F64, fOffset(r));
  }

  /** Stores all that the region may have changed. */
  store(): void {
    const { w, use } = this;
    const one = (register: number, op: number, offset: number): void => {
      w.localGet(HART_LOCAL);
      w.localGet(register);
      w.memory(op, offset, 3);
    };
    for (let r = 1; r < 32; r++) if ((use.written >>> r) & 1) one(this.x[r]!, Op.i64Store, xOffset(r));
    for (let r = 0; r < 32; r++) if ((use.floatWritten >>> r) & 1) one(this.f[r]!, Op.f64Store, fOffset(r));
  }
}
