/*
 * The harness of the differential tester: runs PROGRAMS random programs one after another on a bare machine, in
 * M-mode at the start of DRAM, and sends one record for each through the UART (test/qemu/layout.ts). It sets the
 * initial state from the program's header, enters the program with mret, steps over every instruction that traps
 * (in M-mode, or in S-mode where traps are delegated), and ends a program at its last ecall or at TRAP_LIMIT.
 *
 * Registers of the frames: x31 = frame while in a handler. Frames are reached in S-mode through an identity mapping.
 */
#define UART      0x10000000
#define FINISHER  0x100000

/* The frame, 64-bit fields. */
#define F_X       0x000  /* x0..x31 of the program, saved by the M-mode handler */
#define F_SX      0x100  /* the same, saved by the S-mode handler */
#define F_BASE    0x200  /* physical address of the program's header */
#define F_INDEX   0x208
#define F_TRAPS   0x210
#define F_DIGEST  0x218
#define F_STATUS  0x220  /* mstatus at the end */
#define F_CAUSE   0x228
#define F_EPC     0x230
#define F_TVAL    0x238

.macro save_all scratch, area
  csrrw x31, \scratch, x31
  .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
  sd x\n, (\area + 8*\n)(x31)
  .endr
  csrr x1, \scratch
  sd x1, (\area + 8*31)(x31)
  csrw \scratch, x31
.endm

.macro load_all area
  .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
  ld x\n, (\area + 8*\n)(x31)
  .endr
  ld x31, (\area + 8*31)(x31)
.endm

/* digest s0 = rotl(s0, 7) ^ value, times an odd constant in s1 */
.macro mix value
  slli x28, x8, 7
  srli x8, x8, 57
  or x8, x8, x28
  xor x8, x8, \value
  mul x8, x8, x9
.endm

/* Records the trap in x10 cause, x11 epc, x12 tval, x13 status; clobbers x8, x9, x14, x15, x28. */
.macro record
  ld x8, F_DIGEST(x31)
  ld x9, multiplier
  mix x10
  mix x11
  mix x12
  mix x13
  sd x8, F_DIGEST(x31)
  ld x14, F_TRAPS(x31)
  ld x15, F_BASE(x31)
  addi x28, x14, 1
  sd x28, F_TRAPS(x31)
  addi x14, x14, -LOG_SKIP
  li x28, LOG_ENTRIES
  bgeu x14, x28, 1f
  slli x14, x14, 5
  add x15, x15, x14
  sd x10, (H_LOG + 0)(x15)
  sd x11, (H_LOG + 8)(x15)
  sd x12, (H_LOG + 16)(x15)
  sd x13, (H_LOG + 24)(x15)
1:
.endm

/*
 * x11 = where to go on after the trap with cause x10 at x11; jumps to `end` when the program is over.
 * A fetch that failed goes on at the program's x1, anything else behind the instruction.
 */
.macro next_pc area, end
  ld x15, F_BASE(x31)
  ld x14, H_END(x15)
  beq x11, x14, \end
  ld x14, F_TRAPS(x31)
  li x28, TRAP_LIMIT
  bgeu x14, x28, \end
  li x14, 1
  beq x10, x14, 2f
  li x14, 12
  beq x10, x14, 2f
  ld x14, H_CODEOFFSET(x15)
  sub x14, x11, x14
  sub x28, x14, x15
  li x12, STRIDE
  bgeu x28, x12, \end
  lhu x14, 0(x14)
  andi x14, x14, 3
  addi x11, x11, 2
  li x28, 3
  bne x14, x28, 3f
  addi x11, x11, 2
  j 3f
2:
  ld x11, (\area + 8)(x31)
3:
.endm

.section .text.start, "ax"
.globl _start
_start:
  csrr x5, mhartid
  bnez x5, asleep
  la x31, frame
  csrw mscratch, x31
  la x5, m_trap
  csrw mtvec, x5
  sd x0, F_INDEX(x31)
  li x5, PROGRAM_BASE
  sd x5, F_BASE(x31)

run_program:
  /* x31 = frame */
  sd x0, F_TRAPS(x31)
  sd x0, F_DIGEST(x31)
  ld x30, F_BASE(x31)
  li x5, 0x6000
  csrs mstatus, x5
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  fld f\n, (H_F + 8*\n)(x30)
  .endr
  ld x5, H_FCSR(x30)
  fscsr x5
  csrw pmpcfg0, x0
  .irp n, 0,1,2,3,4,5,6,7
  ld x5, (H_PMPADDR + 8*\n)(x30)
  csrw pmpaddr\n, x5
  .endr
  ld x5, H_PMPCFG0(x30)
  csrw pmpcfg0, x5
  csrw mie, x0
  li x5, 0x222
  csrc mip, x5
  ld x5, H_MIP(x30)
  csrs mip, x5
  ld x5, H_MEDELEG(x30)
  csrw medeleg, x5
  ld x5, H_MIDELEG(x30)
  csrw mideleg, x5
  ld x5, H_MCOUNTEREN(x30)
  csrw mcounteren, x5
  ld x5, H_SCOUNTEREN(x30)
  csrw scounteren, x5
  ld x5, H_MENVCFG(x30)
  csrw menvcfg, x5
  ld x5, H_SENVCFG(x30)
  csrw senvcfg, x5
  la x5, s_trap
  csrw stvec, x5
  csrw sscratch, x31
  csrw scause, x0
  csrw stval, x0
  csrw sepc, x0
  csrw mcause, x0
  csrw mtval, x0
  ld x5, H_SATP(x30)
  csrw satp, x5
  sfence.vma
  fence.i
  ld x5, H_MSTATUS(x30)
  csrw mstatus, x5
  ld x5, H_MIE(x30)
  csrw mie, x5
  ld x5, H_ENTRY(x30)
  csrw mepc, x5
  mv x31, x30
  load_all H_X
  mret

.balign 4
m_trap:
  save_all mscratch, F_X
  csrr x10, mcause
  csrr x11, mepc
  csrr x12, mtval
  csrr x13, mstatus
  sd x10, F_CAUSE(x31)
  sd x11, F_EPC(x31)
  sd x12, F_TVAL(x31)
  sd x13, F_STATUS(x31)
  record
  la x14, s_end
  beq x11, x14, finish
  bltz x10, m_interrupt
  next_pc F_X, finish
  csrw mepc, x11
m_return:
  /* QEMU does not drop what it translated under MPRV when mret changes MPP. */
  sfence.vma
  load_all F_X
  mret
m_interrupt:
  li x14, 0x222
  csrc mip, x14
  j m_return

.balign 4
s_trap:
  save_all sscratch, F_SX
  csrr x10, scause
  csrr x11, sepc
  csrr x12, stval
  csrr x13, sstatus
  record
  bltz x10, s_interrupt
  next_pc F_SX, s_finish
  csrw sepc, x11
s_return:
  load_all F_SX
  sret
s_interrupt:
  /* S-mode can clear only its software interrupt; the others are masked. */
  csrci sip, 2
  li x14, 0x220
  csrc sie, x14
  j s_return
s_finish:
  load_all F_SX
s_end:
  ecall

finish:
  ld x30, F_BASE(x31)
  li x5, 0x6000
  csrs mstatus, x5
  li x5, 0xa0000
  csrc mstatus, x5          /* MXR, MPRV off */
  csrr x20, satp
  csrw satp, x0
  sfence.vma
  ld x10, F_INDEX(x31)
  call send
  .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  ld x10, (F_X + 8*\n)(x31)
  call send
  .endr
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  fmv.x.d x10, f\n
  call send
  .endr
  frcsr x10
  call send
  ld x10, F_STATUS(x31)
  call send
  ld x10, F_EPC(x31)
  call send
  ld x10, F_CAUSE(x31)
  call send
  ld x10, F_TVAL(x31)
  call send
  .irp csr, sepc,scause,stval,mie,mip,medeleg,mideleg,mcounteren,scounteren,menvcfg,senvcfg
  csrr x10, \csr
  call send
  .endr
  mv x10, x20
  call send
  .irp csr, pmpcfg0,pmpaddr0,pmpaddr1,pmpaddr2,pmpaddr3,pmpaddr4,pmpaddr5,pmpaddr6,pmpaddr7
  csrr x10, \csr
  call send
  .endr
  ld x10, F_TRAPS(x31)
  call send
  ld x10, F_DIGEST(x31)
  call send

  /* A digest of every page behind the header. An access that is partly in a PMP entry fails in M-mode as well. */
  csrw pmpcfg0, x0
  li x21, 0x1000
  li x22, STRIDE
1:
  add x23, x30, x21
  li x24, 0x1000
  add x24, x23, x24
  ld x9, multiplier
  li x8, 0
2:
  ld x10, 0(x23)
  mix x10
  addi x23, x23, 8
  bltu x23, x24, 2b
  mv x10, x8
  call send
  li x5, 0x1000
  add x21, x21, x5
  bltu x21, x22, 1b

#if VERBOSE
  mv x23, x30
  li x24, STRIDE
  add x24, x23, x24
3:
  ld x10, 0(x23)
  call send
  addi x23, x23, 8
  bltu x23, x24, 3b
#endif

  li x5, STRIDE
  add x30, x30, x5
  sd x30, F_BASE(x31)
  ld x5, F_INDEX(x31)
  addi x5, x5, 1
  sd x5, F_INDEX(x31)
  li x6, PROGRAMS
  bltu x5, x6, run_program
  li x5, FINISHER
  li x6, 0x5555
  sw x6, 0(x5)
4:
  j 4b

/* Every hart but the first. */
asleep:
  wfi
  j asleep

/* Sends x10, low byte first. Clobbers x5, x6, x7. */
send:
  li x5, UART
  li x6, 8
1:
  sb x10, 0(x5)
  srli x10, x10, 8
  addi x6, x6, -1
  bnez x6, 1b
  ret

.balign 8
multiplier:
  .dword 0x9e3779b97f4a7c15

.section .bss
.balign 4096
frame:
  .skip 4096
