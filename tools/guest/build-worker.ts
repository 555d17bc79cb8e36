/**
 * A thread of the guest's build: compiles one file after the other as `build-system.ts` sends them. Parsed sources are kept from
 * one to the next.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { type BuildTask, compileTask } from './build-task.ts';

const { root } = workerData as { readonly root: string };
const cache = new Map();

parentPort!.on('message', (task: BuildTask) => {
  parentPort!.postMessage(compileTask(root, task, cache));
});
