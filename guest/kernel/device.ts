/**
 * Devices as objects: the console, the NVDIMM, the timer and the UART have representation objects that user space finds from the KSO
 * root, reads, sleeps on, and commands with SYS_ACTION. The kernel drives the UART for the console until a thread claims it.
 */
import {
  ACTION_CONSOLE_FOREGROUND,
  ACTION_CONSOLE_SIZE,
  ACTION_CONSOLE_WRITE,
  ACTION_NVDIMM_FLUSH,
  ACTION_TIMER_ALARM,
  ACTION_TIMER_NOW,
  ACTION_UART_CLAIM,
  ACTION_UART_ENABLE,
  ACTION_UART_RELEASE,
  CONSOLE_COLUMNS,
  CONSOLE_FOREGROUND,
  CONSOLE_RAW,
  CONSOLE_RECEIVED,
  CONSOLE_ROWS,
  CONSOLE_TAKEN,
  DEVICE_LABELS,
  DEVICE_LABELS_SIZE,
  DEVICE_REGISTERS,
  Device,
  DeviceRepr,
  KsoType,
  TIMER_EPOCH,
  TIMER_PERIOD,
} from '../abi/kso.ts';
import { OBJ_NULLPAGE, READ, USE, WRITE } from '../abi/object.ts';
import { SIGNAL_INTERRUPT, SIGNAL_KEYBOARD_STOP, SIGNAL_QUIT, SIGNAL_WINDOW } from '../abi/signal.ts';
import { EBUSY, EFAULT, EINVAL, ENOMEM, EPERM } from '../abi/syscall.ts';
import { cancelAlarm, setAlarm } from './alarm.ts';
import { PAGE, persistFence, toVirtual } from './arch.ts';
import { allowed } from './arguments.ts';
import { monotonic, nanosecondsPerTick, realTime, realTimeTicks } from './clock.ts';
import { consoleByte, consolePrint, receiveInterrupt, resetUart, UART } from './console.ts';
import { objectAt, offsetAt } from './fault.ts';
import { enlist, kernelObject } from './kso.ts';
import { KObject } from './object.ts';
import { limitTimer } from './schedule.ts';
import { raiseGroup } from './signal.ts';
import { wakeObject } from './sync.ts';
import { maySignal } from './sys-thread.ts';
import { Thread } from './thread.ts';
import { mapRegisters, objectPage } from './tree.ts';
import { readUser } from './user.ts';

const PLIC: u64 = 0x0c00_0000;
const UART_INTERRUPT = 10;
const RING = 1024;

let consoleObject: KObject | null = null;
let nvdimmObject: KObject | null = null;
let timerObject: KObject | null = null;
let uartObject: KObject | null = null;
/** The thread that drives the UART; null: the kernel does. */
let driver: Thread | null = null;

function makeDevice(name: str, device: Device, rights: u64): KObject {
  const object = kernelObject(name, KsoType.device, rights);
  const repr = at<DeviceRepr>(objectPage(object, OBJ_NULLPAGE));
  repr.device = u32(device);
  enlist(object, KsoType.device, u64(device));
  return object;
}

/** Makes the device objects; `controller`: physical address of the NVDIMM's registers, 0 = there is none. */
export function initDevices(controller: u64): void {
  // The console's ring is drained by its readers, so they may write; the others are read only.
  consoleObject = makeDevice('console', Device.console, READ | WRITE | USE);
  nvdimmObject = makeDevice('nvdimm', Device.nvdimm, READ | USE);
  if (controller !== 0) mapController(controller);
  // Who reads the UART takes what others are to read: nobody by default.
  uartObject = makeDevice('uart', Device.uart, 0);
  mapRegisters(uartObject, DEVICE_REGISTERS, UART);
  timerObject = makeDevice('timer', Device.timer, READ | USE);
  const timer = at<DeviceRepr>(objectPage(timerObject, OBJ_NULLPAGE));
  timer.info[TIMER_PERIOD] = nanosecondsPerTick();
  timer.info[TIMER_EPOCH] = realTime() - monotonic();
  // Keys that were pressed before there was a console.
  receiveConsole();
}

/** The NVDIMM's controller: a page of registers, and the label area. */
function mapController(controller: u64): void {
  mapRegisters(nvdimmObject!, DEVICE_REGISTERS, controller);
  for (let offset: u64 = 0; offset < DEVICE_LABELS_SIZE; offset += PAGE)
    mapRegisters(
      nvdimmObject!,
      DEVICE_LABELS + offset,
      controller + (DEVICE_LABELS - DEVICE_REGISTERS) + offset,
    );
}

/** Lets this hart take the console's interrupt (PLIC context 2·hart + 1: S-mode). */
export function enableInterrupts(hart: u64): void {
  const context = hart * 2 + 1;
  maskUart(false);
  volatileStore<u32>(toVirtual(PLIC + 0x2000 + context * 0x80), 1 << UART_INTERRUPT);
  volatileStore<u32>(toVirtual(PLIC + 0x20_0000 + context * 0x1000), 0);
}

/** Switches the UART's interrupt off, or on again, by its priority. */
function maskUart(masked: bool): void {
  volatileStore<u32>(toVirtual(PLIC + UART_INTERRUPT * 4), masked ? 0 : 1);
}

/** An external interrupt: claims it, moves what the console received into the ring, and wakes its readers. */
export function externalInterrupt(hart: u64): void {
  const claim = toVirtual(PLIC + 0x20_0004 + (hart * 2 + 1) * 0x1000);
  for (;;) {
    const source = volatileLoad<u32>(claim);
    if (source === 0) return;
    if (source === UART_INTERRUPT && driver !== null) tellDriver();
    else if (source === UART_INTERRUPT) receiveConsole();
    volatileStore<u32>(claim, source);
  }
}

/** The UART wants something: its driver's word says so. Until the driver has seen to it the interrupt would only come again. */
function tellDriver(): void {
  maskUart(true);
  at<DeviceRepr>(objectPage(uartObject!, OBJ_NULLPAGE)).interrupts[0] += 1;
  wakeObject(uartObject!, OBJ_NULLPAGE + offsetof<DeviceRepr>('interrupts'));
}

function uartAction(thread: Thread, command: u64): i64 {
  if (driver !== null && driver !== thread) return -EBUSY;
  if (command === ACTION_UART_CLAIM) {
    driver = thread;
    inputHeld = false;
    receiveInterrupt(true);
    return 0;
  }
  if (driver === null) return -EINVAL;
  if (command === ACTION_UART_RELEASE) releaseDevices(thread);
  else if (command === ACTION_UART_ENABLE) maskUart(false);
  else return -EINVAL;
  return 0;
}

/** The thread ends: the kernel drives again what it drove. */
export function releaseDevices(thread: Thread): void {
  cancelAlarm(thread);
  if (driver !== thread) return;
  driver = null;
  resetUart();
  maskUart(false);
  receiveConsole();
}

/** Group of the threads that control keys are for; 0: none. */
let foreground: u64 = 0;

/** Takes Ctrl-C, Ctrl-\ and Ctrl-Z, if there are threads in the foreground for whom they are. */
function controlKey(byte: u64): bool {
  let number: u64 = 0;
  if (byte === 0x03) number = SIGNAL_INTERRUPT;
  else if (byte === 0x1c) number = SIGNAL_QUIT;
  else if (byte === 0x1a) number = SIGNAL_KEYBOARD_STOP;
  else return false;
  return foreground !== 0 && raiseGroup(foreground, number, 0, maySignal, null) !== 0;
}

function setForeground(group: u64): i64 {
  foreground = group;
  at<DeviceRepr>(objectPage(consoleObject!, OBJ_NULLPAGE)).info[CONSOLE_FOREGROUND] = group;
  return 0;
}

function setConsoleSize(columns: u64, rows: u64): i64 {
  const repr = at<DeviceRepr>(objectPage(consoleObject!, OBJ_NULLPAGE));
  if (repr.info[CONSOLE_COLUMNS] === columns && repr.info[CONSOLE_ROWS] === rows) return 0;
  repr.info[CONSOLE_COLUMNS] = columns;
  repr.info[CONSOLE_ROWS] = rows;
  if (foreground !== 0) raiseGroup(foreground, SIGNAL_WINDOW, 0, maySignal, null);
  return 0;
}

/** The ring is full: what is typed waits before it until there is room. */
let inputHeld = false;

function receiveConsole(): void {
  const object = consoleObject!;
  const repr = at<DeviceRepr>(objectPage(object, OBJ_NULLPAGE));
  while (repr.info[CONSOLE_RECEIVED] - repr.info[CONSOLE_TAKEN] < RING) {
    const byte = consoleByte();
    if (byte < 0) break;
    if ((repr.flags & CONSOLE_RAW) === 0 && controlKey(u64(byte))) continue;
    const received = repr.info[CONSOLE_RECEIVED];
    unchecked((repr.ring[received & (RING - 1)] = u8(byte)));
    repr.info[CONSOLE_RECEIVED] = received + 1;
  }
  inputHeld = repr.info[CONSOLE_RECEIVED] - repr.info[CONSOLE_TAKEN] >= RING;
  receiveInterrupt(!inputHeld);
  repr.interrupts[0] += 1;
  wakeObject(object, OBJ_NULLPAGE + offsetof<DeviceRepr>('info') + CONSOLE_RECEIVED * 8);
  wakeObject(object, OBJ_NULLPAGE + offsetof<DeviceRepr>('interrupts'));
}

/** Takes more input if it was held back and has been read meanwhile: readers do not call the kernel. True: it has. */
export function resumeInput(): bool {
  if (!inputHeld) return false;
  const repr = at<DeviceRepr>(objectPage(consoleObject!, OBJ_NULLPAGE));
  if (repr.info[CONSOLE_RECEIVED] !== repr.info[CONSOLE_TAKEN]) return false;
  receiveConsole();
  return true;
}

/** SYS_ACTION on one of the devices. */
export function deviceAction(thread: Thread, object: KObject, command: u64, a: u64, b: u64): i64 {
  if (object === uartObject) return uartAction(thread, command);
  if (object === consoleObject && command === ACTION_CONSOLE_WRITE) return printUser(a, b);
  if (object === consoleObject && command === ACTION_CONSOLE_FOREGROUND) return setForeground(a);
  if (object === consoleObject && command === ACTION_CONSOLE_SIZE) return setConsoleSize(a, b);
  if (object === nvdimmObject && command === ACTION_NVDIMM_FLUSH) {
    persistFence();
    return 0;
  }
  if (object === timerObject && command === ACTION_TIMER_NOW) return i64(realTime());
  if (object === timerObject && command === ACTION_TIMER_ALARM) return alarmAt(thread, a, b);
  return -EINVAL;
}

/** Sets or takes back the thread's alarm. */
function alarmAt(thread: Thread, address: usize, date: u64): i64 {
  if (address === 0) {
    cancelAlarm(thread);
    return 0;
  }
  const object = objectAt(thread, address);
  if (object === null || (address & 7) !== 0 || offsetAt(address) < OBJ_NULLPAGE) return -EINVAL;
  if (!allowed(thread, object, WRITE)) return -EPERM;
  const time = realTimeTicks(date);
  if (!setAlarm(thread, object, offsetAt(address), time)) return -ENOMEM;
  limitTimer(time);
  return 0;
}

/** Prints text of the caller's, at most 4096 bytes; the bytes printed. */
export function printUser(address: usize, length: u64): i64 {
  const buffer = stack<FixedArray<u8, 256>>();
  const size = min<u64>(length, 4096);
  let done: u64 = 0;
  while (done < size) {
    const piece = min<u64>(size - done, 256);
    if (!readUser(addressOf(buffer), address + done, piece)) return done === 0 ? -EFAULT : i64(done);
    consolePrint(strOf(buffer.ptr, piece));
    done += piece;
  }
  return i64(size);
}
