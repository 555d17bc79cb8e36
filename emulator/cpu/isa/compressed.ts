/**
 * C (unprivileged manual, chapter 27) as rows: each 16-bit encoding names the base instruction that it expands to
 * and where the operands lie. Decoder and compressor are both derived from the rows.
 */
import type { Instruction } from './instruction.ts';
import type { Operand } from './row.ts';
import { idOf, ROWS } from './table.ts';

/**
 * A register operand: `x0` `x1` `x2` fixed; `r7` `r2` five bits from bit 7 or 2; `p7` `p2` three bits from bit 7
 * or 2, naming x8–x15.
 */
type RegisterPlace = 'x0' | 'x1' | 'x2' | 'r7' | 'r2' | 'p7' | 'p2';

/** A condition on the fields of the expanded instruction. */
type Condition = 'imm=0' | 'rd=0' | 'rd=2' | 'rs1=0' | 'rs2=0';

interface CompressedRow {
  readonly name: string;
  readonly match: number;
  readonly mask: number;
  readonly base: string;
  readonly rd?: RegisterPlace;
  readonly rs1?: RegisterPlace;
  readonly rs2?: RegisterPlace;
  /**
   * Places of the immediate as in the manual's tables: "12=5:3 6=2|6" says that bits 12, 11, 10 of the word are
   * bits 5, 4, 3 of the immediate, and bits 6, 5 are bits 2 and 6.
   */
  readonly imm?: string;
  readonly signed?: boolean;
  /** Reserved encodings: not this instruction. */
  readonly reserved?: readonly Condition[];
  /** Hints: decoded, but not what the compressor chooses. */
  readonly hint?: readonly Condition[];
  /** A second way to reach an encoding, for the compressor only. */
  readonly compressOnly?: boolean;
}

const NZ_IMM = { reserved: ['imm=0'] } as const;
const NZ_RD = { reserved: ['rd=0'] } as const;
const IMM6 = '12=5 6=4:0';

/** Quadrants 0 and 1 and 2 with funct3: match and mask of bits 15:13 and 1:0. */
const at = (quadrant: number, funct3: number) => ({ match: (funct3 << 13) | quadrant, mask: 0xe003 });
/** Register-register arithmetic in quadrant 1: bit 12, bits 11:10 = 3, bits 6:5. */
const arithmetic = (bit12: number, funct2: number) => ({
  match: 0x8c01 | (bit12 << 12) | (funct2 << 5),
  mask: 0xfc63,
});

const commutative = (name: string, base: string, encoding: { match: number; mask: number }) =>
  [
    { name, ...encoding, base, rd: 'p7', rs1: 'p7', rs2: 'p2' },
    { name, ...encoding, base, rd: 'p7', rs1: 'p2', rs2: 'p7', compressOnly: true },
  ] as const satisfies readonly CompressedRow[];

const SOURCES: readonly CompressedRow[] = [
  { name: 'c.addi4spn', ...at(0, 0), base: 'addi', rd: 'p2', rs1: 'x2', imm: '12=5:4|9:6|2|3', ...NZ_IMM },
  { name: 'c.fld', ...at(0, 1), base: 'fld', rd: 'p2', rs1: 'p7', imm: '12=5:3 6=7:6' },
  { name: 'c.lw', ...at(0, 2), base: 'lw', rd: 'p2', rs1: 'p7', imm: '12=5:3 6=2|6' },
  { name: 'c.ld', ...at(0, 3), base: 'ld', rd: 'p2', rs1: 'p7', imm: '12=5:3 6=7:6' },
  { name: 'c.fsd', ...at(0, 5), base: 'fsd', rs2: 'p2', rs1: 'p7', imm: '12=5:3 6=7:6' },
  { name: 'c.sw', ...at(0, 6), base: 'sw', rs2: 'p2', rs1: 'p7', imm: '12=5:3 6=2|6' },
  { name: 'c.sd', ...at(0, 7), base: 'sd', rs2: 'p2', rs1: 'p7', imm: '12=5:3 6=7:6' },

  { name: 'c.nop', match: 0x0001, mask: 0xffff, base: 'addi', rd: 'x0', rs1: 'x0' },
  {
    name: 'c.addi',
    ...at(1, 0),
    base: 'addi',
    rd: 'r7',
    rs1: 'r7',
    imm: IMM6,
    signed: true,
    hint: ['rd=0', 'imm=0'],
  },
  { name: 'c.addiw', ...at(1, 1), base: 'addiw', rd: 'r7', rs1: 'r7', imm: IMM6, signed: true, ...NZ_RD },
  { name: 'c.li', ...at(1, 2), base: 'addi', rd: 'r7', rs1: 'x0', imm: IMM6, signed: true, hint: ['rd=0'] },
  {
    name: 'c.addi16sp',
    match: 0x6101,
    mask: 0xef83,
    base: 'addi',
    rd: 'x2',
    rs1: 'x2',
    imm: '12=9 6=4|6|8:7|5',
    signed: true,
    ...NZ_IMM,
  },
  {
    name: 'c.lui',
    ...at(1, 3),
    base: 'lui',
    rd: 'r7',
    imm: '12=17 6=16:12',
    signed: true,
    reserved: ['imm=0', 'rd=2'],
    hint: ['rd=0'],
  },
  {
    name: 'c.srli',
    match: 0x8001,
    mask: 0xec03,
    base: 'srli',
    rd: 'p7',
    rs1: 'p7',
    imm: IMM6,
    hint: ['imm=0'],
  },
  {
    name: 'c.srai',
    match: 0x8401,
    mask: 0xec03,
    base: 'srai',
    rd: 'p7',
    rs1: 'p7',
    imm: IMM6,
    hint: ['imm=0'],
  },
  { name: 'c.andi', match: 0x8801, mask: 0xec03, base: 'andi', rd: 'p7', rs1: 'p7', imm: IMM6, signed: true },
  { name: 'c.sub', ...arithmetic(0, 0), base: 'sub', rd: 'p7', rs1: 'p7', rs2: 'p2' },
  ...commutative('c.xor', 'xor', arithmetic(0, 1)),
  ...commutative('c.or', 'or', arithmetic(0, 2)),
  ...commutative('c.and', 'and', arithmetic(0, 3)),
  { name: 'c.subw', ...arithmetic(1, 0), base: 'subw', rd: 'p7', rs1: 'p7', rs2: 'p2' },
  ...commutative('c.addw', 'addw', arithmetic(1, 1)),
  { name: 'c.j', ...at(1, 5), base: 'jal', rd: 'x0', imm: '12=11|4|9:8|10|6|7|3:1|5', signed: true },
  {
    name: 'c.beqz',
    ...at(1, 6),
    base: 'beq',
    rs1: 'p7',
    rs2: 'x0',
    imm: '12=8|4:3 6=7:6|2:1|5',
    signed: true,
  },
  {
    name: 'c.bnez',
    ...at(1, 7),
    base: 'bne',
    rs1: 'p7',
    rs2: 'x0',
    imm: '12=8|4:3 6=7:6|2:1|5',
    signed: true,
  },

  { name: 'c.slli', ...at(2, 0), base: 'slli', rd: 'r7', rs1: 'r7', imm: IMM6, hint: ['rd=0', 'imm=0'] },
  { name: 'c.fldsp', ...at(2, 1), base: 'fld', rd: 'r7', rs1: 'x2', imm: '12=5 6=4:3|8:6' },
  { name: 'c.lwsp', ...at(2, 2), base: 'lw', rd: 'r7', rs1: 'x2', imm: '12=5 6=4:2|7:6', ...NZ_RD },
  { name: 'c.ldsp', ...at(2, 3), base: 'ld', rd: 'r7', rs1: 'x2', imm: '12=5 6=4:3|8:6', ...NZ_RD },
  { name: 'c.jr', match: 0x8002, mask: 0xf07f, base: 'jalr', rd: 'x0', rs1: 'r7', reserved: ['rs1=0'] },
  {
    name: 'c.mv',
    match: 0x8002,
    mask: 0xf003,
    base: 'add',
    rd: 'r7',
    rs1: 'x0',
    rs2: 'r2',
    reserved: ['rs2=0'],
    hint: ['rd=0'],
  },
  // "mv rd, rs" is written as an addi of zero.
  {
    name: 'c.mv',
    match: 0x8002,
    mask: 0xf003,
    base: 'addi',
    rd: 'r7',
    rs1: 'r2',
    hint: ['rd=0', 'rs1=0'],
    compressOnly: true,
  },
  { name: 'c.ebreak', match: 0x9002, mask: 0xffff, base: 'ebreak' },
  { name: 'c.jalr', match: 0x9002, mask: 0xf07f, base: 'jalr', rd: 'x1', rs1: 'r7', reserved: ['rs1=0'] },
  {
    name: 'c.add',
    match: 0x9002,
    mask: 0xf003,
    base: 'add',
    rd: 'r7',
    rs1: 'r7',
    rs2: 'r2',
    reserved: ['rs2=0'],
    hint: ['rd=0'],
  },
  {
    name: 'c.add',
    match: 0x9002,
    mask: 0xf003,
    base: 'add',
    rd: 'r7',
    rs1: 'r2',
    rs2: 'r7',
    hint: ['rd=0', 'rs1=0'],
    compressOnly: true,
  },
  { name: 'c.fsdsp', ...at(2, 5), base: 'fsd', rs2: 'r2', rs1: 'x2', imm: '12=5:3|8:6' },
  { name: 'c.swsp', ...at(2, 6), base: 'sw', rs2: 'r2', rs1: 'x2', imm: '12=5:2|7:6' },
  { name: 'c.sdsp', ...at(2, 7), base: 'sd', rs2: 'r2', rs1: 'x2', imm: '12=5:3|8:6' },
];

/** A row made ready for use. */
export interface Compressed {
  readonly name: string;
  readonly match: number;
  readonly mask: number;
  /** Id of the base instruction. */
  readonly base: number;
  readonly rd: RegisterPlace;
  readonly rs1: RegisterPlace;
  readonly rs2: RegisterPlace;
  /** For each bit: its place in the word, its place in the immediate. */
  readonly bits: readonly (readonly [number, number])[];
  /** The bits of the immediate that the word has. */
  readonly reach: number;
  /** Sign bit of the immediate, or −1. */
  readonly signBit: number;
  readonly reserved: readonly Condition[];
  readonly hint: readonly Condition[];
  readonly compressOnly: boolean;
}

/** The operands that a 16-bit instruction has in assembly text, in order. */
export function compressedOperands(row: Compressed): Operand[] {
  const base = ROWS[row.base]!;
  const float = base.extension === 'D';
  const variable = (place: RegisterPlace): boolean => place !== 'x0' && place !== 'x1';
  const operands: Operand[] = [];
  if (variable(row.rd)) operands.push(float ? 'fd' : 'rd');
  if (base.access !== undefined) {
    if (row.rs2 !== 'x0') operands.push(float ? 'fs2' : 'rs2');
    return [...operands, 'mem'];
  }
  if (variable(row.rs1) && (row.rs1 !== row.rd || row.rd === 'x0')) operands.push('rs1');
  if (variable(row.rs2)) operands.push('rs2');
  if (row.bits.length > 0) {
    operands.push(base.immediate === 'b' || base.immediate === 'j' ? 'target' : 'imm');
  }
  return operands;
}

function parseBits(places: string): (readonly [number, number])[] {
  const bits: [number, number][] = [];
  for (const piece of places.split(' ')) {
    const [start, list] = piece.split('=') as [string, string];
    let inWord = Number(start);
    for (const range of list.split('|')) {
      const [high, low = high] = range.split(':').map(Number) as [number, number?];
      for (let bit = high; bit >= low; bit--) bits.push([inWord--, bit]);
    }
  }
  return bits;
}

export const COMPRESSED: readonly Compressed[] = SOURCES.map((source) => {
  const bits = source.imm === undefined ? [] : parseBits(source.imm);
  return {
    name: source.name,
    match: source.match,
    mask: source.mask,
    base: idOf(source.base),
    rd: source.rd ?? 'x0',
    rs1: source.rs1 ?? 'x0',
    rs2: source.rs2 ?? 'x0',
    bits,
    reach: bits.reduce((reach, [, bit]) => reach | (1 << bit), 0),
    signBit: source.signed ? Math.max(...bits.map(([, bit]) => bit)) : -1,
    reserved: source.reserved ?? [],
    hint: source.hint ?? [],
    compressOnly: source.compressOnly ?? false,
  };
});

function readRegister(place: RegisterPlace, half: number): number {
  switch (place) {
    case 'x0':
      return 0;
    case 'x1':
      return 1;
    case 'x2':
      return 2;
    case 'r7':
      return (half >> 7) & 31;
    case 'r2':
      return (half >> 2) & 31;
    case 'p7':
      return 8 + ((half >> 7) & 7);
    case 'p2':
      return 8 + ((half >> 2) & 7);
  }
}

/** The bits that put `register` in its place, or −1 if it does not fit. */
function writeRegister(place: RegisterPlace, register: number): number {
  switch (place) {
    case 'x0':
      return register === 0 ? 0 : -1;
    case 'x1':
      return register === 1 ? 0 : -1;
    case 'x2':
      return register === 2 ? 0 : -1;
    case 'r7':
      return register << 7;
    case 'r2':
      return register << 2;
    case 'p7':
      return register >= 8 && register < 16 ? (register - 8) << 7 : -1;
    case 'p2':
      return register >= 8 && register < 16 ? (register - 8) << 2 : -1;
  }
}

function holds(conditions: readonly Condition[], rd: number, rs1: number, rs2: number, imm: number): boolean {
  for (const condition of conditions) {
    switch (condition) {
      case 'imm=0':
        if (imm === 0) return true;
        break;
      case 'rd=0':
        if (rd === 0) return true;
        break;
      case 'rd=2':
        if (rd === 2) return true;
        break;
      case 'rs1=0':
        if (rs1 === 0) return true;
        break;
      case 'rs2=0':
        if (rs2 === 0) return true;
        break;
    }
  }
  return false;
}

/** Decoding candidates by quadrant (bits 1:0) and bits 15:13. */
const decodeBuckets: Compressed[][] = Array.from({ length: 32 }, (_, key) =>
  COMPRESSED.filter(
    (row) => !row.compressOnly && (row.match & 3) === (key & 3) && row.match >> 13 === key >> 2,
  ),
);

/** Expands a 16-bit instruction into `out` (id −1 if it is none); returns its row. */
export function expand(half: number, out: Instruction): Compressed | undefined {
  out.word = half;
  out.length = 2;
  out.rs3 = 0;
  out.rm = 0;
  for (const row of decodeBuckets[((half >> 13) << 2) | (half & 3)]!) {
    if ((half & row.mask) !== row.match) continue;
    const rd = readRegister(row.rd, half);
    const rs1 = readRegister(row.rs1, half);
    const rs2 = readRegister(row.rs2, half);
    let imm = 0;
    for (const [inWord, bit] of row.bits) imm |= ((half >> inWord) & 1) << bit;
    if (row.signBit >= 0) imm = (imm << (31 - row.signBit)) >> (31 - row.signBit);
    if (holds(row.reserved, rd, rs1, rs2, imm)) continue;
    out.id = row.base;
    out.rd = rd;
    out.rs1 = rs1;
    out.rs2 = rs2;
    out.imm = imm;
    return row;
  }
  out.id = -1;
  return undefined;
}

const compressBuckets = new Map<number, Compressed[]>();
for (const row of COMPRESSED) {
  const bucket = compressBuckets.get(row.base);
  if (bucket) bucket.push(row);
  else compressBuckets.set(row.base, [row]);
}

/** The 16-bit encoding of a base instruction with these operands, or −1 if there is none. */
export function compress(id: number, rd: number, rs1: number, rs2: number, imm: number): number {
  const rows = compressBuckets.get(id);
  if (rows === undefined) return -1;
  for (const row of rows) {
    const kept = imm & row.reach;
    const represented = row.signBit >= 0 ? (kept << (31 - row.signBit)) >> (31 - row.signBit) : kept;
    if (represented !== imm) continue;
    const d = writeRegister(row.rd, rd);
    const a = writeRegister(row.rs1, rs1);
    const b = writeRegister(row.rs2, rs2);
    if (d < 0 || a < 0 || b < 0) continue;
    // Two operands in one place must be the same register.
    if (row.rd === row.rs1 && rd !== rs1) continue;
    if (row.rd === row.rs2 && rd !== rs2) continue;
    if (holds(row.reserved, rd, rs1, rs2, imm) || holds(row.hint, rd, rs1, rs2, imm)) continue;
    let word = row.match | d | a | b;
    for (const [inWord, bit] of row.bits) word |= ((imm >> bit) & 1) << inWord;
    return word;
  }
  return -1;
}
