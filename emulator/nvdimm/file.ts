/**
 * The NVDIMM's backing file: raw media, then the label area, then the device's record (docs/nvdimm.md, "The file").
 * The first two parts are what QEMU's memory-backend-file with `label-size=128K` maps, so the file can be handed to
 * it as it is. The file is sparse: an NVDIMM that holds little occupies little.
 *
 * Invariants: a file is created whole under another name and then linked into place; a file that is not an NVDIMM,
 * or not the one asked for, is refused before anything is written to it; it has one writer at a time (lock.ts).
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { MiB, PAGE_SIZE } from '../addresses.ts';
import { UserError } from '../errors.ts';
import {
  DEVICE_AREA_SIZE,
  type DeviceRecord,
  decodeDeviceRecord,
  encodeDeviceRecord,
} from './device-record.ts';
import type { Dpa } from './dpa.ts';
import { LABEL_AREA_SIZE } from './labels.ts';
import { type FileLock, lockFile } from './lock.ts';
import { freshDevice, type Media } from './media.ts';

export const DEFAULT_NVDIMM_SIZE = 256 * MiB;
/** Sizes of NVDIMMs: a multiple of this, so that QEMU's alignment leaves the label area where it is. */
export const NVDIMM_GRANULE = 2 * MiB;

/** Bytes of the backing file of an NVDIMM with `mediaSize` bytes of media. */
export const fileSize = (mediaSize: number): number => mediaSize + LABEL_AREA_SIZE + DEVICE_AREA_SIZE;

export interface FileOptions {
  /** Bytes of media: what a new file gets, and what an existing one must have. Default: 256 MiB, or what it has. */
  readonly size?: number;
  /** Never write, and do not lock: for media of which a private copy is changed instead. */
  readonly readOnly?: boolean;
  /** Names a new NVDIMM (its UUID). */
  readonly seed?: number;
}

export class NvdimmFile implements Media {
  private constructor(
    readonly path: string,
    private readonly fd: number,
    readonly record: DeviceRecord,
    private readonly lock: FileLock | undefined,
  ) {}

  get size(): number {
    return this.record.mediaSize;
  }

  /**
   * Opens an NVDIMM's file, or makes one.
   * @throws UserError when there is no such file and none can be made, or the file is not an NVDIMM, damaged, of
   *   another size, in use, or cannot be written
   */
  static open(path: string, options: FileOptions = {}): NvdimmFile {
    checkSize(options.size);
    let fd = openExisting(path, options.readOnly === true);
    if (fd === undefined) {
      if (options.readOnly) throw new UserError(`${path} does not exist`);
      create(path, options.size ?? DEFAULT_NVDIMM_SIZE, options.seed ?? 0);
      fd = openExisting(path, false);
      if (fd === undefined) throw new UserError(`${path} was removed while it was opened`);
    }
    let lock: FileLock | undefined;
    try {
      // Look before locking: a foreign file must not even get a lock beside it.
      readRecord(path, fd, options.size);
      if (!options.readOnly) lock = lockFile(path);
      const record = readRecord(path, fd, options.size);
      return new NvdimmFile(path, fd, record, lock);
    } catch (error) {
      lock?.release();
      closeSync(fd);
      throw error;
    }
  }

  read(address: Dpa, into: Uint8Array): void {
    readFully(this.fd, this.path, address, into);
  }

  write(address: Dpa, bytes: Uint8Array): void {
    writeFully(this.fd, this.path, address, bytes);
  }

  readLabels(offset: number, into: Uint8Array): void {
    readFully(this.fd, this.path, this.size + offset, into);
  }

  writeLabels(offset: number, bytes: Uint8Array): void {
    writeFully(this.fd, this.path, this.size + offset, bytes);
  }

  /** The poison list first, its length (in the header's page) last: a kill in between loses no entry that counted. */
  saveRecord(): void {
    const bytes = encodeDeviceRecord(this.record);
    const start = this.size + LABEL_AREA_SIZE;
    const used = PAGE_SIZE + Math.max(1, this.record.poison.length) * 8;
    writeFully(this.fd, this.path, start + PAGE_SIZE, bytes.subarray(PAGE_SIZE, used));
    writeFully(this.fd, this.path, start, bytes.subarray(0, PAGE_SIZE));
  }

  sync(): void {
    fdatasyncSync(this.fd);
  }

  close(): void {
    closeSync(this.fd);
    this.lock?.release();
  }
}

function checkSize(size: number | undefined): void {
  if (size === undefined) return;
  if (!Number.isInteger(size) || size <= 0 || size % NVDIMM_GRANULE !== 0) {
    throw new UserError(
      `an NVDIMM of ${size} bytes is not possible: take a multiple of ${NVDIMM_GRANULE / MiB} MiB`,
    );
  }
}

const reason = (error: unknown): string => {
  const code = (error as NodeJS.ErrnoException).code;
  const words: Readonly<Record<string, string>> = {
    ENOSPC: 'no space left on its disk',
    EDQUOT: 'the disk quota is used up',
    EFBIG: 'the host allows no file of this size',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'its file system is read-only',
    EISDIR: 'it is a directory',
    ENOENT: 'its directory does not exist',
    EIO: 'input/output error of the host',
  };
  return (code && words[code]) ?? (error as Error).message;
};

/** A descriptor of an existing file, or undefined when there is none. */
function openExisting(path: string, readOnly: boolean): number | undefined {
  try {
    const fd = openSync(path, readOnly ? constants.O_RDONLY : constants.O_RDWR);
    if (!fstatSync(fd).isFile()) {
      closeSync(fd);
      throw new UserError(`${path} is not an ordinary file`);
    }
    return fd;
  } catch (error) {
    if (error instanceof UserError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new UserError(
      `cannot open the NVDIMM file ${path}${readOnly ? '' : ' for writing'}: ${reason(error)}`,
    );
  }
}

/** Makes a blank NVDIMM. It appears under its name only when it is complete. */
function create(path: string, mediaSize: number, seed: number): void {
  const temporary = `${path}.new.${process.pid}`;
  const { labels, record } = freshDevice(mediaSize, seed);
  let fd: number | undefined;
  try {
    fd = openSync(temporary, 'wx');
    ftruncateSync(fd, fileSize(mediaSize));
    writeAll(fd, mediaSize, labels);
    writeAll(fd, mediaSize + LABEL_AREA_SIZE, encodeDeviceRecord(record).subarray(0, 2 * PAGE_SIZE));
    linkSync(temporary, path);
  } catch (error) {
    // Another process has made it in the meantime: use that one, its lock decides.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && fd !== undefined) return;
    throw new UserError(`cannot make the NVDIMM file ${path} in ${dirname(path)}: ${reason(error)}`);
  } finally {
    if (fd !== undefined) {
      closeSync(fd);
      rmSync(temporary, { force: true });
    }
  }
}

function readRecord(path: string, fd: number, expected: number | undefined): DeviceRecord {
  const length = fstatSync(fd).size;
  if (length < DEVICE_AREA_SIZE + LABEL_AREA_SIZE) {
    throw new UserError(`${path} is not an NVDIMM of licorice: it has only ${length} bytes`);
  }
  const area = new Uint8Array(DEVICE_AREA_SIZE);
  readFully(fd, path, length - DEVICE_AREA_SIZE, area);
  const record = decodeDeviceRecord(area, path);
  if (record.labelSize !== LABEL_AREA_SIZE || fileSize(record.mediaSize) !== length) {
    throw new UserError(
      `${path} is damaged: it has ${length} bytes, its record says ${fileSize(record.mediaSize)}`,
    );
  }
  if (expected !== undefined && record.mediaSize !== expected) {
    throw new UserError(
      `${path} is an NVDIMM of ${record.mediaSize / MiB} MiB, not of ${expected / MiB} MiB: leave the size out, or name another file`,
    );
  }
  return record;
}

function readFully(fd: number, path: string, position: number, into: Uint8Array): void {
  let done = 0;
  while (done < into.length) {
    let count: number;
    try {
      count = readSync(fd, into, done, into.length - done, position + done);
    } catch (error) {
      throw new UserError(`cannot read the NVDIMM file ${path}: ${reason(error)}`);
    }
    if (count === 0) throw new UserError(`the NVDIMM file ${path} has been cut short while in use`);
    done += count;
  }
}

function writeFully(fd: number, path: string, position: number, bytes: Uint8Array): void {
  try {
    writeAll(fd, position, bytes);
  } catch (error) {
    throw new UserError(
      `cannot write the NVDIMM file ${path}: ${reason(error)}; it holds a legal earlier state`,
      1,
    );
  }
}

/** Writes all bytes, or throws what the host says. */
function writeAll(fd: number, position: number, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.length) done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}
