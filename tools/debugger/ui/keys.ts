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

export const HELP: readonly string[] = [
  'n N     next line, over calls; back            Tab      next pane (S-Tab: the one before)',
  's S     next line, into calls; back            1–8      source registers stack translation',
  'i I     one instruction; back                           persistence memory threads console',
  'o O     one instruction, over calls; back      arrows   scroll; in memory: move the cursor',
  'c C     continue; back to the last stop        0–9 a–f  in memory, after e: edit',
  'f F     out of the function; back to the call  b        breakpoint on the line of the cursor',
  't T     walk the access of this instruction    v        source or instructions',
  '        micro-step by micro-step; back         mouse    a line: breakpoint; a frame: go there;',
  'u d     to the caller, to the called                    the wheel scrolls',
  '< >     to the beginning, the end of time      Ctrl-C   ends a run; q ends the session',
  '',
  'p x g m w l k begin a command: print, x (memory), goto, mark, watch, last, type (to the guest)',
  ': begins any command, Tab completes, Esc leaves the line; `help` lists all of them',
  'xlate EXPRESSION and lines EXPRESSION change what the panes translation and persistence show',
];
