/**
 * `licorice bench paper`: the measurements of Twizzler's paper (ATC'20, §5, Table 1, Figure 6) made again by the guest's program
 * `paper` (guest/programs/paper) under the timing model, whose default profile is the paper's testbed; beside them what the paper printed.
 *
 * A figure is cycles of the modelled core between two reads of the `cycle` CSR, over the number of operations and the clock. What each
 * loop counts is said in guest/programs/paper/table1.ts. The system boots once and runs one measurement after the other on one hart.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MiB } from '../../emulator/addresses.ts';
import { Computer } from '../../emulator/boot/computer.ts';
import { UserError } from '../../emulator/errors.ts';
import { MemoryMedia } from '../../emulator/nvdimm/media.ts';
import type { TimingProfile } from '../../emulator/timing/profile.ts';
import { timingExtension } from '../../emulator/timing/timing-engine.ts';
import { appendText } from '../guest/archive.ts';
import { guestOutput, Layouts } from '../guest/layouts.ts';
import { table } from './xtwz.ts';

/** Instructions after which something is wrong; 1,000,000 keys take some 10^10. */
const LIMIT = 1e12;

/** A figure, in nanoseconds. */
export interface PaperFigure {
  readonly group: string;
  readonly name: string;
  readonly nanoseconds: number;
  /** What the paper has in its place; undefined: nothing. */
  readonly paper?: number;
  /** What it must not exceed, if it has a bar. */
  readonly atMost?: number;
}

export interface LineCount {
  readonly file: string;
  readonly lines: number;
}

export interface PaperResult {
  readonly gigahertz: number;
  readonly count: number;
  readonly figures: readonly PaperFigure[];
  /** Lines of code of the case studies; empty where the sources are not at hand. */
  readonly lines: readonly LineCount[];
}

/** A command of the guest, and what the lines that it prints become. */
interface Measurement {
  readonly command: string;
  readonly group: string;
  readonly rows: Readonly<
    Record<string, { readonly name: string; readonly paper?: number; readonly atMost?: number }>
  >;
}

const TREES = 'Red-black tree, 32-bit keys';
const STORES = 'Key-value store, 32-bit keys and values';

function measurements(count: number): Measurement[] {
  const tree = (kind: string, title: string, insert?: number, lookup?: number): Measurement => ({
    command: `paper rbt ${kind} ${count}`,
    group: TREES,
    rows: {
      insert: { name: `insert, ${title}`, ...(insert !== undefined && { paper: insert }) },
      lookup: { name: `lookup, ${title}`, ...(lookup !== undefined && { paper: lookup }) },
    },
  });
  const store = (options: string, title: string, insert?: number, lookup?: number): Measurement => ({
    command: `paper kv ${options}`,
    group: STORES,
    rows: {
      insert: { name: `insert, ${title}`, ...(insert !== undefined && { paper: insert }) },
      lookup: { name: `lookup, ${title}`, ...(lookup !== undefined && { paper: lookup }) },
    },
  });
  return [
    {
      command: 'paper table1',
      group: 'Table 1',
      rows: {
        intra: { name: 'translation within an object', paper: 0.4, atMost: 0.5 },
        cached: { name: 'translation, FOT entry cached', paper: 3.2, atMost: 3.2 },
        uncached: { name: 'translation, FOT entry not cached', paper: 27.9, atMost: 27.9 },
        map: { name: 'mapping an object', paper: 49.4, atMost: 49.4 },
        name: { name: 'looking a name up' },
        call: { name: 'system call that does nothing' },
      },
    },
    tree('ram', 'volatile'),
    tree('unix', 'unix style', 515, 213),
    tree('twz', 'Twizzler style', 528, 251.8),
    tree('tx', 'Twizzler style, crash consistent'),
    store(`unix ${count} 1`, 'unix style', 725, 515),
    store(`twz ${count} 1`, 'Twizzler style', 762, 526),
    store(`multi ${count} 4`, 'unix style, 4 data files', 782, 602),
    store(`twz ${count} 4`, 'Twizzler style, 4 data objects', 793, 584),
    store(`unix ${count} 1 durable`, 'unix style, crash consistent'),
    store(`twz ${count} 1 durable`, 'Twizzler style, crash consistent'),
    {
      command: `paper containers ${count}`,
      group: 'Containers of libtwz, crash consistent',
      rows: {
        'vector-push': { name: 'vector, push' },
        'map-insert': { name: 'hash map, insert' },
        'map-lookup': { name: 'hash map, lookup' },
        'btree-insert': { name: 'B-tree, insert' },
        'btree-lookup': { name: 'B-tree, lookup' },
      },
    },
  ];
}

/** Runs shell commands on a guest with the timing model; what they print. */
function runTimed(commands: string, profile: TimingProfile, count: number): string {
  const file = (name: string): { name: string; bytes: Uint8Array } => {
    const path = join(guestOutput(), name);
    if (!existsSync(path)) throw new UserError(`${path} is missing: build the guest with 'npm run build'`);
    return { name: path, bytes: new Uint8Array(readFileSync(path)) };
  };
  const timing = timingExtension(profile);
  let output = '';
  const nvdimm = Math.ceil((128 * MiB + count * 640) / MiB) * MiB;
  const computer = new Computer({
    memory: Math.ceil((128 * MiB + count * 192) / (2 * MiB)) * 2 * MiB,
    seed: 1,
    engine: timing.engine,
    extensions: [timing],
    uartOutput: (byte) => {
      output += String.fromCharCode(byte);
    },
    nvdimm: { media: new MemoryMedia(nvdimm) },
  });
  const archive = file('archive.img');
  computer.boot({
    kernel: file('kernel.elf'),
    initrd: {
      name: archive.name,
      bytes: appendText(archive.bytes, '.commands', commands, Layouts.load()),
    },
    append: 'quiet',
  });
  computer.nvdimm?.powerOn();
  const reason = computer.machine.run({ instructions: LIMIT });
  if (reason.kind !== 'exit' || reason.code !== 0) {
    throw new UserError(`bench paper: the guest did not end well: ${output.trim().split('\n').pop() ?? ''}`);
  }
  return output.replaceAll('\r', '');
}

/** Measures. @param count keys of each tree, store and container (the paper's trees have 1,000,000) */
export function benchPaper(profile: TimingProfile, count: number): PaperResult {
  const list = measurements(count);
  const output = runTimed(list.map(({ command }) => `echo @; ${command}`).join('; '), profile, count);
  const parts = output.split('@\n').slice(1);
  const { gigahertz } = profile.core;
  const figures: PaperFigure[] = [];
  for (const [i, { group, rows, command }] of list.entries()) {
    for (const [key, { name, paper, atMost }] of Object.entries(rows)) {
      const match = new RegExp(`^${key} (\\d+) (\\d+)$`, 'm').exec(parts[i] ?? '');
      if (!match) throw new UserError(`bench paper: '${command}' printed no figure '${key}'`);
      const nanoseconds = Number(match[1]) / Number(match[2]) / gigahertz;
      figures.push({
        group,
        name,
        nanoseconds,
        ...(paper !== undefined && { paper }),
        ...(atMost !== undefined && { atMost }),
      });
    }
  }
  return { gigahertz, count, figures: [...figures, ...unixCalls(figures)], lines: caseStudyLines() };
}

/** What opening and mapping a file cost at least where the kernel does it: a system call beside what libtwz does. */
function unixCalls(figures: readonly PaperFigure[]): PaperFigure[] {
  const of = (name: string): number => figures.find((figure) => figure.name === name)!.nanoseconds;
  const call = of('system call that does nothing');
  const group = 'Table 1';
  return [
    {
      group,
      name: 'unix style: open, at least (a call, a lookup)',
      nanoseconds: call + of('looking a name up'),
      paper: 1036,
    },
    {
      group,
      name: 'unix style: mmap, at least (a call, the mapping)',
      nanoseconds: call + of('mapping an object'),
      paper: 658.7,
    },
  ];
}

const CASE_STUDIES = ['ramrbt', 'twzrbt', 'unixrbt', 'twzkv', 'unixkv', 'unixkv-multi'];

/** Lines of a source that are neither empty nor comment. */
export function codeLines(source: string): number {
  return source
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .split('\n')
    .filter((line) => !/^\s*(\/\/.*)?$/.test(line)).length;
}

function caseStudyLines(): LineCount[] {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const sources = join(folder, 'guest', 'programs', 'paper');
    if (existsSync(join(folder, 'package.json')) && existsSync(sources)) {
      return CASE_STUDIES.map((name) => ({
        file: `${name}.ts`,
        lines: codeLines(readFileSync(join(sources, `${name}.ts`), 'utf8')),
      }));
    }
    if (folder === dirname(folder)) return [];
  }
}

/** The result as tables. */
export function formatPaper({ gigahertz, count, figures, lines }: PaperResult): string {
  const blocks = [...new Set(figures.map(({ group }) => group))].map((group) => {
    const rows = figures
      .filter((figure) => figure.group === group)
      .map(({ name, nanoseconds, paper, atMost }) => [
        name,
        nanoseconds.toFixed(nanoseconds < 100 ? 2 : 0),
        paper === undefined ? '' : String(paper),
        atMost === undefined ? '' : `${atMost} ${nanoseconds <= atMost ? 'held' : 'MISSED'}`,
      ]);
    return table([[group, 'ns', 'paper ns', 'at most'], ...rows]);
  });
  const counted = lines.map(({ file, lines: n }) => [file, String(n)]);
  return [
    `modelled core at ${gigahertz} GHz; ${count} keys (the paper's trees: 1000000)`,
    ...blocks,
    ...(counted.length > 0 ? [table([['lines of code', ''], ...counted])] : []),
  ]
    .join('\n\n')
    .replace(/ +$/gm, '');
}
