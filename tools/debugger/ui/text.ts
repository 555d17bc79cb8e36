/** Styled text: what panes are made of, before any terminal is involved. */

export type Style =
  | 'plain'
  | 'dim'
  | 'bold'
  | 'red'
  | 'green'
  | 'yellow'
  | 'cyan'
  | 'magenta'
  | 'inverse'
  | 'current'
  | 'header'
  | 'headerFocus';

export interface Segment {
  readonly text: string;
  readonly style: Style;
}

/** One row of a pane. */
export type Line = readonly Segment[];

export const plain = (text: string): Line => [{ text, style: 'plain' }];
export const styled = (text: string, style: Style): Line => [{ text, style }];
export const part = (text: string, style: Style = 'plain'): Segment => ({ text, style });

/** Columns that a text takes; every character here is one column wide. */
export const widthOf = (line: Line): number => line.reduce((sum, { text }) => sum + [...text].length, 0);

/** A line cut, or filled with blanks, to exactly `width` columns. */
export function fitTo(line: Line, width: number): Line {
  const out: Segment[] = [];
  let left = width;
  for (const { text, style } of line) {
    if (left <= 0) break;
    const characters = [...text.replaceAll('\t', '  ')];
    const shown = characters.slice(0, left).join('');
    out.push({ text: shown, style });
    left -= Math.min(characters.length, left);
  }
  if (left > 0)
    out.push({ text: ' '.repeat(left), style: line.at(-1)?.style === 'current' ? 'current' : 'plain' });
  return out;
}

/** Long text on several lines, later ones indented. */
export function wrap(text: string, width: number, indent = 0): string[] {
  const lines: string[] = [];
  let rest = text;
  let first = true;
  while (rest.length > 0) {
    const room = Math.max(first ? width : width - indent, 8);
    let end = rest.length <= room ? rest.length : rest.lastIndexOf(' ', room);
    if (end <= 0) end = Math.min(room, rest.length);
    lines.push((first ? '' : ' '.repeat(indent)) + rest.slice(0, end));
    rest = rest.slice(end).trimStart();
    first = false;
  }
  return lines.length > 0 ? lines : [''];
}
