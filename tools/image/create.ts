/** A new NVDIMM image with an empty object store: the guest itself makes it, on a machine that is booted for that and switched off. */
import { randomInt } from 'node:crypto';
import { existsSync, linkSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MiB } from '../../emulator/addresses.ts';
import { Computer } from '../../emulator/boot/computer.ts';
import { UserError } from '../../emulator/errors.ts';
import { NvdimmFile } from '../../emulator/nvdimm/file.ts';
import { appendText } from '../guest/archive.ts';
import { guestOutput, Layouts } from '../guest/layouts.ts';

/** More than any first boot takes. */
const INSTRUCTIONS = 200_000_000;
/** Memory of a machine as `licorice boot` makes it: the store remembers where the NVDIMM lies behind it. */
const MEMORY = 256 * MiB;

const guestFile = (name: string) => {
  const path = join(guestOutput(), name);
  return { name: path, bytes: new Uint8Array(readFileSync(path)) };
};

/** Makes the image. It appears under its name only when it is complete. @throws UserError when there is a file already */
export function createImage(path: string, size: number | undefined): void {
  if (existsSync(path)) throw new UserError(`${path} exists already`);
  const temporary = `${path}.create.${process.pid}`;
  try {
    const media = NvdimmFile.open(temporary, size === undefined ? {} : { size });
    try {
      bootOnce(media, path);
    } finally {
      media.close();
    }
    linkSync(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new UserError(`${path} exists already`);
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function bootOnce(media: NvdimmFile, path: string): void {
  let output = '';
  const computer = new Computer({
    memory: MEMORY,
    harts: 1,
    // The guest makes keys of it.
    seed: randomInt(2 ** 47),
    uartOutput: (byte) => {
      output += String.fromCharCode(byte);
    },
    nvdimm: { media },
  });
  const archive = guestFile('archive.img');
  computer.boot({
    kernel: guestFile('kernel.elf'),
    initrd: { name: archive.name, bytes: appendText(archive.bytes, '.commands', ':', Layouts.load()) },
    append: 'quiet',
  });
  computer.nvdimm?.powerOn();
  const end = computer.machine.run({ instructions: INSTRUCTIONS });
  if (end.kind !== 'exit' || end.code !== 0) {
    const [line] = output.trim().split('\n');
    throw new UserError(`${path}: the guest cannot make a store there${line ? `: ${line}` : ''}`);
  }
  computer.nvdimm?.powerOff();
}
