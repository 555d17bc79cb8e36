/** System calls as functions (guest/abi/syscall.ts names them; docs/kernel.md describes them). Results below zero are −Errno. */

/** Calls the kernel. */
export function syscall(number: u64, a0: u64, a1: u64, a2: u64, a3: u64, a4: u64): i64 {
  const value: i64 = 0;
  asm`ecall${inReg('a7', number)}${inReg('a0', a0)}${inReg('a1', a1)}${inReg('a2', a2)}${inReg('a3', a3)}${inReg('a4', a4)}${outReg('a0', value)}${clobber('memory')}`;
  return value;
}
