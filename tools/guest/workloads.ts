/**
 * Programs that are no part of the system, as executables: the workloads of guest/torture and other sources for the tester, and what is in
 * guest/benchmarks. They are compiled when somebody asks for one, and kept below dist/guest for as long as their sources and the compiler stay the
 * same. Several processes may ask at once: each file is replaced in one step, and one that does not belong to its note is not used.
 */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BuildCache } from './build-cache.ts';
import type { BuildTask } from './build-task.ts';
import { builtFiles, runTasks, workerFile } from './build-threads.ts';
import { namesIn, replaceFile } from './files.ts';
import { packageRoot } from './layouts.ts';

const FOLDER = 'torture';

/** The names of the workloads. */
export const workloadNames = (): string[] => namesIn(packageRoot(), FOLDER);

/** A source to be compiled. */
export interface WorkloadSource {
  /** Of its executable, in the folder of dist/guest that the file is in below the guest's. */
  readonly name: string;
  /** Below the guest's folder. */
  readonly file: string;
  /** What is compiled in place of what the file holds; it may depend on that, and on nothing else. */
  readonly text?: string;
}

/** The executable of a benchmark. @throws UserError that lists what the compiler found */
export async function buildBenchmark(name: string): Promise<Uint8Array> {
  const [elf] = await buildSources([{ name, file: join('benchmarks', `${name}.ts`) }]);
  return elf!;
}

/** The executables of workloads. @throws UserError that lists what the compiler found */
export const buildWorkloads = (names: readonly string[]): Promise<Uint8Array[]> =>
  buildSources(names.map((name) => ({ name, file: join(FOLDER, `${name}.ts`) })));

/** The executables of sources. @throws UserError that lists what the compiler found */
export async function buildSources(sources: readonly WorkloadSource[]): Promise<Uint8Array[]> {
  const root = packageRoot();
  const found = sources.map((source) => {
    const out = join(root, 'dist', 'guest', dirname(source.file));
    mkdirSync(out, { recursive: true });
    const output = join(out, `${source.name}.elf`);
    const cache = new BuildCache(join(out, `${source.name}.json`), root, workerFile(root));
    return { ...source, output, cache, elf: cache.find(source.file, output) };
  });
  const stale = found.filter(({ elf }) => elf === undefined);
  // What is taken as it stands is compiled together; a file with another text is a program of its own.
  const standing = stale.filter(({ text }) => text === undefined);
  const others = stale.filter(({ text }) => text !== undefined);
  const tasks: readonly BuildTask[] = [
    { files: standing.map(({ file }) => file), target: 'program' },
    ...others.map(({ file, text }): BuildTask => ({ files: [file], target: 'program', text: text! })),
  ];
  const built = builtFiles(
    await runTasks(
      root,
      tasks.filter(({ files }) => files.length > 0),
    ),
  );
  for (const [i, { elf, inputs }] of built.entries()) {
    const workload = [...standing, ...others][i]!;
    workload.elf = elf;
    replaceFile(workload.output, elf);
    workload.cache.store(workload.file, inputs, elf);
    workload.cache.save();
  }
  return found.map(({ elf }) => elf!);
}
