/**
 * Alarms: at a date the kernel adds 1 to a word of an object and wakes the threads that sleep on it. So a thread waits for time as for
 * any other event, beside other words, and sees how many alarms it has missed. A thread has at most one, so there are never more than
 * threads.
 */
import { ticks } from './arch.ts';
import { Slab } from './memory.ts';
import { dropObject, holdObject, KObject } from './object.ts';
import { wakeObject } from './sync.ts';
import { Thread } from './thread.ts';
import { objectPage, peekPage } from './tree.ts';

class Alarm {
  next: Alarm | null;
  thread: Thread;
  object: KObject;
  offset: u64;
  /** `time` at which it rings. */
  time: u64;
}

const alarms = zeroed<Slab>();
/** The next one to ring first. */
let first: Alarm | null = null;

/** Sets the thread's alarm at `time` (ticks), in place of the one that it has. False: out of memory, and it has none. */
export function setAlarm(thread: Thread, object: KObject, offset: u64, time: u64): bool {
  // Held before the old one lets go: it may be the same object.
  holdObject(object);
  cancelAlarm(thread);
  alarms.size = 64;
  const block = alarms.allocate();
  if (block === 0) {
    dropObject(object);
    return false;
  }
  const alarm = at<Alarm>(block);
  alarm.thread = thread;
  alarm.object = object;
  alarm.offset = offset;
  alarm.time = time;
  let link = ptrTo(first).address;
  for (;;) {
    const other = changetype<Alarm | null>(load<u64>(link));
    if (other === null || other.time > time) break;
    link = addressOf(other);
  }
  alarm.next = changetype<Alarm | null>(load<u64>(link));
  store<u64>(link, block);
  return true;
}

/** The thread has no alarm any more. */
export function cancelAlarm(thread: Thread): void {
  for (let link = ptrTo(first).address; load<u64>(link) !== 0; link = load<u64>(link)) {
    const alarm = at<Alarm>(load<u64>(link));
    if (alarm.thread !== thread) continue;
    removeAlarm(link, alarm);
    return;
  }
}

function removeAlarm(link: usize, alarm: Alarm): void {
  store<u64>(link, addressOf(alarm.next));
  const object = alarm.object;
  alarms.release(addressOf(alarm));
  dropObject(object);
}

/** Rings the alarms whose time has come. */
export function ringAlarms(): void {
  while (first !== null && first.time <= ticks()) {
    const alarm: Alarm = first;
    const object = alarm.object;
    // A page of its own, present, readable, and memory rather than registers.
    const place = objectPage(object, alarm.offset) === 0 ? 0 : peekPage(object, alarm.offset);
    if (place !== 0) {
      atomic.add<u64>(at<Ptr<u64>>(place), 1);
      wakeObject(object, alarm.offset);
    }
    removeAlarm(ptrTo(first).address, alarm);
  }
}

/** `time` of the next alarm, all ones when there is none. */
export function nextAlarm(): u64 {
  return first === null ? ~u64(0) : first.time;
}

static_assert(offsetof<Alarm>('next') === 0, 'the list is walked by its first word');
