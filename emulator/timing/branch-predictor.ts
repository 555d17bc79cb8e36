/**
 * A simple branch predictor: gshare two-bit counters for conditional branches, a return stack, and a table of last
 * targets for other indirect jumps. Direct jumps are always right.
 */
import type { TimingProfile } from './profile.ts';

export class BranchPredictor {
  predictions = 0;
  mispredictions = 0;
  private readonly counters: Uint8Array;
  private readonly historyMask: number;
  private history = 0;
  private readonly targets: Int32Array;
  private readonly stack: Int32Array;
  private top = 0;

  constructor({ core }: TimingProfile) {
    this.counters = new Uint8Array(1 << core.historyBits).fill(1);
    this.historyMask = (1 << core.historyBits) - 1;
    this.targets = new Int32Array(core.indirectTargets);
    this.stack = new Int32Array(core.returnStack);
  }

  /** A conditional branch at `pc` (low 32 bits) that was taken or not. True when it was expected so. */
  branch(pc: number, taken: boolean): boolean {
    this.predictions++;
    const index = ((pc >> 1) ^ this.history) & this.historyMask;
    const counter = this.counters[index]!;
    this.history = ((this.history << 1) | (taken ? 1 : 0)) & this.historyMask;
    if (taken) {
      if (counter < 3) this.counters[index] = counter + 1;
    } else if (counter > 0) this.counters[index] = counter - 1;
    if (counter >= 2 === taken) return true;
    this.mispredictions++;
    return false;
  }

  /** A call: the address behind it is where a return should go. */
  call(returnAddress: number): void {
    this.top = (this.top + 1) % this.stack.length;
    this.stack[this.top] = returnAddress;
  }

  /** A return to `target`. True when it was expected. */
  returnTo(target: number): boolean {
    this.predictions++;
    const expected = this.stack[this.top];
    this.top = (this.top + this.stack.length - 1) % this.stack.length;
    if (expected === (target | 0)) return true;
    this.mispredictions++;
    return false;
  }

  /** Another indirect jump from `pc` to `target`. True when it went there last time. */
  indirect(pc: number, target: number): boolean {
    this.predictions++;
    const index = (pc >> 1) % this.targets.length;
    const slot = index < 0 ? index + this.targets.length : index;
    const expected = this.targets[slot];
    this.targets[slot] = target;
    if (expected === (target | 0)) return true;
    this.mispredictions++;
    return false;
  }
}
