/**
 * Translation regimes of one hart, by number. A *space* is what satp and the mode's context key name; in it there is
 * a regime for each privilege, SUM and MXR that is used. Numbers are given out in order; forgetting a space forgets
 * its numbers, and with them its TLB entries, without touching the TLB. When all numbers have been used, the TLBs are
 * emptied and numbering starts again, which costs less than keeping account of which numbers are free.
 *
 * Regimes and their numbers belong to the machine's state: they decide when a TLB is emptied.
 */
import { REGIMES } from '../cpu/state.ts';

const NONE = -1;
/** Regimes of a space, indexed by privilege (0 U, 1 S) | SUM << 1 | MXR << 2. */
const REGIMES_PER_SPACE = 8;

export interface Space {
  readonly satpLo: number;
  readonly satpHi: number;
  /** The mode's context key (`TranslationMode.contextKey`), or 0. */
  readonly context: number;
  readonly ids: Int16Array;
}

export class Regimes {
  private spaces = new Map<number, Space[]>();
  /** Regimes with translation off: U, S, (unused), M. */
  private readonly bare = new Int16Array(4).fill(NONE);
  private next = 0;
  private readonly exhausted: () => void;

  /** @param exhausted must empty the TLBs: all numbers are about to be used again. */
  constructor(exhausted: () => void) {
    this.exhausted = exhausted;
  }

  /** The space of a satp value and context, made on first use. */
  space(satpLo: number, satpHi: number, context: number): Space {
    const key = satpLo ^ Math.imul(satpHi, 31) ^ Math.imul(context, 0x9e37_79b1);
    let list = this.spaces.get(key);
    if (list === undefined) {
      list = [];
      this.spaces.set(key, list);
    }
    for (const space of list) {
      if (space.satpLo === satpLo && space.satpHi === satpHi && space.context === context) return space;
    }
    const space = { satpLo, satpHi, context, ids: new Int16Array(REGIMES_PER_SPACE).fill(NONE) };
    list.push(space);
    return space;
  }

  /** Number of the regime of a space; `index` as above. */
  of(space: Space, index: number): number {
    const id = space.ids[index]!;
    return id >= 0 ? id : (space.ids[index] = this.take());
  }

  /** Number of the regime with translation off at a privilege mode. */
  ofBare(privilege: number): number {
    const id = this.bare[privilege]!;
    return id >= 0 ? id : (this.bare[privilege] = this.take());
  }

  /** Forgets the spaces for which `predicate` holds. Whoever holds a `Space` must ask for it again. */
  forget(predicate: (space: Space) => boolean): void {
    for (const [key, list] of this.spaces) {
      const kept = list.filter((space) => !predicate(space));
      if (kept.length === 0) this.spaces.delete(key);
      else if (kept.length !== list.length) this.spaces.set(key, kept);
    }
  }

  /** Forgets all spaces; regimes without translation stay. */
  forgetSpaces(): void {
    if (this.spaces.size > 0) this.spaces.clear();
  }

  /** Starts numbering again; the TLBs must be empty. */
  reset(): void {
    this.spaces.clear();
    this.bare.fill(NONE);
    this.next = 0;
  }

  private take(): number {
    if (this.next === REGIMES) {
      this.exhausted();
      this.bare.fill(NONE);
      for (const list of this.spaces.values()) for (const space of list) space.ids.fill(NONE);
      this.next = 0;
    }
    return this.next++;
  }

  /** For saving: every number in use. */
  save(): { next: number; bare: number[]; spaces: number[][] } {
    const spaces: number[][] = [];
    for (const list of this.spaces.values())
      for (const space of list) spaces.push([space.satpLo, space.satpHi, space.context, ...space.ids]);
    return { next: this.next, bare: [...this.bare], spaces };
  }

  restore(state: { next: number; bare: readonly number[]; spaces: readonly (readonly number[])[] }): void {
    this.next = state.next;
    this.bare.set(state.bare);
    this.spaces = new Map();
    for (const [satpLo, satpHi, context, ...ids] of state.spaces)
      this.space(satpLo!, satpHi!, context!).ids.set(ids);
  }
}
