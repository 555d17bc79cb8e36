/**
 * A stand-in for the machine in the tests of devices: guest time moved by hand, hart lines that can be looked at,
 * real physical memory.
 */
import { MiB } from '../addresses.ts';
import type { DeviceHost, HartInterrupt, InterruptLine, PowerRequest, Timer } from '../machine/bus.ts';
import { DRAM_BASE } from '../machine/config.ts';
import { layOut } from '../machine/layout.ts';
import { PhysicalMemory } from '../machine/memory.ts';

interface FakeTimer {
  deadline: number;
  readonly due: () => void;
}

export class FakeHost implements DeviceHost {
  readonly memory: PhysicalMemory;
  readonly powerRequests: PowerRequest[] = [];
  outputs = 0;
  private time = 0;
  private readonly timers: FakeTimer[] = [];
  private readonly lines = new Set<string>();

  constructor(readonly hartCount = 1) {
    const dram = { name: 'DRAM', kind: 'dram', base: DRAM_BASE, size: MiB } as const;
    this.memory = new PhysicalMemory(layOut(hartCount, [dram], 65536));
  }

  now(): number {
    return this.time;
  }

  timer(_name: string, due: () => void): Timer {
    const timer: FakeTimer = { deadline: Number.POSITIVE_INFINITY, due };
    this.timers.push(timer);
    return {
      setAt: (at) => {
        timer.deadline = at;
      },
      cancel: () => {
        timer.deadline = Number.POSITIVE_INFINITY;
      },
      get deadline() {
        return timer.deadline;
      },
    };
  }

  hartLine(hart: number, interrupt: HartInterrupt): InterruptLine {
    const key = `${hart}.${interrupt}`;
    return { set: (level) => void (level ? this.lines.add(key) : this.lines.delete(key)) };
  }

  /** Level of a hart's interrupt input. */
  level(hart: number, interrupt: HartInterrupt): boolean {
    return this.lines.has(`${hart}.${interrupt}`);
  }

  /** Moves guest time to `ns`, running the timers that are due by then. */
  advanceTo(ns: number): void {
    for (;;) {
      const next = this.timers.reduce((a, b) => (b.deadline < a.deadline ? b : a));
      if (next.deadline > ns) break;
      this.time = Math.max(this.time, next.deadline);
      next.deadline = Number.POSITIVE_INFINITY;
      next.due();
    }
    this.time = ns;
  }

  power(request: PowerRequest): void {
    this.powerRequests.push(request);
  }

  beforeOutput(): void {
    this.outputs++;
  }
}

/** A wire whose level a test can look at. */
export class FakeLine implements InterruptLine {
  level = false;
  set(level: boolean): void {
    this.level = level;
  }
}
