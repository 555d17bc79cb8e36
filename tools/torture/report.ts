/**
 * Tells people and programs what a campaign found: text for the console, and JSON (docs/torture.md). Explicit states
 * (runs of recovery) and represented ones (images that they stand for) are told apart, and nothing that was sampled
 * is called exhaustive.
 */
import { isZeroing } from '../../emulator/nvdimm/pending.ts';
import type { CampaignResult, Finding, PointResult } from './campaign.ts';
import type { CaseStore } from './finding.ts';
import { describeOutcome } from './outcome.ts';
import type { Places } from './places.ts';

const pcOf = ({ unit }: CaseStore): bigint => (BigInt(unit.pcHigh) << 32n) | BigInt(unit.pcLow);

const addressOf = ({ block, unit }: CaseStore): number => block * 64 + unit.offset;

/** What is missing for a lost store. */
const missing = (store: CaseStore): string =>
  store.writtenBack ? 'written back, no fence completed it' : 'never written back';

function storeLine(store: CaseStore, places: Places): string {
  const what = isZeroing(store.unit)
    ? 'cbo.zero'
    : `${store.unit.size} bytes at 0x${addressOf(store).toString(16)}`;
  return `${what}  ${places.describe(pcOf(store))}`;
}

function findingText(finding: Finding, number: number, places: Places): string[] {
  const { point, lost, early } = finding;
  const lines = [
    `finding ${number}: recovery ${describeOutcome(finding.outcome)}`,
    `  power fails at crash point ${point.index} (${point.kind}), before ${places.describe(point.pc)},`,
    `  ${point.progress.acknowledged === 0 ? 'nothing acknowledged' : `operation ${point.progress.acknowledged} acknowledged`}; ` +
      `${finding.points} crash point${finding.points === 1 ? '' : 's'} like this`,
  ];
  if (lost.length === 0)
    lines.push('  every store reached the media: it is recovery, or the order of operations');
  else {
    lines.push('  lost:');
    for (const store of lost) lines.push(`    ${storeLine(store, places)}  [${missing(store)}]`);
  }
  if (early.length > 0) {
    lines.push('  reached the media before that:');
    for (const store of early) lines.push(`    ${storeLine(store, places)}`);
  }
  if (finding.output !== '') lines.push(`  it printed: ${JSON.stringify(finding.output.slice(0, 200))}`);
  lines.push(`  seed: ${finding.seed}`);
  return lines;
}

/** How much of the legal images was explored. */
export function coverageText(result: CampaignResult): string {
  if (result.exhaustive)
    return `all ${result.legal} legal images, certificate checked at each of ${result.points.length} crash points`;
  const share = Number((result.covered * 1_000_000n) / result.legal) / 10_000;
  return `SAMPLED: ${result.covered} of ${result.legal} legal images (${share} %) are covered; not exhaustive`;
}

export function campaignText(result: CampaignResult, places: Places): string {
  const lines = [
    `${result.points.length} crash points, ${result.runs} runs of recovery (explicit states)`,
    coverageText(result),
    '',
    ...result.findings.flatMap((finding, i) => [...findingText(finding, i + 1, places), '']),
  ];
  if (result.unreduced > 0)
    lines.push(`${result.unreduced} failing classes need a torn cbo.zero, and are not shown as cases`);
  const failed = result.findings.length + result.unreduced;
  lines.push(failed === 0 ? 'no findings' : `${result.findings.length} findings`);
  return `${lines.join('\n')}\n`;
}

function storeJson(store: CaseStore, places: Places): object {
  const pc = pcOf(store);
  return {
    address: `0x${addressOf(store).toString(16)}`,
    size: store.unit.size,
    hart: store.unit.hart,
    instruction: store.unit.instret,
    pc: `0x${pc.toString(16)}`,
    ...places.at(pc),
    writtenBack: store.writtenBack,
  };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Everything that is needed to check the certificate: the sets of contents, and the classes' decisions. */
function certificateJson({ point, classes }: PointResult): object {
  return {
    blocks: [...point.sets].map(([block, { count, cubes }]) => ({
      block,
      count: count.toString(),
      cubes: cubes.map((cube) => ({
        bytes: hex(cube.bytes),
        free: [cube.freeLow >>> 0, cube.freeHigh >>> 0],
      })),
    })),
    classes: classes.map(({ decisions, size, outcome }) => ({
      decisions: decisions.map(({ block, offset, value }) => [block, offset, value]),
      size: size.toString(),
      outcome: describeOutcome(outcome),
    })),
  };
}

/** @param certificates include the classes and sets of each crash point */
export function campaignJson(result: CampaignResult, places: Places, certificates: boolean): object {
  return {
    exhaustive: result.exhaustive,
    runs: result.runs,
    legalImages: result.legal.toString(),
    coveredImages: result.covered.toString(),
    crashPoints: result.points.map((one) => ({
      index: one.point.index,
      kind: one.point.kind,
      pc: `0x${one.point.pc.toString(16)}`,
      instructions: one.point.instret,
      acknowledged: one.point.progress.acknowledged,
      legalImages: one.point.legal.toString(),
      coveredImages: one.covered.toString(),
      classes: one.classes.length,
      runs: one.runs,
      exhaustive: one.exhaustive,
      ...(certificates && { certificate: certificateJson(one) }),
    })),
    findings: result.findings.map((finding) => ({
      outcome: describeOutcome(finding.outcome),
      crashPoint: finding.point.index,
      acknowledged: finding.point.progress.acknowledged,
      crashPoints: finding.points,
      minimal: finding.minimal,
      lost: finding.lost.map((store) => storeJson(store, places)),
      early: finding.early.map((store) => storeJson(store, places)),
      output: finding.output,
      seed: finding.seed,
    })),
    unreduced: result.unreduced,
  };
}
