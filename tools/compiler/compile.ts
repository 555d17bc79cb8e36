/**
 * The compiler as a whole: from an entry file of guest TypeScript to an executable, an object file or text.
 *
 * check → lower → optimise → select, allocate, emit → link. Errors in the source are returned, not thrown.
 */
import { resolve } from 'node:path';
import { UserError } from '../../emulator/errors.ts';
import { checkReachable } from './frontend/check.ts';
import type { Diagnostic } from './frontend/diagnostics.ts';
import { type ParseCache, Program, type SourceHost } from './frontend/program.ts';
import { diskHost, projectRoot } from './frontend/session.ts';
import type { Module } from './ir/ir.ts';
import { printModule } from './ir/print.ts';
import { Op } from './ir/types.ts';
import { writeAssembly } from './link/assembly-text.ts';
import { readObject } from './link/elf-object.ts';
import { writeRelocatable } from './link/elf-writer.ts';
import { LAYOUTS, linkExecutable } from './link/linker.ts';
import { BLOCK_FUNCTIONS, ModuleLowering } from './lower/module.ts';
import { RUNTIME_PATH, RUNTIME_SOURCE } from './lower/runtime-source.ts';
import { optimise } from './opt/optimise.ts';
import { compileModule } from './riscv/compile.ts';

export type Target = 'bare' | 'kernel' | 'program';

export interface CompileOptions {
  readonly target: Target;
  readonly optimise: boolean;
  /** The machine has Xtwzp, which every machine that programs run on has: by default true for `program` only. */
  readonly xtwzp?: boolean;
  /** An object file for a linker instead of an executable. */
  readonly relocatable?: boolean;
  /** Where sources come from; the disk by default. */
  readonly host?: SourceHost;
  /** Folder that symbols and paths are relative to; the project of the entry file by default. */
  readonly root?: string;
  readonly cache?: ParseCache;
  /** Object files of other compilers to link with. */
  readonly objects?: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  /** Functions and variables of the entry module to be compiled, besides `main` and those with `@export`. */
  readonly roots?: readonly string[];
}

export type CompileResult =
  | { readonly ok: true; readonly module: Module; readonly elf: Uint8Array }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** What the target's entry needs from the runtime. */
const REQUIRED: Record<Target, readonly string[]> = { bare: ['_start'], kernel: [], program: [] };

const hasXtwzp = ({ target, xtwzp }: CompileOptions): boolean => xtwzp ?? target === 'program';

/** The IR of a program, before optimisation, or what is wrong with it. */
export function compileToIr(
  file: string,
  options: CompileOptions,
): { readonly ok: true; readonly module: Module } | (CompileResult & { ok: false }) {
  const path = resolve(file);
  const host = options.host ?? diskHost;
  const program = new Program({
    host: { read: (name) => (name === RUNTIME_PATH ? RUNTIME_SOURCE : host.read(name)) },
    root: options.root ?? projectRoot(path),
    optimise: options.optimise,
    ...(options.cache && { cache: options.cache }),
  });
  const entry = program.load(path);
  if (entry === undefined) throw new UserError(`${file}: no such file`);
  checkReachable(program, entry, ['main', '_start', ...(options.roots ?? [])]);
  const { diagnostics } = program;
  if (diagnostics.list.length > 0) return { ok: false, diagnostics: diagnostics.sorted() };
  const isExecutable = options.relocatable !== true;
  const module = new ModuleLowering(program, {
    optimise: options.optimise,
    required: isExecutable ? REQUIRED[options.target] : [],
  }).run();
  if (diagnostics.list.length > 0) return { ok: false, diagnostics: diagnostics.sorted() };
  return { ok: true, module };
}

/** Compiles a program. */
export function compile(file: string, options: CompileOptions): CompileResult {
  const lowered = compileToIr(file, options);
  if (!lowered.ok) return lowered;
  const { module } = lowered;
  if (options.optimise) optimise(module, { xtwzp: hasXtwzp(options) });
  dropUnusedBlockFunctions(module);
  const relocatable = options.relocatable === true;
  const object = compileModule(module, file, { farCalls: relocatable, debug: true });
  const others = (options.objects ?? []).map(({ name, bytes }) => readObject(bytes, name));
  const elf = relocatable
    ? writeRelocatable(object)
    : linkExecutable([object, ...others], LAYOUTS[options.target]);
  return { ok: true, module, elf };
}

const BLOCK_OPS = new Map([
  [Op.Memcpy, 'memcpy'],
  [Op.Memmove, 'memmove'],
  [Op.Memset, 'memset'],
]);

/** Removes the runtime's block functions where no code asks for them. */
function dropUnusedBlockFunctions(module: Module): void {
  const wanted = new Set<string>();
  for (const func of module.funcs) {
    for (const block of func.blocks) {
      for (const { op, sym } of block.insts) {
        const needed = BLOCK_OPS.get(op) ?? sym?.name;
        // A function's calls of itself do not count.
        if (needed !== undefined && needed !== func.name) wanted.add(needed);
      }
    }
    if (func.nakedBody !== undefined)
      for (const name of BLOCK_FUNCTIONS) if (func.nakedBody.includes(name)) wanted.add(name);
  }
  // memmove calls memcpy; what the block operations of one need is found in the same pass.
  module.funcs = module.funcs.filter(
    (func) => func.linkage !== 'weak' || !BLOCK_FUNCTIONS.includes(func.name) || wanted.has(func.name),
  );
}

/** The program as assembly text, with source lines as comments. */
export function compileToAssembly(file: string, options: CompileOptions): string | readonly Diagnostic[] {
  const lowered = compileToIr(file, { ...options, relocatable: true });
  if (!lowered.ok) return lowered.diagnostics;
  const { module } = lowered;
  if (options.optimise) optimise(module, { xtwzp: hasXtwzp(options) });
  dropUnusedBlockFunctions(module);
  const object = compileModule(module, file, { farCalls: true, debug: false, listing: true });
  const root = options.root ?? projectRoot(resolve(file));
  const texts = new Map<string, readonly string[]>();
  return writeAssembly(object, (path, line) => {
    const text =
      path === RUNTIME_PATH ? RUNTIME_SOURCE : (options.host ?? diskHost).read(resolve(root, path));
    const lines = texts.get(path) ?? text?.split('\n') ?? [];
    texts.set(path, lines);
    return lines[line - 1];
  });
}

/** The IR as text: after optimisation unless it is off. */
export function compileToText(file: string, options: CompileOptions): string | readonly Diagnostic[] {
  const lowered = compileToIr(file, options);
  if (!lowered.ok) return lowered.diagnostics;
  if (options.optimise) optimise(lowered.module, { xtwzp: hasXtwzp(options) });
  return printModule(lowered.module);
}
