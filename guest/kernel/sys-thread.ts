/** System calls on threads: spawn, control, signal. The structure of each is in guest/abi/syscall.ts. */
import { FaultFrame } from '../abi/fault.ts';
import { DELETE, READ, USE, WRITE } from '../abi/object.ts';
import { SIGNAL_TO_GROUP, SIGNALS } from '../abi/signal.ts';
import {
  CreateSource,
  EBUSY,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOMEM,
  EPERM,
  GROUP_NEW,
  SPAWN_NO_CONTEXTS,
  SpawnArgs,
  THREAD_EXIT,
  THREAD_PERSIST,
  THREAD_RESUME,
  THREAD_SET_FIXED,
  THREAD_SET_TLS,
  THREAD_YIELD,
} from '../abi/syscall.ts';
import { allowed, argument, permitted, permittedArgument, permittedView, refusal } from './arguments.ts';
import { anonymousContext, Context, releaseContext, useContext } from './context.ts';
import { createdObject, createObject } from './create.ts';
import { deleteObject, findObject, isImmutable, isKernelObject, KObject } from './object.ts';
import { persistThread } from './resume.ts';
import { makeRunnable, yieldThread } from './schedule.ts';
import { raiseGroup, raiseSignal } from './signal.ts';
import { judgingIncomplete } from './signature.ts';
import {
  attachContext,
  endThread,
  makeThread,
  setFixed,
  Thread,
  threadOf,
  threadsInGroup,
} from './thread.ts';
import { readUser, writeUser } from './user.ts';

/** A spawn that fails leaves no context in use that was looked up for it. */
function giveUp(context: Context | null, result: i64): i64 {
  if (context !== null) releaseContext(context);
  return result;
}

/** spawn(args): a new thread; the ID of its representation object is written back. */
export function sysSpawn(thread: Thread): i64 {
  const args = stack<SpawnArgs>();
  const address = argument(thread, 0);
  if (!readUser(addressOf(args), address, sizeof<SpawnArgs>())) return -EFAULT;
  const view = permittedView(thread, args.view);
  if (view === null) return refusal();
  let stackObject: KObject | null = null;
  if (args.stack.lo !== 0 || args.stack.hi !== 0) {
    stackObject = findObject(args.stack.lo, args.stack.hi);
    if (stackObject === null) return -ENOENT;
  }
  let context: Context | null = null;
  if (args.context.lo !== 0 || args.context.hi !== 0) {
    const object = permitted(thread, args.context, USE);
    if (object === null) return refusal();
    context = useContext(object);
    if (context === null) return -ENOMEM;
  }
  let repr: KObject | null = null;
  const made = args.thread.lo === 0 && args.thread.hi === 0;
  if (made) {
    const result = createObject(READ | WRITE | DELETE, 0, 0, at<Ptr<Inline<CreateSource>>>(8), 0);
    if (result !== 0) return giveUp(context, result);
    repr = createdObject();
  } else {
    repr = permitted(thread, args.thread, READ | WRITE);
    if (repr === null) return giveUp(context, refusal());
    // The kernel writes into it: nothing that must not change, nor what stands for something else already.
    if (isImmutable(repr) || isKernelObject(repr)) return giveUp(context, -EPERM);
    if (threadOf(repr) !== null) return giveUp(context, -EBUSY);
  }
  const child = makeThread(repr, view, stackObject);
  if (child === null) {
    if (made) deleteObject(repr, true);
    return giveUp(context, -ENOMEM);
  }
  if (args.group === 0) child.group = thread.group;
  else if (args.group !== GROUP_NEW) child.group = args.group;
  if (context !== null) attachContext(child, context);
  else if ((args.flags & SPAWN_NO_CONTEXTS) !== 0) attachContext(child, anonymousContext());
  else {
    for (let i: u64 = 0; i < thread.contextCount; i++) attachContext(child, at<Context>(thread.contexts[i]));
    child.context = thread.context;
  }
  child.registers[0] = args.start;
  child.registers[2] = args.stackPointer;
  child.registers[4] = args.tls;
  child.registers[10] = args.argument;
  args.thread.lo = repr.lo;
  args.thread.hi = repr.hi;
  args.group = child.group;
  if (!writeUser(address, addressOf(args), sizeof<SpawnArgs>())) {
    // Nobody would know of it: there is no thread.
    endThread(child, 0);
    if (made) deleteObject(repr, true);
    return -EFAULT;
  }
  makeRunnable(child);
  return 0;
}

/** thread_control(operation, …). */
export function sysThreadControl(thread: Thread): i64 {
  switch (argument(thread, 0)) {
    case THREAD_EXIT:
      endThread(thread, argument(thread, 1));
      return 0;
    case THREAD_RESUME: {
      const frame = stack<FaultFrame>();
      if (!readUser(addressOf(frame), argument(thread, 1), sizeof<FaultFrame>())) return -EFAULT;
      assign(thread.registers, frame.registers);
      if (thread.faultDepth !== 0) thread.faultDepth--;
      return i64(thread.registers[10]);
    }
    case THREAD_YIELD:
      thread.registers[10] = 0;
      yieldThread(thread);
      return 0;
    case THREAD_SET_FIXED: {
      // Whether the object may be used is judged at each access; a fixed entry is a request like any other.
      const flags = argument(thread, 4) & 0x101c;
      return setFixed(thread, argument(thread, 1), argument(thread, 2), argument(thread, 3), flags)
        ? 0
        : -EINVAL;
    }
    case THREAD_SET_TLS:
      thread.registers[4] = argument(thread, 1);
      return 0;
    case THREAD_PERSIST:
      return persistThread(thread, argument(thread, 1) !== 0);
  }
  return -EINVAL;
}

/** May `sender` signal `target`? It needs WRITE of the target's representation object; the kernel itself (null) may. */
export function maySignal(target: Thread, sender: Thread | null): bool {
  return sender === null || allowed(sender, target.repr, WRITE);
}

/** signal(thread lo, hi, number, info, flags): a signal for a thread; with SIGNAL_TO_GROUP (group, 0, …) for all of a group, which returns how many. */
export function sysSignal(thread: Thread): i64 {
  const number = argument(thread, 2);
  if (number >= SIGNALS) return -EINVAL;
  if ((argument(thread, 4) & SIGNAL_TO_GROUP) !== 0) {
    const group = argument(thread, 0);
    if (threadsInGroup(group, null) === null) return -ENOENT;
    // Whom it may signal, before anybody is.
    raiseGroup(group, 0, 0, maySignal, thread);
    if (judgingIncomplete()) return -EPERM;
    const count = raiseGroup(group, number, argument(thread, 3), maySignal, thread);
    return count === 0 ? -EPERM : i64(count);
  }
  const repr = permittedArgument(thread, 0, WRITE);
  if (repr === null) return refusal();
  const target = threadOf(repr);
  if (target === null) return -ENOENT;
  if (number !== 0) raiseSignal(target, number, argument(thread, 3));
  return 0;
}
