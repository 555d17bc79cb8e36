/**
 * Tells the guest how large the terminal is, in band, as several terminals do by themselves: the guest prints `CSI ? 2048 h`, and gets
 * `CSI 48 ; rows ; columns ; height ; width t` at once and at every change, until `CSI ? 2048 l`. The requests are taken out of the output: the answers
 * come from here, and the terminal must not go on reporting when the guest has gone.
 */

const REQUEST = [...'\x1b[?2048'].map((character) => character.charCodeAt(0));
const ON = 'h'.charCodeAt(0);
const OFF = 'l'.charCodeAt(0);

/** The terminal, as far as its size is concerned: a `tty.WriteStream`. */
export interface SizedTerminal {
  readonly rows?: number;
  readonly columns?: number;
}

export class SizeReports {
  /** Bytes of a request seen so far. */
  private matched = 0;
  private wanted = false;

  constructor(
    private readonly terminal: SizedTerminal,
    private readonly pass: (byte: number) => void,
    private readonly report: (bytes: Uint8Array) => void,
  ) {}

  /** A byte that the guest prints. */
  put(byte: number): void {
    if (this.matched === REQUEST.length && (byte === ON || byte === OFF)) {
      this.matched = 0;
      this.wanted = byte === ON;
      this.resized();
      return;
    }
    if (this.matched < REQUEST.length && byte === REQUEST[this.matched]) {
      this.matched++;
      return;
    }
    for (const held of REQUEST.slice(0, this.matched)) this.pass(held);
    // No proper beginning of a request is the end of another one but ESC itself.
    this.matched = byte === REQUEST[0] ? 1 : 0;
    if (this.matched === 0) this.pass(byte);
  }

  /** The terminal has a size, or another one. */
  resized(): void {
    const { rows, columns } = this.terminal;
    if (this.wanted && rows && columns)
      this.report(new TextEncoder().encode(`\x1b[48;${rows};${columns};0;0t`));
  }
}
