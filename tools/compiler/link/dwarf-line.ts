/** The line number program (DWARF 5, section 6.2): one sequence for each function. */
import { LNE, LNS } from '../../dwarf/constants.ts';
import type { Sym } from '../ir/ir.ts';
import type { CompiledFunc } from '../riscv/emit.ts';
import type { DebugBuffer } from './debug-buffer.ts';
import type { ObjectSymbol } from './object.ts';
import type { SourcePlaces } from './source-places.ts';

/** Operand counts of the standard opcodes 1 to 12. */
const OPERANDS = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1];
const LINE_BASE = -5;
const LINE_RANGE = 14;
const OPCODE_BASE = 13;
const CONTENT = { path: 1, directoryIndex: 2 } as const;
const FORM = { string: 0x08, udata: 0x0f } as const;

export function writeLines(
  buffer: DebugBuffer,
  places: SourcePlaces,
  funcs: readonly CompiledFunc[],
  symbolOf: (sym: Sym) => ObjectSymbol,
): void {
  const unit = buffer.startUnit();
  buffer.u16(5);
  // Address size, segment selector size.
  buffer.u8(8);
  buffer.u8(0);
  const header = buffer.startUnit();
  // Instruction unit 1 byte, one operation each, rows are statements.
  buffer.raw([1, 1, 1, LINE_BASE & 0xff, LINE_RANGE, OPCODE_BASE, ...OPERANDS]);
  buffer.raw([1, CONTENT.path, FORM.string]);
  buffer.uleb(1);
  buffer.text(places.directory);
  buffer.raw([2, CONTENT.path, FORM.string, CONTENT.directoryIndex, FORM.udata]);
  buffer.uleb(places.files.length);
  for (const file of places.files) {
    buffer.text(file);
    buffer.uleb(0);
  }
  buffer.endUnit(header);
  for (const compiled of funcs) writeSequence(buffer, places, compiled, symbolOf(compiled.func));
  buffer.endUnit(unit);
}

function writeSequence(
  buffer: DebugBuffer,
  places: SourcePlaces,
  compiled: CompiledFunc,
  symbol: ObjectSymbol,
): void {
  const extended = (length: number, op: number): void => {
    buffer.u8(0);
    buffer.uleb(length);
    buffer.u8(op);
  };
  extended(9, LNE.setAddress);
  buffer.address(symbol);
  // The file is always set: readers disagree on whether the first one has number 0 or 1.
  let state = { address: 0, line: 1, file: -1, column: 0 };
  const rows = [...compiled.lines].sort((a, b) => a.offset - b.offset);
  rows.forEach(({ offset, what }, index) => {
    // Of several positions at one address the last one counts.
    if (rows[index + 1]?.offset === offset) return;
    const { file, line, column } = places.at(what);
    if (file !== state.file) {
      buffer.u8(LNS.setFile);
      buffer.uleb(file);
    }
    if (column !== state.column) {
      buffer.u8(LNS.setColumn);
      buffer.uleb(column);
    }
    const advance = offset - state.address;
    const delta = line - state.line;
    const special = delta - LINE_BASE + LINE_RANGE * advance + OPCODE_BASE;
    if (delta >= LINE_BASE && delta < LINE_BASE + LINE_RANGE && special <= 255) buffer.u8(special);
    else {
      if (advance > 0) {
        buffer.u8(LNS.advancePc);
        buffer.uleb(advance);
      }
      if (delta !== 0) {
        buffer.u8(LNS.advanceLine);
        buffer.sleb(delta);
      }
      buffer.u8(LNS.copy);
    }
    state = { address: offset, line, file, column };
  });
  buffer.u8(LNS.advancePc);
  buffer.uleb(compiled.bytes.length - state.address);
  extended(1, LNE.endSequence);
}
