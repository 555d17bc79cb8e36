/**
 * Objects in which the kernel shows its state: types of KSO headers, the root that lists them, devices. User
 * space reads them as ordinary objects (docs/kernel.md, Kernel-state objects).
 */
import { ObjectId } from './object.ts';
import { KsoHeader } from './view.ts';

export enum KsoType {
  none = 0,
  view = 1,
  context = 2,
  thread = 3,
  root = 4,
  bus = 5,
  device = 6,
  archive = 7,
}

/** A child in a listing. */
export class KsoEntry {
  readonly id: Inline<ObjectId>;
  type: u32;
  /** VALID = 1. */
  flags: u32;
  info: u64;
}

/** A listing: root (all threads, views and contexts in use; the device bus; the archive) and bus, from OBJ_NULLPAGE on. */
export class KsoList {
  readonly kso: Inline<KsoHeader>;
  count: u64;
  reserved: u64;
  readonly entries: FixedArray<Inline<KsoEntry>, 4096>;
}

/** Device ids in `DeviceRepr.device`. */
export enum Device {
  console = 1,
  nvdimm = 2,
  timer = 3,
  /** The console's UART, for a driver in user space. */
  uart = 4,
}

/** A device's representation object, from OBJ_NULLPAGE on. MMIO registers, if any, are at DEVICE_REGISTERS. */
export class DeviceRepr {
  readonly kso: Inline<KsoHeader>;
  device: u32;
  /** Console: CONSOLE_RAW. */
  flags: u32;
  /** Interrupts counted by the kernel; woken with thread_sync at every interrupt. */
  readonly interrupts: FixedArray<u64, 8>;
  /** Device-specific: the `…_…` indexes below. */
  readonly info: FixedArray<u64, 16>;
  /** Console: input ring. */
  readonly ring: FixedArray<u8, 1024>;
}

/** `DeviceRepr.flags` of the console: every key goes to the program that reads, Ctrl-C and Ctrl-Z as well (full-screen programs). */
export const CONSOLE_RAW = 1;

/** Indexes of `DeviceRepr.info` of the console: bytes received so far, and taken from the ring so far. */
export const CONSOLE_RECEIVED = 0;
export const CONSOLE_TAKEN = 1;
/** Group of threads that Ctrl-C, Ctrl-\ and Ctrl-Z are meant for; 0: these keys are input like any other. Set with an action. */
export const CONSOLE_FOREGROUND = 2;
/** Size in characters; 0: nobody has said. Set with an action. */
export const CONSOLE_COLUMNS = 3;
export const CONSOLE_ROWS = 4;

/** Indexes of `DeviceRepr.info` of the timer: the date is `time` · period + epoch. Nanoseconds per tick, and since 1970 at tick 0. */
export const TIMER_PERIOD = 0;
export const TIMER_EPOCH = 1;

/** Offset in a device object of its registers. NVDIMM: the controller's (docs/nvdimm.md): health, shutdowns, wear, unreadable blocks. */
export const DEVICE_REGISTERS = 0x2000;
/** NVDIMM: the window on its label area, where the controller has it from its registers. */
export const DEVICE_LABELS = 0x2_2000;
export const DEVICE_LABELS_SIZE = 0x2_0000;

/** SYS_ACTION on a device object: commands. */
/** Console: write `length` bytes at `address`. */
export const ACTION_CONSOLE_WRITE = 1;
/** Timer: current time in nanoseconds since 1970. */
export const ACTION_TIMER_NOW = 3;
/** Console: group `a` (`ThreadRepr.group`) is in the foreground from now on; 0: none. */
export const ACTION_CONSOLE_FOREGROUND = 5;
/** Console: it has `a` columns and `b` rows; the foreground gets SIGNAL_WINDOW if that is new. */
export const ACTION_CONSOLE_SIZE = 6;
/**
 * Timer: at date `b` (nanoseconds since 1970) the kernel adds 1 to the aligned 64-bit word at address `a` and wakes who sleeps on it.
 * A thread has one alarm; a new one replaces it, 0 as the address takes it back. Takes WRITE of the word's object when it is set.
 */
export const ACTION_TIMER_ALARM = 7;
/**
 * UART: the calling thread is its driver until it ends or gives it back. The kernel reads it no more; an interrupt adds 1 to
 * `DeviceRepr.interrupts[0]`, wakes who sleeps on that, and comes again only after ACTION_UART_ENABLE.
 */
export const ACTION_UART_CLAIM = 8;
export const ACTION_UART_ENABLE = 9;
export const ACTION_UART_RELEASE = 10;
/** NVDIMM: drain to media (deep flush). */
export const ACTION_NVDIMM_FLUSH = 4;
