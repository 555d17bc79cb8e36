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
import { builtFiles, defaultThreads, runTasks, workerFile } from './build-threads.ts';
import { namesIn, replaceFile } from './files.ts';
import { type GuestLayouts, Layouts } from './layouts.ts';

const KERNEL = 'kernel/boot.ts';
/**
 * Bytes of bytecode that a function runs before V8 optimises it; its own number is 66 kB. In a build that takes seconds, most of what it optimises
 * does not pay for that, and the threads of its compiler take the processors from ours.
 */
const OPTIMISE_AFTER = 600_000;

export interface SystemOptions {
  /** Folder for what is built. */
  readonly out?: string;
  readonly threads?: number;
}

/** What a build did; times in milliseconds. */
export interface BuildSummary {
  /** The files that were compiled, and how long each took in its thread. */
  readonly built: readonly {
    readonly file: string;
    readonly sources: readonly string[];
    readonly time: number;
  }[];
  /** Writing the boot archive. */
  readonly archive: number;
}

/** Builds everything below `root`/guest; throws a `UserError` that lists what the compiler found. */
export async function buildSystem(root: string, options: SystemOptions = {}): Promise<BuildSummary> {
  setFlagsFromString(`--interrupt-budget=${OPTIMISE_AFTER}`);
  const out = options.out ?? join(root, 'dist', 'guest');
  mkdirSync(out, { recursive: true });
  const names = namesIn(root, 'programs');
  const tasks: BuildTask[] = [
    { file: KERNEL, target: 'kernel', symbols: true },
    ...names.map(
      (name): BuildTask => ({ file: join('programs', `${name}.ts`), target: 'program', symbols: true }),
    ),
  ];
  const cache = new BuildCache(join(out, 'build-cache.json'), root, workerFile(root));
  const outputOf = ({ file }: BuildTask): string =>
    join(out, file === KERNEL ? 'kernel.elf' : `${basename(file, '.ts')}.elf`);
  const known = tasks.map((task) => cache.find(task.file, outputOf(task)));
  const stale = tasks.filter((_, i) => known[i] === undefined);
  const [layouts, ...results] = (await runTasks(
    root,
    ['layouts', ...stale],
    options.threads ?? defaultThreads(),
  )) as [GuestLayouts, ...BuildResult[]];
  replaceFile(join(out, 'layouts.json'), JSON.stringify(layouts));
  const files: ArchiveProgram[] = tasks.map((task, i) => ({
    name: basename(outputOf(task), '.elf'),
    elf: known[i]!,
  }));
  const built = builtFiles(results);
  for (const [i, { elf, symbols, inputs }] of built.entries()) {
    const task = stale[i]!;
    replaceFile(outputOf(task), elf);
    cache.store(task.file, inputs, elf);
    const at = tasks.indexOf(task);
    files[at] = { name: files[at]!.name, elf, symbols };
  }
  cache.save();
  const start = performance.now();
  const [kernel, ...programs] = files;
  replaceFile(join(out, 'archive.img'), writeArchive(programs, new Layouts(layouts), kernel));
  return {
    built: built.map(({ inputs, time }, i) => ({ file: stale[i]!.file, sources: inputs, time })),
    archive: performance.now() - start,
  };
}
