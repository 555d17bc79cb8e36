/** `licorice bench build`: how long the guest takes to build. */
import type { CommandModule } from 'yargs';
import { UserError } from '../../emulator/errors.ts';

interface BuildBenchArguments {
  rounds: number;
  threads?: number;
  json: boolean;
}

export const buildBenchCommand: CommandModule<object, BuildBenchArguments> = {
  command: 'build',
  describe: 'building kernel, libtwz and all programs: from nothing, and after a change',
  builder: (yargs) =>
    yargs
      .option('rounds', { type: 'number', default: 3, describe: 'builds of each kind; medians are printed' })
      .option('threads', {
        type: 'number',
        describe: 'threads that compile; one for each processor by default',
      })
      .option('json', { type: 'boolean', default: false, describe: 'machine-readable output' }),
  handler: async ({ rounds, threads, json }) => {
    for (const [name, value] of [
      ['--rounds', rounds],
      ['--threads', threads ?? 1],
    ] as const) {
      if (!Number.isInteger(value) || value < 1)
        throw new UserError(`bench: ${name} wants a whole number from 1`);
    }
    const { formatBuild, measureBuild } = await import('../bench/build.ts');
    const times = await measureBuild(rounds, threads);
    process.stdout.write(`${json ? JSON.stringify(times, null, 2) : formatBuild(times)}\n`);
  },
};
