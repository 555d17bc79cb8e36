/** Can GDB debug guest TypeScript: break at file.ts:line, backtrace, locals, a struct through a reference? */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { describeWith, findOracle, GDB, QEMU } from '../../../test/oracles.ts';
import { compile } from '../compile.ts';
import { POINTS } from '../testing/points.ts';

/** A TCP port that is free now. */
const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

describeWith([GDB, QEMU], 'GDB on a program of guest TypeScript', () => {
  const folder = mkdtempSync(join(tmpdir(), 'licorice-gdb-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function debug(optimise: boolean, commands: readonly string[]): Promise<string> {
    const source = join(folder, 'points.ts');
    const elf = join(folder, `points-${optimise ? 'O2' : 'O0'}.elf`);
    writeFileSync(source, POINTS);
    const result = compile(source, { target: 'bare', optimise, root: folder });
    if (!result.ok) throw new Error(result.diagnostics.map((d) => d.message).join('\n'));
    writeFileSync(elf, result.elf);
    const port = await freePort();
    const machine = spawn(
      findOracle(QEMU)!,
      ['-M', 'virt', '-bios', 'none', '-nographic', '-kernel', elf, '-S', '-gdb', `tcp:127.0.0.1:${port}`],
      { stdio: 'ignore' },
    );
    try {
      const script = [
        'set confirm off',
        'set tcp connect-timeout 20',
        'set arch riscv:rv64',
        `target remote 127.0.0.1:${port}`,
        ...commands,
      ];
      const args = script.flatMap((command) => ['-ex', command]);
      return execFileSync(findOracle(GDB)!, ['-q', '-nx', '-batch', ...args, elf], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 50_000,
      });
    } finally {
      machine.kill('SIGKILL');
    }
  }

  test('what does it show at -O0?', async () => {
    const text = await debug(false, [
      'break points.ts:10',
      'continue',
      'backtrace',
      'info args',
      'info locals',
      'print *p',
      'print p->next->x + 1',
      'ptype struct Point',
    ]);
    expect(text).toMatch(/Breakpoint 1, \S*scale \(p=0x[0-9a-f]+, by=3\) at \S*points\.ts:10/);
    expect(text).toMatch(
      /#0 .*scale .*\n#1 .*twice \(n=5\) at \S*points\.ts:22\n#2 .*main \(\) at \S*points\.ts:28/,
    );
    expect(text).toContain('old = 5');
    expect(text).toMatch(/\{x = 7, y = 5, next = 0x[0-9a-f]+\}/);
    expect(text).toContain('= 8');
    expect(text).toMatch(/i32 x;\s+i64 y;\s+struct Point \*next;/);
  });

  test('does it still find lines, callers and arguments at -O2?', async () => {
    const text = await debug(true, ['break points.ts:9', 'continue', 'backtrace', 'info args', 'print *p']);
    expect(text).toMatch(
      /#0 .*scale .*\n#1 .*twice \(.*\) at \S*points\.ts:22\n#2 .*main \(\) at \S*points\.ts:28/,
    );
    expect(text).toContain('by = 3');
    expect(text).toContain('{x = 7, y = 5,');
  });
});
