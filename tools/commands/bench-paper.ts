/** `licorice bench paper`: the measurements of Twizzler's paper under the timing model, beside what the paper printed. */
import { writeFileSync } from 'node:fs';
import type { CommandModule } from 'yargs';
import { UserError } from '../../emulator/errors.ts';

interface PaperArguments {
  count: number;
  profile?: string;
  svg?: string;
  json: boolean;
}

/** More keys than this do not fit into one object of 1 GiB with all that is measured. */
const MOST_KEYS = 2_000_000;

export const paperBenchCommand: CommandModule<object, PaperArguments> = {
  command: 'paper',
  describe: "Twizzler's Table 1, red-black tree and key-value store, under the timing model",
  builder: (yargs) =>
    yargs
      .option('count', {
        type: 'number',
        default: 100_000,
        requiresArg: true,
        describe: 'keys of each tree and store; the paper has 1000000',
      })
      .option('profile', { type: 'string', requiresArg: true, describe: 'JSON file with parameters' })
      .option('svg', { type: 'string', requiresArg: true, describe: 'write a chart to this file' })
      .option('json', { type: 'boolean', default: false, describe: 'machine-readable output' }),
  handler: async (args) => {
    const { benchPaper, formatPaper } = await import('../bench/paper.ts');
    const { paperChart } = await import('../bench/paper-chart.ts');
    const { loadProfile, XEON_GOLD_5218 } = await import('../../emulator/timing/profile.ts');
    if (!Number.isInteger(args.count) || args.count < 100 || args.count > MOST_KEYS)
      throw new UserError(`bench: --count wants a whole number from 100 to ${MOST_KEYS}`);
    const profile = args.profile === undefined ? XEON_GOLD_5218 : loadProfile(args.profile);
    const result = benchPaper(profile, args.count);
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
