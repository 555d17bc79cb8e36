/**
 * Thread representation objects: the KSO by which a thread is known, watched and waited for. Words of `sync` are
 * written by the kernel and woken with thread_sync; user space may sleep on them.
 */
import { ObjectId } from './object.ts';
import { KsoHeader } from './view.ts';

export const THREAD_SYNCS = 128;
export const THREAD_ATTACHMENTS = 32;

/** Indexes of `ThreadRepr.sync`: 0 = running, 1 = ended. */
export const SYNC_STATE = 0;
/** Set to 1 by the thread itself when it is ready. */
export const SYNC_READY = 1;
/** Set to 1 when the thread has ended; `syncInfo` has the exit code. */
export const SYNC_EXIT = 2;

/** From OBJ_NULLPAGE on. */
export class ThreadRepr {
  readonly kso: Inline<KsoHeader>;
  readonly sync: FixedArray<u64, 128>;
  readonly syncInfo: FixedArray<u64, 128>;
  /** IDs of attached security contexts, for information. */
  readonly attached: FixedArray<Inline<ObjectId>, 32>;
  readonly view: Inline<ObjectId>;
  /** Where the thread restarts after a power failure; only kept for threads that asked. */
  resumePc: u64;
  resumeArgument: u64;
}
