/**
 * What a device is to the machine, and what the machine offers to a device. A device owns a range of physical
 * addresses, raises interrupt lines, keeps timers, reads and writes guest memory, and can give and take back its
 * state as named fields. Nothing here knows of a particular device.
 *
 * Determinism: a device acts only when the guest accesses it, when a timer of it is due, or when the machine hands
 * it logged host input. It never looks at the host's clock, randomness or input by itself.
 */
import type { PhysicalMemory } from './memory.ts';

/** A value in a saved state: named fields all the way down. Numbers are exact integers or doubles. */
export type StateValue =
  | number
  | string
  | boolean
  | null
  | Uint8Array
  | readonly StateValue[]
  | { readonly [name: string]: StateValue };
/** A device's or part's state. */
export type State = { readonly [name: string]: StateValue };

/** Something whose state can be saved under a name. */
export interface Stateful {
  /** All that the future of the run depends on. Must not alias what the part goes on changing. */
  save(): State;
  /** Takes back what `save` gave (possibly in another process). Throws an Error that names a bad field. */
  restore(state: State): void;
}

/** Widths of an access that reach a device: 64-bit accesses come as two of 32 bits, low half first. */
export type AccessSize = 1 | 2 | 4;

/** Returned by `Device.read` and `write` to refuse an access: the hart takes an access fault. */
export const BUS_ERROR = -1;

/** A memory-mapped device. */
export interface Device extends Partial<Stateful> {
  /** Unique in the machine; names the device in saved states, logs and messages. */
  readonly name: string;
  /** First guest physical address. */
  readonly base: number;
  /** Bytes. */
  readonly size: number;
  /** Value as an unsigned number of `size` bytes, or BUS_ERROR. `offset` is relative to `base`. */
  read(offset: number, size: AccessSize): number;
  /** `value` is unsigned. May return BUS_ERROR to refuse; anything else (or nothing) is success. */
  write(offset: number, size: AccessSize, value: number): number | undefined;
  /** As `read`, without side effects, for debuggers; absent: reading has none. */
  peek?(offset: number, size: AccessSize): number;
  /** Back to the state after power-on. */
  reset?(): void;
  /** Takes host input, already logged by the machine (`Machine.input`). */
  input?(data: Uint8Array): void;
  /** Nodes for the device tree under /soc (or where the node's `parent` says). */
  deviceTree?(): readonly DeviceTreeNode[];
}

/** Value of a device-tree property: a string, several strings, 32-bit cells, bytes, or presence alone. */
export type DeviceTreeValue = string | readonly string[] | readonly number[] | Uint8Array | true;
export interface DeviceTreeNode {
  /** With its unit address: `serial@10000000`. */
  readonly name: string;
  /** Path of the parent; `/soc` when absent. */
  readonly parent?: string;
  readonly properties: Readonly<Record<string, DeviceTreeValue>>;
  readonly children?: readonly DeviceTreeNode[];
}

/** A level-triggered wire. Setting the level it already has does nothing. */
export interface InterruptLine {
  set(level: boolean): void;
}

/** A timer of a device: at most one deadline at a time, saved and restored by the machine under its name. */
export interface Timer {
  /** Sets the deadline in guest nanoseconds; a time already past is due at once (after this instruction). */
  setAt(atNs: number): void;
  cancel(): void;
  /** Deadline, or Infinity. */
  readonly deadline: number;
}

/** Interrupt inputs of a hart that devices drive: bits of mip. */
export const HartInterrupt = {
  machineSoftware: 3,
  machineTimer: 7,
  supervisorExternal: 9,
  machineExternal: 11,
} as const;
export type HartInterrupt = (typeof HartInterrupt)[keyof typeof HartInterrupt];

/** What a guest asked for when it ended or restarted the machine. */
export type PowerRequest =
  /** `failure`: it says that it has failed, and is not just done (SBI system reset with a reason). */
  | { readonly kind: 'exit'; readonly code: number; readonly by: string; readonly failure?: true }
  | { readonly kind: 'reset'; readonly by: string };

/** What the machine offers to a device. */
export interface DeviceHost {
  readonly memory: PhysicalMemory;
  readonly hartCount: number;
  /** Guest time in nanoseconds, exact at the instruction that made the access. */
  now(): number;
  /** Makes a timer. `name` must be unique and the same in every run; ties go in order of creation. */
  timer(name: string, due: () => void): Timer;
  /** The line into a hart's mip. */
  hartLine(hart: number, interrupt: HartInterrupt): InterruptLine;
  /** Ends the run, or restarts the machine, after the current instruction. */
  power(request: PowerRequest): void;
  /**
   * To be called before anything is shown to the outside (console output, exit): lets the backing file of the
   * NVDIMM catch up (external synchrony).
   */
  beforeOutput(): void;
}

/** Devices by address. Accesses must lie within one device; the list is short and its hottest user is cached. */
export class Bus {
  private readonly list: Device[] = [];
  private last: Device | undefined;

  get devices(): readonly Device[] {
    return this.list;
  }

  /** Adds a device. Throws when its name or addresses are taken. */
  add(device: Device): void {
    for (const other of this.list) {
      if (other.name === device.name) throw new Error(`two devices are named ${device.name}`);
      if (device.base < other.base + other.size && other.base < device.base + device.size)
        throw new Error(`devices ${device.name} and ${other.name} overlap`);
    }
    this.list.push(device);
  }

  byName(name: string): Device | undefined {
    return this.list.find((device) => device.name === name);
  }

  /** The device that decodes `pa`, or undefined. */
  at(pa: number): Device | undefined {
    const last = this.last;
    if (last !== undefined && pa >= last.base && pa < last.base + last.size) return last;
    for (const device of this.list) {
      if (pa >= device.base && pa < device.base + device.size) {
        this.last = device;
        return device;
      }
    }
    return undefined;
  }

  /** Reads up to 4 bytes; BUS_ERROR where no device answers. */
  read(pa: number, size: AccessSize): number {
    const device = this.at(pa);
    if (device === undefined || pa - device.base + size > device.size) return BUS_ERROR;
    return device.read(pa - device.base, size);
  }

  /** Writes up to 4 bytes; BUS_ERROR where no device answers, else 0. */
  write(pa: number, size: AccessSize, value: number): number {
    const device = this.at(pa);
    if (device === undefined || pa - device.base + size > device.size) return BUS_ERROR;
    return device.write(pa - device.base, size, value) === BUS_ERROR ? BUS_ERROR : 0;
  }

  /** As `read`, without side effects. */
  peek(pa: number, size: AccessSize): number {
    const device = this.at(pa);
    if (device === undefined || pa - device.base + size > device.size) return BUS_ERROR;
    return (device.peek ?? device.read).call(device, pa - device.base, size);
  }
}
