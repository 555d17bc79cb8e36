/**
 * The core-local interruptor (SiFive CLINT; on QEMU an ACLINT with the same map): a software interrupt bit and a
 * timer compare register for each hart, and `mtime`, which the `time` CSR shows. Source: SiFive FU540-C000 manual,
 * chapter 9; RISC-V ACLINT specification.
 *
 *   0x0000 + 4 * hart   msip       bit 0
 *   0x4000 + 8 * hart   mtimecmp   64 bits, by halves
 *   0xbff8              mtime      64 bits, by halves
 *
 * mtime counts ticks of TICK_NS guest nanoseconds and may be written. mtimecmp is 0 after reset, as on QEMU, so the
 * timer interrupt is pending until it is written.
 */
import {
  type AccessSize,
  BUS_ERROR,
  type Device,
  type DeviceHost,
  type DeviceTreeNode,
  HartInterrupt,
  type InterruptLine,
  type State,
  type Timer,
} from '../machine/bus.ts';
import { TICK_NS } from '../machine/config.ts';
import { numberField, numbersField, stateField, statesField } from '../machine/fields.ts';
import { MEMORY_MAP } from './memory-map.ts';
import { phandles, unitName } from './tree-names.ts';
import { type Wide, WideCounter } from './wide.ts';

const MSIP = 0x0000;
const MTIMECMP = 0x4000;
const MTIME = 0xbff8;

export class Clint implements Device {
  readonly name = 'clint';
  readonly base = MEMORY_MAP.clint.base;
  readonly size = MEMORY_MAP.clint.size;

  private readonly host: DeviceHost;
  private readonly mtime = new WideCounter();
  private readonly msip: boolean[];
  private readonly compare: Wide[];
  private readonly timers: Timer[];
  private readonly softwareLines: InterruptLine[];
  private readonly timerLines: InterruptLine[];
  /** Called after a guest wrote mtime: deadlines of other users of it (Sstc) must be computed anew. */
  onTimeWritten: () => void = () => {};

  constructor(host: DeviceHost) {
    this.host = host;
    const harts = Array.from({ length: host.hartCount }, (_, hart) => hart);
    this.msip = harts.map(() => false);
    this.compare = harts.map(() => ({ low: 0, high: 0 }));
    this.softwareLines = harts.map((hart) => host.hartLine(hart, HartInterrupt.machineSoftware));
    this.timerLines = harts.map((hart) => host.hartLine(hart, HartInterrupt.machineTimer));
    this.timers = harts.map((hart) => host.timer(`clint.mtimecmp${hart}`, () => this.update(hart)));
  }

  /** `mtime` now, for the `time` CSR. */
  time(): Wide {
    return this.mtime.at(this.ticks());
  }

  /** Guest time in ns at which mtime reaches `target`: in the past or now if it has, Infinity if it will not. */
  deadlineOf(target: Wide): number {
    const ticks = this.ticks();
    const due = this.mtime.reaches(target, ticks);
    return due <= ticks ? this.host.now() : due * TICK_NS;
  }

  /** Whether mtime has reached `target` (unsigned). */
  reached(target: Wide): boolean {
    const ticks = this.ticks();
    return this.mtime.reaches(target, ticks) <= ticks;
  }

  read(offset: number, size: AccessSize): number {
    const word = this.readWord(offset & ~3);
    if (word === BUS_ERROR) return BUS_ERROR;
    return size === 4 ? word : (word >>> (8 * (offset & 3))) & (size === 1 ? 0xff : 0xffff);
  }

  write(offset: number, size: AccessSize, value: number): number | undefined {
    if (size !== 4 || (offset & 3) !== 0) return BUS_ERROR;
    const hart = this.hartAt(offset, MSIP, 4);
    if (hart >= 0) {
      this.msip[hart] = (value & 1) !== 0;
      this.softwareLines[hart]!.set(this.msip[hart]!);
      return;
    }
    const timer = this.hartAt(offset, MTIMECMP, 8);
    if (timer >= 0) {
      this.compare[timer]![offset & 4 ? 'high' : 'low'] = value;
      this.update(timer);
      return;
    }
    if (offset === MTIME || offset === MTIME + 4) {
      const now = this.time();
      now[offset === MTIME ? 'low' : 'high'] = value;
      this.mtime.set(now.low, now.high, this.ticks());
      for (let index = 0; index < this.compare.length; index++) this.update(index);
      this.onTimeWritten();
      return;
    }
    return this.inMap(offset) ? undefined : BUS_ERROR;
  }

  reset(): void {
    this.mtime.set(0, 0, this.ticks());
    this.compare.forEach((compare, hart) => {
      compare.low = 0;
      compare.high = 0;
      this.msip[hart] = false;
      this.softwareLines[hart]!.set(false);
      this.update(hart);
    });
  }

  save(): State {
    return {
      mtime: this.mtime.save(),
      msip: this.msip.map(Number),
      compare: this.compare.map((compare) => ({ ...compare })),
    };
  }

  restore(state: State): void {
    this.mtime.restore(stateField(state, 'mtime'));
    numbersField(state, 'msip', this.msip.length).forEach((bit, hart) => {
      this.msip[hart] = bit !== 0;
    });
    statesField(state, 'compare', this.compare.length).forEach((compare, hart) => {
      this.compare[hart] = { low: numberField(compare, 'low'), high: numberField(compare, 'high') };
    });
  }

  deviceTree(): readonly DeviceTreeNode[] {
    const { cpuInterrupts } = phandles(this.compare.length);
    return [
      {
        name: unitName('clint', this.base),
        properties: {
          compatible: ['sifive,clint0', 'riscv,clint0'],
          reg: [0, this.base, 0, this.size],
          'interrupts-extended': cpuInterrupts.flatMap((phandle) => [
            phandle,
            HartInterrupt.machineSoftware,
            phandle,
            HartInterrupt.machineTimer,
          ]),
        },
      },
    ];
  }

  private ticks(): number {
    return Math.floor(this.host.now() / TICK_NS);
  }

  private update(hart: number): void {
    const deadline = this.deadlineOf(this.compare[hart]!);
    const due = deadline <= this.host.now();
    this.timerLines[hart]!.set(due);
    if (due || deadline === Number.POSITIVE_INFINITY) this.timers[hart]!.cancel();
    else this.timers[hart]!.setAt(deadline);
  }

  private readWord(offset: number): number {
    const hart = this.hartAt(offset, MSIP, 4);
    if (hart >= 0) return this.msip[hart] ? 1 : 0;
    const timer = this.hartAt(offset, MTIMECMP, 8);
    if (timer >= 0) return this.compare[timer]![offset & 4 ? 'high' : 'low'];
    if (offset === MTIME) return this.time().low;
    if (offset === MTIME + 4) return this.time().high;
    return this.inMap(offset) ? 0 : BUS_ERROR;
  }

  /** Registers of harts that this machine does not have read as zero and ignore writes, as on QEMU. */
  private inMap(offset: number): boolean {
    return offset < MTIME + 8;
  }

  /** Index of the hart whose register in the array at `start` (of `stride` bytes each) holds `offset`, or -1. */
  private hartAt(offset: number, start: number, stride: number): number {
    const index = Math.floor((offset - start) / stride);
    return offset >= start && index < this.compare.length ? index : -1;
  }
}
