/**
 * Accesses to CSRs that are nothing but a cell (scratch registers, cause, exception pc …), written into regions, so
 * that a trap handler does not leave WebAssembly for each of them. Which these are, and their masks, comes from the
 * CSR table. All others are left to JavaScript.
 */
import { bin, type Expr, emit, i32, i64, load } from '../../wasm/expression.ts';
import { Op } from '../../wasm/opcodes.ts';
import { CsrFile, type Halves } from '../csr.ts';
import { STANDARD_CSRS } from '../csr-table.ts';
import type { Instruction } from '../isa/instruction.ts';
import { ROWS } from '../isa/table.ts';
import { HART } from '../state.ts';
import type { InstructionWriter } from './instruction-writer.ts';

const csrs = new CsrFile(STANDARD_CSRS);

const isAccess = (instruction: Instruction): boolean =>
  instruction.id >= 0 && ROWS[instruction.id]!.immediate === 'csr';

/** Whether this is a Zicsr instruction on a register that is just a cell. */
export const isSimpleCsrAccess = (instruction: Instruction): boolean =>
  isAccess(instruction) && csrs.simple(instruction.imm) !== undefined;

const toBigInt = ([lo, hi]: Halves): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

/** Writes what the instruction does; it leaves to the interpreter where the privilege is too low. */
export function writeCsrAccess(writer: InstructionWriter, instruction: Instruction): void {
  const { offset, privilege, mask } = csrs.simple(instruction.imm)!;
  const name = ROWS[instruction.id]!.name;
  const operation = name[4] as 'w' | 's' | 'c';
  const source = name.endsWith('i') ? i64(instruction.rs1) : writer.register(instruction.rs1);
  if (privilege > 0)
    writer.stepIf(bin(Op.i32LtS, load(Op.i32Load, writer.hart(), HART.privilege), i32(privilege)));
  const writable = toBigInt(mask);
  const old = writer.let(load(Op.i64Load, writer.hart(), offset));
  if (operation === 'w' || instruction.rs1 !== 0) {
    let value: Expr = source;
    if (operation === 's') value = bin(Op.i64Or, old, source);
    else if (operation === 'c') value = bin(Op.i64And, old, bin(Op.i64Xor, source, i64(-1)));
    if (writable !== 0xffff_ffff_ffff_ffffn) {
      const kept = bin(Op.i64And, old, i64(~writable));
      value = bin(Op.i64Or, kept, bin(Op.i64And, value, i64(writable)));
    }
    emit(writer.w, writer.hart());
    emit(writer.w, value);
    writer.w.memory(Op.i64Store, offset);
  }
  writer.setRd(old);
}
