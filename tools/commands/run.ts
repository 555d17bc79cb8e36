/**
 * `licorice run FILE`: runs any ELF or raw image made for QEMU's `virt` machine. Its exit code is the guest's.
 */
import { writeFileSync } from 'node:fs';
import type { CommandModule } from 'yargs';
import { UserError } from '../../emulator/errors.ts';
import { type NvdimmArguments, nvdimmOptions } from '../console/nvdimm-options.ts';
import { type MachineArguments, machineOptions } from './machine-options.ts';

export interface RunArguments extends MachineArguments, NvdimmArguments {
  file?: string;
  bios?: string;
  kernel?: string;
  initrd?: string;
  append?: string;
  drive?: string[];
  virtio: string;
  console: string;
  'max-instructions'?: number;
  seed: number;
  date?: string;
  paced?: boolean;
  stats: boolean;
  'dump-region'?: string;
  'dump-dtb'?: string;
  load?: string;
  /** Where the state goes if the guest ends itself as failed (a kernel panic). */
  failureState?: string;
}

export const runCommand: CommandModule<object, RunArguments> = {
  command: 'run [file]',
  describe: 'run an ELF or raw image made for the virt machine',
  builder: (yargs) =>
    nvdimmOptions(machineOptions(yargs))
      .positional('file', { type: 'string', describe: 'program, firmware or kernel: an ELF, or a raw image' })
      .option('bios', {
        type: 'string',
        requiresArg: true,
        describe: "firmware in M-mode, or 'none': FILE runs in M-mode; without it, SBI is built in",
      })
      .option('kernel', { type: 'string', requiresArg: true, describe: 'kernel; FILE is then the firmware' })
      .option('initrd', { type: 'string', requiresArg: true, describe: 'initial RAM disk' })
      .option('append', { type: 'string', requiresArg: true, describe: 'kernel command line' })
      .option('drive', {
        type: 'string',
        array: true,
        requiresArg: true,
        describe: 'raw disk image for virtio-blk, FILE or FILE,readonly; may be repeated',
      })
      .option('virtio', {
        choices: ['legacy', 'modern'],
        default: 'legacy',
        describe: "virtio-mmio version 1 (QEMU's default) or 2 (force-legacy=false)",
      })
      .option('console', {
        choices: ['uart', 'virtio'],
        default: 'uart',
        describe: 'the device behind stdin and stdout',
      })
      .option('max-instructions', {
        type: 'number',
        requiresArg: true,
        describe: 'stop after so many, exit code 1',
      })
      .option('seed', {
        type: 'number',
        default: 0,
        requiresArg: true,
        describe: "seed of the guest's entropy",
      })
      .option('date', {
        type: 'string',
        requiresArg: true,
        describe: "date at the start, ISO 8601, or 'host'; the same in every run by default",
      })
      .option('paced', {
        type: 'boolean',
        describe: 'sleep in wall-clock time when the guest sleeps (default: on a terminal)',
      })
      .option('load', {
        type: 'string',
        requiresArg: true,
        describe: 'go on from a saved state, instead of booting FILE (which only a reset would boot)',
      })
      .option('dump-dtb', { type: 'string', requiresArg: true, describe: 'write the device tree and exit' })
      .option('dump-region', {
        type: 'string',
        requiresArg: true,
        describe: 'at the end, show what the translator makes of the code at this address, to stderr',
      })
      .option('stats', {
        type: 'boolean',
        default: false,
        describe: 'print statistics at the end, to stderr',
      }),
  handler: async (options) => {
    const { runGuest } = await import('../console/run-guest.ts');
    process.exitCode = await runGuest(options);
  },
};

/** Writes a file that the user asked for. */
export function writeResult(path: string, bytes: Uint8Array, what: string): void {
  try {
    writeFileSync(path, bytes);
  } catch (error) {
    throw new UserError(`${path}: cannot write the ${what} (${(error as NodeJS.ErrnoException).code})`);
  }
}
