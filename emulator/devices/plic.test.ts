/** Does the PLIC route the most urgent enabled source to each context, and does claim/complete follow the manual? */
import { expect, test } from 'vitest';
import { HartInterrupt } from '../machine/bus.ts';
import { FakeHost } from './fake-host.ts';
import { PLIC_SOURCES } from './memory-map.ts';
import { Plic } from './plic.ts';

const ENABLE = 0x2000;
const CONTEXT = 0x20_0000;

function setUp(harts = 1) {
  const host = new FakeHost(harts);
  const plic = new Plic(host);
  const enable = (context: number, ...sources: number[]) => {
    for (let word = 0; word < 4; word++) {
      const bits = sources
        .filter((s) => s >> 5 === word)
        .reduce((mask, s) => (mask | (1 << (s & 31))) >>> 0, 0);
      plic.write(ENABLE + 0x80 * context + 4 * word, 4, bits);
    }
  };
  const claim = (context: number) => plic.read(CONTEXT + 0x1000 * context + 4, 4);
  const complete = (context: number, source: number) => plic.write(CONTEXT + 0x1000 * context + 4, 4, source);
  return { host, plic, enable, claim, complete };
}

test('the highest priority wins, the lower number among equals', () => {
  const { host, plic, enable, claim } = setUp();
  for (const [source, priority] of [
    [10, 3],
    [40, 5],
    [41, 5],
  ] as const) {
    plic.write(4 * source, 4, priority);
    plic.line(source).set(true);
  }
  enable(1, 10, 40, 41);
  expect(host.level(0, HartInterrupt.supervisorExternal)).toBe(true);
  expect(host.level(0, HartInterrupt.machineExternal)).toBe(false);
  expect([claim(1), claim(1), claim(1), claim(1)]).toEqual([40, 41, 10, 0]);
  expect(host.level(0, HartInterrupt.supervisorExternal)).toBe(false);
});

test('a source of priority 0, or not above the threshold, does not interrupt', () => {
  const { host, plic, enable, claim } = setUp();
  plic.line(5).set(true);
  enable(0, 5);
  expect(claim(0)).toBe(0);
  plic.write(4 * 5, 4, 2);
  plic.write(CONTEXT, 4, 2);
  expect(host.level(0, HartInterrupt.machineExternal)).toBe(false);
  plic.write(CONTEXT, 4, 1);
  expect(host.level(0, HartInterrupt.machineExternal)).toBe(true);
});

test('a line that is still high interrupts again after completion, and only then', () => {
  const { host, plic, enable, claim, complete } = setUp();
  const level = () => host.level(0, HartInterrupt.machineExternal);
  plic.write(4 * 7, 4, 1);
  enable(0, 7);
  const line = plic.line(7);
  line.set(true);
  expect(claim(0)).toBe(7);
  line.set(false);
  line.set(true);
  expect(level()).toBe(false);
  complete(0, 7);
  expect(level()).toBe(true);
  expect(claim(0)).toBe(7);
  line.set(false);
  complete(0, 7);
  expect(level()).toBe(false);
});

test('eight harts have sixteen independent contexts, and every source reaches each of them', () => {
  const { host, plic, enable, claim, complete } = setUp(8);
  for (let source = 1; source <= PLIC_SOURCES; source++) plic.write(4 * source, 4, 1);
  for (let context = 0; context < 16; context++) {
    for (const source of [1, 31, 32, 63, 64, PLIC_SOURCES]) {
      enable(context, source);
      plic.line(source).set(true);
      const interrupt = context % 2 ? HartInterrupt.supervisorExternal : HartInterrupt.machineExternal;
      for (let hart = 0; hart < 8; hart++) expect(host.level(hart, interrupt)).toBe(hart === context >> 1);
      expect(claim(context)).toBe(source);
      plic.line(source).set(false);
      complete(context, source);
      enable(context);
    }
  }
});

test('looking with a debugger does not claim', () => {
  const { plic, enable, claim } = setUp();
  plic.write(4 * 3, 4, 1);
  enable(0, 3);
  plic.line(3).set(true);
  expect(plic.peek(CONTEXT + 4, 4)).toBe(3);
  expect(plic.peek(CONTEXT + 4, 4)).toBe(3);
  expect(claim(0)).toBe(3);
});
