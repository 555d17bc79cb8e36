/**
 * Schedules of several harts: which hart runs, for how many instructions, and then which. A run under a schedule is as
 * deterministic as any other.
 */
import { RunState } from '../../emulator/cpu/csr-numbers.ts';
import type { StopReason } from '../../emulator/machine/config.ts';
import type { Machine } from '../../emulator/machine/machine.ts';

/** Turns: hart and instructions. After the last one all harts run. */
export type Schedule = readonly (readonly [hart: number, instructions: number])[];

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

/** Runs under a schedule, then freely, for at most `budget` instructions together. */
export function runScheduled(machine: Machine, schedule: Schedule, budget: number): StopReason {
  const start = machine.instructions;
  for (const [hart, instructions] of schedule) {
    const reason = runAlone(machine, hart, instructions);
    if (reason.kind !== 'budget') return reason;
  }
  return machine.run({ instructions: budget - (machine.instructions - start) });
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
  schedule.map(([hart, instructions]) => `${hart}x${instructions}`).join('_');

export const parseSchedule = (text: string): Schedule =>
  text.split('_').map((turn) => turn.split('x').map(Number) as [number, number]);
