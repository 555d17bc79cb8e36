/** What lies over the panes for a while: help, and what commands print that does not fit elsewhere. */
import type { Canvas } from './terminal.ts';
import { type Line, styled } from './text.ts';

export class Overlay {
  private scrolled = 0;

  constructor(
    private readonly title: string,
    private readonly lines: readonly Line[],
  ) {}

  scroll(by: number): void {
    this.scrolled += by;
  }

  /** Takes a key. False: it ends the overlay. */
  key(name: string, rows: number): boolean {
    const page = rows - 4;
    const by = { up: -1, down: 1, pageup: -page, pagedown: page, space: page }[name];
    if (by === undefined) return false;
    this.scroll(by);
    return true;
  }

  /** Over the lower part of the screen, above the command line. */
  draw(canvas: Canvas): void {
    const { lines, title } = this;
    const height = Math.min(lines.length + 1, canvas.rows - 2);
    this.scrolled = Math.max(Math.min(this.scrolled, lines.length - height + 1), 0);
    const more = lines.length > height - 1 ? ' (arrows scroll)' : '';
    const head = styled(
      ` ${title}${more}: any other key goes on ${' '.repeat(canvas.columns)}`,
      'headerFocus',
    );
    canvas.draw({ left: 0, top: canvas.rows - 1 - height, width: canvas.columns, height }, [
      head,
      ...lines.slice(this.scrolled),
    ]);
  }
}
