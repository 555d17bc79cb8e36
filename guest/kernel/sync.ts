/**
 * thread_sync: threads that sleep on words of objects, and those that wake them. A word is known by its object and offset, so it is the
 * same word through every view. A thread may sleep on several words at once and wakes by the first.
 */
import { Slab } from './memory.ts';
import { dropObject, holdObject, KObject } from './object.ts';
import { wakeThread } from './schedule.ts';
import { Thread } from './thread.ts';

/** A thread sleeps on a word. */
class Waiter {
  next: Waiter | null;
  thread: Thread;
  object: KObject;
  offset: u64;
  /** Next waiter of the same thread. */
  sibling: Waiter | null;
  /** Which of the thread's words it is. */
  index: u64;
}

const BUCKETS = 256;
const buckets = zeroed<FixedArray<u64, 256>>();
const waiters = zeroed<Slab>();

function bucketOf(object: KObject, offset: u64): u64 {
  return ((addressOf(object) >> 7) ^ (offset >> 2)) & (BUCKETS - 1);
}

/** The thread will sleep on this word. False: out of memory. */
export function addWaiter(thread: Thread, object: KObject, offset: u64, index: u64): bool {
  waiters.size = 64;
  const block = waiters.allocate();
  if (block === 0) return false;
  const waiter = at<Waiter>(block);
  waiter.thread = thread;
  waiter.object = object;
  holdObject(object);
  waiter.offset = offset;
  waiter.index = index;
  waiter.sibling = changetype<Waiter | null>(thread.waiters);
  thread.waiters = block;
  // At the end of the chain: threads wake in the order in which they fell asleep.
  let link = ptrTo(buckets[bucketOf(object, offset)]).address;
  while (load<u64>(link) !== 0) link = load<u64>(link);
  store<u64>(link, block);
  return true;
}

/** The thread sleeps on nothing any more. */
export function cancelWait(thread: Thread): void {
  let waiter = changetype<Waiter | null>(thread.waiters);
  thread.waiters = 0;
  while (waiter !== null) {
    let link = ptrTo(buckets[bucketOf(waiter.object, waiter.offset)]).address;
    while (load<u64>(link) !== addressOf(waiter)) link = load<u64>(link);
    store<u64>(link, addressOf(waiter.next));
    const sibling = waiter.sibling;
    const object = waiter.object;
    waiters.release(addressOf(waiter));
    dropObject(object);
    waiter = sibling;
  }
}

/** Wakes up to `limit` threads that sleep on a word; the result of their call is the word's index. Returns how many. */
export function wakeWaiters(object: KObject, offset: u64, limit: u64): u64 {
  let woken: u64 = 0;
  while (woken < limit) {
    let waiter = changetype<Waiter | null>(buckets[bucketOf(object, offset)]);
    while (waiter !== null && (waiter.object !== object || waiter.offset !== offset)) waiter = waiter.next;
    if (waiter === null) break;
    const thread = waiter.thread;
    const index = waiter.index;
    cancelWait(thread);
    wakeThread(thread, i64(index));
    woken++;
  }
  return woken;
}

/** Wakes all that sleep on a word. */
export function wakeObject(object: KObject, offset: u64): void {
  wakeWaiters(object, offset, ~u64(0));
}

static_assert(offsetof<Waiter>('next') === 0, 'the chain is walked by its first word');
