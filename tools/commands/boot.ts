/**
 * `licorice boot`: boots the guest on an NVDIMM image in the working folder, made on first use. With `--exec` it runs shell commands, prints
 * only what they print, and exits with the status of the last one.
 */
import type { CommandModule } from 'yargs';
import { UserError } from '../../emulator/errors.ts';
import { type NvdimmArguments, nvdimmOptions } from '../console/nvdimm-options.ts';
import { type MachineArguments, machineOptions } from './machine-options.ts';

export interface BootArguments extends MachineArguments, NvdimmArguments {
  exec?: string;
  seed?: number;
  date?: string;
  stats: boolean;
  'max-instructions'?: number;
}

const DEFAULT_IMAGE = 'licorice.nvm';

export const bootCommand: CommandModule<object, BootArguments> = {
  command: 'boot',
  describe: 'boot the guest system',
  builder: (yargs) =>
    nvdimmOptions(machineOptions(yargs))
      .default('mem', '256M')
      .default('nvdimm', DEFAULT_IMAGE)
      .option('exec', {
        type: 'string',
        requiresArg: true,
        describe: "run these shell commands ('ls; cat notes') instead of a console",
      })
      .option('seed', {
        type: 'number',
        requiresArg: true,
        describe: "seed of the guest's entropy; the host's by default, as the guest makes keys of it",
      })
      .option('date', { type: 'string', requiresArg: true, describe: "date at the start; 'host' by default" })
      .option('max-instructions', {
        type: 'number',
        requiresArg: true,
        describe: 'stop after so many, exit code 1',
      })
      .option('stats', {
        type: 'boolean',
        default: false,
        describe: 'print statistics at the end, to stderr',
      }) as never,
  handler: async (options) => {
    const { randomInt } = await import('node:crypto');
    const { existsSync, readFileSync } = await import('node:fs');
    const { join } = await import('node:path');
    const { runGuest } = await import('../console/run-guest.ts');
    const { guestOutput, Layouts } = await import('../guest/layouts.ts');
    const { appendText } = await import('../guest/archive.ts');
    const file = (name: string) => {
      const path = join(guestOutput(), name);
      if (!existsSync(path)) throw new UserError(`${path} is missing: build the guest with 'npm run build'`);
      return { name: path, bytes: new Uint8Array(readFileSync(path)) };
    };
    const archive = file('archive.img');
    const { exec } = options;
    const initrd =
      exec === undefined
        ? archive
        : { name: archive.name, bytes: appendText(archive.bytes, '.commands', exec, Layouts.load()) };
    process.exitCode = await runGuest(
      {
        ...options,
        date: options.date ?? 'host',
        seed: options.seed ?? randomInt(2 ** 47),
        virtio: 'legacy',
        console: 'uart',
        failureState: 'licorice-panic.state',
        ...(exec !== undefined && { paced: false }),
      },
      {
        bare: false,
        firmware: undefined,
        kernel: file('kernel.elf'),
        initrd,
        append: exec === undefined ? '' : 'quiet',
      },
    );
  },
};
