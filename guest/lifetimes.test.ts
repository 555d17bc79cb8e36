/** Do objects live as long as what keeps them, and no longer, rings of ties included? */
import { expect, test } from 'vitest';
import { checkStore } from '../tools/image/check.ts';
import { ObjectStore } from '../tools/image/store.ts';
import { freshMedia, runTest, testArchive } from './testing/kernel-tests.ts';
import { System } from './testing/system.ts';

test.each([
  ['ties', 'a tied object lives as long as one of its parents'],
  ['rings', 'deleted objects that keep only one another end, and leave nothing behind'],
])('%s: %s', { timeout: 300_000 }, (name) => {
  for (const harts of [1, 2])
    expect(runTest('lifetimes', name, { harts, budget: 300_000_000 })).toEqual({ code: 0, output: '' });
});

test('a ring that a power failure has left without a keeper is given back after the next boot', {
  timeout: 300_000,
}, () => {
  const media = freshMedia();
  const system = new System({ quiet: true, media, archive: testArchive('lifetimes', 'rings-fail') });
  while (!system.output.includes('cut here')) expect(system.run(100_000).kind).not.toBe('exit');
  expect(system.output).toBe('cut here\n');
  system.computer.nvdimm!.beforeOutput();
  expect([...new ObjectStore(media).objects()]).toHaveLength(5);
  expect(runTest('lifetimes', 'rings-after', { media })).toEqual({ code: 0, output: '' });
  const store = new ObjectStore(media);
  expect([...store.objects()]).toEqual([]);
  expect(checkStore(store)).toEqual([]);
});
