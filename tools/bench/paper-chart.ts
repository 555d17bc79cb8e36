/**
 * The figures of `licorice bench paper` as one SVG: a panel for each group, in it a pair of bars for each figure, ours and the paper's. No
 * scripts, no fonts or styles from elsewhere.
 */
import type { PaperFigure, PaperResult } from './paper.ts';

const WIDTH = 880;
const LABEL_WIDTH = 330;
const VALUE_WIDTH = 90;
const BAR = 11;
const ROW = 34;
const PANEL_HEAD = 44;
const TOP = 84;
const MARGIN = 20;
const OURS = '#1f6f8b';
const PAPER = '#d3a04d';
const INK = '#222222';

const escapeText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const text = (x: number, y: number, content: string, extra = ''): string =>
  `<text x="${x}" y="${y}"${extra}>${escapeText(content)}</text>`;

const format = (value: number): string => `${value < 100 ? value.toFixed(1) : value.toFixed(0)} ns`;

function bar(y: number, value: number, scale: number, colour: string): string {
  const length = Math.max(1, value * scale);
  return (
    `<rect x="${LABEL_WIDTH}" y="${y}" width="${length.toFixed(1)}" height="${BAR}" fill="${colour}"/>` +
    text(Number((LABEL_WIDTH + length + 5).toFixed(1)), y + BAR - 1.5, format(value), ' font-size="11"')
  );
}

function panel(group: string, figures: readonly PaperFigure[], top: number): string {
  const largest = Math.max(...figures.flatMap(({ nanoseconds, paper }) => [nanoseconds, paper ?? 0]));
  const scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH) / largest;
  const rows = figures.map(({ name, nanoseconds, paper }, i) => {
    const y = top + PANEL_HEAD + i * ROW;
    return [
      text(LABEL_WIDTH - 8, y + BAR + 4, name, ' text-anchor="end" font-size="12.5"'),
      bar(y, nanoseconds, scale, OURS),
      ...(paper === undefined ? [] : [bar(y + BAR + 2, paper, scale, PAPER)]),
    ].join('');
  });
  const bottom = top + PANEL_HEAD + figures.length * ROW - 6;
  return [
    text(MARGIN, top + 24, group, ' font-size="15" font-weight="bold"'),
    `<line x1="${LABEL_WIDTH}" y1="${top + PANEL_HEAD - 6}" x2="${LABEL_WIDTH}" y2="${bottom}" stroke="${INK}"/>`,
    ...rows,
  ].join('\n');
}

/** The chart as a self-contained SVG document. */
export function paperChart({ figures, gigahertz, count }: PaperResult): string {
  const groups = [...new Set(figures.map(({ group }) => group))];
  let top = TOP;
  const panels = groups.map((group) => {
    const own = figures.filter((figure) => figure.group === group);
    const part = panel(group, own, top);
    top += PANEL_HEAD + own.length * ROW + 12;
    return part;
  });
  const height = top + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" fill="${INK}">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(MARGIN, 32, "licorice beside the figures of Twizzler's paper", ' font-size="19" font-weight="bold"'),
    text(
      MARGIN,
      54,
      `Nanoseconds for each operation, lower is better. Timing model at ${gigahertz} GHz; ${count} keys.`,
      ' font-size="12.5"',
    ),
    `<rect x="${MARGIN}" y="66" width="12" height="${BAR}" fill="${OURS}"/>`,
    text(MARGIN + 18, 76, 'licorice (modelled)', ' font-size="12"'),
    `<rect x="${MARGIN + 150}" y="66" width="12" height="${BAR}" fill="${PAPER}"/>`,
    text(MARGIN + 168, 76, 'the paper (measured on its testbed)', ' font-size="12"'),
    ...panels,
    '</svg>',
    '',
  ].join('\n');
}
