/**
 * The 16550A UART of QEMU's `virt`: registers one byte apart, 16-byte FIFOs, interrupts, loopback. Source: National
 * Semiconductor PC16550D data sheet, section 8 "Registers".
 *
 * What is sent leaves at once, so the transmitter is always empty; what is received waits in the host's queue until
 * the receiver has room, so nothing typed is lost and the line never overruns. The character timeout (data below
 * the trigger level, four character times after the last one) runs in guest time.
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
import { booleanField, bytesField, numberField } from '../machine/fields.ts';
import { IRQ, MEMORY_MAP, UART_CLOCK } from './memory-map.ts';
import { interruptProperties, unitName } from './tree-names.ts';

/** Register offsets; 0 and 1 are the divisor latch while LCR.DLAB is set. */
const REGISTER = { data: 0, ier: 1, iirFcr: 2, lcr: 3, mcr: 4, lsr: 5, msr: 6, scratch: 7 } as const;
const REGISTERS = 8;

const IER = { receive: 0x01, transmit: 0x02, lineStatus: 0x04, modemStatus: 0x08, mask: 0x0f } as const;
/** Interrupt identification, bits 3:0, by falling priority; bits 7:6 are set while the FIFOs are on. */
const IIR = {
  none: 0x01,
  lineStatus: 0x06,
  receive: 0x04,
  timeout: 0x0c,
  transmit: 0x02,
  modemStatus: 0x00,
  fifos: 0xc0,
};
const FCR = { enable: 0x01, clearReceive: 0x02, clearTransmit: 0x04, triggerShift: 6 } as const;
const LCR = { wordLength: 0x03, twoStops: 0x04, parity: 0x08, divisorLatch: 0x80 } as const;
const MCR = { dtr: 0x01, rts: 0x02, out1: 0x04, out2: 0x08, loop: 0x10, mask: 0x1f } as const;
const LSR = { dataReady: 0x01, transmitHoldingEmpty: 0x20, transmitterEmpty: 0x40 } as const;
const MSR = { cts: 0x10, dsr: 0x20, ri: 0x40, dcd: 0x80, deltaCts: 0x01, deltaMask: 0x0f } as const;

const FIFO_SIZE = 16;
const TRIGGER_LEVELS = [1, 4, 8, 14] as const;
/** Divisor after power-on (QEMU's): 19200 baud. */
const DEFAULT_DIVISOR = 12;
/** Clock periods for one bit. */
const OVERSAMPLING = 16;
const TIMEOUT_CHARACTERS = 4;

export class Uart implements Device {
  readonly name = 'uart';
  readonly base = MEMORY_MAP.uart.base;
  readonly size = MEMORY_MAP.uart.size;

  private readonly host: DeviceHost;
  private readonly irq: InterruptLine;
  private readonly output: (byte: number) => void;
  private readonly timeout: Timer;

  private ier = 0;
  private fifos = false;
  private trigger = 0;
  private lcr = 0x03;
  private mcr = MCR.out2 as number;
  private msrDelta = 0;
  private scratch = 0;
  private divisor = DEFAULT_DIVISOR;
  /** Characters in the receiver, at most FIFO_SIZE (1 with the FIFOs off). */
  private received: number[] = [];
  /** Host input that the receiver had no room for. */
  private waiting: number[] = [];
  private timedOut = false;
  /** The transmitter-empty interrupt has not been acknowledged. */
  private transmitPending = false;

  /** `output` takes each byte the guest sends. */
  constructor(host: DeviceHost, irq: InterruptLine, output: (byte: number) => void) {
    this.host = host;
    this.irq = irq;
    this.output = output;
    this.timeout = host.timer('uart.timeout', () => {
      this.timedOut = this.received.length > 0;
      this.update();
    });
  }

  /** Bytes typed at the host, in order. */
  input(data: Uint8Array): void {
    for (const byte of data) this.waiting.push(byte);
    this.fill();
  }

  read(offset: number, _size: AccessSize): number {
    const value = this.peek(offset);
    if (offset === REGISTER.data && !this.latchOpen()) this.takeReceived();
    else if (offset === REGISTER.iirFcr && (value & 0x0f) === IIR.transmit) {
      this.transmitPending = false;
      this.update();
    } else if (offset === REGISTER.msr) {
      this.msrDelta = 0;
      this.update();
    }
    return value;
  }

  peek(offset: number): number {
    if (offset >= REGISTERS) return BUS_ERROR;
    switch (offset) {
      case REGISTER.data:
        return this.latchOpen() ? this.divisor & 0xff : (this.received[0] ?? 0);
      case REGISTER.ier:
        return this.latchOpen() ? this.divisor >> 8 : this.ier;
      case REGISTER.iirFcr:
        return this.interruptId() | (this.fifos ? IIR.fifos : 0);
      case REGISTER.lcr:
        return this.lcr;
      case REGISTER.mcr:
        return this.mcr;
      case REGISTER.lsr:
        return (
          LSR.transmitHoldingEmpty | LSR.transmitterEmpty | (this.received.length > 0 ? LSR.dataReady : 0)
        );
      case REGISTER.msr:
        return this.modemStatus();
      default:
        return this.scratch;
    }
  }

  write(offset: number, _size: AccessSize, wide: number): number | undefined {
    if (offset >= REGISTERS) return BUS_ERROR;
    const value = wide & 0xff;
    switch (offset) {
      case REGISTER.data:
        if (this.latchOpen()) this.divisor = (this.divisor & 0xff00) | value;
        else this.transmit(value);
        break;
      case REGISTER.ier:
        if (this.latchOpen()) this.divisor = (this.divisor & 0xff) | (value << 8);
        else this.writeInterruptEnable(value & IER.mask);
        break;
      case REGISTER.iirFcr:
        this.writeFifoControl(value);
        break;
      case REGISTER.lcr:
        this.lcr = value;
        break;
      case REGISTER.mcr:
        this.mcr = value & MCR.mask;
        break;
      case REGISTER.scratch:
        this.scratch = value;
        break;
    }
    return;
  }

  reset(): void {
    this.ier = 0;
    this.fifos = false;
    this.trigger = 0;
    this.lcr = 0x03;
    this.mcr = MCR.out2;
    this.msrDelta = 0;
    this.scratch = 0;
    this.divisor = DEFAULT_DIVISOR;
    this.received = [];
    this.timedOut = false;
    this.transmitPending = false;
    this.timeout.cancel();
    this.fill();
    this.update();
  }

  save(): State {
    return {
      ier: this.ier,
      fifos: this.fifos,
      trigger: this.trigger,
      lcr: this.lcr,
      mcr: this.mcr,
      msrDelta: this.msrDelta,
      scratch: this.scratch,
      divisor: this.divisor,
      received: Uint8Array.from(this.received),
      waiting: Uint8Array.from(this.waiting),
      timedOut: this.timedOut,
      transmitPending: this.transmitPending,
    };
  }

  restore(state: State): void {
    this.ier = numberField(state, 'ier');
    this.fifos = booleanField(state, 'fifos');
    this.trigger = numberField(state, 'trigger');
    this.lcr = numberField(state, 'lcr');
    this.mcr = numberField(state, 'mcr');
    this.msrDelta = numberField(state, 'msrDelta');
    this.scratch = numberField(state, 'scratch');
    this.divisor = numberField(state, 'divisor');
    this.received = [...bytesField(state, 'received')];
    this.waiting = [...bytesField(state, 'waiting')];
    this.timedOut = booleanField(state, 'timedOut');
    this.transmitPending = booleanField(state, 'transmitPending');
  }

  deviceTree(): readonly DeviceTreeNode[] {
    return [
      {
        name: unitName('serial', this.base),
        properties: {
          ...interruptProperties(this.host.hartCount, IRQ.uart),
          'clock-frequency': [UART_CLOCK],
          reg: [0, this.base, 0, this.size],
          compatible: 'ns16550a',
        },
      },
    ];
  }

  private latchOpen(): boolean {
    return (this.lcr & LCR.divisorLatch) !== 0;
  }

  private transmit(byte: number): void {
    if (this.mcr & MCR.loop) {
      this.waiting.push(byte);
      this.fill();
    } else {
      this.host.beforeOutput();
      this.output(byte);
    }
    this.transmitPending = true;
    this.update();
  }

  private writeInterruptEnable(value: number): void {
    // Enabling the transmitter interrupt while the transmitter is empty (always) raises it.
    if ((value & ~this.ier & IER.transmit) !== 0) this.transmitPending = true;
    this.ier = value;
    this.update();
  }

  private writeFifoControl(value: number): void {
    const enable = (value & FCR.enable) !== 0;
    const toggled = enable !== this.fifos;
    this.fifos = enable;
    this.trigger = enable ? value >> FCR.triggerShift : 0;
    if (toggled || (value & FCR.clearReceive) !== 0) {
      this.received = [];
      this.timedOut = false;
      this.timeout.cancel();
      this.fill();
    }
    if (toggled || (value & FCR.clearTransmit) !== 0) this.transmitPending = true;
    this.update();
  }

  private takeReceived(): void {
    this.received.shift();
    this.timedOut = false;
    if (this.received.length > 0) this.startTimeout();
    else this.timeout.cancel();
    this.fill();
    this.update();
  }

  /** Moves what waits into the receiver as far as there is room. */
  private fill(): void {
    const room = (this.fifos ? FIFO_SIZE : 1) - this.received.length;
    if (room <= 0 || this.waiting.length === 0) return;
    this.received.push(...this.waiting.splice(0, room));
    this.startTimeout();
    this.update();
  }

  private startTimeout(): void {
    if (!this.fifos) return;
    const bits =
      1 +
      5 +
      (this.lcr & LCR.wordLength) +
      (this.lcr & LCR.parity ? 1 : 0) +
      (this.lcr & LCR.twoStops ? 2 : 1);
    const bitNs = (Math.max(this.divisor, 1) * OVERSAMPLING * 1e9) / UART_CLOCK;
    this.timeout.setAt(this.host.now() + Math.round(TIMEOUT_CHARACTERS * bits * bitNs));
  }

  private interruptId(): number {
    if (this.ier & IER.receive) {
      const level = this.fifos ? TRIGGER_LEVELS[this.trigger]! : 1;
      if (this.timedOut) return IIR.timeout;
      if (this.received.length >= level) return IIR.receive;
    }
    if ((this.ier & IER.transmit) !== 0 && this.transmitPending) return IIR.transmit;
    if ((this.ier & IER.modemStatus) !== 0 && this.msrDelta !== 0) return IIR.modemStatus;
    return IIR.none;
  }

  /** With nothing attached, the modem inputs say that the other side is ready; in loopback they mirror MCR. */
  private modemStatus(): number {
    if ((this.mcr & MCR.loop) === 0) return MSR.dcd | MSR.dsr | MSR.cts | this.msrDelta;
    return (
      ((this.mcr & MCR.dtr) !== 0 ? MSR.dsr : 0) |
      ((this.mcr & MCR.rts) !== 0 ? MSR.cts : 0) |
      ((this.mcr & MCR.out1) !== 0 ? MSR.ri : 0) |
      ((this.mcr & MCR.out2) !== 0 ? MSR.dcd : 0) |
      this.msrDelta
    );
  }

  private update(): void {
    this.irq.set(this.interruptId() !== IIR.none);
  }
}
