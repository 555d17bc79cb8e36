/** Compiles random programs with GCC and with our compiler, runs both on the machine and compares what they compute. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOracle, GCC } from '../../../test/oracles.ts';
import { LoadedProgram, unit } from '../testing/guest-unit.ts';
import { printC } from './print-c.ts';
import { printGuest } from './print-guest.ts';
import type { RandomProgram } from './program.ts';

export type Level = '-O0' | '-O2';

/** A program for which a level of ours gives another result than GCC. */
export interface Mismatch {
  readonly program: RandomProgram;
  readonly level: Level;
  readonly expected: bigint;
  /** What ours computed, or what went wrong. */
  readonly got: bigint | string;
}

/** The bare machine: entry first, everything in DRAM. */
const LINKER_SCRIPT = `SECTIONS {
  . = 0x80000000;
  .text : { *(.text.start) *(.text .text.*) }
  .rodata : { *(.rodata .rodata.* .srodata .srodata.*) }
  .data : { *(.data .data.* .sdata .sdata.*) }
  .bss : { *(.bss .bss.* .sbss .sbss.* COMMON) }
}
`;

/** The results of GCC's build. */
export function expectedResults(programs: readonly RandomProgram[]): bigint[] {
  const folder = mkdtempSync(join(tmpdir(), 'licorice-fuzz-'));
  try {
    const source = join(folder, 'twin.c');
    const elf = join(folder, 'twin.elf');
    const script = join(folder, 'bare.ld');
    writeFileSync(source, printC(programs));
    writeFileSync(script, LINKER_SCRIPT);
    execFileSync(
      findOracle(GCC)!,
      [
        '-O1',
        '-w',
        '-march=rv64gc',
        '-mabi=lp64d',
        '-mcmodel=medany',
        '-ffreestanding',
        '-fwrapv',
        '-fno-strict-aliasing',
        '-ffp-contract=off',
        '-fno-tree-loop-distribute-patterns',
        '-nostdlib',
        '-T',
        script,
        '-Wl,--no-warn-rwx-segments',
        '-o',
        elf,
        source,
        '-lgcc',
      ],
      { stdio: 'ignore' },
    );
    return resultsOf(new LoadedProgram(readFileSync(elf)), programs.length);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The results of our build. */
export function guestResults(programs: readonly RandomProgram[], level: Level): bigint[] {
  const program = unit(printGuest(programs), { optimise: level === '-O2' });
  return resultsOf(program, programs.length);
}

function resultsOf(program: LoadedProgram, count: number): bigint[] {
  program.run();
  const bytes = program.read(program.address('results'), count * 8);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, index) => view.getBigUint64(index * 8, true));
}

/** All differences between GCC and us on these programs. */
export function compareWithGcc(
  programs: readonly RandomProgram[],
  levels: readonly Level[] = ['-O0', '-O2'],
  expected: readonly bigint[] = expectedResults(programs),
): Mismatch[] {
  return levels.flatMap((level) => {
    let got: (bigint | string)[];
    try {
      got = guestResults(programs, level);
    } catch (error) {
      // One program spoils the batch: find out which.
      if (programs.length > 1)
        return programs.flatMap((program, index) => compareWithGcc([program], [level], [expected[index]!]));
      got = [error instanceof Error ? error.message : String(error)];
    }
    return programs.flatMap((program, index): Mismatch[] =>
      got[index] === expected[index]
        ? []
        : [{ program, level, expected: expected[index]!, got: got[index]! }],
    );
  });
}
