/** Commands about time, the guest's console, power, and the session itself. */
import { writeFileSync } from 'node:fs';
import { UserError } from '../../../emulator/errors.ts';
import { saveState } from '../../../emulator/machine/saved-state.ts';
import { stopText } from '../describe.ts';
import { type Command, CommandLine, type Session } from './command.ts';
import { DATA } from './data.ts';
import { INSPECT } from './inspect.ts';
import { RUNNING } from './running.ts';
import { STOPS } from './stops.ts';

const GROUPS = {
  running: 'running',
  stops: 'stop points',
  data: 'data and code',
  translation: 'translation and persistence',
  time: 'time',
  session: 'session',
} as const;

/** A position: a number, a mark, or so many back. */
function position({ debugged }: Session, text: string): number {
  const { time, marks } = debugged;
  const mark = marks.get(text);
  if (mark !== undefined) return mark;
  if (text === 'start') return time.beginning;
  if (text === 'end') return time.end;
  const match = /^([+-])?(\d+)([KMG])?$/i.exec(text.replaceAll('_', '').replaceAll(',', ''));
  if (!match) throw new UserError(`'${text}' is no instruction count and no mark; 'info marks' lists them`);
  const unit = { K: 1e3, M: 1e6, G: 1e9 }[match[3]?.toUpperCase() ?? ''] ?? 1;
  const count = Number(match[2]) * unit;
  return match[1] === '-'
    ? Math.max(time.now - count, time.beginning)
    : match[1] === '+'
      ? time.now + count
      : count;
}

/** `\n` and the like in what is typed. */
const unescaped = (text: string): string =>
  text.replace(/\\(.)/g, (_, letter: string) => ({ n: '\n', r: '\r', t: '\t' })[letter] ?? letter);

const SESSION: readonly Command[] = [
  {
    names: ['goto', 'g'],
    usage: 'COUNT | +COUNT | -COUNT | MARK | start | end',
    help: 'Goes to an instruction count, forwards or backwards (K, M, G may follow a number).',
    group: 'time',
    run: async (session, args) => {
      const stop = await session.debugged.goTo(position(session, args));
      return stopText(session.debugged, stop, session.sources);
    },
    complete: ({ debugged }) => [...debugged.marks.keys(), 'start', 'end'],
  },
  {
    names: ['mark', 'm'],
    usage: '[NAME]',
    help: 'Names the present instruction; without a name, lists the marks.',
    group: 'time',
    run: ({ debugged }, args) => {
      if (args === '') return [...debugged.marks].map(([name, at]) => `${name}  ${at}`);
      if (/^[-+\d]|\s/.test(args)) throw new UserError('a mark is named by a word');
      debugged.marks.set(args, debugged.time.now);
      return [`${args} is instruction ${debugged.time.now}`];
    },
  },
  {
    names: ['when'],
    usage: '',
    help: 'Says where in time the guest is.',
    group: 'time',
    run: ({ debugged: { time, machine } }) => [
      `instruction ${time.now} of ${time.end}; this boot began at ${time.bootPosition}; guest time ${machine.now} ns`,
    ],
  },
  {
    names: ['type'],
    usage: 'TEXT',
    help: "Types a line at the guest's console, now. What lay in the future is no more. A final \\c types no Enter.",
    group: 'session',
    run: ({ debugged }, args) => {
      debugged.type(args.endsWith('\\c') ? unescaped(args.slice(0, -2)) : `${unescaped(args)}\r`);
      return [];
    },
  },
  {
    names: ['console'],
    usage: '[LINES]',
    help: 'Shows what the guest has printed up to here: the last lines, 10 by default.',
    group: 'session',
    run: ({ console }, args) => {
      const all = console.text.replaceAll('\r', '').split('\n');
      if (all.at(-1) === '') all.pop();
      return all.slice(-(args === '' ? 10 : Number(args)));
    },
  },
  {
    names: ['crash'],
    usage: '[SEED]',
    help: 'The power fails now and comes back: lines that are not persistent keep what is oldest, or what SEED draws.',
    group: 'session',
    run: async ({ debugged, sources }, args) => {
      if (args !== '' && !/^\d+$/.test(args)) throw new UserError(`'${args}' is not a seed: a number`);
      return stopText(debugged, await debugged.powerFailure(args === '' ? undefined : Number(args)), sources);
    },
  },
  {
    names: ['power'],
    usage: '',
    help: 'Switches the machine off in order and on again.',
    group: 'session',
    run: ({ debugged, sources }) => stopText(debugged, debugged.powerCycle(), sources),
  },
  {
    names: ['save'],
    usage: 'FILE',
    help: 'Writes the present state to a file, for `licorice debug FILE` and `licorice explain`.',
    group: 'session',
    run: async ({ debugged }, args) => {
      if (args === '') throw new UserError('save to which file?');
      if (debugged.computer.nvdimm?.recordable) await debugged.mustLearnLines();
      try {
        writeFileSync(args, saveState(debugged.machine));
      } catch (error) {
        throw new UserError(`${args}: cannot be written (${(error as NodeJS.ErrnoException).code})`);
      }
      return [`saved to ${args}`];
    },
  },
  {
    names: ['echo'],
    usage: 'TEXT',
    help: 'Prints a line, for batch files.',
    group: 'session',
    run: (_, args) => [args],
  },
  {
    names: ['help', 'h'],
    usage: '[COMMAND]',
    help: 'Lists the commands, or explains one.',
    group: 'session',
    run: (session, args) => helpLines(session, args),
    complete: () => ALL.flatMap(({ names }) => names.slice(0, 1)),
  },
  {
    names: ['quit', 'q', 'exit'],
    usage: '',
    help: 'Ends the session.',
    group: 'session',
    run: (session) => {
      session.ended = true;
      return [];
    },
  },
];

/** Every command there is. */
export const ALL: readonly Command[] = [...RUNNING, ...STOPS, ...DATA, ...INSPECT, ...SESSION];

export const commandLine = (session: Session): CommandLine => new CommandLine(session, ALL);

function helpLines(session: Session, args: string): string[] {
  if (args !== '') {
    const command = commandLine(session).find(args);
    const others = command.names.slice(1);
    const lines = [`${command.names[0]} ${command.usage}`.trim(), `  ${command.help}`];
    if (others.length > 0) lines.push(`  Also: ${others.join(', ')}.`);
    return lines;
  }
  const lines: string[] = [];
  for (const [group, title] of Object.entries(GROUPS)) {
    lines.push(`${title}:`);
    for (const command of ALL.filter((one) => one.group === group))
      lines.push(`  ${command.names.slice(0, 2).join(', ').padEnd(24)} ${command.help.split(/[:;.]/)[0]}`);
  }
  return lines;
}
