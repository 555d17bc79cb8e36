/** Do `licorice check` and `licorice build` report, write and exit as their help says? (Runs the built command.) */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ET } from '../../emulator/elf/constants.ts';
import { readElf } from '../../emulator/elf/reader.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/licorice.js', import.meta.url));
let folder = '';

const SOURCES: Record<string, string> = {
  'good.ts': 'export function main(): i32 { return 3; }\n',
  'bad.ts': 'export function main(): i32 {\n  const a: u64 = 3;\n  return a;\n}\n',
  'null.ts': 'class C { x: u32; n: C | null; }\nexport function f(c: C): u32 { return c.n.x; }\n',
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'licorice-build-'));
  for (const [name, text] of Object.entries(SOURCES)) writeFileSync(join(folder, name), text);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function licorice(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const MISMATCH =
  "bad.ts(3,10): error TW2010: Type 'u64' is not assignable to type 'i32'.\n  Hint: Cast it: 'i32(…)'.\n";

describe('licorice check', () => {
  it('does it say nothing of good code, and tell both kinds of errors apart?', () => {
    expect(licorice('check', 'good.ts')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(licorice('check', 'bad.ts')).toEqual({ status: 1, stdout: MISMATCH, stderr: '' });
    const nullable = licorice('check', 'null.ts');
    expect(nullable.status).toBe(1);
    expect(nullable.stdout).toBe("null.ts(2,39): error TS18047: 'c.n' is possibly 'null'.\n");
  });

  it('is --json one array, and a missing file one line?', () => {
    const { stdout } = licorice('check', '--json', 'bad.ts');
    expect(JSON.parse(stdout)).toMatchObject([{ code: 'TW2010', line: 3, column: 10 }]);
    const missing = licorice('check', 'nothing.ts');
    expect(missing).toEqual({
      status: 2,
      stdout: '',
      stderr: 'licorice: nothing.ts: no such file or folder\n',
    });
  });
});

describe('licorice check of the guest', () => {
  it('does all guest code pass TypeScript and the dialect?', () => {
    expect(licorice('check')).toEqual({ status: 0, stdout: '', stderr: '' });
  }, 300_000);

  it('does --watch answer again when a file changes, and only with what is wrong now?', async () => {
    const file = join(folder, 'watched.ts');
    writeFileSync(file, SOURCES['good.ts']!);
    const child = spawn(process.execPath, [PROGRAM, 'check', '--watch', 'watched.ts'], { cwd: folder });
    let printed = '';
    const until = (text: string): Promise<void> =>
      new Promise((done) => {
        const look = (): void => {
          if (!printed.includes(text)) return;
          child.stdout.off('data', look);
          done();
        };
        child.stdout.on('data', look);
      });
    child.stdout.on('data', (chunk) => {
      printed += String(chunk);
    });
    try {
      await until('No errors (');
      writeFileSync(file, SOURCES['bad.ts']!);
      await until('Errors found (');
      expect(printed).toContain('watched.ts(3,10): error TW2010');
      printed = '';
      writeFileSync(file, SOURCES['good.ts']!);
      await until('No errors (');
      expect(printed).not.toContain('error TW');
    } finally {
      child.kill();
    }
  }, 60_000);
});

describe('licorice build', () => {
  it('does it write an executable, an object file, or text, and the same bytes each time?', () => {
    expect(licorice('build', 'good.ts', '-o', 'a.elf').status).toBe(0);
    expect(licorice('build', 'good.ts', '-o', 'b.elf').status).toBe(0);
    const bytes = readFileSync(join(folder, 'a.elf'));
    expect(readFileSync(join(folder, 'b.elf')).equals(bytes)).toBe(true);
    expect(readElf(bytes, 'a.elf').type).toBe(ET.EXEC);
    expect(licorice('build', 'good.ts', '-c', '-o', 'good.o').status).toBe(0);
    expect(readElf(readFileSync(join(folder, 'good.o')), 'good.o').type).toBe(ET.REL);
    expect(licorice('build', 'good.ts', '-S').stdout).toMatch(
      /main:\n# good\.ts:1 {2}export function main.*\n\tli\ta0,3\n\tret/,
    );
    expect(licorice('build', 'good.ts', '--ir', '-O0').stdout).toContain('func @main() -> i32');
    expect(licorice('build', 'good.ts', '-S', '-c')).toEqual({
      status: 2,
      stdout: '',
      stderr: 'licorice: -c and -S say different things about what to write; give one\n',
    });
  });

  it('is nothing written when there are errors?', () => {
    const before = readdirSync(folder);
    const bad = licorice('build', 'bad.ts', '-o', 'bad.elf');
    expect(bad).toEqual({ status: 1, stdout: MISMATCH, stderr: 'licorice: 1 error; nothing was written\n' });
    expect(licorice('build', 'good.ts', '-o', 'none/good.elf').stderr).toMatch(
      /^licorice: cannot write none\/good\.elf: .*\n$/,
    );
    expect(readdirSync(folder)).toEqual(before);
  });
});
