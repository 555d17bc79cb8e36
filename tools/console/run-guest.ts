/**
 * What `licorice run` does: reads the files, makes the computer, runs it with the console, and says how it ended.
 * Messages go to stderr, one line each; stdout has only what the guest prints.
 */

import type { BootFiles } from '../../emulator/boot/boot.ts';
import { Computer } from '../../emulator/boot/computer.ts';
import { MAX_DISKS } from '../../emulator/devices/virt.ts';
import { FileDisk } from '../../emulator/devices/virtio/file-disk.ts';
import { UserError } from '../../emulator/errors.ts';
import { readState, restoreState, type SavedState, saveState } from '../../emulator/machine/saved-state.ts';
import type { TimingExtension } from '../../emulator/timing/timing-engine.ts';
import {
  engineNamed,
  hartCount,
  memorySize,
  portNumber,
  positiveInteger,
  readImage,
  readProgram,
} from '../commands/machine-options.ts';
import { type RunArguments, writeResult } from '../commands/run.ts';
import type { Transcript } from '../debugger/transcript.ts';
import { loadLog, saveLog } from './input-log.ts';
import { openForDebugging, openNvdimm } from './nvdimm-options.ts';
import { OutputBuffer } from './output.ts';
import { Session, type SessionEnd } from './session.ts';
import { SizeReports } from './size-reports.ts';
import { regionLines, statisticsLines } from './statistics.ts';

/** Device names on the bus. */
const UART = 'uart';
const VIRTIO_CONSOLE = 'virtio6';
const STDOUT = 1;
const DEFAULT_DAP_PORT = 4711;
/** Exit code when the guest did not end by itself. */
const NOT_ENDED = 1;

const say = (line: string): void => {
  // On a raw terminal a line feed alone does not return to the first column.
  process.stderr.write(`licorice: ${line}\r\n`);
};

/** Runs a guest as the options say. Returns the exit code. @throws UserError for bad input */
export async function runGuest(options: RunArguments, files = bootFiles(options)): Promise<number> {
  const saved = options.load === undefined ? undefined : readSaved(options.load);
  if (files === undefined && saved === undefined) {
    throw new UserError('nothing to run: name a FILE, or give --kernel, --bios or --load');
  }
  const maxInstructions = options['max-instructions'];
  if (maxInstructions !== undefined) positiveInteger(maxInstructions, '--max-instructions');
  if (!Number.isSafeInteger(options.seed)) throw new UserError('--seed: not a whole number');
  const replay = options.replay === undefined ? undefined : loadLog(options.replay);
  const seed = replay?.seed ?? options.seed;
  const startSeconds =
    replay?.startSeconds ?? (options.date === undefined ? undefined : startDate(options.date));
  const output = new OutputBuffer(STDOUT);
  const timing = await timingPart(options);
  const engine = timing?.engine ?? (await engineNamed(options.engine, options.stats));
  const disks = (options.drive ?? []).map(openDrive);
  if (disks.length > MAX_DISKS)
    throw new UserError(`--drive: at most ${MAX_DISKS} drives, not ${disks.length}`);
  if (options.gdb !== undefined && options.dap !== undefined)
    throw new UserError('--gdb and --dap: a guest has one debugger at a time');
  const isDebugged = options.gdb !== undefined || options.dap !== undefined;
  const nvdimm = isDebugged ? openForDebugging(options) : openNvdimm(options);
  let transcript: Transcript | undefined;
  let session: Session | undefined;
  const reports = new SizeReports(
    process.stdout,
    (byte) => output.put(byte),
    (bytes) => session?.typeForTerminal(bytes),
  );
  try {
    const toVirtio = options.console === 'virtio';
    const computer = new Computer({
      harts: saved ? saved.shape.harts : hartCount(options.harts),
      memory: saved ? saved.shape.memory : memorySize(options.mem),
      seed,
      modernVirtio: options.virtio === 'modern',
      uartOutput: (byte) => {
        reports.put(byte);
        transcript?.put(byte);
      },
      disks,
      ...(engine && { engine }),
      ...(toVirtio && { consoleOutput: (bytes: Uint8Array) => output.write(bytes) }),
      ...(nvdimm && { nvdimm: nvdimm.options }),
      ...(timing && { extensions: [timing] }),
      ...(startSeconds !== undefined && { startSeconds }),
    });
    if (files !== undefined) {
      const booted = computer.boot(files);
      if (options['dump-dtb'] !== undefined) {
        writeResult(options['dump-dtb'], booted.dtb, 'device tree');
        return 0;
      }
    }
    if (saved) restoreState(computer.machine, saved, options.load!);
    else computer.nvdimm?.powerOn();
    if (options.gdb !== undefined) return await debugWithGdb(computer, files, options.gdb, output);
    if (options.dap !== undefined) {
      const { Transcript } = await import('../debugger/transcript.ts');
      transcript = new Transcript();
      const inputDevice = toVirtio ? VIRTIO_CONSOLE : UART;
      return await debugWithEditor({ computer, files, port: options.dap, output, inputDevice, transcript });
    }
    session = new Session(computer, {
      onResize: () => reports.resized(),
      output,
      ...(replay ? { replay: replay.events } : { stdin: process.stdin }),
      paced: options.paced ?? (process.stdin.isTTY === true && process.stdout.isTTY === true),
      ...(nvdimm && { faults: nvdimm.faults }),
      inputDevice: toVirtio ? VIRTIO_CONSOLE : UART,
      say,
      ...(maxInstructions !== undefined && { maxInstructions }),
    });
    const start = performance.now();
    const end = await session.run();
    const seconds = (performance.now() - start) / 1000;
    const failed = end.kind === 'exit' && end.failure === true;
    if (failed && options.failureState !== undefined) {
      writeResult(options.failureState, saveState(computer.machine), 'state');
      say(`the guest failed; 'licorice debug ${options.failureState}' shows its last state`);
    }
    if (options.save !== undefined) writeResult(options.save, saveState(computer.machine), 'state');
    // Only the guest can switch its NVDIMM off in order; every other end is a power failure.
    if (end.kind === 'exit' && !failed) computer.nvdimm?.powerOff();
    else if (end.kind !== 'power-failure') computer.nvdimm?.beforeOutput();
    if (options.record !== undefined)
      saveLog(options.record, session.log, { seed, ...(startSeconds !== undefined && { startSeconds }) });
    if (options['dump-region'] !== undefined) {
      for (const line of regionLines(computer.machine, options['dump-region']))
        process.stderr.write(`${line}\n`);
    }
    if (options.stats) {
      for (const line of statisticsLines(computer.machine, seconds)) process.stderr.write(`${line}\n`);
    }
    if (timing) {
      const { summaryLines } = await import('../../emulator/timing/summary.ts');
      for (const line of summaryLines(timing.model)) process.stderr.write(`${line}\n`);
    }
    return exitCode(end, computer, maxInstructions);
  } finally {
    nvdimm?.options.media.close();
    for (const disk of disks) disk.close();
  }
}

/** Lets GDB run the computer. Returns the exit code. */
async function debugWithGdb(
  computer: Computer,
  files: BootFiles | undefined,
  port: string,
  output: OutputBuffer,
): Promise<number> {
  const [{ DEFAULT_GDB_PORT, serveGdb }, { openWithFiles }] = await Promise.all([
    import('../debugger/gdb-server.ts'),
    import('../debugger/open.ts'),
  ]);
  const { debugged } = openWithFiles(computer, files);
  output.muted = () => debugged.time.isReplay;
  return await serveGdb({
    debugged,
    port: portNumber(port, '--gdb', DEFAULT_GDB_PORT),
    onListening: (actual) => say(`waiting for GDB: target remote :${actual}`),
    onSlice: () => output.flush(),
  });
}

/** Runs the computer and lets editors attach to it. Returns the exit code. */
async function debugWithEditor(guest: {
  readonly computer: Computer;
  readonly files: BootFiles | undefined;
  readonly port: string;
  readonly output: OutputBuffer;
  readonly inputDevice: string;
  readonly transcript: Transcript;
}): Promise<number> {
  const [{ serveDap }, { openWithFiles }] = await Promise.all([
    import('../debugger/dap/server.ts'),
    import('../debugger/open.ts'),
  ]);
  const { computer, files, port, output, inputDevice, transcript } = guest;
  const opened = openWithFiles(computer, files, transcript);
  output.muted = () => opened.debugged.time.isReplay;
  try {
    return await serveDap({
      opened,
      port: portNumber(port, '--dap', DEFAULT_DAP_PORT),
      stdin: process.stdin,
      inputDevice,
      onListening: (actual) =>
        say(`editors may attach: "request": "attach", "port": ${actual}; Ctrl-A x quits`),
      onSlice: () => output.flush(),
    });
  } finally {
    output.flush();
  }
}

/** The timing model, if it is asked for; it brings an engine of its own. */
async function timingPart(options: RunArguments): Promise<TimingExtension | undefined> {
  if (!options.timing) {
    if (options.profile !== undefined)
      throw new UserError('--profile is about the timing model: it needs --timing');
    return undefined;
  }
  const { timingExtension } = await import('../../emulator/timing/timing-engine.ts');
  const { loadProfile, XEON_GOLD_5218 } = await import('../../emulator/timing/profile.ts');
  return timingExtension(options.profile === undefined ? XEON_GOLD_5218 : loadProfile(options.profile));
}

function readSaved(path: string): SavedState {
  return readState(readImage(path, 'saved state').bytes, path);
}

/** Which file plays which part; undefined when none is named. */
function bootFiles(options: RunArguments): BootFiles | undefined {
  const { file, bios, kernel } = options;
  if (file !== undefined && kernel !== undefined && bios !== undefined) {
    throw new UserError(
      'FILE, --bios and --kernel are one too many: FILE is the kernel, or with --kernel the firmware',
    );
  }
  const firmwarePath = kernel !== undefined && file !== undefined ? file : bios === 'none' ? undefined : bios;
  const kernelPath = kernel ?? file;
  if (kernelPath === undefined && firmwarePath === undefined) return undefined;
  const bare = bios === 'none';
  return {
    bare,
    firmware: firmwarePath === undefined ? undefined : readProgram(firmwarePath, 'firmware'),
    kernel: kernelPath === undefined ? undefined : readProgram(kernelPath, 'program'),
    initrd: options.initrd === undefined ? undefined : readImage(options.initrd, 'initial RAM disk'),
    append: options.append,
  };
}

function openDrive(text: string): FileDisk {
  const [path, ...flags] = text.split(',');
  const unknown = flags.find((flag) => flag !== 'readonly');
  if (unknown !== undefined || !path) throw new UserError(`--drive ${text}: write FILE or FILE,readonly`);
  return new FileDisk(path, flags.length > 0);
}

/** Seconds since 1970. */
function startDate(text: string): number {
  const time = text === 'host' ? Date.now() : Date.parse(text);
  if (Number.isNaN(time))
    throw new UserError(`--date '${text}' is not a date; write for example 2025-06-30T12:00:00Z`);
  return Math.floor(time / 1000);
}

function exitCode(end: SessionEnd, computer: Computer, maxInstructions: number | undefined): number {
  const at = () =>
    computer.machine.cores.map(({ hart }) => `hart ${hart.index} at 0x${hart.pc.toString(16)}`).join(', ');
  switch (end.kind) {
    case 'exit':
      // A shell sees eight bits; a failure must not look like success.
      return end.code === 0 ? 0 : end.code & 0xff || NOT_ENDED;
    case 'quit':
      return 0;
    case 'reset':
      say(
        `the guest asked for a restart (${end.by}), but a state was loaded and no FILE names what to start`,
      );
      return NOT_ENDED;
    case 'power-failure':
      say(end.message);
      return 0;
    case 'budget':
      say(`stopped after ${maxInstructions} instructions (--max-instructions), ${at()}`);
      return NOT_ENDED;
    case 'idle':
      say(
        `the guest waits for an interrupt (WFI) that nothing can raise: no timer is set, no input can come; ${at()}`,
      );
      return NOT_ENDED;
    case 'stuck':
      say(
        `hart ${end.hart} traps for ever: the first instruction of its trap handler at 0x${end.pc.toString(16)} ` +
          `cannot be fetched (exception ${end.cause}); was the trap vector set?`,
      );
      return NOT_ENDED;
    default:
      throw new Error(`the run ended with ${end.kind}`);
  }
}
