/**
 * Runs a computer with a person or a pipe at its console. Between slices of the run it takes what was typed, writes
 * what was printed, and lets wall-clock time pass where an interactive guest sleeps. How the run is sliced changes
 * nothing; what was typed enters at a point that the input log records.
 */
import type { Computer } from '../../emulator/boot/computer.ts';
import type { StopReason } from '../../emulator/machine/config.ts';
import type { FaultSchedule } from '../../emulator/nvdimm/faults.ts';
import type { InputEvent } from './input-log.ts';
import { type ConsoleCommand, KEYS_HELP, KeyFilter } from './keys.ts';
import type { OutputBuffer } from './output.ts';

export interface SessionOptions {
  readonly output: OutputBuffer;
  /** Where what is typed comes from; absent: from nowhere. */
  readonly stdin?: NodeJS.ReadStream;
  /** Sleep in wall-clock time when the guest does; otherwise idle time is skipped. */
  readonly paced: boolean;
  /** Instructions at most, of all harts together. */
  readonly maxInstructions?: number;
  /** The device that gets what is typed. */
  readonly inputDevice: string;
  /** Input that comes from a log instead of from the keyboard. */
  readonly replay?: readonly InputEvent[];
  /** Faults of the NVDIMM, made to happen at their instructions. */
  readonly faults?: FaultSchedule;
  /** Called when the terminal has another size. */
  readonly onResize?: () => void;
  /** Lines to the person at the console, such as help. */
  readonly say: (line: string) => void;
}

/** Why a session ended: the guest's reason, or the person's. */
export type SessionEnd =
  | StopReason
  | { readonly kind: 'quit' }
  /** An injected power failure; `message` says what it left. */
  | { readonly kind: 'power-failure'; readonly message: string };

/** Wall-clock time of a slice, roughly: how long a key waits at most. */
const SLICE_MS = 20;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const FIRST_SLICE = 1_000_000;
const LARGEST_SLICE = 50_000_000;
/** A guest that computed for longer than this does not catch up its sleeps. */
const PACE_SLACK_MS = 100;

export class Session {
  /** What reached the guest, and when. */
  readonly log: InputEvent[] = [];
  private readonly computer: Computer;
  private readonly options: SessionOptions;
  private readonly keys = new KeyFilter();
  private readonly typed: Uint8Array[] = [];
  private readonly replay: InputEvent[];
  private inputEnded: boolean;
  private quit = false;
  private paused = false;
  private wake: (() => void) | undefined;
  private paceWall = 0;
  private paceGuest = 0;

  constructor(computer: Computer, options: SessionOptions) {
    this.computer = computer;
    this.options = options;
    this.replay = [...(options.replay ?? [])];
    this.inputEnded = options.stdin === undefined;
  }

  async run(): Promise<SessionEnd> {
    const { stdin } = this.options;
    const interactive = stdin?.isTTY === true;
    const onData = (data: Buffer) => this.onTyped(data);
    const onEnd = () => {
      this.inputEnded = true;
      this.wake?.();
    };
    if (stdin) {
      if (interactive) stdin.setRawMode(true);
      stdin.on('data', onData);
      stdin.on('end', onEnd);
    }
    // A signal ends the run in order: output written, files closed, the terminal as it was.
    const onSignal = () => {
      this.quit = true;
      this.wake?.();
    };
    for (const signal of SIGNALS) process.on(signal, onSignal);
    const onResize = () => this.options.onResize?.();
    if (interactive) process.stdout.on('resize', onResize);
    try {
      return await this.loop();
    } finally {
      for (const signal of SIGNALS) process.off(signal, onSignal);
      process.stdout.off('resize', onResize);
      this.options.output.flush();
      if (stdin) {
        stdin.off('data', onData);
        stdin.off('end', onEnd);
        if (interactive) stdin.setRawMode(false);
        stdin.pause();
        stdin.unref?.();
      }
    }
  }

  private async loop(): Promise<SessionEnd> {
    const { machine } = this.computer;
    const { output, maxInstructions } = this.options;
    let slice = FIRST_SLICE;
    this.paceWall = performance.now();
    this.paceGuest = machine.now;
    for (;;) {
      this.deliver();
      const left = (maxInstructions ?? Number.POSITIVE_INFINITY) - machine.instructions;
      if (left <= 0) return { kind: 'budget' };
      const failed = this.injectFaults();
      if (failed !== undefined) return { kind: 'power-failure', message: failed };
      const start = performance.now();
      const reason = machine.run({
        instructions: Math.min(slice, left, this.untilReplay(), this.untilFault()),
        paced: this.options.paced || this.replay.length > 0,
      });
      output.flush();
      if (output.closed) return { kind: 'quit' };
      const elapsed = performance.now() - start;
      if (reason.kind === 'budget') {
        if (elapsed < SLICE_MS / 2) slice = Math.min(slice * 2, LARGEST_SLICE);
        else if (elapsed > SLICE_MS * 2) slice = Math.max(FIRST_SLICE / 8, slice >> 1);
      }
      const end = await this.after(reason);
      if (end) return end;
      // Lets keys and signals in.
      await new Promise(setImmediate);
      while (this.paused && !this.quit) await this.sleep(Number.POSITIVE_INFINITY);
      if (this.quit) return { kind: 'quit' };
    }
  }

  /** Deals with the end of a slice; returns a value when the session is over. */
  private async after(reason: StopReason): Promise<SessionEnd | undefined> {
    const { machine } = this.computer;
    switch (reason.kind) {
      case 'budget':
      case 'paused':
        return undefined;
      case 'reset':
        if (!this.computer.bootable) return reason;
        this.computer.reboot();
        return undefined;
      case 'idle':
        if (this.replay.length > 0) return this.passTime(this.replay[0]!.time);
        if (this.inputEnded && this.typed.length === 0) return reason;
        await this.sleep(Number.POSITIVE_INFINITY);
        return undefined;
      case 'sleep': {
        const next = this.replay[0]?.time ?? Number.POSITIVE_INFINITY;
        if (!this.options.paced) return this.passTime(Math.min(reason.until, next));
        const ahead = this.paceWall + (reason.until - this.paceGuest) / 1e6 - performance.now();
        if (ahead < -PACE_SLACK_MS) {
          this.paceWall = performance.now();
          this.paceGuest = machine.now;
          return undefined;
        }
        const before = performance.now();
        if (ahead > 1) await this.sleep(ahead);
        const slept = performance.now() - before;
        // What was typed ends the sleep early, at the guest time that corresponds to the wall clock.
        const target =
          this.typed.length > 0 && slept < ahead
            ? Math.min(reason.until, machine.now + Math.round(slept * 1e6))
            : reason.until;
        return this.passTime(target);
      }
      default:
        return reason;
    }
  }

  /** Lets idle guest time pass up to `until` (ns). */
  private passTime(until: number): undefined {
    const { machine } = this.computer;
    if (until > machine.now) machine.run({ until, instructions: Number.POSITIVE_INFINITY });
    return undefined;
  }

  /** Waits for so many milliseconds of wall-clock time, or until something is typed or the input ends. */
  private sleep(milliseconds: number): Promise<void> {
    if (this.typed.length > 0 || this.quit) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, Math.min(milliseconds, 2 ** 31 - 1));
      this.wake = done;
    });
  }

  /** Input that the terminal sends by itself; no key of the person's is in it. */
  typeForTerminal(data: Uint8Array): void {
    this.typed.push(data);
    this.wake?.();
  }

  private onTyped(data: Uint8Array): void {
    this.keys.feed(
      data,
      (bytes) => this.typed.push(bytes),
      (command) => this.command(command),
    );
    this.wake?.();
  }

  private command(command: ConsoleCommand): void {
    const { say } = this.options;
    if (command === 'quit') this.quit = true;
    else if (command === 'help') for (const line of KEYS_HELP) say(line);
    else {
      this.paused = !this.paused;
      if (!this.paused) return;
      const { machine } = this.computer;
      say(`paused after ${machine.instructions} instructions, ${(machine.now / 1e9).toFixed(3)} s`);
      for (const { hart } of machine.cores) {
        const mode = ['U', 'S', '?', 'M'][hart.privilege];
        say(`hart ${hart.index}: ${mode}-mode, pc 0x${hart.pc.toString(16)}`);
      }
    }
  }

  /** Gives the guest what was typed since, or what the log says for now. */
  private deliver(): void {
    const { machine } = this.computer;
    for (;;) {
      const event = this.replay[0];
      if (!event || event.instructions > machine.instructions || event.time > machine.now) break;
      this.replay.shift();
      this.give(event.device, event.data);
    }
    if (this.typed.length === 0) return;
    for (const data of this.typed.splice(0)) this.give(this.options.inputDevice, data);
  }

  private give(device: string, data: Uint8Array): void {
    const { machine } = this.computer;
    this.log.push({ instructions: machine.instructions, time: machine.now, device, data });
    machine.input(device, data);
  }

  /** Makes the faults happen that are due; a message when the power has failed. */
  private injectFaults(): string | undefined {
    const { nvdimm, machine } = this.computer;
    return nvdimm && this.options.faults?.apply(nvdimm, machine.instructions);
  }

  private untilFault(): number {
    return (this.options.faults?.next ?? Number.POSITIVE_INFINITY) - this.computer.machine.instructions;
  }

  /** Instructions until the next event of the log. */
  private untilReplay(): number {
    const event = this.replay[0];
    if (!event) return Number.POSITIVE_INFINITY;
    return Math.max(event.instructions - this.computer.machine.instructions, 1);
  }
}
