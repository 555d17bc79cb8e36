/** `licorice bench paper`: the measurements of Twizzler's paper under the timing model, beside what the paper has. */
import { writeFileSync } from 'node:fs';
import type { CommandModule } from 'yargs';
import { UserError } from '../../emulator/errors.ts';
import { DEFAULTS, PARTS, type Part } from '../bench/paper-parts.ts';

interface PaperArguments {
  count: number;
  keys: number;
  bytes: number;
  operations: number;
  only?: string;
  profile?: string;
  svg?: string;
  json: boolean;
}

/** More keys than this do not fit into one object of 1 GiB with all that is measured. */
const MOST_KEYS = 2_000_000;
/** The same for rows of databases: with what a store needs besides, in bytes. */
const MOST_TABLE = 450_000_000;
const ROW_OVERHEAD = 64;
const MOST_ROW = 1024;

function wholeNumber(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new UserError(`bench: --${name} wants a whole number from ${least} to ${most}`);
}

function partsOf(only: string | undefined): readonly Part[] {
  if (only === undefined) return PARTS;
  const names = only.split(',');
  const unknown = names.find((name) => !(PARTS as readonly string[]).includes(name));
  if (unknown !== undefined)
    throw new UserError(`bench paper: no part '${unknown}' (there are: ${PARTS.join(', ')})`);
  return PARTS.filter((part) => names.includes(part));
}

export const paperBenchCommand: CommandModule<object, PaperArguments> = {
  command: 'paper',
  describe: "the measurements of Twizzler's paper, under the timing model",
  builder: (yargs) =>
    yargs
      .option('only', {
        type: 'string',
        requiresArg: true,
        describe: `parts to measure, separated by commas: ${PARTS.join(', ')}`,
      })
      .option('count', {
        type: 'number',
        default: DEFAULTS.count,
        requiresArg: true,
        describe: 'keys of each tree, store and container; the paper has 1000000',
      })
      .option('keys', {
        type: 'number',
        default: DEFAULTS.rows,
        requiresArg: true,
        describe: 'rows of the databases of ycsb and queries; the paper has 1000000',
      })
      .option('bytes', {
        type: 'number',
        default: DEFAULTS.bytes,
        requiresArg: true,
        describe: 'bytes of a row of ycsb; a million rows fit with 100',
      })
      .option('operations', {
        type: 'number',
        default: DEFAULTS.operations,
        requiresArg: true,
        describe: 'operations of each workload of ycsb',
      })
      .option('profile', { type: 'string', requiresArg: true, describe: 'JSON file with parameters' })
      .option('svg', { type: 'string', requiresArg: true, describe: 'write a chart to this file' })
      .option('json', { type: 'boolean', default: false, describe: 'machine-readable output' }),
  handler: async (args) => {
    const { benchPaper } = await import('../bench/paper.ts');
    const { formatPaper } = await import('../bench/paper-format.ts');
    const { paperChart } = await import('../bench/paper-chart.ts');
    const { loadProfile, XEON_GOLD_5218 } = await import('../../emulator/timing/profile.ts');
    wholeNumber('count', args.count, 100, MOST_KEYS);
    wholeNumber('bytes', args.bytes, 16, MOST_ROW);
    wholeNumber('keys', args.keys, 100, Math.floor(MOST_TABLE / (args.bytes + ROW_OVERHEAD)));
    wholeNumber('operations', args.operations, 10, args.keys);
    const profile = args.profile === undefined ? XEON_GOLD_5218 : loadProfile(args.profile);
    const options = {
      count: args.count,
      rows: args.keys,
      bytes: args.bytes,
      operations: args.operations,
      only: partsOf(args.only),
    };
    const result = await benchPaper(profile, options, (part) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${part}`);
    });
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    if (args.svg !== undefined) {
      try {
        writeFileSync(args.svg, paperChart(result));
      } catch (error) {
        throw new UserError(`cannot write the chart ${args.svg}: ${(error as Error).message}`);
      }
    }
    process.stdout.write(`${args.json ? JSON.stringify(result, null, 2) : formatPaper(result)}\n`);
  },
};
