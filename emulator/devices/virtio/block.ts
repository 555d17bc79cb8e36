/**
 * virtio-blk: a disk of 512-byte sectors kept by the host. Source: VIRTIO 1.2, section 5.2 "Block Device". Requests
 * are served at once, in order, when the driver notifies; what goes wrong at the host becomes an I/O error at the
 * guest.
 */
import type { State } from '../../machine/bus.ts';
import type { BackendFactory, VirtioBackend, VirtioPort } from './mmio.ts';
import type { Chain } from './queue.ts';

export const SECTOR_SIZE = 512;

/** Where a disk's content lives. Offsets and lengths are bytes and lie within `size`. Errors are thrown. */
export interface Disk {
  readonly size: number;
  readonly readOnly: boolean;
  /** Up to 20 characters that identify the disk to the guest. */
  readonly id: string;
  read(offset: number, into: Uint8Array): void;
  write(offset: number, bytes: Uint8Array): void;
  /** Returns when everything written is on stable storage. */
  flush(): void;
}

const DEVICE_ID = 2;
const FEATURE = { segMax: 1 << 2, readOnly: 1 << 5, blockSize: 1 << 6, flush: 1 << 9 } as const;
/** Configuration: u64 capacity in sectors, u32 size_max, u32 seg_max, 4 bytes of geometry, u32 blk_size. */
const CONFIG = { capacity: 0, segMax: 12, blockSize: 20, size: 24 } as const;
/** Request header: u32 type, u32 reserved, u64 sector. */
const HEADER_SIZE = 16;
const TYPE = { in: 0, out: 1, flush: 4, getId: 8 } as const;
const STATUS = { ok: 0, ioError: 1, unsupported: 2 } as const;
const ID_SIZE = 20;
const MOST_SEGMENTS = 254;

class Block implements VirtioBackend {
  readonly deviceId = DEVICE_ID;
  readonly queueCount = 1;
  readonly features: number;
  readonly config = new Uint8Array(CONFIG.size);

  constructor(
    private readonly port: VirtioPort,
    private readonly disk: Disk,
  ) {
    this.features =
      FEATURE.segMax | FEATURE.blockSize | FEATURE.flush | (disk.readOnly ? FEATURE.readOnly : 0);
    const view = new DataView(this.config.buffer);
    view.setBigUint64(CONFIG.capacity, BigInt(Math.floor(disk.size / SECTOR_SIZE)), true);
    view.setUint32(CONFIG.segMax, MOST_SEGMENTS, true);
    view.setUint32(CONFIG.blockSize, SECTOR_SIZE, true);
  }

  notify(): void {
    const queue = this.port.queues[0]!;
    let wanted = false;
    for (let chain = queue.take(); chain !== undefined; chain = queue.take()) {
      this.serve(chain);
      wanted = queue.give(chain) || wanted;
    }
    if (wanted) this.port.interrupt();
  }

  reset(): void {}

  save(): State {
    return {};
  }

  restore(): void {}

  private serve(chain: Chain): void {
    const request = chain.readAll();
    // The last writable byte is the status; a chain without room for it cannot be answered.
    const room = chain.capacity - 1;
    if (request.length < HEADER_SIZE || room < 0) return;
    let status: number;
    try {
      status = this.perform(request, room, chain);
    } catch {
      status = STATUS.ioError;
    }
    chain.writeAt(room, Uint8Array.of(status));
  }

  private perform(request: Uint8Array, room: number, chain: Chain): number {
    const view = new DataView(request.buffer, request.byteOffset, request.byteLength);
    const offset = (view.getUint32(8, true) + view.getUint32(12, true) * 2 ** 32) * SECTOR_SIZE;
    switch (view.getUint32(0, true)) {
      case TYPE.in: {
        if (offset + room > this.disk.size) return STATUS.ioError;
        const bytes = new Uint8Array(room);
        this.disk.read(offset, bytes);
        chain.writeAt(0, bytes);
        return STATUS.ok;
      }
      case TYPE.out: {
        const bytes = request.subarray(HEADER_SIZE);
        if (this.disk.readOnly || offset + bytes.length > this.disk.size) return STATUS.ioError;
        this.disk.write(offset, bytes);
        return STATUS.ok;
      }
      case TYPE.flush:
        this.disk.flush();
        return STATUS.ok;
      case TYPE.getId: {
        const id = new Uint8Array(Math.min(ID_SIZE, room));
        new TextEncoder().encodeInto(this.disk.id, id);
        chain.writeAt(0, id);
        return STATUS.ok;
      }
      default:
        return STATUS.unsupported;
    }
  }
}

/** A block device on `disk`. */
export const virtioBlock =
  (disk: Disk): BackendFactory =>
  (port) =>
    new Block(port, disk);
