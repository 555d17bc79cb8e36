/** Does the UART do what a 16550 driver relies on: FIFOs, interrupt identification and order, timeout, loopback? */
import { expect, test } from 'vitest';
import { FakeHost, FakeLine } from './fake-host.ts';
import { Uart } from './uart.ts';

const [DATA, IER, IIR, LCR, MCR, LSR] = [0, 1, 2, 3, 4, 5];
const FCR = IIR!;

function setUp() {
  const host = new FakeHost();
  const irq = new FakeLine();
  const sent: number[] = [];
  const uart = new Uart(host, irq, (byte) => sent.push(byte));
  const read = (register: number) => uart.read(register, 1);
  const write = (register: number, value: number) => uart.write(register, 1, value);
  return { host, irq, sent, uart, read, write };
}
const typed = (text: string) => new TextEncoder().encode(text);

test('what is sent comes out in order, after the backing file has caught up', () => {
  const { host, sent, write } = setUp();
  for (const byte of typed('hello')) write(DATA!, byte);
  expect(Buffer.from(sent).toString()).toBe('hello');
  expect(host.outputs).toBe(5);
});

test('more than a FIFO of input arrives whole and in order', () => {
  const { uart, read, write } = setUp();
  write(FCR, 0x01);
  uart.input(typed('the quick brown fox jumps over'));
  let text = '';
  while (read(LSR!) & 1) text += String.fromCharCode(read(DATA!));
  expect(text).toBe('the quick brown fox jumps over');
});

test('received data interrupts at the trigger level, else after four character times', () => {
  const { host, irq, uart, read, write } = setUp();
  write(FCR, 0x01 | (2 << 6));
  write(IER!, 0x01);
  uart.input(typed('1234567'));
  expect(irq.level).toBe(false);
  uart.input(typed('8'));
  expect(irq.level).toBe(true);
  expect(read(IIR!)).toBe(0xc4);
  read(DATA!);
  expect(irq.level).toBe(false);
  host.advanceTo(2_000_000);
  expect(irq.level).toBe(false);
  // 10 bits at 19200 baud, four times: 2.083 ms.
  host.advanceTo(2_100_000);
  expect(irq.level).toBe(true);
  expect(read(IIR!)).toBe(0xcc);
  read(DATA!);
  expect(irq.level).toBe(false);
});

test('the transmitter interrupt comes when it is enabled and goes when it is identified', () => {
  const { irq, read, write } = setUp();
  write(IER!, 0x02);
  expect(irq.level).toBe(true);
  expect(read(IIR!)).toBe(0x02);
  expect(irq.level).toBe(false);
  expect(read(IIR!)).toBe(0x01);
  write(DATA!, 65);
  expect(irq.level).toBe(true);
});

test('the divisor latch hides behind LCR bit 7, and loopback returns what is sent', () => {
  const { sent, read, write } = setUp();
  write(LCR!, 0x83);
  write(DATA!, 0x34);
  write(IER!, 0x12);
  expect([read(DATA!), read(IER!)]).toEqual([0x34, 0x12]);
  write(LCR!, 0x03);
  expect(read(IER!)).toBe(0);
  write(MCR!, 0x10);
  write(DATA!, 0x5a);
  expect([read(LSR!) & 1, read(DATA!)]).toEqual([1, 0x5a]);
  expect(sent).toEqual([]);
});

test('a saved state keeps what was typed and not yet read', () => {
  const first = setUp();
  first.write(FCR, 0x01);
  first.uart.input(typed('twenty characters and'));
  const second = setUp();
  second.uart.restore(first.uart.save());
  let text = '';
  while (second.read(LSR!) & 1) text += String.fromCharCode(second.read(DATA!));
  expect(text).toBe('twenty characters and');
});
