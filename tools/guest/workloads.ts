/**
 * The workloads of guest/torture as executables, compiled when somebody asks for one and kept in dist/guest/torture for as long as their
 * sources and the compiler stay the same. Several processes may ask at once: each file is replaced in one step, and one that does not belong to
 * its note is not used.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { BuildCache } from './build-cache.ts';
import { builtFiles, runTasks, workerFile } from './build-threads.ts';
import { namesIn, replaceFile } from './files.ts';
import { packageRoot } from './layouts.ts';

const FOLDER = 'torture';

/** The names of the workloads. */
export const workloadNames = (): string[] => namesIn(packageRoot(), FOLDER);

/** The executables of workloads. @throws UserError that lists what the compiler found */
export async function buildWorkloads(names: readonly string[]): Promise<Uint8Array[]> {
  const root = packageRoot();
  const out = join(root, 'dist', 'guest', FOLDER);
  mkdirSync(out, { recursive: true });
  const found = names.map((name) => {
    const file = join(FOLDER, `${name}.ts`);
    const output = join(out, `${name}.elf`);
    const cache = new BuildCache(join(out, `${name}.json`), root, workerFile(root));
    return { file, output, cache, elf: cache.find(file, output) };
  });
  const stale = found.filter(({ elf }) => elf === undefined);
  const built = builtFiles(
    await runTasks(
      root,
      stale.map(({ file }) => ({ file, target: 'program' as const })),
    ),
  );
  for (const [i, { elf, inputs }] of built.entries()) {
    const workload = stale[i]!;
    workload.elf = elf;
    replaceFile(workload.output, elf);
    workload.cache.store(workload.file, inputs, elf);
    workload.cache.save();
  }
  return found.map(({ elf }) => elf!);
}
