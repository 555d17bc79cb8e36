/** Does the kernel do for a thread only what the thread may do itself? Operations, addresses, shared and recycled memory. */
import { expect, test } from 'vitest';
import { runTest } from './testing/kernel-tests.ts';

test.each([
  ['operations', 'every operation on an object asks for rights'],
  ['view', 'a view may name any object, and gains nothing'],
  ['addresses', "no call reads or writes at addresses that are not the caller's"],
  ['shared', 'what the kernel writes to a copy is not written to the original'],
  ['recycled', 'memory that was freed comes back as zeros'],
  ['frames', 'another hart does not see what the frames of a page are used for next'],
  ['ranges', 'offsets, lengths and counts at the edges of 64 bits'],
  ['ties', 'a chain of 2000 ties ends'],
])('%s: %s', { timeout: 600_000 }, (name) => {
  for (const harts of [1, 2, 4])
    expect(runTest('deputy', name, { harts, budget: 1_000_000_000 })).toEqual({ code: 0, output: '' });
});
