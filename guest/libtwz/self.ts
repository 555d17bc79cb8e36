/** What a thread is called, and whether another one lives: for locks and logs that outlive who had them. */
import { OBJ_NULLPAGE, ObjectId } from '../abi/object.ts';
import { ENOENT, SYS_SIGNAL } from '../abi/syscall.ts';
import { ThreadRepr } from '../abi/thread.ts';
import { SLOT_THREAD, slotAddress } from '../abi/view.ts';
import { syscall } from './syscall.ts';

/** The ID of the calling thread's representation object. */
export function selfId(): ObjectId {
  return at<ThreadRepr>(slotAddress(SLOT_THREAD, OBJ_NULLPAGE)).id;
}

/** Is there no such thread (any more)? */
export function hasEnded(thread: ObjectId): bool {
  return syscall(SYS_SIGNAL, thread.lo, thread.hi, 0, 0, 0) === -ENOENT;
}
