/**
 * Harts in turn, and guest time. All harts run for the same interval of guest time, one after the other (a *round*);
 * then the clock moves to its end. A round ends at the latest at the next event, so events happen at their exact
 * time for everyone. Where in a round a run stopped is part of the state, so slicing a run changes nothing.
 *
 * A hart's time within a round is the start of the round plus what it has used of its turn; one instruction takes
 * one nanosecond. A hart that waits (WFI) lets its turn pass; when all wait, the clock jumps to the next event.
 */
import { RunState } from '../cpu/csr-numbers.ts';
import { wakes } from '../cpu/trap.ts';
import type { State } from './bus.ts';
import type { RunLimit, StopReason } from './config.ts';
import type { Core } from './core.ts';
import { numberField } from './fields.ts';
import type { Scheduler } from './scheduler.ts';

/** Most instructions in one stretch: engines are entered anew now and then, so that they can tier up. */
const LONGEST_STRETCH = 1_000_000;

/** What the turns need of the machine. */
export interface TurnParts {
  readonly cores: readonly Core[];
  readonly scheduler: Scheduler;
  /** Instructions in a turn. */
  readonly quantum: number;
  /** Runs a core until its budget ends or something interrupts it. */
  execute(core: Core): void;
  /** Why to stop, once something has asked for it. */
  stopReason(): StopReason | undefined;
}

export class Turns {
  private readonly parts: TurnParts;
  /** Guest time at the start of the round, in nanoseconds. */
  private roundStart = 0;
  /** Length of the round; 0 between rounds. */
  private roundLength = 0;
  /** Index of the hart whose turn it is. */
  private turn = 0;
  /** Nanoseconds that it has used of its turn. */
  private used = 0;
  /** Instructions started, of all harts, since power-on. */
  instructions = 0;
  /** True while a core executes: its unsettled instructions count towards the time. */
  private executing = false;

  constructor(parts: TurnParts) {
    this.parts = parts;
  }

  /** Instructions in a turn. */
  get quantum(): number {
    return this.parts.quantum;
  }

  /** The core whose turn it is. */
  get current(): Core {
    return this.parts.cores[this.turn]!;
  }

  /** Guest time at the present instruction. */
  get now(): number {
    const time = this.roundStart + this.used;
    return this.executing ? time + this.current.hart.executed : time;
  }

  /** Instructions that came before the present one, of all harts, since power-on: exact in a hook, too. */
  get instructionsNow(): number {
    return this.executing ? this.instructions + this.current.hart.executed : this.instructions;
  }

  /** Guest time of the next event; infinite when there is none to come. */
  get nextEvent(): number {
    return this.parts.scheduler.next;
  }

  /** True when no hart can do anything before the next event. */
  get idle(): boolean {
    return this.roundLength === 0 && this.parts.cores.every((core) => !ready(core));
  }

  /** Runs until a limit or a reason to stop. */
  run(limit: RunLimit): StopReason {
    const { scheduler } = this.parts;
    const until = limit.until ?? Number.POSITIVE_INFINITY;
    let left = limit.instructions ?? Number.POSITIVE_INFINITY;
    for (;;) {
      const reason = this.parts.stopReason();
      if (reason) return reason;
      if (left <= 0 || this.now >= until) return { kind: 'budget' };
      if (this.roundLength === 0) {
        const waiting = this.beginRound(until, limit.paced === true);
        if (waiting) return waiting;
        continue;
      }
      const core = this.current;
      if (!ready(core)) {
        // Its time passes, up to what may wake it.
        const wake = this.roundStart + Math.min(this.roundLength, scheduler.next - this.roundStart);
        const target = Math.min(wake, until);
        if (limit.paced && target > this.now && !this.parts.cores.some(ready))
          return { kind: 'sleep', until: target };
        this.used = Math.max(this.used, target - this.roundStart);
      } else {
        const stretch = Math.min(
          this.roundLength - this.used,
          scheduler.next - this.now,
          until - this.now,
          left,
          LONGEST_STRETCH,
        );
        if (stretch > 0) left -= this.execute(core, stretch);
      }
      const { now } = this;
      if (scheduler.next <= now) scheduler.runDue(now);
      if (this.used >= this.roundLength) this.nextTurn();
    }
  }

  private execute(core: Core, stretch: number): number {
    const { hart } = core;
    const before = this.instructions;
    this.parts.scheduler.dirty = false;
    hart.loadBudget(stretch);
    this.executing = true;
    this.parts.execute(core);
    this.count(core);
    this.executing = false;
    return this.instructions - before;
  }

  /** Counts what a core has executed since its budget was loaded; that is then 0. */
  private count({ hart }: Core): void {
    const executed = hart.settle();
    this.used += executed;
    this.instructions += executed;
  }

  /** In a hook: counts what came before the present instruction, so that the state is exact. The run goes on as if nothing had been done. */
  settle(): void {
    if (!this.executing) return;
    const { hart } = this.current;
    const left = hart.budget;
    this.count(this.current);
    hart.loadBudget(left);
  }

  private nextTurn(): void {
    this.used = 0;
    if (++this.turn < this.parts.cores.length) return;
    this.turn = 0;
    this.roundStart += this.roundLength;
    this.roundLength = 0;
  }

  /** Begins a round, or lets idle time pass. Returns a reason to stop instead. */
  private beginRound(until: number, paced: boolean): StopReason | undefined {
    const { scheduler, cores, quantum } = this.parts;
    scheduler.runDue(this.roundStart);
    if (this.parts.stopReason()) return undefined;
    if (cores.some(ready)) {
      this.roundLength = Math.min(quantum, scheduler.next - this.roundStart);
      return undefined;
    }
    const { next } = scheduler;
    if (next === Number.POSITIVE_INFINITY && until === Number.POSITIVE_INFINITY) return { kind: 'idle' };
    const target = Math.min(next, until);
    if (paced) return { kind: 'sleep', until: target };
    this.roundStart = target;
    return undefined;
  }

  reset(): void {
    this.roundStart = 0;
    this.roundLength = 0;
    this.turn = 0;
    this.used = 0;
    this.instructions = 0;
  }

  save(): State {
    const { roundStart, roundLength, turn, used, instructions } = this;
    return { roundStart, roundLength, turn, used, instructions };
  }

  restore(state: State): void {
    this.roundStart = numberField(state, 'roundStart');
    this.roundLength = numberField(state, 'roundLength');
    this.turn = numberField(state, 'turn');
    this.used = numberField(state, 'used');
    this.instructions = numberField(state, 'instructions');
  }
}

/** True when a core can execute; wakes one whose WFI is over. */
function ready(core: Core): boolean {
  const { hart } = core;
  const state = hart.runState;
  if (state === RunState.running) return true;
  if (state !== RunState.waiting || !wakes(hart)) return false;
  hart.runState = RunState.running;
  hart.attention = true;
  return true;
}
