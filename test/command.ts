/** The `licorice` command for tests that need it as a process of its own: bundled from the sources as they are. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

export interface BuiltCommand {
  /** The script to run with Node. */
  readonly script: string;
  /** Removes it. */
  remove(): void;
}

/** Bundles the command into a temporary folder. */
export async function buildLicorice(): Promise<BuiltCommand> {
  const folder = mkdtempSync(join(tmpdir(), 'licorice-command-'));
  await build({
    entryPoints: { licorice: 'tools/licorice.ts', 'torture-worker': 'tools/torture/worker.ts' },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    external: ['typescript', 'esbuild', 'blessed'],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    logLevel: 'silent',
  });
  return {
    script: join(folder, 'licorice.mjs'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
