/**
 * Lowers a checked program to an IR module: functions, variables with their initial bytes, constant data, and the
 * runtime functions that code refers to. Order follows the program's, so the output is deterministic.
 */

import type * as ts from 'typescript';
import { checkQueued, type Root } from '../frontend/check.ts';
import type { Diagnostics } from '../frontend/diagnostics.ts';
import { FunctionInstance, type GlobalVariable } from '../frontend/entities.ts';
import { instantiate } from '../frontend/functions.ts';
import { hasOneMention } from '../frontend/mentions.ts';
import type { Program } from '../frontend/program.ts';
import type { Expr } from '../frontend/tree.ts';
import { alignOf, isInPlace, sizeOf, type Type, VOID } from '../frontend/types.ts';
import { Func, Global, Module, type Sym } from '../ir/ir.ts';
import { floatBits } from '../ir/numbers.ts';
import { Type as IrType } from '../ir/types.ts';
import { passedTypes, signatureOf } from './calls.ts';
import { lowerFunction } from './function.ts';
import { DebugTypes } from './ir-types.ts';
import { RUNTIME_PATH } from './runtime-source.ts';

/** What the code generator calls for block operations that are not expanded in place. */
export const BLOCK_FUNCTIONS: readonly string[] = ['memcpy', 'memmove', 'memset'];

/** Programs cannot be lowered together: they bring different functions for something that the compiler itself calls. */
export class NotTogether extends Error {}

export interface LowerOptions {
  readonly optimise: boolean;
  /** What each of the programs begins with. */
  readonly programs: readonly (readonly Root[])[];
  /** Names of runtime functions that the target needs whatever the code refers to. */
  readonly required: readonly string[];
}

export class ModuleLowering {
  readonly module = new Module();
  readonly debugTypes = new DebugTypes();
  private readonly functions = new Map<FunctionInstance, Sym>();
  /** What the programs export; undefined where they differ. */
  private readonly exported = new Map<string, FunctionInstance | undefined>();
  /** Functions of the runtime that were asked for. */
  private readonly runtimeFunctions = new Map<string, FunctionInstance>();
  private readonly globals = new Map<GlobalVariable, Sym>();
  private readonly strings = new Map<string, Global>();
  private readonly locations = new Map<string, Global>();
  private readonly files = new Map<string, number>();

  constructor(
    readonly program: Program,
    readonly options: LowerOptions,
  ) {}

  get diagnostics(): Diagnostics {
    return this.program.diagnostics;
  }

  run(): Module {
    const { program } = this;
    this.findExported();
    for (const name of [...BLOCK_FUNCTIONS, ...this.options.required]) this.runtime(name);
    // Lowering asks for runtime functions, which are checked and lowered in turn.
    for (let index = 0; index < program.functions.length; index++) {
      checkQueued(program);
      const instance = program.functions[index]!;
      if (!instance.isExternal) lowerFunction(this, instance, this.symbolOf(instance) as Func);
    }
    for (let index = 0; index < program.globals.length; index++) this.defineGlobal(program.globals[index]!);
    return this.module;
  }

  private findExported(): void {
    const { programs } = this.options;
    const counts = new Map<FunctionInstance, number>();
    for (const root of programs.flat())
      if (root instanceof FunctionInstance) counts.set(root, (counts.get(root) ?? 0) + 1);
    for (const [instance, count] of counts)
      this.exported.set(instance.symbolName, count === programs.length ? instance : undefined);
  }

  // Symbols.

  symbolOf(instance: FunctionInstance): Sym {
    let symbol = this.functions.get(instance);
    if (symbol === undefined) {
      symbol = instance.isExternal
        ? this.module.external(instance.symbolName, true)
        : this.declareFunction(instance);
      this.functions.set(instance, symbol);
    }
    return symbol;
  }

  private declareFunction(instance: FunctionInstance): Func {
    const { template } = instance;
    const { paramTypes, resultTypes } = signatureOf(passedTypes(instance), instance.result);
    const func = new Func(instance.symbolName, paramTypes, resultTypes);
    const { attributes } = template;
    if (attributes.exportName !== undefined) func.linkage = this.isRuntime(instance) ? 'weak' : 'global';
    else if (attributes.used) func.linkage = 'global';
    func.section = attributes.section;
    if (attributes.align > 0) func.align = attributes.align;
    func.inline = attributes.inline;
    func.isCold = attributes.cold;
    func.isSingle = func.linkage === 'local' && hasOneMention(template);
    func.trapFrame = attributes.trapFrame;
    func.isNoReturn = instance.result.kind === 'never';
    func.sourceName = template.thisType
      ? `${template.thisType.instance.name}.${template.name}`
      : template.name;
    func.loc = this.loc(template.declaration);
    if (instance.result !== VOID) func.debugResult = this.debugTypes.ofVariable(instance.result);
    return this.module.addFunc(func);
  }

  /** Part of the built-in runtime, which gives way to functions of the same name in other object files. */
  private isRuntime(instance: FunctionInstance): boolean {
    return instance.template.scope.module.path === RUNTIME_PATH;
  }

  /** A function that the compiler calls by its symbol: the program's own, or the one of the built-in runtime. */
  runtime(name: string): Sym {
    let instance = this.exported.get(name) ?? this.runtimeFunctions.get(name);
    if (instance === undefined) {
      if (this.exported.has(name)) throw new NotTogether(name);
      const runtime = this.program.load(RUNTIME_PATH);
      const known = [...(runtime?.scope.names.values() ?? [])].find(
        (entity) => entity.kind === 'function' && entity.attributes.exportName === name,
      );
      if (known?.kind !== 'function') return this.module.external(name, true);
      instance = instantiate(this.program, known, [], known.declaration)!;
      this.runtimeFunctions.set(name, instance);
    }
    return this.symbolOf(instance);
  }

  /** The symbol of this name: of the program if it defines one, otherwise of another object file or the linker. */
  named(name: string): Sym {
    return this.module.external(name, false);
  }

  symbolOfRoot(root: Root): Sym {
    return root instanceof FunctionInstance ? this.symbolOf(root) : this.globalOf(root);
  }

  globalOf(variable: GlobalVariable): Sym {
    let symbol = this.globals.get(variable);
    if (symbol === undefined) {
      symbol = variable.isExternal
        ? this.module.external(variable.symbolName, false)
        : this.declareGlobal(variable);
      this.globals.set(variable, symbol);
    }
    return symbol;
  }

  private declareGlobal(variable: GlobalVariable): Global {
    const storage = variable.storage!;
    const global = new Global(
      variable.symbolName,
      sizeOf(storage),
      Math.max(alignOf(storage), variable.attributes.align),
    );
    if (variable.attributes.exportName !== undefined || variable.attributes.used) global.linkage = 'global';
    global.section = variable.attributes.section;
    global.isConst = variable.isConst && variable.value?.kind === 'aggregate';
    global.debugType = this.debugTypes.of(storage);
    global.loc = this.loc(variable.declaration);
    return this.module.addGlobal(global);
  }

  private defineGlobal(variable: GlobalVariable): void {
    const global = this.globalOf(variable);
    if (!(global instanceof Global) || variable.value === undefined) return;
    const bytes = new Uint8Array(global.size);
    this.writeConstant(global, bytes, 0, variable.storage!, variable.value);
    if (global.relocs.length > 0 || bytes.some((byte) => byte !== 0)) global.data = bytes;
  }

  // Constant data.

  /** Writes a constant initialiser to `bytes` at `offset`; addresses become relocations of `global`. */
  private writeConstant(global: Global, bytes: Uint8Array, offset: number, storage: Type, value: Expr): void {
    const view = new DataView(bytes.buffer);
    switch (value.kind) {
      case 'const': {
        const size = sizeOf(storage);
        for (let i = 0; i < size; i++) bytes[offset + i] = Number((value.value >> BigInt(8 * i)) & 0xffn);
        return;
      }
      case 'float': {
        const is32 = storage.kind === 'float' && storage.bits === 32;
        const bits = floatBits(is32 ? IrType.F32 : IrType.F64, value.value);
        if (is32) view.setUint32(offset, Number(bits), true);
        else view.setBigUint64(offset, bits, true);
        return;
      }
      case 'aggregate':
        for (const part of value.parts) {
          this.writeConstant(global, bytes, offset + part.offset, part.storage, part.value);
        }
        return;
      case 'makeSpan':
        this.writeConstant(global, bytes, offset, value.pointer.type, value.pointer);
        this.writeConstant(global, bytes, offset + 8, value.length.type, value.length);
        return;
      case 'str':
        if (value.bytes.length > 0) global.relocs.push({ offset, sym: this.string(value.bytes), addend: 0 });
        view.setBigUint64(offset + 8, BigInt(value.bytes.length), true);
        return;
      case 'retype':
        if (value.operand.kind === 'str') this.writeConstant(global, bytes, offset, storage, value.operand);
        else if (isInPlace(storage)) throw new Error('a constant in place has a literal');
        else this.writeConstant(global, bytes, offset, storage, value.operand);
        return;
      default: {
        const address = this.constantAddress(value);
        global.relocs.push({ offset, sym: address.sym, addend: address.addend });
      }
    }
  }

  /** The address that a constant expression stands for. */
  private constantAddress(value: Expr): { sym: Sym; addend: number } {
    switch (value.kind) {
      case 'function':
        return { sym: this.symbolOf(value.target), addend: 0 };
      case 'global':
        return { sym: this.globalOf(value.global), addend: 0 };
      case 'address':
        return this.constantAddress(value.place);
      case 'retype':
        return this.constantAddress(value.operand);
      case 'field': {
        const { sym, addend } = this.constantAddress(value.object);
        return { sym, addend: addend + value.offset };
      }
      default:
        throw new Error(`not a constant address: ${value.kind}`);
    }
  }

  /** The read-only bytes of a string literal; equal strings share them. */
  string(bytes: Uint8Array): Global {
    const key = Buffer.from(bytes).toString('latin1');
    let global = this.strings.get(key);
    if (global === undefined) {
      global = Global.numbered('.str.', this.strings.size, bytes.length > 0 ? bytes : new Uint8Array(1), 1);
      this.strings.set(key, this.module.addGlobal(global));
    }
    return global;
  }

  /** The `SourceLocation` that a panic at `node` is told. */
  location(node: ts.Node): Global {
    const source = node.getSourceFile();
    const { line, character } = source.getLineAndCharacterOfPosition(node.getStart(source));
    const key = `${source.fileName}:${line}:${character}`;
    let global = this.locations.get(key);
    if (global === undefined) {
      const bytes = new Uint8Array(24);
      const view = new DataView(bytes.buffer);
      const name = new TextEncoder().encode(this.shownPath(source.fileName));
      view.setBigUint64(8, BigInt(name.length), true);
      view.setUint32(16, line + 1, true);
      view.setUint32(20, character + 1, true);
      global = Global.numbered('.loc.', this.locations.size, bytes, 8);
      global.relocs.push({ offset: 0, sym: this.string(name), addend: 0 });
      this.locations.set(key, this.module.addGlobal(global));
    }
    return global;
  }

  // Source positions.

  /** The path of a file as messages and debuggers show it: relative to the project. */
  shownPath(path: string): string {
    const { root } = this.program.options;
    return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
  }

  /** Index of a node's position in the module. */
  loc(node: ts.Node): number {
    const source = node.getSourceFile();
    let file = this.files.get(source.fileName);
    if (file === undefined) {
      this.module.directory = this.program.options.root;
      file = this.module.files.push(this.shownPath(source.fileName)) - 1;
      this.files.set(source.fileName, file);
    }
    const { line, character } = source.getLineAndCharacterOfPosition(node.getStart(source));
    return this.module.loc(file, line + 1, character + 1);
  }
}
