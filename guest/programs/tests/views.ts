/** Cases about views, kernel-state objects and power: become, what the KSO root lists, threads that outlive a power failure. */

import { FAULTS } from '../../abi/fault.ts';
import { Device, DeviceRepr, KsoList, KsoType } from '../../abi/kso.ts';
import { EXEC, OBJ_NULLPAGE, ObjectId, READ, WRITE } from '../../abi/object.ts';
import {
  BecomeArgs,
  CONFIG_DIRTY_START,
  CREATE_PERSIST,
  EAGAIN,
  EINVAL,
  EPERM,
  ROOT_KSO,
  ROOT_NAMES,
  SPAWN_NO_CONTEXTS,
  SpawnArgs,
  StatResult,
  SYS_ATTACH,
  SYS_BECOME,
  SYS_CONFIG,
  SYS_DELETE,
  SYS_POWER,
  SYS_ROOT,
  SYS_STAT,
  SYS_THREAD_CONTROL,
  SYS_THREAD_SPAWN,
  THREAD_PERSIST,
  THREAD_YIELD,
} from '../../abi/syscall.ts';
import { SLOT_EXEC, SLOT_STACK, slotAddress, ViewHeader } from '../../abi/view.ts';
import { syscall } from '../../libtwz/syscall.ts';
import {
  catchFault,
  check,
  checkEqual,
  command,
  copyOf,
  create,
  exitThread,
  findDevice,
  handleFaults,
  map,
  mapWith,
  OPEN,
  openProgram,
  program,
  say,
  setEntry,
  setEntryOf,
  sleep,
  sleepOn,
  TestThread,
  tryLoad,
} from './testing.ts';

const threads = zeroed<FixedArray<Inline<TestThread>, 4>>();

// ------------------------------------------------------------------------------------------------------- become

/** A slot that the two views of these cases use differently. */
const SLOT_HERE: u64 = 0x500;
const HERE: u64 = SLOT_HERE << 30;
const second = zeroed<ObjectId>();
const args = zeroed<BecomeArgs>();

/**
 * Becomes the view that `args` names at `args.pc`; comes back with what the other side returned, all saved registers as they were.
 * @naked
 */
function enter(args: usize): u64 {
  return asm<u64>`
    addi sp, sp, -48
    sd s0, 0(sp)
    sd s1, 8(sp)
    sd s11, 16(sp)
    sd ra, 24(sp)
    li s0, 1111
    li s1, 1222
    li s11, 1333
    li a7, 6
    ecall
    addi t0, s0, -1111
    bnez t0, 1f
    addi t0, s1, -1222
    bnez t0, 1f
    addi t0, s11, -1333
    beqz t0, 2f
  1:
    li a0, -1000
  2:
    ld s0, 0(sp)
    ld s1, 8(sp)
    ld s11, 16(sp)
    ld ra, 24(sp)
    addi sp, sp, 48
    ret`;
}

/**
 * The other side: spoils the saved registers, reads the word of its own view, and returns it plus its argument.
 * @naked
 */
function otherSide(): void {
  asm`
    li s0, 7
    li s1, 7
    li s11, 7
    li t0, 0x14000001000
    ld t0, 0(t0)
    add a1, a0, t0
    li a0, 0
    li a7, 6
    ecall`;
}

/** The other side, once more from there, until the kernel refuses; returns how deep it was. */
function deeper(depth: u64): void {
  args.argument = depth + 1;
  args.sp = args.sp - 4096;
  const result = i64(enter(addressOf(args)));
  syscall(SYS_BECOME, 0, result === -EAGAIN ? depth : u64(result), 0, 0, 0);
}

function become(): void {
  openProgram();
  const here = stack<ObjectId>();
  const there = stack<ObjectId>();
  create(here, OPEN);
  create(there, OPEN);
  store<u64>(map(here) + OBJ_NULLPAGE, 100);
  store<u64>(map(there) + OBJ_NULLPAGE, 200);
  setEntry(SLOT_HERE, here, READ | WRITE);
  create(second, OPEN);
  const view = map(second);
  setEntryOf(view, SLOT_EXEC, program, READ | WRITE | EXEC);
  setEntryOf(view, SLOT_HERE, there, READ | WRITE);
  assign(args.view, second);
  args.pc = addressOf(otherSide);
  args.argument = 5;
  for (let i = 0; i < 50; i++) {
    checkEqual(i64(enter(addressOf(args))), 205, 'what the other view shows, plus the argument');
    checkEqual(i64(load<u64>(HERE + OBJ_NULLPAGE)), 100, 'back in the own view');
  }
  checkEqual(syscall(SYS_BECOME, 0, 1, 0, 0, 0), -EINVAL, 'nothing to return from');
  // Nested, as deep as it goes.
  const area = stack<ObjectId>();
  create(area, OPEN);
  setEntryOf(view, SLOT_HERE + 1, area, READ | WRITE);
  setEntry(SLOT_HERE + 1, area, READ | WRITE);
  args.pc = addressOf(deeper);
  args.sp = slotAddress(SLOT_HERE + 1, 0x8_0000);
  args.argument = 1;
  checkEqual(i64(enter(addressOf(args))), 12, 'frames that the kernel keeps');
  checkEqual(i64(load<u64>(HERE + OBJ_NULLPAGE)), 100, 'back in the own view');
  const nobody = stack<ObjectId>();
  nobody.lo = 77;
  assign(args.view, nobody);
  check(syscall(SYS_BECOME, addressOf(args), 0, 0, 0, 0) < 0, 'a view that is not there');
}

/** Views end when their last thread has left them, also by `become`. */
function viewsEnd(): void {
  become();
  syscall(SYS_DELETE, second.lo, second.hi, 0, 0, 0);
  const stat = stack<StatResult>();
  check(syscall(SYS_STAT, second.lo, second.hi, addressOf(stat), 0, 0) < 0, 'the deleted view has ended');
}

// --------------------------------------------------------------------------------------------- kernel-state objects

/** How often the root lists an object with this type. */
function listed(id: ObjectId, type: KsoType): u64 {
  const root = stack<ObjectId>();
  syscall(SYS_ROOT, ROOT_KSO, addressOf(root), 0, 0, 0);
  const list = at<KsoList>(mapWith(root, READ) + OBJ_NULLPAGE);
  let found: u64 = 0;
  for (let i: u64 = 0; i < list.count; i++) {
    const entry = list.entries[i];
    if (entry.flags !== 0 && entry.type === u32(type) && entry.id.lo === id.lo && entry.id.hi === id.hi)
      found++;
  }
  return found;
}

const gate = zeroed<FixedArray<u64, 2>>();

function waitAtGate(_argument: u64): void {
  while (volatileLoad<u64>(gate.ptr.address) === 0) sleepOn(gate.ptr.address, 0, 1_000_000);
}

function attachAndWait(_argument: u64): void {
  checkEqual(syscall(SYS_ATTACH, second.lo, second.hi, 0, 0, 0), 0, 'attach');
  atomic.store<u64>(ptrTo(gate[1]), 1);
  waitAtGate(0);
}

/** The root lists threads, views and contexts while they are in use, and the devices. */
function enumeration(): void {
  create(second, OPEN);
  threads[0].start(attachAndWait, 0);
  threads[1].start(waitAtGate, 0);
  while (volatileLoad<u64>(ptrTo(gate[1]).address) === 0)
    syscall(SYS_THREAD_CONTROL, THREAD_YIELD, 0, 0, 0, 0);
  checkEqual(i64(listed(threads[0].id, KsoType.thread)), 1, 'a thread');
  checkEqual(i64(listed(threads[1].id, KsoType.thread)), 1, 'another thread');
  checkEqual(i64(listed(second, KsoType.context)), 1, 'a context in use');
  checkEqual(i64(threads[0].repr.attachedCount), 2, 'contexts that the thread shows');
  check(threads[0].repr.attached[1].lo === second.lo, 'the second one is the attached one');
  check(threads[0].repr.view.lo !== 0, 'its view');
  checkEqual(i64(listed(threads[0].repr.view, KsoType.view)), 1, 'the view in use');
  const device = stack<ObjectId>();
  for (let kind: u64 = 1; kind <= 3; kind++) {
    check(
      findDevice(kind === 1 ? Device.console : kind === 2 ? Device.nvdimm : Device.timer, device),
      'a device',
    );
    checkEqual(i64(listed(device, KsoType.device)), 1, 'a device in the list');
    checkEqual(i64(at<DeviceRepr>(mapWith(device, READ) + OBJ_NULLPAGE).device), i64(kind), 'its number');
  }
  gate[0] = 1;
  threads[0].wait();
  threads[1].wait();
  checkEqual(i64(listed(threads[0].id, KsoType.thread)), 0, 'a thread that has ended');
  checkEqual(i64(listed(second, KsoType.context)), 0, 'a context that nobody uses');
}

// --------------------------------------------------------------------------------------- threads that outlive power

const SLOT_BOARD: u64 = 0x700;

/** In a persistent object, in slot SLOT_BOARD of the persistent view. */
class Board {
  /** Boots that the main thread has seen, rounds and resumes of the thread. */
  boots: u64;
  rounds: u64;
  resumes: u64;
  /** What SYS_POWER says to the resumed thread. */
  power: u64;
  readonly thread: Inline<ObjectId>;
  readonly view: Inline<ObjectId>;
}

function persistWord(place: Ptr<u64>, value: u64): void {
  place[0] = value;
  cbo.clean(place.address);
  fence('rw', 'rw');
}

/** What the persistent thread does, before and after. */
function persistentBody(_argument: u64): void {
  const board = at<Board>((SLOT_BOARD << 30) + OBJ_NULLPAGE);
  if (syscall(SYS_THREAD_CONTROL, THREAD_PERSIST, 1, 0, 0, 0) !== 0) exitThread(9);
  for (;;) {
    persistWord(ptrTo(board.rounds), board.rounds + 1);
    sleep(100_000);
  }
}

/**
 * Where a thread of the persistent view starts after a power failure: without registers, so the stack first.
 * @naked
 */
function resumeHere(): void {
  asm`
    li sp, 0x400040080000
    j __resumed`;
}

/** @export __resumed */
function resumed(): void {
  const board = at<Board>((SLOT_BOARD << 30) + OBJ_NULLPAGE);
  persistWord(ptrTo(board.power), u64(-syscall(SYS_POWER, 99, 0, 0, 0, 0)));
  persistWord(ptrTo(board.resumes), board.resumes + 1);
  for (;;) {
    persistWord(ptrTo(board.rounds), board.rounds + 1);
    sleep(100_000);
  }
}

const PERSISTENT = OPEN | CREATE_PERSIST;

/** First boot: makes board, view, code, stack and thread, all persistent. The board is what the root of names names. */
function makePersistent(flags: u64): Board {
  const id = stack<ObjectId>();
  const code = stack<ObjectId>();
  const stackId = stack<ObjectId>();
  checkEqual(create(id, PERSISTENT), 0, 'board');
  const board = at<Board>(map(id) + OBJ_NULLPAGE);
  openProgram();
  checkEqual(copyOf(code, program, PERSISTENT | EXEC), 0, 'code');
  checkEqual(create(stackId, PERSISTENT), 0, 'stack');
  checkEqual(create(board.view, PERSISTENT), 0, 'view');
  checkEqual(create(board.thread, PERSISTENT), 0, 'representation');
  const view = map(board.view);
  setEntryOf(view, SLOT_EXEC, code, READ | WRITE | EXEC);
  setEntryOf(view, SLOT_BOARD, id, READ | WRITE);
  // The fixed slot is the thread's; after a power failure the view's own entry shows.
  setEntryOf(view, SLOT_STACK, stackId, READ | WRITE);
  at<ViewHeader>(view + OBJ_NULLPAGE).resume = addressOf(resumeHere);
  // User space makes its data persistent itself: the view's pages, the board's.
  const base = mapWith(code, READ);
  for (let place: u64 = OBJ_NULLPAGE; place < 0x2_0000; place += 64) {
    if (tryLoad(base + place) === FAULTS) cbo.clean(base + place);
  }
  cbo.clean(view + OBJ_NULLPAGE + offsetof<ViewHeader>('resume'));
  for (let slot: u64 = 0; slot < 3; slot++) {
    const which: u64 = slot === 0 ? SLOT_EXEC : slot === 1 ? SLOT_BOARD : SLOT_STACK;
    cbo.clean(view + 0x40_0000 + which * 32);
  }
  for (let place: u64 = 0; place < sizeof<Board>(); place += 64) cbo.clean(addressOf(board) + place);
  fence('rw', 'rw');
  checkEqual(syscall(SYS_ROOT, ROOT_NAMES, 0, id.lo, id.hi, 0), 0, 'root');
  const spawn = stack<SpawnArgs>();
  assign(spawn.thread, board.thread);
  assign(spawn.view, board.view);
  assign(spawn.stack, stackId);
  spawn.start = addressOf(persistentBody);
  spawn.stackPointer = slotAddress(SLOT_STACK, 0x8_0000);
  spawn.flags = flags;
  checkEqual(syscall(SYS_THREAD_SPAWN, addressOf(spawn), 0, 0, 0, 0), 0, 'spawn');
  return board;
}

/** Runs until the power fails, or in later boots until the resumed thread has shown that it lives. */
function resume(flags: u64): void {
  handleFaults(catchFault);
  const root = stack<ObjectId>();
  if (syscall(SYS_ROOT, ROOT_NAMES, addressOf(root), 0, 0, 0) !== 0) {
    const board = makePersistent(flags);
    while (volatileLoad<u64>(ptrTo(board.rounds).address) < 5) sleep(1_000_000);
    say('cut here\n');
    for (;;) sleep(1_000_000_000);
  }
  const board = at<Board>(map(root) + OBJ_NULLPAGE);
  persistWord(ptrTo(board.boots), board.boots + 1);
  const dirty = syscall(SYS_CONFIG, CONFIG_DIRTY_START, 0, 0, 0, 0);
  const rounds = board.rounds;
  for (let i = 0; i < 50; i++) sleep(100_000);
  if (dirty === 0) {
    checkEqual(i64(board.rounds), i64(rounds), 'after an orderly end nothing is resumed');
    return;
  }
  checkEqual(i64(board.resumes), i64(board.boots), 'resumed once a boot');
  check(board.rounds > rounds, 'and at work');
  // The superuser hears that there is no such operation, others that they may not.
  checkEqual(i64(board.power), flags === 0 ? EINVAL : EPERM, 'with the context that it had, and no other');
  if (board.boots < 2) {
    say('cut here\n');
    for (;;) sleep(1_000_000_000);
  }
}

/** @export */
function main(): void {
  const which = command();
  if (which.equals('become')) become();
  else if (which.equals('end')) viewsEnd();
  else if (which.equals('enumeration')) enumeration();
  else if (which.equals('resume')) resume(0);
  else if (which.equals('resume-prisoner')) resume(SPAWN_NO_CONTEXTS);
  else check(false, 'no such case');
}
