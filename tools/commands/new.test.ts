/** Does `licorice new` make a project that checks, in an editor too, and does it leave what is there alone? */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../guest/layouts.ts';

const TIMEOUT = 120_000;
let folder: string;

function licorice(...args: string[]) {
  const program = join(packageRoot(), 'dist', 'licorice.js');
  const { stdout, stderr, status } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { stdout, stderr, status };
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'licorice-new-'));
  expect(licorice('new', 'mine')).toMatchObject({ stderr: '', status: 0 });
}, TIMEOUT);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the checker and TypeScript itself accept the project', { timeout: TIMEOUT }, () => {
  expect(licorice('check', 'mine')).toEqual({ stdout: '', stderr: '', status: 0 });
  const tsc = join(packageRoot(), 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', 'mine'], { cwd: folder, encoding: 'utf8' });
  expect(stdout).toBe('');
});

test('a project that is there stays as it is', { timeout: TIMEOUT }, () => {
  const file = join(folder, 'mine', 'journal.ts');
  writeFileSync(file, 'mine now\n');
  expect(licorice('new', 'mine')).toEqual({
    stdout: '',
    stderr: 'licorice: mine/journal.ts exists; choose a folder without a project\n',
    status: 2,
  });
  expect(readFileSync(file, 'utf8')).toBe('mine now\n');
});

test('only an executable for the guest becomes a program, and only a program is run', {
  timeout: TIMEOUT,
}, () => {
  writeFileSync(join(folder, 'bare.ts'), '/** @export */\nfunction main(): i32 {\n  return 0;\n}\n');
  expect(licorice('build', 'bare.ts')).toMatchObject({ stderr: '', status: 0 });
  expect(licorice('image', 'create', 'a.nvm', '--size', '16M').status).toBe(0);
  expect(licorice('run', 'a.nvm')).toEqual({
    stdout: '',
    stderr: 'licorice: a.nvm is an NVDIMM image, not a program; give it with --nvdimm a.nvm\n',
    status: 2,
  });
  expect(licorice('image', 'put', 'a.nvm', 'bare.elf', '--type', 'program')).toMatchObject({
    stderr: 'licorice: bare.elf: not a program of the guest; build it with --target program\n',
    status: 2,
  });
  // Not asked to be one, it is stored as it is.
  expect(licorice('image', 'put', 'a.nvm', 'bare.elf').stdout).toMatch(/ {2}object bare\.elf\n$/);
  expect(licorice('image', 'get', 'a.nvm', 'bare.elf', 'back.elf').status).toBe(0);
  expect(readFileSync(join(folder, 'back.elf')).equals(readFileSync(join(folder, 'bare.elf')))).toBe(true);
});
