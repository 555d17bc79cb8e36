/**
 * The registers as the code generator numbers them: 0–31 are x0–x31, 32–63 are f0–f31, and from 64 on come virtual
 * registers. Roles follow the psABI.
 */

export const FIRST_VIRTUAL = 64;

export const X = {
  zero: 0,
  ra: 1,
  sp: 2,
  gp: 3,
  tp: 4,
  t0: 5,
  t1: 6,
  a0: 10,
  /** Never allocated: scratch of expansions after register allocation. */
  t6: 31,
} as const;

/** f31 (ft11), never allocated: scratch for moves between floats. */
export const FLOAT_SCRATCH = 63;

const intNames =
  'zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6';
const floatNames =
  'ft0 ft1 ft2 ft3 ft4 ft5 ft6 ft7 fs0 fs1 fa0 fa1 fa2 fa3 fa4 fa5 fa6 fa7 fs2 fs3 fs4 fs5 fs6 fs7 fs8 fs9 fs10 ' +
  'fs11 ft8 ft9 ft10 ft11';

/** ABI names by register number, 0–63. */
export const registerNames: readonly string[] = [...intNames.split(' '), ...floatNames.split(' ')];

/** Number of a register by its ABI name, `xN`, `fN` or `fp`. */
export function registerNumber(name: string): number | undefined {
  const index = registerNames.indexOf(name);
  if (index >= 0) return index;
  if (name === 'fp') return 8;
  const match = /^([xf])(\d+)$/.exec(name);
  if (match === null || Number(match[2]) > 31) return undefined;
  return Number(match[2]) + (match[1] === 'f' ? 32 : 0);
}

const byName = (names: string): number[] => names.split(' ').map((name) => registerNames.indexOf(name));

/** a0–a7, fa0–fa7. */
export const intArgs: readonly number[] = byName('a0 a1 a2 a3 a4 a5 a6 a7');
export const floatArgs: readonly number[] = byName('fa0 fa1 fa2 fa3 fa4 fa5 fa6 fa7');

/** In order of preference: those that compressed instructions can name first. */
export const callerSavedInts: readonly number[] = byName('a5 a4 a3 a2 a1 a0 a6 a7 t1 t3 t4 t5 t0 t2');
export const calleeSavedInts: readonly number[] = byName('s0 s1 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11');
export const callerSavedFloats: readonly number[] = byName(
  'fa5 fa4 fa3 fa2 fa1 fa0 fa6 fa7 ft0 ft1 ft2 ft3 ft4 ft5 ft6 ft7 ft8 ft9 ft10',
);
export const calleeSavedFloats: readonly number[] = byName(
  'fs0 fs1 fs2 fs3 fs4 fs5 fs6 fs7 fs8 fs9 fs10 fs11',
);

const calleeSaved = new Set([...calleeSavedInts, ...calleeSavedFloats]);
/** Whether a function must leave the register as it found it. */
export const isCalleeSaved = (register: number): boolean => calleeSaved.has(register);

export const isFloatRegister = (register: number): boolean => register >= 32 && register < 64;
