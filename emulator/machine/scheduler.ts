/**
 * Guest time and the timers of devices. Time is a number of nanoseconds, an integer below 2^53 (104 days). Timers
 * that are due together run in the order in which they were made, which is the same in every run.
 */
import type { State, Timer } from './bus.ts';

class SchedulerTimer implements Timer {
  readonly name: string;
  readonly due: () => void;
  deadline = Number.POSITIVE_INFINITY;
  private readonly scheduler: Scheduler;

  constructor(scheduler: Scheduler, name: string, due: () => void) {
    this.scheduler = scheduler;
    this.name = name;
    this.due = due;
  }

  setAt(atNs: number): void {
    if (this.deadline === atNs) return;
    this.deadline = atNs;
    this.scheduler.changed();
  }

  cancel(): void {
    if (this.deadline === Number.POSITIVE_INFINITY) return;
    this.deadline = Number.POSITIVE_INFINITY;
    this.scheduler.changed();
  }
}

export class Scheduler {
  private readonly timers: SchedulerTimer[] = [];
  /** The earliest deadline, or Infinity. */
  next = Number.POSITIVE_INFINITY;
  /** Set whenever `next` may have become earlier: a running hart must look at its budget again. */
  dirty = false;

  timer(name: string, due: () => void): Timer {
    if (this.timers.some((timer) => timer.name === name)) throw new Error(`two timers are named ${name}`);
    const timer = new SchedulerTimer(this, name, due);
    this.timers.push(timer);
    return timer;
  }

  /** Called by timers: finds the earliest deadline anew. There are some ten timers. */
  changed(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const timer of this.timers) if (timer.deadline < next) next = timer.deadline;
    if (next < this.next) this.dirty = true;
    this.next = next;
  }

  /** Runs everything that is due at `now`, earliest first, also what these callbacks make due. */
  runDue(now: number): void {
    while (this.next <= now) {
      const timer = this.timers.find((candidate) => candidate.deadline === this.next)!;
      timer.deadline = Number.POSITIVE_INFINITY;
      this.changed();
      timer.due();
    }
  }

  save(): State {
    const armed = this.timers.filter((timer) => timer.deadline !== Number.POSITIVE_INFINITY);
    return Object.fromEntries(armed.map((timer) => [timer.name, timer.deadline]));
  }

  restore(state: State): void {
    for (const timer of this.timers) timer.deadline = Number.POSITIVE_INFINITY;
    for (const [name, deadline] of Object.entries(state)) {
      const timer = this.timers.find((candidate) => candidate.name === name);
      if (!timer || typeof deadline !== 'number') throw new Error(`unknown timer ${name}`);
      timer.deadline = deadline;
    }
    this.changed();
    this.dirty = true;
  }
}
