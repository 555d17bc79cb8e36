/** Time: the monotonic clock is the `time` CSR; the date at boot comes from the RTC (goldfish), read once. */
import { ticks, toVirtual } from './arch.ts';

const RTC: u64 = 0x10_1000;
/** Nanoseconds per tick of `time`; the device tree says. */
let tickNanoseconds: u64 = 100;
/** Nanoseconds since 1970 when `time` was 0. */
let epoch: u64 = 0;

export function initClock(frequency: u64): void {
  if (frequency !== 0) tickNanoseconds = max<u64>(1_000_000_000 / frequency, 1);
  const rtc = toVirtual(RTC);
  const low = u64(volatileLoad<u32>(rtc));
  const high = u64(volatileLoad<u32>(rtc + 4));
  epoch = ((high << 32) | low) - monotonic();
}

/** Nanoseconds since power-on. */
export function monotonic(): u64 {
  return ticks() * tickNanoseconds;
}

/** Nanoseconds since 1970. */
export function realTime(): u64 {
  return epoch + monotonic();
}

/** `time` at a date, in nanoseconds since 1970, rounded up; dates before the boot are 0. */
export function realTimeTicks(date: u64): u64 {
  return date <= epoch ? 0 : toTicks(date - epoch);
}

/** Ticks for a time span in nanoseconds, rounded up. */
export function toTicks(nanoseconds: u64): u64 {
  return nanoseconds / tickNanoseconds + u64(nanoseconds % tickNanoseconds !== 0);
}

export function nanosecondsPerTick(): u64 {
  return tickNanoseconds;
}
