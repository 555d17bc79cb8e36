/**
 * Thunks that call a function and preserve every register: the slow paths of persistent pointers are so rare that the code
 * around them is allocated as if they were no calls. Arguments and result travel in memory: the caller puts them at
 * 8(sp) (and 16(sp)), finds the result at 8(sp), and has saved ra.
 */
import { type Func, Sym } from '../ir/ir.ts';
import { CodeBuffer, type CodeOptions, type FinishedCode } from './code.ts';
import { M } from './mir.ts';
import { callerSavedFloats, callerSavedInts, FLOAT_SCRATCH, isFloatRegister, X } from './registers.ts';

/** A register-preserving thunk of `target`. */
export class ThunkSym extends Sym {
  /** @param loads the operand is not (pointer, cell) but the cell's address, bit 63 set, as xtwz.pld leaves it */
  constructor(
    readonly target: Sym,
    readonly loads: boolean,
  ) {
    super(`__preserving_${target.name}${loads ? '_from_cell' : ''}`);
    this.linkage = 'weak';
    this.align = 2;
  }
}

const thunks = new WeakMap<Sym, ThunkSym>();
const loadingThunks = new WeakMap<Sym, ThunkSym>();

function thunkIn(known: WeakMap<Sym, ThunkSym>, sym: Sym, loads: boolean): ThunkSym {
  let thunk = known.get(sym);
  if (thunk === undefined) {
    thunk = new ThunkSym(sym, loads);
    known.set(sym, thunk);
  }
  return thunk;
}

/** The thunk of a function; one for each. */
export const preservingThunk = (sym: Sym): ThunkSym => thunkIn(thunks, sym, false);

/** The thunk that takes the result of an xtwz.pld that missed. */
export const loadingThunk = (sym: Sym): ThunkSym => thunkIn(loadingThunks, sym, true);

/** Whether a function is known not to touch floating-point registers: then they need no saving. */
const usesFloats = (target: Sym): boolean => (target as Partial<Func>).blocks === undefined;

/** The code of a thunk. */
export function emitThunk(thunk: ThunkSym, options: CodeOptions): FinishedCode {
  const code = new CodeBuffer(options);
  const registers = [...callerSavedInts, X.t6, X.ra];
  if (usesFloats(thunk.target)) registers.push(...callerSavedFloats, FLOAT_SCRATCH);
  const frame = (registers.length * 8 + 15) & -16;
  code.inst(M.ADDI, X.sp, X.sp, -1, -frame);
  registers.forEach((register, index) => {
    code.inst(isFloatRegister(register) ? M.FSD : M.SD, -1, X.sp, register, index * 8);
  });
  if (thunk.loads) {
    code.inst(M.LD, X.a0 + 1, X.sp, -1, frame + 8);
    code.inst(M.BCLRI, X.a0 + 1, X.a0 + 1, -1, 63);
    code.inst(M.LD, X.a0, X.a0 + 1, -1, 0);
  } else {
    code.inst(M.LD, X.a0, X.sp, -1, frame + 8);
    code.inst(M.LD, X.a0 + 1, X.sp, -1, frame + 16);
  }
  code.call(thunk.target);
  code.inst(M.SD, -1, X.sp, X.a0, frame + 8);
  registers.forEach((register, index) => {
    code.inst(isFloatRegister(register) ? M.FLD : M.LD, register, X.sp, -1, index * 8);
  });
  code.inst(M.ADDI, X.sp, X.sp, -1, frame);
  code.inst(M.JALR, X.zero, X.ra);
  return code.finish();
}
