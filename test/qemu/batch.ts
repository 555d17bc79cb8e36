/**
 * Joins random programs with the harness into one ELF file, runs it (here: on QEMU) and reads the records that come
 * back through the UART.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PT } from '../../emulator/elf/constants.ts';
import { readElf } from '../../emulator/elf/reader.ts';
import { tinyElf } from '../../emulator/elf/tiny.ts';
import { findOracle, GCC, QEMU } from '../oracles.ts';
import type { Program } from './generate.ts';
import { harnessDefines, PROGRAM_BASE, RECORD_FIELDS, RECORD_SIZE, STRIDE } from './layout.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));
/** QEMU's default CPU without what this machine does not have. */
const QEMU_CPU = 'rv64,h=false,zbc=false,pmu-num=0,Zihintpause=false';

/** A batch takes a few seconds; a program that never ends must not take the whole test run with it. */
const QEMU_TIMEOUT_MS = 240_000;

/**
 * Two harts, of which the second sleeps: with one alone, QEMU splits an AMO into a load and a store, and reports the
 * faults of the load.
 */
const QEMU_HARTS = ['-smp', '2', '-accel', 'tcg,thread=multi'];

/** Runs `body` with the path of an empty folder that is gone afterwards. */
function withFolder<T>(body: (path: string) => T): T {
  const path = mkdtempSync(join(tmpdir(), 'licorice-differential-'));
  try {
    return body(path);
  } finally {
    rmSync(path, { recursive: true });
  }
}

/**
 * The ELF file of a batch. With `verbose`, each record is followed by the whole memory of its program, in which the
 * trap log leaves the first `logSkip` traps out.
 */
export function buildBatch(programs: readonly Program[], verbose = false, logSkip = 0): Uint8Array {
  const harness = withFolder((path) => {
    const output = join(path, 'harness.elf');
    execFileSync(findOracle(GCC)!, [
      ...[
        '-march=rv64gc',
        '-mabi=lp64d',
        '-mcmodel=medany',
        '-nostdlib',
        '-static',
        '-Wl,--no-warn-rwx-segments',
      ],
      ...['-T', join(folder, 'harness.ld'), join(folder, 'harness.S'), '-o', output],
      ...harnessDefines(programs.length, verbose, logSkip),
    ]);
    return readElf(readFileSync(output), output);
  });
  const memory = new Uint8Array(programs.length * STRIDE);
  programs.forEach((program, index) => {
    memory.set(program.memory, index * STRIDE);
  });
  const pieces = harness.segments
    .filter((segment) => segment.type === PT.LOAD)
    .map((segment) => ({ address: segment.paddr, data: segment.data, memorySize: segment.memorySize }));
  return tinyElf([...pieces, { address: BigInt(PROGRAM_BASE), data: memory }], harness.entry);
}

/** What QEMU sends through the UART when it runs `elf`. */
export function runOnQemu(elf: Uint8Array): Uint8Array {
  return withFolder((path) => {
    const [file, output] = [join(path, 'batch.elf'), join(path, 'uart')];
    writeFileSync(file, elf);
    const machine = [
      ...QEMU_HARTS,
      '-M',
      'virt',
      '-cpu',
      QEMU_CPU,
      '-m',
      '128M',
      '-bios',
      'none',
      '-display',
      'none',
      '-monitor',
      'none',
    ];
    execFileSync(findOracle(QEMU)!, [...machine, '-kernel', file, '-serial', `file:${output}`], {
      timeout: QEMU_TIMEOUT_MS,
    });
    return readFileSync(output);
  });
}

/** One program's result. */
export interface Result {
  readonly fields: BigUint64Array;
  /** The program's memory at the end, in a verbose batch. */
  readonly memory?: Uint8Array;
}

/** Splits what the harness sent. @throws Error when it is not the records of `count` programs */
export function readResults(sent: Uint8Array, count: number, verbose = false): Result[] {
  const size = RECORD_SIZE + (verbose ? STRIDE : 0);
  if (sent.length !== count * size) {
    throw new Error(
      `the harness sent ${sent.length} bytes, ${(sent.length / size).toFixed(2)} of ${count} records`,
    );
  }
  return Array.from({ length: count }, (_, index) => {
    // A copy of its own: what is read from a file may lie in a shared buffer.
    const bytes = Uint8Array.from(sent.subarray(index * size, (index + 1) * size));
    return {
      fields: new BigUint64Array(bytes.buffer, 0, RECORD_FIELDS.length),
      ...(verbose && { memory: bytes.subarray(RECORD_SIZE) }),
    };
  });
}

/** The fields in which two results differ: name, first value, second value. */
export function differences(a: Result, b: Result): { name: string; a: bigint; b: bigint }[] {
  return RECORD_FIELDS.map((name, index) => ({ name, a: a.fields[index]!, b: b.fields[index]! })).filter(
    (field) => field.a !== field.b,
  );
}
