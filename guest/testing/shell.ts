/** Shell commands on a private machine: what they print, and the exit code of the last one. */
import { MiB } from '../../emulator/addresses.ts';
import { MemoryMedia } from '../../emulator/nvdimm/media.ts';
import { appendText } from '../../tools/guest/archive.ts';
import { Layouts } from '../../tools/guest/layouts.ts';
import { guestFile, System } from './system.ts';

const layouts = Layouts.load();
const archive = guestFile('archive.img');

/** Instructions that commands may take, unless a test says otherwise. */
const BUDGET = 60_000_000;

/** Sleeps that are waited for (ns of guest time); during a longer one the next keys come. */
const SHORT_SLEEP = 1e9;

export interface ShellResult {
  readonly output: string;
  readonly status: number;
}

/** A machine that is booted anew for each run of commands; its NVDIMM stays. */
export class ShellMachine {
  constructor(
    readonly media = new MemoryMedia(64 * MiB),
    private readonly harts = 1,
  ) {}

  /** A machine about to run commands. */
  start(commands: string, recording = false): System {
    return new System({
      media: this.media,
      harts: this.harts,
      recording,
      quiet: true,
      archive: { name: archive.name, bytes: appendText(archive.bytes, '.commands', commands, layouts) },
    });
  }

  run(commands: string, budget = BUDGET): ShellResult {
    const system = this.start(commands);
    const end = system.run(budget);
    if (end.kind !== 'exit') throw new Error(`'${commands}' ended with ${end.kind}: ${system.output}`);
    return { output: system.output, status: end.code };
  }
}

/** A person at the console of a machine: types, and sees what is shown. */
export class Console {
  readonly system: System;

  constructor(
    readonly media = new MemoryMedia(64 * MiB),
    harts = 1,
    quiet = true,
  ) {
    this.system = new System({ media, harts, quiet });
  }

  ended = false;

  /** Types keys, and runs until the guest waits for more, or ends. Returns the text that was shown since, without its control sequences. */
  type(keys: string): string {
    const from = this.system.output.length;
    if (keys !== '') this.system.computer.machine.input('uart', new TextEncoder().encode(keys));
    const { machine } = this.system.computer;
    for (let i = 0; i < 200; i++) {
      const reason = machine.run({ instructions: 5_000_000, paced: true });
      this.ended = reason.kind === 'exit';
      if (this.ended || reason.kind === 'idle') break;
      if (reason.kind !== 'sleep') continue;
      if (reason.until - machine.now > SHORT_SLEEP) break;
      machine.run({ until: reason.until, instructions: Number.POSITIVE_INFINITY });
    }
    return textOf(this.system.output.slice(from));
  }
}

/** What a terminal was sent, without control sequences; bytes as UTF-8. */
function textOf(output: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  const plain = output.replace(/\x1b\[[?0-9;]*[a-zA-Z]|\r/g, '');
  return Buffer.from(plain, 'latin1').toString('utf8');
}
