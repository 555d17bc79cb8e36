/**
 * What keeps the NVDIMM's content without power: the interface to it, and the kind that lives in memory. The other
 * kind is a file (file.ts).
 *
 * Invariant: a write within one aligned 4-KiB page takes effect as a whole or not at all, whenever the emulator dies.
 */
import { PAGE_SIZE } from '../addresses.ts';
import { type DeviceRecord, newDeviceRecord } from './device-record.ts';
import { type Dpa, dpa } from './dpa.ts';
import { LABEL_AREA_SIZE, makeLabelArea } from './labels.ts';

export interface Media {
  /** Bytes of raw media. */
  readonly size: number;
  /** The device's own memory; `saveRecord` keeps what was changed in it. */
  readonly record: DeviceRecord;
  /** Fills `into` from the media. */
  read(address: Dpa, into: Uint8Array): void;
  /** Writes to the media. Throws a UserError when the host cannot. */
  write(address: Dpa, bytes: Uint8Array): void;
  /** The label area: LABEL_AREA_SIZE bytes from byte `offset`. */
  readLabels(offset: number, into: Uint8Array): void;
  writeLabels(offset: number, bytes: Uint8Array): void;
  saveRecord(): void;
  /** Makes everything written so far survive a crash of the host. */
  sync(): void;
  /** Gives the media up. Nothing may be called afterwards. */
  close(): void;
}

/** Sixteen bytes that name an NVDIMM: the same for the same seed, so that runs can be repeated. */
export function deviceUuid(seed: number): Uint8Array {
  const uuid = new Uint8Array(16);
  let state = (seed ^ 0x4c4e5644) >>> 0;
  for (let i = 0; i < 16; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    uuid[i] = state >>> 24;
  }
  // RFC 9562: version 4, variant 1.
  uuid[6] = (uuid[6]! & 0x0f) | 0x40;
  uuid[8] = (uuid[8]! & 0x3f) | 0x80;
  return uuid;
}

/** A fresh label area and record for media of `size` bytes. */
export function freshDevice(size: number, seed = 0): { labels: Uint8Array; record: DeviceRecord } {
  const uuid = deviceUuid(seed);
  return {
    labels: makeLabelArea(size, uuid, 'licorice'),
    record: newDeviceRecord(size, LABEL_AREA_SIZE, uuid),
  };
}

/**
 * Media in the emulator's memory: for NVDIMMs without a file, and, over a `base`, for runs that may change their
 * NVDIMM but must leave the file alone (debugging, torture).
 */
export class MemoryMedia implements Media {
  readonly record: DeviceRecord;
  private readonly labels: Uint8Array;
  private readonly pages = new Map<number, Uint8Array>();

  constructor(
    readonly size: number,
    private readonly base?: Media,
  ) {
    const fresh = freshDevice(size);
    this.labels = fresh.labels;
    this.record = base ? structuredClone(base.record) : fresh.record;
    base?.readLabels(0, this.labels);
  }

  read(address: Dpa, into: Uint8Array): void {
    this.eachPage(address, into.length, (page, within, from, count) => {
      const bytes = this.pages.get(page);
      const target = into.subarray(from, from + count);
      if (bytes) target.set(bytes.subarray(within, within + count));
      else if (this.base) this.base.read(dpa(page * PAGE_SIZE + within), target);
      else target.fill(0);
    });
  }

  write(address: Dpa, bytes: Uint8Array): void {
    this.eachPage(address, bytes.length, (page, within, from, count) => {
      let target = this.pages.get(page);
      if (target === undefined) {
        target = new Uint8Array(PAGE_SIZE);
        this.base?.read(dpa(page * PAGE_SIZE), target);
        this.pages.set(page, target);
      }
      target.set(bytes.subarray(from, from + count), within);
    });
  }

  readLabels(offset: number, into: Uint8Array): void {
    into.set(this.labels.subarray(offset, offset + into.length));
  }

  writeLabels(offset: number, bytes: Uint8Array): void {
    this.labels.set(bytes, offset);
  }

  saveRecord(): void {}

  sync(): void {}

  close(): void {
    this.base?.close();
  }

  private eachPage(
    address: number,
    length: number,
    visit: (page: number, within: number, from: number, count: number) => void,
  ): void {
    for (let done = 0; done < length; ) {
      const page = Math.floor((address + done) / PAGE_SIZE);
      const within = (address + done) % PAGE_SIZE;
      const count = Math.min(PAGE_SIZE - within, length - done);
      visit(page, within, done, count);
      done += count;
    }
  }
}
