/** From ids and fields to instruction words. Derived from the table; a field out of range is an error. */
import { compress } from './compressed.ts';
import { operandFields } from './decode.ts';
import { immediateRange, writeImmediate } from './immediates.ts';
import { ROWS } from './table.ts';

export { compress };

/** A field that does not fit the encoding; the assembler and the compiler turn it into an error of their own. */
export class EncodingError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'EncodingError';
  }
}

const fieldsById: number[] = ROWS.map(operandFields);

/** Rounding modes by number, as assembly writes them; 5 and 6 are reserved. */
export const ROUNDING_MODES = ['rne', 'rtz', 'rdn', 'rup', 'rmm', undefined, undefined, 'dyn'] as const;
export const DYNAMIC_ROUNDING = 7;

/**
 * The 32-bit word of an instruction. Fields that the row has no operand for must be 0 or left out.
 *
 * @param imm as `readImmediate` gives it: a byte offset for branches, a multiple of 4096 for lui and auipc
 * @throws EncodingError if a field is out of range
 */
export function encode(
  id: number,
  rd = 0,
  rs1 = 0,
  rs2 = 0,
  imm = 0,
  rs3 = 0,
  rm = fieldsById[id]! & 16 ? DYNAMIC_ROUNDING : 0,
): number {
  const row = ROWS[id]!;
  const fields = fieldsById[id]!;
  const wrongRegister =
    (fields & 1 ? rd >>> 0 > 31 : rd !== 0) ||
    (fields & 2 ? rs1 >>> 0 > 31 : rs1 !== 0) ||
    (fields & 4 ? rs2 >>> 0 > 31 : rs2 !== 0) ||
    (fields & 8 ? rs3 >>> 0 > 31 : rs3 !== 0) ||
    (fields & 16 ? rm >>> 0 > 7 : rm !== 0);
  if (wrongRegister) {
    throw new EncodingError(
      `${row.name}: rd=${rd} rs1=${rs1} rs2=${rs2} rs3=${rs3} rm=${rm} do not fit its operands (${row.operands})`,
    );
  }
  const [low, high, step] = immediateRange(row.immediate);
  if (imm < low || imm > high || imm % step !== 0) {
    const shape = step === 1 ? '' : ` in steps of ${step}`;
    throw new EncodingError(`${row.name}: ${imm} is not in ${low}…${high}${shape}`);
  }
  const word =
    row.match |
    (rd << 7) |
    (rs1 << 15) |
    (rs2 << 20) |
    (rs3 << 27) |
    (rm << 12) |
    writeImmediate(row.immediate, imm);
  return word >>> 0;
}
