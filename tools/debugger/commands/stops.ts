/** Commands about stop points. */
import { CAUSE_NAMES } from '../../../emulator/cpu/causes.ts';
import { UserError } from '../../../emulator/errors.ts';
import type { LineState } from '../../../emulator/nvdimm/persistency.ts';
import type { Debugger } from '../debugger.ts';
import { hex, systemCallName } from '../describe.ts';
import { type StopPoint, type StopWhat, WHOLE_OBJECT } from '../stop-points.ts';
import { type Command, codeNames, type Session } from './command.ts';

/** `PLACE if CONDITION`. */
function withCondition(args: string): { text: string; condition: string | undefined } {
  const match = /^(.*?)(?:^|\s)if\s+(.+)$/s.exec(args);
  return match
    ? { text: match[1]!.trim(), condition: match[2]!.trim() }
    : { text: args.trim(), condition: undefined };
}

/** What a stop point is about, besides its text. */
function whatText(what: StopWhat): string {
  switch (what.kind) {
    case 'code':
      return what.spots.map(({ va, program }) => `${program ? `${program.name} ` : ''}${hex(va)}`).join(', ');
    case 'watch':
      return `${[what.loads ? ['loads'] : [], what.stores ? ['stores'] : []].flat().join(' and ')} of ${sizeText(what.length)}`;
    case 'lines':
      return `${what.states === undefined ? 'any state' : [...what.states].join(', ')} of ${sizeText(what.length)}`;
    case 'csr':
      return 'writes';
    default:
      return 'before it is taken';
  }
}

const sizeText = (length: number): string =>
  length === WHOLE_OBJECT ? 'the object' : length === 1 ? '1 byte' : `${length} bytes`;

function pointText(debugged: Debugger, point: StopPoint): string {
  const { id, text, what, enabled, condition, hits, ignore } = point;
  const where = whatText(what);
  const parts = [`${id}  ${text}  ${where}`];
  if (condition !== undefined) parts.push(`if ${condition}`);
  if (hits > 0) parts.push(`${hits} hits`);
  if (ignore > 0) parts.push(`passes ${ignore} more`);
  if (!enabled) parts.push('disabled');
  if (what.kind === 'code' && debugged.modules.all.length === 0) parts.push('no symbols');
  return parts.join('  ');
}

const breakpoint =
  (temporary: boolean) =>
  ({ debugged }: Session, args: string): string[] => {
    const { text, condition } = withCondition(args);
    const where = text === '' ? hex(debugged.frame.pc) : text;
    const point = debugged.add(
      where,
      { kind: 'code', spots: debugged.locate(where) },
      { condition, temporary },
    );
    return [pointText(debugged, point)];
  };

/** `EXPRESSION [LENGTH]`, or `@OBJECT` for a whole object. */
function memoryOf(
  debugged: Debugger,
  text: string,
): { place: ReturnType<Debugger['place']>['place']; length: number } {
  const whole = /^@([0-9a-f]{2,32})$/i.exec(text);
  if (whole) {
    const { id } = debugged.objectNamed(whole[1]!.toLowerCase());
    return { place: { kind: 'object', object: { id, offset: 0 } }, length: WHOLE_OBJECT };
  }
  const [, expression, length] = /^(.*?)(?:,\s*(\w+))?$/s.exec(text)!;
  if (expression === undefined || expression.trim() === '')
    throw new UserError('what memory? Write an expression');
  const found = debugged.place(expression);
  return {
    place: found.place,
    length: length === undefined ? found.length : Number(debugged.number(length)),
  };
}

const watch =
  (loads: boolean, stores: boolean) =>
  ({ debugged }: Session, args: string): string[] => {
    const { text, condition } = withCondition(args);
    const csr = /^\$(\w+)$/.exec(text);
    const row = csr && debugged.machine.csrs.byName(csr[1]!);
    if (row && loads) throw new UserError(`reads of ${text} cannot be watched; 'watch' stops at its writes`);
    if (csr && !row) throw new UserError(`there is no CSR '${csr[1]}'; 'info csrs' lists them`);
    const what: StopWhat = row
      ? { kind: 'csr', number: row.number }
      : { kind: 'watch', ...memoryOf(debugged, text), loads, stores };
    return [pointText(debugged, debugged.add(text, what, { condition }))];
  };

const STATES: readonly LineState[] = ['clean', 'dirty', 'written-back', 'persistent'];

function catchPoint(debugged: Debugger, args: string): StopWhat {
  const [kind, ...rest] = args.split(/[\s,]+/).filter((word) => word !== '');
  const numbers = (lookup: (word: string) => readonly number[]): Set<number> | undefined =>
    rest.length === 0 ? undefined : new Set(rest.flatMap(lookup));
  switch (kind) {
    case 'syscall': {
      const names = debugged.layouts?.named('SYS_') ?? new Map<bigint, string>();
      return {
        kind: 'syscall',
        numbers: numbers((word) => {
          if (/^\d+$/.test(word)) return [Number(word)];
          const found = [...names].find(
            ([, name]) => name.toLowerCase() === word.toLowerCase().replaceAll('-', '_'),
          );
          if (found === undefined)
            throw new UserError(
              `there is no system call '${word}'; there are ${[...names.values()].map((name) => name.toLowerCase()).join(' ')}`,
            );
          return [Number(found[0])];
        }),
      };
    }
    case 'fault':
      return {
        kind: 'fault',
        causes: numbers((word) => {
          if (/^\d+$/.test(word)) return [Number(word)];
          const found = Object.entries(CAUSE_NAMES).filter(([, name]) =>
            name.toLowerCase().includes(word.toLowerCase()),
          );
          if (found.length === 0)
            throw new UserError(`no fault is called '${word}': null, view, object, rights, page, …`);
          return found.map(([number]) => Number(number));
        }),
      };
    case 'trap':
      return { kind: 'trap' };
    default:
      throw new UserError('catch what? syscall [NAME…], fault [NAME…] or trap');
  }
}

/** The stop points that numbers name; all when there are none. */
function chosen(debugged: Debugger, args: string): StopPoint[] {
  if (args === '') return [...debugged.points.all];
  return args.split(/[\s,]+/).map((word) => {
    const point = debugged.points.get(Number(word));
    if (point === undefined) throw new UserError(`there is no stop point ${word}; 'info stops' lists them`);
    return point;
  });
}

const onEach =
  (action: (debugged: Debugger, point: StopPoint) => void) =>
  ({ debugged }: Session, args: string): string[] => {
    for (const point of chosen(debugged, args)) action(debugged, point);
    debugged.observe();
    return [];
  };

export const STOPS: readonly Command[] = [
  {
    names: ['break', 'b'],
    usage: '[PLACE] [if CONDITION]',
    help: 'Stops at a place in the code: FILE:LINE, FUNCTION, PROGRAM!FUNCTION, an address or @OBJECT:OFFSET.',
    group: 'stops',
    run: breakpoint(false),
    complete: codeNames,
  },
  {
    names: ['tbreak', 'tb'],
    usage: '[PLACE] [if CONDITION]',
    help: 'As break, once.',
    group: 'stops',
    run: breakpoint(true),
    complete: codeNames,
  },
  {
    names: ['watch', 'w'],
    usage: 'EXPRESSION[, BYTES] [if CONDITION]',
    help: 'Stops after stores to memory, to an object (@ID) or changes of a CSR ($name). $old and $new are its values.',
    group: 'stops',
    run: watch(false, true),
  },
  {
    names: ['rwatch'],
    usage: 'EXPRESSION[, BYTES] [if CONDITION]',
    help: 'Stops after loads from memory.',
    group: 'stops',
    run: watch(true, false),
  },
  {
    names: ['awatch'],
    usage: 'EXPRESSION[, BYTES] [if CONDITION]',
    help: 'Stops after loads and stores.',
    group: 'stops',
    run: watch(true, true),
  },
  {
    names: ['watch-lines', 'wl'],
    usage: 'EXPRESSION[, BYTES] [STATE…]',
    help: 'Stops when a cache line of memory or of an object (@ID) becomes dirty, written-back or persistent.',
    group: 'stops',
    run: ({ debugged }, args) => {
      const words = args.split(/\s+/);
      const states: LineState[] = [];
      while (words.length > 1 && STATES.includes(words.at(-1) as LineState))
        states.push(words.pop() as LineState);
      const text = words.join(' ');
      const what: StopWhat = {
        kind: 'lines',
        ...memoryOf(debugged, text),
        states: states.length === 0 ? undefined : new Set(states),
      };
      return [pointText(debugged, debugged.add(`lines of ${text}`, what))];
    },
    complete: () => STATES,
  },
  {
    names: ['catch'],
    usage: 'syscall [NAME…] | fault [NAME…] | trap  [if CONDITION]',
    help: 'Stops before a system call, a fault (null, view, object, rights, page, …) or any trap is taken.',
    group: 'stops',
    run: ({ debugged }, args) => {
      const { text, condition } = withCondition(args);
      return [pointText(debugged, debugged.add(text, catchPoint(debugged, text), { condition }))];
    },
    complete: ({ debugged }, args) =>
      args.startsWith('syscall ')
        ? [...(debugged.layouts?.named('SYS_').keys() ?? [])].map((number) =>
            systemCallName(debugged, number),
          )
        : args.startsWith('fault ')
          ? ['address', 'null', 'view', 'object', 'rights', 'page', 'copy-on-write', 'table']
          : ['syscall', 'fault', 'trap'],
  },
  {
    names: ['delete', 'd'],
    usage: '[NUMBER…]',
    help: 'Removes stop points; all of them without a number.',
    group: 'stops',
    run: onEach((debugged, { id }) => debugged.points.remove(id)),
  },
  {
    names: ['enable'],
    usage: '[NUMBER…]',
    help: 'Puts stop points into force again.',
    group: 'stops',
    run: onEach((_, point) => {
      point.enabled = true;
    }),
  },
  {
    names: ['disable'],
    usage: '[NUMBER…]',
    help: 'Keeps stop points, but out of force.',
    group: 'stops',
    run: onEach((_, point) => {
      point.enabled = false;
    }),
  },
  {
    names: ['condition', 'cond'],
    usage: 'NUMBER [EXPRESSION]',
    help: 'Makes a stop point stop only where an expression is not 0; without one, always.',
    group: 'stops',
    run: ({ debugged }, args) => {
      const [, number, expression] = /^(\S*)\s*(.*)$/s.exec(args)!;
      const [point] = chosen(debugged, number || '?');
      point!.condition = expression === '' ? undefined : expression;
      return [pointText(debugged, point!)];
    },
  },
  {
    names: ['ignore'],
    usage: 'NUMBER COUNT',
    help: 'Lets the next COUNT hits of a stop point pass.',
    group: 'stops',
    run: ({ debugged }, args) => {
      const [number, count] = args.split(/\s+/);
      const [point] = chosen(debugged, number || '?');
      if (!/^\d+$/.test(count ?? '')) throw new UserError('ignore NUMBER COUNT');
      point!.ignore = Number(count);
      return [pointText(debugged, point!)];
    },
  },
];

/** All stop points, for `info stops`. */
export const stopLines = (debugged: Debugger): string[] =>
  debugged.points.all.length === 0
    ? ['no stop points']
    : debugged.points.all.map((point) => pointText(debugged, point));
