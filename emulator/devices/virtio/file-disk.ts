/**
 * A disk in an ordinary file of the host: raw sectors, no format. Opened for writing unless asked otherwise; its size
 * is fixed while it is open.
 */
import { closeSync, constants, fdatasyncSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { UserError } from '../../errors.ts';
import { type Disk, SECTOR_SIZE } from './block.ts';

export class FileDisk implements Disk {
  readonly id: string;
  readonly size: number;
  private readonly fd: number;

  /** @throws UserError when the file cannot be opened, is not a file, or holds less than a sector */
  constructor(
    readonly path: string,
    readonly readOnly: boolean,
  ) {
    try {
      this.fd = openSync(path, readOnly ? constants.O_RDONLY : constants.O_RDWR);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const hint = !readOnly && (code === 'EACCES' || code === 'EROFS') ? `; try ${path},readonly` : '';
      throw new UserError(`${path}: cannot open the drive (${describeError(code)})${hint}`);
    }
    const status = fstatSync(this.fd);
    const bad = !status.isFile()
      ? 'not a file'
      : status.size < SECTOR_SIZE
        ? 'smaller than a sector'
        : undefined;
    if (bad) {
      closeSync(this.fd);
      throw new UserError(`${path}: cannot use it as a drive: ${bad}`);
    }
    this.size = Math.floor(status.size / SECTOR_SIZE) * SECTOR_SIZE;
    this.id = basename(path).slice(0, 20);
  }

  read(offset: number, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const count = readSync(this.fd, into, done, into.length - done, offset + done);
      if (count === 0) throw new Error(`${this.path}: ends early`);
      done += count;
    }
  }

  write(offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.fd, bytes, done, bytes.length - done, offset + done);
    }
  }

  flush(): void {
    fdatasyncSync(this.fd);
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** What an error code of the host means, in words. */
export function describeError(code: string | undefined): string {
  switch (code) {
    case 'ENOENT':
      return 'no such file';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a folder';
    case 'EROFS':
      return 'the file system is read-only';
    case 'ENOSPC':
      return 'the disk is full';
    default:
      return code ?? 'unknown error';
  }
}
