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
}

/** A device's representation object, from OBJ_NULLPAGE on. MMIO registers, if any, start at offset 0x2000. */
export class DeviceRepr {
  readonly kso: Inline<KsoHeader>;
  device: u32;
  flags: u32;
  /** Interrupts counted by the kernel; woken with thread_sync at every interrupt. */
  readonly interrupts: FixedArray<u64, 8>;
  /** Device-specific: console: bytes received so far / taken so far. */
  readonly info: FixedArray<u64, 16>;
  /** Console: input ring. */
  readonly ring: FixedArray<u8, 1024>;
}

/** SYS_ACTION on a device object: commands. */
/** Console: write `length` bytes at `address`. */
export const ACTION_CONSOLE_WRITE = 1;
/** Timer: current time in nanoseconds since 1970. */
export const ACTION_TIMER_NOW = 3;
/** NVDIMM: drain to media (deep flush). */
export const ACTION_NVDIMM_FLUSH = 4;
