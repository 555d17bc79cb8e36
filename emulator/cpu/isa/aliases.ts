/**
 * Pseudo-instructions that stand for one instruction (assembly programmer's manual, "pseudoinstructions"), as
 * rows: the assembler reads them forwards and the disassembler backwards. The first alias of a base instruction
 * that matches is the one that is printed.
 */
import type { Operand } from './row.ts';
import { idOf } from './table.ts';

/** Fixed fields; `same` copies another field. */
interface Fixed {
  readonly rd?: number;
  readonly rs1?: number;
  readonly rs2?: number | 'rs1';
  readonly imm?: number;
}

export interface Alias {
  readonly name: string;
  readonly operands: readonly Operand[];
  readonly base: number;
  readonly fixed: Fixed;
  /** Only for reading: the disassembler prints another form. */
  readonly assembleOnly: boolean;
}

const ALIASES: Alias[] = [];

function alias(name: string, operands: string, base: string, fixed: Fixed, assembleOnly = false): void {
  ALIASES.push({
    name,
    operands: operands === '' ? [] : (operands.split(',') as Operand[]),
    base: idOf(base),
    fixed,
    assembleOnly,
  });
}

alias('nop', '', 'addi', { rd: 0, rs1: 0, imm: 0 });
alias('li', 'rd,imm', 'addi', { rs1: 0 });
alias('mv', 'rd,rs1', 'addi', { imm: 0 });
alias('mv', 'rd,rs2', 'add', { rs1: 0 });
alias('not', 'rd,rs1', 'xori', { imm: -1 });
alias('neg', 'rd,rs2', 'sub', { rs1: 0 });
alias('negw', 'rd,rs2', 'subw', { rs1: 0 });
alias('sext.w', 'rd,rs1', 'addiw', { imm: 0 });
alias('zext.b', 'rd,rs1', 'andi', { imm: 255 });
alias('zext.w', 'rd,rs1', 'add.uw', { rs2: 0 });
alias('seqz', 'rd,rs1', 'sltiu', { imm: 1 });
alias('snez', 'rd,rs2', 'sltu', { rs1: 0 });
alias('sltz', 'rd,rs1', 'slt', { rs2: 0 });
alias('sgtz', 'rd,rs2', 'slt', { rs1: 0 });
alias('beqz', 'rs1,target', 'beq', { rs2: 0 });
alias('bnez', 'rs1,target', 'bne', { rs2: 0 });
alias('blez', 'rs2,target', 'bge', { rs1: 0 });
alias('bgez', 'rs1,target', 'bge', { rs2: 0 });
alias('bltz', 'rs1,target', 'blt', { rs2: 0 });
alias('bgtz', 'rs2,target', 'blt', { rs1: 0 });
alias('j', 'target', 'jal', { rd: 0 });
alias('jal', 'target', 'jal', { rd: 1 });
alias('ret', '', 'jalr', { rd: 0, rs1: 1, imm: 0 });
alias('jr', 'rs1', 'jalr', { rd: 0, imm: 0 });
alias('jr', 'mem', 'jalr', { rd: 0 });
alias('jalr', 'rs1', 'jalr', { rd: 1, imm: 0 });
alias('jalr', 'mem', 'jalr', { rd: 1 });
alias('jalr', 'rd,rs1', 'jalr', { imm: 0 });
alias('unimp', '', 'csrrw', { rd: 0, rs1: 0, imm: 0xc00 });
alias('rdcycle', 'rd', 'csrrs', { rs1: 0, imm: 0xc00 });
alias('rdtime', 'rd', 'csrrs', { rs1: 0, imm: 0xc01 });
alias('rdinstret', 'rd', 'csrrs', { rs1: 0, imm: 0xc02 });
for (const [suffix, number] of [
  ['flags', 1],
  ['rm', 2],
  ['csr', 3],
] as const) {
  const write = number === 3 ? 'fscsr' : `fs${suffix}`;
  alias(`fr${suffix}`, 'rd', 'csrrs', { rs1: 0, imm: number });
  alias(write, 'rs1', 'csrrw', { rd: 0, imm: number });
  alias(write, 'rd,rs1', 'csrrw', { imm: number });
  if (number !== 3) {
    alias(`${write}i`, 'zimm', 'csrrwi', { rd: 0, imm: number }, true);
    alias(`${write}i`, 'rd,zimm', 'csrrwi', { imm: number });
  }
}
alias('csrr', 'rd,csr', 'csrrs', { rs1: 0 });
alias('csrw', 'csr,rs1', 'csrrw', { rd: 0 });
alias('csrs', 'csr,rs1', 'csrrs', { rd: 0 });
alias('csrc', 'csr,rs1', 'csrrc', { rd: 0 });
alias('csrwi', 'csr,zimm', 'csrrwi', { rd: 0 });
alias('csrsi', 'csr,zimm', 'csrrsi', { rd: 0 });
alias('csrci', 'csr,zimm', 'csrrci', { rd: 0 });
for (const s of ['s', 'd']) {
  alias(`fmv.${s}`, 'fd,fs1', `fsgnj.${s}`, { rs2: 'rs1' });
  alias(`fneg.${s}`, 'fd,fs1', `fsgnjn.${s}`, { rs2: 'rs1' });
  alias(`fabs.${s}`, 'fd,fs1', `fsgnjx.${s}`, { rs2: 'rs1' });
  alias(`fgt.${s}`, 'rd,fs2,fs1', `flt.${s}`, {}, true);
  alias(`fge.${s}`, 'rd,fs2,fs1', `fle.${s}`, {}, true);
}
alias('fmv.x.s', 'rd,fs1', 'fmv.x.w', {}, true);
alias('fmv.s.x', 'fd,rs1', 'fmv.w.x', {}, true);
alias('fence', '', 'fence', { imm: 0x0ff });
alias('pause', '', 'fence', { imm: 0x010 });
alias('fence.tso', '', 'fence', { imm: 0x833 });
alias('sfence.vma', '', 'sfence.vma', { rs1: 0, rs2: 0 });
alias('sfence.vma', 'rs1', 'sfence.vma', { rs2: 0 });

for (const [swapped, base] of [
  ['bgt', 'blt'],
  ['ble', 'bge'],
  ['bgtu', 'bltu'],
  ['bleu', 'bgeu'],
] as const) {
  alias(swapped, 'rs2,rs1,target', base, {}, true);
}
alias('sgt', 'rd,rs2,rs1', 'slt', {}, true);
alias('sgtu', 'rd,rs2,rs1', 'sltu', {}, true);
alias('jalr', 'rd,rs1,imm', 'jalr', {}, true);
alias('scall', '', 'ecall', {}, true);
alias('sbreak', '', 'ebreak', {}, true);
// The register form's name with an immediate, as GNU as accepts it.
for (const name of [
  'add',
  'slt',
  'sltu',
  'and',
  'or',
  'xor',
  'sll',
  'srl',
  'sra',
  'addw',
  'sllw',
  'srlw',
  'sraw',
]) {
  const base = name.endsWith('w') ? `${name.slice(0, -1)}iw` : name === 'sltu' ? 'sltiu' : `${name}i`;
  alias(name, 'rd,rs1,imm', base, {}, true);
}
for (const name of ['ror', 'bclr', 'bext', 'binv', 'bset']) alias(name, 'rd,rs1,imm', `${name}i`, {}, true);
alias('rorw', 'rd,rs1,imm', 'roriw', {}, true);
for (const [name, base] of [
  ['csrw', 'csrrwi'],
  ['csrs', 'csrrsi'],
  ['csrc', 'csrrci'],
] as const) {
  alias(name, 'csr,zimm', base, { rd: 0 }, true);
}
for (const name of ['csrrw', 'csrrs', 'csrrc']) alias(name, 'rd,csr,zimm', `${name}i`, {}, true);

function groupBy<K>(key: (alias: Alias) => K): Map<K, Alias[]> {
  const groups = new Map<K, Alias[]>();
  for (const alias of ALIASES) {
    const group = groups.get(key(alias));
    if (group) group.push(alias);
    else groups.set(key(alias), [alias]);
  }
  return groups;
}

/** The aliases with a name, in the order in which to try them. */
export const aliasesByName: ReadonlyMap<string, readonly Alias[]> = groupBy((a) => a.name);
/** The aliases of a base instruction, in the order in which to try them. */
export const aliasesByBase: ReadonlyMap<number, readonly Alias[]> = groupBy((a) => a.base);
