/** Register names: the ABI names that assembly uses (psABI §1) and the plain x and f numbers. */

export const X_NAMES: readonly string[] = (
  'zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 ' + 's2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6'
).split(' ');

export const F_NAMES: readonly string[] = (
  'ft0 ft1 ft2 ft3 ft4 ft5 ft6 ft7 fs0 fs1 fa0 fa1 fa2 fa3 fa4 fa5 fa6 fa7 ' +
  'fs2 fs3 fs4 fs5 fs6 fs7 fs8 fs9 fs10 fs11 ft8 ft9 ft10 ft11'
).split(' ');

const xNumbers = new Map<string, number>([['fp', 8]]);
const fNumbers = new Map<string, number>();
for (let i = 0; i < 32; i++) {
  xNumbers.set(X_NAMES[i]!, i).set(`x${i}`, i);
  fNumbers.set(F_NAMES[i]!, i).set(`f${i}`, i);
}

/** The number of an integer register, or undefined. */
export const xNumber = (name: string): number | undefined => xNumbers.get(name);
/** The number of a floating-point register, or undefined. */
export const fNumber = (name: string): number | undefined => fNumbers.get(name);
