/**
 * Builds the benchmark programs of test/bench-programs with GCC: one object per program, linked once for machine
 * mode, once for user mode under Sv39 and once for the object window of Xtwz, and a native executable from the same
 * source.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../emulator/errors.ts';

const CROSS_COMPILER = 'riscv64-unknown-elf-gcc';
// No fused multiply-add: the host may have none, and all runners must compute the same numbers.
const COMMON_FLAGS = ['-O2', '-std=gnu11', '-ffp-contract=off', '-Wall', '-Wextra'];
const TARGET_FLAGS = [
  '-march=rv64gc',
  '-mabi=lp64d',
  '-mcmodel=medany',
  '-ffreestanding',
  // Else GCC would turn the loops of memcpy and memset into calls of themselves.
  '-fno-tree-loop-distribute-patterns',
];

/** How a program runs: machine mode with paging off, user mode under Sv39, or user mode in the object window. */
export type BenchMode = 'machine' | 'user' | 'object';
export const BENCH_MODES: readonly BenchMode[] = ['machine', 'user', 'object'];

const RUNTIME: Record<BenchMode, readonly string[]> = {
  machine: ['start-machine.S', 'start.c', 'machine.c', 'paging.c'],
  user: ['start-user.S', 'start.c', 'user.c', 'shim.c', 'paging.c'],
  object: ['start-object.S', 'start.c', 'user.c', 'object-shim.c', 'object-paging.c'],
};

/** The program whose run time is the start-up time. */
export const EMPTY_PROGRAM = 'empty';

export interface BuiltProgram {
  readonly name: string;
  /** ELF files by mode. */
  readonly elf: Record<BenchMode, string>;
  /** The native executable; undefined without a host compiler. */
  readonly native: string | undefined;
}

/** The folder of the sources: found from the package root, so that it works from the bundle as well. */
export function programSources(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest) && readFileSync(manifest, 'utf8').includes('"name": "licorice"'))
      return join(folder, 'test', 'bench-programs');
    if (folder === dirname(folder))
      throw new UserError('bench: the sources (test/bench-programs) are not here');
  }
}

/** Names of all programs, `empty` left out, in alphabetical order. */
export function programNames(): string[] {
  return readdirSync(programSources())
    .filter((file) => file.endsWith('.c'))
    .map((file) => file.slice(0, -2))
    .filter((name) => name !== EMPTY_PROGRAM)
    .sort();
}

function compile(compiler: string, args: readonly string[]): void {
  try {
    execFileSync(compiler, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new UserError(`bench: ${compiler} is missing (apt-get install gcc-riscv64-unknown-elf)`);
    throw new UserError(
      `bench: ${compiler} failed: ${String((error as { stderr?: Buffer }).stderr).split('\n')[0]}`,
    );
  }
}

function hasHostCompiler(): boolean {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Builds programs into a folder.
 * @param percent work multiplier (bench.h): 100 for measuring, less for a smoke test
 * @throws UserError when the cross compiler is missing or fails
 */
export function buildPrograms(names: readonly string[], folder: string, percent = 100): BuiltProgram[] {
  mkdirSync(folder, { recursive: true });
  const sources = programSources();
  const runtime = join(sources, 'runtime');
  const flags = [...COMMON_FLAGS, `-I${runtime}`, `-DBENCH_PERCENT=${percent}`];
  const runtimeObject = (file: string): string => {
    const object = join(folder, `${file}.o`);
    if (!existsSync(object))
      compile(CROSS_COMPILER, [...flags, ...TARGET_FLAGS, '-c', join(runtime, file), '-o', object]);
    return object;
  };
  const host = hasHostCompiler();
  return names.map((name) => {
    const source = join(sources, `${name}.c`);
    if (!existsSync(source))
      throw new UserError(`bench: no program "${name}"; there are ${programNames().join(', ')}`);
    const object = join(folder, `${name}.o`);
    compile(CROSS_COMPILER, [...flags, ...TARGET_FLAGS, '-c', source, '-o', object]);
    const link = (mode: BenchMode): string => {
      const elf = join(folder, `${name}.${mode}.elf`);
      compile(CROSS_COMPILER, [
        '-nostdlib',
        '-Wl,--no-warn-rwx-segments',
        `-T${join(runtime, 'link.ld')}`,
        object,
        ...RUNTIME[mode].map(runtimeObject),
        '-lgcc',
        '-o',
        elf,
      ]);
      return elf;
    };
    let native: string | undefined;
    if (host) {
      native = join(folder, `${name}.native`);
      compile('cc', [...flags, source, join(runtime, 'native.c'), '-o', native]);
    }
    return { name, elf: { machine: link('machine'), user: link('user'), object: link('object') }, native };
  });
}
