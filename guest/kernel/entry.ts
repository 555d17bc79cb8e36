/**
 * Where the processor enters the kernel: the first instructions after reset, and the trap vector. Written in
 * assembly, with the offsets that `Thread` and `Hart` (thread.ts) promise.
 *
 * In user mode sscratch holds the current thread (whose first words are its registers); in the kernel it holds 0. tp holds the hart in the
 * kernel and is the user's in user mode. The kernel runs with interrupts off, so traps from the kernel are
 * exceptions only: faults of `userCopy`, or mistakes.
 */
import { Hart } from './schedule.ts';
import { Thread } from './thread.ts';

/**
 * Start of the boot hart (a0 = hart, a1 = device tree) and of the others (a0 = hart, a1 = 0). Runs at the physical address with translation
 * off; switches to the object space, whose first fetch faults to `highEntry` in the supervisor window.
 * @naked
 * @used
 * @export _start
 * @section .text.start
 */
function start(): void {
  asm`
    csrw sie, zero
    csrw sscratch, zero
    la t0, bootObjectSpace
    srli t0, t0, 12
    li t1, 14
    slli t1, t1, 60
    or t0, t0, t1
    la t2, highEntry
    li t3, 0xffff800000000000
    or t2, t2, t3
    csrw stvec, t2
    csrw satp, t0
    nop`;
}

/**
 * In the supervisor window: a stack of this hart's, then `kernelMain(hart, device tree)`.
 * @naked
 * @export highEntry
 * @align 4
 */
function highEntry(): void {
  asm`
    la sp, bootStacks
    addi t0, a0, 1
    slli t0, t0, 15
    add sp, sp, t0
    la t0, trapEntry
    csrw stvec, t0
    j kernelMain`;
}

/**
 * Every trap. From user mode: registers go to the thread, then `trapFromUser(thread)` on the hart's stack. It does not come back, but its
 * return address is here, so that debuggers find the thread's registers (`Hart.current`).
 * @naked
 * @export trapEntry
 * @align 4
 * @trapframe tp+16
 */
function trapEntry(): void {
  asm`
    csrrw t6, sscratch, t6
    bnez t6, from_user
    j kernelTrapEntry
  from_user:
    sd ra, 8(t6)
    sd sp, 16(t6)
    sd gp, 24(t6)
    sd tp, 32(t6)
    sd t0, 40(t6)
    sd t1, 48(t6)
    sd t2, 56(t6)
    sd s0, 64(t6)
    sd s1, 72(t6)
    sd a0, 80(t6)
    sd a1, 88(t6)
    sd a2, 96(t6)
    sd a3, 104(t6)
    sd a4, 112(t6)
    sd a5, 120(t6)
    sd a6, 128(t6)
    sd a7, 136(t6)
    sd s2, 144(t6)
    sd s3, 152(t6)
    sd s4, 160(t6)
    sd s5, 168(t6)
    sd s6, 176(t6)
    sd s7, 184(t6)
    sd s8, 192(t6)
    sd s9, 200(t6)
    sd s10, 208(t6)
    sd s11, 216(t6)
    sd t3, 224(t6)
    sd t4, 232(t6)
    sd t5, 240(t6)
    csrr t0, sscratch
    sd t0, 248(t6)
    csrr t0, sepc
    sd t0, 0(t6)
    csrw sscratch, zero
    ld tp, 256(t6)
    ld sp, 0(tp)
    mv a0, t6
    jal trapFromUser
    ebreak`;
}

/**
 * A trap from the kernel: the registers that a call may change go to the stack, then `trapFromKernel()`.
 * @naked
 * @export kernelTrapEntry
 */
function kernelTrapEntry(): void {
  asm`
    csrrw t6, sscratch, t6
    addi sp, sp, -160
    sd ra, 0(sp)
    sd t0, 8(sp)
    sd t1, 16(sp)
    sd t2, 24(sp)
    sd a0, 32(sp)
    sd a1, 40(sp)
    sd a2, 48(sp)
    sd a3, 56(sp)
    sd a4, 64(sp)
    sd a5, 72(sp)
    sd a6, 80(sp)
    sd a7, 88(sp)
    sd t3, 96(sp)
    sd t4, 104(sp)
    sd t5, 112(sp)
    sd t6, 120(sp)
    csrr t0, sepc
    sd t0, 128(sp)
    csrr t0, sstatus
    sd t0, 136(sp)
    addi a0, sp, 128
    call trapFromKernel
    ld t0, 128(sp)
    csrw sepc, t0
    ld t0, 136(sp)
    csrw sstatus, t0
    ld ra, 0(sp)
    ld t0, 8(sp)
    ld t1, 16(sp)
    ld t2, 24(sp)
    ld a0, 32(sp)
    ld a1, 40(sp)
    ld a2, 48(sp)
    ld a3, 56(sp)
    ld a4, 64(sp)
    ld a5, 72(sp)
    ld a6, 80(sp)
    ld a7, 88(sp)
    ld t3, 96(sp)
    ld t4, 104(sp)
    ld t5, 112(sp)
    ld t6, 120(sp)
    addi sp, sp, 160
    sret`;
}

/**
 * Goes on with a thread in user mode.
 * @naked
 * @export returnToUser
 */
function returnToUser(thread: Thread): void {
  asm`
    mv t6, a0
    csrw sscratch, t6
    ld t0, 0(t6)
    csrw sepc, t0
    ld ra, 8(t6)
    ld sp, 16(t6)
    ld gp, 24(t6)
    ld tp, 32(t6)
    ld t0, 40(t6)
    ld t1, 48(t6)
    ld t2, 56(t6)
    ld s0, 64(t6)
    ld s1, 72(t6)
    ld a0, 80(t6)
    ld a1, 88(t6)
    ld a2, 96(t6)
    ld a3, 104(t6)
    ld a4, 112(t6)
    ld a5, 120(t6)
    ld a6, 128(t6)
    ld a7, 136(t6)
    ld s2, 144(t6)
    ld s3, 152(t6)
    ld s4, 160(t6)
    ld s5, 168(t6)
    ld s6, 176(t6)
    ld s7, 184(t6)
    ld s8, 192(t6)
    ld s9, 200(t6)
    ld s10, 208(t6)
    ld s11, 216(t6)
    ld t3, 224(t6)
    ld t4, 232(t6)
    ld t5, 240(t6)
    ld t6, 248(t6)
    sret`;
}

/** Continues a thread; does not return. */
export function resumeThread(thread: Thread): never {
  returnToUser(thread);
  unreachable();
}

/** Sets the hart of this processor (tp). */
export function setHart(hart: Hart): void {
  asm`mv tp, ${hart}`;
}

/** Restarts this hart's stack and runs `body`, which does not return. */
export function switchStack(top: usize, body: () => never): never {
  asm`
    mv sp, ${top}
    jr ${body}`;
  unreachable();
}

/**
 * 32 KiB of stack for each of eight harts.
 * @export bootStacks
 * @align 16
 * @used
 */
const bootStacks = zeroed<FixedArray<u8, 262144>>();

/**
 * The object space page: at reset an empty object table.
 * @export bootObjectSpace
 * @align 4096
 */
export const objectSpacePage = zeroed<FixedArray<u64, 512>>();

static_assert(offsetof<Thread>('hart') === 256 && offsetof<Hart>('stack') === 0, 'entry.ts knows these');
