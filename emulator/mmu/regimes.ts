/**
 * Translation regimes of one hart, by number. A *space* is what satp and the mode's context key name; in it there is
 * a regime for each privilege, SUM and MXR that is used. Forgetting a space forgets its numbers, and with them its
 * TLB entries, without touching the TLB. When all numbers are in use, those used longest ago are taken back, a batch
 * at a time so that one pass over the TLBs drops the entries of all of them; nobody else's are dropped.
 *
 * Invariant: the numbers in the hart's state are never taken back, because they are the ones used last.
 * Regimes and their numbers belong to the machine's state: they decide when translations are dropped.
 */
import { REGIMES } from '../cpu/state.ts';

const NONE = -1;
/** Regimes of a space, indexed by privilege (0 U, 1 S) | SUM << 1 | MXR << 2. */
const REGIMES_PER_SPACE = 8;
/** Numbers taken back at a time. */
const BATCH = 32;

export interface Space {
  readonly satpLo: number;
  readonly satpHi: number;
  /** The mode's context key (`TranslationMode.contextKey`), or 0. */
  readonly context: number;
  readonly ids: Int16Array;
}

/** Everything in use, for saved states: spaces as [satpLo, satpHi, context, …ids]. */
export interface RegimesState {
  readonly bare: readonly number[];
  readonly spaces: readonly (readonly number[])[];
  /** When each number below `next` was used last; 0: never, or forgotten. */
  readonly used: readonly number[];
  readonly clock: number;
  /** Numbers below this have been given out. */
  readonly next: number;
  /** Numbers taken back and not given out again. */
  readonly free: readonly number[];
}

export class Regimes {
  private spaces = new Map<number, Space[]>();
  /** Regimes with translation off: U, S, (unused), M. */
  private readonly bare = new Int16Array(4).fill(NONE);
  /** Whose each number is: the `ids` that hold it; undefined when it was forgotten. */
  private readonly holders: (Int16Array | undefined)[] = new Array(REGIMES).fill(undefined);
  private readonly used = new Float64Array(REGIMES);
  private clock = 0;
  private next = 0;
  /** Numbers taken back and not given out again. */
  private free: number[] = [];
  /** Changes whenever a `Space` that someone may hold is no longer one of these. */
  version = 0;
  private readonly recycle: (taken: Uint8Array) => void;

  /** @param recycle must drop all TLB entries of the regimes whose byte in `taken` is 1. */
  constructor(recycle: (taken: Uint8Array) => void) {
    this.recycle = recycle;
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
    return this.number(space.ids, index);
  }

  /** Number of the regime with translation off at a privilege mode. */
  ofBare(privilege: number): number {
    return this.number(this.bare, privilege);
  }

  /** Notes that two numbers are in use now. */
  touch(a: number, b: number): void {
    this.used[a] = ++this.clock;
    this.used[b] = ++this.clock;
  }

  private number(ids: Int16Array, index: number): number {
    let id = ids[index]!;
    if (id < 0) {
      id = this.take(ids);
      ids[index] = id;
      this.holders[id] = ids;
    }
    this.used[id] = ++this.clock;
    return id;
  }

  /** A byte for each number: 1 where it belongs to a space for which `predicate` holds. */
  select(predicate: (space: Space) => boolean): Uint8Array {
    const selected = new Uint8Array(REGIMES);
    for (const list of this.spaces.values()) {
      for (const space of list) {
        if (predicate(space)) for (const id of space.ids) if (id >= 0) selected[id] = 1;
      }
    }
    return selected;
  }

  /** Forgets the spaces for which `predicate` holds. Whoever holds a `Space` must ask for it again. */
  forget(predicate: (space: Space) => boolean): void {
    this.version++;
    for (const [key, list] of this.spaces) {
      const kept: Space[] = [];
      for (const space of list) {
        if (predicate(space)) this.abandon(space);
        else kept.push(space);
      }
      if (kept.length === 0) this.spaces.delete(key);
      else if (kept.length !== list.length) this.spaces.set(key, kept);
    }
  }

  /** Forgets all spaces; regimes without translation stay. */
  forgetSpaces(): void {
    if (this.spaces.size > 0) this.forget(() => true);
  }

  /** A forgotten space's numbers still tag TLB entries: they are the first to be taken back. */
  private abandon(space: Space): void {
    for (const id of space.ids) {
      if (id < 0) continue;
      this.holders[id] = undefined;
      this.used[id] = 0;
    }
  }

  /** Starts numbering again; the TLBs must be empty. */
  reset(): void {
    this.version++;
    this.spaces.clear();
    this.bare.fill(NONE);
    this.holders.fill(undefined, 0, this.next);
    this.used.fill(0, 0, this.next);
    this.free = [];
    this.next = 0;
  }

  /** A number for `ids`. */
  private take(ids: Int16Array): number {
    const free = this.free.pop();
    if (free !== undefined) return free;
    if (this.next < REGIMES) return this.next++;
    const oldest = this.oldest();
    const taken = new Uint8Array(REGIMES);
    for (const id of oldest) {
      taken[id] = 1;
      const holder = this.holders[id];
      if (holder !== undefined) holder[holder.indexOf(id)] = NONE;
      this.holders[id] = undefined;
      this.used[id] = 0;
    }
    this.dropEmptySpaces(ids);
    this.recycle(taken);
    this.free = oldest.reverse();
    return this.free.pop()!;
  }

  /** All numbers that were forgotten, or if these are too few for a pass over the TLBs, those used longest ago. */
  private oldest(): number[] {
    const ids = Array.from({ length: REGIMES }, (_, id) => id);
    const forgotten = ids.filter((id) => this.used[id] === 0);
    if (forgotten.length >= BATCH) return forgotten;
    return ids.sort((a, b) => this.used[a]! - this.used[b]! || a - b).slice(0, BATCH);
  }

  /** Spaces without a number left are made again when they are used; the one of `keep` is about to get one. */
  private dropEmptySpaces(keep: Int16Array): void {
    this.version++;
    for (const [key, list] of this.spaces) {
      const kept = list.filter((space) => space.ids === keep || space.ids.some((id) => id >= 0));
      if (kept.length === 0) this.spaces.delete(key);
      else if (kept.length !== list.length) this.spaces.set(key, kept);
    }
  }

  /** For saving. */
  save(): RegimesState {
    const spaces: number[][] = [];
    for (const list of this.spaces.values())
      for (const space of list) spaces.push([space.satpLo, space.satpHi, space.context, ...space.ids]);
    return {
      bare: [...this.bare],
      spaces,
      used: [...this.used.subarray(0, this.next)],
      clock: this.clock,
      next: this.next,
      free: [...this.free],
    };
  }

  restore(state: RegimesState): void {
    this.reset();
    this.next = state.next;
    this.clock = state.clock;
    this.free = [...state.free];
    this.used.set(state.used);
    this.hold(this.bare, state.bare);
    for (const [satpLo, satpHi, context, ...ids] of state.spaces)
      this.hold(this.space(satpLo!, satpHi!, context!).ids, ids);
  }

  private hold(ids: Int16Array, values: readonly number[]): void {
    ids.set(values);
    for (const id of values) if (id >= 0) this.holders[id] = ids;
  }
}
