/**
 * Signals (guest/abi/signal.ts): marked in the thread that they are for, and acted upon when it is about to go on in user mode, on
 * its own hart. A thread that waits is woken for it (its call returns −EINTR), except to be stopped: it then waits on.
 */
import { FAULT_SIGNAL } from '../abi/fault.ts';
import {
  EXIT_SIGNAL,
  SIGNAL_CONTINUE,
  SIGNAL_KEYBOARD_STOP,
  SIGNAL_KILL,
  SIGNAL_STOP,
  SIGNAL_WINDOW,
} from '../abi/signal.ts';
import { EINTR } from '../abi/syscall.ts';
import { sendIpi } from './arch.ts';
import { FaultReport } from './fault.ts';
import { continueThread, stopThread, thisHart, wakeThread } from './schedule.ts';
import { beginJudging, judgePutOff } from './signature.ts';
import { cancelWait } from './sync.ts';
import { endThread, Thread, ThreadState, threadsInGroup } from './thread.ts';
import { handles, upcall } from './upcall.ts';

/** Has the signal no effect unless a handler takes it? */
function ignorable(number: u64): bool {
  return number === SIGNAL_WINDOW;
}

/** Sends signal `number` (1 to SIGNALS − 1) to a thread. */
export function raiseSignal(thread: Thread, number: u64, info: u64): void {
  if (number === SIGNAL_CONTINUE || number === SIGNAL_KILL) {
    thread.pendingSignals &= ~((u64(1) << SIGNAL_STOP) | (u64(1) << SIGNAL_KEYBOARD_STOP));
    continueThread(thread);
    if (number === SIGNAL_CONTINUE) return;
  }
  const handled = handles(thread, FAULT_SIGNAL);
  if (ignorable(number) && !handled) return;
  const stops = number === SIGNAL_STOP || (number === SIGNAL_KEYBOARD_STOP && !handled);
  if (stops && thread.state === u32(ThreadState.waiting)) {
    stopThread(thread);
    return;
  }
  thread.pendingSignals |= u64(1) << number;
  thread.signalInfo = info;
  if (nextSignal(thread) === 0) return;
  if (thread.state === u32(ThreadState.waiting)) {
    cancelWait(thread);
    wakeThread(thread, -EINTR);
  } else if (thread.state === u32(ThreadState.running) && thread.hart !== thisHart()) {
    // Into the kernel with it, to find the signal on the way out.
    sendIpi(u64(1) << thread.hart!.index);
  }
}

/** Sends a signal to every thread of a group that `may` lets through. Returns how many there were. */
export function raiseGroup(
  group: u64,
  number: u64,
  info: u64,
  may: (target: Thread, sender: Thread | null) => bool,
  sender: Thread | null,
): u64 {
  let count: u64 = 0;
  let thread = threadsInGroup(group, null);
  while (thread !== null) {
    const target = thread;
    thread = threadsInGroup(group, target);
    if (!may(target, sender)) continue;
    count++;
    if (number !== 0) raiseSignal(target, number, info);
  }
  return count;
}

/** Signals that no handler sees. */
const UNHANDLED = (u64(1) << SIGNAL_KILL) | (u64(1) << SIGNAL_STOP);

/**
 * The pending signal that a thread acts upon next: SIGNAL_KILL first, then the smallest; 0: none. While a handler runs those that handlers see
 * are held back, until it ends with THREAD_RESUME.
 */
export function nextSignal(thread: Thread): u64 {
  let pending = thread.pendingSignals;
  if (pending === 0) return 0;
  if (thread.faultDepth !== 0 && handles(thread, FAULT_SIGNAL)) pending &= UNHANDLED;
  if (((pending >> SIGNAL_KILL) & 1) !== 0) return SIGNAL_KILL;
  return pending === 0 ? 0 : ctz<u64>(pending);
}

const signalReport = zeroed<FaultReport>();

/** Acts on the next signal of a thread that is about to go on. The thread may end, or stop. */
export function deliverSignal(thread: Thread): void {
  const number = nextSignal(thread);
  const bit = u64(1) << number;
  beginJudging(thread);
  thread.pendingSignals &= ~bit;
  if ((bit & UNHANDLED) === 0 && handles(thread, FAULT_SIGNAL)) {
    signalReport.fault = FAULT_SIGNAL;
    signalReport.address = thread.registers[0];
    signalReport.detail = number;
    signalReport.info = thread.signalInfo;
    if (upcall(thread, signalReport)) return;
    thread.pendingSignals |= bit;
    judgePutOff(thread);
  } else if (number === SIGNAL_STOP || number === SIGNAL_KEYBOARD_STOP) stopThread(thread);
  else if (!ignorable(number)) endThread(thread, EXIT_SIGNAL + number);
}
