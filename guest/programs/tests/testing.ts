/** What the kernel's test programs share: checks, threads, objects, views, fault handlers. Uses the kernel's own interface, not libtwz. */
import { FAULTS, FaultFrame } from '../../abi/fault.ts';
import { Device, KsoList, KsoType } from '../../abi/kso.ts';
import { DELETE, EXEC, OBJ_NULLPAGE, ObjectId, READ, USE, WRITE } from '../../abi/object.ts';
import {
  CREATE_VOLATILE,
  CreateArgs,
  CreateSource,
  POWER_OFF,
  POWER_REBOOT,
  ROOT_ARCHIVE,
  ROOT_KSO,
  SPAWN_NO_CONTEXTS,
  SpawnArgs,
  SYNC_FOREVER,
  SYNC_SLEEP,
  SYNC_WAKE,
  SYS_CREATE,
  SYS_DEBUG_PRINT,
  SYS_INVALIDATE,
  SYS_POWER,
  SYS_ROOT,
  SYS_THREAD_CONTROL,
  SYS_THREAD_SPAWN,
  SYS_THREAD_SYNC,
  SyncOp,
  THREAD_EXIT,
  THREAD_RESUME,
} from '../../abi/syscall.ts';
import { SYNC_EXIT, ThreadRepr } from '../../abi/thread.ts';
import {
  SLOT_STACK,
  SLOT_VIEW,
  slotAddress,
  VE_VALID,
  VIEW_TABLE,
  ViewEntry,
  ViewHeader,
} from '../../abi/view.ts';
import { syscall } from '../../libtwz/syscall.ts';

/** Default rights of objects that a test makes for everybody. */
export const OPEN = READ | WRITE | USE | DELETE;

let failures: u64 = 0;

export function say(text: str): void {
  syscall(SYS_DEBUG_PRINT, text.ptr.address, text.length, 0, 0, 0);
}

export function sayNumber(value: i64): void {
  if (value < 0) {
    say('-');
    sayNumber(-value);
    return;
  }
  if (value >= 10) sayNumber(value / 10);
  const digit = stack<FixedArray<u8, 1>>();
  digit[0] = u8('0') + u8(value % 10);
  syscall(SYS_DEBUG_PRINT, addressOf(digit), 1, 0, 0, 0);
}

/** The claim `what` must hold. */
export function check(condition: bool, what: str): void {
  if (condition) return;
  failures++;
  say('failed: ');
  say(what);
  say('\n');
}

/** `value` must be `wanted`. */
export function checkEqual(value: i64, wanted: i64, what: str): void {
  if (value === wanted) return;
  check(false, what);
  say('  is ');
  sayNumber(value);
  say(', not ');
  sayNumber(wanted);
  say('\n');
}

/** Ends the machine: 0 if every check held. */
export function finish(): never {
  syscall(SYS_POWER, POWER_OFF, failures === 0 ? 0 : 1, 0, 0, 0);
  unreachable();
}

export function reboot(): never {
  syscall(SYS_POWER, POWER_REBOOT, 0, 0, 0, 0);
  unreachable();
}

/**
 * @naked
 * @used
 * @export _start
 * @section .text.start
 */
function start(): void {
  asm`
    call main
    j __finish`;
}

/** @export __finish */
function end(): never {
  finish();
}

class SourceLocation {
  readonly file: str;
  line: u32;
  column: u32;
}

/** @export */
function __panic(message: str, location: SourceLocation): never {
  say('panic: ');
  say(message);
  say(' at line ');
  sayNumber(i64(location.line));
  say('\n');
  failures++;
  finish();
}

/** @export */
function __panic_bounds(_index: u64, _length: u64, location: SourceLocation): never {
  __panic('out of bounds', location);
}

/** The object that this program runs in, once `openProgram` has been called. */
export const program = zeroed<ObjectId>();

/**
 * From now on the program runs in a copy of itself that everybody may read, write and execute, so that threads without the
 * superuser's context can run in it, too.
 */
export function openProgram(): void {
  const self = stack<ObjectId>();
  const entry = at<ViewEntry>(slotAddress(SLOT_VIEW, VIEW_TABLE));
  self.lo = entry.lo;
  self.hi = entry.hi;
  const copy = stack<ObjectId>();
  checkEqual(copyOf(copy, self, OPEN | EXEC), 0, 'copy of the program');
  setEntry(0, copy, READ | WRITE | EXEC);
  assign(program, copy);
}

/** A view for a thread without rights: open, with this program in it, and `catchFault` for its faults. */
export function openView(id: ObjectId): void {
  checkEqual(create(id, OPEN), 0, 'view');
  const view = map(id);
  setEntryOf(view, 0, program, READ | WRITE | EXEC);
  at<ViewHeader>(view + OBJ_NULLPAGE).faultHandler = addressOf(catchFault);
}

/** Runs `body(argument)` in a thread that has only default rights and a view of its own; its exit code. */
export function imprison(body: (argument: u64) => void, argument: u64): u64 {
  const view = stack<ObjectId>();
  const thread = stack<TestThread>();
  openView(view);
  checkEqual(thread.startIn(view, body, argument, SPAWN_NO_CONTEXTS, 0), 0, 'spawn');
  return thread.wait();
}

// Slots that tests use for their own objects.
let nextSlot: u64 = 0x1_1000;

/** Names an object in a slot of the view at `view`, which nobody has used yet. */
export function setEntryOf(view: usize, slot: u64, id: ObjectId, flags: u64): void {
  const entry = at<ViewEntry>(view + VIEW_TABLE + slot * sizeof<ViewEntry>());
  volatileStore<u32>(ptrTo(entry.flags).address, 0);
  entry.lo = id.lo;
  entry.hi = id.hi;
  fence('w', 'w');
  volatileStore<u32>(ptrTo(entry.flags).address, u32(flags) | VE_VALID);
}

/** The same in the current view; what was there before is dropped. */
export function setEntry(slot: u64, id: ObjectId, flags: u64): void {
  setEntryOf(slotAddress(SLOT_VIEW, 0), slot, id, flags);
  syscall(SYS_INVALIDATE, slot, 1, 0, 0, 0);
}

/** Maps an object; the address of its offset 0. */
export function mapWith(id: ObjectId, flags: u64): usize {
  const slot = nextSlot++;
  setEntryOf(slotAddress(SLOT_VIEW, 0), slot, id, flags);
  return slotAddress(slot, 0);
}

export function map(id: ObjectId): usize {
  return mapWith(id, READ | WRITE);
}

/** Creates an object. */
export function create(id: ObjectId, flags: u64): i64 {
  const args = stack<CreateArgs>();
  args.flags = flags;
  const result = syscall(SYS_CREATE, addressOf(args), 0, 0, 0, 0);
  assign(id, args.id);
  return result;
}

/** Creates an object whose capabilities the key object `key` signs. */
export function createWithKey(id: ObjectId, flags: u64, key: ObjectId): i64 {
  const args = stack<CreateArgs>();
  args.flags = flags;
  assign(args.kuid, key);
  const result = syscall(SYS_CREATE, addressOf(args), 0, 0, 0, 0);
  assign(id, args.id);
  return result;
}

/** Creates a copy of an object. */
export function copyOf(id: ObjectId, source: ObjectId, flags: u64): i64 {
  const args = stack<CreateArgs>();
  const from = stack<CreateSource>();
  assign(from.source, source);
  args.flags = flags;
  args.sources = changetype<Ptr<u8>>(addressOf(from));
  args.sourceCount = 1;
  const result = syscall(SYS_CREATE, addressOf(args), 0, 0, 0, 0);
  assign(id, args.id);
  return result;
}

/** A thread that a test made. */
export class TestThread {
  readonly id: Inline<ObjectId>;
  readonly stackObject: Inline<ObjectId>;
  repr: ThreadRepr;
  group: u64;

  /** Starts `body(argument)` in the current view, with SpawnArgs flags and a group. Returns 0 or −Errno. */
  startWith(body: (argument: u64) => void, argument: u64, flags: u64, group: u64): i64 {
    const view = stack<ObjectId>();
    return this.startIn(view, body, argument, flags, group);
  }

  /** The same in another view that has this program in slot 0; 0: in the current one. */
  startIn(view: ObjectId, body: (argument: u64) => void, argument: u64, flags: u64, group: u64): i64 {
    create(this.stackObject, OPEN | CREATE_VOLATILE);
    const args = stack<SpawnArgs>();
    assign(args.view, view);
    assign(args.stack, this.stackObject);
    args.start = addressOf(threadStart);
    args.tls = addressOf(body);
    args.stackPointer = slotAddress(SLOT_STACK, 0x10_0000);
    args.argument = argument;
    args.flags = flags;
    args.group = group;
    const result = syscall(SYS_THREAD_SPAWN, addressOf(args), 0, 0, 0, 0);
    if (result !== 0) return result;
    assign(this.id, args.thread);
    this.repr = at<ThreadRepr>(mapWith(this.id, READ | WRITE) + OBJ_NULLPAGE);
    this.group = args.group;
    return 0;
  }

  start(body: (argument: u64) => void, argument: u64): void {
    checkEqual(this.startWith(body, argument, 0, 0), 0, 'spawn');
  }

  /** Waits for the end; the exit code. */
  wait(): u64 {
    const place = ptrTo(this.repr.sync[SYNC_EXIT]);
    while (atomic.load<u64>(place, Order.acquire) === 0) sleepOn(place.address, 0, SYNC_FOREVER);
    return this.repr.syncInfo[SYNC_EXIT];
  }
}

/**
 * A thread begins here: tp has the function to call, a0 its argument.
 * @naked
 */
function threadStart(): void {
  asm`
    jalr tp
    li a0, 0
    j __exit_thread`;
}

/** @export __exit_thread */
export function exitThread(code: u64): never {
  syscall(SYS_THREAD_CONTROL, THREAD_EXIT, code, 0, 0, 0);
  unreachable();
}

/** Sleeps while the word equals `value`, at most `timeout` ns. */
export function sleepOn(address: usize, value: u64, timeout: u64): i64 {
  const op = stack<SyncOp>();
  op.address = address;
  op.value = value;
  op.op = SYNC_SLEEP;
  return syscall(SYS_THREAD_SYNC, addressOf(op), 1, timeout, 0, 0);
}

export function wake(address: usize, count: u64): i64 {
  const op = stack<SyncOp>();
  op.address = address;
  op.value = count;
  op.op = SYNC_WAKE;
  return syscall(SYS_THREAD_SYNC, addressOf(op), 1, 0, 0, 0);
}

export function sleep(nanoseconds: u64): i64 {
  return syscall(SYS_THREAD_SYNC, 0, 0, nanoseconds, 0, 0);
}

// ------------------------------------------------------------------------------------------------------- faults

/** The last fault that `catchFault` took. */
export const caught = zeroed<FaultFrame>();
/** How many there were. */
export let caughtCount: u64 = 0;
/** Where the thread goes on after a fault; 0: at the instruction that faulted, plus 4 or 2 bytes. */
let landing: u64 = 0;

/** Notes the fault and goes on behind the instruction. */
export function catchFault(_fault: u64, frame: FaultFrame): void {
  assign(caught, frame);
  caughtCount++;
  const pc = frame.registers[0];
  if (landing !== 0) frame.registers[0] = landing;
  else frame.registers[0] = pc + ((load<u16>(pc) & 3) === 3 ? 4 : 2);
  landing = 0;
  syscall(SYS_THREAD_CONTROL, THREAD_RESUME, addressOf(frame), 0, 0, 0);
}

/** The header of the current view. */
export function viewHeader(): ViewHeader {
  return at<ViewHeader>(slotAddress(SLOT_VIEW, OBJ_NULLPAGE));
}

/** From now on `handler` takes the faults of this view. */
export function handleFaults(handler: (fault: u64, frame: FaultFrame) => void): void {
  viewHeader().faultHandler = addressOf(handler);
  caughtCount = 0;
}

/** Reads a word; the fault, or FAULTS if there was none. */
export function tryLoad(address: usize): u64 {
  const before = caughtCount;
  compilerBarrier();
  volatileLoad<u64>(address);
  compilerBarrier();
  return caughtCount === before ? FAULTS : caught.fault;
}

/** Writes a word; the fault, or FAULTS if there was none. */
export function tryStore(address: usize, value: u64): u64 {
  const before = caughtCount;
  compilerBarrier();
  volatileStore<u64>(address, value);
  compilerBarrier();
  return caughtCount === before ? FAULTS : caught.fault;
}

/** Calls an address; the fault, or FAULTS if there was none. After a fault the call counts as returned. */
export function tryCall(address: usize): u64 {
  const before = caughtCount;
  callGuarded(address, ptrTo(landing).address);
  return caughtCount === before ? FAULTS : caught.fault;
}

/**
 * Calls a0 with the word at a1 set to the place behind the call.
 * @naked
 */
function callGuarded(address: usize, landingPlace: usize): void {
  asm`
    addi sp, sp, -16
    sd ra, 0(sp)
    sd a1, 8(sp)
    la t0, __guarded_landing
    sd t0, 0(a1)
    jalr a0
  __guarded_landing:
    ld a1, 8(sp)
    sd zero, 0(a1)
    ld ra, 0(sp)
    addi sp, sp, 16
    ret`;
}

// ------------------------------------------------------------------------------------------------ what to find

/** The text of the archive's entry `.commands`: the case to run. */
export function command(): str {
  const root = stack<ObjectId>();
  syscall(SYS_ROOT, ROOT_ARCHIVE, addressOf(root), 0, 0, 0);
  const list = at<KsoList>(mapWith(root, READ) + OBJ_NULLPAGE);
  const text = mapWith(list.entries[1].id, READ) + OBJ_NULLPAGE;
  let length: u64 = 0;
  while (load<u8>(text + length) !== 0) length++;
  return strOf(at<Ptr<u8>>(text), length);
}

/** The ID of a device's object. */
export function findDevice(device: Device, id: ObjectId): bool {
  const root = stack<ObjectId>();
  syscall(SYS_ROOT, ROOT_KSO, addressOf(root), 0, 0, 0);
  const list = at<KsoList>(mapWith(root, READ) + OBJ_NULLPAGE);
  for (let i: u64 = 0; i < list.count; i++) {
    const entry = list.entries[i];
    if (entry.flags === 0 || entry.type !== u32(KsoType.device) || entry.info !== u64(device)) continue;
    assign(id, entry.id);
    return true;
  }
  return false;
}
