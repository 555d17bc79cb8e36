/** Does the screen editor show what is in the text, change it as its keys say, fit any terminal, and save all of it or nothing? */

import { Terminal } from '@xterm/headless';
import { expect, test } from 'vitest';
import { MiB } from '../emulator/addresses.ts';
import { MemoryMedia } from '../emulator/nvdimm/media.ts';
import { Layouts } from '../tools/guest/layouts.ts';
import { checkStore } from '../tools/image/check.ts';
import { ObjectStore } from '../tools/image/store.ts';
import { Console, ShellMachine } from './testing/shell.ts';

/** A terminal with the machine at its other end. */
class Screen {
  readonly terminal: Terminal;
  private shown = 0;

  constructor(
    private readonly console: Console,
    columns: number,
    rows: number,
  ) {
    this.terminal = new Terminal({ cols: columns, rows, allowProposedApi: true, convertEol: true });
    this.console.type('');
    this.report();
  }

  private report(): void {
    this.console.type(`\x1b[48;${this.terminal.rows};${this.terminal.cols};0;0t`);
  }

  resize(columns: number, rows: number): void {
    this.terminal.resize(columns, rows);
    this.report();
  }

  /** Types keys; the lines of the screen after that, without blanks at their ends. */
  async type(keys: string): Promise<string[]> {
    this.console.type(keys);
    const { output } = this.console.system;
    const bytes = Buffer.from(output.slice(this.shown), 'latin1');
    this.shown = output.length;
    await new Promise<void>((resolve) => this.terminal.write(bytes, resolve));
    const { active } = this.terminal.buffer;
    return Array.from({ length: this.terminal.rows }, (_, row) =>
      (active.getLine(active.baseY + row)?.translateToString(true) ?? '').trimEnd(),
    );
  }

  /** Lets so many seconds of the guest's time pass. */
  pass(seconds: number): void {
    const { machine } = this.console.system.computer;
    machine.run({ until: machine.now + seconds * 1e9, instructions: 500_000_000 });
  }

  cursor(): [number, number] {
    const { active } = this.terminal.buffer;
    return [active.cursorY, active.cursorX];
  }
}

const UP = '\x1b[A';
const DOWN = '\x1b[B';
const LEFT = '\x1b[D';
const END = '\x1b[F';
const key = (letter: string) => String.fromCharCode(letter.charCodeAt(0) & 0x1f);

function open(commands = ':', columns = 40, rows = 8) {
  const machine = new ShellMachine(new MemoryMedia(64 * MiB));
  machine.run(commands);
  return { machine, screen: new Screen(new Console(machine.media), columns, rows) };
}

test('text is typed, moved in, corrected, saved and kept', async () => {
  const { machine, screen } = open();
  const empty = await screen.type('edit note\r');
  expect(empty.slice(0, 6)).toEqual(['', '~', '~', '~', '~', '~']);
  expect(empty[6]).toBe(' note  line 1, column 1');
  const typed = await screen.type(`one\rtwoo\x7f\r\rthree${UP}${UP}${END} words${DOWN}${DOWN}${LEFT}R`);
  expect(typed.slice(0, 4)).toEqual(['one', 'two words', '', 'threRe']);
  expect(typed[6]).toBe(' note (changed)  line 4, column 6');
  expect(screen.cursor()).toEqual([3, 5]);
  expect((await screen.type(key('s')))[7]).toBe('saved');
  await screen.type(key('q'));
  expect(await screen.type('wc note; poweroff\r')).toContain('      3       4      21 note');
  expect(machine.run('cat note').output).toBe('one\ntwo words\n\nthreRe');
});

test('the screen scrolls and fits any size; wide characters and tabs keep their columns', async () => {
  const lines = Array.from({ length: 30 }, (_, i) => `echo line ${i} >> t`).join('; ');
  const { screen } = open(`${lines}; echo 'a	b€日本x' >> t`, 40, 8);
  await screen.type('edit t\r');
  const below = await screen.type(DOWN.repeat(10));
  expect(below[5]).toBe('line 10');
  expect(below[0]).toBe('line 5');
  screen.resize(20, 5);
  const small = await screen.type('');
  expect(small.slice(0, 3)).toEqual(['line 8', 'line 9', 'line 10']);
  const last = await screen.type(`${DOWN.repeat(40)}${UP}${END}`);
  expect(last[1]).toBe('a       b€日本x');
  expect(screen.cursor()).toEqual([1, 15]);
  await screen.type(LEFT.repeat(2));
  expect(screen.cursor()).toEqual([1, 12]);
  const scrolled = await screen.type(`${END}${'y'.repeat(20)}`);
  expect(scrolled[1]).toContain('yyyy');
  expect(scrolled[3]).toBe(' t (changed)  line 3');
  screen.resize(80, 24);
  expect((await screen.type('\x1b[5~\x1b[5~'))[0]).toBe('line 0');
});

test('finding goes on from the beginning; lines are cut, put back and gone to', async () => {
  const { machine, screen } = open('for w in alpha beta gamma beta delta; do echo $w >> t; done');
  await screen.type('edit t\r');
  await screen.type(`${key('f')}beta\r`);
  expect(screen.cursor()).toEqual([1, 0]);
  await screen.type(key('g'));
  expect(screen.cursor()).toEqual([3, 0]);
  expect((await screen.type(key('g')))[7]).toBe('from the beginning');
  expect(screen.cursor()).toEqual([1, 0]);
  expect((await screen.type(`${key('f')}nowhere\r`))[7]).toBe('not found');
  await screen.type(`${key('k')}${key('k')}${key('l')}3\r${key('u')}`);
  expect((await screen.type(key('s'))).slice(0, 5)).toEqual(['alpha', 'beta', 'beta', 'gamma', 'delta']);
  await screen.type(`${key('q')}poweroff\r`);
  expect(machine.run('cat t').output).toBe('alpha\nbeta\nbeta\ngamma\ndelta\n');
});

test('leaving asks when something was changed; pasted lines are text; the object stays the same one', async () => {
  const { machine, screen } = open('echo old > t; ln t other');
  await screen.type('edit t\r');
  await screen.type(`\x1b[200~new\rlines\r\x1b[201~`);
  expect((await screen.type(key('q')))[7]).toContain('Save first?');
  expect((await screen.type('z'))[0]).toBe('new');
  await screen.type(`${key('q')}n`);
  expect(await screen.type('cat t\r')).toContain('old');
  await screen.type(`edit t\rmore ${key('q')}y`);
  await screen.type('poweroff\r');
  expect(machine.run('cat other').output).toBe('more old\n');
});

test.each([
  ['edit', 'usage: edit NAME\n', 2],
  ['mkdir d; edit d', 'edit: d: is not a text object\n', 1],
  ['edit no/such', 'edit: no/such: no such namespace\n', 1],
])('%s', (commands, output, status) => {
  expect(new ShellMachine().run(commands)).toEqual({ output, status });
});

test('changes are taken back, the last one first, and letters typed in a row together', async () => {
  const { screen } = open('echo one > t; echo two >> t', 60);
  await screen.type('edit t\r');
  await screen.type(`new ${END}!\r${key('k')}`);
  expect((await screen.type('')).slice(0, 2)).toEqual(['new one!', 'two']);
  // The cut line; what was typed at the end, with its line feed; what was typed at the beginning.
  expect((await screen.type(key('z'))).slice(0, 3)).toEqual(['new one!', '', 'two']);
  expect((await screen.type(key('z'))).slice(0, 2)).toEqual(['new one', 'two']);
  expect((await screen.type(key('z'))).slice(0, 2)).toEqual(['one', 'two']);
  expect((await screen.type(key('z'))).join('\n')).toContain('nothing to take back');
  expect((await screen.type(`${DOWN}${END}\x7f\x7f`))[1]).toBe('t');
  expect((await screen.type(`${key('z')}${key('z')}`)).slice(0, 2)).toEqual(['one', 'two']);
});

test('a save that finds the store full leaves the editor, its text and the old text; when there is space, it saves', {
  timeout: 300_000,
}, async () => {
  const FULL = 'no space left in the object store (df shows how much there is)';
  const media = new MemoryMedia(2 * MiB);
  const machine = new ShellMachine(media);
  // A text of three pages that shares them with a copy, and spare objects to be removed one by one; nothing left.
  const grow = 'for i in 1 2 3 4 5 6 7; do cat t t > u; cat u > t; done; rm u; cp t copy';
  const spare = 'for i in 1 2 3 4 5 6; do echo spare > spare$i; done';
  machine.run(`echo ${'0123'.repeat(16)} > t; ${grow}; ${spare}`, 1e9);
  machine.run('i=0; while echo x > fill$i; do i=$((i+1)); done', 1e9);
  const screen = new Screen(new Console(media), 80, 8);
  const results: string[] = [];
  // What is left grows from nothing to enough: the save ends before, in and behind its transaction.
  for (let spares = 1; spares <= 6 && results.at(-1) !== 'saved'; spares++) {
    const before = await screen.type(`${key('l')}edit t\rNEW`);
    expect(before[0]).toMatch(/^NEW0123/);
    const after = await screen.type(key('s'));
    results.push(after[7]!);
    expect(after.slice(0, 6)).toEqual(before.slice(0, 6));
    if (results.at(-1) === 'saved') break;
    expect(after[6]).toContain(' t (changed)  line 1, column 4');
    await screen.type(`${key('q')}n`);
    expect((await screen.type(`${key('l')}cat t | grep -c NEW; rm spare${spares}\r`)).slice(0, 3)).toEqual([
      `licorice$ cat t | grep -c NEW; rm spare${spares}`,
      '0',
      'licorice$',
    ]);
  }
  expect(results.length).toBeGreaterThan(2);
  expect(results).toEqual([...results.slice(1).map(() => FULL), 'saved']);
  await screen.type(key('q'));
  // A new text, and space that somebody else frees while the editor is open.
  await screen.type('i=0; while echo x > more$i; do i=$((i+1)); done\r');
  await screen.type('(sleep 100; rm copy fill1 fill2 fill3) &\redit new\rfresh');
  expect((await screen.type(key('s')))[7]).toBe(FULL);
  screen.pass(200);
  expect((await screen.type(key('s')))[7]).toBe('saved');
  await screen.type(key('q'));
  expect(await screen.type(`${key('l')}cat new t | grep -c NEW; cat new; poweroff\r`)).toContain('fresh');
  expect(checkStore(new ObjectStore(media, Layouts.load()))).toEqual([]);
});
