/**
 * `licorice bench cpu`: the same programs on licorice, on qemu-system-riscv64 and natively, in interleaved rounds,
 * so that a slow minute of the host hits all of them. A time is the wall time of a process less that of the `empty`
 * program on the same runner in the same round; what is printed are medians, and ratios of medians. The object window,
 * which QEMU does not have, is compared with user mode under Sv39 on QEMU.
 */
import { spawnSync } from 'node:child_process';
import { UserError } from '../../emulator/errors.ts';
import { BENCH_MODES, type BenchMode, type BuiltProgram } from './programs.ts';

export type Runner = 'licorice' | 'qemu' | 'native';

export interface CpuBenchOptions {
  readonly rounds: number;
  readonly modes: readonly BenchMode[];
  readonly engine: string;
  /** Called after every run, for progress output. */
  readonly onRun?: (program: string, runner: Runner, mode: BenchMode) => void;
}

export interface Measurement {
  readonly program: string;
  readonly mode: BenchMode;
  /** Median seconds by runner, start-up subtracted; a runner that is missing here was not there. */
  readonly seconds: Partial<Record<Runner, number>>;
  /** QEMU's time over licorice's: above 1, licorice is faster; from the medians. */
  readonly versusQemu: number | undefined;
  /** Lowest and highest of that ratio in one round. */
  readonly spread: readonly [number, number] | undefined;
  /** licorice's time over the native one. */
  readonly timesNative: number | undefined;
  readonly checksum: string;
}

export interface CpuBenchResult {
  readonly engine: string;
  readonly rounds: number;
  readonly measurements: readonly Measurement[];
  /** Geometric means of `versusQemu` by mode. */
  readonly geometricMean: Partial<Record<BenchMode, number>>;
}

/** Seconds that one run may take before it counts as hung. */
const RUN_LIMIT = 300;

interface Run {
  readonly seconds: number;
  readonly output: string;
}

function command(
  runner: Runner,
  program: BuiltProgram,
  mode: BenchMode,
  engine: string,
): string[] | undefined {
  switch (runner) {
    case 'licorice':
      return [
        process.execPath,
        process.argv[1]!,
        'run',
        '--bios',
        'none',
        '--engine',
        engine,
        program.elf[mode],
      ];
    case 'qemu':
      return [
        ...['qemu-system-riscv64', '-M', 'virt', '-bios', 'none', '-display', 'none', '-serial', 'stdio'],
        ...['-monitor', 'none', '-kernel', program.elf[mode === 'object' ? 'user' : mode]],
      ];
    case 'native':
      return program.native === undefined ? undefined : [program.native];
  }
}

function runOnce(argv: readonly string[]): Run {
  const start = process.hrtime.bigint();
  const { error, status, stdout, stderr } = spawnSync(argv[0]!, argv.slice(1), {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: RUN_LIMIT * 1000,
  });
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (error) throw new UserError(`bench: cannot run ${argv[0]}: ${error.message}`);
  if (status !== 0)
    throw new UserError(`bench: ${argv.join(' ')} ended with ${status}: ${stderr.split('\n')[0]}`);
  return { seconds, output: stdout.trim() };
}

/** The middle value; of an even count, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** True if qemu-system-riscv64 can be run. */
export function hasQemu(): boolean {
  return spawnSync('qemu-system-riscv64', ['--version'], { stdio: 'ignore' }).status === 0;
}

/**
 * Runs the programs and compares. `empty` is the program whose time is subtracted.
 * @throws UserError when a run fails or two runners disagree about a checksum
 */
export function benchCpu(
  programs: readonly BuiltProgram[],
  empty: BuiltProgram,
  options: CpuBenchOptions,
): CpuBenchResult {
  const runners: Runner[] = ['licorice', ...(hasQemu() ? (['qemu'] as const) : []), 'native'];
  const times = new Map<string, number[]>();
  const checksums = new Map<string, string>();
  const key = (program: BuiltProgram, mode: BenchMode, runner: Runner): string =>
    `${program.name} ${runner === 'native' ? 'native' : mode} ${runner}`;

  const measure = (program: BuiltProgram, mode: BenchMode, runner: Runner): number | undefined => {
    const argv = command(runner, program, mode, options.engine);
    if (argv === undefined) return undefined;
    const { seconds, output } = runOnce(argv);
    const expected = checksums.get(program.name);
    if (expected === undefined) checksums.set(program.name, output);
    else if (expected !== output)
      throw new UserError(
        `bench: ${program.name} (${mode}) on ${runner} printed "${output}", not "${expected}"`,
      );
    options.onRun?.(program.name, runner, mode);
    return seconds;
  };

  for (let round = 0; round < options.rounds; round++) {
    const startup = new Map<string, number>();
    for (const mode of options.modes)
      for (const runner of runners) startup.set(`${mode} ${runner}`, measure(empty, mode, runner) ?? 0);
    for (const program of programs) {
      for (const mode of options.modes) {
        for (const runner of runners) {
          if (runner === 'native' && mode !== options.modes[0]) continue;
          const seconds = measure(program, mode, runner);
          if (seconds === undefined) continue;
          const list = times.get(key(program, mode, runner)) ?? [];
          // A program cannot take less than nothing; a tenth of a millisecond keeps ratios finite.
          list.push(Math.max(1e-4, seconds - startup.get(`${mode} ${runner}`)!));
          times.set(key(program, mode, runner), list);
        }
      }
    }
  }

  const measurements: Measurement[] = [];
  for (const program of programs) {
    for (const mode of options.modes) {
      const list = (runner: Runner): number[] | undefined => times.get(key(program, mode, runner));
      const ours = list('licorice')!;
      const qemu = list('qemu');
      const native = list('native');
      const seconds: Partial<Record<Runner, number>> = { licorice: median(ours) };
      if (qemu) seconds.qemu = median(qemu);
      if (native) seconds.native = median(native);
      const ratios = qemu?.map((value, i) => value / ours[i]!);
      measurements.push({
        program: program.name,
        mode,
        seconds,
        versusQemu: qemu && seconds.qemu! / seconds.licorice!,
        spread: ratios && [Math.min(...ratios), Math.max(...ratios)],
        timesNative: native && seconds.licorice! / seconds.native!,
        checksum: checksums.get(program.name)!,
      });
    }
  }
  const means: Partial<Record<BenchMode, number>> = {};
  for (const mode of BENCH_MODES) {
    const ratios = measurements.filter((m) => m.mode === mode && m.versusQemu !== undefined);
    if (ratios.length > 0) means[mode] = geometricMean(ratios.map((m) => m.versusQemu!));
  }
  return { engine: options.engine, rounds: options.rounds, measurements, geometricMean: means };
}

/** The result as a table for people. */
export function formatCpuBench(result: CpuBenchResult): string {
  const number = (value: number | undefined, digits = 2): string =>
    value === undefined ? '-' : value.toFixed(digits);
  const rows = result.measurements.map((m) => [
    m.program,
    m.mode,
    number(m.seconds.licorice, 3),
    number(m.seconds.qemu, 3),
    number(m.seconds.native, 3),
    number(m.versusQemu),
    m.spread ? `${number(m.spread[0])}-${number(m.spread[1])}` : '-',
    number(m.timesNative, 1),
  ]);
  const header = ['program', 'mode', 'licorice s', 'QEMU s', 'native s', 'x QEMU', 'range', '/ native'];
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  const means = Object.entries(result.geometricMean).map(
    ([mode, mean]) => `geometric mean, ${mode} mode: ${mean.toFixed(2)} x QEMU`,
  );
  return [
    `engine ${result.engine}, medians of ${result.rounds} rounds, start-up subtracted; x QEMU above 1 is faster than QEMU`,
    line(header),
    ...rows.map(line),
    ...means,
  ].join('\n');
}
