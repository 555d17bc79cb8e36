/**
 * The keys with which the person at the console speaks to the emulator instead of the guest: those of QEMU, after
 * the escape character Ctrl-A.
 */

/** What a key after Ctrl-A asks for. */
export type ConsoleCommand = 'quit' | 'help' | 'pause';

const ESCAPE = 0x01;
const COMMANDS: Readonly<Record<string, ConsoleCommand>> = { x: 'quit', h: 'help', '?': 'help', c: 'pause' };

export const KEYS_HELP = [
  'Ctrl-A h    this help',
  'Ctrl-A x    quit the emulator',
  'Ctrl-A c    pause: where the harts are; Ctrl-A c again goes on',
  'Ctrl-A Ctrl-A    sends Ctrl-A to the guest',
];

/** Splits what was typed into bytes for the guest and commands for the emulator. */
export class KeyFilter {
  private escaped = false;

  /** Calls back in the order of the keys. */
  feed(
    typed: Uint8Array,
    toGuest: (bytes: Uint8Array) => void,
    command: (command: ConsoleCommand) => void,
  ): void {
    let plain: number[] = [];
    const flush = () => {
      if (plain.length > 0) toGuest(Uint8Array.from(plain));
      plain = [];
    };
    for (const byte of typed) {
      if (!this.escaped) {
        if (byte === ESCAPE) this.escaped = true;
        else plain.push(byte);
        continue;
      }
      this.escaped = false;
      const asked = COMMANDS[String.fromCharCode(byte).toLowerCase()];
      if (byte === ESCAPE || byte === 'a'.charCodeAt(0)) plain.push(ESCAPE);
      else if (asked) {
        flush();
        command(asked);
      }
    }
    flush();
  }
}
