/**
 * The options by which a user describes a machine, shared by the commands that make one, and what they mean. Every
 * value is checked here, so that an impossible one ends in a line that names the option.
 */
import { readFileSync } from 'node:fs';
import type { Argv } from 'yargs';
import { GiB, KiB, MiB } from '../../emulator/addresses.ts';
import type { ImageFile } from '../../emulator/boot/image.ts';
import { describeError } from '../../emulator/devices/virtio/file-disk.ts';
import { UserError } from '../../emulator/errors.ts';
import type { EngineFactory } from '../../emulator/machine/engine.ts';
import { DEVICE_AREA_SIZE, isDeviceRecord } from '../../emulator/nvdimm/device-record.ts';

/** Options about the machine itself, as yargs gives them. */
export interface MachineArguments {
  /** Port of the GDB stub, empty for the usual one; absent: none. */
  gdb?: string;
  /** Port of the debug adapter, empty for the usual one; absent: none. */
  dap?: string;
  mem: string;
  harts: number;
  engine: string;
  record?: string;
  replay?: string;
  save?: string;
}

export const ENGINES = ['interp', 'jit'] as const;

export const machineOptions = <T>(yargs: Argv<T>) =>
  yargs
    .option('mem', {
      type: 'string',
      default: '128M',
      requiresArg: true,
      describe: 'main memory: 64M, 1G, …',
    })
    .option('gdb', {
      type: 'string',
      describe:
        'wait for GDB on this port of the loopback address (default 1234); the run can go backwards, and an NVDIMM file is only read',
    })
    .option('dap', {
      type: 'string',
      describe:
        'let editors attach to the guest while it runs (Debug Adapter Protocol) on this port of the loopback address (default 4711); the run can go backwards, and an NVDIMM file is only read',
    })
    .option('harts', { type: 'number', default: 1, requiresArg: true, describe: 'harts, 1 to 8' })
    .option('engine', {
      type: 'string',
      choices: ENGINES,
      default: 'jit',
      describe: 'interpreter or translator; the results are the same',
    })
    .option('record', {
      type: 'string',
      requiresArg: true,
      describe: 'write what was typed, and when, to a file',
    })
    .option('replay', { type: 'string', requiresArg: true, describe: 'type what such a file says' })
    .option('save', {
      type: 'string',
      requiresArg: true,
      describe: 'write the whole state to a file when the run ends (licorice explain, licorice debug)',
    });

const UNITS: Readonly<Record<string, number>> = { '': 1, K: KiB, M: MiB, G: GiB };

/** A number of bytes: `4096`, `64K`, `256M`, `1G`. `what` names it in the error. */
export function parseSize(text: string, what: string): number {
  const match = /^(\d+)([KMG]?)(?:i?B)?$/i.exec(text);
  if (!match) throw new UserError(`${what} '${text}' is not a size; write for example 256M or 1G`);
  return Number(match[1]) * UNITS[match[2]!.toUpperCase()]!;
}

const LEAST_MEMORY = MiB;

/** Bytes of main memory. */
export function memorySize(text: string): number {
  const size = parseSize(text, '--mem');
  if (size < LEAST_MEMORY || size % 4096 !== 0) {
    throw new UserError(`--mem ${text}: main memory is at least 1M, in whole pages of 4096 bytes`);
  }
  return size;
}

/** Number of harts. */
export function hartCount(value: number): number {
  if (!Number.isInteger(value) || value < 1 || value > 8) {
    throw new UserError(`--harts ${value}: a machine has 1 to 8 harts`);
  }
  return value;
}

/** A positive whole number given to `option`. */
export function positiveInteger(value: number, option: string): number {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UserError(`${option}: not a positive whole number`);
  return value;
}

/** The same, or 0. */
export function wholeNumber(value: number, option: string): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new UserError(`${option}: not a whole number`);
  return value;
}

/** The engine of that name, `timed` for statistics; the translator is loaded only when it is asked for. */
export async function engineNamed(name: string, timed = false): Promise<EngineFactory | undefined> {
  if (name !== 'jit') return undefined;
  const { Translator } = await import('../../emulator/cpu/translator/translator.ts');
  return (memory) => new Translator(memory, { timed });
}

/** The port that an option names; `usual` when it names none, 0: any that is free. */
export function portNumber(text: string, option: string, usual: number): number {
  if (text === '') return usual;
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65535)
    throw new UserError(`${option} '${text}' is not a port: a number up to 65535, or nothing for ${usual}`);
  return Number(text);
}

/** Reads a whole file for `what` it is. */
export function readImage(path: string, what: string): ImageFile {
  try {
    return { name: path, bytes: readFileSync(path) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(`${path}: cannot read the ${what} (${describeError(code)})`);
  }
}

/** Reads a program or an image of memory; one of the NVDIMM, which is neither, is said to be one. */
export function readProgram(path: string, what: string): ImageFile {
  const image = readImage(path, what);
  // The record stands at the end.
  if (isDeviceRecord(image.bytes.subarray(-DEVICE_AREA_SIZE)))
    throw new UserError(`${path} is an NVDIMM image, not a ${what}; give it with --nvdimm ${path}`);
  return image;
}
