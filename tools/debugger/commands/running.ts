/** Commands that run the guest, forwards and backwards. */
import { UserError } from '../../../emulator/errors.ts';
import type { Frame } from '../backtrace.ts';
import type { Debugger, Direction, StepKind } from '../debugger.ts';
import { stopText } from '../describe.ts';
import { type Command, codeNames, countOf, type Session } from './command.ts';
import { valueText } from './data.ts';

type Run = (session: Session, args: string) => Promise<readonly string[]>;

const stepping =
  (kind: StepKind, direction: Direction): Run =>
  async ({ debugged, sources }, args) => {
    const left = kind === 'finish' && direction === 'forward' ? debugged.frame : undefined;
    const stop = await debugged.step(kind, direction, countOf(args));
    const result = left && stop.end.kind === 'there' ? resultText(debugged, left) : [];
    return [...result, ...stopText(debugged, stop, sources)];
  };

/** What a function has returned, in a0, when it returns something. */
function resultText(debugged: Debugger, { code, function: scope }: Frame): string[] {
  const type = scope && code?.program.resultOf(scope);
  if (type === undefined || type.kind === 'struct' || type.kind === 'array') return [];
  return [`returned ${valueText(debugged, { type, bits: debugged.core.hart.getX(10) })}`];
}

/** A step and its reverse twin. */
function steps(kind: StepKind, names: readonly string[], twins: readonly string[], what: string): Command[] {
  const made = (own: readonly string[], direction: Direction, help: string): Command => ({
    names: own,
    usage: '[COUNT]',
    help,
    group: 'running',
    repeats: true,
    run: stepping(kind, direction),
  });
  return [made(names, 'forward', `Runs ${what}.`), made(twins, 'backward', `Goes back ${what}.`)];
}

export const RUNNING: readonly Command[] = [
  {
    names: ['continue', 'c'],
    usage: '[INSTRUCTIONS]',
    help: 'Runs until a stop point is met, or so many instructions have passed.',
    group: 'running',
    repeats: true,
    run: async ({ debugged, sources }, args) => {
      const limit = args === '' ? undefined : countOf(args);
      return stopText(debugged, await debugged.continue('forward', limit), sources);
    },
  },
  {
    names: ['reverse-continue', 'rc'],
    usage: '',
    help: 'Goes back to the last stop before this one, or to the beginning of time.',
    group: 'running',
    repeats: true,
    run: async ({ debugged, sources }) => stopText(debugged, await debugged.continue('backward'), sources),
  },
  ...steps('step', ['step', 's'], ['reverse-step', 'rs'], 'to another source line, into calls'),
  ...steps('next', ['next', 'n'], ['reverse-next', 'rn'], 'to another source line, over calls'),
  ...steps('instruction', ['stepi', 'si'], ['reverse-stepi', 'rsi'], 'one instruction'),
  ...steps('next-instruction', ['nexti', 'ni'], ['reverse-nexti', 'rni'], 'one instruction, over calls'),
  ...steps(
    'finish',
    ['finish', 'fin'],
    ['reverse-finish', 'rfin'],
    'out of the function: to where it was called',
  ),
  {
    names: ['until', 'advance', 'u'],
    usage: 'PLACE',
    help: 'Runs to a place in the code: FILE:LINE, FUNCTION, PROGRAM!FUNCTION, an address or @OBJECT:OFFSET.',
    group: 'running',
    run: async ({ debugged, sources }, args) => {
      if (args === '') throw new UserError('until where? Write FILE:LINE, FUNCTION or an address');
      return stopText(debugged, await debugged.runTo(debugged.locate(args)), sources);
    },
    complete: codeNames,
  },
];
