/**
 * The guest's side of `licorice torture` (docs/torture.md): a program's marks, and a driver that makes a workload of four
 * functions. The tester's registers are there on its machine only; elsewhere these functions trap.
 *
 * A program under test has a function `torture` beside `main`; the tester calls it in place of `main`, as the first program
 * of the system. It runs twice: to do its work, and again, after boot, wherever the power may have failed.
 */

import { NameType } from '../abi/name.ts';
import { DELETE, ObjectId, READ, USE, WRITE } from '../abi/object.ts';
import { CREATE_PERSIST, ROOT_NAMES, SYS_ROOT } from '../abi/syscall.ts';
import { Anchor, createHeap, heapOf, isHeap } from './alloc.ts';
import { flush } from './io.ts';
import { assignName, initNamespace, rootNamespace, stepInto } from './name.ts';
import { createObject, dataOf, openObject } from './object.ts';
import { syscall } from './syscall.ts';
import { Thread } from './thread.ts';
import { Tx } from './tx.ts';
import { recoverLogs } from './undo-log.ts';

/** The tester's registers (tools/torture/device.ts). */
const CSR_VALUE = 0x800;
const CSR_MARK = 0x801;
const CSR_PHASE = 0xcc0;
const CSR_READY = 0xcc1;
const CSR_ACKNOWLEDGED = 0xcc2;
const CSR_BEGUN = 0xcc3;
const CSR_ACKNOWLEDGED_SET = 0xcc4;
const CSR_BEGUN_SET = 0xcc5;
const CSR_OPERATIONS = 0xcc6;

/** @underlying u64 */
enum Mark {
  ready = 1,
  begin = 2,
  acknowledge = 3,
  observe = 4,
  finish = 5,
}

function mark(kind: Mark, number: u64, value: u64): void {
  csr.write(CSR_VALUE, value);
  csr.write(CSR_MARK, (number << 8) | changetype<u64>(kind));
}

/** After a power failure? Else the workload is to be run. */
export function recovering(): bool {
  return csr.read(CSR_PHASE) !== 0;
}

/** Whether the workload had passed `markReady` when the power failed. */
export function wasReady(): bool {
  return csr.read(CSR_READY) !== 0;
}

/** The last operation that was acknowledged before the power failed, 0 for none. */
export function acknowledged(): u64 {
  return csr.read(CSR_ACKNOWLEDGED);
}

/** The last operation that had begun before the power failed, 0 for none. */
export function begun(): u64 {
  return csr.read(CSR_BEGUN);
}

/** Was operation `index` (1–32) acknowledged before the power failed? For workloads whose operations overlap. */
export function wasAcknowledged(index: u64): bool {
  return ((csr.read(CSR_ACKNOWLEDGED_SET) >> (index - 1)) & 1) !== 0;
}

/** Had operation `index` (1–32) begun before the power failed? */
export function hadBegun(index: u64): bool {
  return ((csr.read(CSR_BEGUN_SET) >> (index - 1)) & 1) !== 0;
}

/** How many operations to run: what `--operations` says, else `usual`. For workloads of any length. */
export function operationCount(usual: u64): u64 {
  const asked = csr.read(CSR_OPERATIONS);
  return asked === 0 ? usual : asked;
}

/** Preparations are over: from here on the power may fail. `value` stands for the state as it is now. */
export function markReady(value: u64): void {
  mark(Mark.ready, 0, value);
}

/** Operation `index` (1, 2, …) begins. */
export function markBegin(index: u64): void {
  mark(Mark.begin, index, 0);
}

/** Operation `index` is done and will survive. `value` stands for the state after it. */
export function markAcknowledged(index: u64, value: u64): void {
  mark(Mark.acknowledge, index, value);
}

/** After a power failure: `value` stands for the state that was recovered. It must be that after an allowed number of operations. */
export function observe(value: u64): void {
  mark(Mark.observe, 0, value);
}

/** Ends the run; a code other than 0 is a finding. */
export function finish(code: u64): never {
  flush();
  mark(Mark.finish, 0, code);
  unreachable();
}

/** Mixes a number into a value that stands for a state. */
export function mix(state: u64, value: u64): u64 {
  return rotl<u64>(state, 23) * 0x9e37_79b9_7f4a_7c15 + value + 1;
}

/**
 * The root of persistent names, as init makes it; has it in use afterwards. Called before the phase is asked for: as far as that,
 * crash points share one boot (tools/torture/recovery.ts).
 */
function makeNames(): void {
  const root = stack<ObjectId>();
  if (!rootNamespace(root)) {
    if (createObject(root, READ | WRITE | DELETE | USE | CREATE_PERSIST) !== 0) finish(1000);
    initNamespace(root);
    syscall(SYS_ROOT, ROOT_NAMES, 0, root.lo, root.hi, 0);
  }
  volatileLoad<u64>(dataOf(openObject(root)));
}

const SUBJECT = 'subject';

/** For `setup`: makes the object with a heap that the workload works on. Returns its base. */
export function makeSubject(): usize {
  const root = stack<ObjectId>();
  const id = stack<ObjectId>();
  if (createHeap(id) !== 0 || !rootNamespace(root)) finish(1001);
  if (assignName(root, SUBJECT, id, NameType.object, false) !== 0) finish(1002);
  return openObject(id);
}

/** Opens the object that `makeSubject` made, by its name. Returns its base. */
export function openSubject(): usize {
  const root = stack<ObjectId>();
  const id = stack<ObjectId>();
  if (!rootNamespace(root) || !stepInto(root, SUBJECT, id)) finish(1003);
  const base = openObject(id);
  if (!isHeap(base)) finish(1004);
  return base;
}

/** What the heap's root of the subject points to. */
export function subjectRoot(): usize {
  const root = heapOf(openSubject()).root;
  if (root === null) finish(1005);
  return addressOf(root!);
}

/** Makes the heap's root point to `address`, as part of a transaction. */
export function setSubjectRoot(tx: Tx, base: usize, address: usize): void {
  heapOf(base).root = at<Anchor>(address);
}

function recover(check: () => u64): never {
  recoverLogs();
  if (wasReady()) observe(check());
  finish(0);
}

/** Threads that `runThreads` starts, at most. */
const MOST_THREADS = 4;
const threads = zeroed<FixedArray<Inline<Thread>, 4>>();
let perThread: u64 = 0;
let overlapping: (index: u64) => void;

function runShare(thread: u64): u64 {
  for (let index = thread * perThread + 1; index <= (thread + 1) * perThread; index++) {
    markBegin(index);
    overlapping(index);
    markAcknowledged(index, 0);
  }
  return 0;
}

/**
 * A workload of `count` threads, of which thread t runs `operation` t × `operations` + 1 … (t + 1) × `operations`, at most 32 together. Their
 * schedules are explored. `check` is asked after a failure only: it looks with `wasAcknowledged` and `hadBegun` whether what
 * it finds may be, and calls `finish(code)` when it may not; its number stands for the state.
 */
export function runThreads(
  count: u64,
  operations: u64,
  setup: () => void,
  operation: (index: u64) => void,
  check: () => u64,
): u64 {
  makeNames();
  if (recovering()) recover(check);
  if (count > MOST_THREADS || count * operations > 32) finish(1006);
  setup();
  perThread = operations;
  overlapping = operation;
  markReady(0);
  for (let i: u64 = 0; i < count; i++) if (threads[i].start(runShare, i) !== 0) finish(1007);
  for (let i: u64 = 0; i < count; i++) threads[i].join();
  finish(0);
}

/**
 * A whole workload: `setup`, then `operation(1)` … `operation(operations)`, each acknowledged when it returns. After a failure, when
 * interrupted transactions have been undone, `check` verifies what it can (`finish(code)` when something is wrong) and returns a number that
 * stands for the state; it must be the one after some operation not before the last acknowledged nor after the last begun. `check` must not
 * store to persistent memory, but for a recovery of the program's own: `if (recovering()) …`.
 */
export function runWorkload(
  operations: u64,
  setup: () => void,
  operation: (index: u64) => void,
  check: () => u64,
): u64 {
  makeNames();
  if (recovering()) recover(check);
  setup();
  markReady(check());
  for (let index: u64 = 1; index <= operations; index++) {
    markBegin(index);
    operation(index);
    markAcknowledged(index, check());
  }
  finish(0);
}
