/**
 * The terminal: a grid of styled characters, keys and the mouse. The only file that knows blessed, which is loaded when a screen
 * is opened and stays outside of the bundle.
 */

import type { Rectangle } from './layout.ts';
import { fitTo, type Line, type Style } from './text.ts';

export interface Key {
  /** The character, if the key gives one. */
  readonly character: string | undefined;
  /** `up`, `enter`, `C-c`, `S-tab`, `f1`, … */
  readonly name: string;
}

export interface MouseEvent {
  readonly action: 'press' | 'wheel-up' | 'wheel-down';
  readonly column: number;
  readonly row: number;
}

/** blessed's tags for a style. */
const TAGS: Readonly<Record<Style, string>> = {
  plain: '',
  dim: '{light-black-fg}',
  bold: '{bold}',
  red: '{red-fg}{bold}',
  green: '{green-fg}',
  yellow: '{yellow-fg}{bold}',
  cyan: '{cyan-fg}',
  magenta: '{magenta-fg}',
  inverse: '{inverse}',
  current: '{blue-bg}{white-fg}{bold}',
  header: '{white-bg}{black-fg}',
  headerFocus: '{cyan-bg}{black-fg}',
};

interface Cell {
  character: string;
  style: Style;
}

/** A grid that is drawn to, and then shown as a whole. */
export class Canvas {
  private readonly cells: Cell[][];

  constructor(
    readonly columns: number,
    readonly rows: number,
  ) {
    this.cells = Array.from({ length: rows }, () =>
      Array.from({ length: columns }, () => ({ character: ' ', style: 'plain' as Style })),
    );
  }

  /** Draws lines into a rectangle, cut or filled to its size. */
  draw({ left, top, width, height }: Rectangle, lines: readonly Line[]): void {
    for (let row = 0; row < height; row++) {
      let column = left;
      for (const { text, style } of fitTo(lines[row] ?? [], width))
        for (const character of text) this.put(top + row, column++, character, style);
    }
  }

  put(row: number, column: number, character: string, style: Style): void {
    const cell = this.cells[row]?.[column];
    if (cell === undefined) return;
    // Control characters would move the terminal's cursor.
    cell.character = character < ' ' || character === '\u007f' ? '.' : character;
    cell.style = style;
  }

  /** The characters alone, for tests. */
  get text(): string {
    return this.cells
      .map((row) =>
        row
          .map(({ character }) => character)
          .join('')
          .trimEnd(),
      )
      .join('\n');
  }

  /** With blessed's tags. */
  get tagged(): string {
    return this.cells
      .map((row) => {
        let out = '';
        let style: Style = 'plain';
        for (const cell of row) {
          if (cell.style !== style) {
            if (TAGS[style] !== '') out += '{/}';
            out += TAGS[cell.style];
            style = cell.style;
          }
          out += cell.character === '{' ? '{open}' : cell.character === '}' ? '{close}' : cell.character;
        }
        return TAGS[style] === '' ? out : `${out}{/}`;
      })
      .join('\n');
  }
}

export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  /** Shows a canvas, with the text cursor at a cell or nowhere. */
  show(canvas: Canvas, cursor?: { readonly row: number; readonly column: number }): void;
  close(): void;
}

export interface TerminalEvents {
  key(key: Key): void;
  mouse(event: MouseEvent): void;
  resize(): void;
}

/** Takes over the terminal. */
export async function openTerminal(events: TerminalEvents): Promise<Terminal> {
  const { default: blessed } = await import('blessed');
  // Where the terminal speaks UTF-8, lines are drawn with its characters, not with a second character set.
  const locale = process.env['LC_ALL'] || process.env['LC_CTYPE'] || process.env['LANG'] || '';
  const isUnicode = /utf-?8/i.test(locale);
  if (isUnicode) process.env['NCURSES_NO_UTF8_ACS'] ??= '1';
  const screen = blessed.screen({
    smartCSR: true,
    title: 'licorice debug',
    fullUnicode: false,
    ...(isUnicode && { forceUnicode: true }),
  });
  const box = blessed.box({ top: 0, left: 0, width: '100%', height: '100%', tags: true, wrap: false });
  screen.append(box);
  box.enableMouse();
  screen.on('keypress', (character: string | undefined, key: { full?: string; name?: string }) => {
    const name = key.full ?? key.name ?? character ?? '';
    // blessed reports Enter twice, as `return` and as `enter`.
    if (name !== 'return') events.key({ character, name });
  });
  screen.on('mouse', (data: { action: string; x: number; y: number }) => {
    const actions = { mousedown: 'press', wheelup: 'wheel-up', wheeldown: 'wheel-down' } as const;
    const action = actions[data.action as keyof typeof actions];
    if (action !== undefined) events.mouse({ action, column: data.x, row: data.y });
  });
  screen.on('resize', () => events.resize());
  return {
    get columns() {
      return screen.width as number;
    },
    get rows() {
      return screen.height as number;
    },
    show(canvas, cursor) {
      box.setContent(canvas.tagged);
      screen.render();
      if (cursor === undefined) screen.program.hideCursor();
      else {
        screen.program.cup(cursor.row, cursor.column);
        screen.program.showCursor();
      }
    },
    close() {
      screen.destroy();
    },
  };
}
