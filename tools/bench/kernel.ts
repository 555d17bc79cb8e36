/**
 * What the kernel's calls cost on the modelled machine: a guest program (guest/programs/tests/cost.ts) reads the counters around each. Cycles
 * are those of the timing model, instructions are exact.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MiB } from '../../emulator/addresses.ts';
import { Computer } from '../../emulator/boot/computer.ts';
import { UserError } from '../../emulator/errors.ts';
import { MemoryMedia } from '../../emulator/nvdimm/media.ts';
import type { TimingProfile } from '../../emulator/timing/profile.ts';
import { timingExtension } from '../../emulator/timing/timing-engine.ts';
import { compile } from '../compiler/compile.ts';
import { writeArchive } from '../guest/archive.ts';
import { guestOutput, Layouts, packageRoot } from '../guest/layouts.ts';

export interface CallCost {
  readonly name: string;
  readonly instructions: number;
  readonly cycles: number;
}

const LIMIT = 2_000_000_000;

/** Runs the program; one figure for each line that it prints. */
export function benchKernel(profile: TimingProfile): CallCost[] {
  const kernel = join(guestOutput(), 'kernel.elf');
  if (!existsSync(kernel)) throw new UserError(`${kernel} is missing: build the guest with 'npm run build'`);
  const source = join(packageRoot(), 'guest', 'programs', 'tests', 'cost.ts');
  const program = compile(source, { target: 'program', optimise: true });
  if (!program.ok) throw new UserError(`bench kernel: ${source} does not compile; 'licorice check' says why`);
  const timing = timingExtension(profile);
  let output = '';
  const computer = new Computer({
    memory: 128 * MiB,
    seed: 1,
    engine: timing.engine,
    extensions: [timing],
    uartOutput: (byte) => {
      output += String.fromCharCode(byte);
    },
    nvdimm: { media: new MemoryMedia(32 * MiB) },
  });
  computer.boot({
    kernel: { name: kernel, bytes: new Uint8Array(readFileSync(kernel)) },
    initrd: { name: 'cost', bytes: writeArchive([{ name: 'init', elf: program.elf }], Layouts.load()) },
    append: 'quiet',
  });
  computer.nvdimm?.powerOn();
  const reason = computer.machine.run({ instructions: LIMIT });
  const figures = [...output.matchAll(/^([^|\n]+)\|(\d+)\|(\d+)$/gm)].map(
    ([, name, instructions, cycles]): CallCost => ({
      name: name!,
      instructions: Number(instructions),
      cycles: Number(cycles),
    }),
  );
  if (reason.kind !== 'exit' || reason.code !== 0 || figures.length === 0)
    throw new UserError(`bench kernel: the guest did not end well: ${output.trim().split('\n').pop() ?? ''}`);
  return figures;
}

/** The figures as a table. */
export function formatKernelBench(figures: readonly CallCost[]): string {
  const width = Math.max(...figures.map(({ name }) => name.length));
  return [
    `${'call'.padEnd(width)}  instructions    cycles`,
    ...figures.map(
      ({ name, instructions, cycles }) =>
        `${name.padEnd(width)}  ${String(instructions).padStart(12)}  ${String(cycles).padStart(8)}`,
    ),
  ].join('\n');
}
