/**
 * `licorice torture PROGRAM`: every legal power failure of a program, explored (docs/torture.md). Its
 * exit code is 1 when there are findings. `licorice torture replay SEED PROGRAM` runs one of them again.
 */
import type { Argv, CommandModule } from 'yargs';
import { UserError } from '../../emulator/errors.ts';
import type { Program } from '../torture/program.ts';
import { memorySize, parseSize, positiveInteger, readImage } from './machine-options.ts';

interface ProgramArguments {
  program?: string;
  media?: string;
}

interface TortureArguments extends ProgramArguments {
  mem: string;
  nvdimm?: string;
  'from-power-on': boolean;
  budget: number;
  'max-runs': number;
  samples: number;
  seed: number;
  json: boolean;
  certificates: boolean;
}

interface ReplayArguments extends ProgramArguments {
  case?: string;
}

const mediaOption = <T>(yargs: Argv<T>) =>
  yargs.option('media', {
    type: 'string',
    requiresArg: true,
    describe: 'what the NVDIMM holds at first: a raw image (default: zeros)',
  });

const mediaOf = ({ media }: ProgramArguments): Pick<Program, 'media'> =>
  media === undefined ? {} : { media: readImage(media, 'media image').bytes };

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

function nvdimmSize(text: string): number {
  const size = parseSize(text, '--nvdimm');
  if (size < 4096 || size % 4096 !== 0)
    throw new UserError(`--nvdimm ${text}: an NVDIMM has whole pages of 4096 bytes, at least one`);
  return size;
}

export const tortureCommand: CommandModule<object, TortureArguments> = {
  command: 'torture <program>',
  describe: 'explore every legal power failure of a program',
  builder: (yargs) =>
    mediaOption(yargs)
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
      .option('budget', {
        type: 'number',
        default: 10_000_000,
        requiresArg: true,
        describe: 'instructions after which a recovery counts as hung',
      })
      .option('max-runs', {
        type: 'number',
        default: 20_000,
        requiresArg: true,
        describe: 'runs of recovery at one crash point before it is sampled',
      })
      .option('samples', {
        type: 'number',
        default: 1000,
        requiresArg: true,
        describe: 'images to draw then',
      })
      .option('seed', { type: 'number', default: 0, requiresArg: true, describe: 'seed of what is drawn' })
      .option('json', { type: 'boolean', default: false, describe: 'machine-readable output' })
      .option('certificates', {
        type: 'boolean',
        default: false,
        describe: 'with --json: what is needed to check that nothing was left out',
      })
      .command(replayCommand),
  handler: async (args) => {
    const { runCampaign } = await import('../torture/campaign.ts');
    const { campaignJson, campaignText } = await import('../torture/report.ts');
    const { Places } = await import('../torture/places.ts');
    const { loadProgram } = await import('../torture/load.ts');
    const program = await loadProgram(args.program!, {
      ...mediaOf(args),
      memory: memorySize(args.mem),
      ...(args.nvdimm !== undefined && { nvdimm: nvdimmSize(args.nvdimm) }),
      budget: positiveInteger(args.budget, '--budget'),
      fromPowerOn: args['from-power-on'],
    });
    const limits = {
      maxRuns: positiveInteger(args['max-runs'], '--max-runs'),
      samples: positiveInteger(args.samples, '--samples'),
      seed: args.seed,
    };
    const terminal = process.stderr.isTTY;
    const result = runCampaign(program, limits, ({ point, classes }) => {
      if (terminal) process.stderr.write(`\r\x1b[Kcrash point ${point.index}: ${classes.length} classes`);
    });
    if (terminal) process.stderr.write('\r\x1b[K');
    const places = new Places(program.elf.bytes, program.elf.name);
    process.stdout.write(
      args.json
        ? `${JSON.stringify(campaignJson(result, places, args.certificates), null, 2)}\n`
        : campaignText(result, places),
    );
    if (result.findings.length + result.unreduced > 0) process.exitCode = 1;
  },
};
