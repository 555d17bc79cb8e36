/**
 * From machine code to an object file: collects what a program consists of, and puts code, data and debugging information into sections.
 *
 * Invariant: what is written, and in which order, follows from the program's roots and the code that they reach, not from what else the
 * module has; so a program is the same bytes whether it was compiled alone or together with others.
 */
import { SHT, STB, STT } from '../../../emulator/elf/constants.ts';
import { type DataReloc, External, Func, Global, type Module, type Sym } from '../ir/ir.ts';
import type { FinishedCode } from '../riscv/code.ts';
import type { ModuleCode } from '../riscv/compile.ts';
import type { CompiledFunc } from '../riscv/emit.ts';
import { ThunkSym } from '../riscv/preserve.ts';
import { writeDwarf } from './dwarf.ts';
import type { TrapHandler } from './dwarf-frame.ts';
import {
  ANCHOR_NAME,
  ObjectFile,
  type ObjectReloc,
  ObjectSection,
  ObjectSymbol,
  sectionKind,
} from './object.ts';
import { SourcePlaces } from './source-places.ts';

/** What a program of a module begins with. */
export interface ProgramRoots {
  /** Its entry file, as debuggers should show it. */
  readonly file: string;
  /** What is part of it whoever calls it. */
  readonly symbols: readonly Sym[];
}

export interface ObjectOptions {
  /** Whether to write DWARF. */
  readonly debug: boolean;
  /** Whether to note what a listing needs. */
  readonly listing?: boolean;
}

/** The object file of a program. Without roots, it has everything that the module has. */
export function buildObject(
  code: ModuleCode,
  name: string,
  options: ObjectOptions,
  roots?: ProgramRoots,
): ObjectFile {
  return new ObjectBuilder(code, name, options, roots).run();
}

/** Bytes collected for one output section. */
class SectionBuilder {
  private chunks: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
  size = 0;

  constructor(readonly section: ObjectSection) {}

  /** Adds bytes at the next multiple of `align`; their offset. */
  add(bytes: Uint8Array | undefined, size: number, align: number): number {
    this.section.align = Math.max(this.section.align, align);
    const offset = (this.size + align - 1) & -align;
    if (bytes !== undefined) this.chunks.push({ offset, bytes });
    this.size = offset + size;
    return offset;
  }

  finish(): void {
    this.section.size = this.size;
    if (this.section.type === SHT.NOBITS) return;
    const data = new Uint8Array(this.size);
    for (const { offset, bytes } of this.chunks) data.set(bytes, offset);
    this.section.data = data;
  }
}

class ObjectBuilder {
  private readonly module: Module;
  private readonly object: ObjectFile;
  private readonly builders = new Map<string, SectionBuilder>();
  private readonly symbols = new Map<Sym, ObjectSymbol>();
  /** Symbols that are defined elsewhere, or by a label of assembly text. */
  private readonly undefinedSymbols = new Map<string, ObjectSymbol>();
  /** What names in assembly text, and of functions that the compiler itself calls, stand for. */
  private readonly definitions = new Map<string, Sym>();
  /** How many symbols of each numbered name there are. */
  private readonly numbers = new Map<string, number>();
  private readonly compiled: CompiledFunc[] = [];
  private readonly handlers: TrapHandler[] = [];
  private readonly globals: Global[] = [];

  constructor(
    private readonly code: ModuleCode,
    name: string,
    private readonly options: ObjectOptions,
    private readonly roots: ProgramRoots | undefined,
  ) {
    this.module = code.module;
    this.object = new ObjectFile(name);
  }

  run(): ObjectFile {
    const { module, object, roots } = this;
    const all = [...module.funcs, ...module.globals];
    // What other programs export is not this one's.
    for (const sym of all)
      if (roots === undefined || sym.linkage !== 'global') this.definitions.set(sym.name, sym);
    for (const sym of roots?.symbols ?? []) this.definitions.set(sym.name, sym);
    this.placeReachable(roots?.symbols ?? all);
    for (const global of this.globals) this.global(global);
    for (const builder of this.builders.values()) builder.finish();
    if (this.options.debug && module.files.length > 0) {
      const places = new SourcePlaces(module, roots?.file, this.compiled, this.globals);
      const symbolOf = (sym: Sym): ObjectSymbol => this.symbolOf(sym);
      for (const buffer of writeDwarf(places, this.compiled, this.globals, this.handlers, symbolOf)) {
        object.sections.push(buffer.finish());
        object.symbols.push(buffer.symbol);
      }
    }
    return object;
  }

  /** Places the code that is reached, callees behind the first of their callers, and collects the variables. */
  private placeReachable(from: readonly Sym[]): void {
    const reached = new Set<Sym>();
    const work = [...from].reverse();
    for (let next = work.pop(); next !== undefined; next = work.pop()) {
      const sym = this.definitionOf(next);
      if (reached.has(sym)) continue;
      reached.add(sym);
      const needed = this.placed(sym);
      for (let i = needed.length - 1; i >= 0; i--) {
        const target = needed[i]!.sym;
        if (target !== undefined) work.push(target);
      }
    }
  }

  /** Places a function; gives what it, or a variable, refers to. */
  private placed(sym: Sym): readonly { readonly sym: Sym | undefined }[] {
    if (sym instanceof Global) {
      this.globals.push(sym);
      return sym.relocs;
    }
    if (sym instanceof ThunkSym) return this.place(sym, this.code.ofThunk(sym));
    if (!(sym instanceof Func)) return [];
    if (sym.nakedBody !== undefined) return this.naked(sym);
    const compiled = this.code.of(sym);
    this.compiled.push(compiled);
    this.place(sym, compiled);
    if (this.options.listing === true) this.list(compiled);
    return compiled.relocs;
  }

  private definitionOf(sym: Sym): Sym {
    return sym instanceof External ? (this.definitions.get(sym.name) ?? sym) : sym;
  }

  private symbolOf(named: Sym): ObjectSymbol {
    const sym = this.definitionOf(named);
    const known = sym instanceof External ? this.undefinedSymbols.get(sym.name) : this.symbols.get(sym);
    if (known !== undefined) return known;
    const symbol = new ObjectSymbol(this.nameOf(sym));
    symbol.binding = sym.linkage === 'local' ? STB.LOCAL : sym.linkage === 'weak' ? STB.WEAK : STB.GLOBAL;
    if (sym instanceof External) this.undefinedSymbols.set(sym.name, symbol);
    else this.symbols.set(sym, symbol);
    this.object.symbols.push(symbol);
    return symbol;
  }

  private nameOf(sym: Sym): string {
    if (!(sym instanceof Global) || sym.numberedAs === undefined) return sym.name;
    const number = this.numbers.get(sym.numberedAs) ?? 0;
    this.numbers.set(sym.numberedAs, number + 1);
    return `${sym.numberedAs}${number}`;
  }

  private builder(name: string, isCode: boolean, isConst: boolean): SectionBuilder {
    let builder = this.builders.get(name);
    if (builder === undefined) {
      const { type, flags } = sectionKind(name, isCode, isConst);
      const section = new ObjectSection(name, type, flags, 1);
      builder = new SectionBuilder(section);
      this.builders.set(name, builder);
      this.object.sections.push(section);
    }
    return builder;
  }

  private define(sym: Sym, builder: SectionBuilder, offset: number, size: number, type: number): void {
    const symbol = this.symbolOf(sym);
    symbol.section = builder.section;
    symbol.value = offset;
    symbol.size = size;
    symbol.type = type;
  }

  /** Notes for listings what stands where. */
  private list(code: CompiledFunc): void {
    const { section, value: offset } = this.symbolOf(code.func);
    section!.listing ??= { words: [], lines: [] };
    for (const word of code.words ?? []) section!.listing.words.push(offset + word);
    for (const mark of code.lines) {
      const { file, line } = this.module.locs[mark.what]!;
      section!.listing.lines.push({ offset: offset + mark.offset, file: this.module.files[file]!, line });
    }
  }

  /** Places a function's code; gives its references. */
  private place(sym: Sym, code: FinishedCode): FinishedCode['relocs'] {
    const builder = this.builder(sym.section ?? '.text', true, true);
    const offset = builder.add(code.bytes, code.bytes.length, Math.max(sym.align, 2));
    this.define(sym, builder, offset, code.bytes.length, STT.FUNC);
    const anchors = new Map<number, ObjectSymbol>();
    for (const reloc of code.relocs) {
      let symbol: ObjectSymbol;
      let addend = reloc.addend;
      if (reloc.sym === undefined) {
        // The low part of an address names the instruction with the upper part.
        symbol = anchors.get(reloc.addend) ?? new ObjectSymbol(ANCHOR_NAME);
        symbol.section = builder.section;
        symbol.value = offset + reloc.addend;
        if (!anchors.has(reloc.addend)) this.object.symbols.push(symbol);
        anchors.set(reloc.addend, symbol);
        addend = 0;
      } else symbol = this.symbolOf(reloc.sym);
      builder.section.relocs.push({ offset: offset + reloc.offset, type: reloc.type, symbol, addend });
    }
    return code.relocs;
  }

  private naked(func: Func): FinishedCode['relocs'] {
    const assembled = this.code.ofNaked(func);
    this.place(func, assembled);
    const { section, value: offset } = this.symbolOf(func);
    // Labels that the text declares `.globl` can be referred to from anywhere.
    for (const label of assembled.globals) {
      const symbol = this.symbolOf(this.module.external(label.name, true));
      symbol.section = section;
      symbol.value = offset + label.offset;
    }
    if (func.trapFrame) this.handlers.push({ func, bytes: assembled.bytes, frame: func.trapFrame });
    return assembled.relocs;
  }

  private global(global: Global): void {
    const hasData = global.data !== undefined || global.relocs.length > 0;
    const usual = !hasData && !global.isConst ? '.bss' : global.isConst ? '.rodata' : '.data';
    const builder = this.builder(global.section ?? usual, false, global.isConst);
    const bytes = hasData ? (global.data ?? new Uint8Array(global.size)) : undefined;
    const offset = builder.add(bytes, global.size, global.align);
    this.define(global, builder, offset, global.size, STT.OBJECT);
    for (const reloc of global.relocs) builder.section.relocs.push(this.dataReloc(reloc, offset));
  }

  private dataReloc(reloc: DataReloc, base: number): ObjectReloc {
    return {
      offset: base + reloc.offset,
      type: 2,
      symbol: this.symbolOf(reloc.sym),
      addend: reloc.addend,
    };
  }
}
