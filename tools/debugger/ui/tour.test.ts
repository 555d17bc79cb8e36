/**
 * Does the terminal show what the debugger means, on the tour that its page describes: break in a get across objects, walk the pointer's
 * translation, go back to before its FOT entry was made, forward again, and watch the entry's line become persistent?
 *
 * The same keys go to `licorice debug` in tmux and to a screen without a terminal; at every stop both must show the same. The screens in
 * README.md and docs/debugger.md come from here: LICORICE_TOUR=update writes them anew, when the guest or the screen has changed.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { MiB } from '../../../emulator/addresses.ts';
import { describeWith, TMUX } from '../../../test/oracles.ts';
import { packageRoot } from '../../guest/layouts.ts';
import type { Session } from '../commands/command.ts';
import { openGuest } from '../open.ts';
import { SourceFiles } from '../source.ts';
import { PANE_TITLES } from './layout.ts';
import { DebuggerScreen } from './screen.ts';
import type { MouseEvent } from './terminal.ts';

const COMMANDS = 'tree t put 1 2; tree t put 2 3; tree t get 2';
const DATE = '2025-06-30T12:00:00Z';
/** The line after the lookup of `tree get`, where its result is known. */
const LINE =
  readFileSync(join(packageRoot(), 'guest', 'programs', 'tree.ts'), 'utf8')
    .split('\n')
    .findIndex((text) => text.includes('const node = tree.find(numbers[0])')) + 2;

function openSession(): Session {
  const { debugged, console } = openGuest({
    size: 64 * MiB,
    memory: 64 * MiB,
    commands: COMMANDS,
    startSeconds: Date.parse(DATE) / 1000,
  });
  return { debugged, console, sources: new SourceFiles(), ended: false };
}

const ESC = String.fromCharCode(27);

/** A text in one of the terminal's colours. */
const colour = (number: number, text: string): RegExp =>
  new RegExp(`${ESC}\\[[0-9;]*${number}m[^\\n]*${text}`);

/** What a screen shows, without blanks at the ends of lines. */
const trimmed = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd();

/** A screen without a terminal that takes the same keys. */
class Model {
  readonly session = openSession();
  readonly screen = new DebuggerScreen(this.session);

  async line(text: string): Promise<void> {
    await this.screen.key({ character: ':', name: ':' });
    for (const character of text) await this.screen.key({ character, name: character });
    await this.screen.key({ character: '\r', name: 'enter' });
  }
  async press(character: string): Promise<void> {
    await this.screen.key({ character, name: character });
  }
  async mouse(event: MouseEvent): Promise<void> {
    await this.screen.mouse(event);
  }
  show(columns: number, rows: number): string {
    return trimmed(this.screen.paint(columns, rows).text);
  }
}

class Tmux {
  private readonly socket: string;

  /** @param name of its own: a server that ends may still hold its socket */
  constructor(name: string) {
    this.socket = `licorice-${name}-${process.pid}`;
  }

  run(...args: string[]): string {
    return execFileSync('tmux', ['-u', '-L', this.socket, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  }
  start(command: string, columns: number, rows: number): void {
    this.run('new-session', '-d', '-s', 'tour', '-x', `${columns}`, '-y', `${rows}`, command);
    this.run('set-option', '-g', 'status', 'off');
  }
  line(text: string): void {
    this.run('send-keys', '-t', 'tour', '-l', `:${text}`);
    this.run('send-keys', '-t', 'tour', 'Enter');
  }
  press(key: string): void {
    this.run('send-keys', '-t', 'tour', '-l', key);
  }
  /** As a terminal reports it, in SGR's form: button 0, or 64 and 65 for the wheel; columns and rows from 1. */
  async mouse({ action, column, row }: MouseEvent): Promise<void> {
    const button = { press: 0, 'wheel-up': 64, 'wheel-down': 65 }[action];
    this.press(`${ESC}[<${button};${column + 1};${row + 1}M`);
    // Reports that come in one piece are not told apart by the terminal's library; nobody clicks so fast.
    await new Promise((resolve) => setTimeout(resolve, 200));
    if (action !== 'press') return;
    this.press(`${ESC}[<${button};${column + 1};${row + 1}m`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  resize(columns: number, rows: number): void {
    this.run('resize-window', '-t', 'tour', '-x', `${columns}`, '-y', `${rows}`);
  }
  show(colours = false): string {
    return trimmed(this.run('capture-pane', '-p', ...(colours ? ['-e'] : []), '-t', 'tour'));
  }
  /** Waits for a screen; the last one if it does not come. */
  async wait(expected: string): Promise<string> {
    let shown = '';
    for (let tries = 0; tries < 300; tries++) {
      shown = this.show();
      if (shown === expected) return shown;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return shown;
  }
  kill(): void {
    try {
      this.run('kill-server');
    } catch {
      // It has ended by itself.
    }
  }
}

describeWith([TMUX], 'the tour of the terminal debugger', () => {
  const command = join(packageRoot(), 'dist', 'licorice.js');
  const servers: Tmux[] = [];
  const server = (name: string): Tmux => {
    servers.push(new Tmux(name));
    return servers.at(-1)!;
  };
  afterAll(() => {
    for (const one of servers) one.kill();
  });

  test('shows in the terminal what it means, at every stop', async () => {
    const tmux = server('tour');
    const size = [80, 24] as const;
    const options = `--size 64M --mem 64M --date ${DATE} --exec '${COMMANDS}'`;
    tmux.start(`LANG=C.UTF-8 node ${command} debug ${options}`, ...size);
    const model = new Model();
    const same = async (): Promise<string> => {
      const expected = model.show(...size);
      expect(await tmux.wait(expected)).toBe(expected);
      return expected;
    };
    const line = async (text: string): Promise<string> => {
      tmux.line(text);
      await model.line(text);
      return await same();
    };
    const press = async (key: string): Promise<string> => {
      tmux.press(key);
      await model.press(key);
      return await same();
    };
    await same();
    // A get that finds its node in another object than the tree's root.
    await line(`tbreak programs/tree.ts:${LINE}`);
    expect(await press('c')).toContain(`tree!main tree.ts:${LINE}`);
    // Its reference to the parent crosses back: the way of the pointer, through FOT and view.
    await line('xlate node.parent');
    // The command's own output is shown over the panes; any key goes on.
    const translation = await press('4');
    expect(translation).toMatch(/FOT index 1, offset 0x1/);
    const [, id, offset] = /\[([0-9a-f]{8}):0x([0-9a-f]+)\]/.exec(translation) ?? [];
    expect(offset).toBe('3ffff7e0');
    // Who made the FOT entry? One step further back it is not there yet, and the step that fails is red.
    const made = await line('last fot node.parent');
    expect(made).toMatch(/0x10000 → 0x3000c/);
    expect(made).not.toContain('✗');
    expect(await press('I')).toContain('✗ FOT entry');
    expect(tmux.show(true)).toMatch(colour(31, '✗ FOT entry'));
    expect(await press('i')).not.toContain('✗');
    expect(await press('I')).toContain('✗ FOT entry');
    // Its line: visible, then written back, then persistent.
    await line(`watch-lines @${id}:0x${offset}`);
    await line(`lines @${id}:0x${offset}, 32`);
    expect(await press('c')).toContain('persistent → dirty');
    expect(await press('c')).toContain('dirty → written-back');
    expect(await press('c')).toContain('written-back → persistent');
    expect(tmux.show(true)).toMatch(colour(32, 'persistent'));
    // And back: the same screens, in the other order.
    expect(await press('C')).toContain('dirty → written-back');
  }, 240_000);

  test('takes the mouse, and is whole at every size', async () => {
    const tmux = server('mouse');
    let size = { columns: 80, rows: 24 };
    const options = `--size 64M --mem 64M --date ${DATE} --exec '${COMMANDS}'`;
    tmux.start(`LANG=C.UTF-8 node ${command} debug ${options}`, size.columns, size.rows);
    const model = new Model();
    const same = async (): Promise<string> => {
      const expected = model.show(size.columns, size.rows);
      expect(await tmux.wait(expected)).toBe(expected);
      for (const line of expected.split('\n')) expect(line.length).toBeLessThanOrEqual(size.columns);
      return expected;
    };
    const both = async (act: (target: Model | Tmux) => void | Promise<void>): Promise<string> => {
      await act(tmux);
      await act(model);
      return await same();
    };
    await same();
    await both((one) => one.line(`tbreak programs/tree.ts:${LINE}`));
    await both((one) => one.press('c'));
    // A click on a line of the source sets a breakpoint there, another one removes it.
    const shown = await both((one) => one.mouse({ action: 'press', column: 10, row: 3 }));
    const marked = /^●\s+(\d+) /m.exec(shown);
    expect(marked).not.toBeNull();
    expect(shown).toContain(`> break programs/tree.ts:${marked![1]}`);
    const row = shown.split('\n').findIndex((line) => line.startsWith('●'));
    expect(await both((one) => one.mouse({ action: 'press', column: 10, row }))).not.toMatch(/^●/m);
    // The wheel scrolls what is under it.
    const before = await same();
    const after = await both((one) => one.mouse({ action: 'wheel-down', column: 10, row: 14 }));
    expect(after).not.toBe(before);
    await both((one) => one.mouse({ action: 'wheel-up', column: 10, row: 14 }));
    // A click on a frame of the stack goes there; the header of a shared place shows who shares it.
    expect(await both((one) => one.mouse({ action: 'press', column: 60, row: 14 }))).toMatch(
      /^#1 0x\w+ tree!_start/m,
    );
    expect(await both((one) => one.mouse({ action: 'press', column: 5, row: 12 }))).toContain(
      '─ 5 persistence',
    );
    for (const [columns, rows] of [
      [60, 20],
      [200, 60],
      [100, 30],
      [60, 16],
      [80, 24],
    ] as const) {
      size = { columns, rows };
      tmux.resize(columns, rows);
      const whole = await same();
      // A register is never cut, and a large screen has every pane.
      expect(whole).toMatch(/pc {7}0x[0-9a-f]{16}( |$)/m);
      if (columns === 200) for (const title of Object.values(PANE_TITLES)) expect(whole).toContain(title);
      const help = await both((one) => one.press('?'));
      expect(help).toMatch(/^n N {7}next line/m);
      await both((one) => one.press('y'));
    }
    size = { columns: 40, rows: 10 };
    tmux.resize(40, 10);
    expect(await same()).toContain('the terminal is too small: 40x10');
  }, 240_000);
});

// ---- The pages ---------------------------------------------------------------------------------------------------

/** The first line of a screen in a page, and all of it. */
const SCREEN = /^ licorice {2}[\s\S]*?(?=\n```$)/gm;
const PAGES = ['docs/debugger.md', 'README.md'].map((name) => join(packageRoot(), name));
const COMMAND = `npx licorice debug --size 64M --date ${DATE} --exec '${COMMANDS}'`;

/** The tour's screens as the pages show them, the object of the FOT entry, and how far back the entry was made. */
async function pictures(): Promise<{ screens: string[]; object: string; back: number }> {
  const model = new Model();
  const { time } = model.session.debugged;
  model.show(104, 34);
  await model.line(`tbreak programs/tree.ts:${LINE}`);
  await model.press('c');
  await model.line('xlate node.parent');
  await model.press('4');
  const first = model.show(104, 34);
  const object = /\[([0-9a-f]{8}):0x3ffff7e0\]/.exec(first)![1]!;
  const found = time.now;
  model.show(80, 24);
  await model.line('last fot node.parent');
  await model.press('I');
  const back = found - time.now;
  const second = model.show(80, 24);
  await model.line(`watch-lines @${object}:0x3ffff7e0`);
  await model.line(`lines @${object}:0x3ffff7e0, 32`);
  await model.press('c');
  return { screens: [first, second, model.show(80, 24)], object, back };
}

test('README and docs/debugger.md show the tour as it is', { timeout: 240_000 }, async () => {
  const { screens, object, back } = await pictures();
  const shown = [screens, [screens[2]!]];
  if (process.env['LICORICE_TOUR'] === 'update')
    for (const [page, path] of PAGES.entries()) {
      let index = 0;
      const text = readFileSync(path, 'utf8')
        .replace(SCREEN, () => shown[page]![index++]!)
        .replace(/tree\.ts:\d+/g, `tree.ts:${LINE}`)
        .replace(/@[0-9a-f]{8}:0x3ffff7e0/g, `@${object}:0x3ffff7e0`)
        .replace(/[\d,]+ instructions earlier/, `${Math.round(back / 1000)},000 instructions earlier`);
      writeFileSync(path, text);
    }
  // Numbers and addresses move with every change of the guest; what is where, and what it is about, does not.
  const headers = (screen: string): string[] => screen.match(/─ \d [a-z ]+/g) ?? [];
  for (const [page, path] of PAGES.entries()) {
    const text = readFileSync(path, 'utf8');
    expect(text).toContain(`$ ${COMMAND}`);
    expect((text.match(SCREEN) ?? []).map(headers)).toEqual(shown[page]!.map(headers));
    for (const [, line] of text.matchAll(/tree\.ts:(\d+)/g)) expect(Number(line)).toBe(LINE);
  }
});
