/**
 * The caller's memory. The kernel reads and writes it through the object window with the caller's own view and context, so it can
 * do nothing for a thread that the thread could not do itself. A fault in between is resolved as the user's would be (a page
 * is made, a copy, rights are verified); one that cannot be makes the copy fail, and the system call returns EFAULT.
 */

/** Do [address, address + size) lie in the object window? */
function inObjectWindow(address: usize, size: u64): bool {
  return address >> 47 === 0 && size < 0x1_0000_0000 && (address + size) >> 47 === 0;
}

declare function __user_copy(target: usize, source: usize, size: u64): u64;

/**
 * The code of `__user_copy`: copies `size` bytes, by words where both sides are aligned. Returns 0, or 1 when the trap handler found a fault between here and
 * `__user_copy_end` that cannot be resolved and went on at `__user_copy_fail`. So does `__probe`, which loads one word (damage.ts)
 * and throws it away: into x0, so that `licorice torture` knows that nothing depends on it.
 * @naked
 * @used
 * @export __user_copy
 */
function userCopyCode(): void {
  asm`
    or t0, a0, a1
    or t0, t0, a2
    andi t0, t0, 7
    bnez t0, __user_copy_bytes
  __user_copy_words:
    beqz a2, __user_copy_done
    ld t1, 0(a1)
    sd t1, 0(a0)
    addi a0, a0, 8
    addi a1, a1, 8
    addi a2, a2, -8
    j __user_copy_words
  __user_copy_bytes:
    beqz a2, __user_copy_done
    lbu t1, 0(a1)
    sb t1, 0(a0)
    addi a0, a0, 1
    addi a1, a1, 1
    addi a2, a2, -1
    j __user_copy_bytes
  __user_copy_done:
    li a0, 0
    ret
  .globl __probe
  __probe:
    ld zero, 0(a0)
    li a0, 0
    ret
  .globl __user_copy_fail
  __user_copy_fail:
    li a0, 1
    ret
  .globl __user_copy_end
  __user_copy_end:
    nop`;
}

/** Copies from the caller to the kernel; false when the caller may not read it. */
export function readUser(target: usize, source: usize, size: u64): bool {
  return inObjectWindow(source, size) && __user_copy(target, source, size) === 0;
}

/** Copies from the kernel to the caller; false when the caller may not write it. */
export function writeUser(target: usize, source: usize, size: u64): bool {
  return inObjectWindow(target, size) && __user_copy(target, source, size) === 0;
}

/** Was the kernel copying user memory at `pc`, or probing? */
export function isUserCopy(pc: usize): bool {
  return pc >= symbolAddress('__user_copy') && pc < symbolAddress('__user_copy_end');
}

/** Where a copy that failed goes on. */
export function userCopyFailure(): usize {
  return symbolAddress('__user_copy_fail');
}
