/**
 * Builds the guest into dist/guest: the kernel, every program of guest/programs (as an ELF with its symbols, and all together
 * as the boot archive), and the layouts that host tools need. Run by the package's build. Files are compiled in
 * threads, and only if a source has changed (build-cache.ts); what is written does not depend on either.
 */
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { type ArchiveProgram, writeArchive } from './archive.ts';
import { BuildCache } from './build-cache.ts';
import type { BuildResult, BuildTask } from './build-task.ts';
import { builtFiles, defaultThreads, runTasks, type ThreadTask, workerFile } from './build-threads.ts';
import { namesIn, replaceFile } from './files.ts';
import { type GuestLayouts, Layouts } from './layouts.ts';

const KERNEL = 'kernel/boot.ts';
/**
 * Bytes of bytecode that a function runs before V8 optimises it; its own number is 66 kB. In a build that takes seconds, most of what it optimises
 * does not pay for that, and the threads of its compiler take the processors from ours.
 */
const OPTIMISE_AFTER = 1_200_000;

export interface SystemOptions {
  /** Folder for what is built. */
  readonly out?: string;
  readonly threads?: number;
}

/** What a build did; times in milliseconds. */
export interface BuildSummary {
  /** The files that were compiled. */
  readonly built: readonly { readonly file: string; readonly sources: readonly string[] }[];
  /** What the threads did: files that were compiled together. */
  readonly tasks: readonly { readonly files: readonly string[]; readonly time: number }[];
  /** Writing the boot archive. */
  readonly archive: number;
}

/** Builds everything below `root`/guest; throws a `UserError` that lists what the compiler found. */
export async function buildSystem(root: string, options: SystemOptions = {}): Promise<BuildSummary> {
  setFlagsFromString(`--interrupt-budget=${OPTIMISE_AFTER}`);
  const out = options.out ?? join(root, 'dist', 'guest');
  mkdirSync(out, { recursive: true });
  const names = namesIn(root, 'programs');
  const sources = [KERNEL, ...names.map((name) => join('programs', `${name}.ts`))];
  const cache = new BuildCache(join(out, 'build-cache.json'), root, workerFile(root));
  const outputOf = (file: string): string =>
    join(out, file === KERNEL ? 'kernel.elf' : `${basename(file, '.ts')}.elf`);
  const known = sources.map((file) => cache.find(file, outputOf(file)));
  const tasks = tasksFor(sources.filter((_, i) => known[i] === undefined));
  const done: readonly (BuildResult | GuestLayouts)[] = await runTasks<ThreadTask>(
    root,
    [...tasks, 'layouts'],
    options.threads ?? defaultThreads(),
  );
  const layouts = done[tasks.length] as GuestLayouts;
  const results = done.slice(0, tasks.length) as BuildResult[];
  replaceFile(join(out, 'layouts.json'), JSON.stringify(layouts));
  const files: ArchiveProgram[] = sources.map((file, i) => ({
    name: basename(outputOf(file), '.elf'),
    elf: known[i]!,
  }));
  const built = builtFiles(results);
  for (const { file, elf, symbols, inputs } of built) {
    replaceFile(outputOf(file), elf);
    cache.store(file, inputs, elf);
    const at = sources.indexOf(file);
    files[at] = { name: files[at]!.name, elf, symbols };
  }
  cache.save();
  const start = performance.now();
  const [kernel, ...programs] = files;
  replaceFile(join(out, 'archive.img'), writeArchive(programs, new Layouts(layouts), kernel));
  return {
    built: built.map(({ file, inputs }) => ({ file, sources: inputs })),
    tasks: results.map((result, i) => ({
      files: tasks[i]!.files,
      time: 'time' in result ? result.time : 0,
    })),
    archive: performance.now() - start,
  };
}

/** What is compiled together: programs share the most of what they are, the kernel shares nothing with them. */
function tasksFor(stale: readonly string[]): BuildTask[] {
  const isKernel = (file: string): boolean => file === KERNEL;
  const tasks: readonly BuildTask[] = [
    { files: stale.filter((file) => !isKernel(file)), target: 'program', symbols: true },
    { files: stale.filter(isKernel), target: 'kernel', symbols: true },
  ];
  return tasks.filter(({ files }) => files.length > 0);
}
