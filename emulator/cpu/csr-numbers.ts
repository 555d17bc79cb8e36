/**
 * CSR numbers (Privileged ISA §2.2), the slots of those that are stored in the hart's state, and the fields of
 * mstatus. Slots are i64 cells from `HART.csrs`; numbers of slots are internal, saved states name the CSRs.
 */

export const Csr = {
  fflags: 0x001,
  frm: 0x002,
  fcsr: 0x003,
  sstatus: 0x100,
  sie: 0x104,
  stvec: 0x105,
  scounteren: 0x106,
  senvcfg: 0x10a,
  sscratch: 0x140,
  sepc: 0x141,
  scause: 0x142,
  stval: 0x143,
  sip: 0x144,
  stimecmp: 0x14d,
  satp: 0x180,
  mstatus: 0x300,
  misa: 0x301,
  medeleg: 0x302,
  mideleg: 0x303,
  mie: 0x304,
  mtvec: 0x305,
  mcounteren: 0x306,
  menvcfg: 0x30a,
  mcountinhibit: 0x320,
  mhpmevent3: 0x323,
  mscratch: 0x340,
  mepc: 0x341,
  mcause: 0x342,
  mtval: 0x343,
  mip: 0x344,
  pmpcfg0: 0x3a0,
  pmpcfg2: 0x3a2,
  pmpaddr0: 0x3b0,
  tselect: 0x7a0,
  tdata1: 0x7a1,
  tdata2: 0x7a2,
  tdata3: 0x7a3,
  mcycle: 0xb00,
  minstret: 0xb02,
  mhpmcounter3: 0xb03,
  cycle: 0xc00,
  time: 0xc01,
  instret: 0xc02,
  hpmcounter3: 0xc03,
  mvendorid: 0xf11,
  marchid: 0xf12,
  mimpid: 0xf13,
  mhartid: 0xf14,
  mconfigptr: 0xf15,
} as const;

/** Slots, in i64 cells. */
export const Slot = {
  /** Without FS (in `HART.fs`), SD, UXL and SXL, which are put in when it is read. */
  mstatus: 0,
  medeleg: 1,
  mideleg: 2,
  mie: 3,
  mtvec: 4,
  mcounteren: 5,
  menvcfg: 6,
  mcountinhibit: 7,
  mscratch: 8,
  mepc: 9,
  mcause: 10,
  mtval: 11,
  /** The bits of mip that software has set (SSIP, STIP, SEIP). */
  mip: 12,
  stvec: 13,
  scounteren: 14,
  senvcfg: 15,
  sscratch: 16,
  sepc: 17,
  scause: 18,
  stval: 19,
  stimecmp: 20,
  satp: 21,
  /** What must be added to the retired instructions to give mcycle and minstret; the value itself while inhibited. */
  mcycleOffset: 22,
  minstretOffset: 23,
  /** The bits of mip that devices drive (MSIP, MTIP, MEIP, SEIP, and STIP under Sstc). */
  lines: 24,
  /** A `RunState`. */
  runState: 25,
  pmpcfg: 26, // 26, 27: pmpcfg0, pmpcfg2
  pmpaddr: 28, // 28–43
  /** Extensions take slots from here; the standard CSRs end before it. */
  custom: 64,
} as const;

/** What a hart is doing. */
export const RunState = {
  running: 0,
  /** In WFI. */
  waiting: 1,
  /** Not started, or stopped by SBI HSM. */
  stopped: 2,
} as const;

/** Fields of mstatus in its low word. */
export const Mstatus = {
  SIE: 1 << 1,
  MIE: 1 << 3,
  SPIE: 1 << 5,
  MPIE: 1 << 7,
  SPP: 1 << 8,
  MPP: 3 << 11,
  MPP_SHIFT: 11,
  FS: 3 << 13,
  FS_SHIFT: 13,
  MPRV: 1 << 17,
  SUM: 1 << 18,
  MXR: 1 << 19,
  TVM: 1 << 20,
  TW: 1 << 21,
  TSR: 1 << 22,
} as const;
