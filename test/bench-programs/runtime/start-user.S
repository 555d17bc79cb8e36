/*
 * Start-up and traps when the program runs in user mode, under Sv39 or in the object window (OBJECT_WINDOW: the supervisor
 * then runs in the supervisor window). Machine mode opens all memory (PMP), delegates
 * every trap, has the supervisor build its tables and drops to user mode. Traps go to the supervisor, which
 * saves every caller-saved register and calls `supervisor_trap(call, argument, argument, cause)`.
 */
  .section .entry, "ax"
  .globl _start
_start:
  csrr t0, mhartid
1:
  bnez t0, 1b
  .option push
  .option norelax
  la gp, __global_pointer$
  .option pop
  la sp, __supervisor_stack
  la t0, __bss_start
  la t1, __bss_end
2:
  sd zero, 0(t0)
  addi t0, t0, 8
  bltu t0, t1, 2b
  li t0, -1
  srli t0, t0, 10
  csrw pmpaddr0, t0
  li t0, 0x1f
  csrw pmpcfg0, t0
  li t0, 0xb1ff
  csrw medeleg, t0
  li a0, 1 /* pages of the program are for user mode */
  call paging_build
  csrw satp, a0
  sfence.vma
#ifdef OBJECT_WINDOW
  li t1, 0xffff800000000000
#else
  li t1, 0
#endif
  la t0, supervisor_trap_entry
  add t0, t0, t1
  csrw stvec, t0
  la t0, __supervisor_stack
  add t0, t0, t1
  csrw sscratch, t0
  li t0, 0x1800 /* MPP: user */
  csrc mstatus, t0
  li t0, 0x42000 /* SUM, FS = initial */
  csrs mstatus, t0
  la t0, bench_start
  csrw mepc, t0
  la sp, __stack_top
  mret

  .balign 4
supervisor_trap_entry:
  csrrw sp, sscratch, sp
  addi sp, sp, -128
  sd ra, 0(sp)
  sd t0, 8(sp)
  sd t1, 16(sp)
  sd t2, 24(sp)
  sd a1, 32(sp)
  sd a2, 40(sp)
  sd a3, 48(sp)
  sd a4, 56(sp)
  sd a5, 64(sp)
  sd a6, 72(sp)
  sd a7, 80(sp)
  sd t3, 88(sp)
  sd t4, 96(sp)
  sd t5, 104(sp)
  sd t6, 112(sp)
  mv a2, a1
  mv a1, a0
  mv a0, a7
  csrr a3, scause
  call supervisor_trap
  csrr t0, sepc
  addi t0, t0, 4
  csrw sepc, t0
  ld ra, 0(sp)
  ld t0, 8(sp)
  ld t1, 16(sp)
  ld t2, 24(sp)
  ld a1, 32(sp)
  ld a2, 40(sp)
  ld a3, 48(sp)
  ld a4, 56(sp)
  ld a5, 64(sp)
  ld a6, 72(sp)
  ld a7, 80(sp)
  ld t3, 88(sp)
  ld t4, 96(sp)
  ld t5, 104(sp)
  ld t6, 112(sp)
  addi sp, sp, 128
  csrrw sp, sscratch, sp
  sret
