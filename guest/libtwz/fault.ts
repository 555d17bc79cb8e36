/**
 * Handlers of faults: a program names a function for a kind of fault (guest/abi/fault.ts), and it is called in place of the report that ends the
 * program. It gets the faulting thread's registers, may change them, and returns true for the thread to go on with them.
 */
import { FAULT_SIGNAL, FAULTS, FaultFrame } from '../abi/fault.ts';
import { OBJ_NULLPAGE } from '../abi/object.ts';
import { SYS_THREAD_CONTROL, THREAD_RESUME } from '../abi/syscall.ts';
import { SLOT_VIEW, slotAddress, ViewHeader } from '../abi/view.ts';
import { readError } from './attempt.ts';
import { endByFault } from './fault-report.ts';
import { syscall } from './syscall.ts';

/** True: the thread goes on. False: the fault is nobody's, and the program ends with a report. */
export type FaultHandler = (frame: FaultFrame) => bool;

const handlers = zeroed<FixedArray<FaultHandler | null, 8>>();

function viewHeader(): ViewHeader {
  return at<ViewHeader>(slotAddress(SLOT_VIEW, OBJ_NULLPAGE));
}

/** What the kernel calls. */
function dispatch(fault: u64, frame: FaultFrame): void {
  const handler = handlers[fault];
  if (handler === null || !handler(frame)) endByFault(fault, frame);
  syscall(SYS_THREAD_CONTROL, THREAD_RESUME, addressOf(frame), 0, 0, 0);
}

function takeOver(): void {
  viewHeader().faultHandler = addressOf(dispatch);
}

/** Has `handler` called for faults of this kind in all threads of the program; null: none, as at first. */
export function onFault(fault: u64, handler: FaultHandler | null): void {
  if (fault >= FAULTS) panic('there is no such fault');
  handlers[fault] = handler;
  takeOver();
  if (fault !== FAULT_SIGNAL) return;
  const view = viewHeader();
  const bit = u64(1) << FAULT_SIGNAL;
  view.faultMask = handler === null ? view.faultMask | bit : view.faultMask & ~bit;
}

/** Can the byte at an address be read: is an object there, with the right to read it, and a page? */
export function isReadable(address: usize): bool {
  return readError(address) === 0;
}
