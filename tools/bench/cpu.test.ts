/** Do the benchmark programs compute the same everywhere, and does the harness compute its figures right? */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Computer } from '../../emulator/boot/computer.ts';
import { Translator } from '../../emulator/cpu/translator/translator.ts';
import { describeWith, GCC } from '../../test/oracles.ts';
import { formatCpuBench, geometricMean, median } from './cpu.ts';
import { BENCH_MODES, buildPrograms, programNames } from './programs.ts';

it('takes medians and geometric means', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(geometricMean([1, 4])).toBeCloseTo(2);
});

it('prints a line for each measurement, and a dash for a runner that is not there', () => {
  const text = formatCpuBench({
    engine: 'jit',
    rounds: 1,
    measurements: [
      {
        program: 'one',
        mode: 'machine',
        seconds: { licorice: 0.5 },
        versusQemu: undefined,
        spread: undefined,
        timesNative: undefined,
        checksum: 'one 1',
      },
    ],
    geometricMean: { machine: 1.25 },
  });
  expect(text.split('\n')[2]).toMatch(/^one\s+machine\s+0\.500\s+-\s+-\s+-\s+-\s+-$/);
  expect(text).toContain('geometric mean, machine mode: 1.25 x QEMU');
});

describeWith([GCC], 'benchmark programs', () => {
  it('print the same natively, in machine mode, in user mode and in the object window', () => {
    const folder = mkdtempSync(join(tmpdir(), 'licorice-bench-test-'));
    try {
      const programs = buildPrograms(programNames(), folder, 1);
      expect(programs.length).toBeGreaterThanOrEqual(12);
      for (const { name, elf, native } of programs) {
        const expected = native && execFileSync(native, { encoding: 'utf8' });
        for (const mode of BENCH_MODES) {
          let output = '';
          const computer = new Computer({
            uartOutput: (byte) => {
              output += String.fromCharCode(byte);
            },
            seed: 0,
            engine: (memory) => new Translator(memory),
          });
          computer.boot({ kernel: { name, bytes: readFileSync(elf[mode]) }, bare: true });
          const end = computer.machine.run({ instructions: 200_000_000 });
          expect(end, `${name}, ${mode}`).toMatchObject({ kind: 'exit', code: 0 });
          expect(output, `${name}, ${mode}`).toMatch(new RegExp(`^${name} [0-9a-f]{16}\\r?\\n$`));
          if (expected !== undefined) expect(output.replace('\r', ''), `${name}, ${mode}`).toBe(expected);
        }
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 300_000);
});
