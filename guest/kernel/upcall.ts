/**
 * Upcalls: a fault that the kernel cannot resolve becomes a call of the view's fault handler on the thread's own stack, with a
 * `FaultFrame` that describes it and can be resumed. When that call cannot be made either, the double-fault handler is
 * tried once; after that, and for views without handlers, the thread ends with a report.
 */
import {
  FAULT_EXCEPTION,
  FAULT_FAULT,
  FAULT_NULL,
  FAULT_OBJECT,
  FAULT_PAGE,
  FAULT_SECURITY,
  FaultFrame,
} from '../abi/fault.ts';
import { OBJ_NULLPAGE } from '../abi/object.ts';
import { EXIT_FAULT } from '../abi/signal.ts';
import { ViewHeader } from '../abi/view.ts';
import { consolePrint, printHex, printNumber } from './console.ts';
import { FaultReport, objectAt } from './fault.ts';
import { KObject } from './object.ts';
import { endThread, Thread } from './thread.ts';
import { peekPage } from './tree.ts';
import { writeUser } from './user.ts';

/** Bytes below the stack pointer that leaf code may use. */
const RED_ZONE = 128;
/** Upcalls that may be open in one thread. */
const MAX_DEPTH = 16;

const frame = zeroed<FaultFrame>();

/** Calls `handler` with the report; false when the thread's stack cannot take the frame. */
function call(thread: Thread, handler: u64, report: FaultReport, fault: u64): bool {
  assign(frame.registers, thread.registers);
  frame.fault = fault;
  frame.address = report.address;
  frame.object.lo = report.lo;
  frame.object.hi = report.hi;
  frame.offset = report.offset;
  frame.access = report.access;
  frame.detail = report.detail;
  frame.info0 = report.info;
  const sp = (thread.registers[2] - RED_ZONE - sizeof<FaultFrame>()) & ~u64(15);
  if (!writeUser(sp, addressOf(frame), sizeof<FaultFrame>())) return false;
  thread.registers[0] = handler;
  thread.registers[1] = 0;
  thread.registers[2] = sp;
  thread.registers[10] = fault;
  thread.registers[11] = sp;
  thread.faultDepth++;
  return true;
}

/** Does the thread's view have a handler for this fault? */
export function handles(thread: Thread, fault: u64): bool {
  const page = peekPage(thread.view, OBJ_NULLPAGE);
  if (page === 0) return false;
  const header = at<ViewHeader>(page);
  return header.faultHandler !== 0 && ((header.faultMask >> fault) & 1) === 0;
}

/** Delivers a fault to a thread that runs on this hart; the thread may end. */
export function upcall(thread: Thread, report: FaultReport): void {
  const page = peekPage(thread.view, OBJ_NULLPAGE);
  if (page !== 0 && thread.faultDepth < MAX_DEPTH) {
    const header = at<ViewHeader>(page);
    // A handler whose first instruction faults cannot be entered; calling it for that would never end.
    const pc = thread.registers[0];
    const usable = handles(thread, report.fault) && pc !== header.faultHandler;
    if (usable && call(thread, header.faultHandler, report, report.fault)) return;
    const last = header.doubleFaultHandler;
    if (last !== 0 && pc !== last && call(thread, last, report, FAULT_FAULT)) return;
  }
  reportFault(thread, report);
  endThread(thread, EXIT_FAULT + report.fault);
}

function faultName(fault: u64): str {
  switch (fault) {
    case FAULT_OBJECT:
      return 'no such object';
    case FAULT_NULL:
      return 'null pointer';
    case FAULT_EXCEPTION:
      return 'exception';
    case FAULT_SECURITY:
      return 'rights missing';
    case FAULT_PAGE:
      return 'page not available';
  }
  return 'fault';
}

function printId(lo: u64, hi: u64): void {
  printHex(hi, 16);
  consolePrint(':');
  printHex(lo, 16);
}

function printPlace(object: KObject | null, address: usize): void {
  printHex(address, 0);
  if (object === null) return;
  consolePrint(' (object ');
  printId(object.lo, object.hi);
  consolePrint(' + 0x');
  printHex(address & 0x3fff_ffff, 0);
  consolePrint(')');
}

/** Says on the console why a thread ends: fault, address, object and offset, and where its code was. */
function reportFault(thread: Thread, report: FaultReport): void {
  consolePrint('thread ');
  printNumber(thread.number);
  consolePrint(': ');
  consolePrint(faultName(report.fault));
  consolePrint(' at ');
  printPlace(objectAt(thread, report.address), report.address);
  consolePrint(', detail 0x');
  printHex(report.detail, 0);
  consolePrint(', pc ');
  printPlace(objectAt(thread, thread.registers[0]), thread.registers[0]);
  consolePrint('\n');
}
