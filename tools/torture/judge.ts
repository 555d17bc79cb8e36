/**
 * Whether a report says of a pair's programs what it should: of the buggy one its class, and the lines that its source
 * marks; of the fixed one nothing.
 */
import type { FindingJson, PlaceJson, StoreJson, TortureReport } from './format.ts';
import type { BugClass, Pair } from './pairs.ts';
import { callersOf } from './reports/wording.ts';

/**
 * What a finding may say to each class. A state that the program's own order of stores leaves looks the same whether
 * that order is at fault or the recovery which should have mended it.
 */
const MISSING: Readonly<Record<BugClass, readonly FindingJson['missing'][]>> = {
  'missing flush': ['flush'],
  'missing fence': ['fence'],
  order: ['order'],
  recovery: ['order', 'recovery'],
  race: ['lock'],
  'redundant flush': [],
  'redundant fence': [],
};

/** What is wrong with the report on the buggy program; nothing: it is what it should be. */
export function judgeBuggy({ name, bug, marks }: Pair, report: TortureReport): string[] {
  const wrong = common(report);
  const own = (place: PlaceJson): number[] =>
    [place, ...(place.inlinedInto ?? [])].flatMap(({ file, line }) =>
      file?.replace(/\.[a-z]+$/, '').endsWith(name) ? [line!] : [],
    );
  const expect = (what: string, found: readonly number[], lines: readonly number[]): void => {
    for (const line of lines)
      if (!found.includes(line)) wrong.push(`line ${line} is not among the ${what} (${found.join()})`);
  };
  const { findings, advice } = report;
  if (bug === 'redundant flush' || bug === 'redundant fence') {
    const told = advice.filter(({ kind }) => kind === bug).flatMap(({ place }) => own(place));
    expect(bug, told, marks.redundant);
    return [...wrong, ...findings.map(({ outcome }) => `a finding: ${outcome}`)];
  }
  const told = findings.map(({ missing }) => missing);
  if (!MISSING[bug].some((one) => told.includes(one)))
    wrong.push(`the class is not ${bug}, but ${told.join()}`);
  const stores = (of: (finding: FindingJson) => readonly StoreJson[]): number[] =>
    findings.flatMap(of).flatMap((store) => [store, ...callersOf(store)].flatMap(own));
  expect(
    'lost stores',
    [...stores(({ lost }) => lost), ...findings.flatMap(({ switches }) => (switches ?? []).flatMap(own))],
    marks.guilty,
  );
  expect(
    'stores that came too early',
    stores(({ early }) => early),
    marks['too early'],
  );
  // Where no store is to blame, all of them have reached the media, and recovery fails nevertheless.
  const blameless = marks.guilty.length === 0 && marks['too early'].length === 0;
  if (blameless && !findings.some(({ lost, early }) => lost.length === 0 && early.length === 0))
    wrong.push('there is no finding without a store to blame');
  if (findings.some(({ minimal }) => !minimal)) wrong.push('a case is not minimal');
  return wrong;
}

/** The same for the fixed program. It may do more than it must, unless that is the bug. */
export const judgeFixed = ({ bug }: Pair, report: TortureReport): string[] => [
  ...common(report),
  ...report.findings.map(({ outcome }) => `a finding: ${outcome}`),
  ...report.advice
    .filter(({ about }) => about === 'correctness' || bug.startsWith('redundant'))
    .map(({ kind, place }) => `advice: ${kind} at ${place.file}:${place.line}`),
];

function common({ runs, unreduced, coveredImages, legalImages }: TortureReport): string[] {
  const wrong: string[] = [];
  if (runs === 0) wrong.push('nothing was explored');
  if (unreduced > 0) wrong.push(`${unreduced} failing classes were not shrunk`);
  if (coveredImages !== legalImages) wrong.push(`${coveredImages} of ${legalImages} images were explored`);
  return wrong;
}
