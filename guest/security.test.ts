/** Security on the booted guest: one test for each way in (docs/kernel.md, Security). */
import { expect, test } from 'vitest';
import { runTest } from './testing/kernel-tests.ts';

test.each([
  ['security', 'genuine', 'a capability gives what it says'],
  ['security', 'forged', 'a capability that another key signed, or none'],
  ['security', 'altered', 'a capability that was changed after it was signed'],
  ['security', 'expired', 'a capability before and after its time, also while it is used'],
  ['security', 'revoked', 'a capability that was revoked, also while it is used'],
  ['security', 'stolen', 'a capability in another context'],
  ['security', 'writable-key', 'a key object that anybody may write'],
  ['delegations', 'delegations', 'a delegation beyond its delegator, by a stranger, for a stranger'],
  ['delegations', 'chains', 'delegations of delegations, and rings'],
  ['contexts', 'masks', 'masks of buckets and contexts, malformed contexts'],
  ['contexts', 'gates', 'calls below, behind and between gates, gates without rights, masked gates'],
  ['contexts', 'switching', '32 contexts, each found when it is needed'],
  ['contexts', 'unlawful', 'data of a context in which the code at hand may not run'],
  ['security', 'operations', 'object operations with and without rights'],
])('%s %s: %s', { timeout: 600_000 }, (program, name) => {
  for (const harts of [1, 2])
    expect(runTest(program, name, { harts, budget: 2_000_000_000 })).toEqual({ code: 0, output: '' });
});

test('signatures of one thread are judged while others call the kernel', { timeout: 600_000 }, () => {
  const outcome = runTest('contexts', 'storm', { harts: 2, budget: 2_000_000_000 });
  expect(outcome).toEqual({ code: 0, output: '' });
});
