/** Faults on the booted guest: is every kind an upcall that says what happened and can be resumed, and is what nobody handles reported? */
import { expect, test } from 'vitest';
import { runTest } from './testing/kernel-tests.ts';

test.each([
  ['kinds', 'object, null, rights, page and exception come to the handler'],
  ['registers', 'a resumed thread has its registers and its red zone'],
  ['rights', 'rights that the contexts do not grant'],
  ['nested', 'handlers may fault themselves'],
  ['floats', 'no thread sees the floating-point registers of another'],
])('%s: %s', (name) => {
  for (const harts of [1, 2]) expect(runTest('faults', name, { harts })).toEqual({ code: 0, output: '' });
});

test('a fault whose handlers cannot be entered ends the thread with a report', () => {
  const { code, output } = runTest('faults', 'double');
  expect(code).toBe(0);
  expect(output).toMatch(/^thread \d+: no such object at [0-9a-f]+/);
  expect(
    output
      .trim()
      .split('\n')
      .filter((line) => line.startsWith('thread')),
  ).toHaveLength(1);
});

test.each([['stack'], ['masked']])('%s: the thread ends, its neighbours go on', (name) => {
  const { code, output } = runTest('faults', name);
  expect(code).toBe(0);
  expect(output).toMatch(/^thread \d+: /);
});
