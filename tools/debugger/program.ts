/**
 * What an ELF file tells of a program: symbols, source lines, functions with their variables, globals, frames. Addresses
 * here are those that the file was linked for; where it lies in the machine is modules.ts's business.
 *
 * Debugging information is read when it is first asked for, unit by unit; what cannot be read is absent, never wrong.
 */

import { STT } from '../../emulator/elf/constants.ts';
import { type ElfFile, readElf } from '../../emulator/elf/reader.ts';
import { AT, PRODUCER, TAG } from '../dwarf/constants.ts';
import { upperBound } from '../search.ts';
import {
  type Entry,
  entryOf,
  numberOf,
  readUnits,
  type Sections,
  textOf,
  type Unit,
} from './dwarf/entries.ts';
import { Frames } from './dwarf/frames.ts';
import { type LineRow, type LineUnit, readLineUnits } from './dwarf/lines.ts';
import { type AddressRange, locationsOf, rangesOf } from './dwarf/lists.ts';
import { type SourceType, type StructType, TypeReader } from './dwarf/types.ts';

export interface ProgramSymbol {
  readonly name: string;
  readonly address: bigint;
  readonly size: bigint;
  readonly isFunction: boolean;
}

export interface SourcePlace {
  readonly file: string;
  readonly line: number;
}

export interface Variable {
  readonly name: string;
  readonly entry: Entry;
  readonly type: SourceType | undefined;
  readonly isParameter: boolean;
}

/** A function, or a call of one that the compiler has put into another. */
export interface SourceFunction {
  readonly name: string;
  readonly ranges: readonly AddressRange[];
  readonly entry: Entry;
  readonly declared: SourcePlace | undefined;
}

export class Program {
  readonly elf: ElfFile;
  readonly symbols: readonly ProgramSymbol[];
  readonly sections: Sections;
  private readonly types = new TypeReader();
  private unitList: readonly Unit[] | undefined;
  private lineList: readonly LineUnit[] | undefined;
  private rowList: readonly LineRow[] | undefined;
  private functionList: readonly SourceFunction[] | undefined;
  private globalMap: ReadonlyMap<string, Variable> | undefined;
  private structMap: ReadonlyMap<string, StructType> | undefined;
  private frameInfo: Frames | undefined;

  /**
   * @param name what people call it: the program's name, without folder and ending
   * @throws UserError when the bytes are no ELF file for this machine
   */
  constructor(
    readonly name: string,
    bytes: Uint8Array,
  ) {
    this.elf = readElf(bytes, name);
    const byName = new Map(this.elf.sections.map((section) => [section.name, section]));
    this.sections = (wanted) => byName.get(wanted)?.data ?? new Uint8Array();
    this.symbols = this.elf.symbols
      .filter(({ type, section, name: symbol }) => {
        const named = symbol !== '' && !symbol.startsWith('$') && !symbol.startsWith('.L');
        return named && section !== 0 && (type === STT.FUNC || type === STT.OBJECT || type === STT.NOTYPE);
      })
      .map(({ name: symbol, value, size, type }) => ({
        name: symbol,
        address: value,
        size,
        isFunction: type === STT.FUNC,
      }))
      .sort((a, b) => compare(a.address, b.address) || Number(b.isFunction) - Number(a.isFunction));
  }

  // ---- Symbols ---------------------------------------------------------------------------------------------------

  /** The symbol that an address belongs to: the last one at or before it, unless it ends before. */
  symbolAt(address: bigint): ProgramSymbol | undefined {
    for (let index = upperBound(this.symbols, (one) => one.address <= address) - 1; index >= 0; index--) {
      const symbol = this.symbols[index]!;
      if (symbol.size === 0n || address < symbol.address + symbol.size) {
        const first = this.symbols.findIndex((one) => one.address === symbol.address);
        return this.symbols[first];
      }
      if (index > 0 && this.symbols[index - 1]!.address !== symbol.address) return undefined;
    }
    return undefined;
  }

  /** `name` or `name+0x10`; undefined outside of the program's symbols. */
  describe(address: bigint): string | undefined {
    const symbol = this.symbolAt(address);
    if (symbol === undefined) return undefined;
    const offset = address - symbol.address;
    const name = this.functionAt(address)?.name ?? symbol.name;
    return offset === 0n ? name : `${name}+0x${offset.toString(16)}`;
  }

  /** A symbol by its name, or by the last part of a name like `Tree.find`. */
  symbolNamed(name: string): ProgramSymbol | undefined {
    return (
      this.symbols.find((one) => one.name === name) ??
      this.symbols.find((one) => one.name.endsWith(`.${name}`))
    );
  }

  // ---- Lines -----------------------------------------------------------------------------------------------------

  private get lines(): readonly LineUnit[] {
    this.lineList ??= readLineUnits({
      line: this.sections('.debug_line'),
      lineStr: this.sections('.debug_line_str'),
      str: this.sections('.debug_str'),
    });
    return this.lineList;
  }

  private get rows(): readonly LineRow[] {
    this.rowList ??= this.lines
      .flatMap(({ rows }) => rows)
      .sort((a, b) => compare(a.address, b.address) || Number(b.end) - Number(a.end));
    return this.rowList;
  }

  get hasLines(): boolean {
    return this.rows.length > 0;
  }

  /** The folders in which the compiler ran. */
  get directories(): string[] {
    const all = new Set<string>();
    for (const unit of this.units) {
      const directory = textOf(unit.root, AT.compDir);
      if (directory !== undefined) all.add(directory);
    }
    return [...all];
  }

  /** All source files. */
  get files(): string[] {
    return [...new Set(this.rows.map(({ file }) => file))].sort();
  }

  /** The source line of an instruction. */
  lineAt(address: bigint): LineRow | undefined {
    const row = this.rows[upperBound(this.rows, (one) => one.address <= address) - 1];
    return row && !row.end && row.line > 0 ? row : undefined;
  }

  /** Source files whose path ends in `name`, at a folder's border. */
  filesNamed(name: string): string[] {
    return this.files.filter((file) => file === name || file.endsWith(`/${name}`));
  }

  /**
   * The first instructions of a line: one for each place that the compiler has put it to. When no code comes from
   * it, the next line with code counts. Empty when there is none.
   */
  addressesOfLine(file: string, line: number): { line: number; addresses: bigint[] } {
    const rows = this.rows.filter((row) => row.file === file && !row.end && row.line >= line);
    const best = rows.reduce((least, row) => Math.min(least, row.line), Number.POSITIVE_INFINITY);
    const addresses: bigint[] = [];
    this.rows.forEach((row, index) => {
      if (row.file !== file || row.line !== best || row.end) return;
      const before = this.rows[index - 1];
      const continues = before !== undefined && !before.end && before.file === file && before.line === best;
      if (!continues) addresses.push(row.address);
    });
    // A line that is left and entered again within one function starts once: at its lowest address there.
    const byFunction = new Map<unknown, bigint>();
    for (const address of addresses) {
      const owner = this.functionAt(address) ?? address;
      const known = byFunction.get(owner);
      if (known === undefined || address < known) byFunction.set(owner, address);
    }
    return { line: best, addresses: [...byFunction.values()].sort(compare) };
  }

  // ---- Functions and variables ------------------------------------------------------------------------------------

  private get units(): readonly Unit[] {
    this.unitList ??= readUnits(this.sections);
    return this.unitList;
  }

  /** Calls `visit` for the entries directly in each unit. */
  private eachTopEntry(visit: (entry: Entry) => void): void {
    for (const unit of this.units) {
      try {
        for (const entry of unit.root.children) visit(entry);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    }
  }

  /** All functions with code, by address. */
  get functions(): readonly SourceFunction[] {
    if (this.functionList !== undefined) return this.functionList;
    const list: SourceFunction[] = [];
    this.eachTopEntry((entry) => {
      if (entry.tag !== TAG.subprogram) return;
      const ranges = rangesOf(entry, this.sections);
      if (ranges.length > 0) list.push(this.makeFunction(entry, ranges));
    });
    list.sort((a, b) => compare(a.ranges[0]!.low, b.ranges[0]!.low));
    this.functionList = list;
    return list;
  }

  private makeFunction(entry: Entry, ranges: readonly AddressRange[]): SourceFunction {
    const origin = originOf(entry);
    return {
      name: textOf(origin, AT.name) ?? '?',
      ranges,
      entry,
      declared: this.placeOf(origin, AT.declFile, AT.declLine),
    };
  }

  /** Where an entry's file and line attributes point. */
  private placeOf(entry: Entry, fileAttribute: number, lineAttribute: number): SourcePlace | undefined {
    const line = numberOf(entry, lineAttribute);
    const offset = numberOf(entry.unit.root, AT.stmtList);
    const unit = this.lines.find((one) => one.offset === offset);
    const file = unit?.files[numberOf(entry, fileAttribute) ?? -1];
    return line === undefined || file === undefined ? undefined : { file, line };
  }

  functionAt(address: bigint): SourceFunction | undefined {
    const { functions } = this;
    for (let i = upperBound(functions, (one) => one.ranges[0]!.low <= address) - 1; i >= 0; i--) {
      if (covers(functions[i]!.ranges, address)) return functions[i];
      if (functions[i]!.ranges.length === 1) break;
    }
    return undefined;
  }

  /** Functions of a name: `find`, `Tree.find`, or the symbol's. */
  functionsNamed(name: string): SourceFunction[] {
    return this.functions.filter((one) => one.name === name || one.name.endsWith(`.${name}`));
  }

  /** Calls that were inlined at an instruction, outermost first, each with the place of the call. */
  inlinedAt(address: bigint): { readonly called: SourceFunction; readonly from: SourcePlace | undefined }[] {
    const found: { called: SourceFunction; from: SourcePlace | undefined }[] = [];
    const visit = (entry: Entry): void => {
      for (const child of entry.children) {
        if (child.tag !== TAG.inlinedSubroutine && child.tag !== TAG.lexicalBlock) continue;
        const ranges = rangesOf(child, this.sections);
        if (!covers(ranges, address)) continue;
        if (child.tag === TAG.inlinedSubroutine)
          found.push({
            called: this.makeFunction(child, ranges),
            from: this.placeOf(child, AT.callFile, AT.callLine),
          });
        visit(child);
      }
    };
    const outer = this.functionAt(address);
    if (outer) visit(outer.entry);
    return found;
  }

  /**
   * The same as far as each deserves a frame. Of calls that the compiler of guest TypeScript inlines no variables are known: their frames
   * would only hide those of the function around them.
   */
  framesInlinedAt(address: bigint): ReturnType<Program['inlinedAt']> {
    return this.inlinedAt(address).filter(
      ({ called }) => textOf(called.entry.unit.root, AT.producer) !== PRODUCER,
    );
  }

  /** Parameters and variables of a function that are in scope at an instruction, innermost last. */
  variablesAt(scope: SourceFunction, address: bigint): Variable[] {
    const list: Variable[] = [];
    const visit = (entry: Entry): void => {
      for (const child of entry.children) {
        if (child.tag === TAG.formalParameter || child.tag === TAG.variable) {
          const origin = originOf(child);
          const name = textOf(origin, AT.name);
          if (name === undefined) continue;
          list.push({
            name,
            entry: child,
            type: this.types.ofEntry(origin),
            isParameter: child.tag === TAG.formalParameter,
          });
        } else if (child.tag === TAG.lexicalBlock && covers(rangesOf(child, this.sections), address)) {
          visit(child);
        }
      }
    };
    visit(scope.entry);
    return list;
  }

  /** The result type of a function; undefined is void. */
  resultOf(scope: SourceFunction): SourceType | undefined {
    return this.types.ofEntry(originOf(scope.entry));
  }

  /** Variables outside of functions, by name. */
  get globals(): ReadonlyMap<string, Variable> {
    if (this.globalMap !== undefined) return this.globalMap;
    const map = new Map<string, Variable>();
    this.eachTopEntry((entry) => {
      if (entry.tag !== TAG.variable) return;
      const origin = originOf(entry);
      const name = textOf(origin, AT.name);
      if (name === undefined || !entry.attributes.has(AT.location)) return;
      const variable = { name, entry, type: this.types.ofEntry(origin), isParameter: false };
      if (!map.has(name)) map.set(name, variable);
      const linkage = textOf(origin, AT.linkageName);
      if (linkage !== undefined) map.set(linkage, variable);
    });
    this.globalMap = map;
    return map;
  }

  /** A structure by its name, for casts and for reading what the guest keeps. */
  structNamed(name: string): StructType | undefined {
    if (this.structMap === undefined) {
      const map = new Map<string, StructType>();
      this.eachTopEntry((entry) => {
        const isStruct =
          entry.tag === TAG.structureType || entry.tag === TAG.typedef || entry.tag === TAG.unionType;
        const own = textOf(entry, AT.name);
        if (!isStruct || own === undefined || entry.attributes.get(AT.declaration)?.value === true) return;
        const type = this.types.type(entry);
        if (type?.kind === 'struct' && !map.has(own)) map.set(own, type);
      });
      this.structMap = map;
    }
    return this.structMap.get(name);
  }

  /** Where an entry's variable is at an instruction: a location expression. */
  locationOf(entry: Entry, address: bigint): Uint8Array | undefined {
    return this.expressionAt(entry, AT.location, address);
  }

  /** The expression for the frame base of a function. */
  frameBaseOf(scope: SourceFunction, address: bigint): Uint8Array | undefined {
    let { entry } = scope;
    while (entry.tag !== TAG.subprogram && entry.parent !== undefined) entry = entry.parent;
    return this.expressionAt(entry, AT.frameBase, address);
  }

  private expressionAt(entry: Entry, attribute: number, address: bigint): Uint8Array | undefined {
    const locations = locationsOf(entry, attribute, this.sections);
    return locations?.find(({ low, high }) => low <= address && address < high)?.expression;
  }

  get frames(): Frames {
    const ehFrame = this.elf.sections.find(({ name }) => name === '.eh_frame');
    this.frameInfo ??= new Frames(
      this.sections('.debug_frame'),
      ehFrame?.data ?? new Uint8Array(),
      ehFrame?.address ?? 0n,
    );
    return this.frameInfo;
  }
}

/** The entry that says what another one only places: DW_AT_abstract_origin, DW_AT_specification. */
function originOf(entry: Entry): Entry {
  const origin = entryOf(entry, AT.abstractOrigin) ?? entryOf(entry, AT.specification);
  return origin && origin !== entry ? originOf(origin) : entry;
}

const covers = (ranges: readonly AddressRange[], address: bigint): boolean =>
  ranges.some(({ low, high }) => low <= address && address < high);

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
