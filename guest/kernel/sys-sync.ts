/** thread_sync: the system call; who sleeps on what is sync.ts. */
import { READ } from '../abi/object.ts';
import {
  EFAULT,
  EINVAL,
  ENOMEM,
  EPERM,
  ETIMEDOUT,
  SYNC_32,
  SYNC_FOREVER,
  SYNC_WAKE,
  SyncOp,
} from '../abi/syscall.ts';
import { ticks } from './arch.ts';
import { allowed, argument } from './arguments.ts';
import { toTicks } from './clock.ts';
import { objectAt, offsetAt } from './fault.ts';
import { waitThread } from './schedule.ts';
import { addWaiter, cancelWait, wakeWaiters } from './sync.ts';
import { Thread } from './thread.ts';
import { readUser } from './user.ts';

const MAX_SYNC_OPS = 32;
/** Nanoseconds of the longest wait that ends: 146 years. */
const LONGEST: u64 = 1 << 62;

/** `time` at which a wait of that many nanoseconds ends; never 0, which means no end. */
function deadlineAfter(timeout: u64): u64 {
  return max<u64>(ticks() + toTicks(min<u64>(timeout, LONGEST)), 1);
}

function isSleep(op: SyncOp): bool {
  return (op.op & 0xff) !== SYNC_WAKE;
}

/** thread_sync(ops, count, timeout in ns): wakes, then sleeps until one of the words differs or is woken. */
export function sysSync(thread: Thread): i64 {
  const count = argument(thread, 1);
  const timeout = argument(thread, 2);
  if (count === 0 && timeout !== SYNC_FOREVER) {
    thread.registers[10] = u64(-ETIMEDOUT);
    waitThread(thread, deadlineAfter(timeout));
    return 0;
  }
  if (count === 0 || count > MAX_SYNC_OPS) return -EINVAL;
  const ops = stack<FixedArray<Inline<SyncOp>, 32>>();
  const address = argument(thread, 0);
  if (!readUser(addressOf(ops), address, count * sizeof<SyncOp>())) return -EFAULT;
  // All that may fail comes before anything is done: the call may have to be made again.
  let sleepers: u64 = 0;
  let differs: i64 = -1;
  for (let i: u64 = 0; i < count; i++) {
    const op = ops[i];
    const object = objectAt(thread, op.address);
    const width: u64 = (op.op & SYNC_32) !== 0 ? 4 : 8;
    if (object === null || (op.address & (width - 1)) !== 0) return -EINVAL;
    if (!allowed(thread, object, READ)) return -EPERM;
    if (!isSleep(op)) continue;
    sleepers++;
    const word = stack<FixedArray<u64, 1>>();
    word[0] = 0;
    if (!readUser(addressOf(word), op.address, width)) return -EFAULT;
    const wanted = width === 8 ? op.value : op.value & 0xffff_ffff;
    if (differs < 0 && word[0] !== wanted) differs = i64(i);
  }
  let woken: i64 = 0;
  for (let i: u64 = 0; i < count; i++) {
    const object = isSleep(ops[i]) ? null : objectAt(thread, ops[i].address);
    if (object !== null) woken += i64(wakeWaiters(object, offsetAt(ops[i].address), ops[i].value));
  }
  if (sleepers === 0) return woken;
  if (differs >= 0) return differs;
  if (timeout === 0) return -ETIMEDOUT;
  for (let i: u64 = 0; i < count; i++) {
    const op = ops[i];
    if (!isSleep(op)) continue;
    // Looked up again: what was woken above may have been the last to hold an object.
    const object = objectAt(thread, op.address);
    const may = object !== null && allowed(thread, object, READ);
    if (!may || !addWaiter(thread, object!, offsetAt(op.address), i)) {
      cancelWait(thread);
      return may ? -ENOMEM : -EINVAL;
    }
  }
  waitThread(thread, timeout === SYNC_FOREVER ? 0 : deadlineAfter(timeout));
  return 0;
}
