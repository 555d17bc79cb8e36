/** What keys do when the command line is not being typed into: each stands for a command, and has a reverse twin. */

/** Keys that perform a command at once. */
export const KEY_COMMANDS: Readonly<Record<string, string>> = {
  n: 'next',
  N: 'reverse-next',
  s: 'step',
  S: 'reverse-step',
  i: 'stepi',
  I: 'reverse-stepi',
  o: 'nexti',
  O: 'reverse-nexti',
  c: 'continue',
  C: 'reverse-continue',
  f: 'finish',
  F: 'reverse-finish',
  u: 'up',
  d: 'down',
  '<': 'goto start',
  '>': 'goto end',
};

/** Keys that begin a command. */
export const KEY_PROMPTS: Readonly<Record<string, string>> = {
  p: 'print ',
  x: 'x ',
  g: 'goto ',
  m: 'mark ',
  w: 'watch ',
  l: 'last ',
  ':': '',
  k: 'type ',
};

/** What keys and mouse do, for people: each line fits the narrowest screen. */
export const HELP: readonly string[] = [
  'n N       next line, over calls; back',
  's S       next line, into calls; back',
  'i I       one instruction; back',
  'o O       one instruction, over calls; back',
  'c C       continue; back to the last stop',
  'f F       out of the function; back to the call',
  't T       walk the access of this instruction; back',
  'u d       to the caller, to the called',
  '< >       to the beginning, the end of time',
  'Ctrl-C    ends a run; q ends the session',
  'b         breakpoint on the line of the cursor',
  'v         source or instructions',
  'Tab 1–8   next pane, or one by its number',
  'arrows    scroll; in memory: move the cursor',
  'e         edit memory: 0–9 a–f, Esc ends',
  'mouse     a line: breakpoint; a frame: go there',
  'wheel     scrolls what is under it',
  ': Tab     a command; Tab completes, Esc leaves',
  'p x g m   print, x (memory), goto, mark …',
  'w l k     watch, last, type (to the guest) …',
];

/** Columns from which help is shown in two of its own. */
const TWO_COLUMNS = 100;

/** The help for a screen of so many columns. */
export function helpLines(columns: number): readonly string[] {
  if (columns < TWO_COLUMNS) return HELP;
  const half = HELP.length / 2;
  return HELP.slice(0, half).map((left, i) => `${left.padEnd(TWO_COLUMNS / 2)}${HELP[half + i]!}`);
}
