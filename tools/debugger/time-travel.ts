/**
 * A run that can go backwards. The machine is deterministic, so its state at instruction n is: the nearest snapshot before n, run forwards to
 * n, with the input from the host that came in between. Snapshots are taken as the run goes; they are copy-on-write and cheap.
 *
 * Counts are instructions of all harts together. What the guest prints again on the way is not shown again.
 */
import type { Computer } from '../../emulator/boot/computer.ts';
import type { StopReason } from '../../emulator/machine/config.ts';
import type { Snapshot } from '../../emulator/machine/state.ts';

/** Instructions between snapshots. */
const SNAPSHOT_EVERY = 2_000_000;
/** Snapshots that are kept; beyond, every second old one goes. */
const MAX_SNAPSHOTS = 64;

interface Mark {
  readonly at: number;
  readonly snapshot: Snapshot;
}

interface Input {
  readonly at: number;
  readonly device: string;
  readonly data: Uint8Array;
}

export class TimeTravel {
  private readonly marks: Mark[] = [];
  private readonly inputs: Input[] = [];
  /** The furthest point reached; up to it, output is old. */
  private furthest = 0;

  constructor(readonly computer: Computer) {
    this.mark();
  }

  /** Instructions so far. */
  get now(): number {
    return this.computer.machine.instructions;
  }

  /** True when what the guest prints now was printed before. */
  get isReplay(): boolean {
    return this.now < this.furthest;
  }

  private mark(): void {
    const at = this.now;
    const index = this.marks.findIndex((mark) => mark.at >= at);
    if (index >= 0 && this.marks[index]!.at === at) return;
    const mark = { at, snapshot: this.computer.machine.snapshot() };
    if (index < 0) this.marks.push(mark);
    else this.marks.splice(index, 0, mark);
    if (this.marks.length > MAX_SNAPSHOTS) {
      for (let i = this.marks.length - 2; i > 0; i -= 2) this.marks.splice(i, 1);
    }
  }

  /** Input from the host, now. What lay in the future before is no more. */
  input(device: string, data: Uint8Array): void {
    const at = this.now;
    while (this.inputs.length > 0 && this.inputs[this.inputs.length - 1]!.at > at) this.inputs.pop();
    while (this.marks.length > 1 && this.marks[this.marks.length - 1]!.at > at) this.marks.pop();
    this.furthest = at;
    this.inputs.push({ at, device, data });
    this.computer.machine.input(device, data);
  }

  /** Runs up to `limit` instructions further, with the input that was given on that way. */
  run(limit: number): StopReason {
    const { machine } = this.computer;
    const end = this.now + limit;
    for (;;) {
      const before = this.now;
      const next = this.inputs.find((input) => input.at > before && input.at < end);
      const nextMark = (Math.floor(before / SNAPSHOT_EVERY) + 1) * SNAPSHOT_EVERY;
      const stop = Math.min(end, next?.at ?? end, nextMark);
      const reason = machine.run({ instructions: stop - before });
      this.furthest = Math.max(this.furthest, this.now);
      if (reason.kind !== 'budget') return reason;
      for (const input of this.inputs) {
        if (input.at === this.now && this.now > before) machine.input(input.device, input.data);
      }
      if (this.now === nextMark) this.mark();
      if (this.now >= end) return reason;
    }
  }

  /** Goes to instruction `count`, backwards or forwards; as far as the run goes. */
  goTo(count: number): void {
    const { machine } = this.computer;
    const breakpoints = [...machine.breakpoints.all];
    const watchpoints = [...machine.watch.all];
    machine.setBreakpoints([]);
    machine.setWatchpoints([]);
    try {
      if (count < this.now) this.restoreBefore(count);
      while (this.now < count) {
        if (this.run(count - this.now).kind !== 'budget') break;
      }
    } finally {
      machine.setBreakpoints(breakpoints);
      machine.setWatchpoints(watchpoints);
    }
  }

  /** Restores the last snapshot at or before `count`. */
  private restoreBefore(count: number): void {
    let best = this.marks[0]!;
    for (const mark of this.marks) if (mark.at <= count) best = mark;
    this.computer.machine.restore(best.snapshot);
  }

  /** One instruction forwards, whatever is at it. */
  step(): StopReason {
    const { machine } = this.computer;
    const breakpoints = [...machine.breakpoints.all];
    machine.setBreakpoints([]);
    try {
      return this.run(1);
    } finally {
      machine.setBreakpoints(breakpoints);
    }
  }

  /** One instruction back; false at the beginning of time. */
  stepBack(): boolean {
    if (this.now <= this.marks[0]!.at) return false;
    this.goTo(this.now - 1);
    return true;
  }

  /**
   * Goes back to the last instruction before this one at which a breakpoint or watchpoint stops, or to the
   * beginning of time (undefined). A watchpoint's hit is where the access has just been made.
   */
  runBack(): StopReason | undefined {
    const start = this.now;
    for (let index = this.marks.length - 1; index >= 0; index--) {
      const mark = this.marks[index]!;
      if (mark.at >= start) continue;
      const end = Math.min(this.marks[index + 1]?.at ?? start, start);
      const last = this.lastStop(mark.at, end, start);
      if (last) {
        this.goTo(last.at);
        return last.reason;
      }
    }
    this.goTo(this.marks[0]!.at);
    return undefined;
  }

  /** The last stop in [from, to] that lies before `before`. */
  private lastStop(from: number, to: number, before: number): { at: number; reason: StopReason } | undefined {
    this.restoreBefore(from);
    let last: { at: number; reason: StopReason } | undefined;
    while (this.now < to) {
      const reason = this.run(to - this.now);
      if (reason.kind !== 'breakpoint' && reason.kind !== 'watchpoint') break;
      if (this.now < before) last = { at: this.now, reason };
      if (reason.kind === 'breakpoint' && this.now < to) this.step();
    }
    return last;
  }
}
