/**
 * The checkpoints of a run, by position. New ones are taken at distances that follow their cost (pages that the guest
 * writes), and old ones are thinned out so that they lie the closer, the nearer they are to where the run is: what one
 * goes back to is mostly near.
 *
 * Invariants: ascending positions; the first one stays for ever.
 */
import type { Machine } from '../../emulator/machine/machine.ts';
import type { Snapshot } from '../../emulator/machine/state.ts';

export interface Checkpoint {
  readonly at: number;
  readonly snapshot: Snapshot;
  /** Position at which the boot that it belongs to began. */
  readonly base: number;
  /** Events that had taken effect. */
  readonly applied: number;
  /** Pages that it copied. */
  readonly pages: number;
}

/** Instructions between checkpoints, at least and at most. */
const SHORTEST = 2_000_000;
const LONGEST = 8_000_000;
/** Instructions that pay for one copied page (measured: 3 µs to copy it and to make it writable again). */
const PER_PAGE = 10_000;
/** Checkpoints that are kept, and pages (of 4 KiB) that they may have copied together. */
const MOST = 160;
const MOST_PAGES = 65_536;

export class Checkpoints {
  private list: Checkpoint[] = [];
  private pages = 0;
  /** The position at which the next one is due. */
  due = 0;

  constructor(private readonly machine: Machine) {}

  get first(): Checkpoint {
    return this.list[0]!;
  }

  /** Takes one of the present state, unless there is one already. */
  take(at: number, base: number, applied: number): void {
    const index = this.list.findIndex((one) => one.at >= at);
    const pages = this.machine.memorySnapshots.modifiedPages.length;
    this.due = at + Math.min(Math.max(pages * PER_PAGE, SHORTEST), LONGEST);
    if (index >= 0 && this.list[index]!.at === at) return;
    const checkpoint = { at, base, applied, pages, snapshot: this.machine.snapshot() };
    if (index < 0) this.list.push(checkpoint);
    else this.list.splice(index, 0, checkpoint);
    this.pages += pages;
    while (this.list.length > MOST || (this.pages > MOST_PAGES && this.list.length > 8)) this.thin(at);
  }

  /** The last one at or before a position; the first if there is none. */
  before(position: number): Checkpoint {
    const found = this.list.findLast((one) => one.at <= position) ?? this.first;
    this.due = found.at + SHORTEST;
    return found;
  }

  /** Drops those of a future that will not be. */
  forgetAfter(position: number): void {
    const kept = this.list.filter((one) => one.at <= position);
    this.list = kept.length > 0 ? kept : [this.first];
    this.pages = this.list.reduce((sum, one) => sum + one.pages, 0);
  }

  /** Drops the one whose absence hurts least: the smallest gap, measured against the distance from `now`. */
  private thin(now: number): void {
    let worst = 1;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 1; i < this.list.length - 1; i++) {
      const gap = this.list[i + 1]!.at - this.list[i - 1]!.at;
      const harm = gap / (1 + Math.abs(now - this.list[i]!.at));
      if (harm >= least) continue;
      least = harm;
      worst = i;
    }
    this.pages -= this.list[worst]!.pages;
    this.list.splice(worst, 1);
  }
}
