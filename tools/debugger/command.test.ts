/** Does `licorice debug` as a command open what it should: the state that a kernel panic leaves, GDB instead of a screen; and say what is wrong? */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { describeWith, GDB } from '../../test/oracles.ts';
import { guestOutput, packageRoot } from '../guest/layouts.ts';
import { endMachine, runGdb, startMachine } from './gdb-client.ts';

const TIMEOUT = 120_000;
const folder = mkdtempSync(join(tmpdir(), 'licorice-debug-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function licorice(...args: string[]): { code: number | null; output: string; errors: string } {
  const program = join(packageRoot(), 'dist', 'licorice.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: 'utf8',
    input: '',
  });
  return { code: status, output: stdout, errors: stderr };
}

test(
  'what the kernel panic was about: its state, the stack down to the program that asked, with names',
  () => {
    const small = ['--size', '64M', '--mem', '64M', '--date', '2025-06-30T12:00:00Z'];
    const boot = licorice('boot', ...small, '--exec', 'panic');
    expect(boot.code).not.toBe(0);
    expect(boot.errors).toContain("'licorice debug licorice-panic.state' shows its last state");
    expect(existsSync(join(folder, 'licorice-panic.state'))).toBe(true);
    writeFileSync(join(folder, 'commands'), 'when\nbacktrace\ninfo threads\nreverse-stepi\n');
    const { code, output, errors } = licorice('debug', 'licorice-panic.state', '--batch', 'commands');
    expect(errors).toBe('');
    expect(code).toBe(0);
    const frames = output.split('\n').filter((line) => line.startsWith('#'));
    expect(frames[0]).toMatch(/^#0 0xffff8000\w+ kernel!systemReset at kernel\/arch\.ts:\d+$/);
    expect(frames[1]).toMatch(/kernel!__panic at kernel\/panic\.ts:\d+/);
    expect(frames.join('\n')).toMatch(/<environment call from U-mode> 0x\w+ utils!power/);
    expect(frames.join('\n')).toMatch(/utils!panicKernel at programs\/utilities\/process\.ts:\d+/);
    expect(frames.at(-1)).toContain('utils!_start');
    expect(output).toMatch(/thread \d+ {2}running on hart 0/);
    // Its past is not known, and time is as long as it has lasted.
    expect(output).toMatch(/instruction (\d+) of \1;/);
    expect(output).toContain('the beginning of time');
  },
  TIMEOUT,
);

test(
  'wrong options are one line each',
  () => {
    for (const [args, why] of [
      [['nothing.elf', '--batch', '-'], /nothing.elf: cannot read the program \(no such file\)/],
      [['--batch', 'nothing', '--size', '64M'], /nothing: cannot be read/],
      [['--batch', '-', '--size', '64M', '--at', '-5'], /--at -5: not an instruction count/],
      [
        ['--batch', '-', '--nvdimm', 'nothing.nvm'],
        /nothing\.nvm: there is no such NVDIMM image; with --size/,
      ],
      [['--batch', '-', '--gdb', '0', '--size', '64M'], /a guest has one debugger at a time/],
      [['--batch', '-', '--date', 'soon'], /--date 'soon' is not a date/],
      [['--size', '64M'], /debug needs a terminal/],
    ] as const) {
      const { code, errors } = licorice('debug', ...args);
      expect(errors, args.join(' ')).toMatch(why);
      expect(errors.trimEnd()).not.toContain('\n');
      expect(code).not.toBe(0);
    }
  },
  TIMEOUT,
);

describeWith([GDB], 'licorice debug --gdb', () => {
  test(
    'is the guest there for GDB, with what it prints and its NVDIMM?',
    async () => {
      const machine = await startMachine(['--size', '64M', '--mem', '64M', '--exec', 'echo hello'], 'debug');
      try {
        const output = await runGdb(
          folder,
          machine,
          ['break kernel.journal.txCommit', 'continue', 'monitor lines', 'delete', 'continue'],
          join(guestOutput(), 'kernel.elf'),
        );
        expect(output).toMatch(/Breakpoint 1, kernel\.journal\.txCommit/);
        expect(output).toMatch(/a power failure now/);
        expect(output).toMatch(/exited normally/);
        expect(machine.output()).toContain('hello');
      } finally {
        await endMachine(machine);
      }
    },
    TIMEOUT,
  );
});
