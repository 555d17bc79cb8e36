/**
 * A report as text for the console. Explicit states (runs of recovery) and represented ones (images that they stand
 * for) are told apart, and nothing that was sampled is called exhaustive.
 */
import type { AdviceJson, FindingJson, PlaceJson, StoreJson, TortureReport } from './format.ts';
import {
  callersOf,
  coverage,
  findingTitle,
  placeText,
  placeWithCaller,
  schedulesText,
} from './reports/wording.ts';

/** `0x80000010 store+4 (pair.c:12)` */
export function describePlace({ pc, image, symbol, offset, file, line }: PlaceJson): string {
  const name = symbol === undefined ? '' : ` ${symbol}${offset ? `+${offset}` : ''}`;
  const source = file === undefined ? '' : ` (${file}:${line})`;
  return `${image === 'kernel' ? 'kernel ' : ''}${pc}${name}${source}`;
}

/** A place in a stack: what a reader looks for, without the address. */
const shortPlace = ({ pc, symbol, file, line }: PlaceJson): string =>
  `${symbol ?? pc}${file === undefined ? '' : ` (${file}:${line})`}`;

const missing = (store: StoreJson): string =>
  store.writtenBack ? 'written back, no fence completed it' : 'never written back';

function storeLines(store: StoreJson, note: string): string[] {
  const torn = store.torn === undefined ? '' : `, torn: ${store.torn} bytes are zero`;
  const what =
    store.size === 64 ? `cbo.zero at ${store.address}${torn}` : `${store.size} bytes at ${store.address}`;
  const during = store.level > 0 ? `  (stored by recovery ${store.level})` : '';
  const lines = [`    ${what}  ${describePlace(store)}${during}${note}`];
  const callers = callersOf(store);
  if (callers.length > 0) lines.push(`      called from ${callers.slice(0, 6).map(shortPlace).join(' < ')}`);
  return lines;
}

/** How many stores are listed before the rest is counted. */
const LISTED = 12;

function storesText(
  title: string,
  stores: readonly StoreJson[],
  note: (store: StoreJson) => string,
): string[] {
  if (stores.length === 0) return [];
  const lines = [`  ${title}:`];
  let previous = '';
  for (const store of stores.slice(0, LISTED)) {
    const [first, ...stack] = storeLines(store, note(store));
    // Stores of one function mostly have one stack.
    const calls = stack.join('\n');
    lines.push(first!, ...(calls === previous ? [] : stack));
    previous = calls;
  }
  if (stores.length > LISTED) lines.push(`    … and ${stores.length - LISTED} more`);
  return lines;
}

function findingText(finding: FindingJson, number: number): string[] {
  const { lost, early, nested, acknowledged, operation, crashPoints } = finding;
  const again = nested.map((index) => `, and again in recovery at its crash point ${index}`).join('');
  const done = acknowledged === 0 ? 'nothing acknowledged' : `operation ${acknowledged} acknowledged`;
  const lines = [
    `finding ${number}: recovery ${finding.outcome}`,
    `  ${findingTitle(finding)}`,
    `  power fails at crash point ${finding.crashPoint} (${finding.crashPointKind})${again},`,
    `  before ${describePlace(finding.crashPlace)},`,
    `  ${operation > 0 ? `during operation ${operation}, ` : ''}${done}; ` +
      `${crashPoints} crash point${crashPoints === 1 ? '' : 's'} like this`,
  ];
  if (finding.switches)
    lines.push(`  threads were preempted before ${finding.switches.map(shortPlace).join(', then before ')}`);
  if (lost.length === 0)
    lines.push('  every store reached the media: it is recovery, or the order of operations');
  lines.push(...storesText('lost', lost, (store) => `  [${missing(store)}]`));
  lines.push(...storesText('reached the media before that', early, () => ''));
  if (finding.output !== '') lines.push(`  it printed: ${JSON.stringify(finding.output.slice(0, 200))}`);
  for (const { text } of finding.fixes) lines.push(`  fix: ${text}`);
  if (finding.fixesLeftOut) lines.push('  fix: none was tried; --fix-trials allows more campaigns');
  lines.push(`  seed: ${finding.seed}`);
  return lines;
}

/** What was explored within recovery. */
function nestedText(report: TortureReport): string {
  const nested = report.crashPoints.flatMap((point) => point.nested);
  const points = nested.reduce((sum, level) => sum + level.crashPoints, 0);
  const images = nested.reduce((sum, level) => sum + BigInt(level.legalImages), 0n);
  const merged = nested.reduce((sum, level) => sum + level.merged, 0);
  const once = merged === 0 ? '' : ` (${merged} leave the same as another, and were explored once)`;
  return points === 0 ? '' : `; within recovery ${points} crash points${once}, ${images} images`;
}

function adviceText({ kind, place, count, operation, stores, loads }: AdviceJson): string {
  const when = operation > 0 ? `, first in operation ${operation}` : '';
  if (loads) {
    const then =
      stores.length > 0
        ? `what it stored then at ${stores.map(shortPlace).join(', ')} was persistent first`
        : 'its operation was acknowledged first';
    return `  ${kind}: ${describePlace(place)} was loaded by another at ${loads.map(shortPlace).join(', ')}, and ${then} (${count} times${when})`;
  }
  const of = stores.length > 0 ? ` of what was stored at ${stores.map(shortPlace).join(', ')}` : '';
  const by = placeWithCaller(place).slice(placeText(place).length);
  return `  ${kind}: ${describePlace(place)}${by}${of} (${count} times${when})`;
}

export function reportText(report: TortureReport): string {
  const { findings, advice, unreduced } = report;
  const lines = [
    ...(report.schedules ? [schedulesText(report.schedules)] : []),
    `${report.crashPoints.length} crash points, ${report.runs} runs of recovery (explicit states)`,
    `${coverage(report)}${nestedText(report)}`,
    '',
    ...findings.flatMap((finding, i) => [...findingText(finding, i + 1), '']),
  ];
  if (advice.length > 0) lines.push('without any oracle:', ...advice.map(adviceText), '');
  if (unreduced > 0)
    lines.push(
      `${unreduced} failing classes could not be shrunk to a case: this is a defect of licorice torture`,
    );
  lines.push(findings.length + unreduced === 0 ? 'no findings' : `${findings.length} findings`);
  return `${lines.join('\n')}\n`;
}
