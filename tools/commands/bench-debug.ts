/** `licorice bench debug`: the cost of the debugger, and how fast it goes back. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import { UserError } from '../../emulator/errors.ts';

interface DebugBenchArguments {
  distance: number;
  rounds: number;
  json: boolean;
}

export const debugBenchCommand: CommandModule<object, DebugBenchArguments> = {
  command: 'debug',
  describe: 'the speed of a guest under the debugger, and of steps and runs backwards',
  builder: (yargs) =>
    yargs
      .option('distance', {
        type: 'number',
        default: 100,
        requiresArg: true,
        describe: 'million instructions that are gone back over',
      })
      .option('rounds', {
        type: 'number',
        default: 3,
        requiresArg: true,
        describe: 'medians of so many rounds',
      })
      .option('json', { type: 'boolean', default: false, describe: 'machine-readable output' }),
  handler: async ({ distance, rounds, json }) => {
    if (!(distance > 0) || !Number.isInteger(rounds) || rounds < 1)
      throw new UserError('bench: --distance and --rounds are positive numbers');
    const { benchDebug, formatDebugBench } = await import('../bench/debug.ts');
    const { guestOutput } = await import('../guest/layouts.ts');
    const file = (name: string) => ({ name, bytes: new Uint8Array(readFileSync(join(guestOutput(), name))) });
    const result = await benchDebug({
      kernel: file('kernel.elf'),
      archive: file('archive.img'),
      distance: Math.round(distance * 1e6),
      rounds,
    });
    process.stdout.write(`${json ? JSON.stringify(result, null, 2) : formatDebugBench(result)}\n`);
  },
};
