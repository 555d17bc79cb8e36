/** Cases about threads: spawn and exit, thread_sync, sleep, signals, groups, fixed slots. */
import { FAULT_SIGNAL, FaultFrame } from '../../abi/fault.ts';
import { ACTION_CONSOLE_FOREGROUND, ACTION_CONSOLE_SIZE, Device } from '../../abi/kso.ts';
import { OBJ_NULLPAGE, ObjectId, READ, WRITE } from '../../abi/object.ts';
import {
  EXIT_SIGNAL,
  SIGNAL_CONTINUE,
  SIGNAL_INTERRUPT,
  SIGNAL_KEYBOARD_STOP,
  SIGNAL_KILL,
  SIGNAL_STOP,
  SIGNAL_TERMINATE,
  SIGNAL_TO_GROUP,
  SIGNAL_WINDOW,
} from '../../abi/signal.ts';
import {
  EBUSY,
  EINTR,
  EINVAL,
  ENOENT,
  EPERM,
  ETIMEDOUT,
  GROUP_NEW,
  SPAWN_NO_CONTEXTS,
  SpawnArgs,
  SYNC_32,
  SYNC_FOREVER,
  SYNC_SLEEP,
  SYNC_WAKE,
  SYS_ACTION,
  SYS_SIGNAL,
  SYS_THREAD_CONTROL,
  SYS_THREAD_SPAWN,
  SYS_THREAD_SYNC,
  SyncOp,
  THREAD_RESUME,
  THREAD_SET_FIXED,
  THREAD_YIELD,
} from '../../abi/syscall.ts';
import {
  SYNC_EXIT,
  SYNC_STATE,
  THREAD_ALIVE,
  THREAD_ENDED,
  THREAD_STOPPED,
  ThreadRepr,
} from '../../abi/thread.ts';
import { SLOT_STACK, SLOT_THREAD, SLOT_TMPSTACK, slotAddress, VE_VALID } from '../../abi/view.ts';
import { syscall } from '../../libtwz/syscall.ts';
import {
  check,
  checkEqual,
  command,
  create,
  exitThread,
  findDevice,
  handleFaults,
  map,
  OPEN,
  sleep,
  sleepOn,
  TestThread,
  viewHeader,
  wake,
} from './testing.ts';
import { ticks } from './time.ts';

const words = zeroed<FixedArray<u64, 16>>();
const threads = zeroed<FixedArray<Inline<TestThread>, 40>>();

function addressOfWord(index: u64): usize {
  return ptrTo(words[index]).address;
}

// ----------------------------------------------------------------------------------------------- spawn and exit

function addMany(times: u64): void {
  for (let i: u64 = 0; i < times; i++) atomic.add<u64>(ptrTo(words[0]), 1);
  exitThread(1000 + times);
}

/** Many threads, some twice at a time, each with its own result. */
function spawnAndExit(): void {
  for (let round: u64 = 0; round < 3; round++) {
    words[0] = 0;
    for (let i: u64 = 0; i < 40; i++) threads[i].start(addMany, i);
    let sum: u64 = 0;
    for (let i: u64 = 0; i < 40; i++) {
      checkEqual(i64(threads[i].wait()), i64(1000 + i), 'exit code');
      checkEqual(i64(threads[i].repr.sync[SYNC_STATE]), THREAD_ENDED, 'state of a thread that has ended');
      sum += i;
    }
    checkEqual(i64(words[0]), i64(sum), 'what all threads added');
  }
}

/** A representation object stands for one thread at a time. */
function oneThreadPerObject(): void {
  threads[0].start(waitForWord, 0);
  const args = stack<SpawnArgs>();
  assign(args.thread, threads[0].id);
  checkEqual(
    syscall(SYS_THREAD_SPAWN, addressOf(args), 0, 0, 0, 0),
    -EBUSY,
    'a second thread for the object',
  );
  words[0] = 1;
  wake(addressOfWord(0), 1);
  threads[0].wait();
}

function waitForWord(index: u64): void {
  while (volatileLoad<u64>(addressOfWord(index)) === 0) sleepOn(addressOfWord(index), 0, SYNC_FOREVER);
}

// -------------------------------------------------------------------------------------------------- thread_sync

/** Sleeps on words 4, 5 and 6; exits with the result of the call. */
function sleepOnThree(_argument: u64): void {
  const ops = stack<FixedArray<Inline<SyncOp>, 3>>();
  for (let i: u64 = 0; i < 3; i++) {
    ops[i].address = addressOfWord(4 + i);
    ops[i].op = SYNC_SLEEP;
  }
  atomic.add<u64>(ptrTo(words[1]), 1);
  const result = syscall(SYS_THREAD_SYNC, addressOf(ops), 3, SYNC_FOREVER, 0, 0);
  exitThread(u64(result) & 0xff);
}

/** Waits until `count` threads have said in word 1 that they are about to sleep, and sleep. */
function untilAsleep(count: u64): void {
  while (volatileLoad<u64>(addressOfWord(1)) < count) syscall(SYS_THREAD_CONTROL, THREAD_YIELD, 0, 0, 0, 0);
  sleep(1_000_000);
}

/** A thread that sleeps on several words wakes by any one of them, once, and learns which. */
function severalWords(): void {
  for (let which: u64 = 0; which < 3; which++) {
    words[1] = 0;
    threads[0].start(sleepOnThree, 0);
    untilAsleep(1);
    checkEqual(wake(addressOfWord(4 + which), 10), 1, 'threads woken');
    checkEqual(i64(threads[0].wait()), i64(which), 'the word that woke');
    for (let i: u64 = 4; i < 7; i++) checkEqual(wake(addressOfWord(i), 10), 0, 'nobody is left on the words');
  }
  // The limit holds, and those who fell asleep first wake first.
  words[1] = 0;
  for (let i: u64 = 0; i < 5; i++) {
    threads[i].start(sleepOnThree, 0);
    untilAsleep(i + 1);
  }
  checkEqual(wake(addressOfWord(5), 2), 2, 'two of five');
  checkEqual(i64(threads[0].wait()), 1, 'first');
  checkEqual(i64(threads[1].wait()), 1, 'second');
  check(threads[2].repr.sync[SYNC_EXIT] === 0, 'the third sleeps');
  checkEqual(wake(addressOfWord(6), 100), 3, 'the other three');
  for (let i: u64 = 2; i < 5; i++) checkEqual(i64(threads[i].wait()), 2, 'by the last word');
  // A word that differs: no sleep at all.
  const ops = stack<FixedArray<Inline<SyncOp>, 2>>();
  ops[0].address = addressOfWord(4);
  ops[1].address = addressOfWord(5);
  ops[1].value = 7;
  checkEqual(syscall(SYS_THREAD_SYNC, addressOf(ops), 2, SYNC_FOREVER, 0, 0), 1, 'the second word differs');
}

function timeouts(): void {
  const before = ticks();
  checkEqual(sleep(5_000_000), -ETIMEDOUT, 'sleep');
  const slept = (ticks() - before) * 100;
  check(slept >= 5_000_000 && slept < 50_000_000, 'sleep takes its time, and not much more');
  checkEqual(sleepOn(addressOfWord(0), 0, 1_000_000), -ETIMEDOUT, 'a word nobody wakes');
  checkEqual(sleepOn(addressOfWord(0), 0, 0), -ETIMEDOUT, 'no time at all');
  checkEqual(sleepOn(addressOfWord(0), 1, 1_000_000), 0, 'a word that differs');
  // Longest wait that is not forever: must not wrap around to a time that has passed.
  threads[0].start(sleepLong, 0);
  threads[1].start(sleepShort, 0);
  sleep(2_000_000);
  check(threads[0].repr.sync[SYNC_EXIT] === 0, 'the long wait goes on');
  checkEqual(i64(threads[1].wait()), 3, 'the short waits ended in order');
  checkEqual(wake(addressOfWord(2), 1), 1, 'the long wait can be ended');
  checkEqual(i64(threads[0].wait()), 0, 'by its word');
}

function sleepLong(_argument: u64): void {
  exitThread(u64(sleepOn(addressOfWord(2), 0, SYNC_FOREVER - 1)) & 0xff);
}

function sleepShort(_argument: u64): void {
  for (let i = 0; i < 3; i++) {
    if (sleep(200_000) === -ETIMEDOUT) words[3]++;
  }
  exitThread(words[3]);
}

function width(): void {
  // 0 in the lower half, something else in the upper: equal to 0 only as 32 bits.
  words[0] = 0x1_0000_0000;
  const op = stack<SyncOp>();
  op.address = addressOfWord(0);
  op.op = SYNC_SLEEP;
  checkEqual(syscall(SYS_THREAD_SYNC, addressOf(op), 1, 1_000_000, 0, 0), 0, '64 bits differ');
  op.op = SYNC_SLEEP | SYNC_32;
  checkEqual(syscall(SYS_THREAD_SYNC, addressOf(op), 1, 1_000_000, 0, 0), -ETIMEDOUT, '32 bits do not');
  op.address += 4;
  op.value = (u64(5) << 32) | 1;
  checkEqual(
    syscall(SYS_THREAD_SYNC, addressOf(op), 1, 1_000_000, 0, 0),
    -ETIMEDOUT,
    'upper half, value cut to 32 bits',
  );
  op.op = SYNC_SLEEP;
  checkEqual(
    syscall(SYS_THREAD_SYNC, addressOf(op), 1, 1_000_000, 0, 0),
    -EINVAL,
    '64 bits at a multiple of 4 only',
  );
  op.op = SYNC_WAKE;
  op.address = 8;
  checkEqual(
    syscall(SYS_THREAD_SYNC, addressOf(op), 1, 0, 0, 0),
    0,
    'a word of the program, in the null page',
  );
}

/** The same object through another slot is the same word. */
function sameWordElsewhere(): void {
  const id = stack<ObjectId>();
  create(id, OPEN);
  const first = map(id) + OBJ_NULLPAGE;
  const second = map(id) + OBJ_NULLPAGE;
  words[2] = first;
  words[1] = 0;
  threads[0].start(sleepThere, 0);
  untilAsleep(1);
  checkEqual(wake(second, 1), 1, 'woken through another slot');
  threads[0].wait();
}

function sleepThere(_argument: u64): void {
  atomic.add<u64>(ptrTo(words[1]), 1);
  sleepOn(words[2], 0, SYNC_FOREVER);
}

// ------------------------------------------------------------------------------------------------------ signals

let signalsSeen: u64 = 0;
let lastSignal: u64 = 0;
let lastInfo: u64 = 0;

function onSignal(fault: u64, frame: FaultFrame): void {
  checkEqual(i64(fault), FAULT_SIGNAL, 'the handler is called for a signal');
  signalsSeen++;
  lastSignal = frame.detail;
  lastInfo = frame.info0;
  syscall(SYS_THREAD_CONTROL, THREAD_RESUME, addressOf(frame), 0, 0, 0);
}

function signal(thread: TestThread, number: u64, info: u64): i64 {
  return syscall(SYS_SIGNAL, thread.id.lo, thread.id.hi, number, info, 0);
}

function countForever(index: u64): void {
  for (;;) atomic.add<u64>(ptrTo(words[index]), 1);
}

function sleepOnce(_argument: u64): void {
  atomic.add<u64>(ptrTo(words[1]), 1);
  exitThread(u64(-sleepOn(addressOfWord(8), 0, SYNC_FOREVER)));
}

/** A handler gets the signal, in a thread that runs and in one that waits; without a handler the thread ends. */
function signals(): void {
  handleFaults(onSignal);
  threads[0].start(sleepOnce, 0);
  untilAsleep(1);
  checkEqual(signal(threads[0], SIGNAL_INTERRUPT, 77), 0, 'signal to a thread that waits');
  checkEqual(i64(threads[0].wait()), EINTR, 'its call is interrupted');
  checkEqual(i64(lastSignal), SIGNAL_INTERRUPT, 'number');
  checkEqual(i64(lastInfo), 77, 'info');
  threads[1].start(countForever, 9);
  untilMoves(9);
  signal(threads[1], SIGNAL_TERMINATE, 1);
  while (volatileLoad<u64>(ptrTo(signalsSeen).address) < 2)
    syscall(SYS_THREAD_CONTROL, THREAD_YIELD, 0, 0, 0, 0);
  untilMoves(9);
  checkEqual(signal(threads[1], 64, 0), -EINVAL, 'no such signal');
  checkEqual(signal(threads[1], 0, 0), 0, 'signal 0 only asks');
  signal(threads[1], SIGNAL_KILL, 0);
  checkEqual(i64(threads[1].wait()), EXIT_SIGNAL + SIGNAL_KILL, 'no handler sees SIGNAL_KILL');
  checkEqual(i64(signalsSeen), 2, 'signals seen by the handler');
  checkEqual(signal(threads[1], SIGNAL_TERMINATE, 0), -ENOENT, 'the thread is gone');
  viewHeader().faultHandler = 0;
  threads[2].start(countForever, 9);
  signal(threads[2], SIGNAL_WINDOW, 0);
  untilMoves(9);
  signal(threads[2], SIGNAL_TERMINATE, 0);
  checkEqual(i64(threads[2].wait()), EXIT_SIGNAL + SIGNAL_TERMINATE, 'default: the end');
}

/** Waits until a word that another thread counts has grown. */
function untilMoves(index: u64): void {
  const before = volatileLoad<u64>(addressOfWord(index));
  while (volatileLoad<u64>(addressOfWord(index)) === before)
    syscall(SYS_THREAD_CONTROL, THREAD_YIELD, 0, 0, 0, 0);
}

function untilState(thread: TestThread, state: u64): void {
  for (;;) {
    const now = volatileLoad<u64>(ptrTo(thread.repr.sync[SYNC_STATE]).address);
    if (now === state) return;
    sleepOn(ptrTo(thread.repr.sync[SYNC_STATE]).address, now, SYNC_FOREVER);
  }
}

/** A stopped thread does nothing until it is continued, whether it ran or waited. */
function stopAndContinue(): void {
  threads[0].start(countForever, 9);
  untilMoves(9);
  signal(threads[0], SIGNAL_STOP, 0);
  untilState(threads[0], THREAD_STOPPED);
  const there = volatileLoad<u64>(addressOfWord(9));
  sleep(30_000_000);
  checkEqual(i64(volatileLoad<u64>(addressOfWord(9))), i64(there), 'a stopped thread stands still');
  signal(threads[0], SIGNAL_CONTINUE, 0);
  untilState(threads[0], THREAD_ALIVE);
  untilMoves(9);
  signal(threads[0], SIGNAL_KEYBOARD_STOP, 0);
  untilState(threads[0], THREAD_STOPPED);
  signal(threads[0], SIGNAL_KILL, 0);
  checkEqual(i64(threads[0].wait()), EXIT_SIGNAL + SIGNAL_KILL, 'a stopped thread can be killed');

  threads[1].start(sleepOnce, 0);
  untilAsleep(1);
  signal(threads[1], SIGNAL_STOP, 0);
  untilState(threads[1], THREAD_STOPPED);
  checkEqual(wake(addressOfWord(8), 1), 1, 'a stopped thread can be woken');
  sleep(5_000_000);
  checkEqual(i64(threads[1].repr.sync[SYNC_EXIT]), 0, 'and does not go on');
  signal(threads[1], SIGNAL_CONTINUE, 0);
  checkEqual(i64(threads[1].wait()), 0, 'until it is continued, with the result of its call');
}

/** A signal for a group reaches its threads and no others. */
function groups(): void {
  checkEqual(threads[0].startWith(countForever, 9, 0, GROUP_NEW), 0, 'spawn');
  checkEqual(threads[1].startWith(countForever, 10, 0, threads[0].group), 0, 'spawn into the group');
  checkEqual(threads[2].startWith(countForever, 11, 0, 0), 0, "spawn into the parent's group");
  check(threads[1].group === threads[0].group, 'one group');
  check(threads[2].group !== threads[0].group, 'another group');
  check(threads[1].repr.group === threads[0].repr.number, 'a group has the number of its first thread');
  const group = threads[0].group;
  checkEqual(syscall(SYS_SIGNAL, group, 0, SIGNAL_INTERRUPT, 0, SIGNAL_TO_GROUP), 2, 'signalled threads');
  checkEqual(i64(threads[0].wait()), EXIT_SIGNAL + SIGNAL_INTERRUPT, 'first');
  checkEqual(i64(threads[1].wait()), EXIT_SIGNAL + SIGNAL_INTERRUPT, 'second');
  untilMoves(11);
  checkEqual(syscall(SYS_SIGNAL, group, 0, SIGNAL_INTERRUPT, 0, SIGNAL_TO_GROUP), -ENOENT, 'an empty group');
}

/** Ctrl-C from the console (the host types it when the text says so) ends the foreground, or is a key like any other. */
function keyboard(): void {
  const id = stack<ObjectId>();
  check(findDevice(Device.console, id), 'there is a console');
  threads[0].startWith(countForever, 9, 0, GROUP_NEW);
  checkEqual(
    syscall(SYS_ACTION, id.lo, id.hi, ACTION_CONSOLE_FOREGROUND, threads[0].group, 0),
    0,
    'foreground',
  );
  checkEqual(syscall(SYS_ACTION, id.lo, id.hi, ACTION_CONSOLE_SIZE, 80, 24), 0, 'size');
  untilMoves(9);
  sayReady();
  checkEqual(i64(threads[0].wait()), EXIT_SIGNAL + SIGNAL_INTERRUPT, 'Ctrl-C');
}

function sayReady(): void {
  const text = 'ready\n';
  syscall(2, text.ptr.address, text.length, 0, 0, 0);
}

// -------------------------------------------------------------------------------------------------- fixed slots

/** Each thread of a view has its own stack and representation in the fixed slots, and may set others. */
function fixedBody(index: u64): void {
  const own = at<ThreadRepr>(slotAddress(SLOT_THREAD, OBJ_NULLPAGE));
  const word = slotAddress(SLOT_STACK, OBJ_NULLPAGE);
  for (let i: u64 = 0; i < 50; i++) {
    store<u64>(word, own.number * 1000 + i);
    syscall(SYS_THREAD_CONTROL, THREAD_YIELD, 0, 0, 0, 0);
    if (load<u64>(word) !== own.number * 1000 + i) atomic.add<u64>(ptrTo(words[2]), 1);
  }
  const id = stack<ObjectId>();
  create(id, OPEN);
  syscall(SYS_THREAD_CONTROL, THREAD_SET_FIXED, SLOT_TMPSTACK, id.lo, id.hi, READ | WRITE | VE_VALID);
  const other = slotAddress(SLOT_TMPSTACK, OBJ_NULLPAGE);
  store<u64>(other, index);
  syscall(SYS_THREAD_CONTROL, THREAD_YIELD, 0, 0, 0, 0);
  if (load<u64>(other) !== index) atomic.add<u64>(ptrTo(words[2]), 1);
  exitThread(own.number);
}

function fixedSlots(): void {
  for (let round = 0; round < 2; round++) {
    for (let i: u64 = 0; i < 8; i++) threads[i].start(fixedBody, i);
    for (let i: u64 = 0; i < 8; i++) {
      const number = threads[i].wait();
      checkEqual(i64(number), i64(threads[i].repr.number), 'the fixed slot shows the own representation');
      // Its stack object has what this thread wrote last.
      checkEqual(
        i64(load<u64>(map(threads[i].stackObject) + OBJ_NULLPAGE)),
        i64(number * 1000 + 49),
        'own stack',
      );
    }
  }
  checkEqual(i64(words[2]), 0, "words that showed another thread's object");
  checkEqual(syscall(SYS_THREAD_CONTROL, THREAD_SET_FIXED, 5, 0, 0, 0), -EINVAL, 'slot 5 is not a fixed one');
}

/** A thread without the right to signal another cannot. */
function mayNotSignal(_argument: u64): void {
  exitThread(u64(-syscall(SYS_SIGNAL, words[4], words[5], SIGNAL_KILL, 0, 0)));
}

function signalRights(): void {
  const closed = stack<ObjectId>();
  create(closed, READ);
  // A thread whose representation grants others nothing but READ.
  const args = stack<SpawnArgs>();
  assign(args.thread, closed);
  create(threads[0].stackObject, OPEN);
  assign(args.stack, threads[0].stackObject);
  args.start = addressOf(countForever);
  args.argument = 9;
  args.stackPointer = slotAddress(SLOT_STACK, 0x10_0000);
  args.group = GROUP_NEW;
  checkEqual(syscall(SYS_THREAD_SPAWN, addressOf(args), 0, 0, 0, 0), 0, 'spawn');
  words[4] = closed.lo;
  words[5] = closed.hi;
  checkEqual(threads[1].startWith(mayNotSignal, 0, SPAWN_NO_CONTEXTS, 0), 0, 'spawn without contexts');
  checkEqual(i64(threads[1].wait()), EPERM, 'SYS_SIGNAL without WRITE of the representation');
  words[6] = args.group;
  checkEqual(threads[2].startWith(mayNotSignalGroup, 0, SPAWN_NO_CONTEXTS, 0), 0, 'spawn without contexts');
  checkEqual(i64(threads[2].wait()), EPERM, 'the same for its group');
  untilMoves(9);
}

function mayNotSignalGroup(_argument: u64): void {
  exitThread(u64(-syscall(SYS_SIGNAL, words[6], 0, SIGNAL_KILL, 0, SIGNAL_TO_GROUP)));
}

/** @export */
function main(): void {
  const which = command();
  if (which.equals('spawn')) spawnAndExit();
  else if (which.equals('one')) oneThreadPerObject();
  else if (which.equals('several')) severalWords();
  else if (which.equals('timeouts')) timeouts();
  else if (which.equals('width')) width();
  else if (which.equals('elsewhere')) sameWordElsewhere();
  else if (which.equals('signals')) signals();
  else if (which.equals('stop')) stopAndContinue();
  else if (which.equals('groups')) groups();
  else if (which.equals('keyboard')) keyboard();
  else if (which.equals('fixed')) fixedSlots();
  else if (which.equals('signal-rights')) signalRights();
  else check(false, 'no such case');
}
