/** Is a file of the guest compiled again exactly when something that it was made from has changed? */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BuildCache } from './build-cache.ts';

let root = '';
const elf = Uint8Array.from([1, 2, 3]);
const open = (): BuildCache => new BuildCache(join(root, 'cache.json'), root, join(root, 'compiler.js'));
const write = (name: string, contents: string | Uint8Array): void =>
  writeFileSync(join(root, name), contents);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'licorice-cache-'));
  write('compiler.js', 'one');
  write('a.ts', 'a');
  write('b.ts', 'b');
  write('a.elf', elf);
  const cache = open();
  cache.store('a.ts', ['a.ts', 'b.ts'], elf);
  cache.save();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const found = (): boolean => open().find('a.ts', join(root, 'a.elf')) !== undefined;

it('is it found while nothing has changed?', () => {
  expect(open().find('a.ts', join(root, 'a.elf'))).toEqual(Buffer.from(elf));
  expect(open().find('b.ts', join(root, 'b.elf'))).toBeUndefined();
});

it.each([
  ['a source', 'b.ts', 'changed'],
  ['the compiler', 'compiler.js', 'two'],
  ['the output', 'a.elf', 'damaged'],
  ['the cache itself', 'cache.json', '{'],
])('is it compiled again when %s has changed?', (_, name, contents) => {
  expect(found()).toBe(true);
  write(name, contents);
  expect(found()).toBe(false);
});

it('is it compiled again when a source or the output is gone?', () => {
  rmSync(join(root, 'b.ts'));
  expect(found()).toBe(false);
  write('b.ts', 'b');
  expect(found()).toBe(true);
  rmSync(join(root, 'a.elf'));
  expect(found()).toBe(false);
});
