/**
 * Opens an NVDIMM image for a change and makes the change a file: whole, or not at all. The image is locked, so it is in nobody else's use; the changed store is
 * checked before anything is written; it is written beside the image and then renamed over it. Whatever stops us, the image is the old one or the new one.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { MiB } from '../../emulator/addresses.ts';
import { UserError } from '../../emulator/errors.ts';
import { type DeviceRecord, encodeDeviceRecord } from '../../emulator/nvdimm/device-record.ts';
import { NvdimmFile } from '../../emulator/nvdimm/file.ts';
import { Layouts } from '../guest/layouts.ts';
import { checkStore } from './check.ts';
import { repairStore } from './repair.ts';
import { ObjectStore } from './store.ts';
import { isSuperblockLost, openDamaged } from './superblock.ts';
import { StoreWriter } from './writer.ts';

/** Refuses a store in which something may be under way: open transactions belong to programs, and only a boot undoes them. */
export function needsOrder(store: ObjectStore, file: string): void {
  if (!store.isDirty) return;
  throw new UserError(
    `${file}: was not shut down in order; boot the guest on it once, so that open transactions are undone`,
  );
}

/** Refuses what the media have lost. */
export function refusePoison(media: NvdimmFile, file: string): void {
  const [first] = media.record.poison;
  if (first === undefined) return;
  throw new UserError(
    `${file}: has poisoned blocks (the first at 0x${first.dpa.toString(16)}); 'licorice image check' names the objects`,
  );
}

/** Lets `change` work on the image in `file`, and writes the result. @throws UserError when it is in use, not in order, or the change fails */
export async function changeImage(
  file: string,
  change: (writer: StoreWriter) => Promise<void> | void,
): Promise<void> {
  if (!existsSync(file)) throw new UserError(`${file} does not exist`);
  const media = NvdimmFile.open(file);
  try {
    const store = new ObjectStore(media, Layouts.load(), file);
    needsOrder(store, file);
    refusePoison(media, file);
    const before = checkStore(store);
    if (before.length > 0) throw new UserError(`${file}: the store is damaged: ${before[0]}`, 1);
    await change(new StoreWriter(store));
    const after = new ObjectStore(store.region, store.layouts, file);
    const found = checkStore(after);
    if (found.length > 0) throw new Error(`${file}: the change would damage the store: ${found.join('; ')}`);
    writeChanged(file, store);
  } finally {
    media.close();
  }
}

/** What is in the store in `file`, and what is wrong with it. Any image will do, also one of a machine that runs. */
export function checkImage(file: string): {
  readonly objects: number;
  readonly dirty: boolean;
  readonly found: readonly string[];
} {
  const media = NvdimmFile.open(file, { readOnly: true });
  try {
    const poison = media.record.poison.map((block) => block.dpa);
    const store = openDamaged(media, Layouts.load(), file, poison);
    const found = isSuperblockLost(store.layouts, poison)
      ? [
          'the superblock has an unreadable block; --repair derives it anew, and nothing can be checked before',
        ]
      : checkStore(store, poison);
    return { objects: store.field('objects'), dirty: store.isDirty, found };
  } finally {
    media.close();
  }
}

/** Mends the store in `file`, as far as that is possible (repair.ts), and says what was done and what is still wrong. */
export function repairImage(file: string): {
  readonly done: readonly string[];
  readonly left: readonly string[];
} {
  if (!existsSync(file)) throw new UserError(`${file} does not exist`);
  const media = NvdimmFile.open(file);
  try {
    const poison = media.record.poison.map((block) => block.dpa);
    const layouts = Layouts.load();
    const store = openDamaged(media, layouts, file, poison);
    const repair = repairStore(store, poison);
    const left = checkStore(new ObjectStore(store.region, layouts, file), repair.poison);
    if (repair.done.length === 0) return { done: [], left };
    const still = new Set(repair.poison);
    media.record.poison = media.record.poison.filter((block) => still.has(block.dpa));
    writeChanged(file, store, media.record);
    return { done: repair.done, left };
  } finally {
    media.close();
  }
}

/** Writes a copy of the file with the changed pages, and the device's record if that has changed, and puts it in the file's place. */
function writeChanged(file: string, store: ObjectStore, record?: DeviceRecord): void {
  const target = realpathSync(file);
  const temporary = `${target}.new.${process.pid}`;
  let from: number | undefined;
  let to: number | undefined;
  try {
    from = openSync(target, 'r');
    to = openSync(temporary, 'wx', fstatSync(from).mode & 0o777);
    copySparse(from, to);
    for (const { offset, bytes } of store.region.changedPages()) writeAll(to, bytes, offset);
    if (record) writeAll(to, encodeDeviceRecord(record), record.mediaSize + record.labelSize);
    fsyncSync(to);
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new UserError(`cannot write ${file}: ${(error as Error).message}; it is as it was`, 1);
  } finally {
    if (from !== undefined) closeSync(from);
    if (to !== undefined) closeSync(to);
  }
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; )
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}

/** Copies a file; stretches of zeros become holes. */
function copySparse(from: number, to: number): void {
  const { size } = fstatSync(from);
  const buffer = new Uint8Array(MiB);
  const zeros = Buffer.alloc(MiB);
  ftruncateSync(to, size);
  for (let position = 0; position < size; ) {
    const count = readSync(from, buffer, 0, buffer.length, position);
    if (count === 0) throw new Error('it became shorter meanwhile');
    const piece = buffer.subarray(0, count);
    if (zeros.compare(piece, 0, count, 0, count) !== 0) writeAll(to, piece, position);
    position += count;
  }
}
