/**
 * `licorice bench torture`: the published bugs, found and not found, with states and times; with `--rate`, how many explicit states a core
 * explores in a second.
 */
import type { CommandModule } from 'yargs';
import { UserError } from '../../emulator/errors.ts';

interface TortureBenchArguments {
  only?: string;
  rate: boolean;
  seconds: number;
  json: boolean;
}

/** What `--only` names, or all of them. */
function chosen(only: string | undefined, known: readonly string[], what: string): readonly string[] {
  const names = only?.split(',') ?? known;
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new UserError(`bench torture: no ${what} '${unknown}' (there are: ${known.join(', ')})`);
  return names;
}

export const tortureBenchCommand: CommandModule<object, TortureBenchArguments> = {
  command: 'torture',
  describe: 'published crash-consistency bugs: states and times of the explorer',
  builder: (yargs) =>
    yargs
      .option('only', {
        type: 'string',
        requiresArg: true,
        describe: 'programs to run, separated by commas, or guest, or bare (with --rate: workloads)',
      })
      .option('rate', {
        type: 'boolean',
        default: false,
        describe: 'instead, explicit states per second and core of the workloads that come with licorice',
      })
      .option('seconds', {
        type: 'number',
        default: 4,
        describe: 'CPU seconds for each workload of --rate; campaigns are repeated',
      })
      .option('json', { type: 'boolean', default: false, describe: 'machine-readable output' }),
  handler: async (args) => {
    const print = <Row>(rows: readonly Row[], format: (rows: readonly Row[]) => string): void => {
      process.stdout.write(`${args.json ? JSON.stringify(rows, null, 2) : format(rows)}\n`);
    };
    if (args.rate) {
      if (!(args.seconds > 0)) throw new UserError('bench torture: --seconds wants a number above 0');
      const { benchTortureRate, formatTortureRate } = await import('../bench/torture-rate.ts');
      const { workloadNames } = await import('../guest/workloads.ts');
      const names = chosen(args.only, workloadNames(), 'workload');
      print(await benchTortureRate(names, args.seconds), formatTortureRate);
      return;
    }
    const { benchTorture, formatTortureBench } = await import('../bench/torture.ts');
    const { pairNames } = await import('../torture/pairs.ts');
    const { guestPairNames } = await import('../torture/guest-pairs.ts');
    // `guest` and `bare` name all of a kind.
    const kinds = { guest: guestPairNames(), bare: pairNames() };
    const known = [...kinds.guest, ...kinds.bare];
    const names =
      args.only === 'guest' || args.only === 'bare' ? kinds[args.only] : chosen(args.only, known, 'program');
    print(await benchTorture(names), formatTortureBench);
  },
};
