/**
 * A split virtqueue as the device sees it: takes descriptor chains that the driver made available and gives them
 * back used. Source: Virtual I/O Device (VIRTIO) 1.2, section 2.7 "Split Virtqueues". Everything in guest memory may
 * be wrong or hostile: addresses outside of memory, loops and impossible indices are a `QueueError`.
 */

import type { State } from '../../machine/bus.ts';
import { numberField } from '../../machine/fields.ts';
import { Initiator, type PhysicalMemory } from '../../machine/memory.ts';

/** The driver broke the protocol: the device stops and asks to be reset. */
export class QueueError extends Error {}

/** Most entries of a queue. */
export const QUEUE_SIZE_MAX = 1024;

/** Descriptor, 16 bytes: u64 address, u32 length, u16 flags, u16 next. */
const DESCRIPTOR_SIZE = 16;
const DESCRIPTOR = { address: 0, length: 8, flags: 12, next: 14 } as const;
const FLAG = { next: 1, write: 2, indirect: 4 } as const;
/** Available ring: u16 flags, u16 index, u16 ring[size]. Used ring: u16 flags, u16 index, {u32 head, u32 length}[size]. */
const RING = { flags: 0, index: 2, entries: 4 } as const;
const AVAILABLE_NO_INTERRUPT = 1;
const USED_ENTRY_SIZE = 8;

/** A piece of guest memory. */
interface Segment {
  readonly address: number;
  readonly length: number;
}

/** A request: bytes that the driver gives, and room for those that it wants. */
export class Chain {
  private filled = 0;

  constructor(
    private readonly memory: PhysicalMemory,
    /** Index of the first descriptor. */
    readonly head: number,
    private readonly readable: readonly Segment[],
    private readonly writable: readonly Segment[],
  ) {}

  /** Bytes that the driver gives. */
  readAll(): Uint8Array {
    const bytes = new Uint8Array(sum(this.readable));
    let at = 0;
    for (const segment of this.readable) {
      bytes.set(this.memory.readBytes(segment.address, segment.length, Initiator.device), at);
      at += segment.length;
    }
    return bytes;
  }

  /** Room for the device's answer, in bytes. */
  get capacity(): number {
    return sum(this.writable);
  }

  /** Bytes written so far. */
  get written(): number {
    return this.filled;
  }

  /** Writes `bytes` at `offset` of the room; what does not fit is dropped. */
  writeAt(offset: number, bytes: Uint8Array): void {
    let skip = offset;
    let rest = bytes;
    for (const segment of this.writable) {
      if (rest.length === 0) break;
      if (skip >= segment.length) {
        skip -= segment.length;
        continue;
      }
      const part = rest.subarray(0, segment.length - skip);
      this.memory.writeBytes(segment.address + skip, part, Initiator.device);
      rest = rest.subarray(part.length);
      skip = 0;
    }
    this.filled = Math.max(this.filled, offset + bytes.length - rest.length);
  }
}

const sum = (segments: readonly Segment[]): number =>
  segments.reduce((total, segment) => total + segment.length, 0);

export class VirtQueue {
  /** Entries, set by the driver: a power of two in legacy mode. */
  size = 0;
  ready = false;
  /** Guest physical addresses of the three parts. */
  descriptors = 0;
  available = 0;
  used = 0;
  /** Index of the next entry of the available ring that the device will take; wraps at 2^16. */
  private next = 0;

  constructor(private readonly memory: PhysicalMemory) {}

  reset(): void {
    this.size = 0;
    this.ready = false;
    this.descriptors = 0;
    this.available = 0;
    this.used = 0;
    this.next = 0;
  }

  /** The next request, or undefined when the driver has made none available. */
  take(): Chain | undefined {
    if (!this.ready || this.size === 0) return undefined;
    const index = this.read16(this.available + RING.index);
    const waiting = (index - this.next) & 0xffff;
    if (waiting === 0) return undefined;
    if (waiting > this.size) throw new QueueError('the available index ran away');
    const head = this.read16(this.available + RING.entries + 2 * (this.next % this.size));
    const chain = this.chain(head);
    this.next = (this.next + 1) & 0xffff;
    return chain;
  }

  /** Gives a request back. Returns whether the driver wants an interrupt for it. */
  give(chain: Chain): boolean {
    const index = this.read16(this.used + RING.index);
    const entry = this.used + RING.entries + USED_ENTRY_SIZE * (index % this.size);
    this.check(entry, USED_ENTRY_SIZE);
    this.memory.write32(entry, chain.head);
    this.memory.write32(entry + 4, chain.written);
    this.memory.write16(this.used + RING.index, (index + 1) & 0xffff);
    return (this.read16(this.available + RING.flags) & AVAILABLE_NO_INTERRUPT) === 0;
  }

  save(): State {
    const { size, descriptors, available, used, next } = this;
    return { size, ready: this.ready ? 1 : 0, descriptors, available, used, next };
  }

  restore(state: State): void {
    this.size = numberField(state, 'size');
    this.ready = numberField(state, 'ready') !== 0;
    this.descriptors = numberField(state, 'descriptors');
    this.available = numberField(state, 'available');
    this.used = numberField(state, 'used');
    this.next = numberField(state, 'next');
  }

  private chain(head: number): Chain {
    const readable: Segment[] = [];
    const writable: Segment[] = [];
    let table = this.descriptors;
    let entries = this.size;
    let index = head;
    let indirect = false;
    for (let count = 0; ; count++) {
      if (index >= entries) throw new QueueError(`descriptor ${index} of ${entries}`);
      if (count >= entries) throw new QueueError('a chain of descriptors is a loop');
      const at = table + index * DESCRIPTOR_SIZE;
      this.check(at, DESCRIPTOR_SIZE);
      const address = this.memory.read32(at) + this.memory.read32(at + 4) * 2 ** 32;
      const length = this.memory.read32(at + DESCRIPTOR.length);
      const flags = this.memory.read16(at + DESCRIPTOR.flags);
      if (length > 0) this.check(address, length);
      if (flags & FLAG.indirect) {
        if (indirect || length === 0 || length % DESCRIPTOR_SIZE !== 0) {
          throw new QueueError('a bad indirect descriptor');
        }
        indirect = true;
        table = address;
        entries = length / DESCRIPTOR_SIZE;
        index = 0;
        count = -1;
        continue;
      }
      if (flags & FLAG.write) writable.push({ address, length });
      else if (writable.length > 0) throw new QueueError('a readable descriptor after a writable one');
      else readable.push({ address, length });
      if ((flags & FLAG.next) === 0) return new Chain(this.memory, head, readable, writable);
      index = this.memory.read16(at + DESCRIPTOR.next);
    }
  }

  private read16(address: number): number {
    this.check(address, 2);
    return this.memory.read16(address);
  }

  private check(address: number, length: number): void {
    if (!this.memory.contains(address, length)) {
      throw new QueueError(`0x${address.toString(16)} (${length} bytes) is not in memory`);
    }
  }
}
