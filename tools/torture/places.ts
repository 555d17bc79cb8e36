/**
 * Names code addresses of an ELF file: symbol and offset from the symbol table, file and line from DWARF's line
 * number programs. Versions 4 and 5 of DWARF §6.2 are read; a unit of any other version, or that cannot be
 * read, has no lines.
 */

import { STT } from '../../emulator/elf/constants.ts';
import { type ElfSymbol, isElf, readElf } from '../../emulator/elf/reader.ts';
import { readLineUnits } from '../debugger/dwarf/lines.ts';
import { Program as DebugProgram } from '../debugger/program.ts';
import { upperBound } from '../search.ts';

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
  private readonly debug: DebugProgram | undefined;
  private readonly names: ReadonlyMap<string, string>;
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
    const rows = readLineUnits({
      line: section('.debug_line'),
      lineStr: section('.debug_line_str'),
      str: section('.debug_str'),
    }).flatMap(({ rows }) => rows);
    const names = shortNames(new Set(rows.map(({ file }) => file)));
    this.names = names;
    this.debug = elf && new DebugProgram(name, bytes);
    this.rows = rows
      .map((row) => ({ ...row, file: names.get(row.file)! }))
      .sort((a, b) => byAddress({ value: a.address }, { value: b.address }) || Number(b.end) - Number(a.end));
  }

  /** What is known of the instruction at an address. */
  at(address: bigint): Place {
    const symbol = this.symbols[upperBound(this.symbols, ({ value }) => value <= address) - 1];
    const row = this.rows[upperBound(this.rows, (one) => one.address <= address) - 1];
    return {
      ...(symbol && { symbol: symbol.name, offset: Number(address - symbol.value) }),
      ...(row && !row.end && { file: row.file, line: row.line }),
    };
  }

  /** The addresses of all instructions of the same source line: where a function was inlined, there are several of each. */
  sameLine(address: bigint): bigint[] {
    const { file, line } = this.at(address);
    if (line === undefined) return [address];
    return this.rows.flatMap((row, i) => {
      if (row.end || row.line !== line || row.file !== file) return [];
      const end = this.rows[i + 1]?.address ?? row.address;
      return Array.from({ length: Number(end - row.address) / 2 }, (_, k) => row.address + BigInt(2 * k));
    });
  }

  /** The calls that the compiler replaced by their callees' bodies there, innermost first, each with the function that it is in. */
  inlinedInto(address: bigint): Place[] {
    const calls = this.debug?.inlinedAt(address) ?? [];
    const outer = this.at(address).symbol;
    return calls
      .map(({ from }, i): Place => {
        const symbol = i === 0 ? outer : calls[i - 1]!.called.name;
        const file = from && (this.names.get(from.file) ?? from.file);
        return { ...(symbol !== undefined && { symbol }), ...(from && { file: file!, line: from.line }) };
      })
      .reverse();
  }

  /** The same as text: `0x80000010 store+4 (pair.c:12)`. */
  describe(address: bigint): string {
    const { symbol, offset, file, line } = this.at(address);
    const name = symbol === undefined ? '' : ` ${symbol}${offset === 0 ? '' : `+${offset}`}`;
    return `0x${address.toString(16)}${name}${file === undefined ? '' : ` (${file}:${line})`}`;
  }
}

/** The last `count` parts of a path. */
const tail = (path: string, count: number): string => path.split('/').slice(-count).join('/');

/** Each path's last parts: as few as tell it from the others. */
function shortNames(paths: ReadonlySet<string>): Map<string, string> {
  const names = new Map<string, string>();
  for (const path of paths) {
    let count = 1;
    const isShared = (name: string): boolean =>
      [...paths].some((other) => other !== path && tail(other, count) === name);
    while (tail(path, count) !== path && isShared(tail(path, count))) count++;
    names.set(path, tail(path, count));
  }
  return names;
}
