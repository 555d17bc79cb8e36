/**
 * What is seen of a program without any oracle: stores that an acknowledged operation leaves in the caches, stores that it leaves
 * unfenced, flushes and fences that never do anything, and loads after a failure of what was not persistent.
 */

import type { DirtyRead } from './dirty-reads.ts';
import { blocksOf, type RunEvent } from './events.ts';
import type { AdviceKind, PlaceJson } from './format.ts';
import type { PointRecord } from './point.ts';

/** A piece of advice, not named yet. */
export interface Advice {
  readonly kind: AdviceKind;
  readonly about: 'correctness' | 'performance';
  readonly pc: bigint;
  readonly stores: readonly bigint[];
  /** Dirty reads: the loads that found the store. */
  readonly loads?: readonly bigint[];
  readonly count: number;
  readonly operation: number;
}

/** A block's pending stores, by what they lack. */
interface BlockState {
  dirty: RunEvent[];
  unfenced: {
    readonly event: RunEvent;
    /** Who has written it back. */
    readonly issuer: number;
  }[];
}

class Collected {
  private readonly found = new Map<string, Advice>();

  add(kind: AdviceKind, about: Advice['about'], pc: bigint, operation: number): void {
    const key = `${kind} ${pc}`;
    const known = this.found.get(key);
    if (known) this.found.set(key, { ...known, count: known.count + 1 });
    else this.found.set(key, { kind, about, pc, stores: [], count: 1, operation });
  }

  get list(): Advice[] {
    return [...this.found.values()];
  }
}

/** Advice about the workload's own run. */
export function adviceOn(events: readonly RunEvent[]): Advice[] {
  const collected = new Collected();
  const blocks = new Map<number, BlockState>();
  const told = new Set<RunEvent>();
  let operation = 0;
  const running = new Set<number>();
  /** What stores of this operation, or of all when the run ends, lack now. */
  const judge = (): void => {
    for (const { dirty, unfenced } of blocks.values()) {
      for (const event of dirty)
        if (!told.has(event)) collected.add('missing flush', 'correctness', event.pc, operation);
      for (const { event } of unfenced)
        if (!told.has(event)) collected.add('missing fence', 'correctness', event.pc, operation);
      for (const event of [...dirty, ...unfenced.map((one) => one.event)]) told.add(event);
    }
  };
  for (const event of events) {
    if (event.kind === 'begin') {
      operation = event.operation;
      running.add(operation);
    } else if (event.kind === 'acknowledge') {
      running.delete(event.operation);
      // What others are about to persist lacks nothing yet.
      if (running.size === 0) judge();
    } else if (event.kind === 'fence') {
      for (const state of blocks.values())
        state.unfenced = state.unfenced.filter(({ issuer }) => issuer !== event.issuer);
    } else
      for (const block of blocksOf(event)) {
        const state = blocks.get(block) ?? { dirty: [], unfenced: [] };
        blocks.set(block, state);
        if (event.kind === 'store' || event.kind === 'zero') {
          // A store of what was there already cannot be lost.
          if (!event.silent) state.dirty.push(event);
        } else if (event.kind === 'inval') state.dirty = [];
        else {
          state.unfenced.push(...state.dirty.map((one) => ({ event: one, issuer: event.issuer })));
          state.dirty = [];
        }
      }
  }
  judge();
  addRedundant(events, collected);
  return collected.list;
}

/**
 * Flushes that never write anything back, fences behind only such flushes that never complete anything, and fences with nothing but
 * such a flush between them and another fence.
 */
function addRedundant(events: readonly RunEvent[], collected: Collected): void {
  const useful = new Set<bigint>();
  const redundant: { readonly event: RunEvent; readonly operation: number }[] = [];
  /** Issuers. */
  const flushed = new Set<number>();
  /** The last thing that a hart did was this full fence. */
  const fenced = new Map<number, RunEvent>();
  let operation = 0;
  for (const event of events) {
    const flush = event.kind === 'clean' || event.kind === 'flush';
    if (event.kind === 'begin') operation = event.operation;
    if (flush) flushed.add(event.issuer);
    if (!flush && event.kind !== 'fence') {
      fenced.delete(event.issuer);
      continue;
    }
    // A fence without a flush before it is there for another reason, if not right behind another one.
    const again = event.full && follows(fenced.get(event.issuer), event);
    const counts = flush || flushed.delete(event.issuer) || again;
    if (event.full) fenced.set(event.issuer, event);
    if (counts && event.redundant) redundant.push({ event, operation });
    else useful.add(event.pc);
  }
  for (const { event, operation: during } of redundant)
    if (!useful.has(event.pc))
      collected.add(
        event.kind === 'fence' ? 'redundant fence' : 'redundant flush',
        'performance',
        event.pc,
        during,
      );
}

/** Instructions between two fences, at most, that can have touched nothing which the second one would order. */
const CLOSE = 8;

const follows = (before: RunEvent | undefined, { instret }: RunEvent): boolean =>
  // Those of locks come in pairs, too, but complete nothing.
  before !== undefined && !before.redundant && instret - before.instret <= CLOSE;

/**
 * A function whose name begins with this stores what need not survive: whoever finds it after a failure knows by other means that it is
 * old. Its stores lack no flush.
 */
const UNPERSISTED = /(^|\.)unpersisted[^.]*$/;

/** Whether a piece of advice is about a store that its author means to be lost. */
export const isIntended = ({ kind }: Advice, { symbol }: PlaceJson): boolean =>
  (kind === 'missing flush' || kind === 'missing fence' || kind === 'dirty read') &&
  symbol !== undefined &&
  UNPERSISTED.test(symbol);

/** Stores that others have built upon before they were persistent. */
export function dirtyReadAdvice(reads: readonly DirtyRead[]): Advice[] {
  const found = new Map<bigint, DirtyRead[]>();
  for (const read of reads) found.set(read.store, [...(found.get(read.store) ?? []), read]);
  const ascending = (pcs: readonly bigint[]): bigint[] => [...new Set(pcs)].sort((a, b) => (a < b ? -1 : 1));
  return [...found].map(([pc, all]) => ({
    kind: 'dirty read' as const,
    about: 'correctness' as const,
    pc,
    loads: ascending(all.map(({ load }) => load)),
    stores: ascending(all.flatMap(({ dependent }) => (dependent === undefined ? [] : [dependent]))),
    count: all.length,
    operation: all[0]!.operation,
  }));
}

/** Loads after a failure of what was not persistent. */
export function unpersistedReads(records: readonly PointRecord[]): Advice[] {
  const found = new Map<bigint, { stores: Set<bigint>; count: number; operation: number }>();
  for (const { reads, place } of records)
    for (const { load, stores } of reads) {
      const known = found.get(load) ?? { stores: new Set(), count: 0, operation: place.progress.begun };
      for (const pc of stores) known.stores.add(pc);
      known.count++;
      found.set(load, known);
    }
  return [...found].map(([pc, { stores, count, operation }]) => ({
    kind: 'unpersisted read' as const,
    about: 'correctness' as const,
    pc,
    stores: [...stores].sort((a, b) => (a < b ? -1 : 1)),
    count,
    operation,
  }));
}
