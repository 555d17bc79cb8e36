/** The results of `licorice bench paper` as tables of text. */
import type { ComparedFigure, ComparedStores, PaperResult } from './paper.ts';
import { table } from './xtwz.ts';

const time = (nanoseconds: number): string => nanoseconds.toFixed(nanoseconds < 100 ? 2 : 0);

/** A table with a column for each store: what `cell` says of each case. */
function byStore(
  title: string,
  figures: readonly ComparedFigure[],
  cell: (figure: ComparedFigure) => string,
): string {
  const stores = [...new Set(figures.map(({ store }) => store))];
  const names = [...new Set(figures.map(({ name }) => name))];
  const rows = names.map((name) => [
    name,
    ...stores.map((store) => cell(figures.find((figure) => figure.name === name && figure.store === store)!)),
  ]);
  return table([[title, ...stores], ...rows]);
}

function formatComparison({ title, of, figures }: ComparedStores): string {
  const ratio = of === 'time' ? 'time, LMDB = 1 (paper)' : 'throughput, LMDB = 1 (paper)';
  const count = (value: number): string => value.toFixed(value < 100 ? 1 : 0);
  return [
    title,
    byStore(ratio, figures, ({ relative, paper }) => `${relative.toFixed(2)} (${paper.toFixed(2)})`),
    byStore('ns for each operation', figures, ({ nanoseconds }) => time(nanoseconds)),
    byStore(
      'instructions / NVDIMM lines read / write-backs / fences',
      figures,
      ({ counts: { instructions, nvdimmReads, writeBacks, fences } }) =>
        `${instructions.toFixed(0)} / ${count(nvdimmReads)} / ${count(writeBacks)} / ${count(fences)}`,
    ),
  ].join('\n\n');
}

/** The result as tables. */
export function formatPaper({ gigahertz, count, figures, comparisons, sources }: PaperResult): string {
  const blocks = [...new Set(figures.map(({ group }) => group))].map((group) => {
    const rows = figures
      .filter((figure) => figure.group === group)
      .map(({ name, nanoseconds, paper, atMost }) => [
        name,
        time(nanoseconds),
        paper === undefined ? '' : String(paper),
        atMost === undefined ? '' : `${atMost} ${nanoseconds <= atMost ? 'held' : 'MISSED'}`,
      ]);
    return table([[group, 'ns', 'paper ns', 'at most'], ...rows]);
  });
  const counted = sources.map(({ group, file, lines, pointerSites }) => [
    group,
    file,
    String(lines),
    String(pointerSites),
  ]);
  return [
    `modelled core at ${gigahertz} GHz; ${count} keys (the paper: 1000000)`,
    ...blocks,
    ...comparisons.map(formatComparison),
    ...(counted.length > 0
      ? [table([['sources', '', 'lines of code', 'pointers by hand'], ...counted])]
      : []),
  ]
    .join('\n\n')
    .replace(/ +$/gm, '');
}
