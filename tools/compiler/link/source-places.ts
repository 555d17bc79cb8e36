/**
 * The source positions of one program as its debugging information has them: a module that several programs share knows the files of all, a
 * program's table lists its own, the entry file first.
 */
import type { InlinedCall, SourceLoc } from '../ir/debug.ts';
import type { Global, Module } from '../ir/ir.ts';
import type { CompiledFunc } from '../riscv/emit.ts';

export class SourcePlaces {
  /** Paths as the debugger should show them. */
  readonly files: readonly string[];
  /** Folder that `files` are relative to. */
  readonly directory: string;
  /** Position in `files` by that in the module's. */
  private readonly numbers = new Map<number, number>();

  /** @param entry the path that comes first; the module's first one by default */
  constructor(
    private readonly module: Module,
    entry: string | undefined,
    funcs: readonly CompiledFunc[],
    globals: readonly Global[],
  ) {
    this.directory = module.directory;
    const seen = new Set<number>([0]);
    const see = (loc: number): void => {
      if (seen.has(loc)) return;
      seen.add(loc);
      const { file, inlined } = module.locs[loc]!;
      if (!this.numbers.has(file)) this.numbers.set(file, this.numbers.size);
      if (inlined === undefined) return;
      see(inlined.callee.loc);
      see(inlined.at);
    };
    this.numbers.set(entry === undefined ? 0 : Math.max(0, module.files.indexOf(entry)), 0);
    for (const { func, lines } of funcs) {
      see(func.loc);
      for (const { what } of lines) see(what);
      for (const variable of func.debugVars) see(variable.loc);
    }
    for (const global of globals) see(global.loc);
    this.files = [...this.numbers.keys()].map((file) => module.files[file]!);
  }

  /** The call by whose inlining the position came where it is. */
  callAt(loc: number): InlinedCall | undefined {
    return this.module.locs[loc]!.inlined;
  }

  /** File (a position in `files`), line and column of an index into `Module.locs`. */
  at(loc: number): SourceLoc {
    const { file, line, column } = this.module.locs[loc]!;
    return { file: this.numbers.get(file) ?? 0, line, column };
  }
}
