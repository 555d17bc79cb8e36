/**
 * Byte streams: a ring in an object, with one reader and one writer that sleep on its words. Pipes of the shell are made of them. Either side
 * may finish first: a reader then finds the end, a writer learns that nobody reads any more.
 */
import { sleepOnEither, wake } from './lock.ts';

const RING = 65536;

/** From OBJ_NULLPAGE on of its object. Zeros are an empty, open stream. */
export class ByteStream {
  /** Bytes written and read since the beginning; each is slept on by the other side. */
  written: u64;
  taken: u64;
  /** 1: the writer has finished. */
  closed: u64;
  /** 1: the reader has finished. */
  abandoned: u64;
  readonly reserved: FixedArray<u64, 4>;
  readonly ring: FixedArray<u8, 65536>;

  /** Writes all bytes, waiting for room. False: nobody will read them. */
  write(address: usize, size: u64): bool {
    let done: u64 = 0;
    while (done < size) {
      if (atomic.load<u64>(ptrTo(this.abandoned), Order.acquire) !== 0) return false;
      const taken = atomic.load<u64>(ptrTo(this.taken), Order.acquire);
      const room = RING - (this.written - taken);
      if (room === 0) {
        wake(ptrTo(this.written).address, 1);
        sleepOnEither(ptrTo(this.taken).address, taken, ptrTo(this.abandoned).address, 0);
        continue;
      }
      const start = this.written & (RING - 1);
      const count = min<u64>(min<u64>(size - done, room), RING - start);
      memory.copy(addressOf(this.ring) + start, address + done, count);
      atomic.store<u64>(ptrTo(this.written), this.written + count, Order.release);
      done += count;
    }
    wake(ptrTo(this.written).address, 1);
    return true;
  }

  /** No more will be written. */
  close(): void {
    atomic.store<u64>(ptrTo(this.closed), 1, Order.release);
    wake(ptrTo(this.closed).address, 1);
  }

  /** No more will be read. */
  abandon(): void {
    atomic.store<u64>(ptrTo(this.abandoned), 1, Order.release);
    wake(ptrTo(this.abandoned).address, 1);
  }

  /** Reads up to `size` bytes, waiting for the first; 0 when the stream has ended. */
  read(address: usize, size: u64): u64 {
    for (;;) {
      // In this order: what was written before the end was announced is not lost.
      const ended = atomic.load<u64>(ptrTo(this.closed), Order.acquire) !== 0;
      const written = atomic.load<u64>(ptrTo(this.written), Order.acquire);
      const taken = this.taken;
      if (written !== taken) {
        const start = taken & (RING - 1);
        const count = min<u64>(min<u64>(size, written - taken), RING - start);
        memory.copy(address, addressOf(this.ring) + start, count);
        atomic.store<u64>(ptrTo(this.taken), taken + count, Order.release);
        wake(ptrTo(this.taken).address, 1);
        return count;
      }
      if (ended) return 0;
      sleepOnEither(ptrTo(this.written).address, written, ptrTo(this.closed).address, 0);
    }
  }
}
