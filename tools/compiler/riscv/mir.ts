/**
 * Machine code before it has registers: the RISC-V instructions and a few pseudo-instructions over virtual registers,
 * in blocks. Selection makes it; register allocation, frame layout and emission rewrite it in place.
 *
 * The name of a machine operation is the mnemonic with dots as underscores, so encodings are looked up in the table
 * of instructions (emulator/cpu/isa) by name and nothing about them is repeated here.
 */
import type { AsmBody, Slot, Sym } from '../ir/ir.ts';
import { FIRST_VIRTUAL } from './registers.ts';

export enum M {
  ADD,
  ADDW,
  SUB,
  SUBW,
  AND,
  OR,
  XOR,
  SLL,
  SLLW,
  SRL,
  SRLW,
  SRA,
  SRAW,
  SLT,
  SLTU,
  MUL,
  MULW,
  MULH,
  MULHU,
  DIV,
  DIVW,
  DIVU,
  DIVUW,
  REM,
  REMW,
  REMU,
  REMUW,
  SH1ADD,
  SH2ADD,
  SH3ADD,
  ADD_UW,
  SH1ADD_UW,
  SH2ADD_UW,
  SH3ADD_UW,
  ANDN,
  ORN,
  XNOR,
  MIN,
  MAX,
  MINU,
  MAXU,
  ROL,
  ROLW,
  ROR,
  RORW,
  BSET,
  BCLR,
  BINV,
  BEXT,
  ADDI,
  ADDIW,
  ANDI,
  ORI,
  XORI,
  SLTI,
  SLTIU,
  SLLI,
  SLLIW,
  SRLI,
  SRLIW,
  SRAI,
  SRAIW,
  SLLI_UW,
  RORI,
  RORIW,
  BSETI,
  BCLRI,
  BINVI,
  BEXTI,
  CLZ,
  CLZW,
  CTZ,
  CTZW,
  CPOP,
  CPOPW,
  SEXT_B,
  SEXT_H,
  ZEXT_H,
  REV8,
  LB,
  LBU,
  LH,
  LHU,
  LW,
  LWU,
  LD,
  FLW,
  FLD,
  SB,
  SH,
  SW,
  SD,
  FSW,
  FSD,
  FADD_S,
  FADD_D,
  FSUB_S,
  FSUB_D,
  FMUL_S,
  FMUL_D,
  FDIV_S,
  FDIV_D,
  FMIN_S,
  FMIN_D,
  FMAX_S,
  FMAX_D,
  FSGNJ_S,
  FSGNJ_D,
  FSGNJN_S,
  FSGNJN_D,
  FSGNJX_S,
  FSGNJX_D,
  FSQRT_S,
  FSQRT_D,
  FMADD_S,
  FMADD_D,
  FMSUB_S,
  FMSUB_D,
  FNMSUB_S,
  FNMSUB_D,
  FEQ_S,
  FEQ_D,
  FLT_S,
  FLT_D,
  FLE_S,
  FLE_D,
  FCVT_S_W,
  FCVT_S_WU,
  FCVT_S_L,
  FCVT_S_LU,
  FCVT_D_W,
  FCVT_D_WU,
  FCVT_D_L,
  FCVT_D_LU,
  FCVT_W_S,
  FCVT_WU_S,
  FCVT_L_S,
  FCVT_LU_S,
  FCVT_W_D,
  FCVT_WU_D,
  FCVT_L_D,
  FCVT_LU_D,
  FCVT_S_D,
  FCVT_D_S,
  FMV_X_W,
  FMV_W_X,
  FMV_X_D,
  FMV_D_X,
  LR_W,
  LR_D,
  SC_W,
  SC_D,
  AMOSWAP_W,
  AMOSWAP_D,
  AMOADD_W,
  AMOADD_D,
  AMOAND_W,
  AMOAND_D,
  AMOOR_W,
  AMOOR_D,
  AMOXOR_W,
  AMOXOR_D,
  AMOMIN_W,
  AMOMIN_D,
  AMOMAX_W,
  AMOMAX_D,
  AMOMINU_W,
  AMOMINU_D,
  AMOMAXU_W,
  AMOMAXU_D,
  FENCE,
  FENCE_I,
  CBO_CLEAN,
  CBO_FLUSH,
  CBO_INVAL,
  CBO_ZERO,
  PREFETCH_R,
  PREFETCH_W,
  CSRRW,
  CSRRS,
  CSRRC,
  CSRRWI,
  CSRRSI,
  CSRRCI,
  LUI,
  AUIPC,
  JAL,
  JALR,
  BEQ,
  BNE,
  BLT,
  BGE,
  BLTU,
  BGEU,
  XTWZ_PLD,
  EBREAK,

  // Pseudo-instructions, from here on.
  /** rd = constant (`big`). */
  Li,
  /** rd = address of sym + imm. */
  La,
  /** Load or store at sym + imm: rd or rs2 and the real operation in `inner`; rs1 is a temporary for the address. */
  SymAccess,
  /** rd = address of slot + imm. */
  SlotAddr,
  /** rd = rs1. */
  Mv,
  /** Parallel copy: `list` is [to, from, to, from, …]. */
  Copies,
  /** First instruction: `list` is [parameter's register or ~(incoming stack word), virtual register, …]. */
  Entry,
  /** Call of sym, or of rs1: `list` is [register or ~(outgoing stack word), virtual register, …], results in `defs`. */
  Call,
  /** Return: `list` as for Call. */
  Ret,
  /** Unconditional jump to `target`. */
  Jump,
  /** Branch by `inner` (BEQ …) on rs1, rs2 to `target`, else to `otherwise`. */
  Branch,
  /** Jump through a table of `targets` at index rs1 (known to be in range); rd is a temporary. */
  TableJump,
  /** Branch by `inner` on rs1, rs2 to a cold call of `sym`(list…, address of sym2 + imm), which does not return. */
  Trap,
  /** rd = reference for rs1 (stored pointer) with base rs2; rs3 is the cell. */
  PRef,
  /** rd = stored pointer for the reference rs1, cell rs2; rs3 is a temporary. */
  PPtr,
  /** rd = reference for rs1, base rs2, limit rs3; `imm` 1: 0 may give the base. `sym`(rs1, rs2) else. */
  PRefFast,
  /** rd = stored pointer for rs1, base rs2, limit rs3. */
  PPtrFast,
  /** rd = reference for the persistent pointer at rs1 + imm; `sym`(pointer, cell) where the machine cannot translate it. */
  PLoad,
  /** Compare and swap: rd = old, rs1 address, rs2 expected, rs3 new. `list[0]` is a temporary. */
  Cas,
  /** Inline assembly: outputs in `defs`, inputs in `list` as [required register or -1, virtual register, …]. */
  Asm,
  /** Variable `imm` now has the value of rs1. */
  Debug,
  /** Execution cannot come here. */
  Trapped,
}

/** The mnemonic of a real instruction. */
export const mnemonic = (op: M): string => M[op]!.toLowerCase().replace(/_/g, '.');

export const isPseudo = (op: M): boolean => op >= M.Li;
export const isLoad = (op: M): boolean => op >= M.LB && op <= M.FLD;
export const isStore = (op: M): boolean => op >= M.SB && op <= M.FSD;

export class MInst {
  /** Register written, or -1. */
  rd = -1;
  rs1 = -1;
  rs2 = -1;
  rs3 = -1;
  imm = 0;
  big: bigint | undefined;
  inner: M = M.ADD;
  sym: Sym | undefined;
  sym2: Sym | undefined;
  /** Memory operand in the frame: the base is the slot, `imm` the offset in it. */
  slot: Slot | undefined;
  target: MBlock | undefined;
  otherwise: MBlock | undefined;
  targets: MBlock[] | undefined;
  list: number[] | undefined;
  /** Fixed results: [register, virtual register, …]. */
  defs: number[] | undefined;
  asm: AsmBody | undefined;
  /** Expected direction of a branch: see `Value.likely`. */
  likely = 0;
  /** Call that does not return. */
  isNoReturn = false;
  /** Position for liveness, set by numbering. */
  position = 0;

  constructor(
    readonly op: M,
    /** Index into `Module.locs`. */
    readonly loc: number,
  ) {}
}

export class MBlock {
  insts: MInst[] = [];
  succs: MBlock[] = [];
  /** Estimated executions per call of the function. */
  frequency = 1;
  cold = false;

  constructor(readonly id: number) {}
}

/** What a virtual register holds. */
export enum RegClass {
  Int = 0,
  F32 = 1,
  F64 = 2,
}

export class MFunc {
  blocks: MBlock[] = [];
  /** Class by virtual register, starting at FIRST_VIRTUAL. */
  readonly classes: RegClass[] = [];
  /** Slots added by spilling, beyond those of the IR function. */
  readonly spillSlots: Slot[] = [];
  /** Bytes of stack arguments of the calls made. */
  outgoingBytes = 0;
  hasCalls = false;

  constructor(
    readonly name: string,
    readonly slots: readonly Slot[],
  ) {}

  newRegister(kind: RegClass): number {
    this.classes.push(kind);
    return this.classes.length - 1 + FIRST_VIRTUAL;
  }

  classOf(register: number): RegClass {
    if (register < 32) return RegClass.Int;
    if (register < FIRST_VIRTUAL) return RegClass.F64;
    return this.classes[register - FIRST_VIRTUAL]!;
  }
}
