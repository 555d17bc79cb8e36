/**
 * The sentences that the HTML and JUnit reports share: a place in the code, how much was explored, what a finding says
 * in one line. Nothing that was sampled is called exhaustive here either.
 */
import type { FindingJson, PlaceJson, SchedulesJson, TortureReport } from '../format.ts';

/** `file:line`, else symbol and offset, else the address. */
export function placeText({ pc, symbol, offset, file, line, image }: PlaceJson): string {
  if (file !== undefined && line !== undefined) return `${file}:${line}`;
  if (symbol !== undefined) return offset === undefined || offset === 0 ? symbol : `${symbol}+${offset}`;
  return image === undefined ? pc : `${image} ${pc}`;
}

/** Calls that led to a store, innermost first: those that were inlined among them. */
export const callersOf = (place: PlaceJson & { readonly stack?: readonly PlaceJson[] }): PlaceJson[] => [
  ...(place.inlinedInto ?? []),
  ...(place.stack ?? []).flatMap((site) => [site, ...(site.inlinedInto ?? [])]),
];

/** `file:line`, and by which call it came there from another file: `persist.ts:26, by journal.ts:24`. */
export function placeWithCaller(place: PlaceJson & { readonly stack?: readonly PlaceJson[] }): string {
  const caller = callersOf(place).find(({ file }) => file !== undefined && file !== place.file);
  return caller ? `${placeText(place)}, by ${placeText(caller)}` : placeText(place);
}

/** The same with the function: `file:line in function`. */
export function placeInFunction(place: PlaceJson): string {
  const text = placeText(place);
  return place.file !== undefined && place.symbol !== undefined ? `${text} in ${place.symbol}` : text;
}

/** Share of the legal images that the runs stand for, in percent with four decimals. */
export function sharePercent(covered: string, legal: string): string {
  const whole = BigInt(legal);
  if (whole === 0n) return '100';
  return String(Number((BigInt(covered) * 1_000_000n) / whole) / 10_000);
}

/** How much of the legal images was explored: under the schedules that were. */
export function coverage(report: TortureReport): string {
  const { legalImages, coveredImages, crashPoints, schedules } = report;
  const under = schedules?.complete === false ? ' under these schedules' : '';
  const certified = coveredImages === legalImages && report.crashPoints.every(({ exhaustive }) => exhaustive);
  return certified
    ? `all ${legalImages} legal images${under}, certificate checked at each of ${crashPoints.length} crash points`
    : `SAMPLED: ${coveredImages} of ${legalImages} legal images (${sharePercent(coveredImages, legalImages)} %)${under}; not exhaustive`;
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Which schedules of several harts or threads were explored. */
export function schedulesText({ explored, complete, preemptions }: SchedulesJson): string {
  const schedules = counted(explored, 'schedule');
  if (complete) return `${schedules}: all that can make a difference`;
  if (preemptions === undefined || preemptions < 0) return `SAMPLED: the first ${schedules}; there are more`;
  const most =
    preemptions === 0 ? 'without preemptions' : `with at most ${counted(preemptions, 'preemption')}`;
  return `BOUNDED: ${schedules}, all ${most}; those with more were not explored`;
}

export function findingTitle(finding: FindingJson): string {
  const [store] = finding.missing === 'order' && finding.early.length > 0 ? finding.early : finding.lost;
  const where = placeWithCaller(store ?? finding.crashPlace);
  switch (finding.missing) {
    case 'flush':
      return `missing flush: the store at ${where} is lost`;
    case 'fence':
      return `missing fence: the store at ${where} is written back, but nothing completes that`;
    case 'order':
      return finding.early.length > 0
        ? `order, or recovery: the store at ${where} can be persistent before what must come with it`
        : `order, or recovery: the store at ${where} can be missing where what goes with it is persistent`;
    case 'lock':
      return `missing lock: threads that take turns at ${placeText(finding.switches?.[0] ?? finding.crashPlace)} leave a state that none of them leaves alone`;
    case 'recovery':
      return `recovery: a state that the program's own order leaves is not recovered, power failing at ${where}`;
  }
}

export function whenText({
  operation,
  acknowledged,
  crashPoint,
  crashPointKind,
  nested,
}: FindingJson): string {
  const during = operation > 0 ? `during operation ${operation}, ` : '';
  const last = acknowledged > 0 ? `operation ${acknowledged} acknowledged` : 'nothing acknowledged';
  const deeper = nested.length > 0 ? `, then within recovery at ${nested.join(', ')}` : '';
  return `crash point ${crashPoint} (${crashPointKind})${deeper}, ${during}${last}`;
}
