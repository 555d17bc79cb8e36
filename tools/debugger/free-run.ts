/**
 * A guest that runs by itself while no debugger holds it: slice by slice, so that sockets and the keyboard get their turn. What is typed
 * waits until the guest runs forwards, here or in the hands of a debugger, and enters between two slices.
 */
import type { StopReason } from '../../emulator/machine/config.ts';
import type { TimeTravel } from './time-travel.ts';

/** Instructions between looks at the host's events. */
const SLICE = 1_000_000;

export interface FreeRunOptions {
  readonly time: TimeTravel;
  /** The device that gets what is typed. */
  readonly inputDevice?: string;
  /** Called between slices: what was printed goes out. */
  readonly onSlice: () => void;
  /** The guest has ended. */
  readonly onEnd: (reason: StopReason & { readonly kind: 'exit' }) => void;
}

export class FreeRun {
  private running = false;
  private readonly typed: Uint8Array[] = [];
  private wake: ((more: boolean) => void) | undefined;

  constructor(private readonly options: FreeRunOptions) {}

  /** The guest goes on, from where it stands. */
  start(): void {
    if (this.running) return;
    this.running = true;
    setImmediate(() => this.slice());
  }

  /** The guest stands still from now on. */
  stop(): void {
    this.running = false;
  }

  /** Something was typed. */
  type(bytes: Uint8Array): void {
    this.typed.push(bytes);
    this.wake?.(true);
    if (this.running) this.slice();
  }

  /** Gives the guest what was typed; to be called while it runs forwards. */
  deliver(): void {
    const { inputDevice, time } = this.options;
    for (const bytes of this.typed.splice(0)) time.input(inputDevice ?? 'uart', bytes);
  }

  /** Waits until something is typed; false when `giveUp` is called before. */
  async input(): Promise<boolean> {
    if (this.typed.length > 0) return true;
    return await new Promise<boolean>((done) => {
      this.wake = (more) => {
        this.wake = undefined;
        done(more);
      };
    });
  }

  /** Ends the wait for input. */
  giveUp(): void {
    this.wake?.(false);
  }

  private slice(): void {
    if (!this.running) return;
    this.deliver();
    const reason = this.options.time.run(SLICE);
    this.options.onSlice();
    if (reason.kind === 'budget') setImmediate(() => this.slice());
    else if (reason.kind === 'exit') {
      this.running = false;
      this.options.onEnd(reason);
    }
    // Else it waits for what is typed, or can do nothing more.
  }
}
