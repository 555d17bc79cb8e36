/**
 * Makes the report (format.ts) of what the crash points have shown: findings told once, with names and stacks of their
 * stores, image, timeline and fixes that were tried, and the advice that needs no oracle.
 */
import { CACHE_BLOCK_SIZE } from '../../emulator/addresses.ts';
import { isZeroing } from '../../emulator/nvdimm/pending.ts';
import { type Advice, adviceOn, dirtyReadAdvice, isIntended, unpersistedReads } from './advice.ts';
import { type CampaignResult, type Finding, summarise } from './campaign.ts';
import { blocksOf, type RunEvent } from './events.ts';
import type { CaseStore } from './finding.ts';
import { FixTrials } from './fixes.ts';
import {
  type AdviceJson,
  type CrashPointJson,
  type EventJson,
  type FindingJson,
  type FixJson,
  type PlaceJson,
  REPORT_FORMAT,
  REPORT_VERSION,
  type StoreJson,
  type TortureReport,
} from './format.ts';
import { missingIn } from './missing.ts';
import { describeOutcome, findingKind, type Outcome } from './outcome.ts';
import { Places } from './places.ts';
import type { CampaignLimits, PointRecord } from './point.ts';
import { budgetOf, fencesOf, fingerprint, memoryOf, nvdimmOf, type Program } from './program.ts';
import { placeInFunction, placeWithCaller } from './reports/wording.ts';
import { parseSchedule } from './schedule.ts';
import { stacksAt } from './stacks.ts';
import { PREEMPTIONS } from './threads.ts';
import type { CalmRun } from './visit.ts';
import { runWorkload } from './workload.ts';

/** Events of a timeline, at most: the last ones before the failure. */
const TIMELINE = 120;
/** Campaigns that fixes are tried in, at most, unless the user says otherwise. */
export const FIX_TRIALS = 64;

export interface AssembleOptions {
  /** Try fixes; each costs a campaign. Default: yes. */
  readonly fixes?: boolean;
  /** Campaigns to try fixes in, at most; default `FIX_TRIALS`. */
  readonly fixTrials?: number;
  /** Only crash points of which index mod count is this were explored. */
  readonly shard?: { readonly index: number; readonly count: number };
}

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;
const pcOf = ({ unit }: CaseStore): bigint => (BigInt(unit.pcHigh) << 32n) | BigInt(unit.pcLow);

/** Names the instructions of a program and of the kernel below it. */
class Namer {
  private readonly program: Places;
  private readonly kernel: Places | undefined;
  private readonly name: string;

  constructor({ elf, system }: Program) {
    this.name = elf.name.slice(elf.name.lastIndexOf('/') + 1);
    this.program = new Places(elf.bytes, elf.name);
    this.kernel = system && new Places(system.kernel.bytes, system.kernel.name);
  }

  /** Instructions of the same source line as one of these. */
  sameLines(pcs: readonly bigint[]): bigint[] {
    return pcs.flatMap((pc) => (this.inKernel(pc) ? this.kernel! : this.program).sameLine(pc));
  }

  private inKernel(pc: bigint): boolean {
    // The kernel lies in the upper half of the address space.
    return this.kernel !== undefined && pc >> 63n === 1n;
  }

  place(pc: bigint): PlaceJson {
    const inKernel = this.inKernel(pc);
    const places = inKernel ? this.kernel! : this.program;
    const image = inKernel ? 'kernel' : this.name;
    const inlinedInto = places.inlinedInto(pc).map((place) => ({ pc: hex(pc), image, ...place }));
    return { pc: hex(pc), image, ...places.at(pc), ...(inlinedInto.length > 0 && { inlinedInto }) };
  }
}

export function assemble(
  program: Program,
  limits: CampaignLimits,
  records: readonly PointRecord[],
  calm: CalmRun,
  options: AssembleOptions = {},
): TortureReport {
  const namer = new Namer(program);
  const summary = summarise(program, records);
  // Under schedules a number of instructions is no place in one run.
  const stacks = stacksAt(
    program,
    calm.events,
    (calm.schedules ? [] : summary.findings).flatMap(({ lost, early }) =>
      [...lost, ...early]
        .filter(({ level, unit }) => level === 0 && unit.hart >= 0)
        .map(({ unit }) => unit.instret),
    ),
  );
  const trials =
    options.fixes === false
      ? undefined
      : new FixTrials(program, limits, calm, options.fixTrials ?? FIX_TRIALS, (pcs) => namer.sameLines(pcs));
  const context: Context = { program, calm, namer, stacks, trials };
  const advice = [
    ...adviceOn(calm.events),
    ...dirtyReadAdvice(calm.dirtyReads ?? []),
    ...unpersistedReads(records),
  ].filter((one) => !isIntended(one, namer.place(one.pc)));
  return {
    format: REPORT_FORMAT,
    version: REPORT_VERSION,
    program: {
      name: program.elf.name,
      kind: program.system ? 'guest' : 'bare',
      fingerprint: fingerprint(program),
    },
    options: {
      memory: memoryOf(program),
      nvdimm: nvdimmOf(program),
      budget: budgetOf(program),
      fences: fencesOf(program),
      depth: limits.depth ?? 1,
      preemptions: limits.preemptions ?? PREEMPTIONS,
      maxRuns: limits.maxRuns,
      samples: limits.samples,
      seed: limits.seed,
    },
    ...(options.shard && { shard: options.shard }),
    ...(calm.schedules && {
      schedules: {
        explored: calm.explored,
        complete: calm.complete,
        ...(calm.preemptions !== undefined && { preemptions: calm.preemptions }),
      },
    }),
    exhaustive: summary.exhaustive && calm.complete,
    runs: summary.runs,
    legalImages: summary.legal.toString(),
    coveredImages: summary.covered.toString(),
    crashPoints: records.map((record) => crashPointJson(record, namer)),
    findings: summary.findings.map((finding) => findingJson(finding, context)),
    advice: advice.map((one) => adviceJson(one, namer)),
    unreduced: summary.unreduced,
  };
}

/** The report of a campaign of this process. */
export const reportOf = (
  program: Program,
  limits: CampaignLimits,
  { points, calm }: CampaignResult,
  options: AssembleOptions = {},
): TortureReport =>
  assemble(
    program,
    limits,
    points.map(({ record }) => record),
    calm,
    options,
  );

/** What findings are told with. */
interface Context {
  readonly program: Program;
  readonly calm: CalmRun;
  readonly namer: Namer;
  readonly stacks: ReadonlyMap<number, readonly bigint[]>;
  /** Absent: fixes are not to be tried. */
  readonly trials: FixTrials | undefined;
}

function crashPointJson(record: PointRecord, namer: Namer): CrashPointJson {
  const { index, kind, pc, instret, progress } = record.place;
  return {
    index,
    kind,
    place: namer.place(pc),
    instruction: instret,
    operation: progress.begun > progress.acknowledged ? progress.begun : 0,
    acknowledged: progress.acknowledged,
    legalImages: record.legal.toString(),
    coveredImages: record.covered.toString(),
    classes: record.classes,
    runs: record.runs,
    exhaustive: record.exhaustive,
    digest: record.digest,
    nested: record.levels.map(({ crashPoints, merged, legal, covered, runs, exhaustive }) => ({
      crashPoints,
      merged,
      legalImages: legal.toString(),
      coveredImages: covered.toString(),
      runs,
      exhaustive,
    })),
    ...(record.certificate && { certificate: record.certificate }),
  };
}

function storeJson(store: CaseStore, { namer, stacks }: Context): StoreJson {
  const { block, unit, level, writtenBack, torn } = store;
  const value = (BigInt(unit.high) << 32n) | BigInt(unit.low);
  return {
    ...namer.place(pcOf(store)),
    address: hex(block * CACHE_BLOCK_SIZE + unit.offset),
    block,
    size: unit.size,
    value: hex(isZeroing(unit) ? 0 : value),
    hart: unit.hart,
    instruction: unit.instret,
    level,
    writtenBack,
    ...(torn > 0 && { torn }),
    missing: writtenBack ? 'fence' : 'flush',
    stack: (level === 0 ? (stacks.get(unit.instret) ?? []) : []).map((pc) => namer.place(pc)),
  };
}

function findingJson(finding: Finding, context: Context): FindingJson {
  const { program, calm, namer, trials } = context;
  const { point, nested, outcome, image } = finding;
  const { progress } = point;
  const fixes = trials?.try(finding);
  const run = point.origin
    ? runWorkload({ ...program, schedule: parseSchedule(point.origin.schedule) })
    : calm;
  return {
    kind: findingKind(outcome),
    outcome: describeOutcome(outcome) + loopText(outcome, namer),
    missing: missingIn(finding, calm),
    crashPoint: point.index,
    crashPointKind: point.kind,
    crashPlace: namer.place(point.pc),
    crashPoints: finding.points,
    nested: nested.map(({ index }) => index),
    operation: progress.begun > progress.acknowledged ? progress.begun : 0,
    acknowledged: progress.acknowledged,
    minimal: finding.minimal,
    lost: finding.lost.map((store) => storeJson(store, context)),
    early: finding.early.map((store) => storeJson(store, context)),
    image: image.map(({ block, failing, visible }) => ({
      block,
      address: hex(block * CACHE_BLOCK_SIZE),
      failing: Buffer.from(failing).toString('hex'),
      visible: Buffer.from(visible).toString('hex'),
    })),
    timeline: timelineOf(finding, run.events, context),
    ...(run.preempted.length > 0 && { switches: run.preempted.map((pc) => namer.place(pc)) }),
    ...(trials && fixes === undefined && { fixesLeftOut: true }),
    fixes: (fixes ?? []).map(({ kind, after, works, findingsLeft }): FixJson => {
      const places = after.map((pc) => namer.place(pc));
      return { kind, after: places, text: fixText(kind, places, works, findingsLeft), works, findingsLeft };
    }),
    output: finding.output,
    seed: finding.seed,
  };
}

/** Where recovery goes round. */
const loopText = (outcome: Outcome, namer: Namer): string =>
  outcome.kind === 'hang' && outcome.pc !== undefined
    ? ` at ${placeInFunction(namer.place(outcome.pc))}`
    : '';

function fixText(
  kind: FixJson['kind'],
  after: readonly PlaceJson[],
  works: boolean,
  findingsLeft: number,
): string {
  const [verb, noun] =
    kind === 'fence' ? ['a fence', 'the flush'] : ['a flush of its block and a fence', 'the store'];
  const places = after.map((place) => placeWithCaller(place));
  const left = findingsLeft === 0 ? '' : `; ${findingsLeft} other findings are left with it`;
  const result = works ? `it helps${left}` : 'it does not help';
  return `${verb} after ${noun} at ${[...new Set(places)].join(', ')}: tried, and ${result}`;
}

/** The events on the blocks concerned, fences and marks up to the failure. */
function timelineOf(finding: Finding, all: readonly RunEvent[], { namer }: Context): EventJson[] {
  const { point, lost, early } = finding;
  const own = (store: CaseStore): boolean => store.level === 0;
  const concerned = new Set<number>([...lost, ...early].map(({ block }) => block));
  const isOf = (event: RunEvent, stores: readonly CaseStore[]): boolean =>
    stores.some(
      (store) =>
        own(store) &&
        store.unit.instret === event.instret &&
        blocksOf(event).some((block) => block === store.block),
    );
  const before = all.filter(
    (event) =>
      event.instret <= point.instret &&
      (event.address < 0
        ? event.kind !== 'fence' || !event.redundant
        : blocksOf(event).some((block) => concerned.has(block))),
  );
  const events = before
    .filter((event) => event.instret < point.instret)
    .slice(-TIMELINE)
    .map((event): EventJson => {
      const stored = event.kind === 'store' || event.kind === 'zero';
      const flushes = event.kind === 'clean' || event.kind === 'flush' || event.kind === 'fence';
      return {
        kind: event.kind,
        instruction: event.instret,
        level: 0,
        hart: event.hart,
        place: namer.place(event.pc),
        ...(event.address >= 0 && { address: hex(event.address), size: event.size }),
        ...(event.kind === 'store' && { value: hex(event.value) }),
        ...(event.operation > 0 && { operation: event.operation }),
        ...(stored && {
          fate: isOf(event, lost) ? 'lost' : isOf(event, early) ? 'reached' : 'persistent',
        }),
        ...(flushes && { redundant: event.redundant }),
      };
    });
  const failure: EventJson = {
    kind: 'failure',
    instruction: point.instret,
    level: 0,
    hart: 0,
    place: namer.place(point.pc),
  };
  return [...events, failure];
}

function adviceJson({ kind, about, pc, stores, loads, count, operation }: Advice, namer: Namer): AdviceJson {
  return {
    kind,
    about,
    place: namer.place(pc),
    stores: stores.map((store) => namer.place(store)),
    ...(loads && { loads: loads.map((load) => namer.place(load)) }),
    count,
    operation,
  };
}
