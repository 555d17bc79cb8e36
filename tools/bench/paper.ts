/**
 * `licorice bench paper`: the measurements of Twizzler's paper (ATC'20, §5) made again by guest/benchmarks/paper.ts
 * under the timing model, whose default profile is the paper's testbed; beside them what the paper has. What is measured stands in
 * paper-parts.ts, how it is printed in paper-format.ts, what it means in docs/paper.md.
 *
 * A time is cycles of the modelled core between two reads of the `cycle` CSR, over the number of operations and the clock. Each part has a
 * system of its own, which runs one measurement after the other on one hart.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MiB } from '../../emulator/addresses.ts';
import { Computer } from '../../emulator/boot/computer.ts';
import type { ImageFile } from '../../emulator/boot/image.ts';
import { UserError } from '../../emulator/errors.ts';
import { MemoryMedia } from '../../emulator/nvdimm/media.ts';
import type { TimingProfile } from '../../emulator/timing/profile.ts';
import { type RegionOfInterest, timingExtension } from '../../emulator/timing/timing-engine.ts';
import { appendText, writeArchive } from '../guest/archive.ts';
import { namesIn } from '../guest/files.ts';
import { guestOutput, Layouts, packageRoot } from '../guest/layouts.ts';
import { buildBenchmark } from '../guest/workloads.ts';
import { countCaseStudies, type SourceCount } from './paper-lines.ts';
import {
  type Comparison,
  comparisonOf,
  type Measurement,
  measurementsOf,
  type PaperOptions,
  type Part,
  type Row,
} from './paper-parts.ts';

/** Instructions after which something is wrong; 1,000,000 keys take some 10^10. */
const LIMIT = 1e12;

/** A figure, in nanoseconds for each operation. */
export interface PaperFigure extends Row {
  readonly group: string;
  readonly nanoseconds: number;
}

/** What one operation takes besides time, on average. */
export interface OperationCounts {
  readonly instructions: number;
  readonly nvdimmReads: number;
  readonly writeBacks: number;
  readonly fences: number;
  /** Nanoseconds that the core waited for fences. */
  readonly fenceNanoseconds: number;
}

/** One store doing one thing. */
export interface ComparedFigure {
  readonly store: string;
  readonly name: string;
  readonly nanoseconds: number;
  readonly counts: OperationCounts;
  /** To LMDB's, as throughput or time; and the paper's. */
  readonly relative: number;
  readonly paper: number;
}

export interface ComparedStores extends Pick<Comparison, 'title' | 'of'> {
  readonly part: Part;
  readonly figures: readonly ComparedFigure[];
}

export interface PaperResult {
  readonly gigahertz: number;
  readonly count: number;
  readonly figures: readonly PaperFigure[];
  readonly comparisons: readonly ComparedStores[];
  /** Sizes of the case studies' sources; empty where they are not at hand. */
  readonly sources: readonly SourceCount[];
}

interface TimedRun {
  readonly output: string;
  readonly regions: readonly RegionOfInterest[];
}

/** The guest that measures. */
interface MeasuringGuest {
  readonly kernel: ImageFile;
  /** Its programs, and the benchmark beside them. */
  readonly archive: Uint8Array;
  readonly profile: TimingProfile;
}

async function measuringGuest(profile: TimingProfile): Promise<MeasuringGuest> {
  const file = (name: string): ImageFile => {
    const path = join(guestOutput(), `${name}.elf`);
    if (!existsSync(path)) throw new UserError(`${path} is missing: build the guest with 'npm run build'`);
    return { name: path, bytes: new Uint8Array(readFileSync(path)) };
  };
  const programs = namesIn(packageRoot(), 'programs').map((name) => ({ name, elf: file(name).bytes }));
  const paper = { name: 'paper', elf: await buildBenchmark('paper') };
  return { kernel: file('kernel'), archive: writeArchive([...programs, paper], Layouts.load()), profile };
}

/** Runs shell commands on a guest with the timing model. */
function runTimed(
  commands: string,
  { kernel, archive, profile }: MeasuringGuest,
  memory: number,
  nvdimm: number,
): TimedRun {
  const timing = timingExtension(profile);
  let output = '';
  const computer = new Computer({
    memory: Math.ceil(memory / (2 * MiB)) * 2 * MiB,
    seed: 1,
    engine: timing.engine,
    extensions: [timing],
    uartOutput: (byte) => {
      output += String.fromCharCode(byte);
    },
    nvdimm: { media: new MemoryMedia(Math.ceil(nvdimm / MiB) * MiB) },
  });
  computer.boot({
    kernel,
    initrd: { name: 'archive', bytes: appendText(archive, '.commands', commands, Layouts.load()) },
    append: 'quiet',
  });
  computer.nvdimm?.powerOn();
  const reason = computer.machine.run({ instructions: LIMIT });
  if (reason.kind !== 'exit' || reason.code !== 0) {
    throw new UserError(`bench paper: the guest did not end well: ${output.trim().split('\n').pop() ?? ''}`);
  }
  return { output: output.replaceAll('\r', ''), regions: timing.model.regions };
}

/** The line of a measurement: its cycles for each operation, and the operations. */
function lineOf(output: string, key: string, command: string): { cycles: number; operations: number } {
  const match = new RegExp(`^${key} (\\d+) (\\d+)$`, 'm').exec(output);
  if (!match) throw new UserError(`bench paper: '${command}' printed no figure '${key}'`);
  const operations = Number(match[2]);
  return { cycles: Number(match[1]) / operations, operations };
}

function measure(list: readonly Measurement[], guest: MeasuringGuest, count: number): PaperFigure[] {
  const commands = list.map(({ command }) => `echo @; ${command}`).join('; ');
  const { output } = runTimed(commands, guest, 128 * MiB + count * 224, 128 * MiB + count * 640);
  const parts = output.split('@\n').slice(1);
  return list.flatMap(({ group, rows, command }, i) =>
    Object.entries(rows).map(([key, row]) => ({
      ...row,
      group,
      nanoseconds: lineOf(parts[i] ?? '', key, command).cycles / guest.profile.core.gigahertz,
    })),
  );
}

/** Runs each store in a system of its own: none finds another's lines in the caches. */
function compare(
  part: Part,
  { title, of, cases, stores, command, paper }: Comparison,
  guest: MeasuringGuest,
  { rows, bytes, operations }: PaperOptions,
): ComparedStores {
  const { gigahertz } = guest.profile.core;
  const row = part === 'ycsb' ? bytes + 128 : 384;
  const nvdimm = 160 * MiB + (rows + 12 * operations) * row * 3;
  const memory = 160 * MiB + rows * 320;
  const times = new Map<string, { nanoseconds: number; counts: OperationCounts }>();
  const answers = new Set<string>();
  for (const store of Object.keys(stores)) {
    const { output, regions } = runTimed(command(store), guest, memory, nvdimm);
    answers.add(/^answer .*$/m.exec(output)?.[0] ?? '');
    const names = output.split('\n').map((line) => line.split(' ')[0]!);
    const measured = names.filter((name) => name in cases);
    for (const key of Object.keys(cases)) {
      const { cycles, operations: each } = lineOf(output, key, command(store));
      const { counts, nvdimmReads } = regions[measured.indexOf(key)]!;
      times.set(`${store} ${key}`, {
        nanoseconds: cycles / gigahertz,
        counts: {
          instructions: counts.instructions / each,
          nvdimmReads: nvdimmReads / each,
          writeBacks: counts.writeBacks / each,
          fences: counts.fences / each,
          fenceNanoseconds: counts.fenceCycles / each / gigahertz,
        },
      });
    }
  }
  if (answers.size !== 1) throw new UserError('bench paper: the stores gave different answers');
  const figures = Object.entries(stores).flatMap(([store, printed]) =>
    Object.entries(cases).map(([key, name], i) => {
      const own = times.get(`${store} ${key}`)!;
      const lmdb = times.get(`lmdb ${key}`)!.nanoseconds;
      return {
        store: printed,
        name,
        ...own,
        relative: of === 'time' ? own.nanoseconds / lmdb : lmdb / own.nanoseconds,
        paper: paper[store]?.[i] ?? 1,
      };
    }),
  );
  return { part, title, of, figures };
}

/** Measures the parts that the options name. `onPart` hears of each before it begins. */
export async function benchPaper(
  profile: TimingProfile,
  options: PaperOptions,
  onPart: (part: Part) => void = () => undefined,
): Promise<PaperResult> {
  const guest = await measuringGuest(profile);
  const figures: PaperFigure[] = [];
  const comparisons: ComparedStores[] = [];
  for (const part of options.only) {
    onPart(part);
    const list = measurementsOf(part, options);
    if (list.length > 0) figures.push(...measure(list, guest, options.count));
    const comparison = comparisonOf(part, options);
    if (comparison) comparisons.push(compare(part, comparison, guest, options));
  }
  return {
    gigahertz: profile.core.gigahertz,
    count: options.count,
    figures,
    comparisons,
    sources: options.only.includes('lines') ? countCaseStudies() : [],
  };
}
