/**
 * `licorice torture PROGRAM`: every legal power failure of a program, explored (docs/torture.md). Its exit code is 1
 * when there are findings. `licorice torture replay SEED PROGRAM` runs one of them again, `licorice torture merge` puts the
 * reports of shards together.
 */
import { availableParallelism } from 'node:os';
import type { Argv, CommandModule } from 'yargs';
import { UserError } from '../../emulator/errors.ts';
import { DEFAULT_FENCES, type FenceModel } from '../torture/fences.ts';
import type { TortureReport } from '../torture/format.ts';
import type { Program } from '../torture/program.ts';
import {
  hartCount,
  memorySize,
  parseSize,
  positiveInteger,
  readImage,
  wholeNumber,
} from './machine-options.ts';

interface ProgramArguments {
  program?: string;
  media?: string;
}

interface OutputArguments {
  json: boolean;
  html?: string;
  junit?: string;
}

interface TortureArguments extends ProgramArguments, OutputArguments {
  mem: string;
  nvdimm?: string;
  'from-power-on': boolean;
  budget: number;
  operations?: number;
  harts: number;
  preemptions: number;
  fences: FenceModel;
  depth: number;
  'max-runs': number;
  samples: number;
  seed: number;
  reads: boolean;
  fixes: boolean;
  'fix-trials': number;
  certificates: boolean;
  workers?: number;
  shard?: string;
  resume?: string;
}

interface ReplayArguments extends ProgramArguments {
  case?: string;
}

interface MergeArguments extends OutputArguments {
  reports?: string[];
}

const mediaOption = <T>(yargs: Argv<T>) =>
  yargs.option('media', {
    type: 'string',
    requiresArg: true,
    describe: 'what the NVDIMM holds at first: a raw image (default: zeros)',
  });

const outputOptions = <T>(yargs: Argv<T>) =>
  yargs
    .option('json', { type: 'boolean', default: false, describe: 'machine-readable output' })
    .option('html', { type: 'string', requiresArg: true, describe: 'write a report page to this file' })
    .option('junit', { type: 'string', requiresArg: true, describe: 'write JUnit XML to this file' });

const mediaOf = ({ media }: ProgramArguments): Pick<Program, 'media'> =>
  media === undefined ? {} : { media: readImage(media, 'media image').bytes };

function nvdimmSize(text: string): number {
  const size = parseSize(text, '--nvdimm');
  if (size < 4096 || size % 4096 !== 0)
    throw new UserError(`--nvdimm ${text}: an NVDIMM has whole pages of 4096 bytes, at least one`);
  return size;
}

/** `i/n`, 1 ≤ i ≤ n. */
function shardOf(text: string): { index: number; count: number } {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  const [index, count] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || index < 1 || index > count)
    throw new UserError(
      `--shard '${text}' is not of the form i/n, with i from 1 to n; write for example 2/4`,
    );
  return { index: index - 1, count };
}

/** Prints and writes a report; findings make the exit code 1. */
async function deliver(report: TortureReport, { json, html, junit }: OutputArguments): Promise<void> {
  const { writeFileAtomically } = await import('../output.ts');
  if (html !== undefined) {
    const { htmlReport } = await import('../torture/reports/html.ts');
    writeFileAtomically(html, htmlReport(report));
  }
  if (junit !== undefined) {
    const { junitReport } = await import('../torture/reports/junit.ts');
    writeFileAtomically(junit, junitReport(report));
  }
  const { reportText } = await import('../torture/report.ts');
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
  if (report.findings.length + report.unreduced > 0) process.exitCode = 1;
}

const replayCommand: CommandModule<object, ReplayArguments> = {
  command: 'replay <case> <program>',
  describe: 'run a finding again, by its seed',
  builder: (yargs) =>
    mediaOption(yargs)
      .positional('case', { type: 'string', describe: 'the seed of a finding' })
      .positional('program', { type: 'string', describe: 'the program that it was found in' }),
  handler: async (args) => {
    const { replay } = await import('../torture/campaign.ts');
    const { describeOutcome, isFailure } = await import('../torture/outcome.ts');
    const { loadProgram } = await import('../torture/load.ts');
    const { outcome, output } = replay(await loadProgram(args.program!, mediaOf(args)), args.case!);
    process.stdout.write(`${output}recovery ${describeOutcome(outcome)}\n`);
    process.exitCode = isFailure(outcome) ? 1 : 0;
  },
};

const mergeCommand: CommandModule<object, MergeArguments> = {
  command: 'merge <reports..>',
  describe: 'put the JSON reports of all shards of a campaign together',
  builder: (yargs) =>
    outputOptions(yargs).positional('reports', {
      type: 'string',
      array: true,
      describe: 'what --shard … --json printed, one file each',
    }),
  handler: async (args) => {
    const { mergeReports, parseReport } = await import('../torture/merge.ts');
    const names = args.reports ?? [];
    const reports = names.map((name) => {
      return parseReport(new TextDecoder().decode(readImage(name, 'report').bytes), name);
    });
    await deliver(mergeReports(reports, names), args);
  },
};

const number = (describe: string, value: number) =>
  ({ type: 'number', default: value, requiresArg: true, describe }) as const;

export const tortureCommand: CommandModule<object, TortureArguments> = {
  command: 'torture [program]',
  describe: 'explore every legal power failure of a program',
  builder: (yargs) =>
    outputOptions(mediaOption(yargs))
      .positional('program', {
        type: 'string',
        describe: 'an ELF or raw image that runs in M-mode, guest TypeScript, or a shipped workload',
      })
      .option('mem', { type: 'string', default: '16M', requiresArg: true, describe: 'main memory' })
      .option('nvdimm', {
        type: 'string',
        requiresArg: true,
        describe: 'size of the NVDIMM (default: 1M, for guest programs 2M)',
      })
      .option('from-power-on', {
        type: 'boolean',
        default: false,
        describe: 'let the power fail before the program says that it is ready, too',
      })
      .option('fences', {
        choices: ['own', 'hardware'] as const,
        default: DEFAULT_FENCES,
        describe: 'own: a fence completes only what its own thread, or the kernel itself, has written back',
      })
      .option('budget', number('instructions after which a recovery counts as hung', 10_000_000))
      .option('operations', {
        type: 'number',
        requiresArg: true,
        describe: 'operations of a workload of any length (random-…, log, allocator, twzkv, large)',
      })
      .option('harts', number('harts of a bare-metal program; their schedules are explored', 1))
      .option('preemptions', number('preemptions of guest threads under one schedule, at most', 1))
      .option('depth', number('failures in a row: 2 lets the power fail during recovery, too', 1))
      .option('max-runs', number('runs of recovery at one crash point before it is sampled', 20_000))
      .option('samples', number('images to draw then', 1000))
      .option('seed', number('seed of what is drawn', 0))
      .option('reads', {
        type: 'boolean',
        default: false,
        describe: 'advise on every load of what was not persistent, also where all goes well',
      })
      .option('fixes', {
        type: 'boolean',
        default: true,
        describe: 'try fixes for findings; --no-fixes saves the time',
      })
      .option('fix-trials', number('campaigns that fixes are tried in, at most', 64))
      .option('certificates', {
        type: 'boolean',
        default: false,
        describe: 'with --json: what is needed to check that nothing was left out',
      })
      .option('workers', {
        type: 'number',
        requiresArg: true,
        describe: 'threads (default: one for each processor); the result is the same',
      })
      .option('shard', {
        type: 'string',
        requiresArg: true,
        describe: 'i/n: explore only the i-th of n parts; `torture merge` joins their JSON',
      })
      .option('resume', {
        type: 'string',
        requiresArg: true,
        describe: 'keep results in this file, and go on from what it has',
      })
      .command(replayCommand)
      .command(mergeCommand),
  handler: async (args) => {
    const { loadProgram } = await import('../torture/load.ts');
    const { workloadNames } = await import('../guest/workloads.ts');
    const { assemble } = await import('../torture/assemble.ts');
    const { exploreAll } = await import('../torture/parallel.ts');
    const { runCalm } = await import('../torture/visit.ts');
    if (args.program === undefined)
      throw new UserError(`name a program, or a workload: ${workloadNames().join(', ')}`);
    const program = await loadProgram(args.program, {
      ...mediaOf(args),
      memory: memorySize(args.mem),
      ...(args.nvdimm !== undefined && { nvdimm: nvdimmSize(args.nvdimm) }),
      budget: positiveInteger(args.budget, '--budget'),
      ...(args.operations !== undefined && { operations: positiveInteger(args.operations, '--operations') }),
      harts: hartCount(args.harts),
      fromPowerOn: args['from-power-on'],
      fences: args.fences,
    });
    const limits = {
      maxRuns: positiveInteger(args['max-runs'], '--max-runs'),
      samples: positiveInteger(args.samples, '--samples'),
      seed: args.seed,
      depth: positiveInteger(args.depth, '--depth'),
      preemptions: wholeNumber(args.preemptions, '--preemptions'),
      reads: args.reads,
      certificates: args.certificates,
    };
    const shard = args.shard === undefined ? undefined : shardOf(args.shard);
    const calm = runCalm(program, limits);
    const { CampaignJournal } = await import('../torture/journal.ts');
    const journal = args.resume === undefined ? undefined : new CampaignJournal(args.resume, program, limits);
    const terminal = process.stderr.isTTY;
    let done = journal?.records.length ?? 0;
    const records = await exploreAll(program, limits, {
      workers:
        args.workers === undefined ? workersFor(calm.points) : positiveInteger(args.workers, '--workers'),
      calm,
      ...(shard && { shard }),
      known: journal?.records ?? [],
      done: (record) => {
        journal?.add(record);
        done++;
        if (terminal) process.stderr.write(`\r\x1b[K${done} of ${calm.points} crash points`);
      },
    });
    if (terminal) process.stderr.write('\r\x1b[K');
    await deliver(
      assemble(program, limits, records, calm, {
        fixes: args.fixes,
        fixTrials: positiveInteger(args['fix-trials'], '--fix-trials'),
        ...(shard && { shard }),
      }),
      args,
    );
  },
};

/** Crash points that make another thread worth its start. */
const POINTS_PER_WORKER = 50;

const workersFor = (points: number): number =>
  Math.max(1, Math.min(availableParallelism(), Math.floor(points / POINTS_PER_WORKER)));
