/** A decoded instruction: the id of its row and its operand fields, as plain numbers. */
export class Instruction {
  /** Index into ROWS, or −1 for an illegal word. */
  id = -1;
  /** Register numbers, integer or floating-point as the row's operands say; 0 where there is none. */
  rd = 0;
  rs1 = 0;
  rs2 = 0;
  rs3 = 0;
  /** Bits 14:12 (the rounding mode of floating-point rows). */
  rm = 0;
  /** The immediate as `readImmediate` gives it. */
  imm = 0;
  /** Bytes: 2 or 4. */
  length = 4;
  /** The raw bits, 16 or 32 of them, unsigned. */
  word = 0;
}
