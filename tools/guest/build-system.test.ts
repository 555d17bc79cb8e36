/** Is what the build writes the same, byte for byte, however many threads compile, in whatever order they come to the files? */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildSystem } from './build-system.ts';
import { packageRoot } from './layouts.ts';

describe('the guest built by one thread and by three', () => {
  const folders: string[] = [];
  beforeAll(async () => {
    for (const threads of [1, 3]) {
      const out = mkdtempSync(join(tmpdir(), 'licorice-system-'));
      folders.push(out);
      await buildSystem(packageRoot(), { out, threads });
    }
  }, 600_000);
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  it('are all files the same?', () => {
    const [one, three] = folders;
    const names = readdirSync(one!).sort();
    expect(readdirSync(three!).sort()).toEqual(names);
    expect(names).toContain('kernel.elf');
    expect(names).toContain('archive.img');
    const differing = names.filter(
      (name) => Buffer.compare(readFileSync(join(one!, name)), readFileSync(join(three!, name))) !== 0,
    );
    expect(differing).toEqual([]);
  });

  it('is nothing compiled again, and nothing else written, when nothing has changed?', async () => {
    const out = folders[0]!;
    const before = readFileSync(join(out, 'archive.img'));
    const { built } = await buildSystem(packageRoot(), { out });
    expect(built).toEqual([]);
    expect(Buffer.compare(readFileSync(join(out, 'archive.img')), before)).toBe(0);
  }, 120_000);

  it('is a file whose output is gone compiled again, alone?', async () => {
    const out = folders[0]!;
    const before = readFileSync(join(out, 'init.elf'));
    rmSync(join(out, 'init.elf'));
    const { built } = await buildSystem(packageRoot(), { out });
    expect(built.map(({ file }) => file)).toEqual(['programs/init.ts']);
    expect(Buffer.compare(readFileSync(join(out, 'init.elf')), before)).toBe(0);
  }, 120_000);
});
