/**
 * The goldfish real-time clock: nanoseconds since 1970 as two halves, an alarm. Source: the device's description in
 * the Android goldfish documentation ("Goldfish timer / RTC registers").
 *
 * Time starts at a date fixed in the machine's configuration and runs with guest time, so a run does not depend on
 * the day it happens; whoever wants the host's date puts it into the configuration, where it is recorded.
 */
import {
  type AccessSize,
  BUS_ERROR,
  type Device,
  type DeviceHost,
  type DeviceTreeNode,
  type InterruptLine,
  type State,
  type Timer,
} from '../machine/bus.ts';
import { booleanField, numberField, stateField } from '../machine/fields.ts';
import { IRQ, MEMORY_MAP } from './memory-map.ts';
import { interruptProperties, unitName } from './tree-names.ts';
import { WideCounter } from './wide.ts';

const REGISTER = {
  /** Reading it latches the high half. */
  timeLow: 0x00,
  timeHigh: 0x04,
  /** Writing it arms the alarm with the high half written before. */
  alarmLow: 0x08,
  alarmHigh: 0x0c,
  irqEnabled: 0x10,
  clearAlarm: 0x14,
  alarmStatus: 0x18,
  clearInterrupt: 0x1c,
} as const;

/** 2025-01-01T00:00:00Z, where guest time starts unless configured, in seconds since 1970. */
export const DEFAULT_START_SECONDS = 1_735_689_600;

export class Rtc implements Device {
  readonly name = 'rtc';
  readonly base = MEMORY_MAP.rtc.base;
  readonly size = MEMORY_MAP.rtc.size;

  private readonly host: DeviceHost;
  private readonly irq: InterruptLine;
  private readonly timer: Timer;
  private readonly clock: WideCounter;
  private latchedHigh = 0;
  private alarmLow = 0;
  private alarmHigh = 0;
  private alarmArmed = false;
  private irqEnabled = false;
  private irqPending = false;

  /** `startSeconds` is the date at guest time 0, in seconds since 1970. */
  constructor(host: DeviceHost, irq: InterruptLine, startSeconds = DEFAULT_START_SECONDS) {
    this.host = host;
    this.irq = irq;
    const start = BigInt(startSeconds) * 1_000_000_000n;
    this.clock = new WideCounter(Number(start & 0xffff_ffffn), Number(start >> 32n));
    this.timer = host.timer('rtc.alarm', () => this.ring());
  }

  read(offset: number, size: AccessSize): number {
    if (size !== 4) return BUS_ERROR;
    if (offset === REGISTER.timeLow) this.latchedHigh = this.clock.at(this.elapsed()).high;
    return this.peek(offset, size);
  }

  peek(offset: number, size: AccessSize): number {
    if (size !== 4) return BUS_ERROR;
    switch (offset) {
      case REGISTER.timeLow:
        return this.clock.at(this.elapsed()).low;
      case REGISTER.timeHigh:
        return this.latchedHigh;
      case REGISTER.alarmLow:
        return this.alarmLow;
      case REGISTER.alarmHigh:
        return this.alarmHigh;
      case REGISTER.irqEnabled:
        return this.irqEnabled ? 1 : 0;
      case REGISTER.alarmStatus:
        return this.alarmArmed ? 1 : 0;
      default:
        return 0;
    }
  }

  write(offset: number, size: AccessSize, value: number): number | undefined {
    if (size !== 4) return BUS_ERROR;
    const now = this.clock.at(this.elapsed());
    switch (offset) {
      case REGISTER.timeLow:
        this.clock.set(value, now.high, this.elapsed());
        break;
      case REGISTER.timeHigh:
        this.clock.set(now.low, value, this.elapsed());
        break;
      case REGISTER.alarmLow:
        this.alarmLow = value;
        this.arm();
        break;
      case REGISTER.alarmHigh:
        this.alarmHigh = value;
        break;
      case REGISTER.irqEnabled:
        this.irqEnabled = (value & 1) !== 0;
        break;
      case REGISTER.clearAlarm:
        this.alarmArmed = false;
        this.timer.cancel();
        break;
      case REGISTER.clearInterrupt:
        this.irqPending = false;
        break;
    }
    this.update();
    return;
  }

  /** The clock goes on over a reset, as a battery-backed one does. */
  reset(): void {
    this.alarmArmed = false;
    this.irqEnabled = false;
    this.irqPending = false;
    this.alarmLow = 0;
    this.alarmHigh = 0;
    this.timer.cancel();
    this.update();
  }

  save(): State {
    return {
      clock: this.clock.save(),
      latchedHigh: this.latchedHigh,
      alarmLow: this.alarmLow,
      alarmHigh: this.alarmHigh,
      alarmArmed: this.alarmArmed,
      irqEnabled: this.irqEnabled,
      irqPending: this.irqPending,
    };
  }

  restore(state: State): void {
    this.clock.restore(stateField(state, 'clock'));
    this.latchedHigh = numberField(state, 'latchedHigh');
    this.alarmLow = numberField(state, 'alarmLow');
    this.alarmHigh = numberField(state, 'alarmHigh');
    this.alarmArmed = booleanField(state, 'alarmArmed');
    this.irqEnabled = booleanField(state, 'irqEnabled');
    this.irqPending = booleanField(state, 'irqPending');
  }

  deviceTree(): readonly DeviceTreeNode[] {
    return [
      {
        name: unitName('rtc', this.base),
        properties: {
          ...interruptProperties(this.host.hartCount, IRQ.rtc),
          reg: [0, this.base, 0, this.size],
          compatible: 'google,goldfish-rtc',
        },
      },
    ];
  }

  private elapsed(): number {
    return Math.floor(this.host.now());
  }

  private arm(): void {
    const at = this.clock.reaches({ low: this.alarmLow, high: this.alarmHigh }, this.elapsed());
    if (at <= this.elapsed()) {
      this.ring();
      return;
    }
    this.alarmArmed = true;
    if (at === Number.POSITIVE_INFINITY) this.timer.cancel();
    else this.timer.setAt(at);
  }

  private ring(): void {
    this.alarmArmed = false;
    this.irqPending = true;
    this.update();
  }

  private update(): void {
    this.irq.set(this.irqEnabled && this.irqPending);
  }
}
