/** What the guest has printed, by position: the debugger shows what was printed up to where it stands. */
import { upperBound } from '../search.ts';
import type { TimeTravel } from './time-travel.ts';

export class Transcript {
  private bytes = new Uint8Array(4096);
  private positions = new Float64Array(4096);
  private length = 0;
  private time: TimeTravel | undefined;

  /** Names whose time it is; bytes that came before belong to the beginning. */
  attach(time: TimeTravel): void {
    this.time = time;
    time.onNewFuture.push((at) => {
      while (this.length > 0 && this.positions[this.length - 1]! >= at) this.length--;
    });
  }

  /** A byte that the guest prints now. What was printed before, in the same past, is not taken again. */
  put(byte: number): void {
    const at = this.time?.now ?? 0;
    if (this.time !== undefined && at < this.time.end) return;
    if (this.length === this.bytes.length) {
      const bytes = new Uint8Array(2 * this.length);
      bytes.set(this.bytes);
      this.bytes = bytes;
      const positions = new Float64Array(2 * this.length);
      positions.set(this.positions);
      this.positions = positions;
    }
    this.bytes[this.length] = byte;
    this.positions[this.length++] = at;
  }

  /** All that was printed before the present position. */
  get text(): string {
    const now = this.time?.now ?? Number.POSITIVE_INFINITY;
    const length = upperBound(this.positions, (position) => position < now, this.length);
    return Buffer.from(this.bytes.subarray(0, length)).toString();
  }
}
