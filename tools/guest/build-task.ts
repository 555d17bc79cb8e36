/** One piece of the guest's build, as a thread does it: a source file becomes an ELF with its table of symbols, or guest/abi becomes layouts. */
import { join, relative } from 'node:path';
import { compile, type Target } from '../compiler/compile.ts';
import { formatDiagnostic } from '../compiler/frontend/diagnostics.ts';
import type { ParseCache, SourceHost } from '../compiler/frontend/program.ts';
import { diskHost } from '../compiler/frontend/session.ts';
import { type GuestLayouts, Layouts, readLayouts } from './layouts.ts';
import { writeSymbols } from './symbols.ts';

export interface BuildTask {
  /** Below the guest's folder. */
  readonly file: string;
  readonly target: Target;
  /** Whether the table of symbols is wanted as well. */
  readonly symbols?: boolean;
  /** What the file is taken to hold, in place of what it does. */
  readonly text?: string;
}

export interface BuiltFile {
  readonly elf: Uint8Array;
  /** For the boot archive; empty if it was not asked for. */
  readonly symbols: Uint8Array;
  /** The sources that were read, as paths below the root. */
  readonly inputs: readonly string[];
  /** Milliseconds that it took. */
  readonly time: number;
}

export type BuildResult =
  | BuiltFile
  /** What is wrong with the source, a line for each. */
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

  async build({ file, target, symbols, text: given }: BuildTask): Promise<BuildResult> {
    const start = performance.now();
    const { root, cache } = this;
    const inputs = new Set<string>();
    const entry = join(root, 'guest', file);
    const host: SourceHost = {
      read: (path) => {
        const text = path === entry && given !== undefined ? given : diskHost.read(path);
        if (text !== undefined) inputs.add(relative(root, path));
        return text;
      },
    };
    try {
      const result = compile(entry, { target, optimise: true, cache, host });
      if (!result.ok)
        return { errors: result.diagnostics.map((d) => formatDiagnostic(d, (path) => relative(root, path))) };
      const table = symbols
        ? writeSymbols(result.elf, file, new Layouts(await this.readLayouts()))
        : new Uint8Array();
      return { elf: result.elf, symbols: table, inputs: [...inputs], time: performance.now() - start };
    } catch (error) {
      return { failure: `${file}: ${error instanceof Error ? error.message : String(error)}` };
    }
  }
}
