/**
 * The threads that compile the guest. Which of them does a task, and beside which others, changes nothing in its result. They run the bundled
 * compiler of dist, also when the caller runs from source: that takes a quarter of the time.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { UserError } from '../../emulator/errors.ts';
import type { BuildResult, BuildTask, BuiltFile } from './build-task.ts';
import type { GuestLayouts } from './layouts.ts';

/** More threads than this cost more in starting than they gain. */
const MOST = 4;
/** Megabytes of young objects in a thread: collecting them less often saves a tenth of the time. */
const YOUNG_GENERATION = 64;
/** The file of the threads; the compiler is known by its contents, because it names the others by theirs. */
export const workerFile = (root: string): string => join(root, 'dist', 'build-worker.js');

export const defaultThreads = (): number => Math.min(availableParallelism(), MOST);

/** What a thread is asked for: a file, or the layouts of guest/abi. */
export type ThreadTask = BuildTask | 'layouts';
/** What a thread is sent: a task, or that there are no more. */
export type ThreadMessage = ThreadTask | 'end';
type ResultOf<T extends ThreadTask> = T extends BuildTask ? BuildResult : GuestLayouts;

/** Does the tasks in threads, begun in their order; the results have that order too. */
export async function runTasks<T extends ThreadTask>(
  root: string,
  tasks: readonly T[],
  threads = defaultThreads(),
): Promise<ResultOf<T>[]> {
  const results: ResultOf<T>[] = [];
  let next = 0;
  const runThread = (): Promise<void> =>
    new Promise((done, failed) => {
      const worker = new Worker(workerFile(root), {
        workerData: { root },
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION },
      });
      let current = -1;
      const proceed = (): void => {
        current = next++;
        worker.postMessage(tasks[current] ?? 'end');
      };
      worker.on('message', (result: ResultOf<T>) => {
        results[current] = result;
        proceed();
      });
      worker.on('error', failed);
      worker.on('exit', () => done());
      proceed();
    });
  await Promise.all(Array.from({ length: Math.min(threads, tasks.length) }, runThread));
  return results;
}

/** The files that were built, or a `UserError` with all that is wrong; what several programs share is said once. */
export function builtFiles(results: readonly BuildResult[]): BuiltFile[] {
  const problems = new Set<string>();
  const found = results.flatMap((result): readonly BuiltFile[] => {
    if ('files' in result) return result.files;
    for (const line of 'errors' in result ? result.errors : [result.failure]) problems.add(line);
    return [];
  });
  if (problems.size > 0) throw new UserError(`the guest does not compile:\n${[...problems].join('\n')}`);
  return found;
}
