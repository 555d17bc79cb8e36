/** Does the real-time clock run with guest time from a fixed date, and does its alarm ring on the nanosecond? */
import { expect, test } from 'vitest';
import { FakeHost, FakeLine } from './fake-host.ts';
import { DEFAULT_START_SECONDS, Rtc } from './rtc.ts';

function setUp() {
  const host = new FakeHost();
  const irq = new FakeLine();
  const rtc = new Rtc(host, irq);
  const time = () => {
    const low = BigInt(rtc.read(0, 4));
    return (BigInt(rtc.read(4, 4)) << 32n) | low;
  };
  return { host, irq, rtc, time };
}
const START = BigInt(DEFAULT_START_SECONDS) * 1_000_000_000n;

test('the date starts at the same instant in every run and advances with guest time', () => {
  const { host, time } = setUp();
  expect(time()).toBe(START);
  host.advanceTo(12_345_678_901);
  expect(time()).toBe(START + 12_345_678_901n);
});

test('an alarm rings at its time, once, and is cleared by the guest', () => {
  const { host, irq, rtc } = setUp();
  const at = START + 5_000_000_001n;
  rtc.write(0x10, 4, 1);
  rtc.write(0x0c, 4, Number(at >> 32n));
  rtc.write(0x08, 4, Number(at & 0xffff_ffffn));
  expect(rtc.read(0x18, 4)).toBe(1);
  host.advanceTo(5_000_000_000);
  expect(irq.level).toBe(false);
  host.advanceTo(5_000_000_001);
  expect(irq.level).toBe(true);
  expect(rtc.read(0x18, 4)).toBe(0);
  rtc.write(0x1c, 4, 1);
  expect(irq.level).toBe(false);
});
