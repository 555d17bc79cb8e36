/**
 * A campaign over several threads, in shards, and resumed. Each crash point's record is made by one thread from nothing
 * but the program and the limits, and records are put together in the order of the crash points: the result is the
 * same for any number of threads and any division.
 */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { UserError } from '../../emulator/errors.ts';
import type { CrashPoint } from './crash.ts';
import { oracleAt } from './oracle.ts';
import { type CampaignLimits, PointExplorer, type PointRecord } from './point.ts';
import type { Program } from './program.ts';
import { type CalmRun, visitPoints } from './visit.ts';

/** What a thread is given. Plain data. */
export interface WorkerTask {
  readonly program: Program;
  readonly limits: CampaignLimits;
  /** One 32-bit word for each crash point, shared: not 0 when it has been claimed, or is not to be explored. */
  readonly claims: SharedArrayBuffer;
  /** The workload without failures. */
  readonly calm: Pick<CalmRun, 'values' | 'schedules'>;
}

/** Explores the crash points that nobody has claimed. */
export function exploreClaimed(
  { program, limits, claims, calm }: WorkerTask,
  done: (record: PointRecord) => void,
): void {
  const claimed = new Int32Array(claims);
  const explorer = new PointExplorer(program, limits);
  const visit = (point: CrashPoint): void => {
    if (Atomics.compareExchange(claimed, point.index, 0, 1) !== 0) return;
    done(explorer.explore(point, oracleAt(point, calm)).record);
  };
  visitPoints(program, calm, visit);
}

export interface ParallelOptions {
  /** Threads; 1: this one alone. */
  readonly workers: number;
  readonly calm: CalmRun;
  /** Explore crash points of which index mod count is this. */
  readonly shard?: { readonly index: number; readonly count: number };
  /** Records that are there already. */
  readonly known?: readonly PointRecord[];
  /** Called with each new record, in no particular order. */
  readonly done?: (record: PointRecord) => void;
}

/** The records of a campaign, in the order of its crash points. */
export async function exploreAll(
  program: Program,
  limits: CampaignLimits,
  options: ParallelOptions,
): Promise<PointRecord[]> {
  const { shard, workers, calm } = options;
  const { points, values, schedules } = calm;
  const claims = new SharedArrayBuffer(4 * points);
  const claimed = new Int32Array(claims);
  const records = [...(options.known ?? [])];
  for (const { place } of records) claimed[place.index] = 1;
  if (shard)
    for (let index = 0; index < points; index++) if (index % shard.count !== shard.index) claimed[index] = 1;
  const done = (record: PointRecord): void => {
    records.push(record);
    options.done?.(record);
  };
  const open = claimed.filter((claim) => claim === 0).length;
  const { engine: _, ...plain } = program;
  const kept = { values, ...(schedules && { schedules }) };
  const task: WorkerTask = { program: plain, limits, claims, calm: kept };
  const threads = Math.min(workers, open);
  if (threads === 1) exploreClaimed({ ...task, program }, done);
  else await Promise.all(Array.from({ length: threads }, () => runThread(task, done)));
  return records.sort((a, b) => a.place.index - b.place.index);
}

/** The bundle of worker.ts lies beside the one that this is part of. */
const workerScript = (): URL => new URL(`./torture-worker${extname(import.meta.url)}`, import.meta.url);

function runThread(task: WorkerTask, done: (record: PointRecord) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerScript(), { workerData: task });
    worker.on('message', ({ record, error }: { record?: PointRecord; error?: string }) => {
      if (record) done(record);
      if (error !== undefined) reject(new UserError(error));
    });
    worker.on('error', reject);
    worker.on('exit', () => resolve());
  });
}
