/**
 * `licorice bench`: the benchmarks of this project, each beside what it is compared with. One sub-command per
 * subject; each prints a table, or JSON with `--json`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import { UserError } from '../../emulator/errors.ts';
import { buildBenchCommand } from './bench-build.ts';
import { debugBenchCommand } from './bench-debug.ts';
import { kernelBenchCommand } from './bench-kernel.ts';
import { paperBenchCommand } from './bench-paper.ts';
import { startBenchCommand } from './bench-start.ts';
import { tortureBenchCommand } from './bench-torture.ts';
import { xtwzBenchCommand } from './bench-xtwz.ts';

interface CpuArguments {
  rounds: number;
  only?: string;
  mode: string;
  engine: string;
  percent: number;
  json: boolean;
  warmup: boolean;
  keep?: string;
}

const cpuCommand: CommandModule<object, CpuArguments> = {
  command: 'cpu',
  describe: 'C programs on licorice, QEMU and natively, interleaved',
  builder: (yargs) =>
    yargs
      .option('rounds', { type: 'number', default: 3, describe: 'interleaved rounds; medians are printed' })
      .option('only', { type: 'string', describe: 'programs to run, separated by commas' })
      .option('mode', {
        type: 'string',
        choices: ['machine', 'user', 'object', 'all'],
        default: 'all',
        describe: 'machine mode with paging off, user mode under Sv39, user mode in the object window',
      })
      .option('engine', { type: 'string', choices: ['interp', 'jit'], default: 'jit' })
      .option('percent', {
        type: 'number',
        default: 400,
        describe: 'how much of the work to do; small values measure warm-up as well',
      })
      .option('warmup', {
        type: 'boolean',
        default: false,
        describe: 'instead, the translator beside the interpreter on code that runs once or a few times',
      })
      .option('json', { type: 'boolean', default: false, describe: 'machine-readable output' })
      .option('keep', { type: 'string', describe: 'build here and keep the ELF files' }),
  handler: async (args) => {
    const { BENCH_MODES, EMPTY_PROGRAM, buildPrograms, programNames } = await import('../bench/programs.ts');
    const { benchCpu, formatCpuBench } = await import('../bench/cpu.ts');
    if (!Number.isInteger(args.rounds) || args.rounds < 1)
      throw new UserError('bench: --rounds wants a whole number from 1');
    if (!(args.percent > 0)) throw new UserError('bench: --percent wants a number above 0');
    if (args.warmup) {
      const { formatWarmUp, measureWarmUp } = await import('../bench/warmup.ts');
      const list = measureWarmUp(args.rounds);
      process.stdout.write(`${args.json ? JSON.stringify(list, null, 2) : formatWarmUp(list)}\n`);
      return;
    }
    const folder = args.keep ?? mkdtempSync(join(tmpdir(), 'licorice-bench-'));
    try {
      const names = args.only?.split(',') ?? programNames();
      const programs = buildPrograms([EMPTY_PROGRAM, ...names], folder, args.percent);
      const result = benchCpu(programs.slice(1), programs[0]!, {
        rounds: args.rounds,
        modes: BENCH_MODES.filter((mode) => args.mode === 'all' || args.mode === mode),
        engine: args.engine,
        onRun: (program, runner, mode) => {
          if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${program} ${mode} ${runner}`);
        },
      });
      if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
      process.stdout.write(`${args.json ? JSON.stringify(result, null, 2) : formatCpuBench(result)}\n`);
    } finally {
      if (args.keep === undefined) rmSync(folder, { recursive: true, force: true });
    }
  },
};

interface NvdimmBenchArguments {
  profile?: string;
  parameters: boolean;
  cost: boolean;
  rounds: number;
  json: boolean;
}

const nvdimmCommand: CommandModule<object, NvdimmBenchArguments> = {
  command: 'nvdimm',
  describe: 'the timing model of the NVDIMM beside measurements of Optane modules',
  builder: (yargs) =>
    yargs
      .option('profile', { type: 'string', requiresArg: true, describe: 'JSON file with parameters' })
      .option('cost', {
        type: 'boolean',
        default: false,
        describe: 'measure instead what NVDIMM and timing model cost the emulator',
      })
      .option('rounds', { type: 'number', default: 3, describe: 'interleaved rounds of --cost' })
      .option('parameters', { type: 'boolean', default: false, describe: 'print every parameter instead' })
      .option('json', { type: 'boolean', default: false, describe: 'machine-readable output' }),
  handler: async (args) => {
    const { benchNvdimm, formatNvdimmBench } = await import('../bench/nvdimm.ts');
    const { describeProfile, loadProfile, XEON_GOLD_5218 } = await import('../../emulator/timing/profile.ts');
    const profile = args.profile === undefined ? XEON_GOLD_5218 : loadProfile(args.profile);
    if (args.parameters) {
      process.stdout.write(
        `${args.json ? JSON.stringify(profile, null, 2) : describeProfile(profile).join('\n')}\n`,
      );
      return;
    }
    if (args.cost) {
      if (!Number.isInteger(args.rounds) || args.rounds < 1)
        throw new UserError('bench: --rounds wants a whole number from 1');
      const { benchCost, formatCost } = await import('../bench/nvdimm-cost.ts');
      const rows = benchCost(args.rounds);
      process.stdout.write(`${args.json ? JSON.stringify(rows, null, 2) : formatCost(rows)}\n`);
      return;
    }
    const points = benchNvdimm(profile);
    process.stdout.write(
      `${args.json ? JSON.stringify(points, null, 2) : formatNvdimmBench(profile, points)}\n`,
    );
  },
};

interface CompilerBenchArguments {
  only?: string;
  json: boolean;
}

const compilerCommand: CommandModule<object, CompilerBenchArguments> = {
  command: 'compiler',
  describe: 'instructions of kernels in guest TypeScript beside the same in C',
  builder: (yargs) =>
    yargs
      .option('only', { type: 'string', requiresArg: true, describe: 'kernels to run, separated by commas' })
      .option('json', { type: 'boolean', default: false, describe: 'machine-readable output' }),
  handler: async (args) => {
    const { benchCompiler, formatCompilerBench, kernelNames } = await import('../bench/compiler.ts');
    const known = kernelNames();
    const names = args.only?.split(',') ?? known;
    const unknown = names.find((name) => !known.includes(name));
    if (unknown !== undefined) {
      throw new UserError(`bench compiler: no kernel '${unknown}' (there are: ${known.join(', ')})`);
    }
    const result = benchCompiler(names);
    process.stdout.write(`${args.json ? JSON.stringify(result, null, 2) : formatCompilerBench(result)}\n`);
  },
};

export const benchCommand: CommandModule = {
  command: 'bench <subject>',
  describe: 'measures, each figure beside what it is compared with',
  builder: (yargs) =>
    yargs
      .command(cpuCommand)
      .command(nvdimmCommand)
      .command(kernelBenchCommand)
      .command(paperBenchCommand)
      .command(debugBenchCommand)
      .command(startBenchCommand)
      .command(buildBenchCommand)
      .command(tortureBenchCommand)
      .command(xtwzBenchCommand)
      .command(compilerCommand)
      .demandCommand(
        1,
        'name what to measure: compiler, cpu, debug, kernel, nvdimm, paper, start, torture, xtwz',
      ),
  handler: () => undefined,
};
