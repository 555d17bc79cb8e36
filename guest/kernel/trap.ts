/**
 * What happens at a trap, and the way back to user mode: the kernel's main loop. Every entry from user mode ends in
 * `leaveKernel`, which goes on with the same thread, with another, or waits.
 */
import { FAULT_EXCEPTION, FAULT_PAGE, PAGE_POISON } from '../abi/fault.ts';
import { EFAULT, EPERM, ETIMEDOUT } from '../abi/syscall.ts';
import { nextAlarm, ringAlarms } from './alarm.ts';
import {
  CAUSE_ADDRESS,
  CAUSE_ECALL_USER,
  CAUSE_FETCH_ACCESS,
  CAUSE_HARDWARE_ERROR,
  CAUSE_INTERRUPT,
  CAUSE_LOAD_ACCESS,
  CAUSE_STORE_ACCESS,
  CAUSE_TABLE,
  CSR_FAULT_INFO,
  IRQ_EXTERNAL,
  IRQ_SOFTWARE,
  IRQ_TIMER,
  SSTATUS_SPIE,
  SSTATUS_SPP,
  ticks,
} from './arch.ts';
import { kernelSymbols } from './archive.ts';
import { nextExpiry } from './capability.ts';
import { toTicks } from './clock.ts';
import { consolePrint, printHex } from './console.ts';
import { expireRights } from './context.ts';
import { noteDamage } from './damage.ts';
import { externalInterrupt, resumeInput } from './device.ts';
import { resumeThread, switchStack } from './entry.ts';
import { FaultReport, objectAt, offsetAt, resolveFault } from './fault.ts';
import { lockKernel, unlockKernel } from './lock.ts';
import { isPersistent, reapStep } from './object.ts';
import { powerOff } from './power.ts';
import { armTimer, Hart, nextDeadline, takeThread, thisHart, wakeExpired, yieldThread } from './schedule.ts';
import { deliverSignal, nextSignal } from './signal.ts';
import { beginJudging, judgePutOff, judgingIncomplete } from './signature.ts';
import { printSymbol } from './symbols.ts';
import { systemCall } from './syscall.ts';
import { Thread, threadsAlive } from './thread.ts';
import { upcall } from './upcall.ts';
import { isUserCopy, userCopyFailure } from './user.ts';

import './panic.ts';

/** How long a thread runs while others wait: 10 ms. */
const QUANTUM: u64 = 10_000_000;

/** What each hart's current fault is; no fault lasts longer than the kernel holds its lock, or nests in itself. */
const userReport = zeroed<FaultReport>();
const kernelReport = zeroed<FaultReport>();

/** @export */
function trapFromUser(thread: Thread): never {
  const cause = csr.read('scause');
  const address = csr.read('stval');
  lockKernel();
  if ((cause & CAUSE_INTERRUPT) !== 0) takeInterrupt(thread, cause & 63);
  else if (cause === CAUSE_ECALL_USER) takeCall(thread);
  else takeException(thread, cause, address);
  leaveKernel();
}

function takeCall(thread: Thread): void {
  // A signal that was sent while the thread was on its way here comes before the call: one that waits is not asked again.
  if (nextSignal(thread) !== 0) return;
  beginJudging(thread);
  thread.registers[0] += 4;
  const result = systemCall(thread);
  // A call that ended the thread, or made it wait, has taken it off this hart.
  if (thisHart().current !== thread) return;
  if (judgingIncomplete() && (result === -EPERM || result === -EFAULT)) {
    // It has asked for rights, and done nothing yet. It is made again.
    thread.registers[0] -= 4;
    judgePutOff(thread);
    return;
  }
  thread.verifications = 0;
  thread.registers[10] = u64(result);
}

function takeException(thread: Thread, cause: u64, address: u64): void {
  beginJudging(thread);
  let resolved = false;
  if (cause >= CAUSE_ADDRESS && cause <= CAUSE_TABLE) {
    resolved = resolveFault(thread, cause, address, userReport);
  } else {
    memory.fill(addressOf(userReport), 0, sizeof<FaultReport>());
    userReport.address = address;
    userReport.info = cause;
    if (!isMediaError(thread, cause, address)) {
      userReport.fault = FAULT_EXCEPTION;
      userReport.detail = cause;
    }
  }
  if (!resolved && (judgingIncomplete() || !upcall(thread, userReport))) judgePutOff(thread);
  else if (thisHart().current === thread) thread.verifications = 0;
}

/** Could the NVDIMM not be read: the data (a hardware error), or a page table on the way to them (an access fault)? Then reports that. */
function isMediaError(thread: Thread, cause: u64, address: u64): bool {
  const object = objectAt(thread, address);
  const table = cause === CAUSE_FETCH_ACCESS || cause === CAUSE_LOAD_ACCESS || cause === CAUSE_STORE_ACCESS;
  if (cause !== CAUSE_HARDWARE_ERROR && !(table && object !== null && isPersistent(object))) return false;
  userReport.fault = FAULT_PAGE;
  userReport.detail = PAGE_POISON;
  if (object === null) return true;
  userReport.lo = object.lo;
  userReport.hi = object.hi;
  userReport.offset = offsetAt(address);
  noteDamage(object);
  return true;
}

/** Timer, inter-processor and device interrupts; `thread` is the one that was running, null for an idle hart. */
function takeInterrupt(thread: Thread | null, number: u64): void {
  const hart = thisHart();
  if (u64(1) << number === IRQ_SOFTWARE) csr.clear('sip', IRQ_SOFTWARE);
  else if (u64(1) << number === IRQ_EXTERNAL) externalInterrupt(hart.index);
  else if (u64(1) << number === IRQ_TIMER) {
    passTime();
    expireRights();
    resumeInput();
    if (thread !== null) yieldThread(thread);
  }
}

/** What `trapEntry` saved of the kernel's state. */
class KernelTrap {
  pc: u64;
  status: u64;
}

/** @export */
function trapFromKernel(trap: KernelTrap): void {
  const cause = csr.read('scause');
  const address = csr.read('stval');
  const thread = thisHart().current;
  if (isUserCopy(trap.pc)) {
    const known = cause >= CAUSE_ADDRESS && cause <= CAUSE_TABLE;
    if (known && thread !== null && resolveFault(thread, cause, address, kernelReport)) return;
    trap.pc = userCopyFailure();
    return;
  }
  consolePrint('kernel trap: cause ');
  printHex(cause, 0);
  consolePrint(', address ');
  printHex(address, 0);
  consolePrint(', pc ');
  printHex(trap.pc, 0);
  const table = kernelSymbols();
  if (table !== null) printSymbol(table, trap.pc);
  consolePrint(', info ');
  printHex(csr.read(CSR_FAULT_INFO), 0);
  consolePrint('\n');
  panic('trap in the kernel');
}

/** Goes on with this hart's thread, or the next one, or waits for one. The caller holds the kernel lock. */
export function leaveKernel(): never {
  const hart = thisHart();
  for (;;) {
    const current = hart.current;
    const thread = current === null ? takeThread(hart) : current;
    if (thread === null) {
      waitForWork(hart);
      continue;
    }
    while (hart.current === thread && nextSignal(thread) !== 0) deliverSignal(thread);
    if (hart.current !== thread) continue;
    if (current === null) armQuantum();
    unlockKernel();
    csr.clear('sstatus', SSTATUS_SPP);
    csr.set('sstatus', SSTATUS_SPIE);
    resumeThread(thread);
  }
}

/** `time` of the next thing that waits for it: a thread's deadline, an alarm. */
function nextEvent(): u64 {
  return min<u64>(nextDeadline(), nextAlarm());
}

/** Lets happen what waited for its time. */
function passTime(): void {
  wakeExpired(-ETIMEDOUT);
  ringAlarms();
}

/** The next timer interrupt: the end of the quantum, or what comes before: the next event, the end of a capability. */
function armQuantum(): void {
  armTimer(min<u64>(ticks() + toTicks(QUANTUM), min<u64>(nextEvent(), nextExpiry())));
}

/** Nothing to run: frees what is left to free, then waits for an interrupt. */
function waitForWork(hart: Hart): void {
  // The last thread has ended: nothing can ever run again.
  if (threadsAlive() === 0) powerOff(false, 0);
  if ((hart.index === 0 && reapStep()) || resumeInput()) return;
  hart.idle = true;
  armTimer(nextEvent());
  unlockKernel();
  wfi();
  lockKernel();
  hart.idle = false;
  const pending = csr.read('sip') & csr.read('sie');
  if ((pending & IRQ_SOFTWARE) !== 0) csr.clear('sip', IRQ_SOFTWARE);
  if ((pending & IRQ_EXTERNAL) !== 0) externalInterrupt(hart.index);
  if ((pending & IRQ_TIMER) !== 0) passTime();
}

/** Starts to schedule on this hart, on an empty stack. The caller holds the kernel lock. */
export function startScheduling(hart: Hart): never {
  switchStack(hart.stack, leaveKernel);
}
