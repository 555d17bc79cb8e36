/**
 * `licorice bench compiler`: instructions that kernels retire when they are written in guest TypeScript
 * (guest/programs/bench) and in C (test/bench-programs/compiler, built by GCC -O2 for the same extensions). Both run on
 * this machine, give the same result, and are counted from call to return. Retired instructions, unlike times, do not
 * depend on the host.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../../emulator/errors.ts';
import { compile } from '../compiler/compile.ts';
import { readObject } from '../compiler/link/elf-object.ts';
import { LAYOUTS, linkExecutable } from '../compiler/link/linker.ts';
import { LoadedProgram } from '../compiler/testing/guest-unit.ts';

export const GUEST_KERNELS = 'guest/programs/bench';
export const C_KERNELS = 'test/bench-programs/compiler';

const GCC = 'riscv64-unknown-elf-gcc';
/**
 * The C twins: the language without a library, the extensions that our compiler uses, and no turning of copy loops into
 * calls of memcpy, since the loops are what is measured.
 */
const GCC_FLAGS = [
  '-O2',
  '-march=rv64gc_zba_zbb_zbs',
  '-mabi=lp64d',
  '-mcmodel=medany',
  '-ffreestanding',
  '-ffp-contract=off',
  '-fno-tree-loop-distribute-patterns',
];

/** The argument of `run`: how often a kernel repeats its work. */
const ROUNDS = 3n;

export interface CompilerBenchRow {
  readonly kernel: string;
  /** Retired instructions. */
  readonly c: number;
  readonly guest: number;
  /** guest / c. */
  readonly ratio: number;
}

export interface CompilerBench {
  readonly rows: readonly CompilerBenchRow[];
  readonly geometricMean: number;
}

/** Names of the kernels. */
export const kernelNames = (): string[] =>
  readdirSync(GUEST_KERNELS)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length))
    .sort();

/** Links an object whose `run` is called from outside. */
function load(bytes: Uint8Array, name: string): LoadedProgram {
  const layout = { ...LAYOUTS.bare, entry: 'run' };
  return new LoadedProgram(linkExecutable([readObject(bytes, name)], layout));
}

function buildC(kernel: string, folder: string): Uint8Array {
  const object = join(folder, `${kernel}.o`);
  try {
    execFileSync(GCC, [...GCC_FLAGS, '-c', join(C_KERNELS, `${kernel}.c`), '-o', object], { stdio: 'pipe' });
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new UserError(
      missing
        ? `bench compiler: ${GCC} is not installed (apt-get install gcc-riscv64-unknown-elf)`
        : `bench compiler: ${GCC} cannot build ${kernel}.c: ${(error as { stderr?: Buffer }).stderr ?? error}`,
      1,
    );
  }
  return readFileSync(object);
}

function buildGuest(kernel: string): Uint8Array {
  const file = join(GUEST_KERNELS, `${kernel}.ts`);
  const result = compile(file, { target: 'bare', optimise: true, relocatable: true });
  if (!result.ok) throw new UserError(`bench compiler: ${file} does not compile: see licorice check`, 1);
  return result.elf;
}

/** One kernel in both languages. */
export function benchKernel(kernel: string, folder: string): CompilerBenchRow {
  const run = (program: LoadedProgram): { result: bigint; count: number } => {
    const before = program.machine.instructions;
    const result = program.call('run', ROUNDS);
    return { result, count: program.machine.instructions - before };
  };
  const c = run(load(buildC(kernel, folder), `${kernel}.c`));
  const guest = run(load(buildGuest(kernel), `${kernel}.ts`));
  if (c.result !== guest.result) {
    throw new UserError(`bench compiler: ${kernel} gives ${guest.result}, its C twin ${c.result}`, 1);
  }
  return { kernel, c: c.count, guest: guest.count, ratio: guest.count / c.count };
}

export function benchCompiler(kernels: readonly string[]): CompilerBench {
  const folder = mkdtempSync(join(tmpdir(), 'licorice-bench-'));
  try {
    const rows = kernels.map((kernel) => benchKernel(kernel, folder));
    const logs = rows.reduce((sum, row) => sum + Math.log(row.ratio), 0);
    return { rows, geometricMean: Math.exp(logs / rows.length) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function formatCompilerBench({ rows, geometricMean }: CompilerBench): string {
  const line = (name: string, c: string, guest: string, ratio: string): string =>
    `${name.padEnd(14)}${c.padStart(12)}${guest.padStart(12)}${ratio.padStart(9)}`;
  return [
    line('kernel', 'gcc -O2', 'guest -O2', 'ratio'),
    ...rows.map((row) => line(row.kernel, String(row.c), String(row.guest), row.ratio.toFixed(3))),
    line('geometric mean', '', '', geometricMean.toFixed(3)),
    '',
    'Retired instructions; bounds checks are on in guest TypeScript.',
  ].join('\n');
}
