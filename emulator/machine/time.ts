/**
 * Time as harts see it: the `time` CSR and the supervisor timer (Sstc). mtime belongs to the CLINT, where there is
 * one; a machine without it has a counter of its own.
 */
import { Interrupt } from '../cpu/causes.ts';
import { Envcfg } from '../cpu/csr-machine.ts';
import { Slot } from '../cpu/csr-numbers.ts';
import type { Hart } from '../cpu/hart.ts';
import type { Device, Timer } from './bus.ts';
import { TICK_NS } from './config.ts';
import type { Scheduler } from './scheduler.ts';

/** An unsigned 64-bit number of ticks in halves. */
export interface Ticks {
  low: number;
  high: number;
}

/** Where mtime is. */
export interface TimeSource {
  time(): Ticks;
  /** Guest time in ns at which mtime reaches `target`: now or earlier if it has; Infinity if it never will. */
  deadlineOf(target: Ticks): number;
  /** Called by the source after a guest wrote mtime. */
  onTimeWritten: () => void;
}

/** The device that has mtime, if this is it. */
export function timeSourceOf(device: Device): (Device & TimeSource) | undefined {
  return 'deadlineOf' in device && 'time' in device ? (device as Device & TimeSource) : undefined;
}

/** mtime of a machine without a CLINT: guest time, not writable. */
export class PlainTime implements TimeSource {
  onTimeWritten = (): void => {};
  private readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }

  time(): Ticks {
    const ticks = Math.floor(this.now() / TICK_NS);
    return { low: ticks >>> 0, high: Math.floor(ticks / 2 ** 32) };
  }

  deadlineOf(target: Ticks): number {
    const deadline = (target.high * 2 ** 32 + target.low) * TICK_NS;
    return deadline < Number.MAX_SAFE_INTEGER ? deadline : Number.POSITIVE_INFINITY;
  }
}

/** The supervisor timers of all harts: stimecmp against mtime, while menvcfg.STCE is set. */
export class SupervisorTimers {
  private readonly timers: Timer[];
  private readonly source: () => TimeSource;
  private readonly now: () => number;

  constructor(harts: readonly Hart[], scheduler: Scheduler, source: () => TimeSource, now: () => number) {
    this.source = source;
    this.now = now;
    this.timers = harts.map((hart) => scheduler.timer(`stimecmp${hart.index}`, () => this.update(hart)));
  }

  /** Sets STIP, or the timer that will, after stimecmp, menvcfg.STCE or mtime changed, or the timer went off. */
  update(hart: Hart): void {
    const timer = this.timers[hart.index]!;
    if ((hart.cellHi(Slot.menvcfg) & Envcfg.STCE_HIGH) === 0) {
      hart.setLine(Interrupt.supervisorTimer, false);
      timer.cancel();
      return;
    }
    const low = hart.cell(Slot.stimecmp) >>> 0;
    const deadline = this.source().deadlineOf({ low, high: hart.hi >>> 0 });
    const due = deadline <= this.now();
    hart.setLine(Interrupt.supervisorTimer, due);
    if (due || deadline === Number.POSITIVE_INFINITY) timer.cancel();
    else timer.setAt(deadline);
  }
}
