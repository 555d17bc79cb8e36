/**
 * Faults as user space sees them. The kernel pushes a `FaultFrame` on the thread's stack and calls the handler of the view
 * with (fault number, address of the frame); SYS_THREAD_CONTROL/THREAD_RESUME with that address continues. A fault that
 * nobody handles ends the thread with a report.
 */
import { ObjectId } from './object.ts';

/** The slot names no object, or the object does not exist or is damaged. */
export const FAULT_OBJECT = 0;
/** Null pointer: offset inside the null page. */
export const FAULT_NULL = 1;
/** An exception of the processor (illegal instruction, breakpoint, misaligned atomic …): cause in `info0`. */
export const FAULT_EXCEPTION = 2;
/** Rights are missing. */
export const FAULT_SECURITY = 3;
/** Raised by the kernel when calling a handler failed. */
export const FAULT_FAULT = 4;
/** The page cannot be had: beyond the object's limit, no space, or a media error. */
export const FAULT_PAGE = 5;
/** Raised by libtwz: a persistent pointer that cannot be translated. */
export const FAULT_POINTER = 6;
/** Another thread's SYS_SIGNAL. */
export const FAULT_SIGNAL = 7;
export const FAULTS = 8;

/** `FaultFrame.detail` of FAULT_OBJECT. */
export const OBJECT_NOT_MAPPED = 1;
export const OBJECT_UNKNOWN = 2;
export const OBJECT_DAMAGED = 3;
export const OBJECT_BAD_ADDRESS = 4;
/** `detail` of FAULT_PAGE. */
export const PAGE_LIMIT = 1;
export const PAGE_NO_SPACE = 2;
export const PAGE_POISON = 3;
/** `detail` of FAULT_SECURITY: rights that were missing in bits 7:0, and: */
export const SECURITY_NOT_REQUESTED = 0x100;
export const SECURITY_NOT_GRANTED = 0x200;
export const SECURITY_GATE = 0x400;

/** What the kernel pushes for an upcall; a multiple of 16 bytes. */
export class FaultFrame {
  /** Integer registers x1–x31 at index 1–31; index 0 is the program counter. Restored by THREAD_RESUME. */
  readonly registers: FixedArray<u64, 32>;
  fault: u64;
  /** Virtual address concerned. */
  address: u64;
  readonly object: Inline<ObjectId>;
  offset: u64;
  /** Access: 0 fetch, 1 load, 2 store, 3 cache-block management (docs/xtwz.md §5). */
  access: u64;
  detail: u64;
  info0: u64;
}

static_assert(sizeof<FaultFrame>() === 320, 'FaultFrame');
