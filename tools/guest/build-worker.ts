/** A thread of the guest's build: does one task after the other as `build-threads.ts` sends them. */
import { parentPort, workerData } from 'node:worker_threads';
import { Builder } from './build-task.ts';
import type { ThreadMessage } from './build-threads.ts';

const { root } = workerData as { readonly root: string };
const builder = new Builder(root);

parentPort!.on('message', async (task: ThreadMessage) => {
  if (task === 'end') return parentPort!.close();
  parentPort!.postMessage(await (task === 'layouts' ? builder.readLayouts() : builder.build(task)));
});
