/** `licorice bench start`: from `npm start` to the guest's prompt. */
import type { CommandModule } from 'yargs';
import { UserError } from '../../emulator/errors.ts';

interface StartArguments {
  rounds: number;
  json: boolean;
}

export const startBenchCommand: CommandModule<object, StartArguments> = {
  command: 'start',
  describe: "from npm start to the guest's prompt, on a new image and on a used one",
  builder: (yargs) =>
    yargs
      .option('rounds', { type: 'number', default: 5, describe: 'starts; medians are printed' })
      .option('json', { type: 'boolean', default: false, describe: 'machine-readable output' }),
  handler: async ({ rounds, json }) => {
    if (!Number.isInteger(rounds) || rounds < 1)
      throw new UserError('bench: --rounds wants a whole number from 1');
    const { formatStart, measureStart } = await import('../bench/start.ts');
    const times = await measureStart(rounds);
    process.stdout.write(`${json ? JSON.stringify(times, null, 2) : formatStart(times, rounds)}\n`);
  },
};
