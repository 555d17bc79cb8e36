/** `licorice bench kernel`: instructions and cycles of each system call. */
import type { CommandModule } from 'yargs';

interface KernelBenchArguments {
  profile?: string;
  json: boolean;
}

export const kernelBenchCommand: CommandModule<object, KernelBenchArguments> = {
  command: 'kernel',
  describe: "instructions and cycles of the guest kernel's calls and faults, with the timing model",
  builder: (yargs) =>
    yargs
      .option('profile', { type: 'string', requiresArg: true, describe: 'JSON file with timing parameters' })
      .option('json', { type: 'boolean', default: false, describe: 'machine-readable output' }),
  handler: async (args) => {
    const { benchKernel, formatKernelBench } = await import('../bench/kernel.ts');
    const { loadProfile, XEON_GOLD_5218 } = await import('../../emulator/timing/profile.ts');
    const figures = benchKernel(args.profile === undefined ? XEON_GOLD_5218 : loadProfile(args.profile));
    process.stdout.write(`${args.json ? JSON.stringify(figures, null, 2) : formatKernelBench(figures)}\n`);
  },
};
