/**
 * One piece of the guest's build, as a thread does it: source files become ELFs with their tables of symbols, or guest/abi becomes layouts.
 * Files of one task share what is compiled; what comes out does not depend on which files those are.
 */
import { join, relative } from 'node:path';
import { type CompileResult, compileTogether, type Target } from '../compiler/compile.ts';
import { formatDiagnostic } from '../compiler/frontend/diagnostics.ts';
import type { ParseCache, SourceHost } from '../compiler/frontend/program.ts';
import { diskHost } from '../compiler/frontend/session.ts';
import { type GuestLayouts, Layouts, readLayouts } from './layouts.ts';
import { writeSymbols } from './symbols.ts';

export interface BuildTask {
  /** Below the guest's folder. */
  readonly files: readonly string[];
  readonly target: Target;
  /** Whether tables of symbols are wanted as well. */
  readonly symbols?: boolean;
  /** What the first file is taken to hold, in place of what it does. */
  readonly text?: string;
}

export interface BuiltFile {
  /** Below the guest's folder. */
  readonly file: string;
  readonly elf: Uint8Array;
  /** For the boot archive; empty if it was not asked for. */
  readonly symbols: Uint8Array;
  /** The sources that were read, as paths below the root. */
  readonly inputs: readonly string[];
}

export type BuildResult =
  | {
      /** In the order of the task. */
      readonly files: readonly BuiltFile[];
      /** Milliseconds that it took. */
      readonly time: number;
    }
  /** What is wrong with the sources, a line for each. */
  | { readonly errors: readonly string[] }
  /** The compiler, or the linker, gave up. */
  | { readonly failure: string };

/** Does tasks one after the other; what was parsed for one is kept for the next. */
export class Builder {
  private readonly cache: ParseCache = new Map();
  private layouts: GuestLayouts | undefined;

  constructor(private readonly root: string) {}

  /** The layouts of guest/abi. */
  async readLayouts(): Promise<GuestLayouts> {
    this.layouts ??= await readLayouts(join(this.root, 'guest'), this.cache);
    return this.layouts;
  }

  async build({ files, target, symbols, text }: BuildTask): Promise<BuildResult> {
    const start = performance.now();
    const { root, cache } = this;
    try {
      const paths = files.map((file) => join(root, 'guest', file));
      const host: SourceHost = {
        read: (path) => (path === paths[0] && text !== undefined ? text : diskHost.read(path)),
      };
      const results = compileTogether(paths, { target, optimise: true, cache, host });
      const built: BuiltFile[] = [];
      for (const [i, result] of results.entries()) {
        if (!result.ok) return { errors: this.messages(result) };
        const table = symbols
          ? writeSymbols(result.elf, files[i]!, new Layouts(await this.readLayouts()))
          : new Uint8Array();
        const inputs = result.sources.map((path) => relative(root, path));
        built.push({ file: files[i]!, elf: result.elf, symbols: table, inputs });
      }
      return { files: built, time: performance.now() - start };
    } catch (error) {
      return { failure: `${files.join(', ')}: ${error instanceof Error ? error.message : String(error)}` };
    }
  }

  private messages({ diagnostics }: Extract<CompileResult, { ok: false }>): string[] {
    return diagnostics.map((each) => formatDiagnostic(each, (path) => relative(this.root, path)));
  }
}
