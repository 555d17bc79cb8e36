/** Does a C program made with Debian's GCC and picolibc print the same floating-point results here as on QEMU? */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Computer } from '../../emulator/boot/computer.ts';
import { Translator } from '../../emulator/cpu/translator/translator.ts';
import type { EngineFactory } from '../../emulator/machine/engine.ts';
import { describeWith, findOracle, GCC, PICOLIBC, QEMU } from '../oracles.ts';

const programs = fileURLToPath(new URL('./programs', import.meta.url));

describeWith([QEMU, GCC, PICOLIBC], 'a C program with picolibc', () => {
  let folder: string;
  let elf: string;
  let qemu: { output: string; code: number };

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'licorice-c-'));
    elf = join(folder, 'float.elf');
    execFileSync(findOracle(GCC)!, [
      ...[
        `--specs=${PICOLIBC.path}`,
        '-march=rv64gc',
        '-mabi=lp64d',
        '-mcmodel=medany',
        '-O2',
        '-frounding-math',
      ],
      ...['-nostartfiles', '-static', '-T', join(programs, 'link.ld'), '-Wl,--no-warn-rwx-segments'],
      ...['start.S', 'console.c', 'float.c'].map((name) => join(programs, name)),
      ...['-lm', '-o', elf],
    ]);
    const uart = join(folder, 'uart');
    const options = ['-M', 'virt', '-bios', 'none', '-display', 'none', '-monitor', 'none'];
    const { status } = spawnSync(findOracle(QEMU)!, [...options, '-kernel', elf, '-serial', `file:${uart}`]);
    qemu = { output: readFileSync(uart, 'latin1'), code: status ?? -1 };
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each<[string, EngineFactory | undefined]>([
    ['interpreter', undefined],
    ['translator', (memory) => new Translator(memory)],
  ])('%s', (_name, engine) => {
    const printed: number[] = [];
    const computer = new Computer({
      seed: 0,
      uartOutput: (byte) => printed.push(byte),
      ...(engine && { engine }),
    });
    computer.boot({ kernel: { name: elf, bytes: readFileSync(elf) } });
    const reason = computer.machine.run({ instructions: 200_000_000 });
    expect(reason).toMatchObject({ kind: 'exit', code: 42 });
    expect(qemu.code).toBe(42);
    expect(qemu.output.length).toBeGreaterThan(50_000);
    expect(Buffer.from(printed).toString('latin1').split('\n')).toEqual(qemu.output.split('\n'));
  });
});
