/** Is the kernel whole, and everything given back, when threads work against one another, and when everything runs out? */
import { expect, test } from 'vitest';
import { MiB } from '../emulator/addresses.ts';
import { runTest } from './testing/kernel-tests.ts';

test.each(
  [
    ['deletion', 'objects are deleted while others copy, tie and attach them'],
    ['views', 'entries of a view change while others load and store there'],
    ['sleepers', 'objects are deleted on whose words threads sleep'],
    ['storm', 'threads start and end at once'],
  ].flatMap(([name, title]) => [1, 2, 4].map((harts) => [name, title, harts] as const)),
)('%s: %s (%i harts)', { timeout: 300_000 }, (name, _title, harts) => {
  expect(runTest('races', name, { harts, budget: 1_000_000_000 })).toEqual({ code: 0, output: '' });
});

test.each([1, 2])(
  'exhaustion: memory and store are used up in every way, and come back (%i harts)',
  { timeout: 600_000 },
  (harts) => {
    const options = { harts, memory: 32 * MiB, budget: 4_000_000_000 };
    expect(runTest('races', 'exhaustion', options)).toEqual({ code: 0, output: '' });
  },
);
