/**
 * `licorice debug [target]`: the debugger, on the guest system, on any ELF or raw image, on a saved state, or on a case of
 * `licorice torture`; in the terminal, or with commands from a file.
 */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import type { CommandModule } from 'yargs';
import { UserError } from '../../emulator/errors.ts';
import type { Debugger } from '../debugger/debugger.ts';
import type { Transcript } from '../debugger/transcript.ts';
import { hartCount, memorySize, parseSize, portNumber, readImage, readProgram } from './machine-options.ts';

interface DebugArguments {
  target?: string;
  batch?: string;
  exec?: string;
  nvdimm?: string;
  size?: string;
  mem?: string;
  harts: number;
  seed: number;
  date?: string;
  bios?: string;
  kernel?: string;
  append?: string;
  symbols?: string[];
  program?: string;
  recovery: boolean;
  at?: number;
  gdb?: string;
}

const DEFAULT_IMAGE = 'licorice.nvm';

export const debugCommand: CommandModule<object, DebugArguments> = {
  command: 'debug [target]',
  describe: 'debug the guest system, a program, a saved state or a torture case, forwards and backwards',
  builder: (yargs) =>
    yargs
      .positional('target', {
        type: 'string',
        describe:
          "an ELF or raw image, a saved state, or a torture case's seed; without it, the guest system",
      })
      .option('batch', {
        type: 'string',
        requiresArg: true,
        describe:
          'take commands from a file (- for standard input) and print what they print, without a screen',
      })
      .option('gdb', {
        type: 'string',
        describe: 'no screen: wait for GDB on this port of the loopback address (default 1234)',
      })
      .option('exec', {
        type: 'string',
        requiresArg: true,
        describe: 'shell commands that the guest system runs by itself',
      })
      .option('nvdimm', {
        type: 'string',
        requiresArg: true,
        describe: `NVDIMM image; it is read, never written (guest system: ${DEFAULT_IMAGE}, if it is there)`,
      })
      .option('size', { type: 'string', requiresArg: true, describe: 'size of a new, empty NVDIMM' })
      .option('mem', { type: 'string', requiresArg: true, describe: 'main memory: 64M, 1G, …' })
      .option('harts', { type: 'number', default: 1, requiresArg: true, describe: 'harts, 1 to 8' })
      .option('seed', {
        type: 'number',
        default: 0,
        requiresArg: true,
        describe: "seed of the guest's entropy",
      })
      .option('date', { type: 'string', requiresArg: true, describe: 'date at the start; default: now' })
      .option('bios', {
        type: 'string',
        requiresArg: true,
        describe: "firmware, or 'none': TARGET runs in M-mode",
      })
      .option('kernel', {
        type: 'string',
        requiresArg: true,
        describe: 'kernel; TARGET is then the firmware',
      })
      .option('append', { type: 'string', requiresArg: true, describe: 'kernel command line' })
      .option('symbols', {
        type: 'string',
        array: true,
        requiresArg: true,
        describe:
          'an ELF file with symbols: of a program in an object, or of what a saved state runs; may be repeated',
      })
      .option('program', {
        type: 'string',
        requiresArg: true,
        describe: "the program of a torture case's seed",
      })
      .option('recovery', {
        type: 'boolean',
        default: false,
        describe: 'of a torture case: what comes up after the failure, not the workload before it',
      })
      .option('at', {
        type: 'number',
        requiresArg: true,
        describe: 'go to this instruction count first',
      }),
  handler: async (args) => {
    const { runBatch } = await import('../debugger/batch.ts');
    const { SourceFiles } = await import('../debugger/source.ts');
    const { debugged, console } = await open(args);
    if (args.at !== undefined && !(Number.isSafeInteger(args.at) && args.at >= 0))
      throw new UserError(`--at ${args.at}: not an instruction count`);
    if (args.at !== undefined) await debugged.goTo(args.at);
    const session = {
      debugged,
      console,
      sources: new SourceFiles(() => debugged.modules.all.flatMap((program) => program.directories)),
      ended: false,
    };
    if (args.gdb !== undefined) {
      if (args.batch !== undefined)
        throw new UserError('--gdb and --batch: a guest has one debugger at a time');
      process.exitCode = await serveGdbOnly(debugged, console, args.gdb);
      return;
    }
    if (args.batch !== undefined) {
      process.exitCode = await runBatch(session, args.batch, (text) => process.stdout.write(text));
      return;
    }
    if (!process.stdin.isTTY || !process.stdout.isTTY)
      throw new UserError('debug needs a terminal; without one, give --batch FILE with commands');
    const { runScreen } = await import('../debugger/ui/screen.ts');
    process.exitCode = await runScreen(session);
  },
};

/** GDB instead of the debugger's own commands. Returns the exit code. */
async function serveGdbOnly(debugged: Debugger, console: Transcript, port: string): Promise<number> {
  const { DEFAULT_GDB_PORT, serveGdb } = await import('../debugger/gdb-server.ts');
  let shown = 0;
  return await serveGdb({
    debugged,
    port: portNumber(port, '--gdb', DEFAULT_GDB_PORT),
    onListening: (actual) => process.stderr.write(`licorice: waiting for GDB: target remote :${actual}\n`),
    onSlice: () => {
      // What was printed before, in the same past, is not printed again.
      const { text } = console;
      process.stdout.write(text.slice(shown));
      shown = Math.max(shown, text.length);
    },
  });
}

async function open(args: DebugArguments) {
  const { openFiles, openGuest, openState } = await import('../debugger/open.ts');
  const { target, kernel, bios, symbols } = args;
  const date = args.date === undefined ? Date.now() : Date.parse(args.date);
  if (Number.isNaN(date))
    throw new UserError(`--date '${args.date}' is not a date; write for example 2025-06-30T12:00:00Z`);
  const options = {
    harts: hartCount(args.harts),
    seed: args.seed,
    startSeconds: Math.floor(date / 1000),
    nvdimm: args.nvdimm,
    ...(args.mem !== undefined && { memory: memorySize(args.mem) }),
    ...(args.size !== undefined && { size: parseSize(args.size, '--size') }),
    ...(symbols && { symbols }),
  };
  if (target === undefined && kernel === undefined) {
    const found = args.size === undefined && existsSync(DEFAULT_IMAGE) ? DEFAULT_IMAGE : undefined;
    return openGuest({ ...options, nvdimm: args.nvdimm ?? found, commands: args.exec });
  }
  if (args.exec !== undefined) throw new UserError('--exec is for the guest system, without a target');
  if (target !== undefined && isSavedState(target)) return openState(target, symbols ?? []);
  if (target !== undefined && /^T\d+\./.test(target)) {
    if (args.program === undefined)
      throw new UserError('a torture case needs --program FILE: what it was found in');
    const { openTortureCase } = await import('../debugger/torture-case.ts');
    return await openTortureCase(target, args.program, args.recovery);
  }
  const image = target === undefined ? undefined : readProgram(target, 'program');
  return openFiles(
    kernel === undefined
      ? {
          kernel: image,
          bare: bios === 'none',
          firmware: bios === undefined || bios === 'none' ? undefined : readImage(bios, 'firmware'),
          append: args.append,
        }
      : { firmware: image, kernel: readImage(kernel, 'kernel'), append: args.append },
    options,
  );
}

/** Whether a file begins as saved states do. */
function isSavedState(path: string): boolean {
  const head = Buffer.alloc(8);
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return false;
  }
  try {
    readSync(file, head, 0, 8, 0);
  } finally {
    closeSync(file);
  }
  return head.toString('latin1') === 'licostat';
}
