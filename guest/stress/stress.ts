/**
 * The stress program: run as `init`, it starts workers that do random object, view, context and thread operations under a seed
 * and report each, before and after, in a log that the host reads and compares with its model. What a worker can
 * judge alone (views, contexts, threads, waiting) it checks itself. When all are done and everything is deleted it prints what the
 * kernel counts, before and after: the two lines must be equal.
 *
 * Each worker owns its objects; they change hands only through exchanges, so operations in the order of their tickets are a lawful
 * sequential history.
 */
import '../libtwz/start.ts';
import { Device } from '../abi/kso.ts';
import { ObjectId } from '../abi/object.ts';
import {
  CONFIG_BLOCKS_USED,
  CONFIG_OBJECTS,
  CONFIG_PAGES_FREE,
  CONFIG_PAGES_KEPT,
  CONFIG_STORE_FREE,
  CONFIG_STORE_KEPT,
  POWER_OFF,
  SpawnArgs,
  SYNC_FOREVER,
  SYS_CONFIG,
  SYS_DETACH,
  SYS_POWER,
  SYS_THREAD_CONTROL,
  SYS_THREAD_SPAWN,
  THREAD_EXIT,
} from '../abi/syscall.ts';
import { SYNC_EXIT, ThreadRepr } from '../abi/thread.ts';
import { findDevice, flush, print, printNumber } from '../libtwz/io.ts';
import { becomeThreaded, sleepFor } from '../libtwz/lock.ts';
import { createObject, dataOf, deleteObject, openObject } from '../libtwz/object.ts';
import { syscall } from '../libtwz/syscall.ts';
import { unmapObject } from '../libtwz/view.ts';
import { alarm, become, context, fault, fixed, mask, revoke, signal, sync, thread, view } from './kernel.ts';
import {
  copy,
  create,
  exchange,
  meta,
  pin,
  read,
  release,
  remove,
  stat,
  tie,
  undelete,
  write,
} from './objects.ts';
import { readParameters } from './parameters.ts';
import {
  EXCHANGES,
  LOG_HEADER_PAGE,
  LOG_HEADER_WORKER,
  LOG_MAGIC,
  LOG_PAGES,
  MAX_WORKERS,
  SLOTS,
} from './record.ts';
import { CHILD_STACK, clearSecurity, gate, grants, prepareSecurity } from './security.ts';
import { below, CONTEXTS, exchanges, PAGE, RIGHTS, STACK_BYTES, Worker, workers } from './worker.ts';

let operations: u64 = 0;
let workerCount: u64 = 0;
/** Are capabilities, delegations and gates part of it? Making the signatures takes some ten million instructions for each worker. */
let withSecurity = false;

/** Another view, a signal, an alarm. */
function withoutObject(worker: Worker): void {
  const kind = below(worker, 8);
  if (kind < 2) become(worker);
  else if (kind < 4) signal(worker);
  else alarm(worker);
}

/** Rights that were granted; or, where the run leaves them out, a context. */
function secure(worker: Worker): void {
  if (!withSecurity) context(worker);
  else if (below(worker, 2) === 0) grants(worker);
  else gate(worker);
}

/** What is done with an object and leaves it as it was. */
function withObject(worker: Worker, s: u64): void {
  const kind = below(worker, 8);
  if (kind === 0) mask(worker, s);
  else if (kind < 4) fixed(worker, s);
  else if (kind < 6) fault(worker, s);
  else revoke(worker, s);
}

function step(worker: Worker): void {
  const s = below(worker, SLOTS);
  const slot = worker.slots[s];
  const r = below(worker, 100);
  if (r < 4) context(worker);
  else if (r < 5) secure(worker);
  else if (r < 6) thread(worker);
  else if (r < 9) sync(worker);
  else if (r < 10) withoutObject(worker);
  else if (!slot.used) create(worker, s);
  else if (r < 13) withObject(worker, s);
  else if (r < 28) write(worker, s);
  else if (r < 44) read(worker, s);
  else if (r < 60) {
    if (!slot.deleted) remove(worker, s);
    else if (below(worker, 4) === 0) undelete(worker, s);
    else release(worker, s);
  } else if (r < 71) copy(worker, s);
  else if (r < 76) tie(worker, s, below(worker, SLOTS), false);
  else if (r < 80) tie(worker, s, below(worker, SLOTS), true);
  else if (r < 85) stat(worker, s);
  else if (r < 88) pin(worker, s);
  else if (r < 92) meta(worker, s);
  else if (r < 96) exchange(worker, s, below(worker, EXCHANGES));
  else view(worker, s);
}

/** Deletes the object of a slot, if there is one. */
function clear(worker: Worker, s: u64): void {
  const slot = worker.slots[s];
  if (slot.used && slot.pinned) pin(worker, s);
  if (slot.used && !slot.deleted) remove(worker, s);
}

/** A worker's thread. */
function work(worker: Worker): void {
  for (let i: u64 = 0; i < CONTEXTS; i++) createObject(worker.contexts[i], RIGHTS);
  while (worker.count < operations) step(worker);
  for (let s: u64 = 0; s < SLOTS; s++) clear(worker, s);
  clearSecurity(worker);
  for (let i: u64 = 0; i < CONTEXTS; i++) {
    const id = worker.contexts[i];
    if (worker.attached[i]) syscall(SYS_DETACH, id.lo, id.hi, 0, 0, 0);
    worker.attached[i] = false;
    deleteObject(id);
  }
  syscall(SYS_THREAD_CONTROL, THREAD_EXIT, 0, 0, 0, 0);
}

let stacks: usize = 0;

function prepare(seed: u64): void {
  const id = stack<ObjectId>();
  if (createObject(id, RIGHTS) !== 0) panic('no log');
  const log = dataOf(openObject(id));
  if (createObject(id, RIGHTS) !== 0) panic('no stacks');
  stacks = dataOf(openObject(id));
  for (let i: u64 = 0; i < workerCount; i++) {
    const worker = workers[i];
    worker.index = i;
    worker.random = (seed * MAX_WORKERS + i) * 0x9e37_79b9_7f4a_7c15;
    if (!findDevice(Device.timer, worker.timer)) panic('no timer');
    worker.log = log + i * LOG_PAGES * PAGE;
    for (let page: u64 = 0; page < LOG_PAGES; page++) {
      const header = worker.log + page * PAGE;
      store<u64>(header, LOG_MAGIC);
      store<u64>(header, i, LOG_HEADER_WORKER * 8);
      store<u64>(header, page, LOG_HEADER_PAGE * 8);
    }
    for (let page: u64 = 0; page < STACK_BYTES; page += PAGE) store<u64>(stacks + i * STACK_BYTES + page, 0);
    store<u64>(stacks + MAX_WORKERS * STACK_BYTES + i * CHILD_STACK, 0);
  }
  prepareSecurity(stacks + MAX_WORKERS * STACK_BYTES);
}

/** Lets the workers do operations until each has begun `until`, and deletes what they made. */
function phase(until: u64): void {
  operations = until;
  const threads = stack<FixedArray<Inline<ObjectId>, 8>>();
  for (let i: u64 = 0; i < workerCount; i++) {
    const args = stack<SpawnArgs>();
    args.start = changetype<u64>(work);
    args.stackPointer = stacks + (i + 1) * STACK_BYTES;
    args.argument = addressOf(workers[i]);
    if (syscall(SYS_THREAD_SPAWN, addressOf(args), 0, 0, 0, 0) !== 0) panic('no thread');
    assign(threads[i], args.thread);
  }
  for (let i: u64 = 0; i < workerCount; i++) {
    const base = openObject(threads[i]);
    const exit = ptrTo(at<ThreadRepr>(dataOf(base)).sync[SYNC_EXIT]);
    while (atomic.load<u64>(exit, Order.acquire) === 0) sleepFor(exit.address, 0, SYNC_FOREVER);
    unmapObject(base);
    deleteObject(threads[i]);
  }
  for (let place: u64 = 0; place < EXCHANGES; place++) {
    if (!exchanges[place].used) continue;
    exchange(workers[0], 0, place);
    clear(workers[0], 0);
  }
  // Idle harts free what deletion has put off.
  let free: i64 = -1;
  for (;;) {
    sleepFor(ptrTo(operations).address, operations, 1_000_000);
    const now = syscall(SYS_CONFIG, CONFIG_STORE_FREE, 0, 0, 0, 0);
    if (now === free) return;
    free = now;
  }
}

/** What the kernel has, as far as it must be the same before and after. */
function printCounts(): void {
  print('counts');
  printCount(CONFIG_OBJECTS, CONFIG_OBJECTS);
  printCount(CONFIG_BLOCKS_USED, CONFIG_BLOCKS_USED);
  printCount(CONFIG_PAGES_FREE, CONFIG_PAGES_KEPT);
  printCount(CONFIG_STORE_FREE, CONFIG_STORE_KEPT);
  print('\n');
  flush();
}

function printCount(key: u64, other: u64): void {
  let value = u64(syscall(SYS_CONFIG, key, 0, 0, 0, 0));
  if (other !== key) value += u64(syscall(SYS_CONFIG, other, 0, 0, 0, 0));
  print(' ');
  printNumber(value);
}

/** @export */
function main(): u64 {
  becomeThreaded();
  const parameters = stack<FixedArray<u64, 4>>();
  readParameters(parameters.ptr, 4);
  const each = parameters[1] / parameters[2];
  workerCount = min<u64>(parameters[2], MAX_WORKERS);
  withSecurity = parameters[3] !== 0;
  prepare(parameters[0]);
  print('stress ready\n');
  flush();
  // The first part makes what stays: pages of the program, of its view, of the kernel's tables.
  phase(min<u64>(each / 4, 1000));
  printCounts();
  phase(each);
  printCounts();
  syscall(SYS_POWER, POWER_OFF, 0, 0, 0, 0);
  return 0;
}
