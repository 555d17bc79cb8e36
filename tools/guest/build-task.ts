/** One unit of the guest's build: a source file that becomes an ELF. */
import { join, relative } from 'node:path';
import { compile, type Target } from '../compiler/compile.ts';
import { formatDiagnostic } from '../compiler/frontend/diagnostics.ts';
import type { ParseCache } from '../compiler/frontend/program.ts';
import { diskHost } from '../compiler/frontend/session.ts';

export interface BuildTask {
  /** Below the guest's folder. */
  readonly file: string;
  readonly target: Target;
}

export type BuildResult =
  /** With the sources that were read, as paths below the root. */
  | { readonly elf: Uint8Array; readonly inputs: readonly string[] }
  /** What is wrong with the source, a line for each. */
  | { readonly errors: readonly string[] }
  /** The compiler, or the linker, gave up. */
  | { readonly failure: string };

export function compileTask(root: string, { file, target }: BuildTask, cache: ParseCache): BuildResult {
  const inputs = new Set<string>();
  const host = {
    read: (path: string): string | undefined => {
      const text = diskHost.read(path);
      if (text !== undefined) inputs.add(relative(root, path));
      return text;
    },
  };
  try {
    const result = compile(join(root, 'guest', file), { target, optimise: true, cache, host });
    if (result.ok) return { elf: result.elf, inputs: [...inputs] };
    return { errors: result.diagnostics.map((d) => formatDiagnostic(d, (path) => relative(root, path))) };
  } catch (error) {
    return { failure: `${file}: ${error instanceof Error ? error.message : String(error)}` };
  }
}
