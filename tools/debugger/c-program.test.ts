/**
 * Does the debugger read what GCC writes? A C program at -O0 and -O2, DWARF 4 and 5: lines beside addr2line's, and a session
 * in batch mode: break, watch, print a structure, finish, back, a stack across a trap.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { describeWith, findOracle, GCC, type Oracle } from '../../test/oracles.ts';
import { runBatch } from './batch.ts';
import { openFiles } from './open.ts';
import { Program } from './program.ts';
import { SourceFiles } from './source.ts';

const ADDR2LINE: Oracle = {
  name: 'addr2line for RISC-V',
  debianPackage: 'binutils-riscv64-unknown-elf',
  path: 'riscv64-unknown-elf-addr2line',
};

const SOURCE = `struct point { long x, y; };
struct node { int key; struct node *next; char name[8]; };
struct point p = {1, 2};
struct node second = {7, 0, "second"};
struct node first = {5, &second, "first"};
volatile int counter;
__attribute__((noinline)) int factorial(int n) { return n <= 1 ? 1 : n * factorial(n - 1); }
void handler(void) { counter += 100; }
int main(void) {
  int sum = 0;
  for (int i = 0; i < 5; i++) {
    sum += factorial(i);
    counter += sum;
    p.x = i;
  }
  __asm__ volatile("ecall");
  return counter;
}
`;
const START = `.section .text.unlikely,"ax"
.globl _start
_start: la sp, stack_top
  la t0, trap
  csrw mtvec, t0
  call main
  li a0, 0x100000
  li a1, 0x5555
  sw a1, 0(a0)
1: j 1b
.align 4
.globl trap
trap: addi sp, sp, -16
  sd ra, 8(sp)
  call handler
  csrr t0, mepc
  addi t0, t0, 4
  csrw mepc, t0
  ld ra, 8(sp)
  addi sp, sp, 16
  mret
.bss
.align 4
.space 4096
stack_top:
`;
const SCRIPT = `break factorial if n == 1
continue
backtrace
finish
print p
print first.next.name
print *first.next
delete
watch counter
continue
continue
print counter
reverse-continue
print counter
delete
reverse-continue
when
break handler
continue
backtrace
delete
continue
`;

describeWith([GCC, ADDR2LINE], 'the debugger on C programs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'licorice-debugger-c-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string): string => join(folder, name);

  function build(version: number, level: number): { path: string; bytes: Uint8Array } {
    writeFileSync(file('p.c'), SOURCE);
    writeFileSync(file('e.S'), START);
    const path = file(`p${version}${level}.elf`);
    const flags = [`-gdwarf-${version}`, `-O${level}`, '-nostdlib', '-static', '-mcmodel=medany'];
    execFileSync(findOracle(GCC)!, [...flags, '-Wl,-Ttext=0x80000000', 'e.S', 'p.c', '-o', path], {
      cwd: folder,
    });
    return { path, bytes: execFileSync('cat', [path]) };
  }

  test.each([
    [4, 0],
    [4, 2],
    [5, 0],
    [5, 2],
  ])('DWARF %i at -O%i: every instruction has the line that addr2line gives it', (version, level) => {
    const { path, bytes } = build(version, level);
    const program = new Program('p', bytes);
    const text = program.elf.sections.find(({ name }) => name === '.text')!;
    const addresses = Array.from({ length: text.data.length / 2 }, (_, i) => text.address + BigInt(2 * i));
    const answers = execFileSync(findOracle(ADDR2LINE)!, ['-e', path], {
      input: addresses.map((address) => address.toString(16)).join('\n'),
      encoding: 'utf8',
    })
      .trim()
      .split('\n');
    const ours = addresses.map((address) => program.lineAt(address));
    const known = ours.filter((row) => row !== undefined);
    expect(known.length).toBeGreaterThan(addresses.length / 2);
    ours.forEach((row, i) => {
      const [, name, line] = /([^/]*):(\d+|\?)/.exec(answers[i]!) ?? [];
      if (row !== undefined) expect([row.file.split('/').pop(), String(row.line)]).toEqual([name, line]);
    });
  });

  test.each([4, 5])('DWARF %i: a session in batch mode', async (version) => {
    const { path, bytes } = build(version, 0);
    const { debugged, console } = openFiles({ kernel: { name: path, bytes } });
    const sources = new SourceFiles(() => debugged.modules.all.flatMap((program) => program.directories));
    let output = '';
    writeFileSync(file('script'), SCRIPT);
    await runBatch({ debugged, console, sources, ended: false }, file('script'), (text) => {
      output += text;
    });
    expect(output).toMatch(/factorial at p\.c:7\n {4}7 {2}__attribute__/);
    expect(output).toMatch(/#0 .* factorial at p\.c:7\n#1 .* main at p\.c:12\n#2 .* _start/);
    expect(output).toContain('returned 1');
    expect(output).toContain('point { x = 0, y = 2 }');
    expect(output).toContain('"second"\nnode { key = 7, next = null, name = "second" }');
    // Twice forwards, once back.
    expect(output).toMatch(/0x1 → 0x3[\s\S]*0x3 → 0x7[\s\S]*\n7\n[\s\S]*0x1 → 0x3[\s\S]*\n3\n/);
    expect(output).toMatch(/the beginning of time[\s\S]*instruction 0 of/);
    expect(output).toMatch(/#1 .* trap at e\.S:\d+\n#2 <environment call from M-mode> .* main at p\.c:16/);
    expect(output).toContain('the end of time: the guest switched the machine off (test finisher, code 0)');
  });
});
