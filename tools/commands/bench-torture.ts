/** `licorice bench torture`: the published bugs, found and not found, with states and times. */
import type { CommandModule } from 'yargs';
import { UserError } from '../../emulator/errors.ts';

interface TortureBenchArguments {
  only?: string;
  json: boolean;
}

export const tortureBenchCommand: CommandModule<object, TortureBenchArguments> = {
  command: 'torture',
  describe: 'published crash-consistency bugs: states and times of the explorer',
  builder: (yargs) =>
    yargs
      .option('only', { type: 'string', requiresArg: true, describe: 'programs to run, separated by commas' })
      .option('json', { type: 'boolean', default: false, describe: 'machine-readable output' }),
  handler: async (args) => {
    const { benchTorture, formatTortureBench } = await import('../bench/torture.ts');
    const { pairNames } = await import('../torture/pairs.ts');
    const known = pairNames();
    const names = args.only?.split(',') ?? known;
    const unknown = names.find((name) => !known.includes(name));
    if (unknown !== undefined)
      throw new UserError(`bench torture: no program '${unknown}' (there are: ${known.join(', ')})`);
    const rows = benchTorture(names);
    process.stdout.write(`${args.json ? JSON.stringify(rows, null, 2) : formatTortureBench(rows)}\n`);
  },
};
