/**
 * Faults of the object space: resolved here if the kernel can (an object comes from the store, a page is made or copied,
 * rights are verified, another attached context takes over), else described for the upcall. After Twizzler's
 * order: copy-on-write, permission, view entry, upcall (paper §3.2).
 */
import {
  FAULT_NULL,
  FAULT_OBJECT,
  FAULT_PAGE,
  FAULT_SECURITY,
  OBJECT_BAD_ADDRESS,
  OBJECT_NOT_MAPPED,
  OBJECT_UNKNOWN,
  PAGE_LIMIT,
  PAGE_NO_SPACE,
  PAGE_POISON,
  SECURITY_GATE,
  SECURITY_NOT_GRANTED,
  SECURITY_NOT_REQUESTED,
} from '../abi/fault.ts';
import { EXEC, OBJ_OFFSET_MASK, OBJ_SHIFT, READ, WRITE } from '../abi/object.ts';
import { FIXED_SLOTS, fixedIndex, VE_VALID, VIEW_TABLE, ViewEntry } from '../abi/view.ts';
import {
  CAUSE_ADDRESS,
  CAUSE_COW,
  CAUSE_NULL,
  CAUSE_OBJECT,
  CAUSE_PAGE,
  CAUSE_RIGHTS,
  CAUSE_TABLE,
  CAUSE_VIEW,
  CSR_FAULT_DESCRIPTOR,
  CSR_FAULT_ID_HI,
  CSR_FAULT_ID_LO,
  CSR_FAULT_INFO,
  CSR_FAULT_OFFSET,
  REASON_LIMIT,
  REASON_NOT_READY,
  REASON_NOT_REQUESTED,
} from './arch.ts';
import { gatedRights } from './capability.ts';
import { Context, cachedRights, computeRights, defaultRights, refreshRights } from './context.ts';
import { descriptorOf, findKnown, findObject, isImmutable, KObject, reapStep } from './object.ts';
import { judgingIncomplete } from './signature.ts';
import { activate, Thread } from './thread.ts';
import { copyOnWrite, fillPage, makeRoot, PageResult, peekPage } from './tree.ts';

/** What could not be resolved. */
export class FaultReport {
  fault: u64;
  address: u64;
  lo: u64;
  hi: u64;
  offset: u64;
  access: u64;
  detail: u64;
  info: u64;
}

/** Kinds of access in `stwzinfo` 5:4 (docs/xtwz.md §5). */
const ACCESS_MASK = 3;
const ACCESS_FETCH = 0;
const ACCESS_STORE = 2;

function unresolved(report: FaultReport, fault: u64, detail: u64): bool {
  report.fault = fault;
  report.detail = detail;
  return false;
}

/**
 * The object whose descriptor the hardware had reached. Null: there was none; or another hart has ended the object before this one
 * had the lock, and the access, made again, finds that out.
 */
function faultingObject(report: FaultReport): KObject | null {
  const object = findKnown(report.lo, report.hi);
  return object !== null && descriptorOf(object) === csr.read(CSR_FAULT_DESCRIPTOR) ? object : null;
}

/** Resolves an Xtwz fault of `thread` (its CSRs are still those of the fault). False: `report` says why not. */
export function resolveFault(thread: Thread, cause: u64, address: u64, report: FaultReport): bool {
  const info = csr.read(CSR_FAULT_INFO);
  const reason = (info >> 32) & 0xff;
  report.address = address;
  report.lo = csr.read(CSR_FAULT_ID_LO);
  report.hi = csr.read(CSR_FAULT_ID_HI);
  report.offset = csr.read(CSR_FAULT_OFFSET);
  report.access = (info >> 4) & ACCESS_MASK;
  report.info = info;
  const object = faultingObject(report);
  switch (cause) {
    case CAUSE_ADDRESS:
      return unresolved(report, FAULT_OBJECT, OBJECT_BAD_ADDRESS);
    case CAUSE_NULL: {
      // The hardware has not looked further; whose null page it is helps to find the mistake.
      const whose = objectAt(thread, address);
      if (whose !== null) {
        report.lo = whose.lo;
        report.hi = whose.hi;
      }
      return unresolved(report, FAULT_NULL, 0);
    }
    case CAUSE_VIEW:
      return unresolved(report, FAULT_OBJECT, OBJECT_NOT_MAPPED);
    case CAUSE_OBJECT: {
      if (reason === REASON_NOT_READY) {
        if (object === null || makeRoot(object)) return true;
        return outOfSpace(report);
      }
      if (findObject(report.lo, report.hi) !== null) return true;
      return unresolved(report, FAULT_OBJECT, OBJECT_UNKNOWN);
    }
    case CAUSE_RIGHTS: {
      const missing = (info >> 8) & 0xff;
      if (reason === REASON_NOT_REQUESTED)
        return unresolved(report, FAULT_SECURITY, SECURITY_NOT_REQUESTED | missing);
      return object === null || resolveRights(thread, object, report);
    }
    case CAUSE_PAGE:
      if (reason === REASON_LIMIT) return unresolved(report, FAULT_PAGE, PAGE_LIMIT);
      return object === null || fill(object, report);
    case CAUSE_COW:
      return object === null || copy(object, report);
    case CAUSE_TABLE:
      panic('malformed object-space table');
  }
  return unresolved(report, FAULT_OBJECT, OBJECT_BAD_ADDRESS);
}

function outOfSpace(report: FaultReport): bool {
  // Space may be on its way: objects that were deleted and are not freed yet.
  if (reapStep()) return true;
  return unresolved(report, FAULT_PAGE, PAGE_NO_SPACE);
}

function fill(object: KObject, report: FaultReport): bool {
  if (isImmutable(object)) return unresolved(report, FAULT_PAGE, PAGE_LIMIT);
  switch (fillPage(object, report.offset)) {
    case PageResult.ok:
      return true;
    case PageResult.noSpace:
      return outOfSpace(report);
    case PageResult.damaged:
      return unresolved(report, FAULT_PAGE, PAGE_POISON);
    default:
      return unresolved(report, FAULT_PAGE, PAGE_LIMIT);
  }
}

function copy(object: KObject, report: FaultReport): bool {
  switch (copyOnWrite(object, report.offset)) {
    case PageResult.ok:
      return true;
    case PageResult.noSpace:
      return outOfSpace(report);
    case PageResult.damaged:
      return unresolved(report, FAULT_PAGE, PAGE_POISON);
    default:
      return unresolved(report, FAULT_SECURITY, SECURITY_NOT_GRANTED | WRITE);
  }
}

/** Rights that an access needs. */
function neededRights(access: u64): u64 {
  if (access === ACCESS_FETCH) return EXEC;
  if (access === ACCESS_STORE) return READ | WRITE;
  return READ;
}

/**
 * Late binding: the active context may grant what its cached entry does not say yet; else another attached context that does
 * becomes the active one, provided that the code at hand may run in it, and, when the access is a jump, that it lands in a gate.
 */
function resolveRights(thread: Thread, object: KObject, report: FaultReport): bool {
  const need = neededRights(report.access);
  const active = thread.context;
  const granted = refreshRights(active, object);
  if (!judgingIncomplete() && (granted & need) === need) return true;
  let refusedByGate = false;
  for (let turn: u64 = 0; turn <= thread.contextCount; turn++) {
    const candidate = turn === 0 ? thread.hint : thread.contexts[turn - 1];
    if (candidate === 0) continue;
    const context = at<Context>(candidate);
    if (judgingIncomplete()) break;
    if (context === active || (refreshRights(context, object) & need) !== need) continue;
    if (report.access === ACCESS_FETCH) {
      if (!mayEnter(context, object, report.offset)) {
        refusedByGate = true;
        continue;
      }
    } else if (!mayRunHere(thread, context)) continue;
    if (judgingIncomplete()) break;
    activate(thread, context);
    return true;
  }
  const missing = need & ~computeRights(active, object);
  return unresolved(report, FAULT_SECURITY, (refusedByGate ? SECURITY_GATE : SECURITY_NOT_GRANTED) | missing);
}

/** May execution enter the object at `offset` from another context? */
function mayEnter(context: Context, object: KObject, offset: u64): bool {
  const holder = context.object;
  if (holder === null) return true;
  return ((defaultRights(holder, object) | gatedRights(holder, object, offset)) & EXEC) !== 0;
}

/** May the code that the thread runs now run in `context`? */
function mayRunHere(thread: Thread, context: Context): bool {
  const code = objectAt(thread, thread.registers[0]);
  return code !== null && (refreshRights(context, code) & EXEC) !== 0;
}

/** The view entry of a slot as the hardware would take it for this thread; null: none. */
export function viewEntry(thread: Thread, slot: u64): ViewEntry | null {
  const fixed = fixedIndex(slot);
  if (fixed < FIXED_SLOTS) {
    const entry = at<ViewEntry>(thread.fixed + fixed * sizeof<ViewEntry>());
    if ((entry.flags & VE_VALID) !== 0) return entry;
  }
  const place = peekPage(thread.view, VIEW_TABLE + slot * sizeof<ViewEntry>());
  if (place === 0) return null;
  const entry = at<ViewEntry>(place);
  return (entry.flags & VE_VALID) !== 0 ? entry : null;
}

/** The object that an address of the object window means for this thread, rights aside; null: none. */
export function objectAt(thread: Thread, address: usize): KObject | null {
  if (address >> 47 !== 0) return null;
  const entry = viewEntry(thread, address >> OBJ_SHIFT);
  return entry === null ? null : findObject(entry.lo, entry.hi);
}

/** Offset in its object of an address of the object window. */
export function offsetAt(address: usize): u64 {
  return address & OBJ_OFFSET_MASK;
}

/** Rights of all of a thread's contexts together. */
export function threadRights(thread: Thread, object: KObject): u64 {
  let rights: u64 = 0;
  for (let i: u64 = 0; i < thread.contextCount; i++)
    rights |= refreshRights(at<Context>(thread.contexts[i]), object);
  return rights;
}

/**
 * Do a thread's contexts together grant all of `rights`? What object operations are judged by. What has been verified before is not
 * verified again, as for accesses.
 */
export function hasRights(thread: Thread, object: KObject, rights: u64): bool {
  let known: u64 = 0;
  for (let i: u64 = 0; i < thread.contextCount; i++)
    known |= cachedRights(at<Context>(thread.contexts[i]), object);
  if ((known & rights) === rights) return true;
  const granted = threadRights(thread, object);
  return !judgingIncomplete() && (granted & rights) === rights;
}
