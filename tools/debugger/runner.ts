/**
 * Lets the guest run, forwards or backwards, until something that was asked for happens. Works in slices, between which the host's events
 * are looked at, so that a run can be interrupted; what the slices are changes nothing.
 */
import type { Computer } from '../../emulator/boot/computer.ts';
import type { StopReason } from '../../emulator/machine/config.ts';
import type { Core } from '../../emulator/machine/core.ts';
import type { Hit, Observer } from './observer.ts';
import type { StopPoint, StopPoints } from './stop-points.ts';
import type { TimeTravel } from './time-travel.ts';

/** Why a run came to its end. */
export type RunEnd =
  /** Stop points were met; `reason` and `hits` say how. */
  | {
      readonly kind: 'point';
      readonly points: readonly StopPoint[];
      readonly reason: StopReason;
      readonly hits: readonly Hit[];
    }
  /** A place that the run was to go to. */
  | { readonly kind: 'there'; readonly core: Core }
  /** So many positions have passed. */
  | { readonly kind: 'limit' }
  | { readonly kind: 'interrupted' }
  /** The beginning of time. */
  | { readonly kind: 'beginning' }
  /** The machine can do nothing more: switched off, for ever idle, stuck. */
  | { readonly kind: 'end'; readonly reason: StopReason };

/** A place in code that ends a run without being a stop point. */
export interface Waypoint {
  readonly va: bigint;
  /** Whether it counts, with the core that is there. */
  readonly accept: (core: Core) => boolean;
}

/** What of a stop point only its owner can tell. */
export interface Judge {
  /** Whether the stop point's place is the one that is meant (its program), and its condition holds. */
  holds(point: StopPoint, core: Core, hit: Hit | undefined): boolean;
}

/** Positions in a slice: some ten milliseconds of the translator. */
const SLICE = 2_000_000;
/** Milliseconds after which the host's events get their turn. */
const BREATH_MS = 30;

export class Runner {
  private wantsInterrupt = false;
  private lastBreath = performance.now();
  /** Stop at the next return from a trap for which this holds. */
  private returnTest: ((core: Core) => boolean) | undefined;
  private returned: Core | undefined;
  /** Called between slices of a run. */
  onSlice: () => void = () => {};

  constructor(
    private readonly computer: Computer,
    private readonly time: TimeTravel,
    private readonly observer: Observer,
    private readonly points: StopPoints,
    private readonly judge: Judge,
  ) {
    const { hooks, cores } = computer.machine;
    const control = hooks.control;
    hooks.control = (hart, what, written) => {
      control?.(hart, what, written);
      if (what !== 'return' || this.returnTest === undefined) return;
      const core = cores[hart.index]!;
      if (!this.returnTest(core)) return;
      this.returned = core;
      computer.machine.pause();
    };
  }

  /** Ends the run in progress at the next slice. */
  interrupt(): void {
    this.wantsInterrupt = true;
  }

  /** Lets the host's events in, now and then. True: the run is to end. */
  async breathe(): Promise<boolean> {
    if (performance.now() - this.lastBreath > BREATH_MS) {
      this.onSlice();
      await new Promise(setImmediate);
      this.lastBreath = performance.now();
    }
    return this.wantsInterrupt;
  }

  /** Begins a command that may be interrupted. */
  begin(): void {
    this.wantsInterrupt = false;
    this.lastBreath = performance.now();
  }

  private armed: readonly Waypoint[] = [];

  /** Stop points were changed during a run. */
  rearm(): void {
    this.arm(this.armed);
  }

  /** Puts stop points and waypoints into force. */
  private arm(waypoints: readonly Waypoint[]): void {
    const { machine } = this.computer;
    this.armed = waypoints;
    const wanted = this.points.addresses;
    for (const { va } of waypoints) wanted.add(va);
    const now = machine.breakpoints.all;
    if (now.length !== wanted.size || now.some((address) => !wanted.has(address)))
      machine.setBreakpoints(wanted);
  }

  /**
   * Runs forwards.
   * @param limit positions at most
   * @param waypoints places that end the run as well
   */
  async forward(limit = Number.POSITIVE_INFINITY, waypoints: readonly Waypoint[] = []): Promise<RunEnd> {
    const { machine } = this.computer;
    this.arm(waypoints);
    machine.breakpoints.pass(machine.turns.current.hart);
    this.observer.pass();
    this.observer.take();
    const end = this.time.now + limit;
    try {
      for (;;) {
        if (this.time.now >= end) return { kind: 'limit' };
        const reason = this.time.run(Math.min(SLICE, end - this.time.now));
        const found = this.look(reason, waypoints, true);
        if (found) return found;
        if (await this.breathe()) return { kind: 'interrupted' };
      }
    } finally {
      if (waypoints.length > 0) this.arm([]);
    }
  }

  /** Runs until a core returns from a trap to where `test` holds. */
  async untilReturn(test: (core: Core) => boolean): Promise<RunEnd> {
    this.returnTest = test;
    this.returned = undefined;
    try {
      return await this.forward();
    } finally {
      this.returnTest = undefined;
      this.returned = undefined;
    }
  }

  /** What a stop of the machine means; undefined: nothing, go on. */
  private look(reason: StopReason, waypoints: readonly Waypoint[], counts: boolean): RunEnd | undefined {
    const { cores } = this.computer.machine;
    switch (reason.kind) {
      case 'budget':
      case 'sleep':
        return undefined;
      case 'breakpoint': {
        const core = cores[reason.hart]!;
        const points = this.points
          .atCode(reason.pc)
          .filter((one) => this.counts(one, core, undefined, counts));
        if (points.length > 0) return { kind: 'point', points, reason, hits: [] };
        const isThere = waypoints.some(({ va, accept }) => va === reason.pc && accept(core));
        return isThere ? { kind: 'there', core } : undefined;
      }
      case 'trap': {
        const core = cores[reason.hart]!;
        const points = this.points
          .forTrap(core.hart, reason.cause, reason.interrupt)
          .filter((one) => this.counts(one, core, undefined, counts));
        return points.length > 0 ? { kind: 'point', points, reason, hits: [] } : undefined;
      }
      case 'paused': {
        if (this.returned !== undefined) return { kind: 'there', core: this.returned };
        const core = this.computer.machine.turns.current;
        const hits = this.observer.take().filter((hit) => {
          const point = this.points.get(hit.id);
          return point !== undefined && this.counts(point, core, hit, counts);
        });
        if (hits.length === 0) return undefined;
        const points = [...new Set(hits.map(({ id }) => this.points.get(id)!))];
        return { kind: 'point', points, reason, hits };
      }
      default:
        return { kind: 'end', reason };
    }
  }

  /** Whether a stop point that was met is to stop the run. Hits are counted going forwards only. */
  private counts(point: StopPoint, core: Core, hit: Hit | undefined, counting: boolean): boolean {
    if (!this.judge.holds(point, core, hit)) return false;
    if (!counting) return true;
    point.hits++;
    if (point.ignore === 0) return true;
    point.ignore--;
    return false;
  }

  /**
   * Runs backwards to the last stop before the present position.
   * @param waypoints places that end the run as well
   */
  async backward(waypoints: readonly Waypoint[] = []): Promise<RunEnd> {
    const start = this.time.now;
    this.arm(waypoints);
    try {
      for (let end = start; end > this.time.beginning; ) {
        const from = this.time.restoreBefore(end - 1);
        const last = await this.lastBetween(end, start, waypoints);
        if (last === 'interrupted') {
          this.time.goTo(start);
          return { kind: 'interrupted' };
        }
        if (last !== undefined) {
          await this.land(last.at, last.end);
          return last.end;
        }
        end = from;
      }
    } finally {
      if (waypoints.length > 0) this.arm([]);
    }
    this.time.goTo(this.time.beginning);
    return { kind: 'beginning' };
  }

  /** Runs to `end` and remembers the last stop that lies before `before`. */
  private async lastBetween(
    end: number,
    before: number,
    waypoints: readonly Waypoint[],
  ): Promise<{ at: number; end: RunEnd } | 'interrupted' | undefined> {
    let last: { at: number; end: RunEnd } | undefined;
    this.observer.refresh();
    while (this.time.now < end) {
      const reason = this.time.run(Math.min(SLICE, end - this.time.now));
      const found = this.look(reason, waypoints, false);
      if (found?.kind === 'end') break;
      if (found !== undefined && this.time.now < before) last = { at: this.time.now, end: found };
      if (await this.breathe()) return 'interrupted';
    }
    return last;
  }

  /** Goes to where a stop was found, into the very state that it had. */
  private async land(at: number, end: RunEnd): Promise<void> {
    this.time.goTo(at);
    // At the first instruction of a trap handler the interrupt that led there has not been taken yet.
    if (end.kind !== 'point' || end.reason.kind !== 'breakpoint') return;
    const { hart, pc } = end.reason;
    const { machine } = this.computer;
    if (machine.cores[hart]!.hart.pc !== pc && machine.turns.current.hart.index === hart) this.time.run(1);
  }
}
