/**
 * Finds the schedules of a guest workload's threads that can make a difference, up to a number of preemptions (iterative
 * context bounding: Musuvathi and Qadeer, PLDI 2007). The threads share one hart. One that blocks, yields or ends gives way to the
 * one that has waited longest, which is the kernel's own choice and costs nothing; besides, a thread is preempted, in favour of
 * that same one, just before one of its steps (thread-steps.ts).
 *
 * Two things are left out. A preempted thread's step is *asleep* until others do something that matters before it (`mattersBefore`): a run in which
 * it comes next while it still sleeps is the same as one that is preempted behind it. And a run that comes to a state in which
 * an earlier one was, of which no less was asleep and which had not been preempted more often, goes on as that one did: it ends there.
 * States are told apart by what happened before what (causality.ts), which thread runs, which ones wait in which order, and the marks.
 */
import type { Computer } from '../../emulator/boot/computer.ts';
import { Privilege } from '../../emulator/cpu/causes.ts';
import { UserError } from '../../emulator/errors.ts';
import type { Snapshot } from '../../emulator/machine/state.ts';
import { Causality, StepNames } from './causality.ts';
import { NO_PROGRESS, type Progress, progressAfter } from './device.ts';
import { mattersBefore } from './footprint.ts';
import type { Interleavings } from './interleave.ts';
import { budgetOf, makeComputer, type Program } from './program.ts';
import { ReadyQueue } from './ready-queue.ts';
import { preempt, type Schedule, type ScheduledRun } from './schedule.ts';
import { pcOf, type ThreadStep, ThreadSteps, type Trail } from './thread-steps.ts';

/** A run that has been preempted for the last time at `snapshot`, or, at the root, never. */
interface Branch {
  /** Just before the last preemption. */
  readonly snapshot: Snapshot;
  readonly progress: Progress;
  /** Times of the preemptions. */
  readonly times: readonly number[];
  readonly crowded: boolean;
  readonly trail: Trail | undefined;
  /** All that came before. */
  readonly steps: readonly ThreadStep[];
  /** By thread: the step before which it was preempted, as long as nothing has happened that matters to it. */
  readonly asleep: ReadonlyMap<number, ThreadStep>;
}

/** A place just before a step, in a run. */
interface Place {
  readonly step: ThreadStep;
  /** How many came before. */
  readonly index: number;
  readonly asleep: ReadonlyMap<number, ThreadStep>;
  /** Threads that could run in its place, the next one first. */
  readonly waiting: readonly number[];
  readonly trail: Trail;
}

/** A run from a branch on. */
interface Run {
  /** From the beginning, those before the branch included. */
  readonly steps: readonly ThreadStep[];
  readonly places: readonly Place[];
  /** It did not end because another one was there before. */
  readonly isWhole: boolean;
  /** There is nothing in it but what others show as well. */
  readonly redundant: boolean;
  /** Instructions behind which nothing is new. */
  readonly until: number;
}

export interface ThreadOptions {
  /** Preemptions in one run, at most; default `PREEMPTIONS`. */
  readonly preemptions?: number;
  /** Schedules, at most; default `MOST_SCHEDULES`. */
  readonly most?: number;
  /** Without: every schedule, for comparison. */
  readonly reduce?: boolean;
}

/** Runs with as many preemptions as there may be, of which it is seen whether one more would show anything: no more of them are kept. */
const LAST_ONES = 200;
export const PREEMPTIONS = 1;
export const MOST_SCHEDULES = 10_000;

export interface ThreadSchedules extends Interleavings {
  /** All schedules with so many preemptions were explored; more preemptions were not tried, unless `complete`. */
  readonly preemptions: number;
}

/**
 * @returns one schedule without preemptions for a workload of one thread
 * @throws UserError when the workload does not end well under some schedule
 */
export function threadSchedules(program: Program, options: ThreadOptions = {}): ThreadSchedules {
  return new ThreadExplorer(program, options).explore();
}

class ThreadExplorer {
  private readonly computer: Computer;
  private readonly queue: ReadyQueue;
  private recorder: ThreadSteps | undefined;
  private progress: Progress = NO_PROGRESS;
  private finished: number | undefined;
  private output = '';
  private readonly names = new StepNames();
  /** By state: which threads were asleep there, a bit for each, at each time that a run came through. */
  private known = new Map<string, number[]>();

  // Of the present run; `places` is undefined when it is only repeated.
  private places: Place[] | undefined;
  private causality = new Causality(this.names);
  /** Steps that `causality` knows of. */
  private counted = 0;
  /** Replaced when it changes. */
  private asleep: ReadonlyMap<number, ThreadStep> = new Map();
  private cut: { readonly asleep: boolean; readonly instret: number } | undefined;

  constructor(
    private readonly program: Program,
    private readonly options: ThreadOptions,
  ) {
    this.computer = makeComputer(program, {
      host: {
        recovering: false,
        progress: () => this.progress,
        mark: (mark) => {
          if (mark.kind === 'acknowledge') this.recorder?.acknowledged();
          this.progress = progressAfter(this.progress, mark);
          if (mark.kind === 'finish') this.finished = mark.code;
          if (mark.kind === 'ready' || mark.kind === 'finish') this.computer.machine.pause();
        },
      },
      output: (text) => {
        this.output += text;
      },
      recording: true,
    });
    this.queue = new ReadyQueue(program.system!.kernel, this.computer.machine.memory);
  }

  explore(): ThreadSchedules {
    const { machine } = this.computer;
    machine.run({ instructions: budgetOf(this.program) });
    if (!this.progress.ready || this.finished !== undefined) this.fail([]);
    const { progress } = this;
    const snapshot = machine.snapshot();
    const root: Branch = {
      snapshot,
      progress,
      times: [],
      crowded: false,
      steps: [],
      asleep: new Map(),
      trail: undefined,
    };
    this.recorder = new ThreadSteps(this.computer, (step) => this.begins(step));
    for (;;) {
      const found = this.exploreFrom(root, this.recorder);
      if (found) return found;
    }
  }

  /** @returns undefined when schedules have shown that threads meet where earlier ones did not tell */
  private exploreFrom(root: Branch, recorder: ThreadSteps): ThreadSchedules | undefined {
    const bound = this.options.preemptions ?? PREEMPTIONS;
    const most = this.options.most ?? MOST_SCHEDULES;
    const { learned } = recorder;
    const runs: ScheduledRun[] = [];
    this.known = new Map();
    let level: { readonly branch: Branch; readonly run: Run }[] = [];
    let taken = 0;
    /** @returns whether there have been enough */
    const take = (branch: Branch, run: Run): boolean => {
      taken++;
      if (branch.times.length < bound || taken <= LAST_ONES) level.push({ branch, run });
      const from = branch.times.length === 0 ? 0 : branch.snapshot.instructions;
      if (!run.redundant) runs.push({ schedule: scheduleOf(branch), from, until: run.until });
      return runs.length > most;
    };
    take(root, this.run(root));
    for (let preemptions = 0; ; preemptions++) {
      if (recorder.learned > learned) return undefined;
      if (runs.length > most)
        return { runs: runs.slice(0, most), complete: false, preemptions: preemptions - 1 };
      const last = level;
      level = [];
      if (preemptions === bound) {
        // Behind the bound one branch that shows something is enough to know that there are more.
        const isNew = (_branch: Branch, { redundant }: Run): boolean => !redundant;
        const complete =
          last.length === taken && !last.some(({ branch, run }) => this.someBranch(branch, run, isNew));
        return { runs, complete, preemptions };
      }
      taken = 0;
      for (const { branch, run } of last) if (this.someBranch(branch, run, take)) break;
      if (level.length === 0) return { runs, complete: true, preemptions };
    }
  }

  // ---- Runs --------------------------------------------------------------------------------------------------------

  private get reduces(): boolean {
    return this.options.reduce !== false;
  }

  /** Goes to a branch, and preempts its thread; the root has nobody to preempt. */
  private enter({ snapshot, progress, times, crowded, steps, trail, asleep }: Branch): void {
    const { machine } = this.computer;
    machine.restore(snapshot);
    this.progress = progress;
    this.finished = undefined;
    this.recorder!.restart(steps, crowded, trail);
    this.causality = new Causality(this.names);
    for (const step of steps) this.causality.add(step.thread, step);
    this.counted = steps.length;
    this.asleep = asleep;
    this.cut = undefined;
    if (times.length > 0) preempt(machine);
  }

  /** Runs from a branch as far as there is anything new. */
  private run(branch: Branch): Run {
    const { machine } = this.computer;
    this.enter(branch);
    const places: Place[] = [];
    this.places = places;
    machine.run({ instructions: budgetOf(this.program) - machine.instructions });
    this.places = undefined;
    const { cut } = this;
    if (cut === undefined && this.finished !== 0) this.fail(branch.times);
    return {
      steps: this.recorder!.steps,
      places,
      isWhole: cut === undefined || cut.asleep,
      redundant: cut !== undefined && (cut.asleep || places.length === 0),
      until: cut?.instret ?? machine.instructions,
    };
  }

  /** A step begins; the one before it is over. */
  private begins(step: ThreadStep): void {
    const { places, causality } = this;
    if (places === undefined || this.cut !== undefined) return;
    const { steps } = this.recorder!;
    for (; this.counted < steps.length; this.counted++) {
      const over = steps[this.counted]!;
      causality.add(over.thread, over);
      const awake = [...this.asleep].filter(([, sleeping]) => mattersBefore(sleeping, over));
      if (awake.length === 0) continue;
      const asleep = new Map(this.asleep);
      for (const [thread] of awake) asleep.delete(thread);
      this.asleep = asleep;
    }
    const waiting = this.queue.read().map((address) => this.recorder!.threadAt(address));
    if (this.reduces) {
      const isAsleep = this.asleep.has(step.thread);
      if (isAsleep || this.wasHere(step.thread, waiting)) {
        this.cut = { asleep: isAsleep, instret: step.instret };
        this.computer.machine.pause();
        return;
      }
    }
    const { trail } = this.recorder!;
    places.push({ step, index: steps.length, asleep: this.asleep, waiting, trail });
  }

  /** Whether an earlier run has shown all that can come from here. */
  private wasHere(thread: number, waiting: readonly number[]): boolean {
    const state = `${thread} ${waiting} ${Object.values(this.progress)} ${this.causality.state}`;
    let asleep = 0;
    for (const one of this.asleep.keys()) asleep |= 1 << one;
    const before = this.known.get(state);
    if (before?.some((then) => (then & ~asleep) === 0)) return true;
    if (before) before.push(asleep);
    else this.known.set(state, [asleep]);
    return false;
  }

  private fail(times: readonly number[]): never {
    const how = this.finished === undefined ? 'does not end' : `ends with code ${this.finished}`;
    const when = times.length === 0 ? '' : ` when threads are preempted at ${times.join(', ')} ns`;
    const said = this.output.trim() === '' ? '' : `; it printed: ${JSON.stringify(this.output.slice(-200))}`;
    throw new UserError(`${this.program.elf.name}: the workload itself ${how}${when}${said}`);
  }

  /**
   * Goes through the branches behind one, each its run, preempted once more before one of its steps, from the last step to the first.
   * @returns whether one was found; none is looked at behind it
   */
  private someBranch(branch: Branch, run: Run, found: (branch: Branch, run: Run) => boolean): boolean {
    let meanwhile: Meanwhile | undefined;
    for (const one of this.branchesOf(branch, run).reverse()) {
      const { thread, branch: here, waiting } = one;
      const step = here.asleep.get(thread)!;
      // With one thread that waits it is that one's turn, and then the preempted one's again.
      const isSame = this.reduces && waiting === 1 && meanwhile?.thread === thread;
      if (isSame && !meanwhile!.steps.some((other) => mattersBefore(step, other))) continue;
      const next = this.run(here);
      meanwhile = meanwhileIn(next, thread, here.steps.length);
      if (found(here, next)) return true;
    }
    return false;
  }

  /** A run preempted once more, before each of its steps at which that may show anything. */
  private branchesOf(branch: Branch, { steps, places }: Run): Candidate[] {
    const { machine } = this.computer;
    const candidates: Candidate[] = [];
    this.enter(branch);
    for (const { step, index, asleep, waiting, trail } of places) {
      const [next] = waiting;
      if (next === undefined || (this.reduces && asleep.has(next))) continue;
      machine.run({ instructions: step.instret - machine.instructions });
      const { hart } = machine.cores[0]!;
      if (pcOf(hart) !== step.pc || hart.privilege !== Privilege.user)
        throw new Error('a workload took another way the second time');
      const here: Branch = {
        snapshot: machine.snapshot(),
        progress: this.progress,
        times: [...branch.times, machine.turns.now],
        crowded: this.recorder!.crowded,
        trail,
        steps: steps.slice(0, index),
        asleep: new Map(asleep).set(step.thread, step),
      };
      candidates.push({ branch: here, thread: step.thread, waiting: waiting.length });
    }
    return candidates;
  }
}

/** A branch that may be looked at. */
interface Candidate {
  readonly branch: Branch;
  /** The one that is preempted. */
  readonly thread: number;
  /** Threads that could run in its place. */
  readonly waiting: number;
}

/** What others do when a thread is preempted, until it goes on. */
interface Meanwhile {
  readonly thread: number;
  readonly steps: readonly ThreadStep[];
}

/** @returns undefined when the run ended before the thread went on */
function meanwhileIn({ steps, isWhole }: Run, thread: number, from: number): Meanwhile | undefined {
  const back = steps.findIndex((step, i) => i >= from && step.thread === thread);
  if (back < 0 && !isWhole) return undefined;
  return { thread, steps: steps.slice(from, back < 0 ? undefined : back) };
}

const scheduleOf = ({ times }: Branch): Schedule =>
  times.map((time, i) => [0, time - (times[i - 1] ?? 0)] as const);
