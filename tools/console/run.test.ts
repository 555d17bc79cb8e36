/**
 * Does `licorice run` do as a user expects: output and exit code of the guest, one line and exit code 2 for bad
 * input, an explanation for a guest that stands still, the same run from the same log and from a saved state?
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encode } from '../../emulator/cpu/isa/encode.ts';
import { idOf } from '../../emulator/cpu/isa/table.ts';
import { parseTree } from '../../emulator/devices/fdt.ts';
import { EHDR } from '../../emulator/elf/constants.ts';
import { type Piece, tinyElf } from '../../emulator/elf/tiny.ts';
import { type BuiltCommand, buildLicorice } from '../../test/command.ts';

const START = 0x8000_0000n;
let folder: string;
let command: BuiltCommand;

/** An ELF with these instruction words at the start of DRAM. */
function program(...words: number[]): Uint8Array {
  return tinyElf([piece(START, ...words)]);
}
function piece(address: bigint, ...words: number[]): Piece {
  return { address, data: new Uint8Array(Uint32Array.from(words).buffer) };
}
const op = (name: string, rd = 0, rs1 = 0, rs2 = 0, imm = 0) => encode(idOf(name), rd, rs1, rs2, imm);
const [T0, T1, A0] = [5, 6, 10];
/** t0 = UART, t1 = test finisher. */
const DEVICES = [op('lui', T0, 0, 0, 0x1000_0000), op('lui', T1, 0, 0, 0x10_0000)];
/** Ends with an exit code. */
const exit = (code: number) =>
  code === 0
    ? [op('lui', A0, 0, 0, 0x5000), op('addi', A0, A0, 0, 0x555), op('sw', 0, T1, A0, 0)]
    : [op('lui', A0, 0, 0, (code << 16) + 0x3000), op('addi', A0, A0, 0, 0x333), op('sw', 0, T1, A0, 0)];
const print = (text: string) =>
  [...text].flatMap((c) => [op('addi', A0, 0, 0, c.charCodeAt(0)), op('sb', 0, T0, A0, 0)]);
const WFI_FOREVER = [op('wfi'), op('jal', 0, 0, 0, -4)];
/** Reads bytes from the UART and sends them back, until an 'x', which ends the run. */
const ECHO = [
  ...DEVICES,
  op('lb', A0, T0, 0, 5),
  op('andi', A0, A0, 0, 1),
  op('beq', 0, A0, 0, -8),
  op('lb', A0, T0, 0, 0),
  op('sb', 0, T0, A0, 0),
  op('addi', A0, A0, 0, -'x'.charCodeAt(0)),
  op('bne', 0, A0, 0, -24),
  ...exit(0),
];

function file(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function run(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command.script, 'run', ...args], {
    input,
    encoding: 'utf8',
    timeout: 60_000,
    cwd: folder,
  });
  return { status, stdout, stderr };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'licorice-run-'));
  command = await buildLicorice();
});
afterAll(() => {
  command.remove();
  rmSync(folder, { recursive: true });
});

describe('a guest that ends', () => {
  test.each([0, 1, 7, 255])('exit code %i is the exit code', (code) => {
    const path = file('exit.elf', program(...DEVICES, ...print('hi\n'), ...exit(code)));
    expect(run([path])).toEqual({ status: code, stdout: 'hi\n', stderr: '' });
  });

  test('a raw image starts like firmware', () => {
    const path = file('raw.bin', new Uint8Array(Uint32Array.from([...DEVICES, ...exit(3)]).buffer));
    expect(run(['--bios', path]).status).toBe(3);
    expect(run(['--bios', 'none', path]).status).toBe(3);
  });

  test('--stats counts its instructions exactly', () => {
    const path = file('count.elf', program(...DEVICES, ...exit(0)));
    const { stderr } = run([path, '--stats']);
    expect(stderr).toMatch(/^instructions +5$/m);
    expect(stderr).toMatch(/MIPS/);
    expect(stderr).toMatch(/traps +0 exceptions/);
  });

  test.each(['interp', 'jit'])('--engine %s', (engine) => {
    const path = file('engine.elf', program(...DEVICES, ...print('same'), ...exit(0)));
    expect(run([path, '--engine', engine])).toMatchObject({ status: 0, stdout: 'same' });
  });

  test('--dump-dtb writes a device tree with what was asked for', () => {
    const path = file('x.elf', program(...exit(0)));
    const dtb = join(folder, 'x.dtb');
    expect(run([path, '--dump-dtb', dtb, '--harts', '3', '--append', 'root=/dev/vda']).status).toBe(0);
    const tree = parseTree(readFileSync(dtb));
    expect(tree.find('cpus/cpu@2')).toBeDefined();
    expect(Buffer.from(tree.find('chosen')!.properties.get('bootargs')!).toString()).toBe('root=/dev/vda\0');
  });
});

describe('a guest that does not end', () => {
  test('waiting for nothing is said', () => {
    const { status, stderr } = run([file('wfi.elf', program(...WFI_FOREVER))]);
    expect(status).toBe(1);
    expect(stderr.trim()).toMatch(/^licorice: the guest waits for an interrupt.*hart 0 at 0x80000004$/);
  });

  test('a jump into nowhere without a trap vector is said', () => {
    const { status, stderr } = run([file('nowhere.elf', program(op('jalr', 0, 0, 0, 0x100)))]);
    expect(status).toBe(1);
    expect(stderr.trim()).toMatch(/^licorice: hart 0 traps for ever.*0x0.*was the trap vector set\?$/);
  });

  test('a trap handler that traps is said', () => {
    const path = file(
      'double.elf',
      program(op('lui', A0, 0, 0, 0x4000_0000), op('csrrw', 0, A0, 0, 0x305), 0),
    );
    const { status, stderr } = run([path]);
    expect(status).toBe(1);
    expect(stderr.trim()).toMatch(/^licorice: hart 0 traps for ever.*0x40000000/);
  });

  test('--max-instructions stops an endless loop', () => {
    const path = file('loop.elf', program(op('jal', 0, 0, 0, 0)));
    const { status, stderr } = run([path, '--max-instructions', '1000000']);
    expect(status).toBe(1);
    expect(stderr.trim()).toMatch(/^licorice: stopped after 1000000 instructions.*hart 0 at 0x80000000$/);
  });

  test('Ctrl-A x quits', () => {
    const path = file('loop2.elf', program(op('jal', 0, 0, 0, 0)));
    expect(run([path], '\x01x')).toMatchObject({ status: 0, stderr: '' });
  });

  test('a signal ends the run in order', async () => {
    const path = file('loop3.elf', program(...DEVICES, ...print('up'), op('jal', 0, 0, 0, 0)));
    const child = spawn(process.execPath, [command.script, 'run', path], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [printed] = await once(child.stdout, 'data');
    child.kill('SIGTERM');
    const [status] = await once(child, 'exit');
    expect({ printed: String(printed), status }).toEqual({ printed: 'up', status: 0 });
  });

  test('Ctrl-A h helps, Ctrl-A Ctrl-A is Ctrl-A', () => {
    const { stdout, stderr } = run([file('echo.elf', program(...ECHO))], '\x01ha\x01\x01bx');
    expect(stdout).toBe('a\x01bx');
    expect(stderr).toContain('Ctrl-A x');
  });
});

describe('input', () => {
  test('what is typed arrives whole, and a recorded run can be repeated', () => {
    const path = file('echo.elf', program(...ECHO));
    const text = `${'the quick brown fo'.repeat(20)}x`;
    const log = join(folder, 'keys.log');
    expect(run([path, '--record', log, '--save', join(folder, 'a.state')], text).stdout).toBe(text);
    expect(run([path, '--replay', log, '--save', join(folder, 'b.state')]).stdout).toBe(text);
    expect(readFileSync(join(folder, 'a.state'))).toEqual(readFileSync(join(folder, 'b.state')));
  });

  test('a saved state goes on in another process', () => {
    const loop = [op('addi', A0, 0, 0, 2000), op('addi', A0, A0, 0, -1), op('bne', 0, A0, 0, -4)];
    const path = file(
      'long.elf',
      program(...DEVICES, ...print('one '), ...loop, ...print('two'), ...exit(5)),
    );
    const state = join(folder, 'half.state');
    expect(run([path, '--max-instructions', '1000', '--save', state]).stdout).toBe('one ');
    expect(run(['--load', state])).toMatchObject({ status: 5, stdout: 'two' });
  });
});

describe('bad input ends with exit code 2 and one line that says what and where', () => {
  const good = program(op('jal', 0, 0, 0, 0));
  const patched = (offset: number, value: number) => {
    const bytes = program(op('jal', 0, 0, 0, 0));
    bytes[offset] = value;
    return bytes;
  };
  const bad: [string, () => string[], RegExp][] = [
    ['no file', () => [], /nothing to run/],
    ['a missing file', () => ['missing.elf'], /missing\.elf.*no such file/],
    ['a folder', () => ['.'], /^licorice: \.: .*folder/],
    ['a truncated ELF', () => [file('cut.elf', good.subarray(0, 100))], /cut\.elf.*truncated/],
    [
      'an ELF for another machine',
      () => [file('x86.elf', patched(EHDR.machine, 62))],
      /x86-64, not for RISC-V/,
    ],
    ['a 32-bit ELF', () => [file('rv32.elf', patched(EHDR.class, 1))], /32-bit/],
    [
      'overlapping segments',
      () => [file('two.elf', tinyElf([piece(START, 0), piece(START, 0)]))],
      /overlaps/,
    ],
    [
      'an ELF larger than memory',
      () => [file('big.elf', tinyElf([{ ...piece(START, 0), memorySize: 1n << 32n }]))],
      /--mem/,
    ],
    ['an empty image', () => ['--bios', file('empty.bin', '')], /empty/],
    ['a missing drive', () => [file('g.elf', good), '--drive', 'no.img'], /no\.img.*drive.*no such file/],
    ['a drive that is a folder', () => [file('g.elf', good), '--drive', '/tmp'], /folder/],
    ['an unknown drive option', () => [file('g.elf', good), '--drive', 'a,turbo'], /readonly/],
    ['no harts', () => [file('g.elf', good), '--harts', '0'], /1 to 8 harts/],
    ['nine harts', () => [file('g.elf', good), '--harts', '9'], /1 to 8 harts/],
    ['harts that are no number', () => [file('g.elf', good), '--harts', 'many'], /harts/],
    ['memory that is no size', () => [file('g.elf', good), '--mem', 'lots'], /'lots' is not a size/],
    ['too little memory', () => [file('g.elf', good), '--mem', '4K'], /at least/],
    ['too much memory', () => [file('g.elf', good), '--mem', '64G'], /too large/],
    ['an unknown engine', () => [file('g.elf', good), '--engine', 'steam'], /engine/],
    ['an unknown option', () => [file('g.elf', good), '--turbo'], /turbo/],
    [
      'a bad instruction count',
      () => [file('g.elf', good), '--max-instructions', '-3'],
      /--max-instructions/,
    ],
    ['a bad date', () => [file('g.elf', good), '--date', 'tomorrow'], /--date/],
    ['a log that is none', () => [file('g.elf', good), '--replay', file('log', 'hello')], /log.*line 1/],
    ['a state that is none', () => ['--load', file('s', 'hello')], /not a saved state/],
    [
      'a result that cannot be written',
      () => [file('g.elf', good), '--dump-dtb', '/no/where/x'],
      /\/no\/where\/x/,
    ],
    ['a missing firmware', () => ['--bios', 'fw.bin', file('g.elf', good)], /fw\.bin.*firmware/],
    ['a missing initrd', () => [file('g.elf', good), '--initrd', 'no.cpio'], /no\.cpio/],
  ];
  test.each(bad)('%s', (_title, args, expected) => {
    const { status, stdout, stderr } = run(args());
    expect(stderr).toMatch(expected);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/^licorice: /);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });
});
