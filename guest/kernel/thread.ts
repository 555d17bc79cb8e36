/**
 * Threads: a thread is its registers, its view, its attached contexts and its representation object, which shows what it is and
 * tells of its end; it has no kernel stack. Who runs when is schedule.ts.
 */
import { KsoType } from '../abi/kso.ts';
import { OBJ_NULLPAGE, READ, WRITE } from '../abi/object.ts';
import {
  SYNC_EXIT,
  SYNC_STATE,
  THREAD_ALIVE,
  THREAD_ATTACHMENTS,
  THREAD_ENDED,
  ThreadRepr,
} from '../abi/thread.ts';
import {
  FIXED_SLOTS,
  fixedIndex,
  SLOT_CONTROL,
  SLOT_STACK,
  SLOT_THREAD,
  SLOT_VIEW,
  VE_VALID,
  ViewEntry,
} from '../abi/view.ts';
import {
  CSR_CONTEXT,
  CSR_FIXED,
  CSR_VIEW,
  invalidateObject,
  invalidateView,
  TWZ_VALID,
  toPhysical,
} from './arch.ts';
import { Context, dropContext, holdContext } from './context.ts';
import { releaseDevices } from './device.ts';
import { enlist, unlist } from './kso.ts';
import { allocatePage, releasePage, Slab } from './memory.ts';
import { descriptorOf, dropObject, holdObject, KObject } from './object.ts';
import { persistThread } from './resume.ts';
import { Hart, leaveHart, thisHart } from './schedule.ts';
import { cancelWait, wakeObject } from './sync.ts';
import { objectPage } from './tree.ts';

export enum ThreadState {
  free = 0,
  runnable = 1,
  running = 2,
  waiting = 3,
  ended = 4,
  stopped = 5,
}

/** Saved by `become`, restored when it returns. */
export class BecomeFrame {
  readonly registers: FixedArray<u64, 32>;
  view: KObject;
  context: Context;
}

export const BECOME_FRAMES = 12;

export class Thread {
  /** x1–x31 at index 1–31, pc at 0. The trap entry in entry.ts knows these offsets. */
  readonly registers: FixedArray<u64, 32>;
  /** The hart that runs it (entry.ts: offset 256). */
  hart: Hart | null;
  state: u32;
  /** TF_ bits. */
  flags: u32;
  next: Thread | null;
  view: KObject;
  repr: KObject;
  /** Active context; one of `contexts`. */
  context: Context;
  readonly contexts: FixedArray<u64, 32>;
  contextCount: u64;
  /** The context that the last `become` named, tried first; 0 = none. */
  hint: u64;
  /** All threads, for finding one by its representation object. */
  nextThread: Thread | null;
  /** Kernel address of the 32 fixed view entries. */
  fixed: usize;
  /** First waiter (sync.ts). */
  waiters: usize;
  /** `time` at which waiting ends; 0 = none. Link of the list of those that wait so. */
  deadline: u64;
  nextDeadline: Thread | null;
  /** Page of BecomeFrames, 0 until the first. */
  becomePage: usize;
  becomeDepth: u64;
  /** Upcalls that are open: handlers that have not ended with THREAD_RESUME. */
  faultDepth: u64;
  /** Signatures that were verified for it since it last got on (signature.ts). */
  verifications: u64;
  number: u64;
  /** Number of the first thread of its group. */
  group: u64;
  /** Signals to be acted upon before the thread goes on, bit n: signal n; and what the last one's sender said. */
  pendingSignals: u64;
  signalInfo: u64;
  /** 1: to be started again after a power failure (resume.ts). */
  persist: u64;
  readonly float: FixedArray<u64, 33>;
}

/** Has used floating point. */
export const TF_FLOAT = 1;
/** Stopped by a signal: when it could run it does not. */
export const TF_STOPPED = 2;

const threads = zeroed<Slab>();
const fixedTables = zeroed<Slab>();
let nextNumber: u64 = 1;
let allThreads: Thread | null = null;
let liveThreads: u64 = 0;

export function initThreads(): void {
  threads.size = (sizeof<Thread>() + 63) & ~u64(63);
  fixedTables.size = FIXED_SLOTS * sizeof<ViewEntry>();
}

export function threadsAlive(): u64 {
  return liveThreads;
}

/** Sets an entry of a thread's fixed slots; false if `slot` is not a fixed one. */
export function setFixed(thread: Thread, slot: u64, lo: u64, hi: u64, flags: u64): bool {
  const index = fixedIndex(slot);
  if (index >= FIXED_SLOTS) return false;
  const entry = at<ViewEntry>(thread.fixed + index * sizeof<ViewEntry>());
  const valid = (entry.flags & VE_VALID) !== 0;
  volatileStore<u32>(ptrTo(entry.flags).address, 0);
  fence('w', 'w');
  entry.lo = lo;
  entry.hi = hi;
  fence('w', 'w');
  volatileStore<u32>(ptrTo(entry.flags).address, u32(flags));
  if (valid) invalidateView(slot << 30, descriptorOf(thread.view));
  return true;
}

/** A new thread with no registers set, not runnable yet. Null: out of memory. It holds what it is given. */
export function makeThread(repr: KObject, view: KObject, stackObject: KObject | null): Thread | null {
  const block = threads.allocate();
  if (block === 0) return null;
  const thread = at<Thread>(block);
  thread.fixed = fixedTables.allocate();
  if (thread.fixed === 0) {
    threads.release(block);
    return null;
  }
  thread.repr = repr;
  thread.view = view;
  holdObject(repr);
  holdObject(view);
  setFixed(thread, SLOT_THREAD, repr.lo, repr.hi, VE_VALID | READ | WRITE);
  setFixed(thread, SLOT_CONTROL, repr.lo, repr.hi, VE_VALID | READ | WRITE);
  setFixed(thread, SLOT_VIEW, view.lo, view.hi, VE_VALID | READ | WRITE);
  if (stackObject !== null)
    setFixed(thread, SLOT_STACK, stackObject.lo, stackObject.hi, VE_VALID | READ | WRITE);
  if (!isHome(view)) enlist(view, KsoType.view, 0);
  thread.number = nextNumber++;
  liveThreads++;
  thread.nextThread = allThreads;
  allThreads = thread;
  thread.group = thread.number;
  showThread(thread);
  const shown = reprOf(thread);
  if (shown !== null) {
    shown.sync[SYNC_STATE] = THREAD_ALIVE;
    shown.sync[SYNC_EXIT] = 0;
  }
  enlist(repr, KsoType.thread, thread.number);
  return thread;
}

/** The thread that a representation object stands for; null: none. */
export function threadOf(repr: KObject): Thread | null {
  let thread = allThreads;
  while (thread !== null && thread.repr !== repr) thread = thread.nextThread;
  return thread;
}

/** The thread of a group that comes after `previous` (null: the first); null: no more. */
export function threadsInGroup(group: u64, previous: Thread | null): Thread | null {
  let thread = previous === null ? allThreads : previous.nextThread;
  while (thread !== null && thread.group !== group) thread = thread.nextThread;
  return thread;
}

/** The kernel's page of a thread's representation object; null: no memory for it. */
function reprOf(thread: Thread): ThreadRepr | null {
  const page = objectPage(thread.repr, OBJ_NULLPAGE);
  return page === 0 ? null : at<ThreadRepr>(page);
}

/** The view that a thread was made in, and comes back to from every `become`. */
function homeView(thread: Thread): KObject {
  return thread.becomeDepth === 0 ? thread.view : at<BecomeFrame>(thread.becomePage).view;
}

/** Has a thread that is alive this home view? */
function isHome(view: KObject): bool {
  let thread = allThreads;
  while (thread !== null && homeView(thread) !== view) thread = thread.nextThread;
  return thread !== null;
}

/** Shows in the representation object what the thread is. */
function showThread(thread: Thread): void {
  const repr = reprOf(thread);
  if (repr === null) return;
  repr.kso.type = u32(KsoType.thread);
  repr.number = thread.number;
  repr.group = thread.group;
  repr.id.lo = thread.repr.lo;
  repr.id.hi = thread.repr.hi;
  repr.view.lo = thread.view.lo;
  repr.view.hi = thread.view.hi;
  repr.attachedCount = thread.contextCount;
  for (let i: u64 = 0; i < thread.contextCount; i++) {
    const object = at<Context>(thread.contexts[i]).object;
    repr.attached[i].lo = object === null ? 0 : object.lo;
    repr.attached[i].hi = object === null ? 0 : object.hi;
  }
}

/** Says in the representation object whether the thread lives, is stopped, or has ended, and wakes whoever waits for that. */
export function showState(thread: Thread, state: u64): void {
  const repr = reprOf(thread);
  if (repr === null) return;
  repr.sync[SYNC_STATE] = state;
  fence('w', 'w');
  wakeObject(thread.repr, OBJ_NULLPAGE + offsetof<ThreadRepr>('sync') + SYNC_STATE * 8);
}

const NOT_ATTACHED = ~u64(0);

/** Where a context stands among a thread's. */
function placeOfContext(thread: Thread, context: Context): u64 {
  for (let i: u64 = 0; i < thread.contextCount; i++) {
    if (thread.contexts[i] === addressOf(context)) return i;
  }
  return NOT_ATTACHED;
}

export function isAttached(thread: Thread, context: Context): bool {
  return placeOfContext(thread, context) !== NOT_ATTACHED;
}

/** Attaches a context (held). False: there are 32 already. The first one attached becomes active. */
export function attachContext(thread: Thread, context: Context): bool {
  if (isAttached(thread, context)) return true;
  if (thread.contextCount >= THREAD_ATTACHMENTS) return false;
  holdContext(context);
  thread.contexts[thread.contextCount] = addressOf(context);
  thread.contextCount++;
  if (thread.contextCount === 1) thread.context = context;
  showThread(thread);
  return true;
}

/** Detaches a context; if it was active, the first of those left becomes active. False: not attached, or the only one. */
export function detachContext(thread: Thread, context: Context): bool {
  if (thread.contextCount < 2) return false;
  const place = placeOfContext(thread, context);
  if (place === NOT_ATTACHED) return false;
  thread.contextCount--;
  for (let i = place; i < thread.contextCount; i++) thread.contexts[i] = thread.contexts[i + 1];
  if (thread.context === context) activate(thread, at<Context>(thread.contexts[0]));
  if (thread.hint === addressOf(context)) thread.hint = 0;
  dropContext(context);
  showThread(thread);
  return true;
}

/** Takes all contexts from a thread of which `context` will be the only one. */
export function replaceContexts(thread: Thread, context: Context): void {
  holdContext(context);
  activate(thread, context);
  for (let i: u64 = 0; i < thread.contextCount; i++) dropContext(at<Context>(thread.contexts[i]));
  thread.contexts[0] = addressOf(context);
  thread.contextCount = 1;
  thread.hint = 0;
  showThread(thread);
}

/** Makes an attached context the active one. */
export function activate(thread: Thread, context: Context): void {
  thread.context = context;
  if (thread.hart === thisHart()) csr.write(CSR_CONTEXT, toPhysical(addressOf(context)) | TWZ_VALID);
}

/** Gives a thread another view. */
export function setView(thread: Thread, view: KObject): void {
  holdObject(view);
  const old = thread.view;
  thread.view = view;
  setFixed(thread, SLOT_VIEW, view.lo, view.hi, VE_VALID | READ | WRITE);
  if (thread.hart === thisHart()) csr.write(CSR_VIEW, descriptorOf(view) | TWZ_VALID);
  dropObject(old);
}

/** Ends a thread: its words in the representation object say so, and whoever waits for them wakes. */
export function endThread(thread: Thread, code: u64): void {
  // The hardware must not use what is given back below; what a hart has loaded that runs another thread is that thread's.
  if (thread.state === u32(ThreadState.running) && thread.hart === thisHart()) {
    leaveHart(thisHart(), thread);
    csr.write(CSR_FIXED, 0);
    csr.write(CSR_VIEW, 0);
    csr.write(CSR_CONTEXT, 0);
  } else if (thread.state === u32(ThreadState.waiting)) cancelWait(thread);
  thread.state = u32(ThreadState.ended);
  const repr = reprOf(thread);
  if (repr !== null) {
    repr.syncInfo[SYNC_EXIT] = code;
    fence('w', 'w');
    repr.sync[SYNC_EXIT] = 1;
    showState(thread, THREAD_ENDED);
    wakeObject(thread.repr, OBJ_NULLPAGE + offsetof<ThreadRepr>('sync') + SYNC_EXIT * 8);
  }
  let link = ptrTo(allThreads).address;
  while (load<u64>(link) !== addressOf(thread)) link = load<u64>(link) + offsetof<Thread>('nextThread');
  store<u64>(link, addressOf(thread.nextThread));
  unlist(thread.repr);
  const home = homeView(thread);
  if (!isHome(home)) unlist(home);
  if (thread.persist !== 0) persistThread(thread, false);
  releaseDevices(thread);
  for (let i: u64 = 0; i < thread.contextCount; i++) dropContext(at<Context>(thread.contexts[i]));
  if (thread.becomePage !== 0) {
    while (thread.becomeDepth > 0) {
      thread.becomeDepth--;
      dropObject(at<BecomeFrame>(thread.becomePage + thread.becomeDepth * sizeof<BecomeFrame>()).view);
    }
    releasePage(thread.becomePage);
  }
  invalidateObject(toPhysical(thread.fixed), 0);
  fixedTables.release(thread.fixed);
  dropObject(thread.view);
  dropObject(thread.repr);
  liveThreads--;
  threads.release(addressOf(thread));
}

/** Page for the frames of `become`; 0: no memory. */
export function becomeFrames(thread: Thread): usize {
  if (thread.becomePage === 0) thread.becomePage = allocatePage();
  return thread.becomePage;
}
