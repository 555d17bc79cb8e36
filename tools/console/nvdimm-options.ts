/** The options about the NVDIMM and about simulated time, shared by the commands that run a machine. */
import { existsSync } from 'node:fs';
import type { Argv } from 'yargs';
import { UserError } from '../../emulator/errors.ts';
import { FaultSchedule, parseFault } from '../../emulator/nvdimm/faults.ts';
import { NvdimmFile } from '../../emulator/nvdimm/file.ts';
import { MemoryMedia } from '../../emulator/nvdimm/media.ts';
import type { NvdimmOptions } from '../../emulator/nvdimm/nvdimm.ts';
import type { PersistenceDomain } from '../../emulator/nvdimm/persistency.ts';
import { parseSize } from '../commands/machine-options.ts';

export interface NvdimmArguments {
  nvdimm?: string;
  size?: string;
  durable: boolean;
  persistence: string;
  inject?: string[];
  timing: boolean;
  profile?: string;
}

export const nvdimmOptions = <T>(yargs: Argv<T>) =>
  yargs
    .option('nvdimm', {
      type: 'string',
      requiresArg: true,
      describe: 'backing file of an NVDIMM, made if missing',
    })
    .option('size', { type: 'string', requiresArg: true, describe: 'size of a new NVDIMM' })
    .option('durable', {
      type: 'boolean',
      default: false,
      describe: 'what the guest has fenced survives a crash of the host, too',
    })
    .option('persistence', {
      type: 'string',
      choices: ['mem-ctrl', 'cpu'],
      default: 'mem-ctrl',
      describe: 'persistence domain: memory controller (ADR), or caches as well (eADR)',
    })
    .option('inject', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe:
        'a fault: power@N, adr-fail@N, poison@ADDR, rot@SEED:COUNT, wear@SEED:WRITES; may be repeated',
    })
    .option('timing', {
      type: 'boolean',
      default: false,
      describe: 'model caches, DRAM and NVDIMM, and print a summary at the end',
    })
    .option('profile', {
      type: 'string',
      requiresArg: true,
      describe: 'JSON file with parameters of the timing model',
    });

/** What the options ask for. */
export interface OpenedNvdimm {
  readonly options: Omit<NvdimmOptions, 'harts'>;
  readonly faults: FaultSchedule;
}

/** Opens the NVDIMM that the options name, if any. @throws UserError */
export function openNvdimm(args: NvdimmArguments): OpenedNvdimm | undefined {
  if (args.nvdimm === undefined) {
    const orphan =
      args.size !== undefined ? '--size' : args.inject ? '--inject' : args.durable ? '--durable' : undefined;
    if (orphan !== undefined) throw new UserError(`${orphan} is about an NVDIMM: it needs --nvdimm FILE`);
    return undefined;
  }
  const faults = new FaultSchedule((args.inject ?? []).map(parseFault));
  const size = args.size === undefined ? {} : { size: parseSize(args.size, '--size') };
  const media = NvdimmFile.open(args.nvdimm, size);
  return {
    faults,
    options: {
      media,
      durable: args.durable,
      domain: args.persistence as PersistenceDomain,
      recording: faults.needsRecording,
      trackDeep: faults.needsDeep,
    },
  };
}

/**
 * Opens the NVDIMM that the options name for a run that goes back and forth in time: the file is only read, stores
 * are recorded on demand. @throws UserError when there is no such file
 */
export function openPrivateNvdimm(
  args: Pick<NvdimmArguments, 'nvdimm' | 'persistence'>,
): OpenedNvdimm | undefined {
  if (args.nvdimm === undefined) return undefined;
  if (!existsSync(args.nvdimm))
    throw new UserError(
      `${args.nvdimm}: there is no such NVDIMM image; with --size a new one is made up, and forgotten afterwards`,
    );
  const file = NvdimmFile.open(args.nvdimm, { readOnly: true });
  return opened(new MemoryMedia(file.size, file), args.persistence);
}

/** What an NVDIMM is for such runs. */
export const privateNvdimm = (
  media: MemoryMedia,
  domain: PersistenceDomain = 'mem-ctrl',
): Omit<NvdimmOptions, 'harts'> => ({
  media,
  domain,
  recording: 'on-demand',
  trackTouched: true,
  writeThrough: false,
});

const opened = (media: MemoryMedia, persistence: string): OpenedNvdimm => ({
  faults: new FaultSchedule([]),
  options: privateNvdimm(media, persistence as PersistenceDomain),
});

/** As `openPrivateNvdimm`; where there is no file but a size, an empty NVDIMM that is gone afterwards. @throws UserError */
export function openForDebugging(args: NvdimmArguments): OpenedNvdimm | undefined {
  if (args.nvdimm === undefined || existsSync(args.nvdimm) || args.size === undefined)
    return openPrivateNvdimm(args);
  return opened(new MemoryMedia(parseSize(args.size, '--size')), args.persistence);
}
