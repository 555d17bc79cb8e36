/**
 * Builds the guest into dist/guest: the kernel, every program of guest/programs (as an ELF with its symbols, and all together
 * as the boot archive), the workloads of guest/torture, and the layouts that host tools need. Run by the package's build. Files are compiled in
 * threads where there are processors for them, and only if a source has changed (build-cache.ts); what is written does not depend
 * on either.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { UserError } from '../../emulator/errors.ts';
import { type ArchiveProgram, writeArchive } from './archive.ts';
import { BuildCache } from './build-cache.ts';
import type { BuildResult, BuildTask } from './build-task.ts';
import { Layouts, readLayouts } from './layouts.ts';

/**
 * Threads: one processor is left to the engine's own helpers, which compile and collect garbage (with two threads on two
 * processors the build takes longer than with one). More than this cost more in starting than they gain.
 */
const THREADS = Math.max(1, Math.min(availableParallelism() - 1, 4));
/** Megabytes of young objects in a thread: collecting them less often saves a tenth of the time. */
const YOUNG_GENERATION = 64;

const KERNEL = 'kernel/boot.ts';
const WORKER = new URL('./build-worker.js', import.meta.url);

/** Builds everything below `root`/guest; throws a `UserError` that lists what the compiler found. */
export async function buildSystem(root: string): Promise<void> {
  const guest = join(root, 'guest');
  const out = join(root, 'dist', 'guest');
  mkdirSync(out, { recursive: true });
  const namesIn = (folder: string): string[] =>
    readdirSync(join(guest, folder))
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .map((file) => file.slice(0, -'.ts'.length))
      .sort();
  const names = namesIn('programs');
  // The workloads of `licorice torture` are in no archive: each is the only program of its system.
  const workloads = namesIn('torture');
  mkdirSync(join(out, 'torture'), { recursive: true });
  const tasks: BuildTask[] = [
    { file: KERNEL, target: 'kernel' },
    ...names.map((name): BuildTask => ({ file: join('programs', `${name}.ts`), target: 'program' })),
    ...workloads.map((name): BuildTask => ({ file: join('torture', `${name}.ts`), target: 'program' })),
  ];
  const cache = new BuildCache(join(out, 'build-cache.json'), root, fileURLToPath(WORKER));
  const outputOf = ({ file }: BuildTask): string =>
    file === KERNEL
      ? join(out, 'kernel.elf')
      : join(out, dirname(file) === 'torture' ? 'torture' : '', `${basename(file, '.ts')}.elf`);
  const elfs = tasks.map((task) => cache.find(task.file, outputOf(task)));
  const stale = tasks.filter((_, i) => elfs[i] === undefined);
  const compiling = compileAll(root, stale);
  const layouts = await readLayouts(guest);
  writeFileSync(join(out, 'layouts.json'), JSON.stringify(layouts));
  for (const [i, { elf, inputs }] of good(await compiling).entries()) {
    const task = stale[i]!;
    writeFileSync(outputOf(task), elf);
    cache.store(task.file, inputs, elf);
    elfs[tasks.indexOf(task)] = elf;
  }
  cache.save();
  const programs = names.map((name, i): ArchiveProgram => ({ name, elf: elfs[i + 1]! }));
  writeFileSync(join(out, 'archive.img'), writeArchive(programs, new Layouts(layouts), elfs[0]));
}

/** Compiles in threads; results in the order of the tasks. */
async function compileAll(root: string, tasks: readonly BuildTask[]): Promise<BuildResult[]> {
  const results: BuildResult[] = [];
  let next = 0;
  const runThread = (): Promise<void> =>
    new Promise((done, failed) => {
      const worker = new Worker(WORKER, {
        workerData: { root },
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION },
      });
      let current = -1;
      const proceed = (): void => {
        current = next++;
        if (current < tasks.length) worker.postMessage(tasks[current]);
        else void worker.terminate().then(() => done());
      };
      worker.on('message', (result: BuildResult) => {
        results[current] = result;
        proceed();
      });
      worker.on('error', failed);
      proceed();
    });
  await Promise.all(Array.from({ length: Math.min(THREADS, tasks.length) }, runThread));
  return results;
}

type GoodResult = Extract<BuildResult, { readonly elf: Uint8Array }>;

/** The results, or a `UserError` with all that is wrong; what several programs share is said once. */
function good(results: readonly BuildResult[]): GoodResult[] {
  const problems = new Set<string>();
  const found = results.flatMap((result): GoodResult[] => {
    if ('elf' in result) return [result];
    for (const line of 'errors' in result ? result.errors : [result.failure]) problems.add(line);
    return [];
  });
  if (problems.size > 0) throw new UserError(`the guest does not compile:\n${[...problems].join('\n')}`);
  return found;
}
