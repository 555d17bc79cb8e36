/**
 * A thread of a campaign: runs the workload by itself, and explores those crash points that no other thread has claimed.
 * What comes of a crash point does not depend on who explores it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { UserError } from '../../emulator/errors.ts';
import type { WorkerTask } from './parallel.ts';
import { exploreClaimed } from './parallel.ts';

try {
  exploreClaimed(workerData as WorkerTask, (record) => parentPort!.postMessage({ record }));
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  parentPort!.postMessage({ error: error.message });
}
