/** Can GDB drive the stub: break, watch, step, print, backtrace, and go backwards to where a watched value changed? */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeWith, findOracle, GCC, GDB } from '../../test/oracles.ts';
import { packageRoot } from '../guest/layouts.ts';
import { frame, PacketReader, valueToHex } from './gdb-packets.ts';

const PROGRAM = `
struct point { long x, y; };
struct point p = {1, 2};
volatile int counter;
int factorial(int n) { return n <= 1 ? 1 : n * factorial(n - 1); }
int main(void) {
  for (int i = 0; i < 5; i++) { counter += factorial(i); p.x = i; }
  return counter;
}
`;
const ENTRY = `
.globl _start
_start: la sp, stack_top
  call main
  li a0, 0x100000
  li a1, 0x5555
  sw a1, 0(a0)
1: j 1b
.bss
.align 4
.space 4096
stack_top:
`;
const SCRIPT = `
set confirm off
set architecture riscv:rv64
break factorial if n == 1
continue
bt
print p
watch counter
continue
reverse-continue
print counter
reverse-stepi
info registers pc mstatus
monitor xlate 0x80000000
monitor mark here
monitor info
delete
continue
`;

test('packets survive any split of the stream, and damage is noticed', () => {
  const reader = new PacketReader();
  const wire = `+${frame('m80000000,4')}\x03$bad#00${frame('a}b#c$d')}`;
  const found = [...wire].flatMap((byte) => reader.push(byte));
  expect(found).toEqual([
    { kind: 'packet', data: 'm80000000,4' },
    { kind: 'interrupt' },
    { kind: 'damaged' },
    { kind: 'packet', data: 'a}b#c$d' },
  ]);
  expect(valueToHex(0x0102n, 4)).toBe('02010000');
});

describeWith([GCC, GDB], 'gdb-multiarch on a C program', () => {
  test('goes forwards and backwards', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'licorice-gdb-'));
    const file = (name: string): string => join(folder, name);
    writeFileSync(file('p.c'), PROGRAM);
    writeFileSync(file('e.S'), ENTRY);
    const flags = ['-g', '-O0', '-nostdlib', '-static', '-mcmodel=medany', '-Wl,-Ttext=0x80000000'];
    execFileSync(findOracle(GCC)!, [...flags, file('e.S'), file('p.c'), '-o', file('p.elf')]);
    const program = join(packageRoot(), 'dist', 'licorice.js');
    const child = spawn(process.execPath, [program, 'run', file('p.elf'), '--gdb', '0'], { stdio: 'pipe' });
    try {
      const port = await new Promise<string>((resolve, reject) => {
        child.stderr.on('data', (text) => {
          const match = /:(\d+)/.exec(String(text));
          if (match) resolve(match[1]!);
        });
        child.on('exit', () => reject(new Error('licorice ended')));
      });
      const [first, ...rest] = SCRIPT.trim().split('\n');
      writeFileSync(file('script'), [first, rest[0], `target remote :${port}`, ...rest.slice(1)].join('\n'));
      const args = ['-batch', '-nx', '-x', file('script'), file('p.elf')];
      // What `monitor` says GDB writes to its standard error.
      const { stdout, stderr } = spawnSync(findOracle(GDB)!, args, {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const output = stdout + stderr;
      expect(output).toMatch(/Breakpoint 1, factorial \(n=1\)/);
      expect(output).toMatch(/#1 .* in main \(\)/);
      expect(output).toContain('$1 = {x = 0, y = 2}');
      // Forwards the counter becomes 2; backwards it becomes 1 again.
      expect(output).toMatch(/Old value = 1\s+New value = 2[\s\S]*Old value = 2\s+New value = 1/);
      expect(output).toContain('$2 = 1');
      expect(output).toMatch(/translation is off/);
      expect(output).toMatch(/here is instruction \d+/);
      expect(output).toContain('exited normally');
    } finally {
      child.kill();
    }
  });
});
