/**
 * System calls: one function per call, chosen by number. Each takes the calling thread, whose a0–a5 are the arguments, and
 * returns the result (negative: −Errno). A call that makes the thread wait, yield or end has taken it off its hart.
 *
 * Every structure is copied in before it is looked at, every ID is looked up, and every operation on an object asks
 * what the caller's contexts grant.
 */

import { FaultFrame } from '../abi/fault.ts';
import { DELETE, MIP_HASHDATA, OBJ_SHIFT, ObjectId, READ, USE, WRITE } from '../abi/object.ts';
import {
  BecomeArgs,
  CONFIG_DIRTY_START,
  CONFIG_HARTS,
  CONFIG_PAGES_FREE,
  CONFIG_PAGES_TOTAL,
  CONFIG_RESET_CODE,
  CONFIG_STORE_FREE,
  CONFIG_STORE_TOTAL,
  CONFIG_TIME_PERIOD,
  CopyArgs,
  CREATE_TIED,
  CreateArgs,
  CreateSource,
  DELETE_IMMEDIATE,
  DELETE_UNDO,
  EAGAIN,
  EEXIST,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOMEM,
  ENOSPC,
  ENOSYS,
  EPERM,
  ETIMEDOUT,
  POWER_OFF,
  POWER_REBOOT,
  ROOT_ARCHIVE,
  ROOT_KSO,
  ROOT_NAMES,
  SPAWN_NO_CONTEXTS,
  SpawnArgs,
  STAT_DAMAGED,
  STAT_DELETED,
  STAT_HASHDATA,
  STAT_PERSISTENT,
  StatResult,
  SYNC_32,
  SYNC_FOREVER,
  SYNC_WAKE,
  SYS_ACTION,
  SYS_ATTACH,
  SYS_BECOME,
  SYS_CONFIG,
  SYS_COPY,
  SYS_CREATE,
  SYS_DEBUG_PRINT,
  SYS_DELETE,
  SYS_DETACH,
  SYS_INVALIDATE,
  SYS_NULL,
  SYS_POWER,
  SYS_REVOKE,
  SYS_ROOT,
  SYS_SIGNAL,
  SYS_STAT,
  SYS_THREAD_CONTROL,
  SYS_THREAD_SPAWN,
  SYS_THREAD_SYNC,
  SYS_TIE,
  SyncOp,
  THREAD_EXIT,
  THREAD_PERSIST,
  THREAD_RESUME,
  THREAD_SET_FIXED,
  THREAD_SET_TLS,
  THREAD_YIELD,
  TIE_REMOVE,
} from '../abi/syscall.ts';
import { invalidateView, ticks } from './arch.ts';
import { archiveObject } from './archive.ts';
import { nanosecondsPerTick, toTicks } from './clock.ts';
import { consolePrint } from './console.ts';
import {
  anonymousContext,
  Context,
  refreshContext,
  releaseContext,
  revokeRights,
  useContext,
} from './context.ts';
import { copyRange, createdObject, createObject, existingHi, existingLo } from './create.ts';
import { deviceAction } from './device.ts';
import { objectAt, offsetAt, threadRights } from './fault.ts';
import { txCommit, txSet } from './journal.ts';
import { ksoRoot } from './kso.ts';
import { pagesFree, pagesTotal } from './memory.ts';
import {
  deleteObject,
  descriptorOf,
  findKnown,
  findObject,
  isImmutable,
  isPersistent,
  KO_DAMAGED,
  KO_DELETED,
  KObject,
  recordOf,
  undeleteObject,
} from './object.ts';
import { powerOff } from './power.ts';
import { randomWord } from './random.ts';
import { persistThread } from './resume.ts';
import { storePresent, storeSuperblock } from './store.ts';
import { addWaiter, cancelWait, wakeWaiters } from './sync.ts';
import {
  activate,
  attachContext,
  BECOME_FRAMES,
  BecomeFrame,
  becomeFrames,
  detachContext,
  endThread,
  hartCount,
  makeRunnable,
  makeThread,
  setFixed,
  setView,
  Thread,
  threadOf,
  waitThread,
  yieldThread,
} from './thread.ts';
import { tieObjects, untieObjects } from './tie.ts';
import { pagesOf } from './tree.ts';
import { signalThread } from './upcall.ts';
import { readUser, writeUser } from './user.ts';

const MAX_SYNC_OPS = 32;
const MAX_SOURCES = 64;

function argument(thread: Thread, index: u64): u64 {
  return thread.registers[10 + index];
}

/** Do the caller's contexts grant all of `rights` to the object? */
function allowed(thread: Thread, object: KObject, rights: u64): bool {
  return (threadRights(thread, object) & rights) === rights;
}

/** Performs the call in a7. */
export function systemCall(thread: Thread): i64 {
  switch (thread.registers[17]) {
    case SYS_NULL:
      return 0;
    case SYS_THREAD_SPAWN:
      return sysSpawn(thread);
    case SYS_DEBUG_PRINT:
      return sysDebugPrint(thread);
    case SYS_INVALIDATE:
      return sysInvalidate(thread);
    case SYS_ATTACH:
      return sysAttach(thread);
    case SYS_DETACH:
      return sysDetach(thread);
    case SYS_BECOME:
      return sysBecome(thread);
    case SYS_THREAD_SYNC:
      return sysSync(thread);
    case SYS_CREATE:
      return sysCreate(thread);
    case SYS_DELETE:
      return sysDelete(thread);
    case SYS_THREAD_CONTROL:
      return sysThreadControl(thread);
    case SYS_ACTION:
      return sysAction(thread);
    case SYS_CONFIG:
      return sysConfig(thread);
    case SYS_TIE:
      return sysTie(thread);
    case SYS_COPY:
      return sysCopy(thread);
    case SYS_STAT:
      return sysStat(thread);
    case SYS_SIGNAL:
      return sysSignal(thread);
    case SYS_REVOKE:
      return sysRevoke(thread);
    case SYS_POWER:
      return sysPower(thread);
    case SYS_ROOT:
      return sysRoot(thread);
  }
  return -ENOSYS;
}

/** debug_print(address, length): writes to the console, at most 4096 bytes a call. Returns the bytes written. */
function sysDebugPrint(thread: Thread): i64 {
  const buffer = stack<FixedArray<u8, 256>>();
  const length = min<u64>(argument(thread, 1), 4096);
  let done: u64 = 0;
  while (done < length) {
    const piece = min<u64>(length - done, 256);
    if (!readUser(addressOf(buffer), argument(thread, 0) + done, piece)) return -EFAULT;
    consolePrint(strOf(buffer.ptr, piece));
    done += piece;
  }
  return i64(length);
}

// ------------------------------------------------------------------------------------------------------ objects

/** create(args): makes an object; its ID is written back into the arguments. */
function sysCreate(thread: Thread): i64 {
  const args = stack<CreateArgs>();
  const address = argument(thread, 0);
  if (!readUser(addressOf(args), address, sizeof<CreateArgs>())) return -EFAULT;
  if (args.sourceCount > MAX_SOURCES) return -EINVAL;
  const sources = stack<FixedArray<Inline<CreateSource>, 64>>();
  const from = changetype<usize>(args.sources);
  if (
    args.sourceCount !== 0 &&
    !readUser(addressOf(sources), from, args.sourceCount * sizeof<CreateSource>())
  ) {
    return -EFAULT;
  }
  for (let i: u64 = 0; i < args.sourceCount; i++) {
    const source = findObject(sources[i].source.lo, sources[i].source.hi);
    if (source === null) return -ENOENT;
    if (!allowed(thread, source, READ)) return -EPERM;
  }
  const result = createObject(args.flags, args.kuid.lo, args.kuid.hi, sources.ptr, args.sourceCount);
  if (result !== 0 && result !== -EEXIST) return result;
  args.id.lo = result === 0 ? createdObject().lo : existingLo();
  args.id.hi = result === 0 ? createdObject().hi : existingHi();
  const object = result === 0 ? createdObject() : null;
  if (object !== null && (args.flags & CREATE_TIED) !== 0) {
    if (!tieObjects(thread.repr, object)) {
      deleteObject(object, true);
      return -ENOMEM;
    }
    deleteObject(object, false);
  }
  if (!writeUser(address + offsetof<CreateArgs>('id'), addressOf(args.id), sizeof<ObjectId>()))
    return -EFAULT;
  return result;
}

function findArgument(thread: Thread, index: u64): KObject | null {
  return findObject(argument(thread, index), argument(thread, index + 1));
}

/** delete(lo, hi, flags). */
function sysDelete(thread: Thread): i64 {
  const flags = argument(thread, 2);
  const object =
    (flags & DELETE_UNDO) !== 0
      ? findKnown(argument(thread, 0), argument(thread, 1))
      : findArgument(thread, 0);
  if (object === null) return -ENOENT;
  if (!allowed(thread, object, DELETE)) return -EPERM;
  if ((flags & DELETE_UNDO) !== 0) undeleteObject(object);
  else deleteObject(object, (flags & DELETE_IMMEDIATE) !== 0);
  return 0;
}

/** tie(parent lo, hi, child lo, hi, flags). */
function sysTie(thread: Thread): i64 {
  const parent = findArgument(thread, 0);
  const child = findArgument(thread, 2);
  if (parent === null || child === null) return -ENOENT;
  if (parent === child) return -EINVAL;
  // A tie keeps the child alive and is kept with the parent: it takes the right to change the one and to delete the other.
  if (parent !== thread.repr && !allowed(thread, parent, WRITE)) return -EPERM;
  if (!allowed(thread, child, DELETE)) return -EPERM;
  if ((argument(thread, 4) & TIE_REMOVE) !== 0) return untieObjects(parent, child) ? 0 : -ENOENT;
  return tieObjects(parent, child) ? 0 : isPersistent(parent) ? -ENOSPC : -ENOMEM;
}

/** copy(args): copies whole pages between objects, copy-on-write. */
function sysCopy(thread: Thread): i64 {
  const args = stack<CopyArgs>();
  if (!readUser(addressOf(args), argument(thread, 0), sizeof<CopyArgs>())) return -EFAULT;
  const target = findObject(args.target.lo, args.target.hi);
  if (target === null) return -ENOENT;
  if (isImmutable(target) || !allowed(thread, target, READ | WRITE)) return -EPERM;
  let source: KObject | null = null;
  if (args.from.source.lo !== 0 || args.from.source.hi !== 0) {
    source = findObject(args.from.source.lo, args.from.source.hi);
    if (source === null) return -ENOENT;
    if (!allowed(thread, source, READ)) return -EPERM;
    if (source === target) return -EINVAL;
  }
  return copyRange(target, args.from.target, source, args.from.offset, args.from.length);
}

/** stat(lo, hi, result). Anybody who knows an ID may ask. */
function sysStat(thread: Thread): i64 {
  const object = findArgument(thread, 0);
  if (object === null) return -ENOENT;
  const result = stack<StatResult>();
  result.id.lo = object.lo;
  result.id.hi = object.hi;
  result.kuid.lo = object.kuidLo;
  result.kuid.hi = object.kuidHi;
  result.nonceLo = object.nonceLo;
  result.nonceHi = object.nonceHi;
  result.pFlags = u32(object.pFlags);
  result.pages = pagesOf(object);
  result.references = object.references;
  result.rights = threadRights(thread, object);
  if (isPersistent(object)) result.flags |= STAT_PERSISTENT;
  if ((object.flags & KO_DELETED) !== 0) result.flags |= STAT_DELETED;
  if ((object.flags & KO_DAMAGED) !== 0) result.flags |= STAT_DAMAGED;
  if ((object.pFlags & MIP_HASHDATA) !== 0) result.flags |= STAT_HASHDATA;
  return writeUser(argument(thread, 2), addressOf(result), sizeof<StatResult>()) ? 0 : -EFAULT;
}

// --------------------------------------------------------------------------------------------- views and contexts

/** invalidate(first slot, count): entries of the current view changed. */
function sysInvalidate(thread: Thread): i64 {
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
function sysAttach(thread: Thread): i64 {
  const object = findArgument(thread, 0);
  if (object === null) return -ENOENT;
  if (!allowed(thread, object, USE)) return -EPERM;
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

/** detach(context lo, hi): 0, 0 detaches all and leaves default rights only. */
function sysDetach(thread: Thread): i64 {
  const lo = argument(thread, 0);
  const hi = argument(thread, 1);
  if (lo === 0 && hi === 0) {
    attachContext(thread, anonymousContext());
    activate(thread, anonymousContext());
    for (let i: u64 = thread.contextCount; i > 0; i--) {
      const context = at<Context>(thread.contexts[i - 1]);
      if (context !== anonymousContext()) detachContext(thread, context);
    }
    return 0;
  }
  const object = findKnown(lo, hi);
  if (object === null || object.context === 0) return -ENOENT;
  return detachContext(thread, at<Context>(object.context)) ? 0 : -EINVAL;
}

/** revoke(lo, hi, number): capabilities for the object with a smaller revocation number are void from now on. */
function sysRevoke(thread: Thread): i64 {
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
function sysBecome(thread: Thread): i64 {
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
  let view = thread.view;
  if (args.view.lo !== 0 || args.view.hi !== 0) {
    const other = findObject(args.view.lo, args.view.hi);
    if (other === null) return -ENOENT;
    if (!allowed(thread, other, READ)) return -EPERM;
    view = other;
  }
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

// ------------------------------------------------------------------------------------------------------ threads

/** spawn(args): a new thread; the ID of its representation object is written back. */
function sysSpawn(thread: Thread): i64 {
  const args = stack<SpawnArgs>();
  const address = argument(thread, 0);
  if (!readUser(addressOf(args), address, sizeof<SpawnArgs>())) return -EFAULT;
  let view = thread.view;
  if (args.view.lo !== 0 || args.view.hi !== 0) {
    const other = findObject(args.view.lo, args.view.hi);
    if (other === null) return -ENOENT;
    if (!allowed(thread, other, READ)) return -EPERM;
    view = other;
  }
  let stackObject: KObject | null = null;
  if (args.stack.lo !== 0 || args.stack.hi !== 0) {
    stackObject = findObject(args.stack.lo, args.stack.hi);
    if (stackObject === null) return -ENOENT;
  }
  let repr: KObject | null = null;
  if (args.thread.lo === 0 && args.thread.hi === 0) {
    const result = createObject(READ | WRITE | DELETE, 0, 0, at<Ptr<Inline<CreateSource>>>(8), 0);
    if (result !== 0) return result;
    repr = createdObject();
  } else {
    repr = findObject(args.thread.lo, args.thread.hi);
    if (repr === null) return -ENOENT;
    if (!allowed(thread, repr, READ | WRITE)) return -EPERM;
  }
  const child = makeThread(repr, view, stackObject);
  if (child === null) return -ENOMEM;
  if ((args.flags & SPAWN_NO_CONTEXTS) !== 0) attachContext(child, anonymousContext());
  else {
    for (let i: u64 = 0; i < thread.contextCount; i++) attachContext(child, at<Context>(thread.contexts[i]));
    child.context = thread.context;
  }
  child.registers[0] = args.start;
  child.registers[2] = args.stackPointer;
  child.registers[4] = args.tls;
  child.registers[10] = args.argument;
  makeRunnable(child);
  args.thread.lo = repr.lo;
  args.thread.hi = repr.hi;
  return writeUser(address, addressOf(args), sizeof<ObjectId>()) ? 0 : -EFAULT;
}

/** thread_control(operation, …). */
function sysThreadControl(thread: Thread): i64 {
  switch (argument(thread, 0)) {
    case THREAD_EXIT:
      endThread(thread, argument(thread, 1));
      return 0;
    case THREAD_RESUME: {
      const frame = stack<FaultFrame>();
      if (!readUser(addressOf(frame), argument(thread, 1), sizeof<FaultFrame>())) return -EFAULT;
      assign(thread.registers, frame.registers);
      thread.faultDepth = 0;
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

/** signal(thread lo, hi, number): a fault into another thread. The caller needs WRITE of its representation object. */
function sysSignal(thread: Thread): i64 {
  const repr = findArgument(thread, 0);
  if (repr === null) return -ENOENT;
  if (!allowed(thread, repr, WRITE)) return -EPERM;
  const target = threadOf(repr);
  if (target === null) return -ENOENT;
  signalThread(target, argument(thread, 2), argument(thread, 3));
  return 0;
}

/** thread_sync(ops, count, timeout in ns): wakes, then sleeps until one of the words differs or is woken. */
function sysSync(thread: Thread): i64 {
  const count = argument(thread, 1);
  const timeout = argument(thread, 2);
  if (count === 0 && timeout !== SYNC_FOREVER) {
    thread.registers[10] = u64(-ETIMEDOUT);
    waitThread(thread, max<u64>(ticks() + toTicks(timeout), 1));
    return 0;
  }
  if (count === 0 || count > MAX_SYNC_OPS) return -EINVAL;
  const ops = stack<FixedArray<Inline<SyncOp>, 32>>();
  const address = argument(thread, 0);
  if (!readUser(addressOf(ops), address, count * sizeof<SyncOp>())) return -EFAULT;
  let sleepers: u64 = 0;
  let woken: i64 = 0;
  for (let i: u64 = 0; i < count; i++) {
    const op = ops[i];
    const object = objectAt(thread, op.address);
    const width: u64 = (op.op & SYNC_32) !== 0 ? 4 : 8;
    if (object === null || (op.address & (width - 1)) !== 0) return -EINVAL;
    if (!allowed(thread, object, READ)) return -EPERM;
    if ((op.op & 0xff) === SYNC_WAKE) woken += i64(wakeWaiters(object, offsetAt(op.address), op.value));
    else sleepers++;
  }
  if (sleepers === 0) return woken;
  for (let i: u64 = 0; i < count; i++) {
    const op = ops[i];
    if ((op.op & 0xff) === SYNC_WAKE) continue;
    const word = stack<FixedArray<u64, 1>>();
    const wide = (op.op & SYNC_32) === 0;
    word[0] = 0;
    if (!readUser(addressOf(word), op.address, wide ? 8 : 4)) return -EFAULT;
    const wanted = wide ? op.value : op.value & 0xffff_ffff;
    if (word[0] !== wanted) return i64(i);
  }
  if (timeout === 0) return -ETIMEDOUT;
  for (let i: u64 = 0; i < count; i++) {
    const op = ops[i];
    if ((op.op & 0xff) === SYNC_WAKE) continue;
    const object = objectAt(thread, op.address);
    if (object === null || !addWaiter(thread, object, offsetAt(op.address), i)) {
      cancelWait(thread);
      return -ENOMEM;
    }
  }
  waitThread(thread, timeout === SYNC_FOREVER ? 0 : max<u64>(ticks() + toTicks(timeout), 1));
  return 0;
}

// ------------------------------------------------------------------------------------------------ everything else

/** action(device lo, hi, command, a, b). The caller needs USE of the device object. */
function sysAction(thread: Thread): i64 {
  const object = findArgument(thread, 0);
  if (object === null) return -ENOENT;
  if (!allowed(thread, object, USE)) return -EPERM;
  return deviceAction(object, argument(thread, 2), argument(thread, 3), argument(thread, 4));
}

let resetCode: u64 = 0;
let dirtyStart: u64 = 0;
export function noteStart(dirty: bool): void {
  resetCode = randomWord() | 1;
  dirtyStart = u64(dirty);
}

/** config(key): a fact about this boot. */
function sysConfig(thread: Thread): i64 {
  switch (argument(thread, 0)) {
    case CONFIG_RESET_CODE:
      return i64(resetCode >> 1);
    case CONFIG_TIME_PERIOD:
      return i64(nanosecondsPerTick() << 32);
    case CONFIG_HARTS:
      return i64(hartCount);
    case CONFIG_PAGES_FREE:
      return i64(pagesFree());
    case CONFIG_PAGES_TOTAL:
      return i64(pagesTotal());
    case CONFIG_STORE_FREE:
      return storePresent() ? i64(storeSuperblock().freeCount) : 0;
    case CONFIG_STORE_TOTAL:
      return storePresent() ? i64(storeSuperblock().pages) : 0;
    case CONFIG_DIRTY_START:
      return i64(dirtyStart);
  }
  return -EINVAL;
}

/** root(which, result[, lo, hi]): the ID of a root object; with an ID for ROOT_NAMES, sets it (superuser only). */
function sysRoot(thread: Thread): i64 {
  const id = stack<ObjectId>();
  switch (argument(thread, 0)) {
    case ROOT_KSO:
      id.lo = ksoRoot().lo;
      id.hi = ksoRoot().hi;
      break;
    case ROOT_ARCHIVE: {
      const archive = archiveObject();
      if (archive === null) return -ENOENT;
      id.lo = archive.lo;
      id.hi = archive.hi;
      break;
    }
    case ROOT_NAMES: {
      if (!storePresent()) return -ENOENT;
      const root = storeSuperblock().nameRoot;
      if (argument(thread, 2) !== 0 || argument(thread, 3) !== 0) {
        if (!allowed(thread, ksoRoot(), WRITE)) return -EPERM;
        txSet(ptrTo(root.lo).address, argument(thread, 2));
        txSet(ptrTo(root.hi).address, argument(thread, 3));
        txCommit();
        return 0;
      }
      id.lo = root.lo;
      id.hi = root.hi;
      if (id.lo === 0 && id.hi === 0) return -ENOENT;
      break;
    }
    default:
      return -EINVAL;
  }
  return writeUser(argument(thread, 1), addressOf(id), sizeof<ObjectId>()) ? 0 : -EFAULT;
}

/** power(operation, exit code): needs WRITE of the KSO root, which default rights do not give. */
function sysPower(thread: Thread): i64 {
  if (!allowed(thread, ksoRoot(), WRITE)) return -EPERM;
  const operation = argument(thread, 0);
  if (operation !== POWER_OFF && operation !== POWER_REBOOT) return -EINVAL;
  powerOff(operation === POWER_REBOOT, argument(thread, 1));
}
