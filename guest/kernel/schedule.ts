/**
 * The scheduler: a FIFO of runnable threads, harts that take the first one, a tick that puts a running thread at the end,
 * and the threads that wait for a time.
 *
 * Invariants: a thread is in exactly one of the states; `hart` is set exactly while it is running; a waiting thread
 * has waiters (sync.ts), or a deadline, or both; a stopped one could run but for TF_STOPPED.
 */
import { THREAD_ALIVE, THREAD_STOPPED } from '../abi/thread.ts';
import {
  CSR_CONTEXT,
  CSR_FIXED,
  CSR_VIEW,
  persistFence,
  SSTATUS_FS,
  SSTATUS_FS_CLEAN,
  SSTATUS_FS_INITIAL,
  sendIpi,
  setTimer,
  TWZ_VALID,
  ticks,
  toPhysical,
} from './arch.ts';
import { clearFloat, loadFloat, saveFloat } from './float.ts';
import { descriptorOf } from './object.ts';
import { cancelWait } from './sync.ts';
import { showState, TF_FLOAT, TF_STOPPED, Thread, ThreadState } from './thread.ts';

export class Hart {
  /** Top of the kernel stack (entry.ts: offset 0). */
  stack: usize;
  index: u64;
  /** The thread that it works for (entry.ts: offset 16). */
  current: Thread | null;
  idle: bool;
  /** `time` that its timer is set to. */
  timer: u64;
}

export const MAX_HARTS = 8;
export const harts = zeroed<FixedArray<Inline<Hart>, 8>>();
export let hartCount: u64 = 1;
export function setHartCount(count: u64): void {
  hartCount = count;
}

let readyHead: Thread | null = null;
let readyTail: Thread | null = null;
let deadlines: Thread | null = null;

/** The hart that runs this code (tp is set at boot and restored by every trap). */
export function thisHart(): Hart {
  return changetype<Hart>(asm<usize>`mv ${result}, tp`);
}

/** Puts a thread at the end of the queue and wakes a hart that has nothing to do; a stopped one waits for SIGNAL_CONTINUE. */
export function makeRunnable(thread: Thread): void {
  if ((thread.flags & TF_STOPPED) !== 0) {
    thread.state = u32(ThreadState.stopped);
    return;
  }
  thread.state = u32(ThreadState.runnable);
  thread.next = null;
  if (readyTail === null) readyHead = thread;
  else readyTail.next = thread;
  readyTail = thread;
  for (let i: u64 = 0; i < hartCount; i++) {
    if (harts[i].idle && harts[i] !== thisHart()) {
      harts[i].idle = false;
      sendIpi(u64(1) << i);
      return;
    }
  }
}

/**
 * Takes the running thread off this hart. What it has had written back here its next fence completes, though it may run on another hart
 * by then, and a fence completes only what its own hart has written back (docs/persistency.md, "Several harts").
 */
export function leaveHart(hart: Hart, thread: Thread): void {
  persistFence();
  if ((csr.read('sstatus') & SSTATUS_FS) === SSTATUS_FS) {
    saveFloat(addressOf(thread.float));
    thread.flags |= TF_FLOAT;
  }
  thread.hart = null;
  hart.current = null;
}

/** The running thread goes to the end of the queue. */
export function yieldThread(thread: Thread): void {
  leaveHart(thisHart(), thread);
  makeRunnable(thread);
}

/** Stops a thread that runs on this hart, or waits (it then waits on, and stops when it wakes). */
export function stopThread(thread: Thread): void {
  if ((thread.flags & TF_STOPPED) !== 0) return;
  thread.flags |= TF_STOPPED;
  if (thread.state === u32(ThreadState.running)) {
    leaveHart(thisHart(), thread);
    thread.state = u32(ThreadState.stopped);
  }
  showState(thread, THREAD_STOPPED);
}

/** A stopped thread goes on. */
export function continueThread(thread: Thread): void {
  if ((thread.flags & TF_STOPPED) === 0) return;
  thread.flags &= ~u32(TF_STOPPED);
  showState(thread, THREAD_ALIVE);
  if (thread.state === u32(ThreadState.stopped)) makeRunnable(thread);
}

/** The running thread waits; `deadline` in ticks, 0 = no end. */
export function waitThread(thread: Thread, deadline: u64): void {
  leaveHart(thisHart(), thread);
  thread.state = u32(ThreadState.waiting);
  thread.deadline = deadline;
  if (deadline === 0) return;
  let link: Thread | null = null;
  let cursor = deadlines;
  while (cursor !== null && cursor.deadline <= deadline) {
    link = cursor;
    cursor = cursor.nextDeadline;
  }
  thread.nextDeadline = cursor;
  if (link === null) deadlines = thread;
  else link.nextDeadline = thread;
}

/** A waiting thread goes on with `value` as the result of its system call. */
export function wakeThread(thread: Thread, value: i64): void {
  if (thread.deadline !== 0) {
    let link: Thread | null = null;
    let cursor = deadlines;
    while (cursor !== null && cursor !== thread) {
      link = cursor;
      cursor = cursor.nextDeadline;
    }
    if (cursor !== null) {
      if (link === null) deadlines = thread.nextDeadline;
      else link.nextDeadline = thread.nextDeadline;
    }
    thread.deadline = 0;
  }
  thread.registers[10] = u64(value);
  makeRunnable(thread);
}

/** Wakes all whose time has come, with `result`. */
export function wakeExpired(result: i64): void {
  const now = ticks();
  while (deadlines !== null && deadlines.deadline <= now) {
    const thread = deadlines;
    cancelWait(thread);
    wakeThread(thread, result);
  }
}

/** `time` of the next deadline, all ones when there is none. */
export function nextDeadline(): u64 {
  return deadlines === null ? ~u64(0) : deadlines.deadline;
}

/** Sets this hart's timer. */
export function armTimer(time: u64): void {
  thisHart().timer = time;
  setTimer(time);
}

/** This hart's timer interrupt comes no later than `time`. */
export function limitTimer(time: u64): void {
  if (time < thisHart().timer) armTimer(time);
}

/** The next thread, now running on this hart with its view, context and fixed slots loaded; null: nothing to do. */
export function takeThread(hart: Hart): Thread | null {
  const thread = readyHead;
  if (thread === null) return null;
  readyHead = thread.next;
  if (readyHead === null) readyTail = null;
  thread.next = null;
  thread.state = u32(ThreadState.running);
  thread.hart = hart;
  hart.current = thread;
  csr.write(CSR_VIEW, descriptorOf(thread.view) | TWZ_VALID);
  csr.write(CSR_CONTEXT, toPhysical(addressOf(thread.context)) | TWZ_VALID);
  csr.write(CSR_FIXED, toPhysical(thread.fixed) | TWZ_VALID);
  csr.clear('sstatus', SSTATUS_FS);
  csr.set('sstatus', SSTATUS_FS_INITIAL);
  if ((thread.flags & TF_FLOAT) !== 0) loadFloat(addressOf(thread.float));
  else clearFloat();
  csr.clear('sstatus', SSTATUS_FS);
  csr.set('sstatus', SSTATUS_FS_CLEAN);
  return thread;
}
