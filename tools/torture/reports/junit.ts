/**
 * The report of a campaign as JUnit XML, for continuous integration: one test case for each crash point, which fails
 * with the findings that were made there first. Without times, so that equal campaigns are equal files.
 */
import type { FindingJson, StoreJson, TortureReport } from '../format.ts';
import { element, escapeMarkup } from './markup.ts';
import { callersOf, coverage, findingTitle, placeInFunction, schedulesText, whenText } from './wording.ts';

function storeText(store: StoreJson): string {
  const why = store.missing === 'fence' ? 'written back, no fence completed it' : 'never written back';
  return [
    `  ${store.size} bytes at ${store.address}  ${placeInFunction(store)}  [${why}]`,
    ...callersOf(store).map((call) => `      called from ${placeInFunction(call)}`),
  ].join('\n');
}

function failureText(finding: FindingJson): string {
  const lines = [whenText(finding), `recovery ${finding.outcome}`];
  if (finding.lost.length > 0) lines.push('lost:', ...finding.lost.map(storeText));
  if (finding.early.length > 0) lines.push('reached the media before that:', ...finding.early.map(storeText));
  for (const { text, works } of finding.fixes)
    lines.push(`fix ${works ? 'that works' : 'that does not help'}: ${text}`);
  if (finding.output !== '') lines.push('it printed:', finding.output);
  lines.push(`seed: ${finding.seed}`);
  return lines.join('\n');
}

/** @returns a whole document, with a newline at its end */
export function junitReport(report: TortureReport): string {
  const { program, crashPoints, findings, unreduced } = report;
  const cases = crashPoints.map((point) => {
    const here = findings.filter(({ crashPoint }) => crashPoint === point.index);
    return element(
      'testcase',
      {
        classname: program.name,
        name: `crash point ${point.index} (${point.kind}) before ${placeInFunction(point.place)}`,
        assertions: point.runs,
      },
      here.map((finding) =>
        element(
          'failure',
          { type: finding.missing, message: findingTitle(finding) },
          escapeMarkup(failureText(finding)),
        ),
      ),
    );
  });
  if (unreduced > 0)
    cases.push(
      element(
        'testcase',
        { classname: program.name, name: 'not shrunk' },
        element('failure', {
          type: 'order',
          message: `${unreduced} failing classes could not be shrunk to a case`,
        }),
      ),
    );
  const failing = new Set(findings.map(({ crashPoint }) => crashPoint)).size + (unreduced > 0 ? 1 : 0);
  const counts = { tests: cases.length, failures: failing, errors: 0, skipped: 0 };
  const properties = Object.entries({
    coverage: coverage(report),
    ...(report.schedules && { schedules: schedulesText(report.schedules) }),
    exhaustive: String(report.exhaustive),
    explicitStates: String(report.runs),
    legalImages: report.legalImages,
    representedStates: report.coveredImages,
  }).map(([name, value]) => element('property', { name, value }));
  const suite = element('testsuite', { name: program.name, ...counts }, [
    element('properties', {}, properties),
    ...cases.map((one) => `\n${one}`),
    '\n',
  ]);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('testsuites', { name: 'licorice torture', ...counts }, suite)}\n`;
}
