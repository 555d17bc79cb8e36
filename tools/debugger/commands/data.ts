/** Commands that show data and code, and change it. */
import { UserError } from '../../../emulator/errors.ts';
import type { Debugger } from '../debugger.ts';
import {
  codeLines,
  frameText,
  hartLines,
  hex,
  instructionText,
  memoryLines,
  registerLines,
  threadLines,
} from '../describe.ts';
import { assign } from '../edit.ts';
import { localsOf, variableValue } from '../names.ts';
import { idText } from '../object-space.ts';
import { type FormatOptions, formatValue, placeText, type Value } from '../values.ts';
import { type Command, codeNames, countOf, type Session } from './command.ts';
import { stopLines } from './stops.ts';

const RADIX: Readonly<Record<string, FormatOptions['radix']>> = { x: 'hex', d: 'decimal', t: 'binary' };

export function valueText(
  debugged: Debugger,
  value: Value,
  radix: FormatOptions['radix'] = 'natural',
): string {
  const symbol = (address: bigint): string | undefined => debugged.describe(address);
  return formatValue(debugged.frame.space, value, { depth: 3, radix, symbol });
}

/** `/x EXPRESSION`: the format and what follows. */
function formatted(args: string): { letter: string | undefined; count: number | undefined; rest: string } {
  const match = /^\/(\d+)?([a-z])?\s*(.*)$/s.exec(args);
  if (!match) return { letter: undefined, count: undefined, rest: args };
  return { letter: match[2], count: match[1] === undefined ? undefined : Number(match[1]), rest: match[3]! };
}

function print({ debugged }: Session, args: string): string[] {
  const { letter, rest } = formatted(args);
  const radix = letter === undefined ? 'natural' : RADIX[letter];
  if (radix === undefined) throw new UserError(`there is no format '/${letter}': /x, /d or /t`);
  const assignment = /^([^=!<>]+)=(?!=)(.+)$/s.exec(rest);
  if (assignment) assign(debugged, assignment[1]!, debugged.number(assignment[2]!));
  const value = debugged.evaluate(assignment ? assignment[1]! : rest);
  return [valueText(debugged, value, radix)];
}

const WORDS: Readonly<Record<string, number>> = { b: 1, h: 2, w: 4, g: 8 };

function examine({ debugged }: Session, args: string): string[] {
  const { letter, count, rest } = formatted(args);
  const { space } = debugged.frame;
  const value = debugged.evaluate(rest === '' ? '$sp' : rest);
  const place =
    value.type === undefined && value.place?.kind === 'object'
      ? value.place
      : value.type?.kind === 'struct' || value.type?.kind === 'array'
        ? debugged.place(rest).place
        : ({ kind: 'virtual', address: debugged.number(rest === '' ? '$sp' : rest) } as const);
  if (letter === 'i') {
    if (place.kind !== 'virtual') throw new UserError('code is looked at by its address');
    return codeLines(debugged, space, place.address, count ?? 8);
  }
  if (letter === 's') {
    const bytes = space.read(place, 256);
    const end = bytes.indexOf(0);
    return [JSON.stringify(Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString())];
  }
  const size = letter === undefined || letter === 'x' ? 0 : WORDS[letter];
  if (size === undefined) throw new UserError(`there is no format '/${letter}': /b, /h, /w, /g, /i or /s`);
  if (size === 0) return memoryLines(space, place, count ?? 64);
  const lines: string[] = [];
  const perLine = 16 / size;
  const total = count ?? perLine * 4;
  for (let i = 0; i < total; i += perLine) {
    const cells: string[] = [];
    for (let j = i; j < Math.min(i + perLine, total); j++) {
      const at = { ...place, ...shifted(place, j * size) } as typeof place;
      const word = space.readNumber(at, size);
      cells.push(word === undefined ? '??' : hex(word, 2 * size));
    }
    lines.push(`${placeText({ ...place, ...shifted(place, i * size) } as typeof place)}: ${cells.join(' ')}`);
  }
  return lines;
}

function shifted(
  place: {
    readonly kind: string;
    readonly address?: bigint | number;
    readonly object?: { id: bigint; offset: number };
  },
  bytes: number,
): object {
  if (place.object) return { object: { id: place.object.id, offset: place.object.offset + bytes } };
  return {
    address: typeof place.address === 'bigint' ? place.address + BigInt(bytes) : (place.address ?? 0) + bytes,
  };
}

function list({ debugged, sources }: Session, args: string): string[] {
  let file = debugged.frame.source?.file;
  let line = debugged.frame.source?.line;
  if (args !== '') {
    const [spot] = debugged.locate(args);
    const row = spot?.program?.lineAt(spot.va);
    file = row?.file;
    line = row?.line;
  }
  if (file === undefined || line === undefined) throw new UserError('no source line belongs to this place');
  const lines = sources.lines(file);
  if (lines === undefined) throw new UserError(`the source file ${file} is not here`);
  const first = Math.max(line - 5, 1);
  return lines
    .slice(first - 1, first + 9)
    .map((text, i) => `${first + i === line ? '=>' : '  '}${String(first + i).padStart(5)}  ${text}`);
}

const INFO: Readonly<Record<string, (session: Session, args: string) => readonly string[]>> = {
  stops: ({ debugged }) => stopLines(debugged),
  registers: ({ debugged }) => registerLines(debugged.frame),
  csrs: ({ debugged }, args) =>
    debugged.machine.csrs.rows
      .filter(({ name }) => name.includes(args))
      .map((row) => ({ row, value: debugged.machine.csrs.peek(debugged.core.hart, row.number) ?? 0n }))
      .filter(({ value }) => args !== '' || value !== 0n)
      .map(({ row, value }) => `${row.name.padEnd(12)} ${hex(value, 16)}`),
  harts: ({ debugged }) => hartLines(debugged),
  threads: ({ debugged }) => {
    const lines = threadLines(debugged);
    return lines.length > 0 ? lines : ['no threads are known: this is not our kernel, or it has not started'];
  },
  locals: ({ debugged }) => {
    const locals = localsOf(debugged.frame);
    if (locals.length === 0) return ['no variables are known here'];
    return locals.map(
      (variable) => `${variable.name} = ${valueText(debugged, variableValue(debugged.frame, variable))}`,
    );
  },
  programs: ({ debugged }) => [
    ...debugged.modules.fixed.map(
      ({ name, symbols }) => `${name}  where it was linked, ${symbols.length} symbols`,
    ),
    ...debugged.modules.objects.map(({ name, symbols }) => `${name}  in objects, ${symbols.length} symbols`),
  ],
  functions: ({ debugged }, args) =>
    debugged.modules.all
      .flatMap((program) => program.functions.map(({ name, ranges }) => ({ program, name, ranges })))
      .filter(({ name }) => name.includes(args))
      .slice(0, 200)
      .map(({ program, name, ranges }) => `${hex(ranges[0]!.low)} ${program.name}!${name}`),
  files: ({ debugged }, args) =>
    debugged.modules.all.flatMap((program) =>
      program.files.filter((file) => file.includes(args)).map((file) => `${program.name}  ${file}`),
    ),
  objects: ({ debugged }) => {
    const all = debugged.objects.all();
    if (all.length === 0) return ['no objects are known'];
    return all.map(({ id, persistent }) =>
      `${idText(id)}  ${persistent ? 'persistent' : 'volatile  '}  ${debugged.describeObject(id)}`.trimEnd(),
    );
  },
  view: ({ debugged }) => {
    const slots = debugged.objects.slots(debugged.frame.space.view);
    if (slots.length === 0) return ['no view is in force'];
    return slots.map(({ slot, entry }) => {
      const rights = [
        [0x4, 'r'],
        [0x8, 'w'],
        [0x10, 'x'],
      ] as const;
      const text = rights.map(([bit, letter]) => (entry.flags & bit ? letter : '-')).join('');
      const fixed = entry.isFixed ? ' fixed' : '';
      return `slot ${hex(slot).padEnd(8)} ${text} ${idText(entry.id)} ${debugged.describeObject(entry.id)}${fixed}`.trimEnd();
    });
  },
  marks: ({ debugged }) =>
    debugged.marks.size === 0 ? ['no marks'] : [...debugged.marks].map(([name, at]) => `${name}  ${at}`),
  events: ({ debugged }) =>
    debugged.time.events.length === 0
      ? ['nothing has come from outside']
      : debugged.time.events.map(({ at, what }) => `${at}  ${what}`),
};

function move(session: Session, by: number): string[] {
  const { debugged } = session;
  debugged.selectFrame(debugged.frameLevel + by);
  return [frameText(debugged, debugged.frame)];
}

const variableNames = ({ debugged }: Session): string[] => [
  ...localsOf(debugged.frame).map(({ name }) => name),
  ...(debugged.frame.code?.program.globals.keys() ?? []),
];

export const DATA: readonly Command[] = [
  {
    names: ['print', 'p'],
    usage: '[/x|/d|/t] EXPRESSION',
    help: 'Shows the value of an expression: variables, $registers, structures through references; NAME = VALUE sets it.',
    group: 'data',
    run: print,
    complete: variableNames,
  },
  {
    names: ['set'],
    usage: 'TARGET = EXPRESSION',
    help: 'Sets a variable, $register, CSR or memory. What lay in the future is no more.',
    group: 'data',
    run: ({ debugged }, args) => {
      const match = /^([^=]+)=(.+)$/s.exec(args);
      if (!match) throw new UserError('set TARGET = EXPRESSION');
      assign(debugged, match[1]!, debugged.number(match[2]!));
      return [];
    },
    complete: variableNames,
  },
  {
    names: ['x', 'examine'],
    usage: '[/COUNT b|h|w|g|i|s] EXPRESSION',
    help: 'Shows memory at an address or in an object (@ID:OFFSET): bytes, words, instructions or text.',
    group: 'data',
    run: examine,
  },
  {
    names: ['list', 'l'],
    usage: '[PLACE]',
    help: 'Shows the source around a place.',
    group: 'data',
    run: list,
    complete: codeNames,
  },
  {
    names: ['disassemble', 'dis'],
    usage: '[PLACE]',
    help: 'Shows the instructions from a place on.',
    group: 'data',
    run: ({ debugged }, args) => {
      const start = args === '' ? debugged.frame.pc : debugged.locate(args)[0]!.va;
      return codeLines(debugged, debugged.frame.space, start, 12);
    },
    complete: codeNames,
  },
  {
    names: ['backtrace', 'bt', 'where'],
    usage: '[THREAD]',
    help: 'Shows the call stack, across traps; or that of a thread.',
    group: 'data',
    run: ({ debugged }, args) => {
      const frames = args === '' ? debugged.frames : debugged.framesOfThread(countOf(args));
      return frames.map((frame) => frameText(debugged, frame));
    },
  },
  {
    names: ['frame', 'f'],
    usage: '[NUMBER]',
    help: 'Puts the cursor on a frame of the call stack.',
    group: 'data',
    run: ({ debugged }, args) => {
      if (args !== '') debugged.selectFrame(/^\d+$/.test(args) ? Number(args) : -1);
      return [frameText(debugged, debugged.frame)];
    },
  },
  { names: ['up'], usage: '', help: 'To the caller.', group: 'data', run: (session) => move(session, 1) },
  { names: ['down'], usage: '', help: 'To the called.', group: 'data', run: (session) => move(session, -1) },
  {
    names: ['hart'],
    usage: '[NUMBER]',
    help: 'Puts the cursor on a hart.',
    group: 'data',
    run: ({ debugged }, args) => {
      if (args !== '') debugged.selectHart(/^\d+$/.test(args) ? Number(args) : -1);
      return hartLines(debugged);
    },
  },
  {
    names: ['info', 'i'],
    usage: Object.keys(INFO).join('|'),
    help: 'Shows what is known: stop points, registers, CSRs, threads, variables, programs, objects, the view, …',
    group: 'data',
    run: (session, args) => {
      const [word = '', ...rest] = args.split(/\s+/);
      const name =
        Object.keys(INFO).find((one) => one === word) ??
        Object.keys(INFO).find((one) => word !== '' && one.startsWith(word));
      if (name === undefined) throw new UserError(`info what? ${Object.keys(INFO).join(', ')}`);
      return INFO[name]!(session, rest.join(' '));
    },
    complete: () => Object.keys(INFO),
  },
];

/** The instruction under the cursor, for the walk of its access. */
export const currentInstruction = (debugged: Debugger): string =>
  instructionText(debugged, debugged.frame.space, debugged.frame.pc).text;
