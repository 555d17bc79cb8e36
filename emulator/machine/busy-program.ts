/**
 * A program for determinism tests that does, on every hart, as many different things as it can: timer and software
 * interrupts in M-mode, exceptions delegated to S-mode, Sv39 with tables that change with and without sfence.vma,
 * stores to code, atomics on memory that all harts share, misaligned accesses across pages, floating point, WFI. It
 * never ends. It keeps the rules of sfence.vma only half of the time, on purpose: what a guest that does not sees
 * must be reproducible as well.
 */
export const busyProgram = (): string => `
.equ CLINT, 0x02000000
.equ SHARED, 0x803f0000
_start:
  csrr s0, mhartid
  # data of this hart: tables at s1 (root, level 1, level 0), 16 pages at s2
  slli t0, s0, 17
  li s1, 0x80200000
  add s1, s1, t0
  slli t0, s0, 16
  li s2, 0x80300000
  add s2, s2, t0
  la t0, machine_trap
  csrw mtvec, t0
  la t0, supervisor_trap
  csrw stvec, t0
  csrw mscratch, s1
  li t0, -1
  csrw pmpaddr0, t0
  csrw mcounteren, t0
  csrw scounteren, t0
  li t0, 0x1f
  csrw pmpcfg0, t0
  li t0, 0xb1ff
  csrw medeleg, t0
  li t0, 0x88
  csrw mie, t0
  call arm_timer
  # tables: the first 4 MiB of DRAM one to one, superpages; 0x40000000: 16 pages of 4 KiB
  srli t0, s1, 12
  addi t1, t0, 1
  addi t2, t0, 2
  slli t1, t1, 10
  ori t1, t1, 1
  sd t1, 16(s1)          # root[2] -> level 1 at +0x1000
  slli t2, t2, 10
  ori t2, t2, 1
  li t3, 0x1000
  add t3, s1, t3
  li t4, 0x200000cf
  sd t4, 0(t3)
  li t4, 0x200800cf
  sd t4, 8(t3)
  li t5, 0x3000
  add t5, s1, t5         # another level 1 for 0x40000000
  srli t6, t5, 2
  ori t6, t6, 1
  sd t6, 8(s1)
  sd t2, 0(t5)
  li t3, 0x2000
  add s3, s1, t3         # level 0
  li t4, 0
1: slli t5, t4, 12
  add t5, t5, s2
  srli t5, t5, 2
  ori t5, t5, 0x7        # V R W, not accessed
  slli t6, t4, 3
  add t6, t6, s3
  sd t5, 0(t6)
  addi t4, t4, 1
  li t5, 16
  blt t4, t5, 1b
  srli t0, s1, 12
  li t1, 8
  slli t1, t1, 60
  or t0, t0, t1
  csrw satp, t0
  sfence.vma
  li t0, 0x1800
  csrc mstatus, t0
  li t0, 0x2880          # MPP = S, MPIE, FS
  csrs mstatus, t0
  la t0, work
  csrw mepc, t0
  mret

arm_timer:               # mtimecmp = mtime + 10 ticks
  csrr t0, mhartid
  slli t0, t0, 3
  li t1, CLINT + 0x4000
  add t0, t0, t1
  li t1, CLINT + 0xbff8
  ld t1, 0(t1)
  addi t1, t1, 10
  sd t1, 0(t0)
  ret

.align 2
machine_trap:
  csrrw s1, mscratch, s1
  li a7, 0x8000
  add s1, s1, a7
  sd t0, 0(s1)
  sd t1, 8(s1)
  sd ra, 16(s1)
  csrr t0, mcause
  bltz t0, 2f
  csrr t0, mepc          # ecall from S: an interrupt for the next hart
  addi t0, t0, 4
  csrw mepc, t0
  csrr t0, mhartid
  addi t0, t0, 1
  li t1, 4
  blt t0, t1, 1f
  li t0, 0
1: slli t0, t0, 2
  li t1, CLINT
  add t0, t0, t1
  li t1, 1
  sw t1, 0(t0)
  j 4f
2: slli t0, t0, 1
  li t1, 14
  bne t0, t1, 3f
  call arm_timer
  j 4f
3: csrr t0, mhartid
  slli t0, t0, 2
  li t1, CLINT
  add t0, t0, t1
  sw zero, 0(t0)
4: ld t0, 0(s1)
  ld t1, 8(s1)
  ld ra, 16(s1)
  li a7, -0x8000
  add s1, s1, a7
  csrrw s1, mscratch, s1
  mret

.align 2
supervisor_trap:         # steps over the instruction; counts in s4
  csrr a6, sepc
  addi a6, a6, 4
  csrw sepc, a6
  csrr a6, scause
  add s4, s4, a6
  sret

.align 3
patched:
  addi s5, s5, 1
  ret

work:
  li s6, 0
  li s8, SHARED + 8
loop:
  addi s6, s6, 1
  # stores and loads over the 16 pages, some misaligned, some across pages
  li t0, 0x40000000
  slli t1, s6, 9
  li t2, 0xffff
  and t1, t1, t2
  add t0, t0, t1
  sd s6, 0(t0)
  lw t3, 2(t0)
  add s7, s7, t3
  li t0, 0x40000ffd
  sw s7, 0(t0)
  lhu t3, 2(t0)
  add s7, s7, t3
  # shared counters
  li t0, SHARED
  amoadd.d t1, s6, (t0)
  add s7, s7, t1
1: lr.w t1, (s8)
  addi t1, t1, 1
  sc.w t2, t1, (s8)
  bnez t2, 1b
  # an exception: no page there
  li t0, 0x50000000
  ld t1, 0(t0)
  .word 0                # illegal
  # every 4th turn: change the tables, sometimes without telling
  andi t0, s6, 3
  bnez t0, 2f
  ld t1, 0(s3)
  ld t2, 8(s3)
  sd t2, 0(s3)
  sd t1, 8(s3)
  andi t1, t2, -0xc1     # accessed and dirty
  sd t1, 8(s3)
  andi t0, s6, 4
  bnez t0, 2f
  sfence.vma
2: andi t0, s6, 15
  bnez t0, 3f
  li t0, 0x40001000
  sfence.vma t0, zero
  ecall
  rdtime t0
  add s7, s7, t0
  rdinstret t0
  add s7, s7, t0
  # a store to code: the immediate of the first instruction at patched
  la t0, patched
  lw t1, 0(t0)
  li t2, 0x00100000
  xor t1, t1, t2
  sw t1, 0(t0)
  fence.i
3: call patched
  andi t0, s6, 63
  bnez t0, loop
  wfi
  j loop
`;
