/**
 * From a module of IR to an object file: runs selection, allocation and emission on each function and puts code, data and
 * debugging information into sections.
 */
import { SHT, STB, STT } from '../../../emulator/elf/constants.ts';
import type { DataReloc, Func, Global, Module, Sym } from '../ir/ir.ts';
import { writeDwarf } from '../link/dwarf.ts';
import type { TrapHandler } from '../link/dwarf-frame.ts';
import {
  ANCHOR_NAME,
  ObjectFile,
  type ObjectReloc,
  ObjectSection,
  ObjectSymbol,
  sectionKind,
} from '../link/object.ts';
import { allocate } from './allocate.ts';
import { type AssembledCode, assembleText } from './assemble.ts';
import type { FinishedCode } from './code.ts';
import { type CompiledFunc, emitFunction } from './emit.ts';
import { legalise } from './legalise.ts';
import { emitThunk, ThunkSym } from './preserve.ts';
import { select } from './select.ts';
import { ConstantPool } from './selector.ts';

export interface CompileOptions {
  /** Calls that reach any address; for object files that other linkers place. */
  readonly farCalls: boolean;
  /** Whether to write DWARF. */
  readonly debug: boolean;
  /** Whether to note what a listing needs. */
  readonly listing?: boolean;
}

/** Compiles a module whose functions were optimised (or not). The module's functions are used up. */
export function compileModule(module: Module, name: string, options: CompileOptions): ObjectFile {
  return new ModuleCompiler(module, name, options).run();
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

class ModuleCompiler {
  private readonly object: ObjectFile;
  private readonly builders = new Map<string, SectionBuilder>();
  private readonly symbols = new Map<Sym, ObjectSymbol>();
  private readonly byName = new Map<string, ObjectSymbol>();
  private readonly pool = new ConstantPool();

  constructor(
    private readonly module: Module,
    name: string,
    private readonly options: CompileOptions,
  ) {
    this.object = new ObjectFile(name);
  }

  run(): ObjectFile {
    const { module, object } = this;
    for (const func of module.funcs) this.symbolOf(func);
    for (const global of module.globals) this.symbolOf(global);
    const compiled: CompiledFunc[] = [];
    const handlers: TrapHandler[] = [];
    for (const func of module.funcs) {
      if (func.nakedBody !== undefined) {
        const bytes = this.naked(func, func.nakedBody);
        if (func.trapFrame) handlers.push({ func, bytes, frame: func.trapFrame });
      } else compiled.push(this.function(func));
    }
    const globals = [...module.globals, ...this.pool.globals];
    for (const global of globals) this.global(global);
    for (const sym of [...this.symbols.keys()]) if (sym instanceof ThunkSym) this.thunk(sym);
    for (const builder of this.builders.values()) builder.finish();
    if (this.options.debug && module.files.length > 0) {
      for (const buffer of writeDwarf(module, compiled, globals, handlers, (sym) => this.symbolOf(sym))) {
        object.sections.push(buffer.finish());
        object.symbols.push(buffer.symbol);
      }
    }
    return object;
  }

  private symbolOf(sym: Sym): ObjectSymbol {
    let symbol = this.symbols.get(sym);
    if (symbol !== undefined) return symbol;
    // An external of the same name as a definition is that definition.
    symbol = this.byName.get(sym.name);
    if (symbol === undefined) {
      symbol = new ObjectSymbol(sym.name);
      symbol.binding = sym.linkage === 'local' ? STB.LOCAL : sym.linkage === 'weak' ? STB.WEAK : STB.GLOBAL;
      this.byName.set(sym.name, symbol);
      this.object.symbols.push(symbol);
    }
    this.symbols.set(sym, symbol);
    return symbol;
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

  private place(sym: Sym, builder: SectionBuilder, offset: number, size: number, type: number): void {
    const symbol = this.symbolOf(sym);
    symbol.section = builder.section;
    symbol.value = offset;
    symbol.size = size;
    symbol.type = type;
  }

  /** Notes for listings what stands where. */
  private list(code: CompiledFunc, offset: number): void {
    const { section } = this.builder(code.func.section ?? '.text', true, true);
    section.listing ??= { words: [], lines: [] };
    for (const word of code.words ?? []) section.listing.words.push(offset + word);
    for (const mark of code.lines) {
      const { file, line } = this.module.locs[mark.what]!;
      section.listing.lines.push({ offset: offset + mark.offset, file: this.module.files[file]!, line });
    }
  }

  private function(func: Func): CompiledFunc {
    legalise(func);
    const mfunc = select(func, this.module, this.pool);
    const allocation = allocate(mfunc);
    const code = emitFunction(func, mfunc, allocation, this.options, (text, loc) => this.assemble(text, loc));
    const offset = this.code(func, code);
    if (this.options.listing === true) this.list(code, offset);
    return code;
  }

  /** Places a function's code; gives its offset in the section. */
  private code(sym: Sym, code: FinishedCode): number {
    const builder = this.builder(sym.section ?? '.text', true, true);
    const offset = builder.add(code.bytes, code.bytes.length, Math.max(sym.align, 2));
    this.place(sym, builder, offset, code.bytes.length, STT.FUNC);
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
    return offset;
  }

  private naked(func: Func, text: string): Uint8Array {
    const assembled = this.assemble(text, func.loc);
    const offset = this.code(func, assembled);
    // Labels that the text declares `.globl` can be referred to from anywhere.
    for (const label of assembled.globals) {
      const symbol = this.symbolOf(this.module.external(label.name, true));
      symbol.section = this.symbolOf(func).section;
      symbol.value = offset + label.offset;
    }
    return assembled.bytes;
  }

  private assemble(text: string, loc: number): AssembledCode {
    const { file, line } = this.module.locs[loc]!;
    const place = loc === 0 ? '<assembly>' : `${this.module.files[file]}:${line}`;
    return assembleText(text, place, (name) => this.findByName(name));
  }

  private findByName(name: string): Sym {
    const func = this.module.funcs.find((f) => f.name === name);
    return func ?? this.module.globals.find((g) => g.name === name) ?? this.module.external(name, true);
  }

  private thunk(thunk: ThunkSym): void {
    this.code(thunk, emitThunk(thunk, this.options));
  }

  private global(global: Global): void {
    const hasData = global.data !== undefined || global.relocs.length > 0;
    const usual = !hasData && !global.isConst ? '.bss' : global.isConst ? '.rodata' : '.data';
    const builder = this.builder(global.section ?? usual, false, global.isConst);
    const bytes = hasData ? (global.data ?? new Uint8Array(global.size)) : undefined;
    const offset = builder.add(bytes, global.size, global.align);
    this.place(global, builder, offset, global.size, STT.OBJECT);
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
