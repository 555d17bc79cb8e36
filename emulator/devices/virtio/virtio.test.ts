/**
 * Can a driver that follows the VIRTIO manual, legacy or modern, use the block device, the console and the entropy
 * source, and does a driver that does not follow it stop the device instead of the emulator?
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { FakeHost, FakeLine } from '../fake-host.ts';
import { type Disk, virtioBlock } from './block.ts';
import { virtioConsole } from './console.ts';
import { virtioEntropy } from './entropy.ts';
import { type BackendFactory, VirtioMmio } from './mmio.ts';

const RINGS = 0x8000_0000;
const BUFFERS = 0x8001_0000;
const SIZE = 8;
const PAGE = 4096;

/** A minimal driver: one descriptor chain at a time. */
class Driver {
  readonly host = new FakeHost();
  readonly irq = new FakeLine();
  readonly device: VirtioMmio;
  private readonly rings: { desc: number; avail: number; used: number }[] = [];
  private readonly made: number[] = [];

  constructor(
    readonly legacy: boolean,
    factory: BackendFactory,
  ) {
    this.device = new VirtioMmio(this.host, this.irq, 0, legacy, factory);
    // As U-Boot and Linux do: the page size first, then a reset.
    if (legacy) this.device.write(0x28, 4, PAGE);
    this.device.write(0x70, 4, 0);
    this.device.write(0x70, 4, 3);
  }

  start(queues: number): void {
    for (let queue = 0; queue < queues; queue++) {
      const base = RINGS + queue * 4 * PAGE;
      const rings = { desc: base, avail: base + 16 * SIZE, used: base + PAGE };
      this.rings.push(rings);
      this.made.push(0);
      this.device.write(0x30, 4, queue);
      expect(this.device.read(0x34, 4)).toBeGreaterThanOrEqual(SIZE);
      this.device.write(0x38, 4, SIZE);
      if (this.legacy) {
        this.device.write(0x3c, 4, PAGE);
        this.device.write(0x40, 4, base / PAGE);
      } else {
        for (const [register, address] of [
          [0x80, rings.desc],
          [0x90, rings.avail],
          [0xa0, rings.used],
        ] as const) {
          this.device.write(register, 4, address);
          this.device.write(register + 4, 4, 0);
        }
        this.device.write(0x44, 4, 1);
      }
    }
    this.device.write(0x70, 4, 7);
  }

  descriptor(queue: number, index: number, address: number, length: number, flags: number, next = 0): void {
    const at = this.rings[queue]!.desc + 16 * index;
    this.host.memory.write64(at, BigInt(address));
    this.host.memory.write32(at + 8, length);
    this.host.memory.write16(at + 12, flags);
    this.host.memory.write16(at + 14, next);
  }

  submit(queue: number, head: number): void {
    const { avail } = this.rings[queue]!;
    this.host.memory.write16(avail + 4 + 2 * (this.made[queue]! % SIZE), head);
    this.made[queue]!++;
    this.host.memory.write16(avail + 2, this.made[queue]!);
    this.device.write(0x50, 4, queue);
  }

  /** Used index of a queue and the length of its last entry. */
  usedOf(queue: number): { index: number; length: number } {
    const { used } = this.rings[queue]!;
    const index = this.host.memory.read16(used + 2);
    return { index, length: index ? this.host.memory.read32(used + 4 + 8 * ((index - 1) % SIZE) + 4) : 0 };
  }
}

class MemoryDisk implements Disk {
  readonly readOnly = false;
  readonly id = 'test-disk';
  readonly bytes = new Uint8Array(64 * 512);
  readonly size = this.bytes.length;
  flushes = 0;
  broken = false;
  read(offset: number, into: Uint8Array): void {
    if (this.broken) throw new Error('disk on fire');
    into.set(this.bytes.subarray(offset, offset + into.length));
  }
  write(offset: number, bytes: Uint8Array): void {
    this.bytes.set(bytes, offset);
  }
  flush(): void {
    this.flushes++;
  }
}

describe.each([
  ['legacy', true],
  ['modern', false],
])('%s transport', (_name, legacy) => {
  let disk: MemoryDisk;
  let driver: Driver;
  beforeEach(() => {
    disk = new MemoryDisk();
    driver = new Driver(legacy, virtioBlock(disk));
    driver.start(1);
  });

  /** One request with `length` bytes of data; returns the status byte. */
  function request(type: number, sector: number, length: number, deviceWrites: boolean): number {
    const { memory } = driver.host;
    memory.write32(BUFFERS, type);
    memory.write64(BUFFERS + 8, BigInt(sector));
    memory.write8(BUFFERS + 16, 0xff);
    driver.descriptor(0, 0, BUFFERS, 16, 1, length ? 1 : 2);
    driver.descriptor(0, 1, BUFFERS + PAGE, length, deviceWrites ? 3 : 1, 2);
    driver.descriptor(0, 2, BUFFERS + 16, 1, 2);
    driver.submit(0, 0);
    return memory.read8(BUFFERS + 16);
  }

  test('identifies itself with the version that was asked for', () => {
    expect(driver.device.read(0, 4)).toBe(0x74726976);
    expect(driver.device.read(4, 4)).toBe(legacy ? 1 : 2);
    expect(driver.device.read(8, 4)).toBe(2);
    expect(driver.device.read(0x100, 4)).toBe(64);
  });

  test('writes, reads back, flushes and names itself, with an interrupt for each', () => {
    const data = Uint8Array.from({ length: 1024 }, (_, index) => index * 7);
    driver.host.memory.writeBytes(BUFFERS + PAGE, data);
    expect(request(1, 3, 1024, false)).toBe(0);
    expect(disk.bytes.slice(3 * 512, 5 * 512)).toEqual(data);
    expect(driver.irq.level).toBe(true);
    driver.device.write(0x64, 4, driver.device.read(0x60, 4));
    expect(driver.irq.level).toBe(false);

    driver.host.memory.fill(BUFFERS + PAGE, 1024, 0);
    expect(request(0, 3, 1024, true)).toBe(0);
    expect(driver.host.memory.readBytes(BUFFERS + PAGE, 1024)).toEqual(data);
    expect(driver.usedOf(0)).toEqual({ index: 2, length: 1025 });

    expect(request(4, 0, 0, false)).toBe(0);
    expect(disk.flushes).toBe(1);
    expect(request(8, 0, 20, true)).toBe(0);
    expect(Buffer.from(driver.host.memory.readBytes(BUFFERS + PAGE, 9)).toString()).toBe('test-disk');
  });

  test('refuses what lies past the end, what it does not know, and what the host cannot do', () => {
    expect(request(0, 63, 1024, true)).toBe(1);
    expect(request(1, 2 ** 40, 512, false)).toBe(1);
    expect(request(99, 0, 512, true)).toBe(2);
    disk.broken = true;
    expect(request(0, 0, 512, true)).toBe(1);
  });

  test.each([
    ['a buffer outside of memory', (d: Driver) => d.descriptor(0, 0, 0x1234, 16, 2)],
    ['a loop', (d: Driver) => d.descriptor(0, 0, BUFFERS, 16, 1, 0)],
    ['a descriptor that does not exist', (d: Driver) => d.descriptor(0, 0, BUFFERS, 16, 1, SIZE)],
  ])('%s stops the device until it is reset', (_title, break_) => {
    break_(driver);
    driver.submit(0, 0);
    expect(driver.device.read(0x70, 4) & 0x40).toBe(0x40);
    expect(driver.usedOf(0).index).toBe(0);
    driver.device.write(0x70, 4, 0);
    expect(driver.device.read(0x70, 4)).toBe(0);
  });

  test('goes on after a save and restore in the middle', () => {
    expect(request(4, 0, 0, false)).toBe(0);
    const copy = new Driver(legacy, virtioBlock(disk));
    copy.host.memory.writeBytes(RINGS, driver.host.memory.readBytes(RINGS, 64 * 1024));
    copy.device.restore(driver.device.save());
    expect(copy.device.save()).toEqual(driver.device.save());
  });
});

test('an empty slot says that no device is there', () => {
  const device = new VirtioMmio(new FakeHost(), new FakeLine(), 0, true);
  expect([device.read(0, 4), device.read(8, 4)]).toEqual([0x74726976, 0]);
});

test('the console carries bytes both ways, also those typed before the guest was ready', () => {
  const printed: number[] = [];
  const driver = new Driver(
    true,
    virtioConsole((bytes) => printed.push(...bytes)),
  );
  driver.device.input(new TextEncoder().encode('early '));
  driver.start(2);
  driver.device.input(new TextEncoder().encode('late'));
  driver.descriptor(0, 0, BUFFERS, 64, 2);
  driver.submit(0, 0);
  expect(Buffer.from(driver.host.memory.readBytes(BUFFERS, 10)).toString()).toBe('early late');
  expect(driver.usedOf(0).length).toBe(10);
  driver.host.memory.writeBytes(BUFFERS, new TextEncoder().encode('hi'));
  driver.descriptor(1, 0, BUFFERS, 2, 0);
  driver.submit(1, 0);
  expect(Buffer.from(printed).toString()).toBe('hi');
});

test('the entropy source repeats for the same seed and differs for another', () => {
  const bytes = (seed: number) => {
    const driver = new Driver(true, virtioEntropy(seed));
    driver.start(1);
    driver.descriptor(0, 0, BUFFERS, 32, 2);
    driver.submit(0, 0);
    return driver.host.memory.readBytes(BUFFERS, 32);
  };
  expect(bytes(1)).toEqual(bytes(1));
  expect(bytes(1)).not.toEqual(bytes(2));
});
