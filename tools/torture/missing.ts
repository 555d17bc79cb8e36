/**
 * What a program lacks that a finding shows: a flush, a fence, another order of its stores, or a recovery that copes. Told by the
 * order of events: a store that had to be persistent before a later one, or before an acknowledgement, lacks a flush or a fence in between.
 */
import { blocksOf, type RunEvent } from './events.ts';
import type { Case, CaseStore } from './finding.ts';
import type { FindingJson } from './format.ts';
import { scheduleText } from './schedule.ts';
import type { CalmRun } from './visit.ts';

const isMark = ({ kind }: RunEvent): boolean => kind === 'begin' || kind === 'acknowledge';

/** The events behind a store of the workload, up to some instruction. */
const between = (events: readonly RunEvent[], { unit }: CaseStore, end: number): RunEvent[] =>
  events.filter(({ instret }) => instret > unit.instret && instret < end);

const writesBack = (event: RunEvent, { block }: CaseStore): boolean =>
  (event.kind === 'clean' || event.kind === 'flush') && blocksOf(event).includes(block);

/** The program itself writes a block back after the failure, and still in the same operation: too late, but not forgotten. */
function isFlushedLater(store: CaseStore, { point }: Case, events: readonly RunEvent[]): boolean {
  const after = events.filter(({ instret }) => instret > store.unit.instret);
  const mark = after.findIndex(isMark);
  return after
    .slice(0, mark < 0 ? after.length : mark)
    .some((event) => event.instret > point.instret && writesBack(event, store));
}

/** A guest program's events begin when it says that it is ready: what it stored before had to be persistent by then. */
const isFromSetup = (store: CaseStore, [first]: readonly RunEvent[]): boolean =>
  first !== undefined && store.unit.instret < first.instret;

/** Was it written back before the failure, and before the first acknowledgement behind it? */
function isFlushedInTime(store: CaseStore, { point }: Case, events: readonly RunEvent[]): boolean {
  if (!store.writtenBack) return false;
  if (store.level > 0) return true;
  const later = between(events, store, point.instret);
  // If the program did so later, it had not before.
  if (isFromSetup(store, events)) return !later.some((event) => writesBack(event, store));
  const acknowledged = later.findIndex(({ kind }) => kind === 'acknowledge');
  return acknowledged < 0 || later.slice(0, acknowledged).some((event) => writesBack(event, store));
}

/** Nothing was completed or acknowledged since: there is no place where a flush or a fence could be missing. */
const isFresh = (store: CaseStore, { point }: Case, events: readonly RunEvent[]): boolean =>
  store.level === 0 &&
  !isFromSetup(store, events) &&
  !between(events, store, point.instret).some(
    ({ kind, redundant }) => kind === 'acknowledge' || (kind === 'fence' && !redundant),
  );

/**
 * Where stores reached the media before those that were lost were even made, or nothing was lost, no flush or fence would have
 * helped: it is the order in which the program stores, or its recovery.
 */
export function missingIn(
  finding: Case,
  { events, schedules }: Pick<CalmRun, 'events' | 'schedules'>,
): FindingJson['missing'] {
  const { lost, early, point } = finding;
  if (lost.length === 0 && early.length === 0) {
    // Crash points that the first schedule has, too, are told under that one.
    const first = schedules?.[0];
    return first && point.origin?.schedule !== scheduleText(first.schedule) ? 'lock' : 'recovery';
  }
  if (lost.length === 0) return 'order';
  const hadToBe = (store: CaseStore): boolean =>
    early.length === 0
      ? !isFresh(store, finding, events)
      : early.some(
          (one) =>
            one.block !== store.block && (one.level > store.level || one.unit.instret > store.unit.instret),
        );
  if (!lost.some(hadToBe)) return 'order';
  const forgotten = lost.filter((store) => !isFlushedInTime(store, finding, events));
  if (forgotten.length === 0) return 'fence';
  return early.length > 0 && forgotten.every((store) => isFlushedLater(store, finding, events))
    ? 'order'
    : 'flush';
}
