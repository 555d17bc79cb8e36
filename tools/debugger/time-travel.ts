/**
 * A run that can go backwards. The machine is deterministic, so its state at a point of time is: the nearest checkpoint before it, run
 * forwards to it, with what came from outside in between (events: input, power failures, edits by the debugger).
 *
 * A *position* is a number: instructions started by all harts since the beginning, over all boots, plus one for each time
 * the machine went through reset. The state at a position is the one before the instruction that leads to the next position is
 * looked at (before an interrupt is taken there, too). Events without a tick take effect on arrival at their
 * position, those with a tick (power) lie between theirs and the next one.
 *
 * What the guest prints again on the way is not shown again.
 *
 * Stores to the NVDIMM are recorded on demand: by running again from a checkpoint at which the persistency engine's state is known. The
 * first one is such a checkpoint; others become so when a recorded run passes them.
 */
import type { Computer } from '../../emulator/boot/computer.ts';
import type { StopReason } from '../../emulator/machine/config.ts';
import type { StoreUnit } from '../../emulator/nvdimm/pending.ts';
import type { EngineState } from '../../emulator/nvdimm/persistency.ts';
import { type Checkpoint, Checkpoints } from './checkpoints.ts';

/** Something from outside that the run depends on. */
export interface TimelineEvent {
  readonly at: number;
  /** For people: `input`, `power failure`, … */
  readonly what: string;
  /** The machine waited for an interrupt that only this could raise. */
  readonly idle: boolean;
  /** Takes a position of its own: the machine goes through reset. */
  readonly tick: boolean;
  readonly apply: () => void;
}

/** Positions between looks at the host's events while the states of lines are learnt. */
const LEARNING_SLICE = 500_000;

/** Positions that a run may have at most to stay recorded when nothing asks for it: steps, after which lines are looked at. */
const RECORDED_STEP = 100_000;

/** Instructions before a point that was gone to at which checkpoints are left: steps further back are then short. */
const REFINEMENT = [20_000, 200_000, 2_000_000];

export class TimeTravel {
  private readonly checkpoints: Checkpoints;
  private readonly timeline: TimelineEvent[] = [];
  /** Events that have taken effect. */
  private applied = 0;
  /** Position at which this boot began. */
  private base = 0;
  /** Boots after the first one that began while stores were recorded: their bases, ascending, and the sequence number of their first store. */
  private boots: { readonly base: number; readonly sequence: number }[] = [];
  /** The furthest point reached; up to it, output is old. */
  private furthest = 0;
  /** Every run is to be recorded: something stops at the states of lines. */
  needsLines = false;
  /** A run to learn the states of lines is under way. */
  private learning = false;
  /** The guest discards cache lines, whose content then only the engine knows: every run must be recorded. */
  private discards = false;
  private discarded = false;
  /** Where time ends: the machine was switched off, or can do nothing more. */
  private ending: { readonly at: number; readonly reason: StopReason } | undefined;
  /** Told after the state has been put somewhere else. */
  readonly onJump: (() => void)[] = [];
  /** Told when what lay beyond a position is no more. */
  readonly onNewFuture: ((at: number) => void)[] = [];

  constructor(readonly computer: Computer) {
    this.checkpoints = new Checkpoints(computer.machine);
    if (computer.nvdimm)
      computer.nvdimm.onUnrecordedDiscard = () => {
        this.discarded = true;
        computer.machine.pause();
      };
    this.furthest = this.now;
    this.mark();
  }

  /** Runs are recorded now, and checkpoints wanted that know of it. */
  private get records(): boolean {
    return this.needsLines || this.learning || this.discards;
  }

  /** The states of lines are known at the present position. */
  get knowsLines(): boolean {
    return this.computer.nvdimm?.recording === true;
  }

  /** Positions that have to be run again until the states of lines are known at the present one. */
  get distanceToLines(): number {
    return this.knowsLines ? 0 : this.now - this.checkpoints.before(this.now, true).at;
  }

  /**
   * Learns the states of lines at the present position: runs again, recorded, from where they are known. The state is the very
   * same afterwards, and stores are recorded from here on until a longer run that does not need it.
   * Yields between slices; ended there, it leaves everything as it was. Nothing happens where there is nothing to record.
   */
  *learnLines(): Generator<void, void> {
    const { machine, nvdimm } = this.computer;
    if (!nvdimm?.recordable || this.knowsLines) return;
    const { now, base, applied } = this;
    const present = machine.snapshot();
    let engine: EngineState | undefined;
    const muffled = this.muffle();
    this.learning = true;
    try {
      this.restoreBefore(now);
      while (this.advance(now, LEARNING_SLICE)) yield;
      if (this.now !== now) throw new Error(`running again came to ${this.now} instead of ${now}`);
      this.mark();
      engine = nvdimm.engine.snapshot();
    } finally {
      this.learning = false;
      machine.restore(present);
      this.base = base;
      this.applied = applied;
      if (engine !== undefined) nvdimm.startRecording(engine);
      muffled();
      for (const told of this.onJump) told();
    }
  }

  /** The present position. Exact also while an instruction is being executed. */
  get now(): number {
    const { machine } = this.computer;
    return this.base + machine.instructions + machine.turns.current.hart.executed;
  }

  /**
   * The position of the instruction that made a pending store. It counts from the boot in which it was made, be that one before the present: a store that is
   * pending here has been recorded ever since, through every reset.
   */
  positionOf({ seq, instret }: Pick<StoreUnit, 'seq' | 'instret'>): number {
    const boot = this.boots.findLast(({ base, sequence }) => base <= this.base && sequence <= seq);
    return (boot?.base ?? 0) + instret;
  }

  /** The position at which the present boot began. */
  get bootPosition(): number {
    return this.base;
  }

  /** The first position that can be gone to. */
  get beginning(): number {
    return this.checkpoints.first.at;
  }

  /** The last position that was reached. */
  get end(): number {
    return this.furthest;
  }

  /** True when what the guest prints now was printed before. */
  get isReplay(): boolean {
    return this.now < this.furthest;
  }

  get events(): readonly TimelineEvent[] {
    return this.timeline;
  }

  private mark(): void {
    this.checkpoints.take(this.now, this.base, this.applied, this.knowsLines);
  }

  /** Input from the host, now. What lay in the future before is no more. */
  input(device: string, data: Uint8Array): void {
    const { machine } = this.computer;
    this.change('input', () => machine.input(device, data), machine.turns.idle);
  }

  /**
   * Changes the state from outside, now, and remembers it as a part of the past. What lay in the future before is no more.
   * @param idle the machine has stopped because it is idle
   */
  change(what: string, apply: () => void, idle = false, tick = false): void {
    const at = this.now;
    this.timeline.length = this.applied;
    this.checkpoints.forgetAfter(at);
    if (this.ending !== undefined && this.ending.at >= at) this.ending = undefined;
    this.furthest = at;
    this.boots = this.boots.filter(({ base }) => base <= at);
    for (const told of this.onNewFuture) told(at);
    this.timeline.push({ at, what, apply, idle, tick });
    this.applyNext();
  }

  private applyNext(): void {
    const event = this.timeline[this.applied++]!;
    if (event.tick) this.throughReset(event.apply);
    else event.apply();
  }

  /** Something that begins the instruction count anew. */
  private throughReset(action: () => void): void {
    const position = this.now + 1;
    const { nvdimm } = this.computer;
    const sequence = nvdimm?.recording === true ? nvdimm.engine.sequence : undefined;
    action();
    this.base = position - this.computer.machine.instructions;
    if (sequence !== undefined) {
      // Whoever comes here again finds the same: recorded runs number the stores alike.
      const others = this.boots.filter(({ base }) => base !== this.base);
      this.boots = [...others, { base: this.base, sequence }].sort((a, b) => a.base - b.base);
    }
    this.furthest = Math.max(this.furthest, this.now);
    this.mark();
  }

  /** Events that take effect on arrival here. */
  private arrive(): void {
    for (;;) {
      const event = this.timeline[this.applied];
      if (event === undefined || event.at !== this.now || event.idle || event.tick) return;
      this.applyNext();
    }
  }

  /** Runs up to `limit` positions further, with what came from outside on that way. */
  run(limit: number): StopReason {
    const { machine } = this.computer;
    const end = this.now + limit;
    if (!this.records && limit > RECORDED_STEP) this.computer.nvdimm?.stopRecording();
    for (;;) {
      this.arrive();
      const before = this.now;
      if (before >= end) return { kind: 'budget' };
      if (this.ending !== undefined && before >= this.ending.at) return this.ending.reason;
      const event = this.timeline[this.applied];
      if (event?.tick && event.at === before && !event.idle) {
        this.applyNext();
        continue;
      }
      const next = event !== undefined && event.at > before ? event.at : end;
      const stop = Math.min(end, next, Math.max(this.checkpoints.due, before + 1));
      const reason = machine.run({ instructions: stop - before });
      if (this.discarded) {
        this.repeatRecorded(this.now - 1);
        continue;
      }
      this.furthest = Math.max(this.furthest, this.now);
      if (reason.kind === 'budget') {
        if (this.now >= this.checkpoints.due) {
          this.arrive();
          this.mark();
        }
      } else if (reason.kind === 'idle' && event?.idle && event.at === this.now) {
        this.applyNext();
      } else if (reason.kind === 'reset' && this.computer.bootable) {
        this.throughReset(() => this.computer.reboot());
      } else {
        if (reason.kind === 'exit' || reason.kind === 'reset' || reason.kind === 'stuck')
          this.ending = { at: this.now, reason };
        return reason;
      }
    }
  }

  /** Comes to a position again with stores recorded, because the instruction there needs that; so does all that follows. */
  private repeatRecorded(position: number): void {
    this.discarded = false;
    this.discards = true;
    this.quietly(() => {
      this.restoreBefore(position);
      this.run(position - this.now);
    });
  }

  /** Why time ends at the present position, if it does. */
  get endsHere(): StopReason | undefined {
    return this.ending !== undefined && this.now >= this.ending.at ? this.ending.reason : undefined;
  }

  /** Lets nothing stop the machine: breakpoints and watchpoints are passed. Returns what ends that. */
  private muffle(): () => void {
    const { machine } = this.computer;
    const watchpoints = [...machine.watch.all];
    if (watchpoints.length > 0) machine.setWatchpoints([]);
    const { muted } = machine.breakpoints;
    machine.breakpoints.muted = true;
    return () => {
      machine.breakpoints.muted = muted;
      if (watchpoints.length > 0) machine.setWatchpoints(watchpoints);
    };
  }

  /** Runs `body` while nothing stops the machine. */
  quietly<T>(body: () => T): T {
    const end = this.muffle();
    try {
      return body();
    } finally {
      end();
    }
  }

  /** Nothing is to stop the run now. */
  get isQuiet(): boolean {
    return this.computer.machine.breakpoints.muted;
  }

  /** Goes to a position, backwards or forwards; as far as the run goes. */
  goTo(position: number): void {
    this.quietly(() => {
      if (position < this.now) this.restoreBefore(position);
      while (this.advance(position, Number.POSITIVE_INFINITY));
    });
  }

  /**
   * Goes up to `limit` positions further on the way to `position`, for callers that can be interrupted. Checkpoints are left
   * shortly before the goal.
   * @returns whether there is more of the way
   */
  advance(position: number, limit: number): boolean {
    const { now } = this;
    if (now >= position) {
      this.arrive();
      return false;
    }
    const goal = Math.min(position, now + limit);
    const distance = REFINEMENT.findLast((one) => position - one > now);
    const next = distance === undefined ? goal : Math.min(goal, position - distance);
    const reason = this.run(next - now);
    if (distance !== undefined && this.now === position - distance) this.mark();
    return reason.kind === 'budget' && this.now < position;
  }

  /** Restores the last checkpoint at or before `position` (or the first one there is). Returns its position. */
  restoreBefore(position: number): number {
    const checkpoint: Checkpoint = this.checkpoints.before(position, this.records);
    this.computer.machine.restore(checkpoint.snapshot);
    this.base = checkpoint.base;
    this.applied = checkpoint.applied;
    for (const told of this.onJump) told();
    return checkpoint.at;
  }

  /** One instruction forwards, whatever is at it. */
  step(): StopReason {
    return this.quietly(() => this.run(1));
  }

  /** One instruction back; false at the beginning of time. */
  stepBack(): boolean {
    if (this.now <= this.beginning) return false;
    this.goTo(this.now - 1);
    return true;
  }

  /**
   * Goes back to the last instruction before this one at which a breakpoint or watchpoint stops, or to the
   * beginning of time (undefined). A watchpoint's hit is where the access has just been made.
   */
  runBack(): StopReason | undefined {
    const start = this.now;
    for (let end = start; end > this.beginning; ) {
      const from = this.restoreBefore(end - 1);
      const last = this.lastStop(end, start);
      if (last) {
        this.goTo(last.at);
        return last.reason;
      }
      end = from;
    }
    this.goTo(this.beginning);
    return undefined;
  }

  /** The last stop from here to `to` that lies before `before`. */
  private lastStop(to: number, before: number): { at: number; reason: StopReason } | undefined {
    let last: { at: number; reason: StopReason } | undefined;
    while (this.now < to) {
      const reason = this.run(to - this.now);
      if (reason.kind !== 'breakpoint' && reason.kind !== 'watchpoint' && reason.kind !== 'trap') break;
      if (this.now < before) last = { at: this.now, reason };
    }
    return last;
  }
}
