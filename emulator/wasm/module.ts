/**
 * Assembles a WebAssembly module: types, imports, functions, tables, memories, globals, exports, elements and
 * data, written in the order that the binary format wants, whatever the order of the calls, except that imports of
 * functions come before the first own function (their indices do).
 */
import { ByteWriter } from './bytes.ts';
import type { CodeWriter } from './code.ts';
import { FUNCREF, I32, type I64, Op, type ValType } from './opcodes.ts';

/** Section numbers of the binary format, §5.5.2. */
enum Section {
  custom = 0,
  type = 1,
  import = 2,
  function = 3,
  table = 4,
  memory = 5,
  global = 6,
  export = 7,
  element = 9,
  code = 10,
  data = 11,
}

enum External {
  function = 0,
  table = 1,
  memory = 2,
  global = 3,
}

/** Limits of a memory (in 64-KiB pages) or a table (in elements). */
export interface Limits {
  readonly min: number;
  readonly max?: number;
  /** A shared memory needs a maximum. */
  readonly shared?: boolean;
}

/** A section under construction: a count and its entries. */
class Entries extends ByteWriter {
  count = 0;

  next(): number {
    return this.count++;
  }
}

export class ModuleWriter {
  private readonly types = new Entries();
  private readonly typeIndex = new Map<string, number>();
  private readonly imports = new Entries();
  private readonly functions = new Entries();
  private readonly tables = new Entries();
  private readonly memories = new Entries();
  private readonly globals = new Entries();
  private readonly exports = new Entries();
  private readonly elements = new Entries();
  private readonly codes = new Entries(4096);
  private readonly datas = new Entries();
  private readonly names = new Entries();
  private readonly scratch = new ByteWriter();
  private importedFunctions = 0;
  private importedTables = 0;
  private importedGlobals = 0;

  /** The index of a function type; equal types share one. */
  type(params: readonly ValType[], results: readonly ValType[]): number {
    const key = `${params.join()}:${results.join()}`;
    const known = this.typeIndex.get(key);
    if (known !== undefined) return known;
    this.types.u8(0x60);
    for (const list of [params, results]) {
      this.types.uleb(list.length);
      for (const type of list) this.types.u8(type);
    }
    const index = this.types.next();
    this.typeIndex.set(key, index);
    return index;
  }

  /** Imports a function and returns its index. */
  importFunction(module: string, name: string, typeIndex: number): number {
    if (this.functions.count > 0) throw new Error('function imports come before own functions');
    this.import(module, name, External.function);
    this.imports.uleb(typeIndex);
    return this.importedFunctions++;
  }

  importMemory(module: string, name: string, limits: Limits): void {
    this.import(module, name, External.memory);
    writeLimits(this.imports, limits);
  }

  importTable(module: string, name: string, limits: Limits): number {
    this.import(module, name, External.table);
    this.imports.u8(FUNCREF);
    writeLimits(this.imports, limits);
    return this.importedTables++;
  }

  importGlobal(module: string, name: string, type: ValType, mutable: boolean): number {
    this.import(module, name, External.global);
    this.imports.u8(type);
    this.imports.u8(mutable ? 1 : 0);
    return this.importedGlobals++;
  }

  private import(module: string, name: string, kind: number): void {
    this.imports.next();
    this.imports.name(module);
    this.imports.name(name);
    this.imports.u8(kind);
  }

  /**
   * Announces a function and returns its index. Bodies follow with `body`, in the same order.
   */
  declare(typeIndex: number): number {
    this.functions.uleb(typeIndex);
    return this.importedFunctions + this.functions.next();
  }

  /** The body of the next declared function; `code` may be reused afterwards. */
  body(code: CodeWriter): void {
    code.finishInto(this.codes, this.scratch);
    this.codes.next();
  }

  /** Declares a function together with its body. */
  function(typeIndex: number, code: CodeWriter): number {
    const index = this.declare(typeIndex);
    this.body(code);
    return index;
  }

  table(limits: Limits): number {
    this.tables.u8(FUNCREF);
    writeLimits(this.tables, limits);
    return this.importedTables + this.tables.next();
  }

  memory(limits: Limits): void {
    writeLimits(this.memories, limits);
    this.memories.next();
  }

  /** A global of type i32 or i64. */
  global(type: typeof I32 | typeof I64, mutable: boolean, initial: number | bigint): number {
    const globals = this.globals;
    globals.u8(type);
    globals.u8(mutable ? 1 : 0);
    globals.u8(type === I32 ? Op.i32Const : Op.i64Const);
    globals.sleb64(initial);
    globals.u8(Op.end);
    return this.importedGlobals + globals.next();
  }

  /** Names a function for profilers and stack traces; in order of the indices. */
  nameFunction(index: number, name: string): void {
    this.names.uleb(index);
    this.names.name(name);
    this.names.next();
  }

  exportFunction(name: string, index: number): void {
    this.export(name, External.function, index);
  }

  exportTable(name: string, index: number): void {
    this.export(name, External.table, index);
  }

  exportMemory(name: string): void {
    this.export(name, External.memory, 0);
  }

  exportGlobal(name: string, index: number): void {
    this.export(name, External.global, index);
  }

  private export(name: string, kind: number, index: number): void {
    this.exports.name(name);
    this.exports.u8(kind);
    this.exports.uleb(index);
    this.exports.next();
  }

  /** Puts functions into table 0 from `offset` on. */
  element(offset: number, functionIndices: readonly number[]): void {
    const elements = this.elements;
    elements.u8(0);
    elements.u8(Op.i32Const);
    elements.sleb32(offset);
    elements.u8(Op.end);
    elements.uleb(functionIndices.length);
    for (const index of functionIndices) elements.uleb(index);
    elements.next();
  }

  /** Puts bytes into memory 0 at `offset`. */
  data(offset: number, bytes: Uint8Array): void {
    const datas = this.datas;
    datas.u8(0);
    datas.u8(Op.i32Const);
    datas.sleb32(offset);
    datas.u8(Op.end);
    datas.uleb(bytes.length);
    datas.raw(bytes);
    datas.next();
  }

  /** The finished module, in a buffer of its own. */
  finish(): Uint8Array<ArrayBuffer> {
    if (this.codes.count !== this.functions.count) throw new Error('a declared function has no body');
    const out = new ByteWriter(this.codes.length + 1024);
    out.u32le(0x6d736100);
    out.u32le(1);
    writeSection(out, Section.type, this.types);
    writeSection(out, Section.import, this.imports);
    writeSection(out, Section.function, this.functions);
    writeSection(out, Section.table, this.tables);
    writeSection(out, Section.memory, this.memories);
    writeSection(out, Section.global, this.globals);
    writeSection(out, Section.export, this.exports);
    writeSection(out, Section.element, this.elements);
    writeSection(out, Section.code, this.codes);
    writeSection(out, Section.data, this.datas);
    if (this.names.count > 0) writeNames(out, this.names);
    return new Uint8Array(out.bytes());
  }
}

/** The custom section `name` with its subsection 1, function names (core specification, appendix 7.4). */
function writeNames(out: ByteWriter, names: Entries): void {
  const map = new ByteWriter(8);
  map.uleb(names.count);
  const size = map.length + names.length;
  const head = new ByteWriter(16);
  head.name('name');
  head.u8(1);
  head.uleb(size);
  out.u8(Section.custom);
  out.uleb(head.length + size);
  out.raw(head.bytes());
  out.raw(map.bytes());
  out.raw(names.bytes());
}

function writeLimits(out: ByteWriter, limits: Limits): void {
  out.u8((limits.max === undefined ? 0 : 1) | (limits.shared ? 2 : 0));
  out.uleb(limits.min);
  if (limits.max !== undefined) out.uleb(limits.max);
}

function writeSection(out: ByteWriter, id: Section, entries: Entries): void {
  if (entries.count === 0) return;
  const prefix = new ByteWriter(8);
  prefix.uleb(entries.count);
  out.u8(id);
  out.uleb(prefix.length + entries.length);
  out.raw(prefix.bytes());
  out.raw(entries.bytes());
}
