/**
 * The checkpoints of a run, by position. New ones are taken at distances that follow their cost (pages that the guest
 * writes), and old ones are thinned out so that they lie the closer, the nearer they are to where the run is: what one
 * goes back to is mostly near.
 *
 * Invariants: ascending positions; the first one stays for ever.
 */
import type { Machine } from '../../emulator/machine/machine.ts';
import { refreshSnapshot, type Snapshot } from '../../emulator/machine/state.ts';
import { upperBound } from '../search.ts';

export interface Checkpoint {
  readonly at: number;
  readonly snapshot: Snapshot;
  /** Position at which the boot that it belongs to began. */
  readonly base: number;
  /** Events that had taken effect. */
  readonly applied: number;
  /** Pages that it copied. */
  readonly pages: number;
  /** It knows what the persistency engine knows: stores had been recorded up to it. */
  readonly recorded: boolean;
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

  /**
   * Takes one of the present state, unless there is one already; that one learns what is `recorded` now and was not known when
   * it was taken.
   */
  take(at: number, base: number, applied: number, recorded: boolean): void {
    const index = upperBound(this.list, (one) => one.at < at);
    const old = this.list[index];
    if (old?.at === at) {
      if (recorded && !old.recorded && old.applied === applied)
        this.list[index] = { ...old, recorded, snapshot: refreshSnapshot(this.machine, old.snapshot) };
      this.expect(at, SHORTEST);
      return;
    }
    const pages = this.machine.memorySnapshots.modifiedPages.length;
    const snapshot = this.machine.snapshot();
    this.list.splice(index, 0, { at, base, applied, pages, recorded, snapshot });
    this.expect(at, Math.min(Math.max(pages * PER_PAGE, SHORTEST), LONGEST));
    this.pages += pages;
    while (this.list.length > MOST || (this.pages > MOST_PAGES && this.list.length > 8)) this.thin(at);
  }

  /** The next one is due where there is one already, to see whether it can learn something, or after so many positions. */
  private expect(at: number, distance: number): void {
    const next = this.list[upperBound(this.list, (one) => one.at <= at)]?.at ?? Number.POSITIVE_INFINITY;
    this.due = Math.min(next, at + distance);
  }

  /** The last one at or before a position, of those that are `recorded` if that is asked for; the first if there is none. */
  before(position: number, recorded = false): Checkpoint {
    const found =
      this.list.findLast((one) => one.at <= position && (one.recorded || !recorded)) ?? this.first;
    this.expect(found.at, SHORTEST);
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
