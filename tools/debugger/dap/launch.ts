/**
 * What a `launch.json` of VS Code names: the guest system, a program, firmware with a kernel (`launch`), a saved state or the port of
 * a guest that runs already (`attach`). The fields are those of `licorice debug`.
 */
import { UserError } from '../../../emulator/errors.ts';
import { memorySize, parseSize, readImage, readProgram } from '../../commands/machine-options.ts';
import { type Opened, type OpenOptions, openFiles, openGuest, openState } from '../open.ts';
import { type Json, type JsonObject, numberOf, textOf } from './messages.ts';

export const LAUNCH_FIELDS = [
  'program',
  'bios',
  'kernel',
  'append',
  'exec',
  'nvdimm',
  'size',
  'mem',
  'harts',
  'seed',
  'date',
  'symbols',
  'at',
  'stopOnEntry',
];
export const ATTACH_FIELDS = ['port', 'state', 'programs', 'symbols', 'at', 'stopOnEntry'];

/** Fields that editors add to every configuration. */
const isEditors = (name: string): boolean =>
  [
    'type',
    'request',
    'name',
    'noDebug',
    'presentation',
    'preLaunchTask',
    'postDebugTask',
    'internalConsoleOptions',
    'debugServer',
    'restart',
  ].includes(name) || name.startsWith('__');

function checkFields(args: JsonObject, known: readonly string[], request: string): void {
  const odd = Object.keys(args).find((name) => !known.includes(name) && !isEditors(name));
  if (odd !== undefined)
    throw new UserError(
      `'${odd}' means nothing in a ${request} configuration; there are ${known.join(', ')}`,
    );
}

const textsOf = (value: Json | undefined): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];

/** Opens what a `launch` request names. @throws UserError */
export function launch(args: JsonObject): Opened {
  checkFields(args, LAUNCH_FIELDS, 'launch');
  const [program, kernel, bios] = [textOf(args, 'program'), textOf(args, 'kernel'), textOf(args, 'bios')];
  const date = textOf(args, 'date');
  const seconds = date === undefined ? 0 : Math.floor(Date.parse(date) / 1000);
  if (Number.isNaN(seconds))
    throw new UserError(`date '${date}' is not a date; write for example 2025-06-30T12:00:00Z`);
  const [mem, size, harts, seed] = [
    textOf(args, 'mem'),
    textOf(args, 'size'),
    numberOf(args, 'harts'),
    numberOf(args, 'seed'),
  ];
  const options: OpenOptions = {
    nvdimm: textOf(args, 'nvdimm'),
    startSeconds: seconds,
    symbols: textsOf(args['symbols']),
    ...(mem !== undefined && { memory: memorySize(mem) }),
    ...(size !== undefined && { size: parseSize(size, 'size') }),
    ...(harts !== undefined && { harts }),
    ...(seed !== undefined && { seed }),
  };
  const commands = textOf(args, 'exec');
  if (program === undefined && kernel === undefined) return openGuest({ ...options, commands });
  if (commands !== undefined) throw new UserError("'exec' is for the guest system, without a program");
  const image = program === undefined ? undefined : readProgram(program, 'program');
  const append = textOf(args, 'append');
  if (kernel !== undefined)
    return openFiles({ firmware: image, kernel: readImage(kernel, 'kernel'), append }, options);
  const bare = bios === 'none';
  const firmware = bios === undefined || bare ? undefined : readImage(bios, 'firmware');
  return openFiles({ kernel: image, bare, firmware, append }, options);
}

/** Opens the saved state that an `attach` request names. @throws UserError */
export function attach(args: JsonObject): Opened {
  checkFields(args, ATTACH_FIELDS, 'attach');
  const state = textOf(args, 'state');
  if (state === undefined)
    throw new UserError(
      'an attach configuration names the port of a guest that runs with --dap, "port": 4711, or a saved state, "state": "FILE"',
    );
  return openState(state, textsOf(args['programs']), { symbols: textsOf(args['symbols']) });
}

/** The port that an `attach` request to a running guest names. @throws UserError when it says something else as well */
export function attachPort(args: JsonObject): number {
  checkFields(args, ATTACH_FIELDS, 'attach');
  const odd = ['state', 'programs', 'symbols'].find((name) => args[name] !== undefined);
  if (odd !== undefined) throw new UserError(`'${odd}' is about saved states; this guest runs already`);
  const port = numberOf(args, 'port') ?? 0;
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new UserError("'port' is a number from 1 to 65535");
  return port;
}
