/**
 * The sentences that the HTML and JUnit reports share: a place in the code, how much was explored, what a finding says
 * in one line. Nothing that was sampled is called exhaustive here either.
 */
import type { FindingJson, PlaceJson, TortureReport } from '../format.ts';

/** `file:line`, else symbol and offset, else the address. */
export function placeText({ pc, symbol, offset, file, line, image }: PlaceJson): string {
  if (file !== undefined && line !== undefined) return `${file}:${line}`;
  if (symbol !== undefined) return offset === undefined || offset === 0 ? symbol : `${symbol}+${offset}`;
  return image === undefined ? pc : `${image} ${pc}`;
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

export function coverage(report: TortureReport): string {
  const { exhaustive, legalImages, coveredImages, crashPoints } = report;
  return exhaustive
    ? `all ${legalImages} legal images at ${crashPoints.length} crash points, certificates checked`
    : `SAMPLED: ${coveredImages} of ${legalImages} legal images (${sharePercent(coveredImages, legalImages)} %); not exhaustive`;
}

export function findingTitle(finding: FindingJson): string {
  const [store] = finding.missing === 'order' ? finding.early : finding.lost;
  const where = placeText(store ?? finding.crashPlace);
  switch (finding.missing) {
    case 'flush':
      return `missing flush: the store at ${where} is lost`;
    case 'fence':
      return `missing fence: the store at ${where} is written back, but nothing completes that`;
    case 'order':
      return `order, or recovery: the store at ${where} can be persistent before what must come with it`;
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
