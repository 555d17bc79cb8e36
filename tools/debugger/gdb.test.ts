/**
 * Can GDB drive the stub: break, watch, step, finish, print structures, go backwards to where a watched value changed, see
 * through a trap, leave and come back? On C, on guest TypeScript, on U-Boot, and on our kernel.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith, findOracle, GCC, GDB, UBOOT } from '../../test/oracles.ts';
import { compile } from '../compiler/compile.ts';
import { POINTS } from '../compiler/testing/points.ts';
import { guestOutput } from '../guest/layouts.ts';
import { endMachine, runGdb, startMachine } from './gdb-client.ts';
import { frame, PacketReader, valueToHex } from './gdb-packets.ts';

/** Under load each session takes many times what it takes alone. */
const TIMEOUT = 120_000;
const folder = mkdtempSync(join(tmpdir(), 'licorice-gdb-'));
const file = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One session of GDB with a machine of its own. */
async function session(
  args: readonly string[],
  script: readonly string[],
  symbols?: string,
): Promise<string> {
  const machine = await startMachine(args);
  try {
    return await runGdb(folder, machine, script, symbols);
  } finally {
    await endMachine(machine);
  }
}

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

const PROGRAM = `
struct point { long x, y; struct point *next; };
struct point q = {7, 8, 0};
struct point p = {1, 2, &q};
volatile int counter;
volatile int seen;
int factorial(int n) { return n <= 1 ? 1 : n * factorial(n - 1); }
void handler(void) { seen++; }
__attribute__((noinline)) int ask(int value) { asm volatile("ecall" ::: "memory"); return value + seen; }
int main(void) {
  for (int i = 0; i < 5; i++) { counter += factorial(i); p.x = i; }
  counter += ask(3);
  return counter;
}
void forever(void) { for (;;) if (++counter == 1000) *(volatile char *)0x10000000 = '!'; }
`;
const ENTRY = `
.globl _start, trap
_start:
  la sp, stack_top
  la t0, trap
  csrw mtvec, t0
  call main
  li a0, 0x100000
  li a1, 0x5555
  sw a1, 0(a0)
1: j 1b

# The frame of whatever trapped, for unwinders: its pc is kept on the stack.
.balign 4
trap:
  .cfi_startproc
  .cfi_signal_frame
  .cfi_return_column 64
  .cfi_def_cfa sp, 0
  addi sp, sp, -160
  .cfi_adjust_cfa_offset 160
  sd ra, 8(sp)
  .cfi_offset ra, -152
  sd t0, 16(sp)
  .cfi_offset t0, -144
  csrr t0, mepc
  sd t0, 0(sp)
  .cfi_offset 64, -160
  sd a0, 24(sp)
  sd a5, 32(sp)
  sd s0, 40(sp)
  .cfi_offset s0, -120
  call handler
  ld t0, 0(sp)
  addi t0, t0, 4
  csrw mepc, t0
  ld s0, 40(sp)
  ld a5, 32(sp)
  ld a0, 24(sp)
  ld t0, 16(sp)
  ld ra, 8(sp)
  addi sp, sp, 160
  mret
  .cfi_endproc
.bss
.align 4
.space 4096
stack_top:
`;

describeWith([GCC, GDB], 'gdb-multiarch on a C program', () => {
  const elf = file('p.elf');
  beforeAll(() => {
    writeFileSync(file('p.c'), PROGRAM);
    writeFileSync(file('e.S'), ENTRY);
    const flags = ['-g', '-O0', '-nostdlib', '-static', '-mcmodel=medany', '-Wl,-Ttext=0x80000000'];
    execFileSync(findOracle(GCC)!, [...flags, file('e.S'), file('p.c'), '-o', elf]);
  });

  test(
    'does it break, watch, finish, print structures, and go backwards to a hit?',
    async () => {
      const output = await session(
        [elf],
        [
          'break factorial if n == 1',
          'continue',
          'bt',
          'print p',
          'print *p.next',
          'finish',
          'watch counter',
          'continue',
          'reverse-continue',
          'print counter',
          'reverse-stepi',
          'info registers pc mstatus',
          'monitor mark here',
          'delete',
          'continue',
        ],
        elf,
      );
      expect(output).toMatch(/Breakpoint 1, factorial \(n=1\)/);
      expect(output).toMatch(/#1 .* in main \(\)/);
      expect(output).toMatch(/\$1 = \{x = 0, y = 2, next = 0x[0-9a-f]+ <q>\}/);
      expect(output).toContain('$2 = {x = 7, y = 8, next = 0x0}');
      expect(output).toContain('Value returned is $3 = 1');
      // Forwards the counter becomes 2; backwards it becomes 1 again.
      expect(output).toMatch(/Old value = 1\s+New value = 2[\s\S]*Old value = 2\s+New value = 1/);
      expect(output).toContain('$4 = 1');
      expect(output).toMatch(/here is position \d+/);
      expect(output).toContain('exited normally');
    },
    TIMEOUT,
  );

  test(
    'does a watchpoint say what kind of access it was?',
    async () => {
      const output = await session(
        [elf],
        [
          'break ask',
          'continue',
          'rwatch seen',
          'continue',
          'delete 2',
          'awatch p.x',
          'tbreak _start',
          'reverse-continue',
          'info watchpoints',
        ],
        elf,
      );
      expect(output).toMatch(/Hardware read watchpoint 2: seen\s+Value = 0/);
      expect(output).toMatch(/Hardware access \(read\/write\) watchpoint 3: p\.x\s+/);
    },
    TIMEOUT,
  );

  test(
    'does the stack go on below a trap?',
    async () => {
      const output = await session(
        [elf],
        ['break handler', 'continue', 'bt', 'up 2', 'print value', 'monitor bt'],
        elf,
      );
      expect(output).toMatch(
        /#0 .*handler.*\n#1 .*trap \(\).*\n#2 .*<signal handler called>.*\n?.*ask \(value=3\)|#0 .*handler[^#]*#1[^#]*(trap|signal handler called)[^#]*#2[^#]*ask \(value=3\)[^#]*#3[^#]*main \(\)/,
      );
      expect(output).toMatch(/\$1 = 3/);
    },
    TIMEOUT,
  );

  test(
    'are edits a part of the past, and has looking no effect?',
    async () => {
      const output = await session(
        [elf],
        [
          'break factorial',
          'continue',
          'monitor info',
          // The UART and the interrupt controllers: reading them would take something away.
          'python attempt("print *(unsigned char *)0x10000000")',
          'python attempt("x/4wx 0x0c200004")',
          'python attempt("x/4gx 0x90000000")',
          'info registers mcycle minstret',
          'monitor xlate 0x80000000',
          'monitor info',
          'set var counter = 100',
          'set $mscratch = 0x1234',
          'stepi',
          'stepi',
          'reverse-stepi',
          'print counter',
          'print/x $mscratch',
        ],
        elf,
      );
      const positions = [...output.matchAll(/position (\d+) \(of (\d+)\), guest time (\d+) ns/g)].map(
        ([all]) => all,
      );
      expect(positions).toHaveLength(2);
      expect(positions[1]).toBe(positions[0]);
      expect(output).toMatch(/Cannot access memory at address 0x10000000/);
      expect(output).toMatch(/\$1 = 100/);
      expect(output).toMatch(/\$2 = 0x1234/);
    },
    TIMEOUT,
  );

  test(
    'does every monitor command answer, and say what is wrong?',
    async () => {
      const output = await session(
        [elf],
        [
          'break factorial',
          'continue',
          'monitor help',
          'monitor nonsense',
          'monitor xlate',
          'monitor xlate $sp store',
          'monitor mark one',
          'monitor mark',
          'monitor goto nowhere',
          'monitor goto 3',
          'flushregs',
          'monitor info',
          'monitor goto one',
          'monitor lines',
          'monitor crash',
          'info mem',
        ],
        elf,
      );
      // The memory map: GDB may read whatever address it likes.
      expect(output).toContain('Using memory regions provided by the target');
      expect(output).toMatch(/0\s+y\s+0x0000000000000000 0xffff800000000000 rw/);
      expect(output).toMatch(/1\s+y\s+0xffff800000000000 0xffffffffffffffff rw/);
      expect(output).toMatch(/monitor commands of licorice:\n {2}xlate ADDRESS/);
      expect(output).toContain("there is no command 'nonsense'");
      expect(output).toContain('usage: xlate ADDRESS [load|store|fetch]');
      expect(output).toContain('translation is off');
      expect(output).toMatch(/one is position (\d+)\n[\s\S]*position \1; 'flushregs'/);
      expect(output).toContain("'nowhere' is neither a position nor a mark");
      expect(output).toMatch(/position 3; 'flushregs' shows it[\s\S]*position 3 \(of/);
      expect(output.match(/there is no NVDIMM whose stores are recorded/g)).toHaveLength(2);
    },
    TIMEOUT,
  );

  test(
    'does Ctrl-C stop it, does the guest run on after detach, and is it there for the next GDB?',
    async () => {
      const machine = await startMachine([elf]);
      try {
        const first = await runGdb(
          folder,
          machine,
          [
            'break main',
            'continue',
            'set $pc = forever',
            'monitor mark start',
            'continue',
            'print counter >= 1000',
            'monitor info',
            'detach',
          ],
          elf,
          '!',
        );
        expect(first).toMatch(/Program received signal SIGINT/);
        expect(first).toContain('$1 = 1');
        const position = Number(/position (\d+) \(of/.exec(first)![1]);
        const second = await runGdb(
          folder,
          machine,
          ['monitor info', 'break main', 'info threads', 'kill'],
          elf,
        );
        // It has run on in between.
        expect(Number(/position (\d+) \(of/.exec(second)![1])).toBeGreaterThan(position);
        expect(second).toMatch(/mark start: position \d+/);
        expect(second).toMatch(/hart 0, M-mode/);
      } finally {
        await endMachine(machine);
      }
    },
    TIMEOUT,
  );
});

describeWith([GDB], 'gdb-multiarch on guest TypeScript under licorice', () => {
  const build = (optimise: boolean): string => {
    writeFileSync(file('points.ts'), POINTS);
    const result = compile(file('points.ts'), { target: 'bare', optimise, root: folder });
    if (!result.ok) throw new Error(result.diagnostics.map((d) => d.message).join('\n'));
    const elf = file(`points-${optimise ? 'O2' : 'O0'}.elf`);
    writeFileSync(elf, result.elf);
    return elf;
  };

  test(
    'does it break at file.ts:line, and show stack, locals, and a struct through a reference?',
    async () => {
      const elf = build(false);
      const output = await session(
        [elf],
        [
          'break points.ts:10',
          'continue',
          'backtrace',
          'info args',
          'info locals',
          'print *p',
          'print p->next->x + 1',
          'ptype struct Point',
          'watch p->y',
          'continue',
          'reverse-continue',
          'print p->y',
          'reverse-next',
        ],
        elf,
      );
      expect(output).toMatch(/Breakpoint 1, \S*scale \(p=0x[0-9a-f]+, by=3\) at \S*points\.ts:10/);
      expect(output).toMatch(
        /#0 .*scale .*\n#1 .*twice \(n=5\) at \S*points\.ts:22\n#2 .*main \(\) at \S*points\.ts:28/,
      );
      expect(output).toContain('old = 5');
      expect(output).toMatch(/\{x = 7, y = 5, next = 0x[0-9a-f]+\}/);
      expect(output).toContain('= 8');
      expect(output).toMatch(/i32 x;\s+i64 y;\s+struct Point \*next;/);
      expect(output).toMatch(/Old value = 5\s+New value = 15[\s\S]*Old value = 15\s+New value = 5/);
    },
    TIMEOUT,
  );

  test(
    'does it find lines, callers and arguments at -O2?',
    async () => {
      const elf = build(true);
      const output = await session(
        [elf],
        ['break points.ts:9', 'continue', 'backtrace', 'info args', 'print *p', 'finish'],
        elf,
      );
      expect(output).toMatch(
        /#0 .*scale .*\n#1 .*twice \(.*\) at \S*points\.ts:22\n#2 .*main \(\) at \S*points\.ts:28/,
      );
      expect(output).toContain('by = 3');
      expect(output).toContain('{x = 7, y = 5,');
      expect(output).toMatch(/Value returned is \$\d+ = 20/);
    },
    TIMEOUT,
  );

  test(
    'does the stack go on from the kernel into the program that called it?',
    async () => {
      const kernel = join(guestOutput(), 'kernel.elf');
      const output = await session(
        ['--kernel', kernel, '--initrd', join(guestOutput(), 'archive.img')],
        [
          `add-symbol-file ${join(guestOutput(), 'init.elf')}`,
          'set backtrace past-main on',
          'break kernel.syscall.systemCall',
          'continue',
          'bt',
          'frame function main',
          'info symbol $pc',
        ],
        kernel,
      );
      // A frame of a trap, told by call frame information: its pc is the ecall.
      expect(output).toMatch(
        /#\d .*trapFromUser .*trap\.ts:\d+\n#\d {2}<signal handler called>\n(#\d .*\n)*#\d .*main \(\) at .*\.ts:\d+\n#\d .*_start/,
      );
      expect(output).toMatch(/main \+ \d+ in section \.text of .*init\.elf/);
    },
    TIMEOUT,
  );

  test(
    'does it follow our kernel, with its stores to the NVDIMM and what a power failure could leave of them?',
    async () => {
      const kernel = join(guestOutput(), 'kernel.elf');
      const output = await session(
        [
          '--kernel',
          kernel,
          '--initrd',
          join(guestOutput(), 'archive.img'),
          '--nvdimm',
          file('g.nvm'),
          '--size',
          '64M',
        ],
        [
          'break kernel.journal.txCommit',
          'continue',
          'finish',
          'bt',
          'monitor bt',
          'monitor crash',
          'monitor lines',
          'monitor xlate $sp',
          'monitor info',
        ],
        kernel,
      );
      expect(output).toMatch(/Breakpoint 1, kernel\.journal\.txCommit/);
      expect(output).toMatch(/a power failure now/);
      expect(output).toMatch(/NVDIMM: 'monitor lines' shows what is persistent/);
      expect(output).toMatch(/supervisor window/i);
    },
    TIMEOUT,
  );
});

describeWith([GDB, UBOOT], 'gdb-multiarch on U-Boot', () => {
  test(
    'does it step through firmware that has no symbols, forwards and backwards?',
    async () => {
      const output = await session(
        ['--kernel', findOracle(UBOOT)!],
        [
          'print/x $pc',
          'x/3i $pc',
          'stepi 200',
          'print/x $pc',
          'monitor mark later',
          'break *0x80200000',
          'reverse-continue',
          'print/x $pc',
          'delete',
          'monitor goto later',
          'flushregs',
          'print/x $pc',
          'info registers satp scause',
          'print/x $priv',
        ],
      );
      const pcs = [...output.matchAll(/\$\d+ = (0x[0-9a-f]+)/g)].map(([, pc]) => pc);
      expect(pcs[0]).toBe('0x80200000');
      expect(pcs[2]).toBe('0x80200000');
      expect(pcs[3]).toBe(pcs[1]);
      expect(pcs[1]).not.toBe(pcs[0]);
      expect(pcs[4]).toBe('0x1');
      expect(output).toMatch(/=> 0x80200000:/);
    },
    TIMEOUT,
  );
});
