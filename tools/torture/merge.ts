/** Puts the reports of a campaign's shards together: the report that one run of the whole campaign makes. */
import { UserError } from '../../emulator/errors.ts';
import {
  type AdviceJson,
  type FindingJson,
  REPORT_FORMAT,
  REPORT_VERSION,
  type TortureReport,
} from './format.ts';

/** @throws UserError when a text is not a report */
export function parseReport(text: string, name: string): TortureReport {
  let value: Partial<TortureReport>;
  try {
    value = JSON.parse(text) as Partial<TortureReport>;
  } catch {
    throw new UserError(`${name}: is not JSON`);
  }
  if (value.format !== REPORT_FORMAT) throw new UserError(`${name}: is no report of licorice torture`);
  if (value.version !== REPORT_VERSION)
    throw new UserError(
      `${name}: is a report of version ${value.version}, this is version ${REPORT_VERSION}`,
    );
  return value as TortureReport;
}

/** The same stores lost, the same end: one finding. */
const keyOf = ({ kind, outcome, nested, lost }: FindingJson): string =>
  [
    nested.length,
    kind === 'check' ? outcome : kind,
    ...lost.map(({ level, hart, pc }) => `${level}:${hart}:${pc}`),
  ].join(' ');

/** @throws UserError when they are not all the shards of one campaign */
export function mergeReports(reports: readonly TortureReport[], names: readonly string[]): TortureReport {
  const [first] = reports;
  if (first === undefined) throw new UserError('torture merge: name the reports of the shards');
  const identity = ({ program, options }: TortureReport): string =>
    JSON.stringify([program.fingerprint, options]);
  for (const [i, report] of reports.entries())
    if (identity(report) !== identity(first))
      throw new UserError(`${names[i]}: is of another campaign than ${names[0]}`);
  const crashPoints = reports.flatMap((report) => report.crashPoints).sort((a, b) => a.index - b.index);
  for (const [i, { index }] of crashPoints.entries()) {
    if (index > i) throw new UserError(`torture merge: no report has crash point ${i}`);
    if (index < i) throw new UserError(`torture merge: two reports have crash point ${index}`);
  }
  const count = first.shard?.count ?? 1;
  if (reports.length !== count)
    throw new UserError(
      `torture merge: the campaign was divided into ${count} shards, not ${reports.length}`,
    );
  const { shard: _, ...rest } = first;
  const sum = (of: (report: TortureReport) => string): string =>
    reports.reduce((total, report) => total + BigInt(of(report)), 0n).toString();
  return {
    ...rest,
    exhaustive: reports.every(({ exhaustive }) => exhaustive),
    runs: reports.reduce((total, { runs }) => total + runs, 0),
    legalImages: sum((report) => report.legalImages),
    coveredImages: sum((report) => report.coveredImages),
    crashPoints,
    findings: mergeFindings(reports),
    advice: mergeAdvice(reports),
    unreduced: reports.reduce((total, { unreduced }) => total + unreduced, 0),
  };
}

function mergeFindings(reports: readonly TortureReport[]): FindingJson[] {
  const found = new Map<string, FindingJson>();
  const all = reports.flatMap(({ findings }) => findings);
  for (const finding of all.sort((a, b) => a.crashPoint - b.crashPoint)) {
    const key = keyOf(finding);
    const known = found.get(key);
    found.set(key, known ? { ...known, crashPoints: known.crashPoints + finding.crashPoints } : finding);
  }
  return [...found.values()];
}

/** Advice about the workload's run is in every report; that about recoveries adds up. */
function mergeAdvice(reports: readonly TortureReport[]): AdviceJson[] {
  const own = reports[0]!.advice.filter(({ kind }) => kind !== 'unpersisted read');
  const reads = new Map<string, AdviceJson>();
  const all = reports.flatMap(({ advice }) => advice.filter(({ kind }) => kind === 'unpersisted read'));
  for (const read of all) {
    const known = reads.get(read.place.pc);
    if (known === undefined) reads.set(read.place.pc, read);
    else
      reads.set(read.place.pc, {
        ...known,
        stores: [
          ...new Map([...known.stores, ...read.stores].map((place) => [place.pc, place])).values(),
        ].sort((a, b) => (BigInt(a.pc) < BigInt(b.pc) ? -1 : 1)),
        count: known.count + read.count,
        operation: Math.min(known.operation, read.operation),
      });
  }
  return [...own, ...reads.values()];
}
