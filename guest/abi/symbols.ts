/**
 * Names and lines of a program's code, for reports: an entry of the boot archive that the host's tools write beside each
 * program and for the kernel (tools/guest/symbols.ts), and that the kernel reads when a thread or the kernel itself comes to a bad end.
 *
 *   SymbolTable · SymbolFunction × functions, by address · rows · text (zero-terminated)
 *
 * Rows of a function, after the first, which the SymbolFunction has: LEB128 of the distance in bytes to the row before; LEB128 of
 * the zigzag of the difference of lines, times 2, plus 1 if the file is another, whose place in the text follows as LEB128.
 */
export const SYMBOLS_MAGIC = 0x4d59_5354;

export class SymbolTable {
  magic: u32;
  functions: u32;
  /** Offsets from the table's beginning, and its size. */
  rows: u32;
  text: u32;
  size: u32;
  reserved: u32;
  /** Address that `SymbolFunction.start` counts from. */
  base: u64;
}

export class SymbolFunction {
  start: u32;
  /** Places in the text. */
  name: u32;
  file: u32;
  /** Of the first row; 0: lines are not known. */
  line: u32;
  /** Where its rows begin, from `SymbolTable.rows` on; they end where the next function's begin. */
  rows: u32;
  /** Bytes of its stack frame after the prologue. */
  frame: u16;
  /** Bytes below the frame's upper end where the return address is; 0: not known, or never saved. */
  link: u16;
}

static_assert(sizeof<SymbolTable>() === 32 && sizeof<SymbolFunction>() === 24, 'SymbolTable');
