/**
 * What a machine is made from, how it starts, and why it stops: the types at its border. `machine.ts` is the
 * machine itself.
 */
import type { PAddr } from '../addresses.ts';
import { MiB, paddr } from '../addresses.ts';
import type { Device, DeviceHost } from './bus.ts';
import type { EngineFactory } from './engine.ts';

/** First address of DRAM: that of QEMU's `virt`. */
export const DRAM_BASE = paddr(0x8000_0000);
export const DEFAULT_MEMORY = 128 * MiB;
/** Frequency of mtime and the `time` CSR, as on QEMU's `virt`. */
export const TIMEBASE_HZ = 10_000_000;
/** Nanoseconds of one tick of `time`. */
export const TICK_NS = 1_000_000_000 / TIMEBASE_HZ;
/** Instructions that a hart runs before the next one gets its turn, when there are several. */
export const DEFAULT_QUANTUM = 10_000;
/** The same for a hart that is alone: nobody waits for its turn to end. */
export const SINGLE_QUANTUM = 1_000_000;

export interface MachineConfig {
  /** 1–8; default 1. */
  readonly harts?: number;
  /** Bytes of DRAM at DRAM_BASE, a multiple of the page size; default 128 MiB. */
  readonly memory?: number;
  /** The NVDIMM's region; by default none. */
  readonly nvdimm?: { readonly base: PAddr; readonly size: number };
  /** Makes the devices, in the order of their timers' tie-break. */
  readonly devices?: (host: DeviceHost) => readonly Device[];
  /** The execution engine; default: the interpreter. */
  readonly engine?: EngineFactory;
  /** Instructions in a turn when there are several harts. Part of what makes a run reproducible. */
  readonly quantum?: number;
}

/** How the harts begin. */
export interface BootState {
  /** Where execution starts, on every hart that runs. */
  readonly entry: bigint;
  /**
   * 'machine': every hart starts in M-mode at `entry` (firmware, bare-metal programs). 'supervisor': hart 0 starts
   * in S-mode, the others wait for SBI HSM, and the machine answers SBI calls itself.
   */
  readonly mode: 'machine' | 'supervisor';
  /** Physical address of the device tree, passed in a1; 0 when there is none. */
  readonly dtb: number;
  /** Passed in a2 (OpenSBI's fw_dynamic information); default 0. */
  readonly a2?: bigint;
}

/** Why `Machine.run` returned. */
export type StopReason =
  /** The asked-for instructions or time have passed. */
  | { readonly kind: 'budget' }
  /** The guest ended the machine: test finisher, SBI. `code` is its exit code; `failure`: it says that it has failed, as in a panic. */
  | { readonly kind: 'exit'; readonly code: number; readonly by: string; readonly failure?: true }
  /** The guest asked for a restart: load its images again, call `reset` and `boot`. */
  | { readonly kind: 'reset'; readonly by: string }
  /** A breakpoint at `pc` of hart `hart`, before that instruction. */
  | { readonly kind: 'breakpoint'; readonly hart: number; readonly pc: bigint }
  /** A watched address was touched; the instruction has been executed. `pc` is that instruction's. */
  | {
      readonly kind: 'watchpoint';
      readonly hart: number;
      readonly pc: bigint;
      readonly address: bigint;
      readonly access: 'load' | 'store';
    }
  /** `MachineHooks.trap` refused a trap: it has not been taken. */
  | {
      readonly kind: 'trap';
      readonly hart: number;
      readonly pc: bigint;
      readonly cause: number;
      readonly interrupt: boolean;
    }
  /**
   * Hart `hart` traps for ever: the first instruction of its trap handler, at `pc`, cannot be fetched (exception
   * `cause`). Nothing that it can do will change that.
   */
  | { readonly kind: 'stuck'; readonly hart: number; readonly pc: bigint; readonly cause: number }
  /** Every hart waits and no event can ever wake one: only host input could. */
  | { readonly kind: 'idle' }
  /** Every hart waits, and nothing happens before guest time `until`: pace to the wall clock, then go on. */
  | { readonly kind: 'sleep'; readonly until: number }
  /** `Machine.pause` was called. */
  | { readonly kind: 'paused' };

/** How far to run; whichever limit comes first. */
export interface RunLimit {
  /** Instructions, of all harts together; exact. Default: no limit. */
  readonly instructions?: number;
  /** Guest time in nanoseconds at which to stop. Default: no limit. */
  readonly until?: number;
  /** Stop with `sleep` instead of skipping idle time (for pacing an interactive run). */
  readonly paced?: boolean;
}
