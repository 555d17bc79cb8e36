/** Security on the booted guest: one test for each way in (docs/kernel.md, Security). */
import { expect, test } from 'vitest';
import { runTest } from './testing/kernel-tests.ts';

test.each([
  ['genuine', 'a capability gives what it says'],
  ['forged', 'a capability that another key signed, or none'],
  ['altered', 'a capability that was changed after it was signed'],
  ['expired', 'a capability before and after its time, also while it is used'],
  ['revoked', 'a capability that was revoked, also while it is used'],
  ['stolen', 'a capability in another context'],
  ['writable-key', 'a key object that anybody may write'],
  ['delegations', 'a delegation beyond its delegator, by a stranger, for a stranger'],
  ['chains', 'delegations of delegations, and rings'],
  ['masks', 'masks of buckets and contexts, malformed contexts'],
  ['gates', 'calls below, behind and between gates, gates without rights, masked gates'],
  ['switching', '32 contexts, each found when it is needed'],
  ['unlawful', 'data of a context in which the code at hand may not run'],
  ['operations', 'object operations with and without rights'],
])('%s: %s', { timeout: 600_000 }, (name) => {
  for (const harts of [1, 2])
    expect(runTest('security', name, { harts, budget: 2_000_000_000 })).toEqual({ code: 0, output: '' });
});
