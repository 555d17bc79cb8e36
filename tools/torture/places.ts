/**
 * Names code addresses of an ELF file: symbol and offset from the symbol table, file and line from DWARF's line
 * number programs. Versions 4 and 5 of DWARF §6.2 are read; a unit of any other version, or that cannot be
 * read, has no lines.
 */
import { STT } from '../../emulator/elf/constants.ts';
import { type ElfSymbol, isElf, readElf } from '../../emulator/elf/reader.ts';

export interface Place {
  readonly symbol?: string;
  /** Bytes after the symbol's beginning. */
  readonly offset?: number;
  readonly file?: string;
  readonly line?: number;
}

interface Row {
  readonly address: bigint;
  readonly file: string;
  readonly line: number;
  readonly end: boolean;
}

export class Places {
  private readonly symbols: readonly ElfSymbol[];
  private readonly rows: readonly Row[];

  /** @param bytes an ELF file, or a raw image, of which nothing has a name */
  constructor(bytes: Uint8Array, name: string) {
    const elf = isElf(bytes) ? readElf(bytes, name) : undefined;
    const byAddress = (a: { value: bigint }, b: { value: bigint }): number =>
      a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
    this.symbols = (elf?.symbols ?? [])
      .filter(({ type, name: symbol }) => symbol !== '' && (type === STT.FUNC || type === STT.NOTYPE))
      .filter(({ name: symbol }) => !symbol.startsWith('$') && !symbol.startsWith('.L'))
      .sort(byAddress);
    const section = (wanted: string): Uint8Array =>
      elf?.sections.find(({ name: found }) => found === wanted)?.data ?? new Uint8Array();
    this.rows = readLines(section('.debug_line'), section('.debug_line_str'), section('.debug_str')).sort(
      (a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : Number(b.end) - Number(a.end)),
    );
  }

  /** What is known of the instruction at an address. */
  at(address: bigint): Place {
    const symbol = last(this.symbols, ({ value }) => value <= address);
    const row = last(this.rows, (one) => one.address <= address);
    return {
      ...(symbol && { symbol: symbol.name, offset: Number(address - symbol.value) }),
      ...(row && !row.end && { file: row.file, line: row.line }),
    };
  }

  /** The same as text: `0x80000010 store+4 (pair.c:12)`. */
  describe(address: bigint): string {
    const { symbol, offset, file, line } = this.at(address);
    const name = symbol === undefined ? '' : ` ${symbol}${offset === 0 ? '' : `+${offset}`}`;
    return `0x${address.toString(16)}${name}${file === undefined ? '' : ` (${file}:${line})`}`;
  }
}

/** The last of sorted items for which `test` holds (it holds for a beginning of them). */
function last<T>(items: readonly T[], test: (item: T) => boolean): T | undefined {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (test(items[middle]!)) low = middle + 1;
    else high = middle;
  }
  return items[low - 1];
}

/** Reads little-endian fields one after the other. */
class Cursor {
  private readonly view: DataView;
  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  u8(): number {
    return this.view.getUint8(this.at++);
  }
  u16(): number {
    this.at += 2;
    return this.view.getUint16(this.at - 2, true);
  }
  u32(): number {
    this.at += 4;
    return this.view.getUint32(this.at - 4, true);
  }
  u64(): bigint {
    this.at += 8;
    return this.view.getBigUint64(this.at - 8, true);
  }
  uleb(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }
  sleb(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return byte & 0x40 ? value - scale * 128 : value;
    }
  }
  text(): string {
    const end = this.bytes.indexOf(0, this.at);
    const value = Buffer.from(this.bytes.subarray(this.at, end)).toString();
    this.at = end + 1;
    return value;
  }
}

/** Forms and content types of DWARF 5 that file tables use (§7.5.6, §7.22). */
const FORM = {
  string: 0x08,
  data1: 0x0b,
  data2: 0x05,
  udata: 0x0f,
  data16: 0x1e,
  strp: 0x0e,
  lineStrp: 0x1f,
};
const CONTENT_PATH = 1;

/** The rows of all units; none when there is no such section. */
function readLines(line: Uint8Array, lineStr: Uint8Array, str: Uint8Array): Row[] {
  const rows: Row[] = [];
  const cursor = new Cursor(line, 0);
  while (cursor.at + 4 < line.length) {
    const length = cursor.u32();
    const end = cursor.at + length;
    const version = cursor.u16();
    try {
      if (version === 4 || version === 5) readUnit(cursor, version, end, lineStr, str, rows);
    } catch (error) {
      // Reads beyond a section and unknown forms: lines are a help, not worth a campaign's result.
      if (!(error instanceof RangeError)) throw error;
    }
    cursor.at = end;
  }
  return rows;
}

function readUnit(
  cursor: Cursor,
  version: number,
  end: number,
  lineStr: Uint8Array,
  str: Uint8Array,
  rows: Row[],
): void {
  if (version === 5) cursor.at += 2; // sizes of addresses and of segment selectors
  const headerLength = cursor.u32();
  const program = cursor.at + headerLength;
  const minimumLength = cursor.u8();
  cursor.u8(); // operations per instruction
  cursor.u8(); // default is_stmt
  const lineBase = (cursor.u8() << 24) >> 24;
  const lineRange = cursor.u8();
  const opcodeBase = cursor.u8();
  const operands = Array.from({ length: opcodeBase - 1 }, () => cursor.u8());
  const files = version === 5 ? files5(cursor, lineStr, str) : files4(cursor);
  cursor.at = program;
  let address = 0n;
  let file = 1;
  let row = 1;
  const advance = (count: number): void => {
    address += BigInt(count * minimumLength);
  };
  const emit = (last: boolean): void => {
    rows.push({ address, file: files[file] ?? '?', line: row, end: last });
  };
  while (cursor.at < end) {
    const opcode = cursor.u8();
    if (opcode >= opcodeBase) {
      const adjusted = opcode - opcodeBase;
      advance(Math.floor(adjusted / lineRange));
      row += lineBase + (adjusted % lineRange);
      emit(false);
      continue;
    }
    switch (opcode) {
      case 0: {
        const length = cursor.uleb();
        const next = cursor.at + length;
        const extended = cursor.u8();
        if (extended === 1) {
          emit(true);
          address = 0n;
          file = 1;
          row = 1;
        } else if (extended === 2) address = cursor.u64();
        cursor.at = next;
        break;
      }
      case 1:
        emit(false);
        break;
      case 2:
        advance(cursor.uleb());
        break;
      case 3:
        row += cursor.sleb();
        break;
      case 4:
        file = cursor.uleb();
        break;
      case 8:
        advance(Math.floor((255 - opcodeBase) / lineRange));
        break;
      case 9:
        address += BigInt(cursor.u16());
        break;
      default:
        for (let i = 0; i < operands[opcode - 1]!; i++) cursor.uleb();
    }
  }
}

/** File names by number, from 1. */
function files4(cursor: Cursor): string[] {
  while (cursor.text() !== ''); // directories
  const files = ['?'];
  for (let name = cursor.text(); name !== ''; name = cursor.text()) {
    files.push(baseName(name));
    for (let i = 0; i < 3; i++) cursor.uleb();
  }
  return files;
}

/** File names by number, from 0. */
function files5(cursor: Cursor, lineStr: Uint8Array, str: Uint8Array): string[] {
  table(cursor, lineStr, str); // directories
  return table(cursor, lineStr, str).map(baseName);
}

/** A table of entries, of which the paths are wanted. */
function table(cursor: Cursor, lineStr: Uint8Array, str: Uint8Array): string[] {
  const formats = Array.from({ length: cursor.u8() }, () => ({ type: cursor.uleb(), form: cursor.uleb() }));
  return Array.from({ length: cursor.uleb() }, () => {
    let path = '?';
    for (const { type, form } of formats) {
      const value = formValue(cursor, form, lineStr, str);
      if (type === CONTENT_PATH && value !== undefined) path = value;
    }
    return path;
  });
}

/** Passes a value by; of strings it is returned. */
function formValue(cursor: Cursor, form: number, lineStr: Uint8Array, str: Uint8Array): string | undefined {
  switch (form) {
    case FORM.string:
      return cursor.text();
    case FORM.lineStrp:
      return new Cursor(lineStr, cursor.u32()).text();
    case FORM.strp:
      return new Cursor(str, cursor.u32()).text();
    case FORM.udata:
      cursor.uleb();
      return undefined;
    case FORM.data1:
      cursor.at += 1;
      return undefined;
    case FORM.data2:
      cursor.at += 2;
      return undefined;
    case FORM.data16:
      cursor.at += 16;
      return undefined;
    default:
      throw new RangeError(`a file table uses form 0x${form.toString(16)}`);
  }
}

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
