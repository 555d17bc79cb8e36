/** Does `licorice image` show what the guest stored, and say in one line what it cannot read? */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../guest/layouts.ts';

let folder: string;
const program = join(packageRoot(), 'dist', 'licorice.js');

function licorice(...args: string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { stdout, stderr, status };
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'licorice-image-'));
  const commands = 'mkdir notes; echo some text > notes/first; echo hi > greeting; cp greeting copy';
  execFileSync(process.execPath, [program, 'boot', '--size', '64M', '--exec', commands], { cwd: folder });
});

test('lists names, with types, sizes and IDs', () => {
  expect(licorice('image', 'ls', 'licorice.nvm')).toMatchObject({
    stdout: 'notes/\ngreeting\ncopy\n',
    status: 0,
  });
  expect(licorice('image', 'ls', 'licorice.nvm', 'notes', '-l').stdout).toMatch(
    /^text +10 {2}[0-9a-f]{16}:[0-9a-f]{16} {2}first\n$/,
  );
});

test('prints the text of an object, by name and by ID', () => {
  expect(licorice('image', 'cat', 'licorice.nvm', 'notes/first').stdout).toBe('some text\n');
  const [entry] = JSON.parse(licorice('image', 'ls', 'licorice.nvm', '/notes', '--json').stdout);
  expect(licorice('image', 'cat', 'licorice.nvm', entry.id).stdout).toBe('some text\n');
});

test('verifies IDs and the whole store', () => {
  expect(JSON.parse(licorice('image', 'stat', 'licorice.nvm', 'copy', '--json').stdout)).toMatchObject({
    type: 'text',
    size: 3,
    idVerified: true,
  });
  const result = licorice('image', 'check', 'licorice.nvm', '--json');
  expect(JSON.parse(result.stdout)).toMatchObject({ objects: 7, dirty: false, found: [] });
  expect(result.status).toBe(0);
});

test.each([
  [['image', 'cat', 'licorice.nvm', 'nothing'], /^licorice: nothing: no name 'nothing'\n$/],
  [
    ['image', 'cat', 'licorice.nvm', 'greeting/x'],
    /^licorice: greeting\/x: a part before 'x' is not a namespace\n$/,
  ],
  [['image', 'ls', 'missing.nvm'], /^licorice: missing.nvm does not exist\n$/],
  [['image', 'ls', 'foreign.nvm'], /^licorice: foreign.nvm is not an NVDIMM.*\n$/],
  [['image'], /^licorice: /],
])('%j is one clear line, exit 2', (args, message) => {
  writeFileSync(join(folder, 'foreign.nvm'), 'something else');
  const { stderr, status } = licorice(...args);
  expect(stderr).toMatch(message);
  expect(stderr.split('\n')).toHaveLength(2);
  expect(status).toBe(2);
});
