/** Do the CLINT's timers, software interrupts and mtime behave as the SiFive manual says, exactly to the tick? */
import { expect, test } from 'vitest';
import { HartInterrupt } from '../machine/bus.ts';
import { TICK_NS } from '../machine/config.ts';
import { Clint } from './clint.ts';
import { FakeHost } from './fake-host.ts';

function setUp(harts = 2) {
  const host = new FakeHost(harts);
  const clint = new Clint(host);
  return { host, clint, timer: (hart: number) => host.level(hart, HartInterrupt.machineTimer) };
}

test('a timer interrupt comes at the tick of mtimecmp, not one nanosecond before, and goes with a new compare', () => {
  const { host, clint, timer } = setUp();
  clint.write(0x4008, 4, 50);
  clint.write(0x400c, 4, 0);
  host.advanceTo(50 * TICK_NS - 1);
  expect(timer(1)).toBe(false);
  host.advanceTo(50 * TICK_NS);
  expect([timer(0), timer(1)]).toEqual([false, true]);
  clint.write(0x4008, 4, 51);
  expect(timer(1)).toBe(false);
  clint.write(0x4008, 4, 50);
  expect(timer(1)).toBe(true);
});

test('msip has one writable bit for each hart', () => {
  const { host, clint } = setUp();
  clint.write(4, 4, 0xffff_ffff);
  expect(clint.read(4, 4)).toBe(1);
  expect(host.level(1, HartInterrupt.machineSoftware)).toBe(true);
  expect(host.level(0, HartInterrupt.machineSoftware)).toBe(false);
  clint.write(4, 4, 0);
  expect(host.level(1, HartInterrupt.machineSoftware)).toBe(false);
});

test('mtime carries from its low half into its high half, also after it was written', () => {
  const { host, clint, timer } = setUp();
  clint.write(0xbff8, 4, 0xffff_fff0);
  clint.write(0xbffc, 4, 7);
  clint.write(0x4000, 4, 5);
  clint.write(0x4004, 4, 8);
  expect(clint.time()).toEqual({ low: 0xffff_fff0, high: 7 });
  host.advanceTo(0x14 * TICK_NS);
  expect(clint.time()).toEqual({ low: 4, high: 8 });
  expect(timer(0)).toBe(false);
  host.advanceTo(0x15 * TICK_NS);
  expect(timer(0)).toBe(true);
});

test('a saved state continues like the original', () => {
  const { host, clint } = setUp();
  clint.write(0xbff8, 4, 1000);
  clint.write(0x4000, 4, 2000);
  clint.write(0x4004, 4, 0);
  clint.write(0, 4, 1);
  host.advanceTo(777);
  const other = setUp();
  other.host.advanceTo(777);
  other.clint.restore(clint.save());
  for (const offset of [0, 4, 0x4000, 0x4004, 0x4008, 0xbff8, 0xbffc]) {
    expect(other.clint.read(offset, 4)).toBe(clint.read(offset, 4));
  }
});
