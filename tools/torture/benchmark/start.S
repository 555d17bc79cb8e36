/* Start of a tortured program: stack, then workload or recovery; the result goes to the test finisher. */
.section .text.start, "ax"
.globl _start
_start:
  la t0, unexpected
  csrw mtvec, t0
  la sp, __stack_top
  li s1, 0x102000
  lw t0, 4(s1)
  bnez t0, 1f
  call workload
  li a0, 0
  j finish
1:
  lw a0, 8(s1)
  call recover_and_check
finish:
  slli a0, a0, 16
  li t0, 0x3333
  bnez a0, 2f
  li t0, 0x5555
2:
  or a0, a0, t0
  li t0, 0x100000
  sw a0, 0(t0)
3:
  j 3b
  .balign 4
unexpected:
  li a0, 99
  j finish
