/** A lock for short sections within one program. It is in volatile memory and does not survive the program. */
import { SYNC_FOREVER, SYNC_SLEEP, SYNC_WAKE, SYS_THREAD_SYNC, SyncOp } from '../abi/syscall.ts';
import { syscall } from './syscall.ts';

/** Has this program started a second thread? Until then its own locks have nobody to keep out. */
let threaded = false;

/** To be called before a program's second thread starts. */
export function becomeThreaded(): void {
  threaded = true;
}

/** Free while a program has one thread; a lock must not be held when it starts the second. */
export class SpinLock {
  /** 0 free, 1 held, 2 held and somebody sleeps. */
  word: u64;

  acquire(): void {
    if (!threaded) return;
    const place = ptrTo(this.word);
    if (atomic.compareExchange<u64>(place, 0, 1, Order.acquire) === 0) return;
    while (atomic.exchange<u64>(place, 2, Order.acquire) !== 0) sleepOn(place.address, 2);
  }

  release(): void {
    if (!threaded) return;
    if (atomic.exchange<u64>(ptrTo(this.word), 0, Order.release) === 2) wake(ptrTo(this.word).address, 1);
  }
}

/** Sleeps while the word at `address` equals `value`. */
export function sleepOn(address: usize, value: u64): i64 {
  return sleepFor(address, value, SYNC_FOREVER);
}

/** The same, at most `timeout` nanoseconds. */
export function sleepFor(address: usize, value: u64, timeout: u64): i64 {
  const op = stack<SyncOp>();
  op.address = address;
  op.value = value;
  op.op = SYNC_SLEEP;
  return syscall(SYS_THREAD_SYNC, addressOf(op), 1, timeout, 0, 0);
}

/** Sleeps while both words equal their values. */
export function sleepOnEither(first: usize, firstValue: u64, second: usize, secondValue: u64): i64 {
  const ops = stack<FixedArray<Inline<SyncOp>, 2>>();
  ops[0].address = first;
  ops[0].value = firstValue;
  ops[0].op = SYNC_SLEEP;
  ops[1].address = second;
  ops[1].value = secondValue;
  ops[1].op = SYNC_SLEEP;
  return syscall(SYS_THREAD_SYNC, addressOf(ops), 2, SYNC_FOREVER, 0, 0);
}

/** Wakes up to `count` threads that sleep on the word. */
export function wake(address: usize, count: u64): void {
  const op = stack<SyncOp>();
  op.address = address;
  op.value = count;
  op.op = SYNC_WAKE;
  syscall(SYS_THREAD_SYNC, addressOf(op), 1, 0, 0, 0);
}
