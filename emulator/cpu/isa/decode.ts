/** From instruction words to ids and fields. Derived from the table; finding a row takes a bucket and a few compares. */
import { expand } from './compressed.ts';
import { immediateMask, readImmediate } from './immediates.ts';
import { Instruction } from './instruction.ts';
import type { ImmediateKind, InstructionRow } from './row.ts';
import { ROWS } from './table.ts';

/** Whether the low bits of a word (or its first half) say that it is a 16-bit instruction. */
export const isCompressed = (half: number): boolean => (half & 3) !== 3;

/** Candidate rows, most specific first, as flat arrays. */
interface Bucket {
  readonly ids: number[];
  readonly masks: number[];
  readonly matches: number[];
}

const FUNCT3 = 7 << 12;

function bitCount(value: number): number {
  let count = 0;
  for (let rest = value; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** By opcode (bits 6:2) and funct3. */
const buckets: Bucket[] = Array.from({ length: 256 }, (_, key) => {
  const word = ((key >> 3) << 2) | 3 | ((key & 7) << 12);
  const rows = ROWS.map((row, id) => ({ row, id })).filter(
    ({ row }) => (row.match & 0x7f) === (word & 0x7f) && ((row.match ^ word) & row.mask & FUNCT3) === 0,
  );
  rows.sort((a, b) => bitCount(b.row.mask) - bitCount(a.row.mask) || a.id - b.id);
  return {
    ids: rows.map(({ id }) => id),
    masks: rows.map(({ row }) => row.mask),
    matches: rows.map(({ row }) => row.match),
  };
});

const immediateKinds: ImmediateKind[] = ROWS.map((row) => row.immediate);

/** Which of rd, rs1, rs2, rs3, rm are operands of a row: bit 0 rd, 1 rs1, 2 rs2, 3 rs3, 4 rm. */
export function operandFields(row: InstructionRow): number {
  let fields = 0;
  for (const operand of row.operands) {
    if (operand === 'rd' || operand === 'fd') fields |= 1;
    else if (operand === 'rs1' || operand === 'fs1' || operand === 'zimm') fields |= 2;
    else if (operand === 'mem' || operand === 'addr') fields |= 2;
    else if (operand === 'rs2' || operand === 'fs2') fields |= 4;
    else if (operand === 'rs3' || operand === 'fs3') fields |= 8;
    else if (operand === 'rm' || operand === 'rm0') fields |= 16;
  }
  return fields;
}

const fieldsById: number[] = ROWS.map(operandFields);

/**
 * Decodes a word into `out`, or into a new instruction. Of a 16-bit instruction only the low half is looked at;
 * it comes out as the base instruction that it stands for, with length 2.
 */
export function decode(word: number, out: Instruction = new Instruction()): Instruction {
  if ((word & 3) !== 3) {
    expand(word & 0xffff, out);
    return out;
  }
  out.word = word >>> 0;
  out.length = 4;
  const bucket = buckets[((word & 0x7c) << 1) | ((word >>> 12) & 7)]!;
  const { masks, matches } = bucket;
  for (let i = 0; i < masks.length; i++) {
    if ((word & masks[i]!) !== matches[i]) continue;
    const id = bucket.ids[i]!;
    const fields = fieldsById[id]!;
    out.id = id;
    out.rd = fields & 1 ? (word >>> 7) & 31 : 0;
    out.rs1 = fields & 2 ? (word >>> 15) & 31 : 0;
    out.rs2 = fields & 4 ? (word >>> 20) & 31 : 0;
    out.rs3 = fields & 8 ? word >>> 27 : 0;
    out.rm = fields & 16 ? (word >>> 12) & 7 : 0;
    out.imm = readImmediate(immediateKinds[id]!, word);
    return out;
  }
  out.id = -1;
  return out;
}

/** Bits of the word that neither the opcode nor an operand of the row uses. */
export function ignoredBits(row: InstructionRow): number {
  const fields = operandFields(row);
  const operands =
    (fields & 1 ? 31 << 7 : 0) |
    (fields & 2 ? 31 << 15 : 0) |
    (fields & 4 ? 31 << 20 : 0) |
    (fields & 8 ? 31 << 27 : 0) |
    (fields & 16 ? 7 << 12 : 0);
  return ~(row.mask | operands | immediateMask(row.immediate));
}
