/**
 * Waiting for several things at once: events, streams, queues, words of any kind, in the order in which they are to be served. What has happened already is
 * told when it is watched; `sleep` waits for the rest. In a loop:
 *
 *   if (set.watchEvents(a, 1)) …; else if (set.watchStream(b)) …; else set.sleep(SYNC_FOREVER);
 *   set.clear();
 */
import { SYNC_SLEEP, SYS_THREAD_SYNC, SyncOp } from '../abi/syscall.ts';
import { Events } from './mutex.ts';
import { Queue } from './queue.ts';
import { ByteStream } from './stream.ts';
import { syscall } from './syscall.ts';

const WORDS = 32;
const QUEUES = 8;

/** What a thread waits for: at most 32 words; a stream takes two. */
export class WaitSet {
  private count: u64;
  private queueCount: u64;
  private readonly queues: FixedArray<Queue, 8>;
  private readonly ops: FixedArray<Inline<SyncOp>, 32>;

  /** Waits for nothing any more; `sleep` ends so as well. */
  clear(): void {
    for (let i: u64 = 0; i < this.queueCount; i++) this.queues[i].withdraw();
    this.queueCount = 0;
    this.count = 0;
  }

  /** Waits for the word at `address` to differ from `value`. */
  watchWord(address: usize, value: u64): void {
    if (this.count === WORDS) panic('one waits for at most 32 words');
    const op = this.ops[this.count];
    op.address = address;
    op.value = value;
    op.op = SYNC_SLEEP;
    this.count++;
  }

  /** Waits for one of the events `mask`; true if one has happened (take it). */
  watchEvents(events: Events, mask: u64): bool {
    const now = events.peek();
    if ((now & mask) !== 0) return true;
    this.watchWord(events.word(), now);
    return false;
  }

  /** Waits for bytes, or for the end; true if reading would not wait. */
  watchStream(stream: ByteStream): bool {
    const written = atomic.load<u64>(ptrTo(stream.written), Order.acquire);
    if (written !== stream.taken || atomic.load<u64>(ptrTo(stream.closed), Order.acquire) !== 0) return true;
    this.watchWord(ptrTo(stream.written).address, written);
    this.watchWord(ptrTo(stream.closed).address, 0);
    return false;
  }

  /** Waits for an entry, or for the end; true if taking would not wait. */
  watchQueue(queue: Queue): bool {
    if (this.queueCount === QUEUES) panic('one waits for at most 8 queues');
    queue.enlist();
    const turn = queue.nextTurn();
    const now = atomic.load<u64>(at<Ptr<u64>>(turn), Order.acquire);
    if (queue.isReady()) {
      queue.withdraw();
      return true;
    }
    this.queues[this.queueCount] = queue;
    this.queueCount++;
    this.watchWord(turn, now);
    return false;
  }

  /** Sleeps until one of the words has changed, or for `timeout` nanoseconds (SYNC_FOREVER: without end). Returns 0 or −Errno (ETIMEDOUT). */
  sleep(timeout: u64): i64 {
    const result = syscall(SYS_THREAD_SYNC, addressOf(this.ops), this.count, timeout, 0, 0);
    this.clear();
    return result;
  }
}
