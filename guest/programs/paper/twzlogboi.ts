/**
 * `twzlogboi`: the heart of the logging service in Twizzler style. Synchronously, callers run `logNow` themselves, by a gate: their record is appended
 * where it lies. Asynchronously they put a pointer to it into a queue, and a thread of the service takes it out.
 */
import { Log } from '../../libtwz/log.ts';
import { Queue } from '../../libtwz/queue.ts';

/** What callers hand over: where their record lies. */
export class Record {
  address: usize;
  length: u64;
}

let log: Log | null = null;
let written: u64 = 0;

export function openLog(base: usize): void {
  log = Log.open(base);
}

/** Records appended so far. */
export function appended(): u64 {
  return atomic.load<u64>(ptrTo(written), Order.acquire);
}

function append(address: usize, length: u64): u64 {
  const done = log!.append(0, strOf(at<Ptr<u8>>(address), length));
  atomic.store<u64>(ptrTo(written), written + 1, Order.release);
  return u64(done);
}

/** The gate. */
export function logNow(record: u64): u64 {
  return append(at<Record>(record).address, at<Record>(record).length);
}

/** The service's thread: takes records until the queue is closed. */
export function drain(queue: u64): u64 {
  const words = stack<FixedArray<u64, 3>>();
  while (at<Queue>(queue).take(words.ptr)) append(words[0], words[1]);
  return 0;
}
