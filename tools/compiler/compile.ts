/**
 * The compiler as a whole: from an entry file of guest TypeScript to an executable, an object file or text.
 *
 * check → lower → optimise → select, allocate, emit → link. Errors in the source are returned, not thrown.
 */
import { resolve } from 'node:path';
import { UserError } from '../../emulator/errors.ts';
import { checkReachable, type Root } from './frontend/check.ts';
import type { Diagnostic } from './frontend/diagnostics.ts';
import { type ParseCache, Program, type SourceHost } from './frontend/program.ts';
import { diskHost, projectRoot } from './frontend/session.ts';
import type { Module } from './ir/ir.ts';
import { printModule } from './ir/print.ts';
import { writeAssembly } from './link/assembly-text.ts';
import { buildObject, type ProgramRoots } from './link/build-object.ts';
import { readObject } from './link/elf-object.ts';
import { writeRelocatable } from './link/elf-writer.ts';
import { LAYOUTS, linkExecutable } from './link/linker.ts';
import { ModuleLowering, NotTogether } from './lower/module.ts';
import { RUNTIME_PATH, RUNTIME_SOURCE } from './lower/runtime-source.ts';
import { optimise } from './opt/optimise.ts';
import { ModuleCode } from './riscv/compile.ts';

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
  | {
      readonly ok: true;
      readonly elf: Uint8Array;
      /** Absolute paths of the sources that it is made of. */
      readonly sources: readonly string[];
    }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** What the target's entry needs from the runtime. */
const REQUIRED: Record<Target, readonly string[]> = { bare: ['_start'], kernel: [], program: [] };

const hasXtwzp = ({ target, xtwzp }: CompileOptions): boolean => xtwzp ?? target === 'program';

/** Programs in one module of IR, and what is wrong with them. */
interface Lowered {
  readonly ok: true;
  readonly module: Module;
  /** In the order of the files. */
  readonly programs: readonly LoweredProgram[];
}
interface LoweredProgram extends ProgramRoots {
  /** Absolute paths of the sources that it is made of. */
  readonly sources: readonly string[];
}
type Failed = Extract<CompileResult, { ok: false }>;

/** The IR of programs, before optimisation. @throws NotTogether */
function lower(files: readonly string[], options: CompileOptions): Lowered | Failed {
  const paths = files.map((file) => resolve(file));
  const host = options.host ?? diskHost;
  const root = options.root ?? projectRoot(paths[0]!);
  const program = new Program({
    host: { read: (name) => (name === RUNTIME_PATH ? RUNTIME_SOURCE : host.read(name)) },
    root,
    optimise: options.optimise,
    ...(options.cache && { cache: options.cache }),
  });
  const roots: Root[][] = [];
  for (const [i, path] of paths.entries()) {
    const entry = program.load(path);
    if (entry === undefined) throw new UserError(`${files[i]}: no such file`);
    roots.push(checkReachable(program, entry, ['main', '_start', ...(options.roots ?? [])]));
  }
  const { diagnostics } = program;
  if (diagnostics.list.length > 0) return { ok: false, diagnostics: diagnostics.sorted() };
  const required = options.relocatable === true ? [] : REQUIRED[options.target];
  const lowering = new ModuleLowering(program, { optimise: options.optimise, programs: roots, required });
  const module = lowering.run();
  if (diagnostics.list.length > 0) return { ok: false, diagnostics: diagnostics.sorted() };
  const programs = paths.map((path, i): LoweredProgram => {
    const entry = program.modules.get(path)!;
    return {
      file: lowering.shownPath(path),
      symbols: [
        ...required.map((name) => lowering.runtime(name)),
        ...roots[i]!.map((each) => lowering.symbolOfRoot(each)),
      ],
      sources: program.importedBy(entry).map((each) => each.path),
    };
  });
  return { ok: true, module, programs };
}

/** The IR of a program, before optimisation, or what is wrong with it. */
export function compileToIr(
  file: string,
  options: CompileOptions,
): { readonly ok: true; readonly module: Module } | Failed {
  return lower([file], options);
}

/** Compiles a program. */
export const compile = (file: string, options: CompileOptions): CompileResult =>
  compileTogether([file], options)[0]!;

/**
 * Compiles programs; what several of them contain is checked, optimised and translated once. Each result is the same, byte for byte, as when
 * the program is compiled alone, except that what is wrong with one is said of all.
 */
export function compileTogether(files: readonly string[], options: CompileOptions): CompileResult[] {
  let lowered: Lowered | Failed;
  try {
    lowered = lower(files, options);
  } catch (error) {
    if (!(error instanceof NotTogether) || files.length === 1) throw error;
    return files.map((file) => compile(file, options));
  }
  if (!lowered.ok) return files.map(() => lowered as Failed);
  const { module } = lowered;
  if (options.optimise) optimise(module, { xtwzp: hasXtwzp(options) });
  const relocatable = options.relocatable === true;
  const code = new ModuleCode(module, { farCalls: relocatable });
  return lowered.programs.map((program, i) => {
    const others = (options.objects ?? []).map(({ name, bytes }) => readObject(bytes, name));
    const object = buildObject(code, files[i]!, { debug: true }, program);
    const elf = relocatable
      ? writeRelocatable(object)
      : linkExecutable([object, ...others], LAYOUTS[options.target]);
    return { ok: true, elf, sources: program.sources };
  });
}

/** The program as assembly text, with source lines as comments. */
export function compileToAssembly(file: string, options: CompileOptions): string | readonly Diagnostic[] {
  const lowered = lower([file], { ...options, relocatable: true });
  if (!lowered.ok) return lowered.diagnostics;
  const { module, programs } = lowered;
  if (options.optimise) optimise(module, { xtwzp: hasXtwzp(options) });
  const code = new ModuleCode(module, { farCalls: true });
  const object = buildObject(code, file, { debug: false, listing: true }, programs[0]);
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
