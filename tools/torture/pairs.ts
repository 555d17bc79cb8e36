/**
 * The pairs of programs that re-create published bugs (tools/torture/benchmark): where they are, how they are built
 * with GCC, and what a report must say of the buggy one. A source says that itself: where the bug was published in its
 * first comment, its class in a comment `class: …`, and the stores at fault by the marks of `Mark`.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../emulator/errors.ts';
import type { Program } from './program.ts';

export const PAIRS_FOLDER = 'tools/torture/benchmark';

const GCC = 'riscv64-unknown-elf-gcc';
const MACHINE = ['-march=rv64imac_zicsr', '-mabi=lp64', '-mcmodel=medany', '-ffreestanding', '-nostdlib'];

/** Limits that all pairs are exhaustive under. */
export const PAIR_LIMITS = { maxRuns: 5000, samples: 100, seed: 0 };

/** Enough for all of them; a small machine makes each run of recovery cheap. */
const MEMORY = 4 * 1024 * 1024;
const NVDIMM = 64 * 1024;
/** Instructions of a recovery; some of the bugs are that it never ends. */
const BUDGET = 20_000;

/** A store that is lost, one that reaches the media before its time; a flush or fence that does nothing. */
export const MARKS = ['guilty', 'too early', 'redundant'] as const;
export type Mark = (typeof MARKS)[number];

/** What the buggy program lacks. */
export const BUG_CLASSES = [
  'missing flush',
  'missing fence',
  'order',
  'recovery',
  'race',
  'redundant flush',
  'redundant fence',
] as const;
export type BugClass = (typeof BUG_CLASSES)[number];

export interface Pair {
  readonly name: string;
  /** Where it was published, and what is wrong. */
  readonly published: string;
  readonly bug: BugClass;
  /** Failures in a row that it takes to show. */
  readonly depth: number;
  /** Lines of the source that bear each mark, from 1. */
  readonly marks: Readonly<Record<Mark, readonly number[]>>;
}

export const pairNames = (folder: string = PAIRS_FOLDER): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.c'))
    .map((file) => file.slice(0, -'.c'.length))
    .sort();

/** @throws UserError when the source does not say what its bug is */
export const readPair = (name: string, folder: string = PAIRS_FOLDER): Pair =>
  pairIn(`${name}.c`, readFileSync(join(folder, `${name}.c`), 'utf8'));

/**
 * What a source says of itself. A comment of one line may be in either form of C's.
 * @throws UserError when it does not say what its bug is
 */
export function pairIn(file: string, source: string): Pair {
  const lines = source.split('\n');
  const published = /^\/\*+ (.*?)\s*\*\//s.exec(source)?.[1]?.replace(/\s+(\* )?/g, ' ');
  const comments = lines.map((line) => /(?:\/\/|\/\*) ([^/*]*?)(?: \*\/)?$/.exec(line)?.[1]);
  const told = (what: string): string | undefined =>
    comments.find((comment) => comment?.startsWith(`${what}: `))?.slice(what.length + 2);
  const bug = told('class');
  if (published === undefined || !BUG_CLASSES.some((one) => one === bug))
    throw new UserError(`${file}: wants a first comment, and one 'class: ${BUG_CLASSES.join(' | ')}'`);
  const marked = (mark: Mark): number[] =>
    comments.flatMap((comment, i) => (comment === mark ? [i + 1] : []));
  return {
    name: file.slice(0, file.lastIndexOf('.')),
    published,
    bug: bug as BugClass,
    depth: Number(told('depth') ?? 1),
    marks: { guilty: marked('guilty'), 'too early': marked('too early'), redundant: marked('redundant') },
  };
}

/**
 * Builds one of a pair.
 * @param out where the ELF files go
 * @param compiler path of GCC, when it is not found by its usual name
 */
export function buildPair(
  name: string,
  buggy: boolean,
  out: string,
  folder: string = PAIRS_FOLDER,
  compiler = GCC,
): Program {
  const elf = join(out, `${name}-${buggy ? 'buggy' : 'fixed'}.elf`);
  const sources = [join(folder, 'start.S'), join(folder, `${name}.c`)];
  const link = ['-T', join(folder, 'link.ld'), '-Wl,--no-warn-rwx-segments'];
  const args = [...MACHINE, '-O1', '-g', ...(buggy ? ['-DBUGGY'] : []), ...link, ...sources, '-o', elf];
  try {
    execFileSync(compiler, args, { stdio: 'pipe' });
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: Buffer };
    throw new UserError(
      code === 'ENOENT'
        ? `${compiler} is not installed (apt-get install gcc-riscv64-unknown-elf)`
        : `${compiler} cannot build ${name}.c: ${String(stderr)}`,
    );
  }
  return { elf: { name: elf, bytes: readFileSync(elf) }, memory: MEMORY, nvdimm: NVDIMM, budget: BUDGET };
}
