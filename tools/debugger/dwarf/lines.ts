/**
 * The line number table (DWARF 4 and 5, section 6.2): which source line each instruction comes from. A unit of any other version, or
 * one that cannot be read, has no lines: they are a help, not worth an error.
 */
import { FORM, LNE, LNS } from '../../dwarf/constants.ts';
import { DwarfReader } from './reader.ts';

/** The sections that a file's line tables are spread over. */
export interface LineSections {
  readonly line: Uint8Array;
  readonly lineStr: Uint8Array;
  readonly str: Uint8Array;
}

export interface LineRow {
  readonly address: bigint;
  /** Path as the compiler was given it, with its directory where that is relative to nothing. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Recommended as a place for a breakpoint. */
  readonly statement: boolean;
  /** First address after a sequence; names no line. */
  readonly end: boolean;
}

export interface LineUnit {
  /** Offset in .debug_line. */
  readonly offset: number;
  /** File names by their numbers in this unit. */
  readonly files: readonly string[];
  readonly rows: readonly LineRow[];
}

/** DW_LNCT. */
const CONTENT = { path: 1, directory: 2 } as const;

/** Reads all units. */
export function readLineUnits(sections: LineSections): LineUnit[] {
  const units: LineUnit[] = [];
  const reader = new DwarfReader(sections.line);
  while (reader.at + 4 < sections.line.length) {
    const offset = reader.at;
    const length = reader.u32();
    const end = reader.at + length;
    try {
      const version = reader.u16();
      if (version === 4 || version === 5) units.push(readUnit(reader, offset, version, end, sections));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
    reader.at = end;
  }
  return units;
}

function readUnit(
  reader: DwarfReader,
  offset: number,
  version: number,
  end: number,
  sections: LineSections,
): LineUnit {
  if (version === 5) reader.skip(2); // sizes of addresses and of segment selectors
  const headerLength = reader.u32();
  const program = reader.at + headerLength;
  const minimumLength = BigInt(reader.u8());
  reader.skip(1); // operations per instruction
  const defaultStatement = reader.u8() !== 0;
  const lineBase = reader.i8();
  const lineRange = reader.u8();
  const opcodeBase = reader.u8();
  const operands = Array.from({ length: opcodeBase - 1 }, () => reader.u8());
  const files = version === 5 ? readFiles5(reader, sections) : readFiles4(reader);
  reader.at = program;
  const rows: LineRow[] = [];
  const initial = { address: 0n, file: 1, line: 1, column: 0, statement: defaultStatement };
  let state = { ...initial };
  const emit = (last: boolean): void => {
    const { address, line, column, statement } = state;
    rows.push({ address, file: files[state.file] ?? '?', line, column, statement, end: last });
  };
  const advance = (count: number): void => {
    state.address += BigInt(count) * minimumLength;
  };
  while (reader.at < end) {
    const opcode = reader.u8();
    if (opcode >= opcodeBase) {
      const adjusted = opcode - opcodeBase;
      advance(Math.floor(adjusted / lineRange));
      state.line += lineBase + (adjusted % lineRange);
      emit(false);
      continue;
    }
    switch (opcode) {
      case LNS.extended: {
        const length = reader.number();
        const next = reader.at + length;
        const extended = reader.u8();
        if (extended === LNE.endSequence) {
          emit(true);
          state = { ...initial };
        } else if (extended === LNE.setAddress) state.address = reader.unsigned(length - 1);
        reader.at = next;
        break;
      }
      case LNS.copy:
        emit(false);
        break;
      case LNS.advancePc:
        advance(reader.number());
        break;
      case LNS.advanceLine:
        state.line += Number(reader.sleb());
        break;
      case LNS.setFile:
        state.file = reader.number();
        break;
      case LNS.setColumn:
        state.column = reader.number();
        break;
      case LNS.negateStatement:
        state.statement = !state.statement;
        break;
      case LNS.constAddPc:
        advance(Math.floor((255 - opcodeBase) / lineRange));
        break;
      case LNS.fixedAdvancePc:
        state.address += BigInt(reader.u16());
        break;
      default:
        for (let i = 0; i < operands[opcode - 1]!; i++) reader.uleb();
    }
  }
  return { offset, files, rows };
}

/** Names by number, from 1. */
function readFiles4(reader: DwarfReader): string[] {
  const directories = [''];
  for (let name = reader.text(); name !== ''; name = reader.text()) directories.push(name);
  const files = ['?'];
  for (let name = reader.text(); name !== ''; name = reader.text()) {
    files.push(join(directories[reader.number()] ?? '', name));
    reader.uleb(); // time of the last change
    reader.uleb(); // size
  }
  return files;
}

/** Names by number, from 0. */
function readFiles5(reader: DwarfReader, sections: LineSections): string[] {
  const directories = readEntries(reader, sections).map(({ path }) => path);
  return readEntries(reader, sections).map(({ path, directory }) =>
    join(directory === 0 ? '' : (directories[directory] ?? ''), path),
  );
}

function readEntries(reader: DwarfReader, sections: LineSections): { path: string; directory: number }[] {
  const formats = Array.from({ length: reader.u8() }, () => [reader.number(), reader.number()] as const);
  return Array.from({ length: reader.number() }, () => {
    const entry = { path: '?', directory: 0 };
    for (const [content, form] of formats) {
      const value = readField(reader, form, sections);
      if (content === CONTENT.path && typeof value === 'string') entry.path = value;
      else if (content === CONTENT.directory && typeof value === 'number') entry.directory = value;
    }
    return entry;
  });
}

function readField(reader: DwarfReader, form: number, { lineStr, str }: LineSections): string | number {
  switch (form) {
    case FORM.string:
      return reader.text();
    case FORM.lineStrp:
      return new DwarfReader(lineStr, reader.u32()).text();
    case FORM.strp:
      return new DwarfReader(str, reader.u32()).text();
    case FORM.udata:
      return reader.number();
    case FORM.data1:
      return reader.u8();
    case FORM.data2:
      return reader.u16();
    case FORM.data4:
      return reader.u32();
    case FORM.data16:
      reader.skip(16);
      return 0;
    default:
      throw new RangeError(`a file table uses form 0x${form.toString(16)}`);
  }
}

const join = (directory: string, name: string): string =>
  directory === '' || name.startsWith('/') ? name : `${directory}/${name}`;
