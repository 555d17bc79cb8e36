/**
 * Schedules. On several harts: which hart runs, for how many instructions, and then which. Of a guest program: when the
 * thread that runs is preempted, in favour of the one that waits longest. A run under a schedule is as deterministic as any other.
 */
import { Interrupt } from '../../emulator/cpu/causes.ts';
import { RunState } from '../../emulator/cpu/csr-numbers.ts';
import type { Timer } from '../../emulator/machine/bus.ts';
import type { StopReason } from '../../emulator/machine/config.ts';
import type { Machine } from '../../emulator/machine/machine.ts';

/**
 * Turns. On several harts: hart and instructions; after the last one all harts run. Of a guest program: hart 0, and guest time
 * in nanoseconds, since power-on or the turn before, at the end of which its thread is preempted; after the last one it
 * is as without a schedule.
 */
export type Schedule = readonly (readonly [hart: number, length: number])[];

/** A run under a schedule, and where it shows crash points that others do not. Plain data. */
export interface ScheduledRun {
  readonly schedule: Schedule;
  /** Instructions before which there is nothing new; default 0. */
  readonly from?: number;
  /** Instructions behind which there is nothing new; default: its end. */
  readonly until?: number;
}

/** Runs one hart alone; the others stand still. */
export function runAlone(machine: Machine, index: number, instructions: number): StopReason {
  const others = machine.cores.map(({ hart }) => hart).filter((hart) => hart.index !== index);
  const states = others.map((hart) => hart.runState);
  for (const hart of others) hart.runState = RunState.stopped;
  const reason = machine.run({ instructions });
  for (const [i, hart] of others.entries()) {
    hart.runState = states[i]!;
    hart.attention = true;
  }
  return reason;
}

/** Runs harts under a schedule, then freely, for at most `budget` instructions together. */
export function runScheduled(machine: Machine, schedule: Schedule, budget: number): StopReason {
  const start = machine.instructions;
  for (const [hart, instructions] of schedule) {
    const reason = runAlone(machine, hart, instructions);
    if (reason.kind !== 'budget') return reason;
  }
  return machine.run({ instructions: budget - (machine.instructions - start) });
}

/** The guest's kernel takes the timer's interrupt for the end of a thread's time. */
export function preempt(machine: Machine): void {
  machine.cores[0]!.hart.setLine(Interrupt.supervisorTimer, true);
}

/** Preempts threads of a guest at given times. Part of the machine's state, but for the times themselves. */
export class Preemptions {
  private readonly timer: Timer;
  /** Guest times in nanoseconds, ascending. */
  private times: readonly number[] = [];
  /** Instructions before which a thread was preempted since `follow`. */
  places: bigint[] = [];

  constructor(private readonly machine: Machine) {
    this.timer = machine.scheduler.timer('preemption', () => {
      this.places.push(BigInt.asUintN(64, machine.cores[0]!.hart.pc));
      preempt(machine);
      this.next();
    });
  }

  /** From now on this schedule holds, as far as it lies in the future. */
  follow(schedule: Schedule): void {
    let time = 0;
    this.times = schedule.map(([, length]) => {
      time += length;
      return time;
    });
    this.places = [];
    this.timer.cancel();
    this.next();
  }

  private next(): void {
    const { now } = this.machine.turns;
    const time = this.times.find((one) => one > now);
    if (time !== undefined) this.timer.setAt(time);
  }
}

/** The schedule with neighbouring turns of one hart joined. */
export function joined(schedule: Schedule): Schedule {
  const turns: [number, number][] = [];
  for (const [hart, instructions] of schedule) {
    const last = turns[turns.length - 1];
    if (last && last[0] === hart) last[1] += instructions;
    else turns.push([hart, instructions]);
  }
  return turns;
}

/** As in seeds: `0x12_1x3`. */
export const scheduleText = (schedule: Schedule): string =>
  schedule.map(([hart, length]) => `${hart}x${length}`).join('_');

export const parseSchedule = (text: string): Schedule =>
  text === '' ? [] : text.split('_').map((turn) => turn.split('x').map(Number) as [number, number]);
