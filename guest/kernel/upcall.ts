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
  SECURITY_GATE,
  SECURITY_NOT_REQUESTED,
} from '../abi/fault.ts';
import { EXEC, OBJ_NULLPAGE, OBJ_SHIFT, READ, WRITE } from '../abi/object.ts';
import { EXIT_FAULT } from '../abi/signal.ts';
import { SLOT_EXEC, SLOT_STACK, SLOT_THREAD, SLOT_VIEW, ViewHeader } from '../abi/view.ts';
import { printProgram, symbolsAt } from './archive.ts';
import { consolePrint, printHex, printNumber } from './console.ts';
import { FaultReport, objectAt, offsetAt } from './fault.ts';
import { printKsoName } from './kso.ts';
import { findObject, isKernelObject, KObject } from './object.ts';
import { judgingIncomplete } from './signature.ts';
import { printSymbol } from './symbols.ts';
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

/**
 * Delivers a fault to a thread that runs on this hart; the thread may end. False: nothing has been done yet, because a signature has to
 * be verified before the kernel may write to the thread's stack.
 */
export function upcall(thread: Thread, report: FaultReport): bool {
  const page = peekPage(thread.view, OBJ_NULLPAGE);
  if (page !== 0 && thread.faultDepth < MAX_DEPTH) {
    const header = at<ViewHeader>(page);
    // A handler whose first instruction faults cannot be entered; calling it for that would never end.
    const pc = thread.registers[0];
    const usable = handles(thread, report.fault) && pc !== header.faultHandler;
    if (usable && call(thread, header.faultHandler, report, report.fault)) return true;
    if (judgingIncomplete()) return false;
    const last = header.doubleFaultHandler;
    if (last !== 0 && pc !== last && call(thread, last, report, FAULT_FAULT)) return true;
    if (judgingIncomplete()) return false;
  }
  reportFault(thread, report);
  endThread(thread, EXIT_FAULT + report.fault);
  return true;
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

/** What an object is, as far as the kernel knows: a kernel object's name, a program's, or what a well-known slot is for. */
function printName(object: KObject, address: usize): void {
  const slot = address >> OBJ_SHIFT;
  if (isKernelObject(object)) {
    consolePrint(' ');
    printKsoName(object);
  } else if (slot === SLOT_STACK) consolePrint(' stack');
  else if (slot === SLOT_VIEW) consolePrint(' view');
  else if (slot === SLOT_THREAD) consolePrint(' thread');
  else if (slot === SLOT_EXEC) {
    consolePrint(' ');
    if (!printProgram(object, OBJ_NULLPAGE)) consolePrint('program');
  }
}

/** Prints ` object ID NAME + OFFSET`, or the bare address where there is no object. */
function printPlace(object: KObject | null, lo: u64, hi: u64, address: usize): void {
  if (lo === 0 && hi === 0) {
    consolePrint(' 0x');
    printHex(address, 0);
    return;
  }
  consolePrint(' object ');
  printId(lo, hi);
  if (object !== null) printName(object, address);
  consolePrint(' + 0x');
  printHex(offsetAt(address), 0);
}

function printAddress(thread: Thread, address: usize): void {
  const object = objectAt(thread, address);
  if (object === null) printPlace(null, 0, 0, address);
  else printPlace(object, object.lo, object.hi, address);
}

/** What was tried, from FaultFrame.access. */
function accessName(access: u64): str {
  switch (access) {
    case 0:
      return 'fetch from';
    case 1:
      return 'load from';
    case 2:
      return 'store to';
  }
  return 'cache operation on';
}

/**
 * Says on the console why a thread ends:
 *
 *   thread 3: null pointer: load from object 1f…:9a… sh + 0x18
 *     at main (programs/sh.ts:12), object 1f…:9a… sh + 0x1234
 */
function reportFault(thread: Thread, report: FaultReport): void {
  consolePrint('thread ');
  printNumber(thread.number);
  consolePrint(': ');
  consolePrint(faultName(report.fault));
  if (report.fault === FAULT_EXCEPTION) {
    consolePrint(' ');
    printNumber(report.detail);
  } else {
    consolePrint(': ');
    consolePrint(accessName(report.access));
    if (report.lo !== 0 || report.hi !== 0)
      printPlace(findObject(report.lo, report.hi), report.lo, report.hi, report.address);
    else printAddress(thread, report.address);
    if (report.fault === FAULT_SECURITY) {
      consolePrint(', missing ');
      printRights(report.detail);
    }
  }
  const pc = thread.registers[0];
  const code = objectAt(thread, pc);
  consolePrint('\n  at');
  const table = code === null ? null : symbolsAt(code, offsetAt(pc));
  if (table !== null) {
    printSymbol(table, offsetAt(pc));
    consolePrint(',');
  }
  printAddress(thread, pc);
  consolePrint('\n');
}

function printRights(rights: u64): void {
  if ((rights & READ) !== 0) consolePrint('READ ');
  if ((rights & WRITE) !== 0) consolePrint('WRITE ');
  if ((rights & EXEC) !== 0) consolePrint('EXEC ');
  if ((rights & SECURITY_NOT_REQUESTED) !== 0) consolePrint('in the view');
  else consolePrint((rights & SECURITY_GATE) !== 0 ? '(not a gate)' : 'in the context');
}
