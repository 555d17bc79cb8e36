/**
 * Byte streams: a ring in an object, with one reader and one writer that sleep on its words. Pipes of the shell are made of them.
 */
import { sleepOn, wake } from './lock.ts';

const RING = 65536;

/** From OBJ_NULLPAGE on of its object. Zeros are an empty, open stream. */
export class ByteStream {
  /** Bytes written and read since the beginning; each is slept on by the other side. */
  written: u64;
  taken: u64;
  /** 1: the writer has finished. */
  closed: u64;
  readonly reserved: FixedArray<u64, 5>;
  readonly ring: FixedArray<u8, 65536>;

  /** Writes all bytes, waiting for room. */
  write(address: usize, size: u64): void {
    for (let i: u64 = 0; i < size; i++) {
      let full = this.written - atomic.load<u64>(ptrTo(this.taken), Order.acquire) >= RING;
      while (full) {
        wake(ptrTo(this.written).address, 1);
        sleepOn(ptrTo(this.taken).address, this.written - RING);
        full = this.written - atomic.load<u64>(ptrTo(this.taken), Order.acquire) >= RING;
      }
      this.ring[this.written & (RING - 1)] = load<u8>(address + i);
      atomic.store<u64>(ptrTo(this.written), this.written + 1, Order.release);
    }
    wake(ptrTo(this.written).address, 1);
  }

  /** No more will be written. */
  close(): void {
    atomic.store<u64>(ptrTo(this.closed), 1, Order.release);
    // A reader sleeps on `written`; moving it is how it notices.
    wake(ptrTo(this.written).address, 1);
  }

  /** Reads up to `size` bytes, waiting for the first; 0 when the stream has ended. */
  read(address: usize, size: u64): u64 {
    for (;;) {
      const written = atomic.load<u64>(ptrTo(this.written), Order.acquire);
      const taken = this.taken;
      if (written !== taken) {
        const count = min<u64>(size, written - taken);
        for (let i: u64 = 0; i < count; i++) store<u8>(address + i, this.ring[(taken + i) & (RING - 1)]);
        atomic.store<u64>(ptrTo(this.taken), taken + count, Order.release);
        wake(ptrTo(this.taken).address, 1);
        return count;
      }
      if (atomic.load<u64>(ptrTo(this.closed), Order.acquire) !== 0) return 0;
      sleepOn(ptrTo(this.written).address, written);
    }
  }
}
