/*
 * Start-up and traps when the program runs in machine mode with paging off. Only hart 0 runs. A trap saves every
 * caller-saved register, as a C handler needs, and calls `machine_trap(cause, epc, value)`, which returns the new a0.
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
  la sp, __stack_top
  la t0, __bss_start
  la t1, __bss_end
2:
  sd zero, 0(t0)
  addi t0, t0, 8
  bltu t0, t1, 2b
  la t0, machine_trap_entry
  csrw mtvec, t0
  la t0, __supervisor_stack
  csrw mscratch, t0
  li t0, 0x2000 /* mstatus.FS = initial */
  csrs mstatus, t0
  call bench_start

  .balign 4
machine_trap_entry:
  csrrw sp, mscratch, sp
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
  mv a2, a0
  csrr a0, mcause
  csrr a1, mepc
  call machine_trap
  csrr t0, mepc
  addi t0, t0, 4
  csrw mepc, t0
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
  csrrw sp, mscratch, sp
  mret
