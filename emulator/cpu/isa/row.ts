/**
 * The form of the table of instructions: a row gives the encoding, the operands, the assembly syntax and the
 * meaning of one instruction, and everything else (decoder, encoder, assembler, disassembler, engines) is derived
 * from the rows. This file has the types and the constructors of the usual formats (unprivileged manual §2.2, §2.3).
 */
import type { Access, Meaning } from './emitter.ts';

export type Extension =
  | 'I'
  | 'M'
  | 'A'
  | 'F'
  | 'D'
  | 'C'
  | 'Zicsr'
  | 'Zifencei'
  | 'Zba'
  | 'Zbb'
  | 'Zbs'
  | 'Zicbom'
  | 'Zicboz'
  | 'Zicbop'
  | 'S'
  | 'Xtwz';

/**
 * Where the immediate lies in the word:
 *
 *   i       31:20, signed                      s       31:25 · 11:7, signed
 *   b       branch offset, signed, even        j       jump offset, signed, even
 *   u       31:12, signed, times 4096          sPage   as s, a multiple of 32 (prefetch)
 *   shamt5  24:20                              shamt6  25:20
 *   csr     31:20, unsigned                    fence   31:20: fm · predecessor · successor
 *   aqrl    26:25: bit 1 acquire, bit 0 release
 */
export type ImmediateKind =
  | 'none'
  | 'i'
  | 's'
  | 'sPage'
  | 'b'
  | 'u'
  | 'j'
  | 'shamt5'
  | 'shamt6'
  | 'csr'
  | 'fence'
  | 'aqrl';

/**
 * Operands in the order of the assembly syntax. `mem` is imm(rs1), `addr` is (rs1), `target` a pc-relative label,
 * `zimm` an unsigned 5-bit number in the rs1 field, `fence` the two access sets, `rm` the rounding mode (last,
 * left out when dynamic), `rm0` one without effect (left out when to-nearest-even).
 */
export type Operand =
  | 'rd'
  | 'rs1'
  | 'rs2'
  | 'rs3'
  | 'fd'
  | 'fs1'
  | 'fs2'
  | 'fs3'
  | 'imm'
  | 'mem'
  | 'addr'
  | 'target'
  | 'csr'
  | 'zimm'
  | 'fence'
  | 'rm'
  | 'rm0';

export interface InstructionRow {
  /** The mnemonic, in lower case, without .aq and .rl. */
  readonly name: string;
  readonly extension: Extension;
  /** A word is this instruction if (word & mask) === match; both as signed 32-bit numbers. */
  readonly match: number;
  readonly mask: number;
  readonly operands: readonly Operand[];
  readonly immediate: ImmediateKind;
  /** For loads, stores and atomics. */
  readonly access?: Access;
  /** What it does; without one it is a System instruction, done in JavaScript. */
  readonly meaning?: Meaning;
}

/** Major opcodes, bits 6:0. */
export const OPCODE = {
  load: 0x03,
  loadFp: 0x07,
  custom0: 0x0b,
  miscMem: 0x0f,
  opImm: 0x13,
  auipc: 0x17,
  opImm32: 0x1b,
  store: 0x23,
  storeFp: 0x27,
  custom1: 0x2b,
  amo: 0x2f,
  op: 0x33,
  lui: 0x37,
  op32: 0x3b,
  madd: 0x43,
  msub: 0x47,
  nmsub: 0x4b,
  nmadd: 0x4f,
  opFp: 0x53,
  custom2: 0x5b,
  branch: 0x63,
  jalr: 0x67,
  jal: 0x6f,
  system: 0x73,
  custom3: 0x7b,
} as const;

/** Fixed fields of an encoding; a field left out is an operand (or, for the immediate, part of one). */
export interface FixedFields {
  readonly opcode: number;
  readonly funct3?: number;
  /** Bits 31:25. */
  readonly funct7?: number;
  /** Bits 31:26, for shifts by a 6-bit amount. */
  readonly funct6?: number;
  /** Bits 31:27, for atomics. */
  readonly funct5?: number;
  /** Bits 26:25, the format of floating-point instructions of four operands. */
  readonly fmt?: number;
  readonly rd?: number;
  readonly rs1?: number;
  readonly rs2?: number;
}

/** [name of the field, lowest bit, width]. */
const FIELD_BITS = [
  ['opcode', 0, 7],
  ['rd', 7, 5],
  ['funct3', 12, 3],
  ['rs1', 15, 5],
  ['rs2', 20, 5],
  ['fmt', 25, 2],
  ['funct7', 25, 7],
  ['funct6', 26, 6],
  ['funct5', 27, 5],
] as const;

/** What rows may add to their encoding. */
export interface RowExtras {
  readonly access?: Access;
  readonly meaning?: Meaning | undefined;
  readonly immediate?: ImmediateKind;
}

/** A row from its fixed fields; `operands` is a comma-separated list in the order of the syntax. */
export function row(
  name: string,
  extension: Extension,
  fields: FixedFields,
  operands: string,
  extras: RowExtras = {},
): InstructionRow {
  let match = 0;
  let mask = 0;
  for (const [field, lowest, width] of FIELD_BITS) {
    const value = fields[field];
    if (value === undefined) continue;
    const ones = (1 << width) - 1;
    if (value < 0 || value > ones) throw new Error(`${name}: ${field} ${value} does not fit`);
    match |= value << lowest;
    mask |= ones << lowest;
  }
  return {
    name,
    extension,
    match,
    mask,
    operands: operands === '' ? [] : (operands.split(',') as Operand[]),
    immediate: extras.immediate ?? 'none',
    ...(extras.access && { access: extras.access }),
    ...(extras.meaning && { meaning: extras.meaning }),
  };
}
