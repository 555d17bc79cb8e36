/**
 * What an NVDIMM remembers of itself: its size, how it was shut down, its errors and its wear. It is the last part
 * of the backing file (docs/nvdimm.md, "The file"), behind what QEMU maps, and it tells an NVDIMM of licorice from
 * any other file. Each update is one write of one 4-KiB page, so a killed process leaves the old one or the new one.
 *
 * Record, little-endian, DEVICE_AREA_SIZE bytes; the first page:
 *
 *     0 magic[16] "LICORICE NVDIMM\0"   16 version u32      20 header size u32     24 mediaSize u64
 *    32 labelSize u32                   36 shutdown u32     40 powerCycles u32     44 unsafeShutdowns u32
 *    48 uuid[16]                        64 blockWrites u64  72 poisonCount u32     76 flushFailures u32
 *    80 wear u32 (parts of 10 000)
 *
 * then from byte 4096 the poison list: device physical addresses, u64 each, bit 0 set when the guest knows of it.
 */
import { UserError } from '../errors.ts';

export const DEVICE_AREA_SIZE = 64 * 1024;
const HEADER_PAGE = 4096;
export const MAX_POISON = (DEVICE_AREA_SIZE - HEADER_PAGE) / 8;
const MAGIC = 'LICORICE NVDIMM\0';
const VERSION = 1;
const HEADER_SIZE = 84;

/** How the NVDIMM was last left. */
export const Shutdown = {
  /** The guest powered off in order, or the NVDIMM has never been used. */
  clean: 0,
  /** A machine has it, or the power failed. */
  inUse: 1,
} as const;

export interface DeviceRecord {
  readonly mediaSize: number;
  readonly labelSize: number;
  readonly uuid: Uint8Array;
  shutdown: number;
  powerCycles: number;
  unsafeShutdowns: number;
  /** Times that the write-pending queue could not be saved (failure of ADR). */
  flushFailures: number;
  /** Cache blocks that were written back to it since it was made. */
  blockWrites: number;
  /** Used part of the rated life, in parts of 10 000. */
  wear: number;
  /** Device physical addresses of blocks that cannot be read, and whether the guest has been told. */
  poison: { dpa: number; known: boolean }[];
}

export function newDeviceRecord(mediaSize: number, labelSize: number, uuid: Uint8Array): DeviceRecord {
  return {
    mediaSize,
    labelSize,
    uuid,
    shutdown: Shutdown.clean,
    powerCycles: 0,
    unsafeShutdowns: 0,
    flushFailures: 0,
    blockWrites: 0,
    wear: 0,
    poison: [],
  };
}

/** The record's bytes, DEVICE_AREA_SIZE of them. */
export function encodeDeviceRecord(record: DeviceRecord): Uint8Array {
  const bytes = new Uint8Array(DEVICE_AREA_SIZE);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setUint32(16, VERSION, true);
  view.setUint32(20, HEADER_SIZE, true);
  view.setBigUint64(24, BigInt(record.mediaSize), true);
  view.setUint32(32, record.labelSize, true);
  view.setUint32(36, record.shutdown, true);
  view.setUint32(40, record.powerCycles, true);
  view.setUint32(44, record.unsafeShutdowns, true);
  bytes.set(record.uuid, 48);
  view.setBigUint64(64, BigInt(record.blockWrites), true);
  view.setUint32(72, record.poison.length, true);
  view.setUint32(76, record.flushFailures, true);
  view.setUint32(80, record.wear, true);
  record.poison.forEach(({ dpa, known }, i) => {
    view.setBigUint64(HEADER_PAGE + 8 * i, BigInt(dpa) | (known ? 1n : 0n), true);
  });
  return bytes;
}

/** Do the bytes begin as a record does? */
export const isDeviceRecord = (bytes: Uint8Array): boolean =>
  new TextDecoder().decode(bytes.subarray(0, MAGIC.length)) === MAGIC;

/**
 * Reads a record from its bytes.
 * @param file for messages
 * @throws UserError when the bytes are no record, or of another version
 */
export function decodeDeviceRecord(bytes: Uint8Array, file: string): DeviceRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isDeviceRecord(bytes)) {
    throw new UserError(
      `${file} is not an NVDIMM of licorice: name another file, or one that does not exist yet`,
    );
  }
  const version = view.getUint32(16, true);
  if (version !== VERSION) {
    throw new UserError(`${file} has NVDIMM format ${version}, this licorice knows format ${VERSION}`);
  }
  const count = view.getUint32(72, true);
  if (count > MAX_POISON) throw new UserError(`${file} is damaged: its poison list claims ${count} entries`);
  return {
    mediaSize: Number(view.getBigUint64(24, true)),
    labelSize: view.getUint32(32, true),
    uuid: bytes.slice(48, 64),
    shutdown: view.getUint32(36, true),
    powerCycles: view.getUint32(40, true),
    unsafeShutdowns: view.getUint32(44, true),
    flushFailures: view.getUint32(76, true),
    blockWrites: Number(view.getBigUint64(64, true)),
    wear: view.getUint32(80, true),
    poison: Array.from({ length: count }, (_, i) => {
      const entry = view.getBigUint64(HEADER_PAGE + 8 * i, true);
      return { dpa: Number(entry & ~1n), known: (entry & 1n) === 1n };
    }),
  };
}
