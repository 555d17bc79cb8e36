/**
 * Threads that outlive power (paper §3.5): a thread in a persistent view may ask to be started again after a power failure, at the
 * address that its view names as `resume`. The wish is a record in the store: view, representation object, security context. It ends with the
 * thread, and with an orderly shut-down.
 */
import { OBJ_NULLPAGE, ObjectId } from '../abi/object.ts';
import { RECORD_RESUME, Record, RF_SUPERUSER } from '../abi/store.ts';
import { EINVAL, ENOSPC } from '../abi/syscall.ts';
import { ViewHeader } from '../abi/view.ts';
import { anonymousContext, Context, superuserContext, useContext } from './context.ts';
import { txAbort, txCommit, txGet, txSet } from './journal.ts';
import { findObject, isPersistent } from './object.ts';
import { makeRunnable } from './schedule.ts';
import {
  recordFlags,
  storeAddress,
  storeOffset,
  storePresent,
  storeSuperblock,
  txAllocateRecord,
  txReleaseRecord,
} from './store.ts';
import { attachContext, makeThread, Thread } from './thread.ts';
import { peekPage } from './tree.ts';

/** The link that leads to the resume record of a representation object; 0: it has none. */
function findLink(repr: ObjectId): usize {
  let link = ptrTo(storeSuperblock().resumeHead).address;
  for (;;) {
    const offset = load<u64>(link);
    if (offset === 0) return 0;
    const record = at<Record>(storeAddress(offset));
    if (record.kuid.lo === repr.lo && record.kuid.hi === repr.hi) return link;
    link = ptrTo(record.next).address;
  }
}

/** In the open transaction: takes the record that the word at `link` leads to off the list. */
function txDropRecord(link: usize): void {
  const record = at<Record>(storeAddress(load<u64>(link)));
  txSet(link, record.next);
  txReleaseRecord(record);
}

/**
 * The calling thread wants to be resumed after a power failure, with the security context that is active now (or not any more). View and
 * representation must be persistent; a context that is not is not there afterwards, and leaves default rights only.
 */
export function persistThread(thread: Thread, wanted: bool): i64 {
  if (!storePresent() || !isPersistent(thread.view) || !isPersistent(thread.repr)) return -EINVAL;
  const id = stack<ObjectId>();
  id.lo = thread.repr.lo;
  id.hi = thread.repr.hi;
  const link = findLink(id);
  if (link !== 0) {
    txDropRecord(link);
    // The record may be the one that is wanted next, and a free record's words are only free after the commit.
    txCommit();
  }
  thread.persist = 0;
  if (!wanted) return 0;
  const record = txAllocateRecord();
  if (record === null) {
    txAbort();
    return -ENOSPC;
  }
  const context = thread.context;
  const holder = context.object;
  const flags = context === superuserContext() ? u64(RF_SUPERUSER) : 0;
  const head = ptrTo(storeSuperblock().resumeHead).address;
  txSet(ptrTo(record.info).address, (u64(RECORD_RESUME) << 32) | (flags << 48));
  txSet(ptrTo(record.id.lo).address, thread.view.lo);
  txSet(ptrTo(record.id.hi).address, thread.view.hi);
  txSet(ptrTo(record.kuid.lo).address, thread.repr.lo);
  txSet(ptrTo(record.kuid.hi).address, thread.repr.hi);
  if (holder !== null && isPersistent(holder)) {
    txSet(ptrTo(record.nonceLo).address, holder.lo);
    txSet(ptrTo(record.nonceHi).address, holder.hi);
  }
  txSet(ptrTo(record.next).address, txGet(head));
  txSet(head, storeOffset(addressOf(record)));
  txCommit();
  thread.persist = 1;
  return 0;
}

/** The context that a record names; that of default rights if there is none any more. */
function contextOf(record: Record): Context {
  if ((recordFlags(record) & RF_SUPERUSER) !== 0) return superuserContext();
  const object = findObject(record.nonceLo, record.nonceHi);
  const context = object === null ? null : useContext(object);
  return context === null ? anonymousContext() : context;
}

/** Starts the thread of a record. False: it cannot be, its view has no `resume` or is gone. */
function resumeThread(record: Record): bool {
  const view = findObject(record.id.lo, record.id.hi);
  const repr = findObject(record.kuid.lo, record.kuid.hi);
  if (view === null || repr === null) return false;
  const place = peekPage(view, OBJ_NULLPAGE + offsetof<ViewHeader>('resume'));
  if (place === 0 || load<u64>(place) === 0) return false;
  const thread = makeThread(repr, view, null);
  if (thread === null) return false;
  attachContext(thread, contextOf(record));
  thread.registers[0] = load<u64>(place);
  thread.persist = 1;
  makeRunnable(thread);
  return true;
}

/** After a power failure: starts every thread that asked, at its view's `resume`; forgets those that cannot be. Returns how many. */
export function resumeThreads(): u64 {
  if (!storePresent()) return 0;
  let resumed: u64 = 0;
  let link = ptrTo(storeSuperblock().resumeHead).address;
  while (load<u64>(link) !== 0) {
    const record = at<Record>(storeAddress(load<u64>(link)));
    if (resumeThread(record)) {
      resumed++;
      link = ptrTo(record.next).address;
    } else {
      txDropRecord(link);
      txCommit();
    }
  }
  return resumed;
}

/** After an orderly end: whoever asked has been ended in order, and nothing is to be resumed, now or at a later failure. */
export function forgetThreads(): void {
  if (!storePresent()) return;
  while (storeSuperblock().resumeHead !== 0) {
    txDropRecord(ptrTo(storeSuperblock().resumeHead).address);
    txCommit();
  }
}
