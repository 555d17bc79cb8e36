/**
 * The figures of `licorice bench paper` as one SVG: a panel for each group, in it a pair of bars for each figure, ours and the paper's; and for each
 * comparison of stores a panel like the paper's figures 4 and 5, a group of bars for each case, as ratios to LMDB. No scripts, no fonts or styles
 * from elsewhere.
 */
import type { ComparedStores, PaperFigure, PaperResult } from './paper.ts';

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

/** Height of a comparison's plot, and colours of its stores. */
const PLOT = 210;
const STORE_COLOURS: Readonly<Record<string, string>> = {
  native: '#7a7a7a',
  LMDB: '#8fb996',
  PMDK: '#b5638c',
  Twizzler: OURS,
};
const COMPARISON = PLOT + 112;

/** Bars from below, a group for each case: ours filled, the paper's as a line across. */
function comparisonPanel({ title, of, figures }: ComparedStores, top: number): string {
  const names = [...new Set(figures.map(({ name }) => name))];
  const stores = [...new Set(figures.map(({ store }) => store))];
  const largest = Math.max(...figures.flatMap(({ relative, paper }) => [relative, paper]));
  const bottom = top + 80 + PLOT;
  const scale = PLOT / largest;
  const group = (WIDTH - 2 * MARGIN - 40) / names.length;
  const width = (group - 24) / stores.length;
  const parts = [
    text(MARGIN, top + 24, title, ' font-size="15" font-weight="bold"'),
    text(
      MARGIN,
      top + 42,
      `${of === 'time' ? 'Time, lower is better' : 'Throughput, higher is better'}; LMDB = 1. Bars: licorice. Dark lines: the paper.`,
      ' font-size="12"',
    ),
    `<line x1="${MARGIN + 30}" y1="${bottom}" x2="${WIDTH - MARGIN}" y2="${bottom}" stroke="${INK}"/>`,
    `<line x1="${MARGIN + 30}" y1="${(bottom - scale).toFixed(1)}" x2="${WIDTH - MARGIN}" y2="${(bottom - scale).toFixed(1)}" stroke="#bbbbbb" stroke-dasharray="4 3"/>`,
    text(MARGIN + 8, Number((bottom - scale + 4).toFixed(1)), '1', ' font-size="11"'),
  ];
  for (const [i, name] of names.entries()) {
    const left = MARGIN + 40 + i * group;
    for (const [j, store] of stores.entries()) {
      const figure = figures.find((each) => each.name === name && each.store === store)!;
      const x = left + j * width;
      const y = bottom - figure.relative * scale;
      const line = (bottom - figure.paper * scale).toFixed(1);
      parts.push(
        `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${(width - 3).toFixed(1)}" height="${(bottom - y).toFixed(1)}" fill="${STORE_COLOURS[store] ?? INK}"/>`,
        `<line x1="${(x - 1).toFixed(1)}" y1="${line}" x2="${(x + width - 2).toFixed(1)}" y2="${line}" stroke="${INK}" stroke-width="2.5"/>`,
        text(
          Number((x + width / 2 - 1).toFixed(1)),
          Number((y - 4).toFixed(1)),
          figure.relative.toFixed(2),
          ' font-size="9.5" text-anchor="middle"',
        ),
      );
    }
    parts.push(
      text(
        Number((left + group / 2 - 14).toFixed(1)),
        bottom + 16,
        name,
        ' font-size="12.5" text-anchor="middle"',
      ),
    );
  }
  for (const [j, store] of stores.entries()) {
    const x = MARGIN + 36 + j * 92;
    parts.push(
      `<circle cx="${x}" cy="${top + 56}" r="5" fill="${STORE_COLOURS[store] ?? INK}"/>`,
      text(x + 9, top + 60, store, ' font-size="12"'),
    );
  }
  return parts.join('\n');
}

/** The chart as a self-contained SVG document. */
export function paperChart({ figures, comparisons, gigahertz, count }: PaperResult): string {
  const groups = [...new Set(figures.map(({ group }) => group))];
  let top = TOP;
  const panels = groups.map((group) => {
    const own = figures.filter((figure) => figure.group === group);
    const part = panel(group, own, top);
    top += PANEL_HEAD + own.length * ROW + 12;
    return part;
  });
  for (const comparison of comparisons) {
    panels.push(comparisonPanel(comparison, top));
    top += COMPARISON;
  }
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
