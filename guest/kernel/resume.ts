/**
 * Threads that outlive power (paper §3.5): a thread in a persistent view may ask to be started again after a power failure, at the
 * address that its view names as `resume`. The wish is a record in the store: view, representation object.
 */
import { OBJ_NULLPAGE, ObjectId } from '../abi/object.ts';
import { RECORD_RESUME, Record } from '../abi/store.ts';
import { EINVAL, ENOSPC } from '../abi/syscall.ts';
import { ViewHeader } from '../abi/view.ts';
import { superuserContext } from './context.ts';
import { txAbort, txCommit, txGet, txSet } from './journal.ts';
import { findObject, isPersistent } from './object.ts';
import {
  storeAddress,
  storeOffset,
  storePresent,
  storeSuperblock,
  txAllocateRecord,
  txReleaseRecord,
} from './store.ts';
import { attachContext, makeRunnable, makeThread, Thread } from './thread.ts';
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

/** The calling thread wants to be resumed after a power failure (or not any more). View and representation must be persistent. */
export function persistThread(thread: Thread, wanted: bool): i64 {
  if (!storePresent() || !isPersistent(thread.view) || !isPersistent(thread.repr)) return -EINVAL;
  const id = stack<ObjectId>();
  id.lo = thread.repr.lo;
  id.hi = thread.repr.hi;
  const link = findLink(id);
  if ((link !== 0) === wanted) return 0;
  if (wanted) {
    const record = txAllocateRecord();
    if (record === null) {
      txAbort();
      return -ENOSPC;
    }
    const head = ptrTo(storeSuperblock().resumeHead).address;
    txSet(ptrTo(record.info).address, u64(RECORD_RESUME) << 32);
    txSet(ptrTo(record.id.lo).address, thread.view.lo);
    txSet(ptrTo(record.id.hi).address, thread.view.hi);
    txSet(ptrTo(record.kuid.lo).address, thread.repr.lo);
    txSet(ptrTo(record.kuid.hi).address, thread.repr.hi);
    txSet(ptrTo(record.next).address, txGet(head));
    txSet(head, storeOffset(addressOf(record)));
  } else {
    const record = at<Record>(storeAddress(load<u64>(link)));
    txSet(link, record.next);
    txReleaseRecord(record);
  }
  txCommit();
  thread.persist = u64(wanted);
  return 0;
}

/** After a power failure: starts every thread that asked, at its view's `resume`. Returns how many. */
export function resumeThreads(): u64 {
  if (!storePresent()) return 0;
  let resumed: u64 = 0;
  let offset = storeSuperblock().resumeHead;
  while (offset !== 0) {
    const record = at<Record>(storeAddress(offset));
    offset = record.next;
    const view = findObject(record.id.lo, record.id.hi);
    const repr = findObject(record.kuid.lo, record.kuid.hi);
    if (view === null || repr === null) continue;
    const page = peekPage(view, OBJ_NULLPAGE + offsetof<ViewHeader>('resume'));
    if (page === 0 || load<u64>(page) === 0) continue;
    const thread = makeThread(repr, view, null);
    if (thread === null) continue;
    attachContext(thread, superuserContext());
    thread.registers[0] = load<u64>(page);
    makeRunnable(thread);
    resumed++;
  }
  return resumed;
}
