/**
 * Writes the table of a program's functions and lines (guest/abi/symbols.ts) from its ELF: what the kernel's reports name. A
 * tenth of what DWARF takes, and a few lines of code to read.
 */
import { STT } from '../../emulator/elf/constants.ts';
import { readElf } from '../../emulator/elf/reader.ts';
import { Frames } from '../debugger/dwarf/frames.ts';
import { readLineUnits } from '../debugger/dwarf/lines.ts';
import type { Layouts } from './layouts.ts';

interface Row {
  readonly address: bigint;
  readonly file: string;
  readonly line: number;
}

/** Bytes that grow. */
class Bytes {
  readonly bytes: number[] = [];

  leb(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.bytes.push((rest % 0x80) | 0x80);
    this.bytes.push(rest);
  }
}

/** Texts, each once. */
class Texts {
  private readonly places = new Map<string, number>();
  private readonly parts: Uint8Array[] = [];
  size = 0;

  place(text: string): number {
    const known = this.places.get(text);
    if (known !== undefined) return known;
    const place = this.size;
    const bytes = new TextEncoder().encode(`${text}\0`);
    this.parts.push(bytes);
    this.places.set(text, place);
    this.size += bytes.length;
    return place;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.parts.flatMap((part) => [...part]));
  }
}

/** The rows of all lines, by address, without those that say nothing new. */
function linesOf(sections: (name: string) => Uint8Array): Row[] {
  const rows = readLineUnits({
    line: sections('.debug_line'),
    lineStr: sections('.debug_line_str'),
    str: sections('.debug_str'),
  }).flatMap((unit) => unit.rows);
  return rows
    .filter((row) => !row.end && row.line > 0)
    .sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
}

/** psABI numbers of registers. */
const RA = 1;
const SP = 2;

/** Bytes of the largest frame of the function at `start`, and where below its upper end the return address is. */
function frameOf(frames: Frames, start: bigint): { frame: number; link: number } {
  let frame = 0;
  let link = 0;
  for (const { cfa, registers } of frames.rows(start)) {
    if (cfa instanceof Uint8Array || cfa.register !== SP) continue;
    const ra = registers.get(RA);
    const size = Number(cfa.offset);
    if (ra?.kind !== 'offset' || size < frame || size > 0xffff) continue;
    frame = size;
    link = -Number(ra.offset);
  }
  return { frame, link };
}

/** The table; empty for a file without functions. */
export function writeSymbols(elf: Uint8Array, name: string, layouts: Layouts): Uint8Array {
  const file = readElf(elf, name);
  const functions = file.symbols
    .filter(({ type, name: symbol }) => type === STT.FUNC && symbol !== '')
    .sort((a, b) => (a.value < b.value ? -1 : a.value > b.value ? 1 : 0))
    .filter(({ value }, i, all) => i === 0 || all[i - 1]!.value !== value);
  if (functions.length === 0) return new Uint8Array();
  const base = functions[0]!.value;
  const section = (wanted: string): Uint8Array =>
    file.sections.find((one) => one.name === wanted)?.data ?? new Uint8Array();
  const rows = linesOf(section);
  const frames = new Frames(section('.debug_frame'), new Uint8Array(), 0n);
  const texts = new Texts();
  const stream = new Bytes();
  const tableSize = layouts.struct('SymbolTable').size;
  const functionSize = layouts.struct('SymbolFunction').size;
  const head = new DataView(new ArrayBuffer(tableSize + functions.length * functionSize));
  let next = 0;
  functions.forEach(({ value, name: symbol }, i) => {
    const at = tableSize + i * functionSize;
    const put = (field: string, number: number): void =>
      head.setUint32(at + layouts.offset('SymbolFunction', field), number, true);
    put('start', Number(value - base));
    put('name', texts.place(symbol));
    put('rows', stream.bytes.length);
    const { frame, link } = frameOf(frames, value);
    head.setUint16(at + layouts.offset('SymbolFunction', 'frame'), frame, true);
    head.setUint16(at + layouts.offset('SymbolFunction', 'link'), link, true);
    const end = functions[i + 1]?.value ?? 1n << 64n;
    while (next < rows.length && rows[next]!.address < value) next++;
    let last: Row | undefined;
    for (; next < rows.length && rows[next]!.address < end; next++) {
      const row = rows[next]!;
      // Of rows for one address the last counts.
      if (rows[next + 1]?.address === row.address) continue;
      if (last === undefined) {
        put('file', texts.place(row.file));
        put('line', row.line);
        last = { ...row, address: value };
        continue;
      }
      if (row.file === last.file && row.line === last.line) continue;
      const difference = row.line - last.line;
      const zigzag = difference >= 0 ? difference * 2 : -difference * 2 - 1;
      stream.leb(Number(row.address - last.address));
      stream.leb(zigzag * 2 + (row.file === last.file ? 0 : 1));
      if (row.file !== last.file) stream.leb(texts.place(row.file));
      last = row;
    }
  });
  const put = (field: string, number: number): void =>
    head.setUint32(layouts.offset('SymbolTable', field), number, true);
  const rowsAt = head.byteLength;
  const textAt = rowsAt + stream.bytes.length;
  put('magic', Number(layouts.constant('SYMBOLS_MAGIC')));
  put('functions', functions.length);
  put('rows', rowsAt);
  put('text', textAt);
  put('size', textAt + texts.size);
  head.setBigUint64(layouts.offset('SymbolTable', 'base'), base, true);
  const table = new Uint8Array(textAt + texts.size);
  table.set(new Uint8Array(head.buffer));
  table.set(stream.bytes, rowsAt);
  table.set(texts.bytes, textAt);
  return table;
}
