/**
 * Thread representation objects: the KSO by which a thread is known, watched and waited for. Words of `sync` are
 * written by the kernel and woken with thread_sync; user space may sleep on them.
 */
import { ObjectId } from './object.ts';
import { KsoHeader } from './view.ts';

export const THREAD_SYNCS = 128;
export const THREAD_ATTACHMENTS = 32;

/** Indexes of `ThreadRepr.sync`: what the thread is, a THREAD_ constant. */
export const SYNC_STATE = 0;
/** Alive. */
export const THREAD_ALIVE = 0;
export const THREAD_ENDED = 1;
/** By SIGNAL_STOP or SIGNAL_KEYBOARD_STOP, until SIGNAL_CONTINUE. */
export const THREAD_STOPPED = 2;
/** Set to 1 by the thread itself when it is ready. */
export const SYNC_READY = 1;
/** Set to 1 when the thread has ended; `syncInfo` has the exit code. */
export const SYNC_EXIT = 2;

/** From OBJ_NULLPAGE on. */
export class ThreadRepr {
  readonly kso: Inline<KsoHeader>;
  readonly sync: FixedArray<u64, 128>;
  readonly syncInfo: FixedArray<u64, 128>;
  /** For information, kept by the kernel: IDs of attached security contexts (0: the superuser's, or that of default rights only). */
  readonly attached: FixedArray<Inline<ObjectId>, 32>;
  readonly view: Inline<ObjectId>;
  /** The thread's number, and its group's: that of the group's first thread. */
  number: u64;
  group: u64;
  attachedCount: u64;
  /** ID of this object: what the thread is called. */
  readonly id: Inline<ObjectId>;
}
