/**
 * Cases about devices as objects, each used from user space: the console's ring, the UART by a driver, the NVDIMM's registers and labels, the timer's
 * date and alarms.
 */
import { FAULT_SECURITY, FAULTS } from '../../abi/fault.ts';
import {
  ACTION_NVDIMM_FLUSH,
  ACTION_TIMER_ALARM,
  ACTION_TIMER_NOW,
  ACTION_UART_CLAIM,
  ACTION_UART_ENABLE,
  ACTION_UART_RELEASE,
  CONSOLE_RECEIVED,
  CONSOLE_TAKEN,
  DEVICE_LABELS,
  DEVICE_REGISTERS,
  Device,
  DeviceRepr,
  TIMER_EPOCH,
  TIMER_PERIOD,
} from '../../abi/kso.ts';
import { OBJ_NULLPAGE, ObjectId, READ, WRITE } from '../../abi/object.ts';
import {
  CREATE_PERSIST,
  EBUSY,
  EINVAL,
  EPERM,
  SYNC_FOREVER,
  SYNC_SLEEP,
  SYS_ACTION,
  SYS_ATTACH,
  SYS_DELETE,
  SYS_THREAD_SYNC,
  SyncOp,
} from '../../abi/syscall.ts';
import { syscall } from '../../libtwz/syscall.ts';
import {
  check,
  checkEqual,
  command,
  copyOf,
  create,
  exitThread,
  findDevice,
  imprison,
  map,
  mapWith,
  OPEN,
  openProgram,
  say,
  sleep,
  sleepOn,
  TestThread,
  tryLoad,
  tryStore,
} from './testing.ts';
import { ticks } from './time.ts';

/** The representation of a device, and its ID. */
function deviceRepr(device: Device, id: ObjectId): DeviceRepr {
  check(findDevice(device, id), 'the root lists the device');
  return at<DeviceRepr>(mapWith(id, READ | WRITE) + OBJ_NULLPAGE);
}

function action(id: ObjectId, what: u64, a: u64, b: u64): i64 {
  return syscall(SYS_ACTION, id.lo, id.hi, what, a, b);
}

// --------------------------------------------------------------------------------------------------------- timer

/** The date that the timer's page tells without a call. */
function now(timer: DeviceRepr): u64 {
  return ticks() * timer.info[TIMER_PERIOD] + timer.info[TIMER_EPOCH];
}

const MILLISECOND: u64 = 1_000_000;
/** Nanoseconds by which the clocks of two harts may differ: a turn of the emulator. */
const TURN: u64 = 10_000;
const words = zeroed<FixedArray<u64, 4>>();

/** A thread that lets the processor go only when its quantum ends. */
function spin(_argument: u64): void {
  while (volatileLoad<u64>(ptrTo(words[3]).address) === 0) {}
}

/** Dates and alarms. */
function timer(): void {
  const id = stack<ObjectId>();
  const repr = deviceRepr(Device.timer, id);
  const before = u64(action(id, ACTION_TIMER_NOW, 0, 0));
  const date = now(repr);
  const after = u64(action(id, ACTION_TIMER_NOW, 0, 0));
  check(before <= date && date <= after, 'the date by the page lies between two that the kernel says');

  // A word beside another one: the alarm wakes whoever waits for both, no earlier than it should and not much later.
  const ops = stack<FixedArray<Inline<SyncOp>, 2>>();
  for (let i: u64 = 0; i < 2; i++) {
    ops[i].address = ptrTo(words[i]).address;
    ops[i].op = SYNC_SLEEP;
  }
  const due = now(repr) + 3 * MILLISECOND;
  checkEqual(action(id, ACTION_TIMER_ALARM, ptrTo(words[1]).address, due), 0, 'an alarm');
  checkEqual(syscall(SYS_THREAD_SYNC, addressOf(ops), 2, SYNC_FOREVER, 0, 0), 1, 'which word woke');
  check(now(repr) + TURN >= due && now(repr) < due + MILLISECOND, 'in time');
  checkEqual(i64(words[1]), 1, 'it counts');
  checkEqual(i64(words[0]), 0, 'the other word does not');

  // It rings while another thread of the same hart has the processor, and does not wait for the quantum to end.
  const other = stack<TestThread>();
  other.start(spin, 0);
  sleep(MILLISECOND);
  const soon = now(repr) + MILLISECOND / 2;
  action(id, ACTION_TIMER_ALARM, ptrTo(words[1]).address, soon);
  while (volatileLoad<u64>(ptrTo(words[1]).address) === 1) sleepOn(ptrTo(words[1]).address, 1, SYNC_FOREVER);
  check(now(repr) + TURN >= soon, 'not before its time');
  volatileStore<u64>(ptrTo(words[3]).address, 1);
  other.wait();

  // A new one replaces the old one; 0 takes it back; one in the past rings at once.
  action(id, ACTION_TIMER_ALARM, ptrTo(words[0]).address, now(repr) + MILLISECOND);
  action(id, ACTION_TIMER_ALARM, ptrTo(words[1]).address, now(repr) + MILLISECOND);
  action(id, ACTION_TIMER_ALARM, 0, 0);
  sleep(3 * MILLISECOND);
  checkEqual(i64(words[0] + words[1]), 2, 'alarms that were replaced and taken back');
  action(id, ACTION_TIMER_ALARM, ptrTo(words[0]).address, 1);
  sleep(MILLISECOND);
  checkEqual(i64(words[0]), 1, 'an alarm in the past');

  // A persistent object that is deleted meanwhile stays until the alarm has rung; that of a thread that ends never rings.
  const object = stack<ObjectId>();
  create(object, OPEN | CREATE_PERSIST);
  const base = map(object);
  action(id, ACTION_TIMER_ALARM, base + OBJ_NULLPAGE, now(repr) + MILLISECOND);
  syscall(SYS_DELETE, object.lo, object.hi, 0, 0, 0);
  checkEqual(i64(volatileLoad<u64>(base + OBJ_NULLPAGE)), 0, 'not yet');
  sleep(2 * MILLISECOND);
  other.start(alarmAndEnd, 0);
  other.wait();
  sleep(2 * MILLISECOND);
  checkEqual(i64(words[2]), 0, 'the alarm of a thread that has ended');

  checkEqual(action(id, ACTION_TIMER_ALARM, ptrTo(words[0]).address + 4, 1), -EINVAL, 'half a word');
  checkEqual(action(id, ACTION_TIMER_ALARM, ~u64(0) << 3, 1), -EINVAL, 'no address');
  checkEqual(action(id, ACTION_TIMER_ALARM, 8, 1), -EINVAL, 'the null page');
}

function alarmAndEnd(_argument: u64): void {
  const id = stack<ObjectId>();
  const repr = deviceRepr(Device.timer, id);
  action(id, ACTION_TIMER_ALARM, ptrTo(words[2]).address, now(repr) + MILLISECOND);
}

const closed = zeroed<ObjectId>();

/** Without WRITE nobody has the kernel count in an object. */
function alarmOfPrisoner(_argument: u64): void {
  const id = stack<ObjectId>();
  deviceRepr(Device.timer, id);
  checkEqual(
    action(id, ACTION_TIMER_ALARM, mapWith(closed, READ | WRITE) + OBJ_NULLPAGE, 1),
    -EPERM,
    'a closed object',
  );
  exitThread(3);
}

// -------------------------------------------------------------------------------------------------------- NVDIMM

/** Registers of the controller (docs/nvdimm.md). */
const NVDIMM_MAGIC = 0x00;
const NVDIMM_MEDIA_SIZE = 0x08;
const NVDIMM_LABEL_SIZE = 0x18;
const NVDIMM_HEALTH = 0x24;
const NVDIMM_UNSAFE = 0x28;
const NVDIMM_WEAR = 0x34;
const NVDIMM_POISON_COUNT = 0x48;
const NVDIMM_POISON_INDEX = 0x4c;
const NVDIMM_POISON_ADDRESS = 0x50;

/** Health, counts, the list of unreadable blocks, and labels, all read from the device's object. */
function nvdimm(): void {
  const id = stack<ObjectId>();
  const registers = addressOf(deviceRepr(Device.nvdimm, id)) - OBJ_NULLPAGE + DEVICE_REGISTERS;
  checkEqual(
    i64(volatileLoad<u32>(registers + NVDIMM_MAGIC)),
    0x44564e4c,
    'the magic number of the controller',
  );
  checkEqual(i64(volatileLoad<u32>(registers + NVDIMM_MEDIA_SIZE)), 16 << 20, 'the size of the media');
  checkEqual(i64(volatileLoad<u32>(registers + NVDIMM_UNSAFE)), 2, 'unsafe shutdowns');
  check(volatileLoad<u32>(registers + NVDIMM_WEAR) <= 10_000, 'used life in parts of 10 000');
  // One block of the free part has been made unreadable: latent until somebody loads it; a scrub finds it.
  checkEqual(i64(volatileLoad<u32>(registers + NVDIMM_HEALTH)), 0, 'nobody knows of the block');
  volatileStore<u32>(registers + 0x70, 1);
  for (let i = 0; i < 100 && volatileLoad<u32>(registers + 0x74) === 1; i++) sleep(MILLISECOND);
  checkEqual(i64(volatileLoad<u32>(registers + NVDIMM_HEALTH)), 1, 'unreadable blocks are known');
  checkEqual(i64(volatileLoad<u32>(registers + NVDIMM_POISON_COUNT)), 1, 'how many');
  volatileStore<u32>(registers + NVDIMM_POISON_INDEX, 0);
  checkEqual(i64(volatileLoad<u32>(registers + NVDIMM_POISON_ADDRESS)), 15 << 20, 'which');
  checkEqual(action(id, ACTION_NVDIMM_FLUSH, 0, 0), 0, 'flush');
  checkEqual(action(id, 99, 0, 0), -EINVAL, 'no such command');

  const labels = registers - DEVICE_REGISTERS + DEVICE_LABELS;
  const size = u64(volatileLoad<u32>(registers + NVDIMM_LABEL_SIZE));
  checkEqual(
    i64(volatileLoad<u64>(labels)),
    i64(0x4341_5053_454d_414e),
    'the name space index, which begins NAMESPAC',
  );
  const last = labels + size - 8;
  volatileStore<u64>(last, 0x1234);
  checkEqual(i64(volatileLoad<u64>(last)), 0x1234, 'what was written to the end of the labels');
}

/** Nobody without rights writes a device's registers, or gets a copy of them, or makes the kernel read them as anything else. */
function deviceRights(_argument: u64): void {
  const id = stack<ObjectId>();
  findDevice(Device.nvdimm, id);
  const registers = mapWith(id, READ | WRITE) + DEVICE_REGISTERS;
  checkEqual(i64(tryStore(registers + 0x70, 1)), FAULT_SECURITY, 'a command');
  const copy = stack<ObjectId>();
  checkEqual(copyOf(copy, id, OPEN), 0, 'a copy of the object');
  checkEqual(i64(tryStore(registers - DEVICE_REGISTERS + DEVICE_LABELS, 1)), FAULT_SECURITY, 'a label');
  const uart = stack<ObjectId>();
  const repr = deviceRepr(Device.uart, uart);
  checkEqual(
    i64(tryLoad(addressOf(repr) - OBJ_NULLPAGE + DEVICE_REGISTERS)),
    FAULT_SECURITY,
    "a key that is somebody else's",
  );
  checkEqual(action(uart, ACTION_UART_CLAIM, 0, 0), -EPERM, 'the UART');
  const base = mapWith(copy, READ | WRITE);
  checkEqual(i64(tryLoad(base + DEVICE_REGISTERS)), FAULTS, 'has a page there');
  checkEqual(i64(load<u64>(base + DEVICE_REGISTERS)), 0, 'of zeros');
  checkEqual(syscall(SYS_ATTACH, id.lo, id.hi, 0, 0, 0), 0, 'a device as a security context');
  for (let i = 0; i < 64; i++) {
    create(copy, OPEN);
    checkEqual(i64(tryLoad(mapWith(copy, READ) + OBJ_NULLPAGE)), FAULTS, 'leaves the defaults');
    syscall(SYS_DELETE, copy.lo, copy.hi, 0, 0, 0);
  }
  exitThread(3);
}

// ------------------------------------------------------------------------------------------------------- console

/** Takes a key from the console's ring, which the kernel fills; waits for it. */
function ringKey(console: DeviceRepr): u64 {
  const taken = console.info[CONSOLE_TAKEN];
  const received = ptrTo(console.info[CONSOLE_RECEIVED]).address;
  while (volatileLoad<u64>(received) === taken) sleepOn(received, taken, SYNC_FOREVER);
  const key = u64(console.ring[taken & 1023]);
  console.info[CONSOLE_TAKEN] = taken + 1;
  return key;
}

const UART_DATA = 0;
const UART_STATUS = 5;
const UART_READY: u8 = 0x01;
const UART_EMPTY: u8 = 0x20;

/** Takes a key from the UART's registers; sleeps on the word of its interrupts. */
function uartKey(id: ObjectId, repr: DeviceRepr): u64 {
  const registers = addressOf(repr) - OBJ_NULLPAGE + DEVICE_REGISTERS;
  const interrupts = ptrTo(repr.interrupts[0]).address;
  for (;;) {
    const count = volatileLoad<u64>(interrupts);
    if ((volatileLoad<u8>(registers + UART_STATUS) & UART_READY) !== 0)
      return u64(volatileLoad<u8>(registers + UART_DATA));
    checkEqual(action(id, ACTION_UART_ENABLE, 0, 0), 0, 'enable the interrupt');
    sleepOn(interrupts, count, SYNC_FOREVER);
  }
}

/** Writes a byte by the UART's registers. */
function uartPut(repr: DeviceRepr, byte: u64): void {
  const registers = addressOf(repr) - OBJ_NULLPAGE + DEVICE_REGISTERS;
  while ((volatileLoad<u8>(registers + UART_STATUS) & UART_EMPTY) === 0) {}
  volatileStore<u8>(registers + UART_DATA, u8(byte));
}

/** Claims the UART and ends. */
function claimAndEnd(_argument: u64): void {
  const id = stack<ObjectId>();
  deviceRepr(Device.uart, id);
  checkEqual(action(id, ACTION_UART_CLAIM, 0, 0), 0, 'another claims what was given back');
}

function claimed(_argument: u64): void {
  const id = stack<ObjectId>();
  deviceRepr(Device.uart, id);
  checkEqual(action(id, ACTION_UART_CLAIM, 0, 0), -EBUSY, 'what has a driver');
  checkEqual(action(id, ACTION_UART_RELEASE, 0, 0), -EBUSY, "give back what is another's");
}

/**
 * Keys a to c by the kernel's ring, d to f by a driver of this program, then after the driver has given it back, and once more after one
 * that has ended, by the ring again.
 */
function console(): void {
  const id = stack<ObjectId>();
  const repr = deviceRepr(Device.console, id);
  const uart = stack<ObjectId>();
  const registers = deviceRepr(Device.uart, uart);
  const other = stack<TestThread>();
  say('type\n');
  for (let i: u64 = 0; i < 3; i++)
    checkEqual(i64(ringKey(repr)), i64(u8('a')) + i64(i), 'a key from the ring');
  checkEqual(action(uart, ACTION_UART_ENABLE, 0, 0), -EINVAL, 'enable without a claim');
  checkEqual(action(uart, ACTION_UART_CLAIM, 0, 0), 0, 'claim');
  other.start(claimed, 0);
  other.wait();
  say('driver\n');
  for (let i: u64 = 0; i < 3; i++) {
    const key = uartKey(uart, registers);
    checkEqual(i64(key), i64(u8('d')) + i64(i), 'a key from the registers');
    uartPut(registers, key - 32);
  }
  checkEqual(i64(repr.info[CONSOLE_RECEIVED]), 3, 'what the kernel has received meanwhile');
  checkEqual(action(uart, ACTION_UART_RELEASE, 0, 0), 0, 'give back');
  say(' kernel\n');
  checkEqual(i64(ringKey(repr)), i64(u8('g')), 'a key from the ring again');
  other.start(claimAndEnd, 0);
  other.wait();
  say('ended\n');
  checkEqual(i64(ringKey(repr)), i64(u8('h')), 'a key after the driver has ended');
}

/** @export */
function main(): void {
  const which = command();
  if (which.equals('timer')) {
    timer();
    openProgram();
    create(closed, READ);
    checkEqual(i64(imprison(alarmOfPrisoner, 0)), 3, 'the prisoner came to its end');
  } else if (which.equals('nvdimm')) nvdimm();
  else if (which.equals('console')) console();
  else if (which.equals('rights')) {
    openProgram();
    checkEqual(i64(imprison(deviceRights, 0)), 3, 'the prisoner came to its end');
  } else check(false, 'no such case');
}
