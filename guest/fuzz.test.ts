/**
 * Do random system calls with random arguments, from threads without rights, harm the kernel or another thread? LICORICE_FUZZ_CALLS says
 * how many calls; docs/kernel.md has the result of a long run.
 */
import { expect, test } from 'vitest';
import { Layouts } from '../tools/guest/layouts.ts';
import { checkStore } from '../tools/image/check.ts';
import { ObjectStore } from '../tools/image/store.ts';
import { freshMedia, runTest } from './testing/kernel-tests.ts';

const CALLS = Number(process.env['LICORICE_FUZZ_CALLS'] ?? 20_000);

test.each([
  [1, 2],
  [4, 4],
])('random calls on %i harts', { timeout: 600_000 + CALLS * 10 }, (harts, fuzzers) => {
  const media = freshMedia();
  const { code, output } = runTest('fuzz', `${CALLS} ${fuzzers} ${harts}`, {
    harts,
    media,
    budget: 20_000_000 + CALLS * 200_000,
  });
  // Whatever memory holds may have been printed: only the kernel says this.
  expect(output).not.toContain('kernel panic at');
  expect(output).toContain('fuzz: calls');
  expect(code).toBe(0);
  // What they did to the store is whole: nothing lost, nothing leaked.
  expect(checkStore(new ObjectStore(media, Layouts.load()))).toEqual([]);
  if (process.env['LICORICE_FUZZ_CALLS'])
    console.log(output.split('\n').find((line) => line.startsWith('fuzz:')));
});
