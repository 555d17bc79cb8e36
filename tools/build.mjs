/**
 * Builds dist/: the `licorice` command as an esbuild bundle, and the guest. `typescript`, `esbuild` and `blessed` stay outside
 * it (blessed does not survive bundling, the others are large and loaded only by the commands that need them).
 */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/**
 * Takes `typescript` from tools/typescript.cjs, which loads it from V8's code cache. An `import` would first search its nine megabytes for names to
 * export, which takes longer than anything else that `licorice check` does before it starts.
 */
const cachedTypescript = {
  name: 'cached-typescript',
  setup({ onResolve }) {
    onResolve({ filter: /^typescript$/ }, () => ({ path: join(import.meta.dirname, 'typescript.cjs') }));
  },
};

export async function buildAll(root) {
  await build({
    absWorkingDir: root,
    entryPoints: {
      licorice: 'tools/licorice.ts',
      'build-system': 'tools/guest/build-system.ts',
      'build-worker': 'tools/guest/build-worker.ts',
      'torture-worker': 'tools/torture/worker.ts',
    },
    outdir: 'dist',
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    splitting: true,
    minifySyntax: true,
    sourcemap: true,
    external: ['esbuild', 'blessed'],
    plugins: [cachedTypescript],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    legalComments: 'none',
    logLevel: 'warning',
  });
  chmodSync(join(root, 'dist', 'licorice.js'), 0o755);
  const { buildSystem } = await import(pathToFileURL(join(root, 'dist', 'build-system.js')).href);
  await buildSystem(root);
}

if (process.argv[1]?.endsWith('build.mjs')) await buildAll(process.cwd());
