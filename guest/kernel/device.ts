/**
 * Devices as objects: the console, the NVDIMM and the timer have representation objects that user space finds from the KSO
 * root, reads, sleeps on, and commands with SYS_ACTION.
 */
import {
  ACTION_CONSOLE_FOREGROUND,
  ACTION_CONSOLE_SIZE,
  ACTION_CONSOLE_WRITE,
  ACTION_NVDIMM_FLUSH,
  ACTION_TIMER_NOW,
  CONSOLE_COLUMNS,
  CONSOLE_FOREGROUND,
  CONSOLE_RAW,
  CONSOLE_RECEIVED,
  CONSOLE_ROWS,
  CONSOLE_TAKEN,
  DEVICE_REGISTERS,
  Device,
  DeviceRepr,
  KsoType,
  TIMER_EPOCH,
  TIMER_PERIOD,
} from '../abi/kso.ts';
import { OBJ_NULLPAGE, READ, USE, WRITE } from '../abi/object.ts';
import { SIGNAL_INTERRUPT, SIGNAL_KEYBOARD_STOP, SIGNAL_QUIT, SIGNAL_WINDOW } from '../abi/signal.ts';
import { EFAULT, EINVAL } from '../abi/syscall.ts';
import { persistFence, toVirtual } from './arch.ts';
import { monotonic, nanosecondsPerTick, realTime } from './clock.ts';
import { consoleByte, consolePrint, receiveInterrupt } from './console.ts';
import { enlist, kernelObject } from './kso.ts';
import { KObject } from './object.ts';
import { raiseGroup } from './signal.ts';
import { wakeObject } from './sync.ts';
import { maySignal } from './sys-thread.ts';
import { mapRegisters, objectPage } from './tree.ts';
import { readUser } from './user.ts';

const PLIC: u64 = 0x0c00_0000;
const UART_INTERRUPT = 10;
const RING = 1024;

let consoleObject: KObject | null = null;
let nvdimmObject: KObject | null = null;
let timerObject: KObject | null = null;

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
  if (controller !== 0) mapRegisters(nvdimmObject, DEVICE_REGISTERS, controller);
  timerObject = makeDevice('timer', Device.timer, READ | USE);
  const timer = at<DeviceRepr>(objectPage(timerObject, OBJ_NULLPAGE));
  timer.info[TIMER_PERIOD] = nanosecondsPerTick();
  timer.info[TIMER_EPOCH] = realTime() - monotonic();
  // Keys that were pressed before there was a console.
  receiveConsole();
}

/** Lets this hart take the console's interrupt (PLIC context 2·hart + 1: S-mode). */
export function enableInterrupts(hart: u64): void {
  const context = hart * 2 + 1;
  volatileStore<u32>(toVirtual(PLIC + UART_INTERRUPT * 4), 1);
  volatileStore<u32>(toVirtual(PLIC + 0x2000 + context * 0x80), 1 << UART_INTERRUPT);
  volatileStore<u32>(toVirtual(PLIC + 0x20_0000 + context * 0x1000), 0);
}

/** An external interrupt: claims it, moves what the console received into the ring, and wakes its readers. */
export function externalInterrupt(hart: u64): void {
  const claim = toVirtual(PLIC + 0x20_0004 + (hart * 2 + 1) * 0x1000);
  for (;;) {
    const source = volatileLoad<u32>(claim);
    if (source === 0) return;
    if (source === UART_INTERRUPT) receiveConsole();
    volatileStore<u32>(claim, source);
  }
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
export function deviceAction(object: KObject, command: u64, a: u64, b: u64): i64 {
  if (object === consoleObject && command === ACTION_CONSOLE_WRITE) return writeConsole(a, b);
  if (object === consoleObject && command === ACTION_CONSOLE_FOREGROUND) return setForeground(a);
  if (object === consoleObject && command === ACTION_CONSOLE_SIZE) return setConsoleSize(a, b);
  if (object === nvdimmObject && command === ACTION_NVDIMM_FLUSH) {
    persistFence();
    return 0;
  }
  if (object === timerObject && command === ACTION_TIMER_NOW) return i64(realTime());
  return -EINVAL;
}

function writeConsole(address: usize, length: u64): i64 {
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
