/**
 * A 64-bit counter that runs with guest time, kept as two unsigned 32-bit halves: device registers are read and
 * written by halves, and a counter that a guest polls must not cost a bigint at every read.
 */
import type { State } from '../machine/bus.ts';
import { numberField } from '../machine/fields.ts';

const WORD = 2 ** 32;

/** An unsigned 64-bit value as two unsigned halves. */
export interface Wide {
  low: number;
  high: number;
}

/**
 * `value` mod 2^64 at elapsed count e is `base + (e - origin)`. The elapsed count is given at each call, an integer
 * below 2^53 that never falls.
 */
export class WideCounter {
  private low = 0;
  private high = 0;
  private origin = 0;

  constructor(low = 0, high = 0) {
    this.set(low, high, 0);
  }

  /** Makes the counter (high, low) at elapsed count `elapsed`. */
  set(low: number, high: number, elapsed: number): void {
    this.low = low >>> 0;
    this.high = high >>> 0;
    this.origin = elapsed;
  }

  at(elapsed: number): Wide {
    const sum = this.low + (elapsed - this.origin);
    return { low: (sum % WORD) >>> 0, high: (this.high + Math.floor(sum / WORD)) >>> 0 };
  }

  /**
   * Elapsed count at which the counter reaches `target` (unsigned comparison, as of now not wrapped around);
   * at most `elapsed` when it has been reached already, Infinity when that is 2^53 counts away or more.
   */
  reaches(target: Wide, elapsed: number): number {
    const now = this.at(elapsed);
    const distance = (target.high - now.high) * WORD + (target.low - now.low);
    if (distance <= 0) return elapsed;
    return distance >= Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : elapsed + distance;
  }

  save(): State {
    return { low: this.low, high: this.high, origin: this.origin };
  }

  restore(state: State): void {
    this.low = numberField(state, 'low');
    this.high = numberField(state, 'high');
    this.origin = numberField(state, 'origin');
  }
}
