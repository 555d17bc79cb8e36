/**
 * Finds the schedules of a workload on several harts that can make a difference: systematic exploration with dynamic
 * partial-order reduction (Flanagan and Godefroid, POPL 2005) and sleep sets. Two steps of different harts are dependent when
 * they touch the same memory and one of them writes, or when one of them changes what a power failure may leave for certain
 * (a completing fence, an acknowledgement) and the other one stores to the NVDIMM, writes back, or does such a thing too.
 * Schedules that differ only in the order of independent steps have the same crash points, up to ones whose images another has as well.
 *
 * A step is the instructions of one hart up to and with the next one that touches memory or marks something. A hart that
 * comes back to where it was (same pc and registers, nothing changed by itself since) waits for memory that it has read: it is not run
 * until another hart changes that.
 */
import type { Computer } from '../../emulator/boot/computer.ts';
import { RunState } from '../../emulator/cpu/csr-numbers.ts';
import { UserError } from '../../emulator/errors.ts';
import type { Snapshot } from '../../emulator/machine/state.ts';
import { NO_PROGRESS, type Progress, progressAfter } from './device.ts';
import { dependent, emptyFootprint, type Footprint, meets, observeAccesses } from './footprint.ts';
import { makeComputer, type Program } from './program.ts';
import { joined, runAlone, type ScheduledRun } from './schedule.ts';

/** Where a hart has been since it last changed something, and what it has read meanwhile. */
interface Waiting {
  readonly been: ReadonlySet<string>;
  readonly reads: ReadonlySet<number>;
  readonly blocked: boolean;
  /** It has ended: sleeps for ever, or does nothing that anybody can see. */
  readonly ended: boolean;
}

const AWAKE: Waiting = { been: new Set(), reads: new Set(), blocked: false, ended: false };

/** What a step of a hart has touched, and which words' contents it has changed. */
interface HartFootprint extends Footprint {
  readonly changes: Set<number>;
}

const noFootprint = (): HartFootprint => ({ ...emptyFootprint(), changes: new Set() });

interface Step {
  readonly hart: number;
  readonly footprint: Footprint;
  readonly instructions: number;
  /** For each hart the number of the last step of it that happens before, plus 1. */
  readonly clock: readonly number[];
}

/** A state on the present path. */
interface State {
  readonly snapshot: Snapshot;
  readonly progress: Progress;
  readonly waiting: readonly Waiting[];
  readonly enabled: readonly number[];
  /** Harts to be run from here. */
  readonly backtrack: Set<number>;
  readonly done: Set<number>;
  readonly sleep: Map<number, Footprint>;
}

export interface InterleaveOptions {
  /** Schedules, at most; default 2000. */
  readonly most?: number;
  /** Without: every order of steps, for comparison. */
  readonly reduce?: boolean;
}

export interface Interleavings {
  readonly runs: readonly ScheduledRun[];
  /** False when there are more. */
  readonly complete: boolean;
}

const MOST = 2000;
/** Instructions without touching memory after which a hart is taken to have ended. */
const QUIET = 5000;
/** Steps of one run, at most. */
const LONGEST = 20_000;

/** @throws UserError when harts wait for each other for ever, or the workload does not end */
export function interleavings(program: Program, options: InterleaveOptions = {}): Interleavings {
  return new Interleaver(program, options).explore();
}

class Interleaver {
  private readonly computer: Computer;
  private readonly states: State[] = [];
  private readonly steps: Step[] = [];
  private readonly runs: ScheduledRun[] = [];
  private progress: Progress = { ...NO_PROGRESS, ready: true };
  private footprint = noFootprint();
  private stored: { readonly host: number; readonly word: number; readonly before: Uint8Array }[] = [];

  constructor(
    private readonly program: Program,
    private readonly options: InterleaveOptions,
  ) {
    this.computer = makeComputer(program, {
      host: {
        recovering: false,
        progress: () => this.progress,
        mark: (mark) => {
          this.footprint.orders = true;
          this.progress = progressAfter(this.progress, mark);
        },
      },
      output: () => {},
      recording: true,
    });
    this.observe();
  }

  private observe(): void {
    const { machine } = this.computer;
    const { memory } = machine;
    observeAccesses(this.computer, {
      footprint: (initiator, pa) => {
        // Fetching an instruction is not a step: code does not change under test.
        const fetched = pa === Number(machine.cores[initiator]!.hart.pc);
        return fetched ? undefined : this.footprint;
      },
      stored: (word) => {
        const host = memory.hostOf(word * 8);
        this.stored.push({ host, word, before: memory.u8.slice(host, host + 8) });
      },
    });
  }

  explore(): Interleavings {
    const most = this.options.most ?? MOST;
    const harts = this.computer.machine.cores.length;
    this.push(
      Array.from({ length: harts }, () => AWAKE),
      new Map(),
      0,
    );
    let complete = true;
    while (this.states.length > 0) {
      const state = this.states[this.states.length - 1]!;
      const hart = [...state.backtrack].find((one) => !state.done.has(one) && !state.sleep.has(one));
      if (hart === undefined) {
        this.states.pop();
        const step = this.steps.pop();
        const parent = this.states[this.states.length - 1];
        if (step && parent && this.reduces) parent.sleep.set(step.hart, step.footprint);
        continue;
      }
      if (this.runs.length >= most) {
        complete = false;
        break;
      }
      state.done.add(hart);
      this.advance(state, hart);
    }
    return { runs: this.runs, complete };
  }

  private get reduces(): boolean {
    return this.options.reduce !== false;
  }

  /** Takes a step, notes the races that it has with earlier ones, and goes to the state behind it. */
  private advance(state: State, hart: number): void {
    const { machine } = this.computer;
    machine.restore(state.snapshot);
    this.progress = state.progress;
    const before = machine.instructions;
    const { ended, exited } = this.run(hart);
    const footprint = this.footprint;
    const instructions = machine.instructions - before;
    const clock = this.races(hart, footprint);
    this.steps.push({ hart, footprint, instructions, clock });
    if (this.steps.length > LONGEST)
      throw new UserError(`${this.program.elf.name}: the workload does not end under some schedule`);
    const waiting = state.waiting.map((one, i) =>
      i === hart ? this.waitingAfter(one, hart, footprint, ended) : wokenBy(one, footprint),
    );
    const sleep = new Map([...state.sleep].filter(([, other]) => !dependent(other, footprint)));
    const runnable = waiting.some(({ blocked, ended: gone }) => !blocked && !gone);
    if (exited || !runnable) {
      if (!exited)
        throw new UserError(
          `${this.program.elf.name}: the harts wait for each other for ever under some schedule`,
        );
      const turns = this.steps.map((step) => [step.hart, step.instructions] as const);
      this.runs.push({ schedule: joined(turns) });
      this.steps.pop();
      if (this.reduces) state.sleep.set(hart, footprint);
      return;
    }
    this.push(waiting, sleep, hart);
  }

  private push(waiting: readonly Waiting[], sleep: Map<number, Footprint>, last: number): void {
    const enabled = waiting.flatMap(({ blocked, ended }, i) => (blocked || ended ? [] : [i]));
    const awake = enabled.filter((hart) => !sleep.has(hart));
    const first = awake.includes(last) ? last : awake[0];
    this.states.push({
      snapshot: this.computer.machine.snapshot(),
      progress: this.progress,
      waiting,
      enabled,
      backtrack: new Set(this.reduces ? (first === undefined ? [] : [first]) : enabled),
      done: new Set(),
      sleep,
    });
  }

  /** Runs a hart for a step. */
  private run(hart: number): { readonly ended: boolean; readonly exited: boolean } {
    const { machine } = this.computer;
    this.footprint = noFootprint();
    this.stored = [];
    for (let count = 0; count < QUIET; count++) {
      const reason = runAlone(machine, hart, 1);
      const exited = reason.kind === 'exit';
      const ended = reason.kind !== 'budget' || machine.cores[hart]!.hart.runState !== RunState.running;
      for (const { host, word, before } of this.stored)
        if (Buffer.compare(machine.memory.u8.subarray(host, host + 8), before) !== 0)
          this.footprint.changes.add(word);
      const { reads, writes, persistent, orders } = this.footprint;
      if (exited || ended || reads.size + writes.size > 0 || persistent || orders) return { ended, exited };
    }
    return { ended: true, exited: false };
  }

  /** Adds backtracking points for races of a step with earlier ones. @returns the step's clock */
  private races(hart: number, footprint: Footprint): number[] {
    const harts = this.computer.machine.cores.length;
    const index = this.steps.length;
    const own = this.steps.findLast((step) => step.hart === hart);
    const clock = own ? [...own.clock] : new Array<number>(harts).fill(0);
    for (let i = index - 1; i >= 0; i--) {
      const step = this.steps[i]!;
      if (step.hart === hart || !dependent(step.footprint, footprint)) continue;
      if (clock[step.hart]! <= i) {
        const { enabled, backtrack } = this.states[i]!;
        if (enabled.includes(hart)) backtrack.add(hart);
        else for (const other of enabled) backtrack.add(other);
      }
      for (let h = 0; h < harts; h++) clock[h] = Math.max(clock[h]!, step.clock[h]!);
    }
    clock[hart] = index + 1;
    return clock;
  }

  /** Whether a hart has come back to where it was. */
  private waitingAfter(old: Waiting, index: number, footprint: HartFootprint, ended: boolean): Waiting {
    if (ended) return { ...AWAKE, ended: true };
    if (footprint.changes.size > 0 || footprint.orders) return AWAKE;
    const { hart } = this.computer.machine.cores[index]!;
    const place = Buffer.from(hart.i32.buffer, hart.base, 33 * 8).toString('latin1');
    const key = `${place} ${hart.pc}`;
    const reads = new Set([...old.reads, ...footprint.reads]);
    return { been: new Set(old.been).add(key), reads, blocked: old.been.has(key), ended: false };
  }
}

/** A hart that waits for memory which somebody has changed goes on. */
function wokenBy(one: Waiting, { changes }: HartFootprint): Waiting {
  if (one.ended || one.been.size === 0 || !meets(one.reads, changes)) return one;
  return AWAKE;
}
