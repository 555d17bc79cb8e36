/** Does a write to the test finisher end the run with the code that SiFive's device defines? */
import { expect, test } from 'vitest';
import { FakeHost } from './fake-host.ts';
import { Finisher } from './finisher.ts';

test.each([
  [0x5555, { kind: 'exit', code: 0 }],
  [0x0007_3333, { kind: 'exit', code: 7 }],
  [0xffff_3333, { kind: 'exit', code: 0xffff }],
  [0x7777, { kind: 'reset' }],
])('0x%x', (value, expected) => {
  const host = new FakeHost();
  new Finisher(host).write(0, 4, value);
  expect(host.powerRequests).toHaveLength(1);
  expect(host.powerRequests[0]).toMatchObject(expected);
});

test('anything else is ignored', () => {
  const host = new FakeHost();
  const finisher = new Finisher(host);
  finisher.write(0, 4, 0x1234);
  finisher.write(8, 4, 0x5555);
  expect(host.powerRequests).toEqual([]);
});
