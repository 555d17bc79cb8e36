/**
 * What a user wants the guest to stop at: breakpoints in code, system calls, traps; watchpoints on memory, objects, cache
 * lines, CSRs. This is the list, and how each becomes something that the machine or the observer looks for.
 */
import { CACHE_BLOCK_SIZE } from '../../emulator/addresses.ts';
import { Cause } from '../../emulator/cpu/causes.ts';
import type { Hart } from '../../emulator/cpu/hart.ts';
import type { LineState } from '../../emulator/nvdimm/persistency.ts';
import type { MemoryPlace } from './address-space.ts';
import type { ObjectId, ObjectSpace } from './object-space.ts';
import type { MemoryRange, Wanted } from './observer.ts';
import type { Program } from './program.ts';

/** An address at which to stop, if it belongs to what was meant. */
export interface CodeSpot {
  readonly va: bigint;
  /** The program that must be there; undefined: whatever is. */
  readonly program?: Program | undefined;
  /** The object that must be there. */
  readonly object?: ObjectId | undefined;
}

export type StopWhat =
  | { readonly kind: 'code'; readonly spots: readonly CodeSpot[] }
  /** Undefined: all. */
  | { readonly kind: 'syscall'; readonly numbers: ReadonlySet<number> | undefined }
  /** Exceptions but calls; undefined: all. */
  | { readonly kind: 'fault'; readonly causes: ReadonlySet<number> | undefined }
  /** Every trap, interrupts as well. */
  | { readonly kind: 'trap' }
  | {
      readonly kind: 'watch';
      readonly place: MemoryPlace;
      readonly length: number;
      readonly loads: boolean;
      readonly stores: boolean;
    }
  /** States of cache lines; undefined: any change. */
  | {
      readonly kind: 'lines';
      readonly place: MemoryPlace;
      readonly length: number;
      readonly states: ReadonlySet<LineState> | undefined;
    }
  | { readonly kind: 'csr'; readonly number: number };

export interface StopPoint {
  readonly id: number;
  /** As it was written. */
  readonly text: string;
  readonly what: StopWhat;
  enabled: boolean;
  /** An expression that must not be 0. */
  condition?: string | undefined;
  /** Hits that are passed by before it stops. */
  ignore: number;
  hits: number;
  /** Goes away with its first stop. */
  readonly temporary: boolean;
}

/** Whole objects have this length. */
export const WHOLE_OBJECT = 2 ** 30;

const CALLS: readonly number[] = [Cause.ecallFromU, Cause.ecallFromS, Cause.ecallFromM];

export class StopPoints {
  private list: StopPoint[] = [];
  private nextId = 1;

  get all(): readonly StopPoint[] {
    return this.list;
  }

  get(id: number): StopPoint | undefined {
    return this.list.find((one) => one.id === id);
  }

  add(
    text: string,
    what: StopWhat,
    options: { readonly condition?: string | undefined; readonly temporary?: boolean } = {},
  ): StopPoint {
    const point: StopPoint = {
      id: this.nextId++,
      text,
      what,
      enabled: true,
      condition: options.condition,
      ignore: 0,
      hits: 0,
      temporary: options.temporary === true,
    };
    this.list.push(point);
    return point;
  }

  /** False: there is none of that number. */
  remove(id: number): boolean {
    const before = this.list.length;
    this.list = this.list.filter((one) => one.id !== id);
    return this.list.length < before;
  }

  clear(): void {
    this.list = [];
  }

  private get enabled(): StopPoint[] {
    return this.list.filter((one) => one.enabled);
  }

  /** Virtual addresses for the machine's breakpoints. */
  get addresses(): Set<bigint> {
    const all = new Set<bigint>();
    for (const { what } of this.enabled)
      if (what.kind === 'code') for (const { va } of what.spots) all.add(va);
    return all;
  }

  /** Stop points in code at an address. */
  atCode(va: bigint): StopPoint[] {
    return this.enabled.filter(
      ({ what }) => what.kind === 'code' && what.spots.some((spot) => spot.va === va),
    );
  }

  /** Stop points for a trap that is about to be taken. */
  forTrap(hart: Hart, cause: number, interrupt: boolean): StopPoint[] {
    return this.enabled.filter(({ what }) => {
      if (what.kind === 'trap') return true;
      if (interrupt) return false;
      if (what.kind === 'syscall')
        return cause === Cause.ecallFromU && (what.numbers?.has(Number(hart.getX(17))) ?? true);
      return what.kind === 'fault' && !CALLS.includes(cause) && (what.causes?.has(cause) ?? true);
    });
  }

  /** True when something stops at the states of cache lines. */
  get needLines(): boolean {
    return this.enabled.some(({ what }) => what.kind === 'lines');
  }

  /** True when something watches objects, whose pages may come and go. */
  get followsObjects(): boolean {
    return this.enabled.some(
      ({ what }) => (what.kind === 'watch' || what.kind === 'lines') && what.place.kind === 'object',
    );
  }

  /**
   * What the observer has to look for now.
   * @param pieces the physical memory of a range of virtual addresses
   */
  wanted(
    objects: ObjectSpace,
    pieces: (
      place: MemoryPlace,
      length: number,
    ) => readonly { readonly pa: number; readonly length: number }[],
  ): Wanted {
    const ranges: MemoryRange[] = [];
    const csrs: { id: number; number: number }[] = [];
    let traps = false;
    for (const { id, what } of this.enabled) {
      if (what.kind === 'csr') csrs.push({ id, number: what.number });
      else if (what.kind === 'watch' || what.kind === 'lines') {
        const how =
          what.kind === 'watch'
            ? { loads: what.loads, stores: what.stores }
            : { loads: false, stores: false, lines: true };
        const parts =
          what.place.kind === 'object' && what.length > 65536
            ? presentPages(objects, what.place.object.id, what.place.object.offset, what.length)
            : pieces(what.place, what.length);
        for (const { pa, length } of parts)
          ranges.push({ id, ...(what.kind === 'lines' ? wholeLines(pa, length) : { pa, length }), ...how });
      } else if (what.kind !== 'code') traps = true;
    }
    const trap = (hart: Hart, cause: number, interrupt: boolean): boolean =>
      this.forTrap(hart, cause, interrupt).length > 0;
    return { ranges, csrs, trap: traps ? trap : undefined };
  }
}

/** A range extended to whole cache lines. */
function wholeLines(pa: number, length: number): { pa: number; length: number } {
  const start = pa - (pa % CACHE_BLOCK_SIZE);
  const end = Math.ceil((pa + length) / CACHE_BLOCK_SIZE) * CACHE_BLOCK_SIZE;
  return { pa: start, length: end - start };
}

/** The present pages of a large range of an object. */
function presentPages(
  objects: ObjectSpace,
  id: ObjectId,
  from: number,
  length: number,
): { pa: number; length: number }[] {
  const known = objects.find(id);
  if (known === undefined) return [];
  return objects
    .pages(known.descriptor)
    .filter(({ offset }) => offset + 4096 > from && offset < from + length)
    .map(({ pa }) => ({ pa, length: 4096 }));
}
