/* Start of a C program on the bare machine: floating point on, stack, bss, main, exit code to the test finisher. */
.section .text.start, "ax"
.globl _start
_start:
  csrr t0, mhartid
  bnez t0, 2f
  li t0, 0x6000
  csrs mstatus, t0
  la t0, unexpected
  csrw mtvec, t0
  .option push
  .option norelax
  la gp, __global_pointer$
  .option pop
  la sp, __stack_top
  la t0, __bss_start
  la t1, __bss_end
1:
  bgeu t0, t1, 1f
  sd zero, 0(t0)
  addi t0, t0, 8
  j 1b
1:
  call main
  .globl _exit
_exit:
  slli a0, a0, 16
  li t0, 0x3333
  bnez a0, 1f
  li t0, 0x5555
1:
  or a0, a0, t0
  li t0, 0x100000
  sw a0, 0(t0)
2:
  wfi
  j 2b

  .balign 4
unexpected:
  li a0, 99
  j _exit
