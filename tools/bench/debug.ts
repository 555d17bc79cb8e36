/**
 * `licorice bench debug`: what the debugger costs and how fast it goes back. A guest runs with and without a debugger attached, in
 * turn, and the CPU times are compared; then steps and runs backwards are timed from the end of a run.
 */
import { MiB } from '../../emulator/addresses.ts';
import { Computer } from '../../emulator/boot/computer.ts';
import type { ImageFile } from '../../emulator/boot/image.ts';
import { Translator } from '../../emulator/cpu/translator/translator.ts';
import { MemoryMedia } from '../../emulator/nvdimm/media.ts';
import type { Debugger } from '../debugger/debugger.ts';
import { openGuest } from '../debugger/open.ts';
import { appendText } from '../guest/archive.ts';
import { Layouts } from '../guest/layouts.ts';

export interface DebugBenchResult {
  /** CPU seconds without and with the debugger, and their ratio (1: no cost), by workload. */
  readonly speed: readonly {
    readonly name: string;
    readonly instructions: number;
    readonly plain: number;
    readonly debugged: number;
    readonly ratio: number;
  }[];
  /** Milliseconds of wall-clock time: median and slowest of single reverse steps. */
  readonly reverseStep: { readonly median: number; readonly slowest: number; readonly first: number };
  /** Seconds until the states of cache lines are known at the end of the run of the workload that stores, never looked at before. */
  readonly lines: { readonly instructions: number; readonly first: number; readonly near: number };
  /** Seconds to go back over so many instructions to a hit at their beginning. */
  readonly reverseContinue: { readonly instructions: number; readonly seconds: number };
}

export interface DebugBenchOptions {
  readonly kernel: ImageFile;
  readonly archive: ImageFile;
  /** Instructions that are gone back over, or run again. */
  readonly distance: number;
  readonly rounds: number;
}

const NVDIMM = 64 * MiB;
const MEMORY = 256 * MiB;

/** Shell commands that compute in volatile memory, and such that store to the NVDIMM all the time. */
const COMPUTING = 'i=0; while [ $i -lt 1000000 ]; do i=$((i+1)); done';
const STORING = 'tree t churn 100000';
const WORKLOADS = [
  { name: 'computing', commands: COMPUTING },
  { name: 'storing to objects', commands: STORING },
] as const;
/** Instructions of each run for speed; the first of them boot. */
const SPEED_INSTRUCTIONS = 150_000_000;
const STEPS = 25;
/** Instructions between the first and the second question for the states of lines. */
const NEAR = 5_000_000;

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

function plainRun(options: DebugBenchOptions, commands: string): number {
  const { archive, kernel } = options;
  const computer = new Computer({
    memory: MEMORY,
    seed: 0,
    engine: (memory) => new Translator(memory),
    uartOutput: () => {},
    nvdimm: { media: new MemoryMedia(NVDIMM) },
  });
  const initrd = {
    name: archive.name,
    bytes: appendText(archive.bytes, '.commands', commands, Layouts.load()),
  };
  computer.boot({ kernel, initrd, append: 'quiet' });
  computer.nvdimm!.powerOn();
  const start = cpuSeconds();
  computer.machine.run({ instructions: SPEED_INSTRUCTIONS });
  return cpuSeconds() - start;
}

const open = (commands: string): Debugger =>
  openGuest({ memory: MEMORY, size: NVDIMM, commands, startSeconds: 0 }).debugged;

async function debuggedRun(commands: string): Promise<number> {
  const debugged = open(commands);
  const start = cpuSeconds();
  await debugged.continue('forward', SPEED_INSTRUCTIONS);
  return cpuSeconds() - start;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/** Milliseconds that an action takes. */
async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

export async function benchDebug(options: DebugBenchOptions): Promise<DebugBenchResult> {
  const speed: DebugBenchResult['speed'][number][] = [];
  for (const { name, commands } of WORKLOADS) {
    const plain: number[] = [];
    const debugged: number[] = [];
    for (let round = 0; round < options.rounds; round++) {
      plain.push(plainRun(options, commands));
      debugged.push(await debuggedRun(commands));
    }
    speed.push({
      name,
      instructions: SPEED_INSTRUCTIONS,
      plain: median(plain),
      debugged: median(debugged),
      ratio: median(plain) / median(debugged),
    });
  }
  const storing = open(STORING);
  await storing.continue('forward', options.distance);
  const learnt = await timed(() => storing.mustLearnLines());
  await storing.continue('forward', NEAR);
  const near = await timed(() => storing.mustLearnLines());
  const debugged = open(COMPUTING);
  await debugged.continue('forward', options.distance);
  const first = await timed(() => debugged.step('instruction', 'backward'));
  const steps: number[] = [];
  for (let i = 0; i < STEPS; i++) steps.push(await timed(() => debugged.step('instruction', 'backward')));
  // Once, at the very beginning of the run.
  debugged.add('kernelMain', { kind: 'code', spots: debugged.locate('kernel!kernelMain') });
  const begin = debugged.time.now;
  const back = await timed(() => debugged.continue('backward'));
  return {
    speed,
    lines: { instructions: options.distance, first: learnt / 1000, near: near / 1000 },
    reverseStep: { first, median: median(steps), slowest: Math.max(...steps) },
    reverseContinue: { instructions: begin - debugged.time.now, seconds: back / 1000 },
  };
}

/** The figures as text, each beside what is asked of it. */
export function formatDebugBench({
  speed,
  lines: learnt,
  reverseStep,
  reverseContinue,
}: DebugBenchResult): string {
  const lines = [
    'speed under the debugger, no stop points (CPU time without / with; at least 0.8 is asked):',
  ];
  for (const { name, plain, debugged, ratio, instructions } of speed)
    lines.push(
      `  ${name.padEnd(20)} ${ratio.toFixed(2)}   ${plain.toFixed(2)} s / ${debugged.toFixed(2)} s for ${instructions / 1e6} million instructions`,
    );
  const { first, median: middle, slowest } = reverseStep;
  lines.push(
    `reverse step (100 ms is asked): first ${first.toFixed(1)} ms, then median ${middle.toFixed(1)} ms, slowest ${slowest.toFixed(1)} ms`,
    `reverse continue over ${(reverseContinue.instructions / 1e6).toFixed(1)} million instructions (5 s is asked for 100): ${reverseContinue.seconds.toFixed(2)} s`,
  );
  lines.push(
    `states of cache lines, first asked for after ${learnt.instructions / 1e6} million storing instructions: ${learnt.first.toFixed(2)} s; again ${NEAR / 1e6} million later: ${learnt.near.toFixed(2)} s`,
  );
  return lines.join('\n');
}
