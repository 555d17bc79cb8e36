/**
 * The console: the 16550 UART at its place in the virt machine. Output waits for room in the transmitter; input comes by
 * interrupt through the PLIC into the console device's ring (device.ts).
 */
import { toVirtual } from './arch.ts';

/** Physical address of the UART's registers. */
export const UART: u64 = 0x1000_0000;
const RECEIVE = 0;
const INTERRUPT_ENABLE = 1;
const FIFO_CONTROL = 2;
const LINE_CONTROL = 3;
const LINE_STATUS = 5;
const DATA_READY: u8 = 0x01;
const TRANSMIT_EMPTY: u8 = 0x20;

let uart: usize = UART;
/** Line feeds go out alone: there is no terminal, only a program that reads the output. */
let plain = false;

export function setPlainConsole(value: bool): void {
  plain = value;
}

/** What was received before the FIFOs were switched on: that empties the receiver. */
const EARLY = 256;
const early = zeroed<FixedArray<u8, 256>>();
let earlyCount: u64 = 0;
let earlyTaken: u64 = 0;

export function initConsole(): void {
  uart = toVirtual(UART);
  while (earlyCount < EARLY && received()) {
    early[earlyCount] = volatileLoad<u8>(uart + RECEIVE);
    earlyCount++;
  }
  volatileStore<u8>(uart + FIFO_CONTROL, 0x07);
  volatileStore<u8>(uart + INTERRUPT_ENABLE, 0x01);
}

/** After somebody else has driven it: eight bits, no divisor latch, FIFOs on, interrupt for received bytes. Keeps what was received. */
export function resetUart(): void {
  volatileStore<u8>(uart + LINE_CONTROL, 0x03);
  volatileStore<u8>(uart + FIFO_CONTROL, 0x01);
  volatileStore<u8>(uart + INTERRUPT_ENABLE, 0x01);
}

function putByte(byte: u8): void {
  while ((volatileLoad<u8>(uart + LINE_STATUS) & TRANSMIT_EMPTY) === 0) pause();
  volatileStore<u8>(uart + RECEIVE, byte);
}

/** Writes text; a line feed becomes carriage return and line feed. */
export function consolePrint(text: str): void {
  for (const byte of text.bytes) {
    if (byte === u8('\n') && !plain) putByte(u8('\r'));
    putByte(byte);
  }
}

/** Writes a number in decimal. */
export function printNumber(value: u64): void {
  const digits = stack<FixedArray<u8, 20>>();
  let length: u64 = 0;
  let rest = value;
  do {
    length++;
    digits[20 - length] = u8('0') + u8(rest % 10);
    rest /= 10;
  } while (rest !== 0);
  consolePrint(strOf(digits.ptr.add(i64(20 - length)), length));
}

/** Writes a number in hexadecimal, at least `width` digits. */
export function printHex(value: u64, width: u64): void {
  let digits = max<u64>(width, (64 - clz<u64>(value) + 3) / 4);
  if (digits === 0) digits = 1;
  while (digits > 0) {
    digits--;
    const digit = u8((value >> (digits * 4)) & 15);
    putByte(digit < 10 ? u8('0') + digit : u8('a') + (digit - 10));
  }
}

function received(): bool {
  return (volatileLoad<u8>(uart + LINE_STATUS) & DATA_READY) !== 0;
}

/** The next byte received, or −1. */
export function consoleByte(): i32 {
  if (earlyTaken < earlyCount) {
    earlyTaken++;
    return i32(early[earlyTaken - 1]);
  }
  return received() ? i32(volatileLoad<u8>(uart + RECEIVE)) : -1;
}

/** Switches the interrupt for received bytes on or off; while it is off they wait in the UART and before it. */
export function receiveInterrupt(on: bool): void {
  volatileStore<u8>(uart + INTERRUPT_ENABLE, on ? 1 : 0);
}
