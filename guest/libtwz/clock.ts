/** The date, as the timer's object tells it: nanoseconds since 1970. */
import { ACTION_TIMER_NOW, Device } from '../abi/kso.ts';
import { ObjectId } from '../abi/object.ts';
import { SYS_ACTION } from '../abi/syscall.ts';
import { findDevice } from './io.ts';
import { syscall } from './syscall.ts';

const timer = zeroed<ObjectId>();

/** Is there a clock? */
export function hasClock(): bool {
  return timer.lo !== 0 || timer.hi !== 0 || findDevice(Device.timer, timer);
}

/** Nanoseconds since 1970 (UTC); 0 where there is no clock. */
export function now(): u64 {
  return hasClock() ? u64(syscall(SYS_ACTION, timer.lo, timer.hi, ACTION_TIMER_NOW, 0, 0)) : 0;
}
