/**
 * Bounded queues in shared objects: any number of threads of any programs put entries in, one takes them out (or several). Nobody holds a
 * lock, and nobody calls the kernel unless it has to wait or somebody waits for it. After Vyukov's bounded queue: an entry's turn says
 * whose it is. What is in a queue does not survive a power failure: it is a way of talking, not of keeping.
 */
import { sleepOn, wake } from './lock.ts';

const ALL: u64 = 0xffff_ffff_ffff_ffff;

/** What is sent: three words, which may be persistent pointers. 32 bytes. */
export class QueueEntry {
  /** position: free for the producer of that position; position + 1: filled. */
  turn: u64;
  readonly words: FixedArray<u64, 3>;
}

/** Three blocks, then the entries. Producers, consumers and what never changes are apart. */
export class Queue {
  private head: u64;
  private producersWait: u64;
  readonly padding: FixedArray<u64, 6>;
  private tail: u64;
  private consumersWait: u64;
  readonly padding2: FixedArray<u64, 6>;
  private mask: u64;
  private closed: u64;
  readonly padding3: FixedArray<u64, 6>;

  /** Bytes of a queue for `capacity` entries, a power of two. */
  static size(capacity: u64): u64 {
    return sizeof<Queue>() + capacity * sizeof<QueueEntry>();
  }

  /** Makes memory of zeros an empty queue. */
  initialise(capacity: u64): void {
    if (capacity < 2 || popcnt<u64>(capacity) !== 1) panic('the capacity of a queue is a power of two');
    this.mask = capacity - 1;
    for (let i: u64 = 0; i < capacity; i++) this.entry(i).turn = i;
  }

  private entry(position: u64): QueueEntry {
    return at<QueueEntry>(addressOf(this) + sizeof<Queue>() + (position & this.mask) * sizeof<QueueEntry>());
  }

  /** Puts an entry in; false: there is no room now. */
  tryPut(a: u64, b: u64, c: u64): bool {
    let position = atomic.load<u64>(ptrTo(this.head), Order.relaxed);
    for (;;) {
      const entry = this.entry(position);
      const turn = atomic.load<u64>(ptrTo(entry.turn), Order.acquire);
      if (turn === position) {
        const seen = atomic.compareExchange<u64>(ptrTo(this.head), position, position + 1, Order.relaxed);
        if (seen !== position) {
          position = seen;
          continue;
        }
        entry.words[0] = a;
        entry.words[1] = b;
        entry.words[2] = c;
        atomic.store<u64>(ptrTo(entry.turn), position + 1, Order.seq_cst);
        if (atomic.load<u64>(ptrTo(this.consumersWait)) !== 0) wake(ptrTo(entry.turn).address, ALL);
        return true;
      }
      if (i64(turn - position) < 0) return false;
      position = atomic.load<u64>(ptrTo(this.head), Order.relaxed);
    }
  }

  /** Puts an entry in, waiting for room. False: the queue is closed. */
  put(a: u64, b: u64, c: u64): bool {
    for (;;) {
      if (atomic.load<u64>(ptrTo(this.closed), Order.acquire) !== 0) return false;
      if (this.tryPut(a, b, c)) return true;
      const position = atomic.load<u64>(ptrTo(this.head), Order.acquire);
      const entry = this.entry(position);
      this.wait(ptrTo(this.producersWait), entry, position);
    }
  }

  /** Sleeps until the turn of an entry is not one that lies before `turn`; `waiters` counts. */
  private wait(waiters: Ptr<u64>, entry: QueueEntry, turn: u64): void {
    atomic.add<u64>(waiters, 1);
    const now = atomic.load<u64>(ptrTo(entry.turn));
    if (i64(now - turn) < 0 && this.closed === 0) sleepOn(ptrTo(entry.turn).address, now);
    atomic.sub<u64>(waiters, 1);
  }

  /** Takes the first entry's words to `into`; false: there is none now. For one consumer or several. */
  tryTake(into: Ptr<u64>): bool {
    let position = atomic.load<u64>(ptrTo(this.tail), Order.relaxed);
    for (;;) {
      const entry = this.entry(position);
      const turn = atomic.load<u64>(ptrTo(entry.turn), Order.acquire);
      if (turn === position + 1) {
        const seen = atomic.compareExchange<u64>(ptrTo(this.tail), position, position + 1, Order.relaxed);
        if (seen !== position) {
          position = seen;
          continue;
        }
        for (let i: i64 = 0; i < 3; i++) into[i] = entry.words[u64(i)];
        // Free for the producer that comes round next.
        atomic.store<u64>(ptrTo(entry.turn), position + this.mask + 1, Order.seq_cst);
        if (atomic.load<u64>(ptrTo(this.producersWait)) !== 0) wake(ptrTo(entry.turn).address, ALL);
        return true;
      }
      if (i64(turn - position - 1) < 0) return false;
      position = atomic.load<u64>(ptrTo(this.tail), Order.relaxed);
    }
  }

  /** Takes the first entry's words to `into`, waiting for one. False: the queue is closed and empty. */
  take(into: Ptr<u64>): bool {
    for (;;) {
      if (this.tryTake(into)) return true;
      if (atomic.load<u64>(ptrTo(this.closed), Order.acquire) !== 0) return this.tryTake(into);
      const position = atomic.load<u64>(ptrTo(this.tail), Order.acquire);
      this.wait(ptrTo(this.consumersWait), this.entry(position), position + 1);
    }
  }

  /** Would `take` come back at once? */
  isReady(): bool {
    const position = atomic.load<u64>(ptrTo(this.tail), Order.acquire);
    if (atomic.load<u64>(ptrTo(this.closed), Order.acquire) !== 0) return true;
    return i64(atomic.load<u64>(ptrTo(this.entry(position).turn), Order.acquire) - position - 1) >= 0;
  }

  /** From here to `withdraw` somebody waits for entries elsewhere than in `take` (wait.ts). */
  enlist(): void {
    atomic.add<u64>(ptrTo(this.consumersWait), 1);
  }

  withdraw(): void {
    atomic.sub<u64>(ptrTo(this.consumersWait), 1);
  }

  /** The word that changes when the next entry comes, or the queue is closed. */
  nextTurn(): usize {
    return ptrTo(this.entry(atomic.load<u64>(ptrTo(this.tail), Order.acquire)).turn).address;
  }

  /** Nothing more is put in; who waits is woken. */
  close(): void {
    atomic.store<u64>(ptrTo(this.closed), 1);
    for (let i: u64 = 0; i <= this.mask; i++) wake(ptrTo(this.entry(i).turn).address, ALL);
  }
}
