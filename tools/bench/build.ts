/**
 * How long does the guest take to build: from nothing, after a change of one program, and when nothing has changed? Each build is made in a folder
 * of its own by threads that start anew, as the package's build makes it. Time of one build differs by a tenth from the next, so medians count.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type BuildSummary, buildSystem } from '../guest/build-system.ts';
import { defaultThreads } from '../guest/build-threads.ts';
import { packageRoot } from '../guest/layouts.ts';

export interface BuildTime {
  readonly what: 'from nothing' | 'one program changed' | 'nothing changed';
  /** Milliseconds of wall-clock time. */
  readonly wall: number;
  /** Milliseconds of processor time, of all threads. */
  readonly cpu: number;
}

export interface BuildTimes {
  readonly threads: number;
  readonly times: readonly BuildTime[];
  /** Of a build from nothing: milliseconds of what was compiled together, and of the archive. */
  readonly parts: readonly { readonly what: string; readonly time: number }[];
  /** Files and lines of source by folder of the guest. */
  readonly sources: readonly { readonly folder: string; readonly files: number; readonly lines: number }[];
}

/** The program that is compiled again. */
const CHANGED = 'init.elf';

export async function measureBuild(rounds: number, threads = defaultThreads()): Promise<BuildTimes> {
  const root = packageRoot();
  const all: BuildTime[] = [];
  let summary: BuildSummary | undefined;
  for (let round = 0; round < rounds; round++) {
    const out = mkdtempSync(join(tmpdir(), 'licorice-build-'));
    const timed = async (what: BuildTime['what']): Promise<BuildSummary> => {
      const begin = performance.now();
      const before = process.cpuUsage();
      const result = await buildSystem(root, { out, threads });
      const { user, system } = process.cpuUsage(before);
      all.push({ what, wall: performance.now() - begin, cpu: (user + system) / 1000 });
      return result;
    };
    try {
      summary = await timed('from nothing');
      rmSync(join(out, CHANGED));
      await timed('one program changed');
      await timed('nothing changed');
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  }
  const { built, tasks, archive } = summary!;
  const kinds = [...new Set(all.map(({ what }) => what))];
  return {
    threads,
    times: kinds.map((what) => {
      const same = all.filter((time) => time.what === what);
      return { what, wall: median(same.map(({ wall }) => wall)), cpu: median(same.map(({ cpu }) => cpu)) };
    }),
    parts: [
      ...tasks.map(({ files, time }) => ({
        what: files.length === 1 ? files[0]! : `${files.length} programs`,
        time,
      })),
      { what: 'archive', time: archive },
    ],
    sources: countSources(root, new Set(built.flatMap(({ sources }) => sources))),
  };
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

function countSources(root: string, sources: ReadonlySet<string>): BuildTimes['sources'] {
  const counts = new Map<string, { files: number; lines: number }>();
  for (const source of [...sources].sort()) {
    const [guest, folder] = dirname(source).split(/[/\\]/);
    if (guest !== 'guest' || folder === undefined) continue;
    const count = counts.get(folder) ?? { files: 0, lines: 0 };
    count.files++;
    count.lines += readFileSync(join(root, source), 'utf8').split('\n').length - 1;
    counts.set(folder, count);
  }
  return [...counts].map(([folder, count]) => ({ folder, ...count }));
}

export function formatBuild({ threads, times, parts, sources }: BuildTimes): string {
  const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`.padStart(8);
  return [
    `${'build'.padEnd(22)}    wall     cpu   (${threads} ${threads === 1 ? 'thread' : 'threads'})`,
    ...times.map(({ what, wall, cpu }) => `${what.padEnd(20)}${seconds(wall)}${seconds(cpu)}`),
    '',
    ...parts.map(({ what, time }) => `${what.padEnd(20)}${seconds(time)}`),
    '',
    ...sources.map(
      ({ folder, files, lines }) =>
        `${folder.padEnd(20)}${String(files).padStart(6)} files${String(lines).padStart(8)} lines`,
    ),
  ].join('\n');
}
