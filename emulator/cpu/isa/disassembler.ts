/** From instruction words to assembly text, in the form of GNU objdump, from the rows of the table. */
import { type Alias, aliasesByBase } from './aliases.ts';
import { compressedOperands, expand } from './compressed.ts';
import { csrName } from './csr-names.ts';
import { decode, ignoredBits } from './decode.ts';
import { DYNAMIC_ROUNDING, ROUNDING_MODES } from './encode.ts';
import { Instruction } from './instruction.ts';
import { F_NAMES, X_NAMES } from './registers.ts';
import type { Operand } from './row.ts';
import { ROWS } from './table.ts';

export interface DisassemblyOptions {
  /** Prefer pseudo-instructions, as objdump does by default. */
  readonly aliases?: boolean;
  /** The symbol at or below an address, for jump targets: "name" or "name+0x10". */
  readonly symbol?: (address: bigint) => string | undefined;
}

const ACQUIRE_RELEASE = ['', '.rl', '.aq', '.aqrl'];

/** Access sets of a fence: i o r w from bit 3 to bit 0. */
export function fenceSet(bits: number): string {
  const set = [...'iorw'].filter((_, i) => (bits >> (3 - i)) & 1).join('');
  return set === '' ? 'unknown' : set;
}

function operandText(operand: Operand, i: Instruction, pc: bigint, options: DisassemblyOptions): string {
  switch (operand) {
    case 'rd':
      return X_NAMES[i.rd]!;
    case 'rs1':
      return X_NAMES[i.rs1]!;
    case 'rs2':
      return X_NAMES[i.rs2]!;
    case 'rs3':
      return X_NAMES[i.rs3]!;
    case 'fd':
      return F_NAMES[i.rd]!;
    case 'fs1':
      return F_NAMES[i.rs1]!;
    case 'fs2':
      return F_NAMES[i.rs2]!;
    case 'fs3':
      return F_NAMES[i.rs3]!;
    case 'imm': {
      const { immediate } = ROWS[i.id]!;
      if (immediate === 'u') return `0x${((i.imm >>> 12) & 0xfffff).toString(16)}`;
      return immediate === 'shamt5' || immediate === 'shamt6' ? `0x${i.imm.toString(16)}` : `${i.imm}`;
    }
    case 'mem':
      return `${i.imm}(${X_NAMES[i.rs1]})`;
    case 'addr':
      return `(${X_NAMES[i.rs1]})`;
    case 'target': {
      const address = BigInt.asUintN(64, pc + BigInt(i.imm));
      const symbol = options.symbol?.(address);
      return address.toString(16) + (symbol === undefined ? '' : ` <${symbol}>`);
    }
    case 'csr':
      return csrName(i.imm) ?? `0x${i.imm.toString(16)}`;
    case 'zimm':
      return `${i.rs1}`;
    case 'fence':
      return `${fenceSet(i.imm >> 4)},${fenceSet(i.imm)}`;
    case 'rm':
      return i.rm === DYNAMIC_ROUNDING ? '' : (ROUNDING_MODES[i.rm] ?? 'unknown');
    case 'rm0':
      return i.rm === 0 ? '' : (ROUNDING_MODES[i.rm] ?? 'unknown');
  }
}

function fits(alias: Alias, i: Instruction): boolean {
  const { rd, rs1, rs2, imm } = alias.fixed;
  return (
    !alias.assembleOnly &&
    (rd === undefined || rd === i.rd) &&
    (rs1 === undefined || rs1 === i.rs1) &&
    (rs2 === undefined || (rs2 === 'rs1' ? i.rs1 : rs2) === i.rs2) &&
    (imm === undefined || imm === i.imm)
  );
}

const shared = new Instruction();

/** One instruction as text: the mnemonic, a tab, the operands separated by commas. */
export function disassemble(word: number, pc: bigint = 0n, options: DisassemblyOptions = {}): string {
  const i = decode(word, shared);
  const raw = `0x${i.word.toString(16).padStart(i.length * 2, '0')}`;
  if (i.length === 2 && i.word === 0) return options.aliases === false ? 'c.unimp' : 'unimp';
  if (i.id < 0) return `.insn\t${i.length}, ${raw}`;
  const row = ROWS[i.id]!;
  if (i.length === 4 && (i.word & ignoredBits(row)) !== 0) {
    // Reserved fields that hardware ignores: show the base form, which cannot mislead.
    return render(row.name, row.operands, i, pc, options);
  }
  if (options.aliases === false) {
    return i.length === 2 ? renderCompressed(i, pc, options) : render(row.name, row.operands, i, pc, options);
  }
  const alias = aliasesByBase.get(i.id)?.find((candidate) => fits(candidate, i));
  if (alias) return render(alias.name, alias.operands, i, pc, options);
  return render(row.name, row.operands, i, pc, options);
}

function render(
  name: string,
  operands: readonly Operand[],
  i: Instruction,
  pc: bigint,
  options: DisassemblyOptions,
): string {
  const suffix = ROWS[i.id]!.immediate === 'aqrl' ? ACQUIRE_RELEASE[i.imm] : '';
  const text = operands
    .map((operand) => operandText(operand, i, pc, options))
    .filter((part) => part !== '')
    .join(',');
  return text === '' ? name + suffix : `${name}${suffix}\t${text}`;
}

/** A 16-bit instruction under its own name, with the operands that its encoding has. */
function renderCompressed(i: Instruction, pc: bigint, options: DisassemblyOptions): string {
  const row = expand(i.word, i)!;
  return render(row.name, compressedOperands(row), i, pc, options);
}
