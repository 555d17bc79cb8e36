/**
 * What workers do with views, contexts, threads, signals and time, and judge themselves: the log only says that it was done, and whether
 * something was wrong.
 */

import { ACTION_TIMER_ALARM, ACTION_TIMER_NOW } from '../abi/kso.ts';
import { DELETE, OBJ_NULLPAGE, ObjectId, READ, WRITE } from '../abi/object.ts';
import { ContextHeader } from '../abi/security.ts';
import { EXIT_SIGNAL, SIGNAL_CONTINUE, SIGNAL_KILL, SIGNAL_STOP, SIGNAL_TO_GROUP } from '../abi/signal.ts';
import {
  BecomeArgs,
  DELETE_UNDO,
  EINVAL,
  ENOENT,
  EPERM,
  ETIMEDOUT,
  GROUP_NEW,
  SpawnArgs,
  StatResult,
  SYNC_32,
  SYNC_FOREVER,
  SYNC_SLEEP,
  SYNC_WAKE,
  SYS_ACTION,
  SYS_ATTACH,
  SYS_BECOME,
  SYS_DELETE,
  SYS_DETACH,
  SYS_REVOKE,
  SYS_SIGNAL,
  SYS_THREAD_CONTROL,
  SYS_THREAD_SPAWN,
  SYS_THREAD_SYNC,
  SyncOp,
  THREAD_SET_FIXED,
  THREAD_YIELD,
} from '../abi/syscall.ts';
import { SYNC_EXIT, SYNC_STATE, THREAD_ALIVE, THREAD_STOPPED, ThreadRepr } from '../abi/thread.ts';
import { SLOT_EXEC, SLOT_THREAD, slotAddress, VE_VALID, VIEW_TABLE, ViewEntry } from '../abi/view.ts';
import { isReadable } from '../libtwz/fault.ts';
import { sleepFor } from '../libtwz/lock.ts';
import { createObject, deleteObject, statObject } from '../libtwz/object.ts';
import { syscall } from '../libtwz/syscall.ts';
import { clearViewEntry, setViewEntry, viewEntryOf } from '../libtwz/view.ts';
import { stat } from './objects.ts';
import {
  NO_SLOT,
  OP_ALARM,
  OP_BECOME,
  OP_CONTEXT,
  OP_FAULT,
  OP_FIXED,
  OP_MASK,
  OP_REVOKE,
  OP_SIGNAL,
  OP_SYNC,
  OP_THREAD,
  OP_VIEW,
  PAGES,
} from './record.ts';
import {
  addressIn,
  begin,
  below,
  CONTEXTS,
  end,
  map,
  pageOffsets,
  RIGHTS,
  SLOT_OWN,
  viewSlot,
  WINDOW_REPR,
  WINDOW_VIEW,
  Worker,
  wrong,
} from './worker.ts';

/** Reads a word in the kernel, through the view: 0 (it differs from `value`), or why it cannot be read. */
export function probe(address: usize, value: u64): i64 {
  return sleepFor(address, value, 0);
}

/** Unmaps an object, and maps it again: the kernel and the MMU see both at once. */
export function view(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  if ((slot.present & ((1 << PAGES) - 1)) === 0) {
    stat(worker, s);
    return;
  }
  const address = addressIn(worker, s, pageOffsets[ctz<u64>(slot.present)]);
  begin(worker, OP_VIEW, s, NO_SLOT, 0, 0, 0);
  const before = volatileLoad<u64>(address);
  clearViewEntry(viewSlot(worker, s));
  const unmapped = probe(address, before + 1);
  map(worker, s);
  const mapped = probe(address, before + 1);
  const same = volatileLoad<u64>(address) === before;
  end(worker, 0, 0);
  if (unmapped !== -EINVAL || mapped !== 0 || !same) wrong(worker, 1);
}

export function context(worker: Worker): void {
  const which = below(worker, CONTEXTS);
  const id = worker.contexts[which];
  const attach = below(worker, 2) === 0;
  begin(worker, OP_CONTEXT, NO_SLOT, NO_SLOT, u64(attach), 0, which);
  const result = syscall(attach ? SYS_ATTACH : SYS_DETACH, id.lo, id.hi, 0, 0, 0);
  const expected: i64 = attach || worker.attached[which] ? 0 : -ENOENT;
  worker.attached[which] = attach;
  end(worker, result, 0);
  if (result !== expected) wrong(worker, 2);
}

/**
 * A thread without a stack: sleeps as its argument (a SyncOp) says, and ends with 7 plus the result.
 * @naked
 */
export function childCode(): void {
  asm`
    li a1, 1
    li a2, -1
    li a7, 7
    ecall
    addi a1, a0, 7
    li a0, 0
    li a7, 10
    ecall
    unimp`;
}

/** A child thread's representation in the worker's window; null: it could not be started. */
export function startChild(worker: Worker, args: SpawnArgs): ThreadRepr | null {
  if (syscall(SYS_THREAD_SPAWN, addressOf(args), 0, 0, 0, 0) !== 0) return null;
  setViewEntry(viewSlot(worker, WINDOW_REPR), args.thread.lo, args.thread.hi, READ | WRITE);
  return at<ThreadRepr>(addressIn(worker, WINDOW_REPR, OBJ_NULLPAGE));
}

/** Waits until a child has ended, and removes it; its exit code. */
export function endChild(worker: Worker, args: SpawnArgs, repr: ThreadRepr): u64 {
  const exit = ptrTo(repr.sync[SYNC_EXIT]);
  while (atomic.load<u64>(exit, Order.acquire) === 0) sleepFor(exit.address, 0, SYNC_FOREVER);
  const code = repr.syncInfo[SYNC_EXIT];
  clearViewEntry(viewSlot(worker, WINDOW_REPR));
  if (deleteObject(args.thread) !== 0) wrong(worker, 8);
  return code;
}

/** Arguments of a child that sleeps on the worker's first word while that is 0. */
export function sleepingChild(worker: Worker, args: SpawnArgs): void {
  worker.words[0] = 0;
  worker.childOp.address = ptrTo(worker.words[0]).address;
  worker.childOp.value = 0;
  worker.childOp.op = SYNC_SLEEP;
  args.start = changetype<u64>(childCode);
  args.argument = addressOf(worker.childOp);
}

/** Wakes it. Returns how many were woken. */
export function wakeChild(worker: Worker): i64 {
  atomic.store<u64>(ptrTo(worker.words[0]), 1, Order.release);
  const wake = stack<SyncOp>();
  wake.address = worker.childOp.address;
  wake.value = 1;
  wake.op = SYNC_WAKE;
  return syscall(SYS_THREAD_SYNC, addressOf(wake), 1, 0, 0, 0);
}

/** Starts a thread that sleeps until it is woken, or finds that it need not sleep; waits for its end. */
export function thread(worker: Worker): void {
  begin(worker, OP_THREAD, NO_SLOT, NO_SLOT, 0, 0, 0);
  const args = stack<SpawnArgs>();
  sleepingChild(worker, args);
  const repr = startChild(worker, args);
  if (repr === null) {
    end(worker, 0, 0);
    wrong(worker, 3);
    return;
  }
  if (below(worker, 2) === 0) syscall(SYS_THREAD_CONTROL, THREAD_YIELD, 0, 0, 0, 0);
  const woken = wakeChild(worker);
  const code = endChild(worker, args, repr);
  end(worker, 0, code);
  if (code !== 7 || woken < 0 || woken > 1) wrong(worker, 4);
}

/** Signals a thread that sleeps: asks, stops it, lets it go on; then kills it, or wakes it. */
export function signal(worker: Worker): void {
  begin(worker, OP_SIGNAL, NO_SLOT, NO_SLOT, 0, 0, 0);
  const args = stack<SpawnArgs>();
  sleepingChild(worker, args);
  if (below(worker, 2) === 0) args.group = GROUP_NEW;
  const repr = startChild(worker, args);
  let good = repr !== null;
  if (repr !== null) {
    good = send(args, 0) === 0;
    const state = ptrTo(repr.sync[SYNC_STATE]);
    if (below(worker, 2) === 0) {
      good = send(args, SIGNAL_STOP) === 0 && good;
      while (atomic.load<u64>(state, Order.acquire) !== THREAD_STOPPED)
        sleepFor(state.address, THREAD_ALIVE, SYNC_FOREVER);
      good = send(args, SIGNAL_CONTINUE) === 0 && good;
      good = atomic.load<u64>(state, Order.acquire) === THREAD_ALIVE && good;
    }
    const kill = below(worker, 2) === 0;
    if (kill) good = send(args, SIGNAL_KILL) === 0 && good;
    else wakeChild(worker);
    const code = endChild(worker, args, repr);
    good = code === (kill ? EXIT_SIGNAL + SIGNAL_KILL : 7) && good;
  }
  end(worker, 0, 0);
  if (!good) wrong(worker, 9);
}

/** To the thread, or to its group if it has one of its own. */
function send(args: SpawnArgs, number: u64): i64 {
  if (args.group === 0 || args.group === workerGroup())
    return syscall(SYS_SIGNAL, args.thread.lo, args.thread.hi, number, 0, 0);
  return syscall(SYS_SIGNAL, args.group, 0, number, 0, SIGNAL_TO_GROUP) - 1;
}

function workerGroup(): u64 {
  return at<ThreadRepr>(slotAddress(SLOT_THREAD, OBJ_NULLPAGE)).group;
}

/**
 * Makes the call of which a7 and a0 to a3 are in the five words at its argument, and ends with minus the result.
 * @naked
 */
export function callerCode(): void {
  asm`
    mv t0, a0
    ld a7, 0(t0)
    ld a0, 8(t0)
    ld a1, 16(t0)
    ld a2, 24(t0)
    ld a3, 32(t0)
    ecall
    neg a1, a0
    li a0, 0
    li a7, 10
    ecall
    unimp`;
}

/** A thread with nothing but a context of the worker's, whose mask is new: it may take back a deletion just if the mask lets it. */
export function mask(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  if (slot.deleted) return;
  const which = below(worker, CONTEXTS);
  const masked = below(worker, 2) === 0;
  begin(worker, OP_MASK, NO_SLOT, NO_SLOT, u64(masked), 0, which);
  const id = worker.contexts[which];
  setViewEntry(viewSlot(worker, WINDOW_VIEW), id.lo, id.hi, READ | WRITE);
  at<ContextHeader>(addressIn(worker, WINDOW_VIEW, OBJ_NULLPAGE)).globalMask = masked ? DELETE : 0;
  clearViewEntry(viewSlot(worker, WINDOW_VIEW));
  let good = syscall(SYS_REVOKE, id.lo, id.hi, 0, 0, 0) === 0;
  const call = worker.call;
  call[0] = SYS_DELETE;
  call[1] = slot.id.lo;
  call[2] = slot.id.hi;
  call[3] = DELETE_UNDO;
  const args = stack<SpawnArgs>();
  assign(args.context, id);
  args.start = changetype<u64>(callerCode);
  args.argument = call.ptr.address;
  const repr = startChild(worker, args);
  good = repr !== null && endChild(worker, args, repr) === (masked ? EPERM : 0) && good;
  end(worker, 0, 0);
  if (!good) wrong(worker, 10);
}

/** An alarm soon, or one that is taken back. When it rings is not looked at: the harts' clocks differ by up to a turn of the emulator. */
export function alarm(worker: Worker): void {
  begin(worker, OP_ALARM, NO_SLOT, NO_SLOT, 0, 0, 0);
  const word = ptrTo(worker.words[2]);
  const timer = worker.timer;
  const now = u64(syscall(SYS_ACTION, timer.lo, timer.hi, ACTION_TIMER_NOW, 0, 0));
  const before = volatileLoad<u64>(word.address);
  const due = now + below(worker, 20_000);
  let good = syscall(SYS_ACTION, timer.lo, timer.hi, ACTION_TIMER_ALARM, word.address, due) === 0;
  if (below(worker, 4) === 0) {
    good = syscall(SYS_ACTION, timer.lo, timer.hi, ACTION_TIMER_ALARM, 0, 0) === 0 && good;
    good = volatileLoad<u64>(word.address) - before <= 1 && good;
  } else {
    while (volatileLoad<u64>(word.address) === before) sleepFor(word.address, before, SYNC_FOREVER);
    good = volatileLoad<u64>(word.address) === before + 1 && good;
  }
  end(worker, 0, 0);
  if (!good) wrong(worker, 11);
}

/** A fixed slot of this thread names an object; then it does not. */
export function fixed(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  if ((slot.present & ((1 << PAGES) - 1)) === 0) return;
  const offset = pageOffsets[ctz<u64>(slot.present)];
  begin(worker, OP_FIXED, NO_SLOT, NO_SLOT, 0, 0, 0);
  const value = volatileLoad<u64>(addressIn(worker, s, offset));
  let good = setFixed(slot.id, VE_VALID | READ) === 0;
  good = volatileLoad<u64>(slotAddress(SLOT_OWN, offset)) === value && good;
  good = probe(slotAddress(SLOT_OWN, offset), value + 1) === 0 && good;
  good = setFixed(slot.id, 0) === 0 && good;
  good =
    probe(slotAddress(SLOT_OWN, offset), value) === -EINVAL &&
    !isReadable(slotAddress(SLOT_OWN, offset)) &&
    good;
  end(worker, 0, 0);
  if (!good) wrong(worker, 12);
}

function setFixed(id: ObjectId, flags: u64): i64 {
  return syscall(SYS_THREAD_CONTROL, THREAD_SET_FIXED, SLOT_OWN, id.lo, id.hi, flags);
}

/** Faults that the program handles: an empty slot, the null page, an object that is not asked for. */
export function fault(worker: Worker, s: u64): void {
  begin(worker, OP_FAULT, NO_SLOT, NO_SLOT, 0, 0, 0);
  const id = worker.slots[s].id;
  const place = viewSlot(worker, WINDOW_VIEW);
  let good = !isReadable(slotAddress(place, OBJ_NULLPAGE)) && !isReadable(addressIn(worker, s, 8));
  setViewEntry(place, id.lo, id.hi, WRITE);
  good = !isReadable(slotAddress(place, OBJ_NULLPAGE)) && good;
  clearViewEntry(place);
  end(worker, 0, 0);
  if (!good) wrong(worker, 13);
}

/** The revocation number of an object only grows. */
export function revoke(worker: Worker, s: u64): void {
  begin(worker, OP_REVOKE, NO_SLOT, NO_SLOT, 0, 0, 0);
  const id = worker.slots[s].id;
  const before = stack<StatResult>();
  const after = stack<StatResult>();
  let good = statObject(id, before) === 0;
  good = syscall(SYS_REVOKE, id.lo, id.hi, before.revocation + 1, 0, 0) === 0 && good;
  good = syscall(SYS_REVOKE, id.lo, id.hi, before.revocation, 0, 0) === -EINVAL && good;
  good = statObject(id, after) === 0 && after.revocation === before.revocation + 1 && good;
  end(worker, 0, 0);
  if (!good) wrong(worker, 14);
}

/** Waits of which the outcome is certain. */
export function sync(worker: Worker): void {
  const ops = stack<FixedArray<Inline<SyncOp>, 3>>();
  const kind = below(worker, 5);
  worker.words[1] = 5;
  for (let i: u64 = 0; i < 3; i++) {
    ops[i].address = ptrTo(worker.words[1]).address;
    ops[i].value = 5;
    ops[i].op = SYNC_SLEEP;
  }
  let timeout: u64 = 0;
  let expected: i64 = -ETIMEDOUT;
  if (kind === 1) timeout = 200;
  else if (kind === 2) {
    timeout = SYNC_FOREVER;
    ops[2].value = 6;
    expected = 2;
  } else if (kind === 3) {
    worker.words[1] = 0x1_0000_0005;
    for (let i: u64 = 0; i < 3; i++) ops[i].op = SYNC_SLEEP | SYNC_32;
  } else if (kind === 4) {
    for (let i: u64 = 0; i < 3; i++) ops[i].op = SYNC_WAKE;
    expected = 0;
  }
  begin(worker, OP_SYNC, NO_SLOT, NO_SLOT, kind, 0, 0);
  const result = syscall(SYS_THREAD_SYNC, addressOf(ops), 3, timeout, 0, 0);
  end(worker, result, 0);
  if (result !== expected) wrong(worker, 5);
}

/**
 * Where `become` goes: back at once.
 * @naked
 */
export function returnCode(): void {
  asm`
    li a0, 0
    li a1, 77
    li a7, 6
    ecall
    unimp`;
}

/** Another view of the same program is made, entered, left, and deleted. */
export function become(worker: Worker): void {
  begin(worker, OP_BECOME, NO_SLOT, NO_SLOT, 0, 0, 0);
  const target = stack<BecomeArgs>();
  const made = createObject(target.view, RIGHTS);
  setViewEntry(viewSlot(worker, WINDOW_VIEW), target.view.lo, target.view.hi, READ | WRITE);
  const entry = at<ViewEntry>(addressIn(worker, WINDOW_VIEW, VIEW_TABLE));
  assign(entry, viewEntryOf(SLOT_EXEC));
  target.pc = changetype<u64>(returnCode);
  const result = made === 0 ? syscall(SYS_BECOME, addressOf(target), 0, 0, 0, 0) : made;
  clearViewEntry(viewSlot(worker, WINDOW_VIEW));
  const removed = deleteObject(target.view);
  end(worker, result, 0);
  if (result !== 77 || removed !== 0) wrong(worker, 6);
}
