/** Do the NVDIMM's and the timing model's options of `licorice run` do what docs/nvdimm.md says, errors included? */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { MiB } from '../emulator/addresses.ts';
import { assembleFlat } from '../emulator/cpu/isa/assembler/assembler.ts';
import { NvdimmFile } from '../emulator/nvdimm/file.ts';
import { type BuiltCommand, buildLicorice } from './command.ts';

let command: BuiltCommand;
let folder: string;
let file: string;
beforeAll(async () => {
  command = await buildLicorice();
  folder = mkdtempSync(join(tmpdir(), 'licorice-nvdimm-command-'));
  file = join(folder, 'test.nvm');
  const program = (name: string, text: string): void =>
    writeFileSync(join(folder, name), assembleFlat(`${text}\n${EXIT}`, 0x8000_0000n).bytes);
  program('count.bin', count(1000));
  program('few.bin', count(20));
  program('load.bin', LOAD);
});
afterAll(() => {
  command.remove();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => rmSync(file, { force: true }));

/** Exit code of the finisher: s11. */
const EXIT = `
  li t0, 0x100000
  slli t1, s11, 16
  li t2, 0x3333
  or t1, t1, t2
  bnez s11, fail
  li t1, 0x5555
fail:
  sw t1, 0(t0)
stop:
  j stop`;

/** So many times: a counter in one block, then in another, each cleaned and fenced. */
const count = (times: number): string => `
  li s0, 0x100000000
  li s1, ${times}
next:
  addi s2, s2, 1
  sd s2, 0(s0)
  cbo.clean (s0)
  fence w, w
  sd s2, 64(s0)
  addi t1, s0, 64
  cbo.clean (t1)
  fence w, w
  bne s1, s2, next`;

/** Loads 8 bytes at 0x1000; the exit code is the cause of the exception, if there is one. */
const LOAD = `
  la t0, trap
  csrw mtvec, t0
  li s0, 0x100000000
  li t0, 0x1000
  add s0, s0, t0
  ld t1, 0(s0)
  j over
  .align 2
trap:
  csrr s11, mcause
over:`;

function licorice(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [command.script, ...args], { encoding: 'utf8', timeout: 60_000 });
}
const run = (program: string, ...args: string[]) =>
  licorice('run', join(folder, program), '--bios', 'none', '--nvdimm', file, '--size', '2M', ...args);

const words = (): number[] => {
  const bytes = readFileSync(file);
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(64)];
};

test('a run leaves what it persisted; the second one does not need the size', () => {
  expect(run('count.bin')).toMatchObject({ status: 0, stdout: '', stderr: '' });
  expect(words()).toEqual([1000, 1000]);
  expect(licorice('run', join(folder, 'count.bin'), '--bios', 'none', '--nvdimm', file).status).toBe(0);
});

test('power@N: the file has a legal image of that instant, the same one for the same seed', () => {
  const seen = new Set<string>();
  for (const at of [3002, 3004, 3005, 3007]) {
    rmSync(file, { force: true });
    const first = run('count.bin', '--inject', `power@${at}:7`);
    expect(first).toMatchObject({ status: 0, stdout: '' });
    expect(first.stderr).toMatch(
      new RegExp(
        `^licorice: the power failed after instruction ${at}: \\d blocks undetermined, \\d legal images`,
      ),
    );
    const [a, b] = words() as [number, number];
    expect(a - b).toBeGreaterThanOrEqual(0);
    expect(a - b).toBeLessThanOrEqual(1);
    seen.add(`${a} ${b}`);
    rmSync(file, { force: true });
    run('count.bin', '--inject', `power@${at}:7`);
    expect(words()).toEqual([a, b]);
  }
  expect(seen.size).toBeGreaterThan(1);
  const file2 = NvdimmFile.open(file);
  expect(file2.record.shutdown).toBe(1);
  file2.close();
}, 120_000);

test('adr-fail@N:oldest loses everything that no deep flush covered', () => {
  run('count.bin', '--inject', 'adr-fail@3000:oldest');
  expect(words()).toEqual([0, 0]);
  const media = NvdimmFile.open(file);
  expect(media.record.flushFailures).toBe(1);
  media.close();
});

test('poison@ADDR raises the hardware-error exception, and is there at the next run too', () => {
  expect(run('load.bin').status).toBe(0);
  expect(run('load.bin', '--inject', 'poison@0x1_0000_1000').status).toBe(19);
  expect(run('load.bin').status).toBe(19);
});

test.each([
  [['--inject', 'power'], /--inject power: write power@N/],
  [['--inject', 'power@12x'], /--inject power@12x: write power@N/],
  [['--inject', 'poison@0x80000000'], /the NVDIMM is at 0x100000000 to 0x1001fffff/],
  [['--profile', 'x'], /--profile is about the timing model: it needs --timing/],
  [['--timing', '--profile', '/nowhere'], /cannot read the timing profile \/nowhere/],
])('refused in one line: %s', (args, message) => {
  const { status, stderr } = run('count.bin', ...args);
  expect(status).toBe(2);
  expect(stderr).toMatch(message);
  expect(stderr.trimEnd().split('\n').length).toBe(1);
});

test('options about an NVDIMM need one, and its size must be possible', () => {
  const odd = licorice('run', join(folder, 'count.bin'), '--nvdimm', file, '--size', '3M');
  expect(odd).toMatchObject({ status: 2, stderr: expect.stringMatching(/multiple of 2 MiB\n$/) });
  const { status, stderr } = licorice('run', join(folder, 'count.bin'), '--inject', 'power@5');
  expect([status, stderr]).toEqual([2, 'licorice: --inject is about an NVDIMM: it needs --nvdimm FILE\n']);
});

test('a disk that takes no more: one line, exit 1, and the file holds a legal earlier state', () => {
  run('count.bin', '--inject', 'power@40:oldest');
  const before = words();
  // The limit lies before the device's record, which is written first: nothing changes at all.
  const limited = spawnSync(
    'bash',
    [
      '-c',
      'ulimit -f 1024; exec "$@"',
      'bash',
      process.execPath,
      command.script,
      'run',
      join(folder, 'count.bin'),
    ].concat(['--bios', 'none', '--nvdimm', file]),
    { encoding: 'utf8', timeout: 60_000 },
  );
  expect(limited.status).toBe(1);
  expect(limited.stderr).toMatch(
    /^licorice: cannot write the NVDIMM file .*: the host allows no file of this size; .*\n$/,
  );
  expect(words()).toEqual(before);
});

test('--timing prints a summary and changes nothing in the run', () => {
  const { status, stderr } = run('count.bin', '--timing');
  expect(status).toBe(0);
  expect(stderr).toMatch(/timing +xeon-gold-5218, 2\.3 GHz \(simulated\)/);
  expect(stderr).toMatch(/2,000 write-backs, 2,000 fences/);
  expect(words()).toEqual([1000, 1000]);
});

test('bench nvdimm prints hardware and model side by side', () => {
  const { status, stdout } = licorice('bench', 'nvdimm');
  expect(status).toBe(0);
  expect(stdout).toMatch(/read latency, random +305 +305 ns +[-+]0\.\d %/);
  expect(stdout.trimEnd().split('\n').length).toBe(22);
  expect(existsSync(file)).toBe(false);
});

test('durable runs keep the same data', () => {
  expect(run('few.bin', '--durable').status).toBe(0);
  expect(words()).toEqual([20, 20]);
  expect(readFileSync(file).length).toBe(2 * MiB + 192 * 1024);
});
