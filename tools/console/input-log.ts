/**
 * Host input as a log: every byte that reached the guest with the exact point of the run at which it did. A run with
 * the same images, options and log is the same run. One JSON object for each line, the first one a header, which has what else the
 * host gave: the seed of the guest's entropy, the date.
 */
import { writeFileSync } from 'node:fs';
import { UserError } from '../../emulator/errors.ts';
import { readImage } from '../commands/machine-options.ts';

const FORMAT = 'licorice input log';
const VERSION = 1;

/** Bytes for a device when `instructions` have been started and guest time is `time` nanoseconds. */
export interface InputEvent {
  readonly instructions: number;
  readonly time: number;
  readonly device: string;
  readonly data: Uint8Array;
}

/** What else the host gave to the run, where the command line leaves it to the host. */
export interface HostGiven {
  /** Seed of the guest's entropy. */
  readonly seed?: number;
  /** Date at the start of the run, in seconds since 1970. */
  readonly startSeconds?: number;
}

export interface InputLog extends HostGiven {
  readonly events: InputEvent[];
}

/** The text of a log. */
export function formatLog(events: readonly InputEvent[], given: HostGiven = {}): string {
  const lines = events.map((event) => ({ ...event, data: Buffer.from(event.data).toString('base64') }));
  return `${[{ format: FORMAT, version: VERSION, ...given }, ...lines].map((line) => JSON.stringify(line)).join('\n')}\n`;
}

export function saveLog(path: string, events: readonly InputEvent[], given: HostGiven): void {
  try {
    writeFileSync(path, formatLog(events, given));
  } catch (error) {
    throw new UserError(`${path}: cannot write the input log (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Reads a log. @throws UserError naming the file and the line */
export function parseLog(text: string, name: string): InputLog {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0) throw new UserError(`${name}: an empty input log`);
  const events: InputEvent[] = [];
  let given: HostGiven = {};
  lines.forEach((line, index) => {
    const where = `${name}: line ${index + 1}`;
    const value = parseLine(line, where);
    if (index === 0) given = parseHeader(value, where);
    else events.push(parseEvent(value, where));
  });
  return { ...given, events };
}

function parseLine(line: string, where: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(line)) as Record<string, unknown>;
  } catch {
    throw new UserError(`${where}: not JSON`);
  }
}

function parseHeader(value: Record<string, unknown>, where: string): HostGiven {
  if (value['format'] !== FORMAT) throw new UserError(`${where}: not a ${FORMAT}`);
  if (value['version'] !== VERSION) {
    throw new UserError(
      `${where}: version ${String(value['version'])} of the format; this is version ${VERSION}`,
    );
  }
  const number = (name: 'seed' | 'startSeconds'): HostGiven => {
    const given = value[name];
    if (given === undefined) return {};
    if (!Number.isSafeInteger(given)) throw new UserError(`${where}: '${name}' is not a whole number`);
    return { [name]: given };
  };
  return { ...number('seed'), ...number('startSeconds') };
}

function parseEvent(value: Record<string, unknown>, where: string): InputEvent {
  const { instructions, time, device, data } = value;
  if (typeof instructions !== 'number' || typeof time !== 'number') {
    throw new UserError(`${where}: no point of the run`);
  }
  if (typeof device !== 'string' || typeof data !== 'string')
    throw new UserError(`${where}: no device or data`);
  return { instructions, time, device, data: Uint8Array.from(Buffer.from(data, 'base64')) };
}

export function loadLog(path: string): InputLog {
  return parseLog(new TextDecoder().decode(readImage(path, 'input log').bytes), path);
}
