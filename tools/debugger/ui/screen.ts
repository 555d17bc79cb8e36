/**
 * The terminal debugger: panes, keys and the command line over one session. Everything that it does to the guest it does by
 * commands, the same that batch files use.
 */
import { UserError } from '../../../emulator/errors.ts';
import { virtualPlace } from '../address-space.ts';
import type { CommandLine, Session } from '../commands/command.ts';
import { translatableOf } from '../commands/inspect.ts';
import { commandLine } from '../commands/session.ts';
import { writeMemory } from '../edit.ts';
import { helpLines, KEY_COMMANDS, KEY_PROMPTS } from './keys.ts';
import {
  type Layout,
  LEAST,
  layOut,
  PANE_TITLES,
  PANES,
  type PaneName,
  type Placed,
  rivals,
} from './layout.ts';
import { Overlay } from './overlay.ts';
import {
  bytesPerLine,
  registerValues,
  renderPane,
  shownTranslation,
  stopLinesOf,
  titleLine,
  type View,
} from './panes.ts';
import { Prompt } from './prompt.ts';
import { Canvas, type Key, type MouseEvent, openTerminal, type Terminal } from './terminal.ts';
import { type Line, part, plain, styled, wrap } from './text.ts';

/** Runs the debugger until the user ends it. Returns the exit code. */
export async function runScreen(session: Session): Promise<number> {
  const screen = new DebuggerScreen(session);
  await screen.run();
  return 0;
}

export class DebuggerScreen {
  private terminal: Terminal | undefined;
  private readonly commands: CommandLine;
  private readonly prompt: Prompt;
  private isTyping = false;
  private isRunning = false;
  private log: Line[] = [styled('? shows the keys, : begins a command', 'dim')];
  private overlay: Overlay | undefined;
  private focus: PaneName = 'source';
  private readonly chosen = new Set<PaneName>(['source', 'registers', 'stack', 'translation']);
  private readonly scroll = new Map<PaneName, number>();
  private view: View;
  private values: ReadonlyMap<string, bigint>;
  private editing = false;
  private finish: () => void = () => {};
  private painted = { columns: 80, rows: 24 };
  /** What the terminal shows. */
  private canvas: Canvas | undefined;

  constructor(private readonly session: Session) {
    this.commands = commandLine(session);
    this.prompt = new Prompt((line) => this.commands.complete(line));
    this.values = registerValues(session);
    this.view = {
      previous: this.values,
      disassembly: false,
      cursorLine: undefined,
      translated: undefined,
      walked: undefined,
      persisted: undefined,
      memory: undefined,
      nibble: undefined,
    };
  }

  async run(): Promise<void> {
    const { runner } = this.session.debugged;
    runner.onSlice = () => this.draw();
    this.terminal = await openTerminal({
      key: (key) => void this.key(key),
      mouse: (event) => void this.mouse(event),
      resize: () => this.draw(),
    });
    this.draw();
    await new Promise<void>((resolve) => {
      this.finish = resolve;
    });
    this.terminal.close();
    this.terminal = undefined;
    runner.onSlice = () => {};
  }

  // ---- Drawing -----------------------------------------------------------------------------------------------------

  private get layout(): Layout {
    const { columns, rows } = this.size;
    return layOut(columns, rows, this.chosen);
  }

  /** The terminal's size; without one, that of the screen painted last. */
  private get size(): { readonly columns: number; readonly rows: number } {
    return this.terminal ?? this.painted;
  }

  private draw(): void {
    const { terminal } = this;
    if (terminal === undefined) return;
    const { columns, rows } = terminal;
    const { isLearning } = this.session.debugged;
    // While the machine is elsewhere the panes stay as they are.
    if (isLearning && (this.canvas?.columns !== columns || this.canvas.rows !== rows)) return;
    const canvas = isLearning ? this.canvas! : this.paint(columns, rows);
    if (isLearning)
      canvas.draw({ left: 0, top: 0, width: columns, height: 1 }, [
        styled(
          ` licorice  repeats the run to learn the states of lines: Ctrl-C stops${' '.repeat(columns)}`,
          'header',
        ),
      ]);
    this.canvas = canvas;
    const column = Math.min(2 + this.prompt.cursor, columns - 1);
    terminal.show(canvas, this.isTyping ? { row: rows - 1, column } : undefined);
  }

  /** The whole screen. */
  paint(columns: number, rows: number): Canvas {
    const canvas = new Canvas(columns, rows);
    this.painted = { columns, rows };
    if (columns < LEAST.columns || rows < LEAST.rows) {
      const text = `the terminal is too small: ${columns}x${rows}, at least ${LEAST.columns}x${LEAST.rows}`;
      canvas.draw({ left: 0, top: 0, width: columns, height: rows }, wrap(text, columns).map(plain));
      return canvas;
    }
    const layout = layOut(columns, rows, this.chosen);
    const state = this.isRunning
      ? 'runs: Ctrl-C stops'
      : this.session.debugged.time.endsHere
        ? 'end of time'
        : '';
    const title = titleLine(this.session, state);
    canvas.draw({ left: 0, top: 0, width: columns, height: 1 }, [
      [...title, part(' '.repeat(columns), 'header')],
    ]);
    for (const placed of layout.panes) this.drawPane(canvas, placed);
    const separator = layout.panes[0]!.width;
    for (let row = 1; row < layout.log.top; row++) canvas.put(row, separator, '│', 'dim');
    canvas.draw(layout.log, this.log.slice(-layout.log.height));
    const line: Line = this.isTyping
      ? [part('> ', 'bold'), part(this.prompt.text)]
      : [part(this.editing ? '  memory is being edited: 0–9 a–f, Esc ends' : '  ? keys   : command', 'dim')];
    canvas.draw(layout.prompt, [line]);
    this.overlay?.draw(canvas);
    return canvas;
  }

  private drawPane(canvas: Canvas, placed: Placed): void {
    const { pane, others, left, top, width, height } = placed;
    const focused = this.focus === pane;
    const number = PANES.indexOf(pane) + 1;
    const also = others.map((one) => `${PANES.indexOf(one) + 1} ${PANE_TITLES[one]}`).join('  ');
    const head = `─ ${number} ${PANE_TITLES[pane]} `;
    const rest = also === '' ? '' : ` ${also} `;
    const room = width - head.length;
    const header: Line = [
      part(head, focused ? 'headerFocus' : 'bold'),
      part(`${'─'.repeat(Math.max(room - rest.length, 0))}${rest.slice(0, Math.max(room, 0))}`, 'dim'),
    ];
    const view = { ...this.view, nibble: focused && pane === 'memory' ? (this.view.nibble ?? 0) : undefined };
    const lines = renderPane(pane, this.session, view, width, height - 1);
    const most = Math.max(lines.length - (height - 1), 0);
    // A walk is followed to its last step.
    const follows = pane === 'translation' && this.view.walked !== undefined;
    const scroll = follows ? most : Math.min(this.scroll.get(pane) ?? 0, most);
    this.scroll.set(pane, scroll);
    canvas.draw({ left, top, width, height }, [header, ...lines.slice(scroll)]);
  }

  private say(lines: readonly Line[], title: string): void {
    const room = this.layout.log.height;
    // Of a stop the source line, its last, is in its pane anyway.
    if (lines.length === 3 && room < 3) this.log = [...this.log, ...lines.slice(0, 2)].slice(-50);
    else if (lines.length > room) this.overlay = new Overlay(title, lines);
    else if (lines.length > 0) this.log = [...this.log, ...lines].slice(-50);
  }

  // ---- Commands ----------------------------------------------------------------------------------------------------

  /** Performs a command, and shows what it says. */
  async perform(text: string): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    this.log = [...this.log, styled(`> ${text}`, 'dim')].slice(-50);
    const { debugged } = this.session;
    const before = debugged.time.now;
    try {
      const lines = (await this.commands.execute(text)).map(plain);
      await debugged.learnNearLines();
      this.moved(before);
      if (!this.direct(text)) this.say(lines, text);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.moved(before);
      this.say([styled(error.message, 'red')], 'error');
    } finally {
      this.isRunning = false;
    }
    if (this.session.ended) this.finish();
    else this.draw();
  }

  /** After the guest may have moved: what the registers were before, the cursor back to where it stands. */
  private moved(before: number): void {
    const { debugged } = this.session;
    if (debugged.time.now !== before) this.view = { ...this.view, previous: this.values, walked: undefined };
    this.values = registerValues(this.session);
    this.view = { ...this.view, cursorLine: undefined };
    this.scroll.delete('source');
  }

  /** Commands that ask about something turn a pane to it instead of printing. False: this is none of them. */
  private direct(text: string): boolean {
    const { debugged } = this.session;
    if (text.trim() === '') return false;
    const [word = '', ...rest] = text.trim().split(/\s+/);
    const args = rest.join(' ');
    const name = this.commands.find(word).names[0];
    if (name === 'xlate') {
      this.view = { ...this.view, translated: translatableOf(this.session, args), walked: undefined };
      this.choose('translation');
    } else if (name === 'lines') {
      const expression = args.split(',')[0]!;
      const shown = args === '' || /^@[0-9a-f]+$/i.test(args) ? undefined : debugged.place(expression);
      this.view = { ...this.view, persisted: shown && { ...shown, text: args } };
      this.choose('persistence');
    } else if (name === 'x') {
      const expression = args.replace(/^\/\w*\s*/, '');
      const value = debugged.evaluate(expression === '' ? '$sp' : expression);
      const place =
        value.place?.kind === 'object' ? value.place : virtualPlace(debugged.number(expression || '$sp'));
      this.view = { ...this.view, memory: place, nibble: 0 };
      this.choose('memory');
    } else return false;
    return true;
  }

  private choose(pane: PaneName): void {
    for (const rival of rivals(pane)) this.chosen.delete(rival);
    this.chosen.add(pane);
  }

  /** One micro-step: the next step of the walk of this instruction's access, then the instruction itself. */
  private async microStep(): Promise<void> {
    this.choose('translation');
    if (this.view.translated !== undefined) this.view = { ...this.view, translated: undefined };
    const { steps } = shownTranslation(this.session, undefined);
    const walked = this.view.walked ?? 0;
    if (walked < steps.length) {
      this.view = { ...this.view, walked: walked + 1 };
      this.draw();
      return;
    }
    await this.perform('stepi');
    this.view = { ...this.view, walked: 0 };
    this.draw();
  }

  private async microStepBack(): Promise<void> {
    this.choose('translation');
    const walked = this.view.walked ?? 0;
    if (walked > 0) {
      this.view = { ...this.view, translated: undefined, walked: walked - 1 };
      this.draw();
      return;
    }
    await this.perform('reverse-stepi');
    this.view = { ...this.view, walked: shownTranslation(this.session, undefined).steps.length };
    this.draw();
  }

  // ---- Keys and mouse ------------------------------------------------------------------------------------------------

  async key(key: Key): Promise<void> {
    if (this.isRunning) {
      if (key.name === 'C-c' || key.name === 'escape') this.session.debugged.interrupt();
      return;
    }
    if (this.overlay) {
      if (!this.overlay.key(key.name, this.size.rows)) this.overlay = undefined;
      this.draw();
      return;
    }
    if (this.isTyping) await this.typingKey(key);
    else await this.commandKey(key);
    this.draw();
  }

  private async typingKey(key: Key): Promise<void> {
    if (key.name === 'escape' || key.name === 'C-c') {
      this.isTyping = false;
      this.prompt.set('');
    } else if (key.name === 'enter') {
      const text = this.prompt.take();
      this.isTyping = false;
      await this.perform(text);
    } else if (!this.prompt.key(key) && key.name === 'backspace') this.isTyping = false;
    if (this.prompt.choices.length > 0) {
      const words = this.prompt.choices.map((one) => one.slice(one.lastIndexOf(' ') + 1));
      this.log = [...this.log, styled(words.slice(0, 12).join('  '), 'dim')].slice(-50);
    }
  }

  private async commandKey(key: Key): Promise<void> {
    const { name } = key;
    const character = key.character ?? name;
    if (this.editing) {
      this.editKey(name, character);
      return;
    }
    const command = KEY_COMMANDS[character];
    if (command !== undefined) return await this.perform(command);
    const begin = KEY_PROMPTS[character];
    if (begin !== undefined) {
      this.isTyping = true;
      this.prompt.set(begin);
      return;
    }
    if (/^[1-8]$/.test(character)) return this.focusOn(PANES[Number(character) - 1]!);
    switch (name) {
      case 'tab':
        return this.cycle(1);
      case 'S-tab':
        return this.cycle(-1);
      case 'enter':
        return await this.perform('');
      case 'f1':
        return this.help();
      case 'up':
      case 'down':
      case 'pageup':
      case 'pagedown':
        return this.move({ up: -1, down: 1, pageup: -8, pagedown: 8 }[name]);
      case 'left':
      case 'right':
        if (this.focus === 'memory') this.nibble(name === 'left' ? -1 : 1);
        return;
    }
    switch (character) {
      case '?':
        return this.help();
      case 'q':
        return await this.perform('quit');
      case 't':
        return await this.microStep();
      case 'T':
        return await this.microStepBack();
      case 'v':
        this.view = { ...this.view, disassembly: !this.view.disassembly };
        return;
      case 'b':
        return await this.toggleBreakpoint();
      case 'e':
        if (this.view.memory === undefined)
          this.view = { ...this.view, memory: virtualPlace(this.session.debugged.number('$sp')) };
        this.focusOn('memory');
        this.editing = true;
    }
  }

  private help(): void {
    this.overlay = new Overlay('keys', helpLines(this.size.columns).map(plain));
  }

  private focusOn(pane: PaneName): void {
    this.focus = pane;
    this.choose(pane);
  }

  private cycle(by: number): void {
    const shown = this.layout.panes.map(({ pane }) => pane);
    const at = shown.indexOf(this.focus);
    this.focus = shown[(at + by + shown.length) % shown.length]!;
  }

  /** Moves the cursor of the focused pane, or scrolls it. */
  private move(by: number, pane = this.focus): void {
    if (pane === 'source' && !this.view.disassembly) {
      const { source } = this.session.debugged.frame;
      const lines = source && this.session.sources.lines(source.file);
      if (source === undefined || lines === undefined) return;
      const line = (this.view.cursorLine ?? source.line) + by;
      this.view = { ...this.view, cursorLine: Math.min(Math.max(line, 1), lines.length) };
    } else if (pane === 'memory') this.nibble(this.memoryLine * by);
    else this.scroll.set(pane, Math.max((this.scroll.get(pane) ?? 0) + by, 0));
  }

  /** Digits on a line of the memory pane. */
  private get memoryLine(): number {
    return 2 * bytesPerLine(this.layout.panes.find(({ pane }) => pane === 'memory')?.width ?? 0);
  }

  /** Moves the cursor in memory; beyond the pane's end the memory moves. */
  private nibble(by: number): void {
    const { memory } = this.view;
    if (memory === undefined || memory.kind !== 'virtual') return;
    let nibble = (this.view.nibble ?? 0) + by;
    let { address } = memory;
    const rows = (this.layout.panes.find(({ pane }) => pane === 'memory')?.height ?? 5) - 1;
    const line = this.memoryLine;
    while (nibble < 0) {
      nibble += line;
      address -= BigInt(line / 2);
    }
    while (nibble >= line * rows) {
      nibble -= line;
      address += BigInt(line / 2);
    }
    this.view = { ...this.view, memory: virtualPlace(address), nibble };
  }

  /** Edits memory, a hexadecimal digit at a time. */
  private editKey(name: string, character: string): void {
    const { debugged } = this.session;
    const { memory, nibble = 0 } = this.view;
    if (name === 'escape' || name === 'enter' || memory?.kind !== 'virtual') {
      this.editing = false;
      return;
    }
    const by = { left: -1, right: 1, up: -this.memoryLine, down: this.memoryLine }[name];
    if (by !== undefined) {
      this.nibble(by);
      return;
    }
    if (!/^[0-9a-f]$/i.test(character)) return;
    const place = virtualPlace(memory.address + BigInt(nibble >> 1));
    const [old] = debugged.frame.space.read(place, 1);
    if (old === undefined) {
      this.say([styled('nothing is mapped there', 'red')], 'error');
      return;
    }
    const digit = Number.parseInt(character, 16);
    const value = nibble % 2 === 0 ? (old & 0x0f) | (digit << 4) : (old & 0xf0) | digit;
    writeMemory(debugged, place, Uint8Array.of(value));
    this.nibble(1);
  }

  /** Sets or removes a breakpoint on a line of the source pane, or at the pc. */
  private async toggleBreakpoint(at = this.view.cursorLine): Promise<void> {
    const { debugged } = this.session;
    const { source, pc } = debugged.frame;
    if (source === undefined || this.view.disassembly)
      return await this.perform(`break 0x${pc.toString(16)}`);
    const line = at ?? source.line;
    if (stopLinesOf(this.session, source.file).has(line)) {
      const found = debugged.points.all.filter(
        ({ what }) =>
          what.kind === 'code' &&
          what.spots.some(({ va, program }) => {
            const row = program?.lineAt(va);
            return row?.file === source.file && row.line === line;
          }),
      );
      return await this.perform(`delete ${found.map(({ id }) => id).join(' ')}`);
    }
    await this.perform(`break ${source.file}:${line}`);
    this.view = { ...this.view, cursorLine: at };
  }

  async mouse({ action, column, row }: MouseEvent): Promise<void> {
    if (this.isRunning) return;
    if (this.overlay) {
      if (action === 'press') this.overlay = undefined;
      else this.overlay.scroll(action === 'wheel-up' ? -3 : 3);
      this.draw();
      return;
    }
    const placed = this.layout.panes.find(
      ({ left, top, width, height }) =>
        column >= left && column < left + width && row >= top && row < top + height,
    );
    if (placed === undefined) {
      if (action === 'press' && row >= this.layout.log.top) this.isTyping = true;
      this.draw();
      return;
    }
    if (action !== 'press') this.move(action === 'wheel-up' ? -3 : 3, placed.pane);
    else await this.press(placed, row - placed.top - 1);
    this.draw();
  }

  /** A click on a row of a pane, -1 for its header. */
  private async press(placed: Placed, row: number): Promise<void> {
    const { pane } = placed;
    const { debugged } = this.session;
    this.focus = pane;
    if (row < 0) {
      // The header of a shared place shows the next pane that shares it.
      if (placed.others.length > 0) this.focusOn(placed.others[0]!);
    } else if (pane === 'stack') {
      const frame = debugged.frames[row + (this.scroll.get('stack') ?? 0)];
      if (frame) await this.perform(`frame ${frame.level}`);
    } else if (pane === 'source' && !this.view.disassembly) {
      const shown = renderPane('source', this.session, this.view, placed.width, placed.height - 1)[row];
      const line = Number(/(\d+) $/.exec(shown?.[1]?.text ?? '')?.[1]);
      if (Number.isInteger(line) && line > 0) await this.toggleBreakpoint(line);
    }
  }
}
