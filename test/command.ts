/** The `licorice` command for tests that need it as a process of its own: bundled from the sources as they are. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

export interface BuiltCommand {
  /** The script to run with Node, and the folder that it lies in. */
  readonly script: string;
  readonly folder: string;
  /** Removes it. */
  remove(): void;
}

/**
 * Bundles the command into a temporary folder.
 * @param others more bundles, NAME.mjs beside it, by their sources
 * @param parent where the folder is made; in `dist`, the command finds the guest's sources and what was built of them
 */
export async function buildLicorice(
  others: Readonly<Record<string, string>> = {},
  parent = tmpdir(),
): Promise<BuiltCommand> {
  const folder = mkdtempSync(join(parent, 'licorice-command-'));
  await build({
    entryPoints: { licorice: 'tools/licorice.ts', 'torture-worker': 'tools/torture/worker.ts', ...others },
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
    folder,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
