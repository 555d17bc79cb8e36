/** System calls on views and security contexts: invalidate, attach, detach, revoke, become. */
import { DELETE, OBJ_SHIFT, USE, WRITE } from '../abi/object.ts';
import { BecomeArgs, EAGAIN, EFAULT, EINVAL, ENOENT, ENOMEM, EPERM } from '../abi/syscall.ts';
import { invalidateView } from './arch.ts';
import { allowed, argument, findArgument, permittedArgument, permittedView, refusal } from './arguments.ts';
import {
  anonymousContext,
  Context,
  refreshContext,
  releaseContext,
  revokeRights,
  useContext,
} from './context.ts';
import { txCommit, txSet } from './journal.ts';
import { descriptorOf, findKnown, isPersistent, recordOf } from './object.ts';
import { persistThread } from './resume.ts';
import {
  activate,
  attachContext,
  BECOME_FRAMES,
  BecomeFrame,
  becomeFrames,
  detachContext,
  isAttached,
  replaceContexts,
  setView,
  Thread,
} from './thread.ts';
import { readUser } from './user.ts';

/** invalidate(first slot, count): entries of the current view changed. */
export function sysInvalidate(thread: Thread): i64 {
  const slot = argument(thread, 0);
  const count = argument(thread, 1);
  if (slot > 0x1_ffff || count > 0x2_0000) return -EINVAL;
  const view = descriptorOf(thread.view);
  if (count > 64) invalidateView(0, view);
  else for (let i = slot; i < slot + count; i++) invalidateSlot(i, view);
  return 0;
}

function invalidateSlot(slot: u64, view: u64): void {
  // The instruction takes an address; that of slot 0 must not be the register x0.
  invalidateView((slot << OBJ_SHIFT) | 1, view);
}

/** attach(context lo, hi). The caller needs USE of the context object. */
export function sysAttach(thread: Thread): i64 {
  const object = permittedArgument(thread, 0, USE);
  if (object === null) return refusal();
  const context = useContext(object);
  if (context === null) return -ENOMEM;
  if (attachContext(thread, context)) {
    // A thread that had only default rights now has a context of its own.
    if (thread.context === anonymousContext()) {
      activate(thread, context);
      detachContext(thread, anonymousContext());
    }
    return 0;
  }
  releaseContext(context);
  return -EAGAIN;
}

/** detach(context lo, hi): 0, 0 detaches all and leaves default rights only. The only one stays (−EINVAL); −ENOENT: it is not attached. */
export function sysDetach(thread: Thread): i64 {
  const lo = argument(thread, 0);
  const hi = argument(thread, 1);
  if (lo === 0 && hi === 0) {
    replaceContexts(thread, anonymousContext());
    return thread.persist === 0 ? 0 : persistThread(thread, true);
  }
  const object = findKnown(lo, hi);
  if (object === null || object.context === 0) return -ENOENT;
  // Others may use it.
  const context = at<Context>(object.context);
  if (!isAttached(thread, context)) return -ENOENT;
  return detachContext(thread, context) ? 0 : -EINVAL;
}

/** revoke(lo, hi, number): capabilities for the object with a smaller revocation number are void from now on. */
export function sysRevoke(thread: Thread): i64 {
  const object = findArgument(thread, 0);
  if (object === null) return -ENOENT;
  const number = argument(thread, 2);
  if (object.context !== 0 && number === 0) {
    // A context object changed: what was computed from it is computed again.
    if (!allowed(thread, object, WRITE)) return -EPERM;
    refreshContext(at<Context>(object.context));
    return 0;
  }
  if (!allowed(thread, object, DELETE)) return -EPERM;
  if (number < object.revocation) return -EINVAL;
  object.revocation = number;
  if (isPersistent(object)) {
    txSet(ptrTo(recordOf(object).revocation).address, number);
    txCommit();
  }
  revokeRights(object);
  return 0;
}

/** become(args): another view and place to run; become(0, value): back to where the last one was called, with a result. */
export function sysBecome(thread: Thread): i64 {
  const address = argument(thread, 0);
  if (address === 0) {
    if (thread.becomeDepth === 0) return -EINVAL;
    thread.becomeDepth--;
    const frame = at<BecomeFrame>(thread.becomePage + thread.becomeDepth * sizeof<BecomeFrame>());
    const value = argument(thread, 1);
    assign(thread.registers, frame.registers);
    // Back in the context that made the call: nothing that was entered through a gate stays active.
    for (let i: u64 = 0; i < thread.contextCount; i++) {
      if (thread.contexts[i] === addressOf(frame.context)) activate(thread, frame.context);
    }
    if (frame.view !== thread.view) setView(thread, frame.view);
    frame.view.references--;
    thread.hint = 0;
    return i64(value);
  }
  const args = stack<BecomeArgs>();
  if (!readUser(addressOf(args), address, sizeof<BecomeArgs>())) return -EFAULT;
  const view = permittedView(thread, args.view);
  if (view === null) return refusal();
  if (thread.becomeDepth >= BECOME_FRAMES) return -EAGAIN;
  const frames = becomeFrames(thread);
  if (frames === 0) return -ENOMEM;
  const frame = at<BecomeFrame>(frames + thread.becomeDepth * sizeof<BecomeFrame>());
  assign(frame.registers, thread.registers);
  frame.view = thread.view;
  frame.view.references++;
  frame.context = thread.context;
  thread.becomeDepth++;
  thread.hint = 0;
  const hint = findKnown(args.contextHint.lo, args.contextHint.hi);
  if (hint !== null && hint.context !== 0) {
    for (let i: u64 = 0; i < thread.contextCount; i++) {
      if (thread.contexts[i] === hint.context) thread.hint = hint.context;
    }
  }
  if (view !== thread.view) setView(thread, view);
  thread.registers[0] = args.pc;
  thread.registers[2] = args.sp;
  return i64(args.argument);
}
